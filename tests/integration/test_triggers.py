"""Triggers and conditions of the integration, run by Home Assistant's own automations against the simulated gateway."""

from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.powerwall_gateway import coordinator
from custom_components.powerwall_gateway.condition import CONDITIONS
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.trigger import TRIGGERS
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.helpers import condition as condition_helper, entity_registry as er, trigger as trigger_helper
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import call, entity_of, poll

from .conftest import Loaded, entry_for, state_of

BELOW_AN_HOUR: Final = {"threshold": {"type": "below", "value": {"number": 1, "unit_of_measurement": "h"}}}


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """Return a gateway at app 80 %, whose grid is restored at once, and its entry."""
    monkeypatch.setattr(coordinator, "GRID_SETTLES", 0.0)
    return await add(hass, await simulator("21.44"))


async def add(hass: HomeAssistant, gateway: Simulator) -> Loaded:
    """Set up an entry that polls only where a test says so."""
    gateway.home.charge = 81.0
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    entry = entry_for(gateway, options={CONF_ALLOW_CONTROL: True})
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return gateway, entry


def device_of(hass: HomeAssistant, gateway: Simulator) -> dict[str, str | None]:
    """Return the device of a gateway as the target of a trigger or condition."""
    entity = er.async_get(hass).async_get(entity_of(hass, gateway, "binary_sensor", "running"))
    assert entity
    return {"device_id": entity.device_id}


async def listen(hass: HomeAssistant, target: dict[str, Any]) -> list[ServiceCall]:
    """Set up an automation with every trigger, and return its actions, each with the key of its trigger."""
    calls: list[ServiceCall] = async_mock_service(hass, "test", "triggered")
    triggers = [
        {
            "trigger": f"{DOMAIN}.{key}",
            "id": key,
            "target": target,
            "options": BELOW_AN_HOUR if key == "backup_time_crossed_threshold" else {},
        }
        for key in TRIGGERS
    ]
    actions = [{"action": "test.triggered", "data": {"trigger": "{{ trigger.id }}"}}]
    automation = {"alias": "all", "mode": "parallel", "triggers": triggers, "actions": actions}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    assert hass.states.is_state("automation.all", STATE_ON)
    return calls


def drain(calls: list[ServiceCall]) -> list[str]:
    """Return which triggers fired since the last call."""
    fired = [call.data["trigger"] for call in calls]
    calls.clear()
    return fired


async def poll_everything(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll everything that triggers depend on, twice: nothing may fire again."""
    for _ in range(2):
        await poll(hass, entry, "live", "grid", "settings")


async def begin_outage(hass: HomeAssistant, loaded: Loaded) -> None:
    """Begin a grid outage, and poll."""
    loaded[0].home.outage()
    loaded[0].home.advance(10)
    await poll_everything(hass, loaded[1])


async def restore_grid(hass: HomeAssistant, loaded: Loaded) -> None:
    """Restore the grid, and poll."""
    loaded[0].home.restore()
    loaded[0].home.advance(60)
    await poll_everything(hass, loaded[1])


async def test_each_trigger_fires_once_for_its_event(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    calls = await listen(hass, device_of(hass, gateway))
    await poll_everything(hass, entry)
    assert drain(calls) == []
    await begin_outage(hass, loaded)
    assert drain(calls) == ["grid_outage_started"]
    gateway.home.charge = 9.0  # app 4 %: half an hour
    await poll_everything(hass, entry)
    assert drain(calls) == ["backup_time_crossed_threshold"]
    gateway.home.charge = 81.0
    await restore_grid(hass, loaded)
    assert drain(calls) == ["grid_restored"]
    gateway.running = False
    await poll_everything(hass, entry)
    assert drain(calls) == ["powerwall_stopped"]
    gateway.running = True
    await poll_everything(hass, entry)
    assert drain(calls) == ["powerwall_started"]
    gateway.speed = 1000.0
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert drain(calls) == ["went_off_grid_intentionally"]
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    await poll(hass, entry, "grid")
    assert drain(calls) == ["grid_restored"]


async def test_no_trigger_fires_when_the_entities_become_available(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await begin_outage(hass, loaded)
    gateway.running = False
    gateway.home.charge = 9.0  # app 4 %: half an hour
    calls = await listen(hass, device_of(hass, gateway))
    assert await hass.config_entries.async_reload(entry.entry_id)
    await poll_everything(hass, entry)
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_OFF
    assert drain(calls) == []


async def test_event_during_downtime_fires_once_after_the_start(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    calls = await listen(hass, device_of(hass, gateway))
    for happen, expected in ((gateway.home.outage, "grid_outage_started"), (gateway.home.restore, "grid_restored")):
        assert await hass.config_entries.async_unload(entry.entry_id)
        happen()
        gateway.home.advance(60)
        hass.set_state(CoreState.starting)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await poll_everything(hass, entry)
        assert drain(calls) == []
        hass.set_state(CoreState.running)
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
        await poll_everything(hass, entry)
        assert drain(calls) == [expected]


async def test_triggers_ignore_another_gateway_and_other_integrations(
    hass: HomeAssistant, loaded: Loaded, simulator: StartSimulator
) -> None:
    other = await add(hass, await simulator("21.44", serial="TG222222222222"))
    registry = er.async_get(hass)
    washer = registry.async_get_or_create("binary_sensor", "washer", "1", translation_key="running").entity_id
    target = {**device_of(hass, loaded[0]), "entity_id": washer}
    calls = await listen(hass, target)
    hass.states.async_set(washer, STATE_ON)
    hass.states.async_set(washer, STATE_OFF)
    await begin_outage(hass, other)
    other[0].running = False
    await poll_everything(hass, other[1])
    assert state_of(hass, other[0], "binary_sensor", "running") == STATE_OFF
    assert drain(calls) == []


async def test_conditions_follow_the_grid_and_the_powerwall(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    checkers = {}
    for key in CONDITIONS:
        config = {"condition": f"{DOMAIN}.{key}", "target": device_of(hass, gateway)}
        config = await condition_helper.async_validate_condition_config(hass, config)
        checkers[key] = await condition_helper.async_from_config(hass, config)

    def true() -> set[str]:
        return {key for key, checker in checkers.items() if checker.async_check()}

    assert true() == {"is_running"}
    await begin_outage(hass, loaded)
    assert true() == {"is_grid_out", "is_off_grid", "is_running"}
    gateway.faults.add("sitemaster", status=500)
    gateway.faults.add("system_status/grid_status", status=500)
    await hass.config_entries.async_reload(entry.entry_id)
    await poll_everything(hass, entry)
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_UNAVAILABLE
    assert true() == {"is_grid_out", "is_off_grid"}
    gateway.faults.clear()
    await restore_grid(hass, loaded)
    assert true() == {"is_running"}
    gateway.speed = 1000.0
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert true() == {"is_off_grid", "is_running"}
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    gateway.running = False
    await poll_everything(hass, entry)
    assert true() == set()
    gateway.running = True
    await begin_outage(hass, loaded)
    assert true() == set(CONDITIONS)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert true() == set()


async def test_triggers_and_conditions_are_described(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    triggers = await trigger_helper.async_get_all_descriptions(hass)
    conditions = await condition_helper.async_get_all_descriptions(hass)
    assert {key for key, described in triggers.items() if key.startswith(DOMAIN) and described} == {
        f"{DOMAIN}.{key}" for key in TRIGGERS
    }
    assert {key for key, described in conditions.items() if key.startswith(DOMAIN) and described} == {
        f"{DOMAIN}.{key}" for key in CONDITIONS
    }
