"""Error messages: the right reason, in the owner's language, with the gateway's text."""

import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.powerwall_gateway import config_flow
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.client.simulated_gateways import start as start_profile
from tests.conftest import StartSimulator
from tests.integration.config_flow_steps import assert_abort, assert_form, go_on, login, start, typed
from tests.integration.control import logged_in
from tests.signing_keys import pem

from .conftest import SetUp, entry_for
from .test_identity import restart

BUSY = "current config mode is busy"
SWITCH = "roles [Provider_Engineer] require physical access"
ORIGIN = "unexpected request origin"


def error_fault(status: int, words: str) -> dict[str, Any]:
    """Return a fault with the gateway's error text."""
    return {"status": status, "body": {"code": status, "error": words, "message": words}}


# -- set-up ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fault", "key", "reason"),
    [
        ("*", error_fault(503, BUSY), "busy_at_setup", BUSY),
        ("*", error_fault(429, "Api Limit reached"), "busy_at_setup", "Api Limit reached"),
        ("login/Basic", error_fault(429, "Api Limit reached"), "busy_at_setup", "Api Limit reached"),
        ("*", {"status": 502}, "stopped_at_setup", "status, HTTP 502"),
        ("login/Basic", error_fault(401, SWITCH), "switch_needed", SWITCH),
        ("login/Basic", error_fault(403, ORIGIN), "login_forbidden", ORIGIN),
        ("login/Basic", error_fault(401, "bad credentials"), "login_refused_once", "bad credentials"),
        ("status", {"status": 200, "body": b"<html>"}, "unexpected_answer", "status, HTTP 200"),
    ],
)
async def test_setup_error_has_the_reason_and_the_gateways_text(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    path: str,
    fault: dict[str, Any],
    key: str,
    reason: str,
) -> None:
    gateway = await simulator("24.36", password="own")
    gateway.faults.add(path, **fault)
    entry = await set_up(gateway)
    assert (entry.state.name, entry.error_reason_translation_key) == ("SETUP_RETRY", key)
    assert entry.error_reason_translation_placeholders == {"reason": reason}
    assert hass.config_entries.flow.async_progress() == []


