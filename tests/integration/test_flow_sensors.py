"""Sensors of the flows between solar, grid, battery and home."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC

import pytest
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.powerwall_gateway import entity
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS
from custom_components.powerwall_gateway.flow_split import Flows
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from simulator.wire import NANOSECONDS
from tests.accelerated_day import COUNTERS, expect_flows, home_of_the_day, pass_day
from tests.conftest import StartSimulator
from tests.integration.control import entity_of, poll

from .conftest import SetUp, state_of

ENABLED = {"solar_to_battery_energy", "grid_to_battery_energy", "battery_to_home_energy", "battery_to_grid_energy"}
KEYS = {f"{flow}_{quantity}" for flow in asdict(Flows()) for quantity in ("power", "energy")}


async def test_flows_by_default_enable_the_energies_of_the_battery(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    keys = {
        each.unique_id.removeprefix(f"{gateway.serial}_"): each.disabled_by
        for each in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if each.unique_id.removeprefix(f"{gateway.serial}_") in KEYS
    }
    assert keys.keys() == KEYS
    assert {key for key in KEYS if keys[key] is None} == ENABLED


async def test_flows_without_solar_have_no_solar(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {"solar": None}
    await set_up(gateway)
    registry = er.async_get(hass)
    found = {key for key in KEYS if registry.async_get_entity_id("sensor", DOMAIN, f"{gateway.serial}_{key}")}
    assert found == {key for key in KEYS if not key.startswith("solar")}


async def test_flows_after_restart_include_the_time_between(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    """The first state includes the charge while Home Assistant was not running."""
    gateway = await simulator("21.44")
    gateway.home.solar_power = gateway.home.home_power = 0.0
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "solar_to_battery_energy") == "0.0"
    counted = entry.runtime_data.live.flow_counters
    gateway.home.battery.packs[0].charged += 80
    gateway.home.energies.solar += 90
    await poll(hass, entry, "live")
    assert float(state_of(hass, gateway, "sensor", "solar_to_battery_energy") or 0) == pytest.approx(0.08, abs=0.01)
    stored = counted.as_dict()
    assert await hass.config_entries.async_unload(entry.entry_id)

    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{gateway.serial}_solar_to_battery_energy")
    assert entity_id
    mock_restore_cache_with_extra_data(hass, [(State(entity_id, "0.08"), stored)])
    gateway.home.battery.packs[0].charged += 60
    gateway.home.energies.solar += 90
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert float(state_of(hass, gateway, "sensor", "solar_to_battery_energy") or 0) == pytest.approx(0.14, abs=0.01)


async def test_flows_restored_by_every_sensor_count_a_response_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {"battery": {"energy_exported": 0, "energy_imported": 5000}}
    live = (await set_up(gateway)).runtime_data.live
    for _ in range(LASTING_POLLS):
        live.restore_flows(live.flow_counters.as_dict())
    assert "battery_discharge" not in live.flow_counters.as_dict()["counters"]  # a first 0 may be a glitch


async def test_flows_with_a_meter_out_of_contact_keep_their_energies(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    gateway.overrides["meters/aggregates"] = {"battery": {"instant_power": None}}
    await poll(hass, entry, "live")
    assert entry.runtime_data.live.data.flows.value.power is None
    assert state_of(hass, gateway, "sensor", "solar_to_battery_energy") == "0.0"


async def test_flows_of_a_day_with_outages_and_restart_follow_the_home(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    short_timings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Poll every 5 minutes for a day by the home's clock. Every tenth poll is lost."""
    home = home_of_the_day()
    monkeypatch.setattr(dt_util, "utcnow", lambda: home.now.astimezone(UTC))
    monkeypatch.setattr(entity, "monotonic", lambda: home.clock / NANOSECONDS)
    gateway = await simulator("21.44", home=home)
    entry = await set_up(gateway)
    for key in (*COUNTERS, *asdict(Flows())):
        er.async_get(hass).async_update_entity(entity_of(hass, gateway, "sensor", f"{key}_energy"), disabled_by=None)

    async def restart(hours: float) -> None:
        assert await hass.config_entries.async_unload(entry.entry_id)
        home.advance(hours * 3600)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()

    async def watch(hours: float) -> None:
        await entry.runtime_data.live.async_force_refresh()  # as after a change of the grid
        polls = round(hours * 12)
        for number in range(1, polls + 1):
            home.advance(300)
            if number % 10 or number == polls:
                await entry.runtime_data.live.async_force_refresh()

    def energies(keys: Iterable[str]) -> dict[str, float]:
        """Return energy sensors in Wh."""
        return {key: 1000 * float(state_of(hass, gateway, "sensor", f"{key}_energy") or 0) for key in keys}

    await restart(0)  # with all energies enabled
    before = energies(COUNTERS)
    await pass_day(home, watch, restart)
    counted = energies(COUNTERS)
    expect_flows(energies(asdict(Flows())), {key: counted[key] - before[key] for key in COUNTERS}, home.energies.flows)
