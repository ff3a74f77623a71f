"""Events of the grid: outage, off-grid and reconnection are each fired once, also over restarts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.powerwall_gateway import const, coordinator, storage
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from custom_components.powerwall_gateway.gateway.models import GridState
from custom_components.powerwall_gateway.grid_log import GridLog
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import call, entity_of, let_pass, poll

from .conftest import Loaded, SetUp

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def settles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept a restored grid at once, and poll it only in the test."""
    monkeypatch.setattr(coordinator, "GRID_SETTLES", 0.0)
    monkeypatch.setattr(coordinator, "GRID_INTERVAL", 60.0)


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Return a gateway with a grid, and its entry."""
    gateway = await simulator("21.44")
    gateway.home.charge = 81.0  # app 80 %
    return gateway, await set_up(gateway, options={CONF_ALLOW_CONTROL: True})


def last_event(hass: HomeAssistant, gateway: Simulator) -> Mapping[str, Any]:
    """Return the last event of the entity."""
    state = hass.states.get(entity_of(hass, gateway, "event", "grid_event"))
    assert state
    return state.attributes


def fired_events(events: list[Event[Any]], entity_id: str) -> list[str]:
    """Return the fired events, one for each time."""
    states = [event.data["new_state"] for event in events if event.data["entity_id"] == entity_id]
    moments = {state.state: state.attributes["event_type"] for state in states if state.attributes.get("event_type")}
    return list(moments.values())


async def begin_outage(hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry) -> None:
    """Begin a grid outage."""
    gateway.home.outage()
    gateway.home.advance(10)
    await poll(hass, entry, "live", "grid")


async def restore_grid(hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry) -> None:
    """Restore the grid, and wait until the home is connected."""
    gateway.home.restore()
    gateway.home.advance(60)
    await poll(hass, entry, "live", "grid")


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Unload and set up the entry like a restart."""
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