async def test_setup_error_while_the_next_login_waits(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", password="own")
    entry = await set_up(gateway, password="wrong")
    await hass.config_entries.async_reload(entry.entry_id)
    assert (entry.state.name, entry.error_reason_translation_key) == ("SETUP_RETRY", "login_waits")
    assert gateway.logins == 1


async def test_setup_error_is_short_and_has_no_serial_or_address_in_it(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", password="own")
    gateway.faults.add("status", **error_fault(500, f"{gateway.serial} at 192.168.7.8 is busy " + "and busy " * 1000))
    entry = await set_up(gateway)
    reason = (entry.error_reason_translation_placeholders or {})["reason"]
    assert "is busy" in reason
    assert len(reason) <= 200
    assert gateway.serial not in reason
    assert "192.168.7.8" not in reason


# -- forms -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "errors", "reason"),
    [
        (error_fault(401, SWITCH), {CONF_PASSWORD: "switch_needed"}, SWITCH),
        (error_fault(403, ORIGIN), {CONF_PASSWORD: "login_forbidden"}, ORIGIN),
        (error_fault(401, "bad credentials"), {CONF_PASSWORD: "invalid_auth"}, "bad credentials"),
        (error_fault(429, "Api Limit reached"), {"base": "busy"}, "Api Limit reached"),
        ({"status": 502}, {"base": "stopped"}, "login/Basic, HTTP 502"),
    ],
)
async def test_login_form_has_the_reason_and_the_gateways_text(
    hass: HomeAssistant, simulator: StartSimulator, fault: dict[str, Any], errors: dict[str, str], reason: str
) -> None:
    gateway = await simulator("21.44")
    flow = await go_on(hass, await start(hass), typed(gateway))
    gateway.faults.add("login/Basic", **fault)
    flow = await go_on(hass, flow, login("XXXXX", username="installer"))
    assert_form(flow, "login", errors)
    assert flow["description_placeholders"]["reason"] == reason


@pytest.mark.parametrize(("status", "errors"), [(502, {"base": "stopped"}), (503, {"base": "busy"})])
async def test_first_form_distinguishes_a_busy_or_stopped_gateway(
    hass: HomeAssistant, simulator: StartSimulator, status: int, errors: dict[str, str]
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("status", **error_fault(status, "starting"))
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, "user", errors)
    assert flow["description_placeholders"]["reason"] == "starting"


async def test_reconfigure_after_the_switch_ends_the_wait(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", **error_fault(401, SWITCH))
    entry = await set_up(gateway)
    assert entry.error_reason_translation_key == "switch_needed"
    gateway.faults.clear()
    flow = await go_on(hass, await entry.start_reconfigure_flow(hass), typed(gateway))
    assert_abort(await go_on(hass, flow, {}), "reconfigure_successful")
    assert entry.state.name == "LOADED"


async def test_reauth_title_has_the_host(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway, password="old")
    entry.add_to_hass(hass)
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["title_placeholders"] == {"name": entry.title, "host": entry.data[CONF_HOST]}


async def test_reauth_with_another_certificate_points_to_reconfigure(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway: Simulator = await simulator("21.44")
    entry = entry_for(gateway, password="old")
    entry.add_to_hass(hass)
    flow = await entry.start_reauth_flow(hass)
    await restart(gateway, certificate=True)
    flow = await go_on(hass, flow, {CONF_PASSWORD: gateway.password})
    assert_form(flow, "reauth_confirm", {"base": "certificate_not_trusted"})
    assert gateway.requests == []


@pytest.mark.parametrize(("firmware", "step_id"), [("1.15.0", "control"), ("1.50.1", "control_encrypted")])
async def test_control_is_off_by_default_if_a_login_stops_the_powerwall(
    hass: HomeAssistant, simulator: StartSimulator, firmware: str, step_id: str
) -> None:
    gateway = await simulator(firmware)
    flow = await go_on(hass, await start(hass), typed(gateway))
    assert_form(flow, step_id)
    flow = await go_on(hass, flow, flow["data_schema"]({}))
    assert flow["options"] == {CONF_ALLOW_CONTROL: False}


# -- repairs -----------------------------------------------------------------------------------------------------------


async def test_failed_repair_has_a_translated_reason(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    short_timings: None,
    hass_client: ClientSessionGenerator,
) -> None:
    """A text from Python code is always in English."""
    await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    await logged_in(hass, entry)  # its own start is over
    gateway.running = False
    for _ in range(3):
        await entry.runtime_data.settings.async_refresh()
    form = {"handler": DOMAIN, "issue_id": f"stopped_{entry.entry_id}"}
    page = await (await client.post("/api/repairs/issues/fix", json=form)).json()
    gateway.faults.add("sitemaster/run", **error_fault(500, "Cannot Start Wizard"))
    page = await (await client.post(f"/api/repairs/issues/fix/{page['flow_id']}", json={})).json()
    assert page["errors"] == {"base": "gateway_refused"}
    assert page["description_placeholders"] == {"reason": "Cannot Start Wizard"}


# -- progress ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def everything_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show all progress."""
    monkeypatch.setattr(config_flow, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(config_flow, "SHOWN_FOR", 0.0)

    def make_key() -> bytes:
        time.sleep(0.2)
        return pem()

    monkeypatch.setattr(config_flow, "make_key", make_key)


async def test_options_flow_shows_progress_of_the_key(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, everything_is_slow: None
) -> None:
    gateway = await start_profile(simulator, "pw3")
    entry = await set_up(gateway)
    gateway.latency = 0.3
    flows = hass.config_entries.options

    async def wait(flow: Any, action: str) -> Any:
        assert (flow["type"], flow["progress_action"]) == (FlowResultType.SHOW_PROGRESS, action)
        await hass.async_block_till_done()
        return await flows.async_configure(flow["flow_id"])

    flow: Any = await wait(await flows.async_init(entry.entry_id), "opening")
    assert flow["type"] is FlowResultType.MENU
    flow = await flows.async_configure(flow["flow_id"], {"next_step_id": "pairing"})
    flow = await flows.async_configure(flow["flow_id"], {"next_step_id": "make_key"})
    flow = await wait(flow, "make_key")
    assert flow["step_id"] == "register_key"
    flow = await wait(await flows.async_configure(flow["flow_id"], {}), "checking_key")
    assert_form(flow, "check_key", {"base": "key_unknown"})
    flow = await wait(await flows.async_configure(flow["flow_id"], {}), "checking_key")
    assert_form(flow, "check_key", {"base": "key_unknown"})
