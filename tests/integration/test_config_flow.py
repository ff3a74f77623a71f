"""The config flow: every step, every error, and how to continue in the same form."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.powerwall_gateway import config_flow
from custom_components.powerwall_gateway.const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_SCHEME,
    CONF_SERIAL,
)
from custom_components.powerwall_gateway.issues import escape_markdown
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_IP_ADDRESS, CONF_PASSWORD, CONF_USERNAME, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import EVENT_DATA_ENTRY_FLOW_PROGRESSED, FlowResultType
from tests.conftest import StartSimulator
from tests.helpers import request_count, until
from tests.integration.config_flow_steps import (
    assert_abort,
    assert_form,
    confirm,
    go_on,
    login,
    start,
    suggested,
    typed,
)

from .conftest import SetUp, entry_for, state_of


async def test_user_flow_on_1_15_needs_no_login(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    flow = await start(hass)
    assert_form(flow, "user")
    flow = await go_on(hass, flow, typed(gateway))
    assert_form(flow, "control")
    shown = flow["description_placeholders"]
    assert (shown["firmware"], shown["powerwalls"], shown["fingerprint"]) == (escape_markdown("1.15.0"), "2", "-")
    assert flow["data_schema"]({}) == {CONF_ALLOW_CONTROL: False}
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: True})
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert flow["title"] == "Home Energy Gateway"
    assert flow["result"].unique_id == gateway.serial
    assert flow["data"] == {
        CONF_HOST: f"127.0.0.1:{gateway.port}",
        CONF_SCHEME: "http",
        CONF_FINGERPRINT: None,
        CONF_SERIAL: gateway.serial,
        CONF_MAC: None,
    }
    assert flow["options"] == {CONF_ALLOW_CONTROL: True}
    assert gateway.logins == 0
    assert gateway.running


async def test_user_flow_on_21_44_shows_password_and_certificate(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, "login")
    assert gateway.fingerprint is not None
    shown = flow["description_placeholders"]
    assert shown["fingerprint"] == gateway.fingerprint.hex(":").upper()
    assert (shown["firmware"], shown["din"], shown["powerwalls"]) == (
        escape_markdown("21.44"),
        escape_markdown(gateway.din),
        "-",
    )
    assert gateway.logins == 0
    flow = await go_on(hass, flow, login(gateway.password))
    shown = flow["description_placeholders"]
    assert (shown["site"], shown["model"], shown["powerwalls"]) == ("Home Energy Gateway", "Backup Gateway 2", "2")
    assert "password" not in str(shown)
    flow = await confirm(hass, flow)
    assert flow["data"] == {
        CONF_HOST: f"127.0.0.1:{gateway.port}",
        CONF_SCHEME: "https",
        CONF_FINGERPRINT: gateway.fingerprint.hex(),
        CONF_SERIAL: gateway.serial,
        CONF_MAC: None,
        CONF_PASSWORD: gateway.password,
        CONF_USERNAME: "customer",
    }
    assert flow["options"] == {CONF_ALLOW_CONTROL: True}
    assert len(gateway.tokens) == 1  # the entry's session; the form ended its own


@pytest.mark.parametrize("as_typed", ["{din}", " {serial_lower} ", "{serial_spaced}"])
async def test_user_flow_accepts_the_serial_in_any_form(
    hass: HomeAssistant, simulator: StartSimulator, as_typed: str
) -> None:
    gateway = await simulator("1.15.0")
    serial = as_typed.format(
        din=gateway.din, serial_lower=gateway.serial.lower(), serial_spaced=" ".join(gateway.serial)
    )
    flow = await go_on(hass, await start(hass), typed(gateway, serial=serial))
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: False})
    assert flow["result"].unique_id == gateway.serial


@pytest.mark.parametrize("status", [401, 403])
async def test_user_flow_sets_up_a_gateway_that_denies_status(
    hass: HomeAssistant, simulator: StartSimulator, status: int
) -> None:
    gateway = await simulator("1.50.1")
    gateway.faults.add("status", status=status)
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: True})
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    entry = flow["result"]
    assert (entry.unique_id, entry.state) == (gateway.serial, ConfigEntryState.LOADED)
    assert state_of(hass, gateway, "sensor", "charge") not in {None, STATE_UNAVAILABLE}
    await entry.runtime_data.live.async_refresh()
    assert entry.runtime_data.live.data.meters.error is None
    assert gateway.logins == 0  # on firmware that is not known it could stop the Powerwall
    assert gateway.running


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({CONF_SERIAL: "no!"}, {CONF_SERIAL: "invalid_serial"}),
        ({CONF_HOST: "not a host"}, {CONF_HOST: "invalid_host"}),
        ({CONF_HOST: "127.0.0.1:{free_port}"}, {CONF_HOST: "cannot_connect"}),
        ({CONF_SERIAL: "TG000000000000"}, None),
    ],
)
async def test_user_flow_keeps_the_input_after_an_error(
    hass: HomeAssistant,
    simulator: StartSimulator,
    unused_tcp_port: int,
    changes: dict[str, str],
    errors: dict[str, str] | None,
) -> None:
    gateway = await simulator("1.15.0")
    wrong = typed(gateway) | {key: value.format(free_port=unused_tcp_port) for key, value in changes.items()}
    flow = await go_on(hass, await start(hass), wrong)
    if errors is None:  # on 1.15 a wrong serial number cannot be detected
        assert flow["step_id"] == "control"
        return
    assert_form(flow, "user", errors)
    assert suggested(flow) == wrong
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
async def test_user_flow_shows_the_error_of_each_failure(
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


async def test_user_flow_names_a_site_without_a_name(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("site_info", status=500)
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: False})
    assert flow["title"] == "Powerwall Gateway"


async def test_user_flow_shows_a_wrong_serial_before_the_password(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway, serial="TG000000000000"))
    assert_form(flow, "user", {CONF_SERIAL: "wrong_serial"})
    assert gateway.logins == 0
    flow = await go_on(hass, flow, typed(gateway))
    assert flow["step_id"] == "login"


async def test_user_flow_shows_a_wrong_serial_after_the_login(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    flow = await go_on(hass, await start(hass), typed(gateway, serial="TG000000000000"))
    flow = await go_on(hass, flow, login(gateway.password))
    assert_form(flow, "user", {CONF_SERIAL: "wrong_serial"})
    flow = await go_on(hass, flow, typed(gateway))
    await confirm(hass, await go_on(hass, flow, login(gateway.password)))


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
async def test_user_flow_shows_the_error_of_each_failed_login(
    hass: HomeAssistant, simulator: StartSimulator, fault: dict[str, Any], errors: dict[str, str]
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    gateway.faults.add(**fault)
    flow = await go_on(hass, flow, login(gateway.password))
    assert_form(flow, "login", errors)
    gateway.faults.clear()
    await confirm(hass, await go_on(hass, flow, login(gateway.password)))


async def test_user_flow_recovers_from_a_wrong_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, login("wrong"))
    assert_form(flow, "login", {CONF_PASSWORD: "invalid_auth"})
    assert "wrong" not in str(flow["data_schema"].schema)
    await confirm(hass, await go_on(hass, flow, login(gateway.password)))


async def test_user_flow_sends_no_password_to_a_changed_certificate(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    async with gateway.unreachable():
        gateway.renew_certificate()
    flow = await go_on(hass, flow, login(gateway.password))
    assert flow["errors"] == {"base": "certificate_changed"}
    assert gateway.logins == 0


async def test_user_flow_aborts_if_already_configured(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    await set_up(gateway)
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_abort(flow, "already_configured")


@pytest.mark.parametrize(
    ("firmware", "step_id"),
    [
        ("1.15.0", "control"),
        ("1.50.1", "control_encrypted"),
        ("21.44", "login"),
        ("24.36", "login"),
        ("pw3", "login"),
    ],
)
async def test_user_flow_sets_up_every_firmware(
    hass: HomeAssistant, simulator: StartSimulator, firmware: str, step_id: str
) -> None:
    wants_login = step_id == "login"
    gateway = await simulator(firmware, password="sunshine" if wants_login else None)
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, step_id)
    if wants_login:
        await confirm(hass, await go_on(hass, flow, login("sunshine")))
    else:
        assert (flow["description_placeholders"]["fingerprint"] == "-") is (firmware == "1.15.0")
        flow = await go_on(hass, flow, {CONF_ALLOW_CONTROL: True})
        assert flow["type"] is FlowResultType.CREATE_ENTRY
    keys = {"charge", "grid_power", "battery_power", "home_power", "solar_power", "grid_import_energy"}
    for key in keys:
        assert state_of(hass, gateway, "sensor", key) not in {None, "unknown", "unavailable"}
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    unread = {
        "select.home_energy_gateway_operation_mode",
        "number.home_energy_gateway_backup_reserve",
        "switch.home_energy_gateway_hold_charge",
    }
    unavailable = {state.entity_id for state in hass.states.async_all() if state.state == "unavailable"}
    assert unavailable == (unread if firmware == "1.15.0" else set())  # there they wait for the safe login
    assert gateway.stopped_seconds == 0
    assert gateway.logins == (2 if wants_login else 0)


async def test_user_flow_on_24_36_rejects_the_default_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, login(gateway.password))
    assert_form(flow, "login", {CONF_PASSWORD: "default_password"})


# -- the password that the gateway came with ---------------------------------------------------------------------------


async def test_user_flow_without_a_password_uses_the_default(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.password = gateway.serial[-5:]
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await confirm(hass, await go_on(hass, flow, login(None)))
    assert flow["data"][CONF_PASSWORD] == gateway.password


async def test_user_flow_tries_the_default_password_once(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", password="sunshine")
    flow = await go_on(hass, await start(hass), typed(gateway))
    flow = await go_on(hass, flow, login(None, username="installer"))
    assert_form(flow, "login", {CONF_PASSWORD: "password_missing"})  # that password belongs to another login
    assert gateway.logins == 0
    flow = await go_on(hass, flow, login(None))
    assert_form(flow, "login", {CONF_PASSWORD: "default_refused"})
    tried = gateway.logins
    flow = await go_on(hass, flow, login(None))
    assert_form(flow, "login", {CONF_PASSWORD: "password_missing"})
    assert gateway.logins == tried
    flow = await go_on(hass, flow, login("wrong"))
    assert_form(flow, "login", {CONF_PASSWORD: "invalid_auth"})
    await confirm(hass, await go_on(hass, flow, login("sunshine")))


async def test_user_flow_explains_a_refused_default_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    gateway.faults.add("login/Basic", status=401, body=b'{"error":"default password not supported"}')
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(await go_on(hass, flow, login(None)), "login", {CONF_PASSWORD: "default_password"})


# -- encryption --------------------------------------------------------------------------------------------------------


async def test_user_flow_rejects_later_firmware_without_encryption(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["status"] = {"version": "21.44 223a56cd"}
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, "user", {CONF_HOST: "not_encrypted"})
    del gateway.overrides["status"]
    assert_form(await go_on(hass, flow, typed(gateway)), "control")


# -- known gateways ----------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show all progress for so long that a busy browser listens in time."""
    monkeypatch.setattr(config_flow, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(config_flow, "SHOWN_FOR", 1.0)


async def test_user_flow_shows_progress_until_a_browser_listens(
    hass: HomeAssistant, simulator: StartSimulator, slow_progress: None
) -> None:
    gateway = await simulator("21.44")
    flows = hass.config_entries.flow

    async def send(flow: Any, form: dict[str, Any], progress: str, path: str) -> Any:
        flow = await flows.async_configure(flow["flow_id"], form)
        assert (flow["type"], flow["progress_action"]) == (FlowResultType.SHOW_PROGRESS, progress)
        assert flow["description_placeholders"] == {"host": typed(gateway)[CONF_HOST]}
        again = await flows.async_configure(flow["flow_id"])  # a reloaded browser
        assert again["type"] is FlowResultType.SHOW_PROGRESS
        await until(lambda: request_count(gateway, path))
        await asyncio.sleep(0.1)  # it has ended, and the browser only starts to listen
        ended = async_capture_events(hass, EVENT_DATA_ENTRY_FLOW_PROGRESSED)
        await until(lambda: ended)
        return await flows.async_configure(flow["flow_id"])

    flow = await send(await start(hass), typed(gateway), "looking", "meters/aggregates")
    assert_form(flow, "login")
    flow = await send(flow, login("wrong"), "logging_in", "login/Basic")
    assert_form(flow, "login", {CONF_PASSWORD: "invalid_auth"})


async def test_user_flow_aborted_in_progress_ends_its_task(
    hass: HomeAssistant, simulator: StartSimulator, slow_progress: None
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", delay=5)
    flow = await start(hass)
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], typed(gateway))
    await until(lambda: gateway.requests)
    hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress() == []


async def test_user_flow_without_a_login_creates_the_entry(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.50.1")
    gateway.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    flow = await confirm(hass, await go_on(hass, await start(hass), typed(gateway)))
    assert flow["options"] == {}


async def test_user_flow_suggests_the_gateway_of_core(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    MockConfigEntry(domain="powerwall", data={CONF_IP_ADDRESS: "192.0.2.7"}, unique_id=gateway.din).add_to_hass(hass)
    flow = await start(hass)
    assert suggested(flow) == {CONF_HOST: "192.0.2.7", CONF_SERIAL: gateway.serial}
    entry_for(gateway).add_to_hass(hass)
    assert suggested(await start(hass)) == {CONF_HOST: None, CONF_SERIAL: None}  # it is configured already


async def test_user_flow_suggests_the_address_of_a_powerwall_3_of_core(hass: HomeAssistant) -> None:
    MockConfigEntry(domain="powerwall", data={CONF_IP_ADDRESS: "192.0.2.7"}).add_to_hass(hass)
    assert suggested(await start(hass)) == {CONF_HOST: "192.0.2.7", CONF_SERIAL: None}
