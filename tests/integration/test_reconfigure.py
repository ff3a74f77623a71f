"""Another address, password, certificate or serial for a gateway that is set up, and its options."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_LIVE_INTERVAL,
    CONF_SERIAL,
    DOMAIN,
)
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, ConfigFlowContext
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.conftest import StartSimulator
from tests.simulator import Simulator

from .conftest import SetUp
from .flowing import asks, ends, go_on, suggested, typed

WRONG = "T17G0099999"


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the first form."""
    context = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=entry.entry_id)
    return await hass.config_entries.flow.async_init(DOMAIN, context=context)


def unique_ids(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    """Give the unique ids by entity id."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.entity_id: entity.unique_id for entity in entities}


@pytest.fixture
async def home(simulator: StartSimulator, set_up: SetUp) -> tuple[Simulator, MockConfigEntry]:
    """Give a gateway that wants a login, and its entry."""
    gateway = await simulator("21.44")
    return gateway, await set_up(gateway)


async def test_a_new_address_keeps_the_password(hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]) -> None:
    gateway, entry = home
    await gateway.stop()
    await gateway.start()
    flow = await begin(hass, entry)
    asks(flow, "reconfigure")
    assert suggested(flow) == {CONF_HOST: entry.data[CONF_HOST], CONF_SERIAL: gateway.serial}
    flow = await go_on(hass, flow, typed(gateway))
    asks(flow, "reconfigure_confirm")
    flow = await go_on(hass, flow, {})
    ends(flow, "reconfigure_successful")
    assert entry.data[CONF_HOST] == f"{gateway.host}:{gateway.port}"
    assert entry.data[CONF_PASSWORD] == gateway.password
    assert entry.state is ConfigEntryState.LOADED


async def test_a_new_password_and_a_new_certificate(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, entry = home
    port = gateway.port
    await gateway.stop()
    gateway.renew_certificate()
    gateway.password = "moonshine"
    await gateway.start(port)
    flow = await go_on(hass, await begin(hass, entry), typed(gateway))
    asks(flow, "reconfigure_confirm")
    assert gateway.fingerprint
    assert flow["description_placeholders"]["fingerprint"] == gateway.fingerprint.hex(":").upper()
    assert flow["description_placeholders"]["trusted"] != flow["description_placeholders"]["fingerprint"]
    flow = await go_on(hass, flow, {CONF_PASSWORD: "wrong"})
    asks(flow, "reconfigure_confirm", {CONF_PASSWORD: "invalid_auth"})
    flow = await go_on(hass, flow, {CONF_PASSWORD: "moonshine"})
    ends(flow, "reconfigure_successful")
    assert entry.data[CONF_FINGERPRINT] == gateway.fingerprint.hex()
    assert entry.data[CONF_PASSWORD] == "moonshine"
    assert entry.state is ConfigEntryState.LOADED


async def test_a_new_certificate_where_nothing_asks_for_a_password(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.50.1")
    entry = await set_up(gateway)
    port = gateway.port
    await gateway.stop()
    gateway.renew_certificate()
    await gateway.start(port)
    flow = await go_on(hass, await begin(hass, entry), typed(gateway))
    asks(flow, "reconfigure_confirm")
    ends(await go_on(hass, flow, {}), "reconfigure_successful")
    assert gateway.fingerprint
    assert entry.data[CONF_FINGERPRINT] == gateway.fingerprint.hex()
    assert gateway.logins == 0


async def test_a_password_that_nobody_has_is_asked_for(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, entry = home
    without = {key: value for key, value in entry.data.items() if key != CONF_PASSWORD}
    hass.config_entries.async_update_entry(entry, data=without)
    flow = await go_on(hass, await begin(hass, entry), typed(gateway))
    flow = await go_on(hass, flow, {})
    asks(flow, "reconfigure_confirm", {CONF_PASSWORD: "password_missing"})
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    ends(flow, "reconfigure_successful")


async def test_another_gateway_is_refused_and_the_right_one_taken(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry], simulator: StartSimulator
) -> None:
    gateway, entry = home
    other = await simulator("21.44", serial="TG9999999999Z9")
    flow = await go_on(hass, await begin(hass, entry), typed(other, serial=gateway.serial))
    assert flow["step_id"] == "reconfigure"
    assert flow["errors"]
    assert other.logins == 0
    flow = await go_on(hass, flow, typed(gateway))
    flow = await go_on(hass, flow, {})
    ends(flow, "reconfigure_successful")


async def test_an_address_that_nobody_has_keeps_the_form(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry], unused_tcp_port: int
) -> None:
    gateway, entry = home
    flow = await go_on(hass, await begin(hass, entry), typed(gateway, host=f"127.0.0.1:{unused_tcp_port}"))
    assert flow["step_id"] == "reconfigure"
    assert flow["errors"]
    flow = await go_on(hass, flow, typed(gateway, host="not an address"))
    assert flow["step_id"] == "reconfigure"
    assert flow["errors"]


async def test_a_serial_that_another_entry_has(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry], simulator: StartSimulator, set_up: SetUp
) -> None:
    _, entry = home
    other = await simulator("1.15.0")
    await set_up(other)
    ends(await go_on(hass, await begin(hass, entry), typed(other)), "already_configured")


async def test_a_wrong_serial_of_2018_is_corrected_and_everything_comes_along(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    right, gateway.serial = gateway.serial, WRONG
    entry = await set_up(gateway)
    gateway.serial = right
    before = unique_ids(hass, entry)
    assert all(WRONG in unique_id for unique_id in before.values())
    devices = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}
    flow = await go_on(hass, await begin(hass, entry), typed(gateway))
    ends(flow, "reconfigure_successful")
    assert entry.unique_id == entry.data[CONF_SERIAL] == right
    assert unique_ids(hass, entry) == {key: unique_id.replace(WRONG, right) for key, unique_id in before.items()}
    assert {device.id for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)} == devices
    assert gateway.logins == 0


async def test_the_options_load_the_entry_anew(hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]) -> None:
    _, entry = home
    form: Any = await hass.config_entries.options.async_init(entry.entry_id)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "init")
    chosen = form["data_schema"]({}) | {CONF_ALLOW_CONTROL: True, CONF_LIVE_INTERVAL: 10.0}
    done = await hass.config_entries.options.async_configure(form["flow_id"], chosen)
    await hass.async_block_till_done()
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == chosen
    assert entry.state is ConfigEntryState.LOADED
