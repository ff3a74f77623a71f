"""Setting up: every step, every refusal, and the way on from it in the same form."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_SCHEME,
    CONF_SERIAL,
    DOMAIN,
)
from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.conftest import StartSimulator
from tests.simulator import Simulator

from .conftest import SetUp, entry_for, state_of


def typed(simulator: Simulator, **changes: str) -> dict[str, str]:
    """Fill the first form."""
    return {CONF_HOST: f"{simulator.host}:{simulator.port}", CONF_SERIAL: simulator.serial} | changes


def login(password: str, *, username: str = "customer", control: bool = True) -> dict[str, Any]:
    """Fill the form that asks for a password."""
    return {CONF_PASSWORD: password, CONF_ALLOW_CONTROL: control, "more": {CONF_USERNAME: username}}


async def start(hass: HomeAssistant) -> Any:
    """Open the first form."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def go_on(hass: HomeAssistant, flow: Any, user_input: dict[str, Any]) -> Any:
    """Send a form."""
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], user_input)
    await hass.async_block_till_done()
    return flow


async def test_1_15_needs_no_password_and_is_never_logged_in_to(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    flow = await start(hass)
    assert (flow["type"], flow["step_id"], flow["errors"]) == (FlowResultType.FORM, "user", None)
    flow = await go_on(hass, flow, typed(gateway))
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "control")
    assert flow["data_schema"]({}) == {CONF_ALLOW_CONTROL: True}
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: True})
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert flow["title"] == "Home Energy Gateway"
    assert flow["result"].unique_id == gateway.serial
    assert flow["data"] == {
        CONF_HOST: f"127.0.0.1:{gateway.port}",
        CONF_SCHEME: "http",
        CONF_FINGERPRINT: None,
        CONF_SERIAL: gateway.serial,
    }
    assert flow["options"] == {CONF_ALLOW_CONTROL: True}
    assert gateway.logins == 0
    assert gateway.running


async def test_21_44_asks_for_the_password_and_shows_the_certificate(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "login")
    assert gateway.fingerprint is not None
    assert flow["description_placeholders"]["fingerprint"] == gateway.fingerprint.hex(":").upper()
    assert gateway.logins == 0
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert flow["data"] == {
        CONF_HOST: f"127.0.0.1:{gateway.port}",
        CONF_SCHEME: "https",
        CONF_FINGERPRINT: gateway.fingerprint.hex(),
        CONF_SERIAL: gateway.serial,
        CONF_PASSWORD: gateway.password,
        CONF_USERNAME: "customer",
    }
    assert flow["options"] == {CONF_ALLOW_CONTROL: True}
    assert len(gateway.tokens) == 1  # the entry's; the form gave its own back


@pytest.mark.parametrize("as_typed", ["{din}", " {serial_lower} ", "{serial_spaced}"])
async def test_the_serial_is_taken_as_people_copy_it(
    hass: HomeAssistant, simulator: StartSimulator, as_typed: str
) -> None:
    gateway = await simulator("1.15.0")
    serial = as_typed.format(
        din=gateway.din, serial_lower=gateway.serial.lower(), serial_spaced=" ".join(gateway.serial)
    )
    flow = await go_on(hass, await start(hass), typed(gateway, serial=serial))
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: False})
    assert flow["result"].unique_id == gateway.serial


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({CONF_SERIAL: "no!"}, {CONF_SERIAL: "invalid_serial"}),
        ({CONF_HOST: "not a host"}, {CONF_HOST: "invalid_host"}),
        ({CONF_HOST: "127.0.0.1:{free_port}"}, {CONF_HOST: "cannot_connect"}),
        ({CONF_SERIAL: "TG000000000000"}, None),
    ],
)
async def test_a_refused_form_keeps_what_was_typed(
    hass: HomeAssistant,
    simulator: StartSimulator,
    unused_tcp_port: int,
    changes: dict[str, str],
    errors: dict[str, str] | None,
) -> None:
    gateway = await simulator("1.15.0")
    wrong = typed(gateway) | {key: value.format(free_port=unused_tcp_port) for key, value in changes.items()}
    flow = await go_on(hass, await start(hass), wrong)
    if errors is None:  # on 1.15 nothing contradicts a wrong serial
        assert flow["step_id"] == "control"
        return
    assert (flow["type"], flow["step_id"], flow["errors"]) == (FlowResultType.FORM, "user", errors)
    suggested = {str(key): key.description["suggested_value"] for key in flow["data_schema"].schema}
    assert suggested == wrong
    flow = await go_on(hass, flow, typed(gateway))
    assert flow["step_id"] == "control"


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        ({"path": "status", "status": 200, "body": b"<html>my router</html>"}, {CONF_HOST: "not_a_gateway"}),
        ({"path": "*", "status": 404}, {CONF_HOST: "not_a_gateway"}),
        ({"path": "*", "status": 403}, {CONF_HOST: "not_a_gateway"}),
        ({"path": "status", "status": 503}, {"base": "busy"}),
        ({"path": "meters/aggregates", "status": 429}, {"base": "busy"}),
        ({"path": "meters/aggregates", "status": 403}, {"base": "login_would_stop"}),
        ({"path": "meters/aggregates", "drop": True}, {CONF_HOST: "cannot_connect"}),
    ],
)
async def test_each_failure_has_its_own_message(
    hass: HomeAssistant, simulator: StartSimulator, fault: dict[str, Any], errors: dict[str, str]
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add(**fault)
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert (flow["type"], flow["errors"]) == (FlowResultType.FORM, errors)
    gateway.faults.clear()
    flow = await go_on(hass, flow, typed(gateway))
    assert flow["step_id"] == "control"
    assert gateway.logins == 0


async def test_a_site_without_a_name_gets_one(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("site_info", status=500)
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: False})
    assert flow["title"] == "Powerwall Gateway"


