"""The actions: effect, response, permissions, and errors."""

from datetime import timedelta
import json
from math import inf, nan
from time import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
import voluptuous as vol

from custom_components.powerwall_gateway import hub, services
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway import JournalRecord, PendingAction
from custom_components.powerwall_gateway.gateway.endpoints import READABLE_PATHS
from custom_components.powerwall_gateway.gateway.stop_safety.journal import Kind
from custom_components.powerwall_gateway.storage import FileJournal
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.yaml import load_yaml_dict
from tests.conftest import StartSimulator
from tests.helpers import INTEGRATION, request_count, until
from tests.integration.control import entity_of, follows, logged_in, steady_grid, wait_until_idle, writes

from .conftest import Loaded, SetUp, entry_for, state_of

ACTIONS: dict[str, dict[str, Any]] = {
    "set_operation": {"reserve": 30},
    "hold": {},
    "release": {},
    "back_up_fully": {},
    "cancel_backup": {},
    "dispatch": {"direction": "charge", "power": 1000},
    "cancel_dispatch": {},
    "reapply_settings": {},
    "start": {},
    "stop": {},
    "check_update": {},
    "run_connection_test": {},
    "take_over": {},
    "get_endpoint": {"path": "status"},
}


@pytest.fixture(autouse=True)
def short_backoff(short_timings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds instead of seconds and minutes."""
    for name in ("UPDATE", "TEST"):
        monkeypatch.setattr(services, f"{name}_INTERVAL", 0.01)
        monkeypatch.setattr(services, f"{name}_LIMIT", 0.5)


async def act(hass: HomeAssistant, action: str, *, response: bool = False, **data: Any) -> Any:
    """Call an action as an automation does."""
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=response)


# -- for which gateway -------------------------------------------------------------------------------------------------


async def test_action_needs_no_entry_id_with_one_gateway(hass: HomeAssistant, loaded: Loaded) -> None:
    _, entry = loaded

    async def rejected(action: str, entry_id: str) -> None:
        with pytest.raises(ServiceValidationError):
            await act(hass, action, response=action == "get_endpoint", config_entry_id=entry_id, **ACTIONS[action])

    for action in ACTIONS:
        await rejected(action, "another entry's")
    named = await act(hass, "get_endpoint", response=True, config_entry_id=entry.entry_id, path="system_status/soe")
    assert named == await act(hass, "get_endpoint", response=True, path="system_status/soe")
    await hass.config_entries.async_unload(entry.entry_id)
    for action in ACTIONS:
        await rejected(action, entry.entry_id)


async def test_action_needs_an_entry_id_with_two_gateways(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    first, second = await simulator("21.44"), await simulator("1.15.0")
    await set_up(first)
    entry = await set_up(second)
    with pytest.raises(ServiceValidationError):
        await act(hass, "get_endpoint", response=True, path="status")
    result = await act(hass, "get_endpoint", response=True, path="status", config_entry_id=entry.entry_id)
    assert result["answer"]["version"] == "1.15.0\n"


# -- set_operation -----------------------------------------------------------------------------------------------------


async def test_set_operation_is_one_write(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    given = await act(hass, "set_operation", response=True, mode="backup", reserve=30)
    assert given == {"mode": "backup", "reserve": 30.0}
    assert follows(gateway) == ("backup", 33.5)
    assert len(writes(gateway)) == request_count(gateway, "config/completed") == 1
    await act(hass, "set_operation", mode="self_consumption")
    assert follows(gateway) == ("self_consumption", 33.5)


async def test_set_operation_merges_two_calls(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    first = hass.async_create_task(act(hass, "set_operation", mode="backup", reserve=10))
    second = hass.async_create_task(act(hass, "set_operation", reserve=40))
    await first
    await second
    assert follows(gateway) == ("backup", 43.0)


INVALID: dict[str, tuple[dict[str, Any], ...]] = {
    "reserve_out_of_range": tuple({"reserve": reserve} for reserve in (-1, 100.5, nan, inf, "-inf")),
    "mode_not_settable": ({"mode": "autonomous"}, {"mode": "party"}, {"mode": "party", "reserve": 20}),
    "nothing_to_set": ({},),
}


async def test_set_operation_rejects_invalid_values_without_a_write(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    for key, data in ((key, data) for key, rejected in INVALID.items() for data in rejected):
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, "set_operation", **data)
        assert raised.value.translation_key == key, data
        assert "{" not in str(raised.value)
    for data in ({"reserve": "half"}, {"reserve": [20]}, {"mode": "backup", "color": "red"}):
        with pytest.raises(vol.Invalid):
            await act(hass, "set_operation", **data)
    assert writes(gateway) == []


async def test_set_operation_of_a_customer_is_refused(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "set_operation", reserve=30)
    assert raised.value.translation_key == "operation_not_allowed"
    assert writes(gateway) == []


async def test_actions_change_nothing_without_consent(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    await set_up(gateway)
    for action in ("set_operation", "hold", "release", "back_up_fully", "cancel_backup", "start", "stop"):
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, action, **ACTIONS[action])
        assert raised.value.translation_key == "control_not_allowed"
    assert gateway.running
    assert gateway.logins == 0


# -- stop and start ----------------------------------------------------------------------------------------------------


async def test_stop_ends_by_itself(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await steady_grid(entry)
    await act(hass, "stop", duration={"seconds": 1})
    assert not gateway.running
    assert entry.runtime_data.settings.data.sitemaster.value.running is False
    await until(lambda: gateway.running)
    await wait_until_idle(hass, entry)


async def test_start_action_ends_a_stop(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await steady_grid(entry)
    await act(hass, "stop")
    assert gateway.stopped_seconds >= 0
    await act(hass, "start")
    assert gateway.running
    await wait_until_idle(hass, entry)


async def test_stop_lasts_five_minutes_by_default(hass: HomeAssistant, old: Loaded) -> None:
    _, entry = old
    await steady_grid(entry)
    await act(hass, "stop")
    stop = JournalRecord.from_json(await FileJournal(hass, entry.entry_id).read()).under_way
    assert stop
    assert stop.ends == pytest.approx(stop.began + 5 * 60)
    await act(hass, "start")
    await wait_until_idle(hass, entry)


async def test_unload_ends_the_stop_action(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    await steady_grid(entry)
    await act(hass, "stop")
    await hass.config_entries.async_unload(entry.entry_id)
    assert gateway.running
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)  # the supervisor watches for its minute


async def test_stop_rejects_a_duration_that_is_out_of_range(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    for duration in (timedelta(0), timedelta(minutes=61), timedelta(days=1)):
        with pytest.raises(ServiceValidationError, match="60 minutes"):
            await act(hass, "stop", duration=duration)
    assert gateway.running


async def test_stop_action_without_a_grid_is_refused(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    gateway.home.outage()
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "stop")
    assert raised.value.translation_key == "not_on_grid"
    assert gateway.running


async def test_stop_action_ends_in_time_after_a_crash(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: True})
    gateway.running = False
    now = time()
    stop = PendingAction(
        kind=Kind.STOP,
        began=now - 60,
        ends=now + 1,
        packs=tuple(gateway.gateway.pack_serials),
        gateway={"host": f"{gateway.host}:{gateway.port}", "scheme": "http", "fingerprint": None},
    )
    await FileJournal(hass, entry.entry_id).write(JournalRecord(under_way=stop).to_json())
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert not gateway.running
    await until(lambda: gateway.running)
    assert time() >= now + 1
    await wait_until_idle(hass, entry)


FAILED_STOPS: dict[str, dict[str, Any]] = {
    "Cannot Start Wizard": {"status": 500, "body": b'{"code":500,"error":"Cannot Start Wizard"}'},
    "denied": {"status": 403},
    "busy": {"status": 503},
    "closes": {"drop": True},
}


@pytest.mark.parametrize("acts", [True, False])
@pytest.mark.parametrize("name", FAILED_STOPS)
async def test_failed_stop_action_raises_and_is_over(hass: HomeAssistant, old: Loaded, name: str, acts: bool) -> None:
    gateway, entry = old
    before = gateway.stopped_seconds
    gateway.faults.add("sitemaster/stop", after=acts, **FAILED_STOPS[name])
    gateway.faults.add("sitemaster/run", status=503, times=2)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "stop")
    assert raised.value.translation_key
    assert "{" not in str(raised.value)
    await wait_until_idle(hass, entry)
    assert gateway.running
    assert (gateway.stopped_seconds > before) is acts
    assert gateway.stopped_seconds < 3


# -- check_update ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "connected", "state"), [(True, True, "downloading"), (False, True, "failed"), (False, False, "failed")]
)
async def test_check_update_returns_the_result(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, new: bool, connected: bool, state: str
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.update.seconds = 0.3
    gateway.gateway.new_firmware, gateway.gateway.connected_to_tesla = new, connected
    entry = await set_up(gateway)
    result = await act(hass, "check_update", response=True)
    assert result["state"] == state
    assert result["words"]
    assert entry.runtime_data.inventory.data.update.value.state.name.lower() == state


async def test_update_sensor_of_an_idle_gateway_has_a_state(
    hass: HomeAssistant, all_enabled: None, loaded: Loaded
) -> None:
    """Home Assistant treats the state `unknown` as a missing value."""
    gateway, _ = loaded
    assert state_of(hass, gateway, "sensor", "update_state") == "no_update"


async def test_check_update_shows_its_progress(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.update.seconds = 1.0
    gateway.gateway.new_firmware = True
    await set_up(gateway)
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    await act(hass, "check_update")
    await hass.async_block_till_done()
    seen = [change.data["new_state"] for change in changes]
    entity_id = entity_of(hass, gateway, "sensor", "update_state")
    assert [state.state for state in seen if state.entity_id == entity_id] == ["checking", "downloading"]


async def test_check_update_on_1_15_requests_the_status_once(hass: HomeAssistant, old: Loaded) -> None:
    gateway, _ = old
    assert request_count(gateway, "system/update/status") == 0
    assert await act(hass, "check_update", response=True) == {"state": "failed", "words": ["nonactionable"]}
    assert request_count(gateway, "system/update/status") == 1


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("outage", "update_off_grid"),
        ("unknown", "update_unsure"),
        ("silent", "update_unsure"),
        ("slow", "update_unfinished"),
    ],
)
async def test_check_update_is_refused_if_it_is_not_safe(
    hass: HomeAssistant, fault: str, key: str, loaded: Loaded
) -> None:
    gateway, _ = loaded
    match fault:
        case "outage":
            gateway.home.outage()
        case "unknown":
            gateway.overrides["system_status/grid_status"] = {"grid_status": "SystemOnTheMoon"}
        case "silent":
            gateway.faults.add("system_status/grid_status", status=500)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "check_update")
    assert raised.value.translation_key == key
    assert "{" not in str(raised.value)
    assert (request_count(gateway, "system/update") == 0) is (fault != "slow")


# -- run_connection_test -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connected", [True, False])
async def test_run_connection_test_returns_the_result(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, connected: bool
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.connection_test.seconds = 0.1
    gateway.gateway.connected_to_tesla = connected
    await set_up(gateway)
    result = await act(hass, "run_connection_test", response=True)
    assert result["passed"] is connected
    assert len(result["tests"]) > 1
    assert all(test["passed"] for test in result["tests"].values()) is connected


async def test_run_connection_test_without_an_end_raises(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    await set_up(gateway)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "run_connection_test")
    assert raised.value.translation_key == "test_unfinished"


# -- get_endpoint ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_get_endpoint_has_no_effect_and_no_secret(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    if firmware == "1.15.0":
        await logged_in(hass, entry)
    before, stopped = follows(gateway), gateway.stopped_seconds
    responses = 0
    for path in READABLE_PATHS:
        try:
            result = await act(hass, "get_endpoint", response=True, path=path)
        except HomeAssistantError:
            continue
        responses += 1
        text = json.dumps(result)
        for secret in (gateway.serial, gateway.password, *gateway.tokens, *gateway.gateway.pack_serials):
            assert secret not in text, path
    assert responses > 20
    assert (follows(gateway), gateway.stopped_seconds) == (before, stopped)
    assert {request.method for request in gateway.requests} <= {"GET", "POST"}
    posted = {request.path for request in gateway.requests if request.method == "POST"}
    assert posted == {"login/Basic"}


async def test_get_endpoint_rejects_endpoints_with_an_effect(hass: HomeAssistant, loaded: Loaded) -> None:
    for path in ("sitemaster/stop", "config/completed", "logout", "../simulator", ""):
        with pytest.raises(vol.Invalid, match="path"):
            await act(hass, "get_endpoint", response=True, path=path)


async def test_get_endpoint_of_a_missing_endpoint_raises(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    await set_up(await simulator("21.44"))
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "get_endpoint", response=True, path="site_info/grid_codes")
    assert raised.value.translation_key == "not_on_this_firmware"


def test_get_endpoint_selector_lists_every_path() -> None:
    described = load_yaml_dict(str(INTEGRATION / "services.yaml"))
    assert set(described) == set(ACTIONS)
    assert described["get_endpoint"]["fields"]["path"]["selector"]["select"]["options"] == list(READABLE_PATHS)
