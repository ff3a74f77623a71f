"""Steps of the config flow, as an owner completes them."""

from typing import Any

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_SERIAL, DOMAIN
from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from simulator import Simulator


def typed(simulator: Simulator, **changes: str) -> dict[str, str]:
    """Return the values of the first form."""
    return {CONF_HOST: f"{simulator.host}:{simulator.port}", CONF_SERIAL: simulator.serial} | changes


def login(password: str | None, *, username: str = "customer", control: bool = True) -> dict[str, Any]:
    """Return the values of the form with the password. None leaves it empty."""
    more = {CONF_ALLOW_CONTROL: control, "more": {CONF_USERNAME: username}}
    return more if password is None else {CONF_PASSWORD: password, **more}


async def start(hass: HomeAssistant) -> Any:
    """Open the first form."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def go_on(hass: HomeAssistant, flow: Any, user_input: dict[str, Any]) -> Any:
    """Submit a form, and wait until its progress ends."""
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], user_input)
    while flow["type"] is FlowResultType.SHOW_PROGRESS:
        await hass.async_block_till_done()
        flow = await hass.config_entries.flow.async_configure(flow["flow_id"])
    await hass.async_block_till_done()
    return flow


def assert_form(flow: Any, step_id: str, errors: dict[str, str] | None = None) -> None:
    """Check that the flow shows a form with these errors."""
    assert (flow["type"], flow["step_id"], flow["errors"]) == (FlowResultType.FORM, step_id, errors)


def assert_abort(flow: Any, reason: str) -> None:
    """Check that the flow was aborted."""
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, reason)


async def confirm(hass: HomeAssistant, flow: Any) -> Any:
    """Confirm the gateway, and check that the entry is created."""
    assert_form(flow, "confirm")
    flow = await go_on(hass, flow, {})
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    return flow


def suggested(flow: Any) -> dict[str, Any]:
    """Return the suggested values of a form."""
    return {str(key): (key.description or {}).get("suggested_value") for key in flow["data_schema"].schema}