async def test_a_wrong_serial_is_told_before_the_password_is_asked(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway, serial="TG000000000000"))
    assert (flow["step_id"], flow["errors"]) == ("user", {CONF_SERIAL: "wrong_serial"})
    assert gateway.logins == 0
    flow = await go_on(hass, flow, typed(gateway))
    assert flow["step_id"] == "login"


async def test_a_wrong_serial_that_only_a_login_shows(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    flow = await go_on(hass, await start(hass), typed(gateway, serial="TG000000000000"))
    flow = await go_on(hass, flow, login(gateway.password))
    assert (flow["step_id"], flow["errors"]) == ("user", {CONF_SERIAL: "wrong_serial"})
    flow = await go_on(hass, flow, typed(gateway))
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        (
            {"path": "login/Basic", "status": 401, "body": b'{"error":"default password not supported"}'},
            {CONF_PASSWORD: "default_password"},
        ),
        ({"path": "login/Basic", "status": 429}, {"base": "busy"}),
        ({"path": "login/Basic", "drop": True}, {"base": "cannot_connect"}),
        ({"path": "login/Basic", "status": 500}, {"base": "login_failed"}),
    ],
)
async def test_each_failed_login_has_its_own_message(
    hass: HomeAssistant, simulator: StartSimulator, fault: dict[str, Any], errors: dict[str, str]
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    gateway.faults.add(**fault)
    flow = await go_on(hass, flow, login(gateway.password))
    assert (flow["step_id"], flow["errors"]) == ("login", errors)
    gateway.faults.clear()
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["type"] is FlowResultType.CREATE_ENTRY


async def test_a_wrong_password_and_then_the_right_one(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, login("wrong"))
    assert (flow["step_id"], flow["errors"]) == ("login", {CONF_PASSWORD: "invalid_auth"})
    assert "wrong" not in str(flow["data_schema"].schema)
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["type"] is FlowResultType.CREATE_ENTRY


async def test_a_certificate_that_changes_under_way_gets_no_password(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    port = gateway.port
    await gateway.stop()
    gateway.renew_certificate()
    await gateway.start(port)
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["errors"] == {"base": "certificate_changed"}
    assert gateway.logins == 0


async def test_a_gateway_is_set_up_once(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("1.15.0")
    await set_up(gateway)
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_a_new_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, password="old")
    entry.add_to_hass(hass)
    flow = await entry.start_reauth_flow(hass)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "reauth_confirm")
    flow = await go_on(hass, flow, {CONF_PASSWORD: "wrong, too"})
    assert flow["errors"] == {CONF_PASSWORD: "invalid_auth"}
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data[CONF_PASSWORD] == gateway.password


async def test_a_new_password_for_another_gateway(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, serial="TG000000000000")
    entry.add_to_hass(hass)
    flow = await entry.start_reauth_flow(hass)
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert flow["errors"] == {"base": "wrong_serial"}
    assert gateway.tokens == {}


@pytest.mark.parametrize(
    ("firmware", "asks"), [("1.15.0", False), ("1.50.1", False), ("21.44", True), ("24.36", True), ("pw3", True)]
)
async def test_every_generation_is_set_up(
    hass: HomeAssistant, simulator: StartSimulator, firmware: str, asks: bool
) -> None:
    gateway = await simulator(firmware, password="sunshine" if asks else None)
    flow = await go_on(hass, await start(hass), typed(gateway))
    if asks:
        assert flow["step_id"] == "login"
        flow = await go_on(hass, flow, login("sunshine"))
    else:
        flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: True})
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    keys = {"charge", "grid_power", "battery_power", "home_power", "solar_power", "grid_import_energy", "grid_status"}
    for key in keys:
        assert state_of(hass, gateway, "sensor", key) not in {None, "unknown", "unavailable"}
    unread = {"select.home_energy_gateway_operation_mode", "number.home_energy_gateway_backup_reserve"}
    unavailable = {state.entity_id for state in hass.states.async_all() if state.state == "unavailable"}
    assert unavailable == (unread if firmware == "1.15.0" else set())  # there they wait for the guarded login
    assert gateway.stopped_seconds == 0
    assert gateway.logins == (2 if asks else 0)


async def test_the_labels_password_is_not_enough_on_24_36(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["errors"] == {CONF_PASSWORD: "default_password"}
