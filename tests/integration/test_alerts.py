"""Alerts: each that appears or clears fires an event once, and one that someone has to act on creates an issue."""

from collections.abc import Mapping
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)

from custom_components.powerwall_gateway.after_poll import ALERT_FOR
from custom_components.powerwall_gateway.const import DOMAIN
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, HomeAssistant, State
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from simulator import Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.integration.control import entity_of, let_pass, poll
from tests.signing_keys import pair, public_key

from .conftest import Loaded, SetUp, state_of
from .signing import keep_key

pytestmark = pytest.mark.usefixtures("quick_signing")

BREAKER = "BatteryBreakerOpen"
FREQUENCY = "PINV_a006_vfCheckUnderFrequency"
FAN = "PVAC_a030_fan_faulted"


@pytest.fixture
async def signed(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Set up a Powerwall 3 with a key."""
    gateway = await start(simulator, "pw3")
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    return gateway, entry


def attributes(hass: HomeAssistant, gateway: Simulator) -> Mapping[str, Any]:
    """Return the attributes of the alert event."""
    state = hass.states.get(entity_of(hass, gateway, "event", "alert"))
    assert state
    return state.attributes


def fired(events: list[Event[Any]], entity_id: str) -> list[tuple[str, str]]:
    """Return type and alert of the events that were fired."""
    states = [event.data["new_state"] for event in events if event.data["entity_id"] == entity_id]
    found = {state.state: state.attributes for state in states if state and state.attributes.get("event_type")}
    return [(each["event_type"], each["name"]) for each in found.values()]


async def restart(hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry) -> None:
    """Unload the entry, and set it up as the next process does."""
    entity_id = entity_of(hass, gateway, "event", "alert")
    state = hass.states.get(entity_id)
    assert state
    kept = hass.data["entity_components"]["event"].get_entity(entity_id).extra_restore_state_data.as_dict()
    assert await hass.config_entries.async_unload(entry.entry_id)
    mock_restore_cache_with_extra_data(hass, [(State(entity_id, state.state), kept)])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def test_alert_fires_when_it_appears_and_when_it_clears(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed
    await poll(hass, entry, "detail")
    assert attributes(hass, gateway)["event_type"] is None
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    gateway.gateway.alerts.add(BREAKER)
    for _ in range(2):
        await poll(hass, entry, "detail", "live")
    assert attributes(hass, gateway)["severity"] == "problem"
    assert attributes(hass, gateway)["can_act"] == "owner"
    gateway.faults.add("*", status=500)
    await poll(hass, entry, "detail", "live")
    gateway.faults.clear()
    gateway.gateway.alerts.clear()
    for _ in range(2):
        await poll(hass, entry, "detail", "live")
    expected = [("appeared", BREAKER), ("cleared", BREAKER)]
    assert fired(events, entity_of(hass, gateway, "event", "alert")) == expected


async def test_known_alert_fires_nothing_after_a_restart(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed
    await poll(hass, entry, "detail")
    gateway.gateway.alerts.add(BREAKER)
    await poll(hass, entry, "detail")
    events = async_capture_events(hass, EVENT_STATE_CHANGED)
    await restart(hass, gateway, entry)
    await poll(hass, entry, "detail")
    entity_id = entity_of(hass, gateway, "event", "alert")
    assert fired(events, entity_id) == [("appeared", BREAKER)]  # as it was restored
    gateway.gateway.alerts = {"NotYetKnown"}
    await restart(hass, gateway, entry)
    await poll(hass, entry, "detail")
    assert fired(events, entity_id)[1:] == [("cleared", BREAKER), ("appeared", "NotYetKnown")]


async def test_alert_during_the_start_fires_after_it(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed
    await poll(hass, entry, "detail")
    hass.set_state(CoreState.starting)
    gateway.gateway.alerts.add(BREAKER)
    await poll(hass, entry, "detail")
    assert attributes(hass, gateway)["event_type"] is None
    hass.set_state(CoreState.running)
    await poll(hass, entry, "detail")
    assert attributes(hass, gateway)["name"] == BREAKER


async def test_grid_fault_fires_an_event_and_is_explained(
    hass: HomeAssistant, all_enabled: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    await poll(hass, entry, "live")
    gateway.home.outage()
    await poll(hass, entry, "live")
    shown = attributes(hass, gateway)
    assert (shown["event_type"], shown["name"], shown["severity"]) == ("appeared", FREQUENCY, "warning")
    state = hass.states.get(entity_of(hass, gateway, "sensor", "grid_faults"))
    assert state
    assert state.attributes["faults"][0]["meaning"] == shown["meaning"] == "The frequency of the grid is too low."


async def test_alert_of_an_inverter_fires_although_its_entities_are_disabled(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("24.36", powerwall_plus=True, password="sunshine")
    entry = await set_up(gateway)
    registry = er.async_get(hass)
    for each in er.async_entries_for_config_entry(registry, entry.entry_id):
        if "inverter" in each.unique_id:
            registry.async_update_entity(each.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await poll(hass, entry, "detail")
    gateway.gateway.alerts.add(FAN)
    await poll(hass, entry, "detail")
    assert attributes(hass, gateway)["name"] == FAN


async def test_powerwall_3_without_a_key_has_no_alerts(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3")
    await set_up(gateway)
    assert state_of(hass, gateway, "event", "alert") is None


async def test_alert_to_act_on_creates_an_issue_until_it_clears(hass: HomeAssistant, signed: Loaded) -> None:
    gateway, entry = signed

    def issue() -> ir.IssueEntry | None:
        return ir.async_get(hass).async_get_issue(DOMAIN, f"alerts_{entry.entry_id}")

    gateway.gateway.alerts |= {BREAKER, "PodCommissionTimeError", "NotYetKnown"}
    await poll(hass, entry, "detail", "live")
    assert issue() is None
    let_pass(hass, ALERT_FOR)
    await poll(hass, entry, "detail", "live")
    shown = issue()
    assert shown
    assert (shown.translation_placeholders or {})["alerts"] == f"{BREAKER} (The circuit breaker of a Powerwall is off)"
    gateway.faults.add("*", status=500)  # which proves nothing about the alert
    await poll(hass, entry, "detail", "live")
    assert issue()
    gateway.faults.clear()
    gateway.gateway.alerts.clear()
    await poll(hass, entry, "detail", "live")
    assert issue() is None


async def test_alert_issue_ends_when_the_key_stops_working(hass: HomeAssistant, signed: Loaded) -> None:
    """Nothing shows when the alert clears. If the key works again, an alert that is still active is shown again."""
    gateway, entry = signed
    issue_id = f"alerts_{entry.entry_id}"
    gateway.gateway.alerts.add(BREAKER)
    await poll(hass, entry, "detail", "live")
    let_pass(hass, ALERT_FOR)
    await poll(hass, entry, "detail", "live")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    gateway.gateway.keyring.forget(public_key())
    await poll(hass, entry, "settings", "settings", "detail", "live")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
    pair(gateway)
    await poll(hass, entry, "settings", "detail", "live")
    let_pass(hass, ALERT_FOR)
    await poll(hass, entry, "detail", "live")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
