"""Energies that the Energy dashboard can trust: glitches, resets, restarts."""

import pytest
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.powerwall_gateway.coordinator import base
from custom_components.powerwall_gateway.energy import GRAIN, HOUSE_POWER, LASTING_SECONDS, Count, EnergyGuard
from homeassistant.components.recorder.core import Recorder
from homeassistant.core import HomeAssistant, State
from tests.conftest import StartSimulator

from .conftest import SetUp, state_of

IMPORT = "sensor.home_energy_gateway_grid_import"


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Start the recorder, which has to come before everything else."""


def test_what_flows_is_passed_on() -> None:
    guard = EnergyGuard("import", HOUSE_POWER)
    assert [guard.take(reading, now) for now, reading in enumerate((5000.0, 5000.5, 5001.0))] == [5000, 5000.5, 5001]


@pytest.mark.parametrize("glitch", [0.0, 2500.0, 4899.0, 9_000_000.0])
def test_a_glitch_is_held_back_and_told_once(glitch: float, caplog: pytest.LogCaptureFixture) -> None:
    guard = EnergyGuard("import", HOUSE_POWER)
    guard.take(5000, 0)
    assert [guard.take(glitch, now) for now in (5, 10, 15)] == [5000, 5000, 5000]
    assert guard.take(5001, 20) == 5001
    assert len(caplog.records) == 1
    guard.take(glitch, 25)
    assert len(caplog.records) == 2


def test_a_step_back_within_the_grain_means_nothing(caplog: pytest.LogCaptureFixture) -> None:
    guard = EnergyGuard("home", HOUSE_POWER)
    assert [guard.take(reading, 5 * n) for n, reading in enumerate((5000, 4990, 4990, 5003))] == [
        5000,
        5000,
        5000,
        5003,
    ]
    assert [guard.take(5003 - GRAIN, 20 + now) for now in (0, LASTING_SECONDS, 2 * LASTING_SECONDS)] == [5003] * 3
    assert caplog.records == []


def knowing(reading: float, *, at: float = 0.0, ahead: float = 0.0, moved_at: float | None = None) -> EnergyGuard:
    count = Count(reading=reading, ahead=ahead, at=at, moved_at=at if moved_at is None else moved_at)
    return EnergyGuard("import", HOUSE_POWER, count)


def test_a_counter_that_began_anew_is_believed_after_three_polls_in_a_quarter_of_an_hour() -> None:
    guard = knowing(5000)
    assert [guard.take(10, now) for now in (5, 10, 15)] == [5000] * 3  # three polls, too soon
    assert guard.take(11, 5 + LASTING_SECONDS - 1) == 5000
    assert guard.take(12, 5 + LASTING_SECONDS) == 5012  # all that it has counted
    assert guard.take(13, 6 + LASTING_SECONDS) == 5013


@pytest.mark.parametrize("other", [2500, 4800, 9_000_000])
def test_another_counter_adds_what_it_counts_and_nothing_else(other: float) -> None:
    guard = knowing(5000)
    assert [guard.take(other + now, now) for now in (5, 10, 15)] == [5000] * 3
    assert guard.take(other + 40, 5 + LASTING_SECONDS) == 5035  # since it was first seen
    assert guard.take(other + 41, 6 + LASTING_SECONDS) == 5036


def test_a_counter_that_stood_still_catches_up() -> None:
    guard = knowing(5000)
    hours = 48 * 3600
    assert guard.take(5000, hours) == 5000
    assert guard.take(65_000, hours + 5) == 5000
    assert guard.take(65_001, hours + 10) == 5000
    assert guard.take(65_002, hours + 5 + LASTING_SECONDS) == 65_002


def test_what_was_a_glitch_for_hours_costs_nothing() -> None:
    guard = knowing(5000)
    shown = [guard.take(0, 60 * minute) for minute in range(1, 180)]
    assert set(shown) == {5000}
    assert guard.take(8000, 180 * 60) == 8000
    assert guard.take(8001, 181 * 60) == 8001


def test_a_young_counter_comes_back_from_a_long_glitch_too() -> None:
    guard = knowing(1200)
    for minute in range(1, 30):
        guard.take(0, 60 * minute)
    assert guard.take(1210, 30 * 60) == 1210  # by a minute at 75 kW it could have come from 0


def test_a_young_counter_that_was_reset_counts_on() -> None:
    guard = knowing(150)
    for minute in range(1, 30):
        guard.take(0, 60 * minute)
    assert guard.take(60, 30 * 60) == 210  # not far from where it was, but nearer to where it is


def test_a_counter_that_counts_is_no_glitch() -> None:
    guard = knowing(5000)
    for minute in range(1, 60):
        guard.take(minute, 60 * minute)
    assert guard.take(8000, 60 * 60) == 5059
    assert guard.take(60, 61 * 60) == 5060


def test_two_polls_make_no_new_meter() -> None:
    guard = knowing(5000)
    assert [guard.take(10, now) for now in (5, 5 + LASTING_SECONDS)] == [5000, 5000]


def test_a_counter_that_recovers_starts_the_quarter_of_an_hour_again() -> None:
    guard = knowing(5000)
    guard.take(10, 5)
    guard.take(10, 10)
    guard.take(5001, 15)
    assert guard.take(10, 6 + LASTING_SECONDS) == 5001


def test_what_is_here_and_there_is_no_counter() -> None:
    guard = knowing(5000)
    readings = [(2500, 0, 1_000_000)[poll % 3] for poll in range(100)]
    assert {guard.take(reading, 60 * poll) for poll, reading in enumerate(readings, 1)} == {5000}


def test_a_first_zero_has_to_last() -> None:
    guard = EnergyGuard("solar", HOUSE_POWER)
    assert [guard.take(0, now) for now in (0, 5)] == [None, None]
    assert guard.take(5000, 10) == 5000
    new = EnergyGuard("solar", HOUSE_POWER)
    assert [new.take(0, now) for now in (0, 5, LASTING_SECONDS)] == [None, None, 0]
    assert new.take(1, LASTING_SECONDS + 5) == 1


def test_a_long_silence_makes_a_large_step_possible() -> None:
    guard = knowing(5000)
    assert guard.take(5000 + 10 * HOUSE_POWER, 5 * 3600) == 5000
    assert guard.take(5000 + 10 * HOUSE_POWER, 10 * 3600) == 5000 + 10 * HOUSE_POWER


def test_a_clock_that_was_set_back_holds_nothing_back_for_long() -> None:
    guard = knowing(5000, at=1e9)
    assert guard.take(5001, 0) == 5001
    guard = knowing(5000, at=1e9)
    assert guard.take(8000, 0) == 5000
    assert guard.take(8000, 180) == 8000


def test_a_restart_changes_nothing() -> None:
    guard = knowing(12, at=100.0, ahead=5000, moved_at=50.0)
    assert guard.count is not None
    assert Count.from_dict(guard.count.as_dict(), 1e9) == guard.count
    assert Count.from_dict({"native_value": 5000.0}, 7.0) == Count(reading=5000, at=7, moved_at=7)
    assert Count.from_dict({"native_value": None}, 7.0) is None


async def test_a_counter_that_reads_zero_moves_nothing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    before = state_of(hass, gateway, "sensor", "grid_import_energy")
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0, "instant_power": 1}}
    await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "grid_power") == "1.0"
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == before
    assert state_of(hass, gateway, "sensor", "solar_energy") == "unknown"


async def test_a_counter_that_reads_zero_after_a_restart_moves_nothing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    truth = gateway.house.grid_import_energy
    kept = {"native_value": truth, "native_unit_of_measurement": "Wh"}
    mock_restore_cache_with_extra_data(hass, [(State(IMPORT, str(truth / 1000)), kept)])
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0}}
    entry = await set_up(gateway)
    assert float(state_of(hass, gateway, "sensor", "grid_import_energy") or 0) == pytest.approx(truth / 1000)
    gateway.overrides.clear()
    await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()
    assert float(state_of(hass, gateway, "sensor", "grid_import_energy") or 0) == pytest.approx(truth / 1000)


async def test_a_restart_while_nobody_answers_forgets_nothing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "KEPT_AT_LEAST", 0.0)
    monkeypatch.setattr(base, "KEPT_INTERVALS", 0)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    before = state_of(hass, gateway, "sensor", "grid_import_energy")
    gateway.faults.add("*", drop=True)
    await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "unavailable"
    await hass.config_entries.async_unload(entry.entry_id)
    gateway.faults.clear()
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0}}
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == before
