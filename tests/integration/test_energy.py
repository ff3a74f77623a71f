"""Energies that the Energy dashboard can trust: glitches, resets, restarts."""

import pytest
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.powerwall_gateway.energy import GRAIN, HOUSE_POWER, RESET_SECONDS, EnergyGuard
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
    assert [guard.take(5003 - GRAIN, 20 + now) for now in (0, RESET_SECONDS, 2 * RESET_SECONDS)] == [5003] * 3
    assert caplog.records == []


def test_a_new_meter_is_believed_after_three_polls_in_a_quarter_of_an_hour() -> None:
    guard = EnergyGuard("solar", HOUSE_POWER)
    guard.take(5000, 0)
    assert [guard.take(10, now) for now in (5, 10, 15)] == [5000] * 3  # three polls, too soon
    assert guard.take(11, 5 + RESET_SECONDS - 1) == 5000
    assert guard.take(12, 5 + RESET_SECONDS) == 12
    assert guard.take(13, 6 + RESET_SECONDS) == 13


def test_two_polls_make_no_new_meter() -> None:
    guard = EnergyGuard("solar", HOUSE_POWER)
    guard.take(5000, 0)
    assert [guard.take(10, now) for now in (5, 5 + RESET_SECONDS)] == [5000, 5000]


def test_a_counter_that_recovers_starts_the_quarter_of_an_hour_again() -> None:
    guard = EnergyGuard("solar", HOUSE_POWER)
    guard.take(5000, 0)
    guard.take(10, 5)
    guard.take(10, 10)
    guard.take(5001, 15)
    assert guard.take(10, 6 + RESET_SECONDS) == 5001


def test_a_long_silence_makes_a_large_step_possible() -> None:
    guard = EnergyGuard("import", HOUSE_POWER, value=5000, at=0)
    assert guard.take(5000 + 10 * HOUSE_POWER, 5 * 3600) == 5000
    assert guard.take(5000 + 10 * HOUSE_POWER, 10 * 3600) == 5000 + 10 * HOUSE_POWER


def test_a_clock_that_was_set_back_passes_small_steps() -> None:
    guard = EnergyGuard("import", HOUSE_POWER, value=5000, at=1e9)
    assert guard.take(5001, 0) == 5001


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