async def test_outage_and_restored_grid_fire_events(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    assert last_event(hass, gateway)["event_types"] == ["outage", "islanded", "restored"]
    assert last_event(hass, gateway)["event_type"] is None
    await begin_outage(hass, gateway, entry)
    began = last_event(hass, gateway)
    assert (began["event_type"], began["charge_at_start"]) == ("outage", 80.0)
    assert "duration" not in began
    gateway.home.charge = 62.0  # app 60 %
    await restore_grid(hass, gateway, entry)
    ended = last_event(hass, gateway)
    assert (ended["event_type"], ended["after"], ended["start"]) == ("restored", "outage", began["start"])
    assert (ended["charge_at_start"], ended["charge_at_end"]) == (80.0, pytest.approx(60.0, abs=1))
    lasted = datetime.fromisoformat(ended["end"]) - datetime.fromisoformat(ended["start"])
    assert ended["duration"] == round(lasted.total_seconds())


async def test_grid_in_transition_is_not_restored(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await begin_outage(hass, gateway, entry)
    gateway.home.restore()
    assert gateway.home.grid_status == "SystemTransitionToGrid"
    await poll(hass, entry, "live", "grid")
    assert last_event(hass, gateway)["event_type"] == "outage"


async def test_intentional_off_grid_fires_no_outage(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.speed = 1000.0
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert last_event(hass, gateway)["event_type"] == "islanded"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    await poll(hass, entry, "live", "grid")
    assert (last_event(hass, gateway)["event_type"], last_event(hass, gateway)["after"]) == ("restored", "islanded")


async def test_unstable_grid_fires_one_outage(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    monkeypatch.setattr(coordinator, "GRID_SETTLES", 3600.0)
    for _ in range(5):
        await begin_outage(hass, gateway, entry)
        await restore_grid(hass, gateway, entry)
    monkeypatch.setattr(coordinator, "GRID_SETTLES", 0.0)
    await poll(hass, entry, "live", "grid")
    assert fired_events(events, entity_of(hass, gateway, "event", "grid_event")) == ["outage", "restored"]


async def test_grid_is_restored_after_30_seconds(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "GRID_SETTLES", const.GRID_SETTLES)
    gateway, entry = loaded
    await begin_outage(hass, gateway, entry)
    await restore_grid(hass, gateway, entry)
    let_pass(hass, 20)
    await poll(hass, entry, "grid")
    assert last_event(hass, gateway)["event_type"] == "outage"
    let_pass(hass, 10)
    await poll(hass, entry, "grid")
    assert last_event(hass, gateway)["event_type"] == "restored"


async def test_outage_at_the_first_poll_fires_only_its_end(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.home.outage()
    entry = await set_up(gateway)
    assert last_event(hass, gateway)["event_type"] is None
    await restore_grid(hass, gateway, entry)
    assert last_event(hass, gateway)["event_type"] == "restored"


async def test_restart_during_an_outage_fires_each_event_once(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await begin_outage(hass, gateway, entry)
    entity_id, began = entity_of(hass, gateway, "event", "grid_event"), last_event(hass, gateway)
    events, reloaded = async_capture_events(hass, EVENT_STATE_CHANGED), dt_util.utcnow()
    gateway.home.charge = 52.5  # app 50 %
    await reload(hass, entry)
    await poll(hass, entry, "live", "grid")
    assert dict(last_event(hass, gateway)) == dict(began)
    assert fired_events(events, entity_id) == ["outage"]
    state = hass.states.get(entity_id)
    assert state
    assert datetime.fromisoformat(state.state) < reloaded
    await restore_grid(hass, gateway, entry)
    await reload(hass, entry)
    assert last_event(hass, gateway)["event_type"] == "restored"
    assert (last_event(hass, gateway)["start"], last_event(hass, gateway)["charge_at_start"]) == (began["start"], 80.0)
    assert last_event(hass, gateway)["charge_at_end"] == pytest.approx(50.0, abs=1)


async def test_events_during_downtime_fire_after_the_start(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    entity_id = entity_of(hass, gateway, "event", "grid_event")
    for happen, expected in ((gateway.home.outage, "outage"), (gateway.home.restore, "restored")):
        assert await hass.config_entries.async_unload(entry.entry_id)
        happen()
        gateway.home.advance(60)
        hass.set_state(CoreState.starting)
        events = async_capture_events(hass, EVENT_STATE_CHANGED)
        await hass.config_entries.async_setup(entry.entry_id)
        await poll(hass, entry, "live", "grid")
        assert fired_events(events, entity_id) == []
        hass.set_state(CoreState.running)
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
        await hass.async_block_till_done()
        assert last_event(hass, gateway)["event_type"] == expected
        await poll(hass, entry, "live", "grid")
        assert fired_events(events, entity_id) == [expected]
        events = async_capture_events(hass, EVENT_STATE_CHANGED)
        await reload(hass, entry)
        assert fired_events(events, entity_id) == [expected]  # as it was stored


async def test_events_during_the_start_fire_after_it(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    hass.set_state(CoreState.starting)
    await reload(hass, entry)
    await begin_outage(hass, gateway, entry)
    assert last_event(hass, gateway)["event_type"] is None
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert last_event(hass, gateway)["event_type"] == "outage"


async def test_all_events_before_the_start_are_fired_in_order(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    hass.set_state(CoreState.starting)
    await reload(hass, entry)
    for _ in range(2):
        await begin_outage(hass, gateway, entry)
        await restore_grid(hass, gateway, entry)
    assert fired_events(events, entity_of(hass, gateway, "event", "grid_event")) == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    expected = ["outage", "restored", "outage", "restored"]
    assert fired_events(events, entity_of(hass, gateway, "event", "grid_event")) == expected
    await poll(hass, entry, "live", "grid")
    await reload(hass, entry)
    assert fired_events(events, entity_of(hass, gateway, "event", "grid_event")) == [
        *expected,
        "restored",
    ]  # as it was stored


async def test_event_of_a_process_that_died_before_it_had_started_is_fired_by_the_next_one(
    hass: HomeAssistant, loaded: Loaded
) -> None:
    gateway, entry = loaded
    entity_id = entity_of(hass, gateway, "event", "grid_event")
    hass.set_state(CoreState.starting)
    await reload(hass, entry)
    await begin_outage(hass, gateway, entry)
    # The process crashes: its log is on disk.
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.data[storage._STORES].clear()
    await hass.config_entries.async_setup(entry.entry_id)
    await poll(hass, entry, "live", "grid")
    assert fired_events(events, entity_id) == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert fired_events(events, entity_id) == ["outage"]
    hass.data[storage._STORES].clear()
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    await reload(hass, entry)
    assert fired_events(events, entity_id) == ["outage"]  # as it was stored


async def test_events_of_a_disabled_entity_are_not_fired_later(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    entity_id = entity_of(hass, gateway, "event", "grid_event")
    registry = er.async_get(hass)
    registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await reload(hass, entry)
    await begin_outage(hass, gateway, entry)
    await restore_grid(hass, gateway, entry)
    registry.async_update_entity(entity_id, disabled_by=None)
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    await reload(hass, entry)
    assert fired_events(events, entity_id) == ["restored"]  # as it was stored
    await begin_outage(hass, gateway, entry)
    assert fired_events(events, entity_id) == ["restored", "outage"]


async def test_store_of_an_earlier_version_fires_no_event(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await begin_outage(hass, gateway, entry)
    kept = entry.runtime_data.grid.data.log.value
    assert kept
    earlier = {key: value for key, value in kept.to_json().items() if key != "pending"}
    assert GridLog.from_json(earlier) == kept
    assert kept.event
    assert kept.event.type == "outage"


async def test_unreachable_gateway_fires_no_event(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("system_status/grid_status", status=500)
    await poll(hass, entry, "live", "grid")
    assert last_event(hass, gateway)["event_type"] is None


# -- the log alone -----------------------------------------------------------------------------------------------------


def test_grid_log_survives_storage() -> None:
    log = GridLog().update(GridState.CONNECTED, NOON, settled=True, charge=80.0)
    logs = [log]
    for minutes, state in enumerate((GridState.ISLANDED, GridState.TRANSITION_TO_GRID, GridState.CONNECTED), 1):
        logs.append(log := log.update(state, NOON + timedelta(minutes=minutes), settled=False, charge=80.0 - minutes))
    logs.append(log.update(GridState.CONNECTED, NOON + timedelta(minutes=5), settled=True, charge=70.0))
    for one in logs:
        assert GridLog.from_json(one.to_json()) == one
    assert [event.type for event in logs[-1].pending] == ["outage", "restored"]
    assert logs[-1].event is None
    fired = logs[-1].fired()
    assert GridLog.from_json(fired.to_json()) == fired
    assert fired.pending == ()
    event = fired.event
    assert event
    assert event.attributes == {
        "start": "2026-07-01T12:01:00+00:00",
        "end": "2026-07-01T12:03:00+00:00",
        "charge_at_start": 79.0,
        "charge_at_end": 77.0,
        "duration": 120,
        "after": "outage",
    }


@pytest.mark.parametrize(
    "kept", [None, [], {"pending": 1}, {"pending": [1, {}]}, {"event": []}, {"event": {"type": [], "at": "x"}}]
)
def test_grid_log_ignores_invalid_content(kept: object) -> None:
    assert GridLog.from_json(kept) == GridLog()


def test_outage_right_after_off_grid_fires() -> None:
    log = GridLog(has_baseline=True).update(GridState.ISLANDED, NOON, settled=False, charge=80.0, intentional=True)
    log = log.update(GridState.CONNECTED, NOON, settled=False, charge=80.0, intentional=True)
    log = log.update(GridState.ISLANDED, NOON, settled=False, charge=80.0)
    assert log.pending[-1].type == "outage"
    assert log.last_outage == NOON


def test_off_grid_without_a_request_becomes_an_outage() -> None:
    log = GridLog(has_baseline=True).update(GridState.ISLANDED, NOON, settled=False, charge=80.0, intentional=True)
    log = log.update(GridState.ISLANDED, NOON + timedelta(hours=1), settled=False, charge=70.0)
    assert (log.pending[-1].type, log.pending[-1].period.charge) == ("outage", 70.0)
    assert log.last_outage == NOON + timedelta(hours=1)


def test_outage_stays_one_if_off_grid_is_requested() -> None:
    log = GridLog(has_baseline=True).update(GridState.ISLANDED, NOON, settled=False, charge=80.0)
    assert log.update(GridState.ISLANDED, NOON, settled=False, charge=80.0, intentional=True) == log


def test_clock_set_back_makes_no_negative_duration() -> None:
    log = GridLog(has_baseline=True).update(GridState.ISLANDED, NOON, settled=False, charge=None)
    log = log.update(GridState.CONNECTED, NOON - timedelta(hours=1), settled=True, charge=None)
    assert log.pending[-1].attributes["duration"] == 0
