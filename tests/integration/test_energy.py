"""Lifetime energies with glitches, resets and restarts."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.powerwall_gateway import coordinator
from homeassistant.components.recorder.core import Recorder
from homeassistant.core import HomeAssistant, State
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of

LASTING_SECONDS = 15 * 60.0
"""The limit in docs/energy-dashboard.md."""

IMPORT = "sensor.home_energy_gateway_grid_import"


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Start the recorder. It must be the first fixture."""


async def test_zero_reading_keeps_the_energy(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    before = state_of(hass, gateway, "sensor", "grid_import_energy")
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0, "instant_power": 1}}
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", "grid_power") == "1.0"
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == before
    assert state_of(hass, gateway, "sensor", "solar_energy") == "unknown"


async def test_zero_reading_after_a_restart_keeps_the_energy(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    truth = gateway.home.grid_import_energy
    kept = {"native_value": truth, "native_unit_of_measurement": "Wh"}
    mock_restore_cache_with_extra_data(hass, [(State(IMPORT, str(truth / 1000)), kept)])
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0}}
    entry = await set_up(gateway)
    assert float(state_of(hass, gateway, "sensor", "grid_import_energy") or 0) == pytest.approx(truth / 1000)
    gateway.overrides.clear()
    await poll(hass, entry, "live")
    assert float(state_of(hass, gateway, "sensor", "grid_import_energy") or 0) == pytest.approx(truth / 1000)


@pytest.mark.parametrize("stored", [-4_670_814.0, 1e300])
async def test_invalid_stored_energy_starts_from_zero(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, stored: float
) -> None:
    gateway = await simulator("21.44")
    kept = {"native_value": stored, "reading": gateway.home.grid_import_energy}
    mock_restore_cache_with_extra_data(hass, [(State(IMPORT, str(stored / 1000)), kept)])
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "0.0"
    gateway.home.energies.grid_import += 50
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "0.05"


async def test_energy_is_kept_over_a_restart_without_a_gateway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_backoff: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "KEPT_AT_LEAST", 0.0)
    monkeypatch.setattr(coordinator, "KEPT_INTERVALS", 0)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    before = state_of(hass, gateway, "sensor", "grid_import_energy")
    gateway.faults.add("*", drop=True)
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "unavailable"
    await hass.config_entries.async_unload(entry.entry_id)
    gateway.faults.clear()
    gateway.overrides["meters/aggregates"] = {"site": {"energy_imported": 0}}
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == before


IN_CONTACT: dict[str, Any] = {"instant_average_voltage": 209.5, "last_communication_time": "2026-06-21T13:00:00-07:00"}
COUNTED: dict[str, Any] = {**IN_CONTACT, "energy_imported": 5_000_000, "energy_exported": 1_000_000}


@pytest.mark.parametrize(
    ("meters", "shown"),
    [
        ({"load": {**IN_CONTACT, "energy_imported": 7_000_000, "energy_exported": 0}}, True),
        ({"load": {**IN_CONTACT, "energy_imported": 0, "energy_exported": 0}, "site": COUNTED}, True),
        ({"load": {"energy_imported": 0, "energy_exported": 0}, "site": COUNTED}, False),  # out of reach
        ({"load": {**IN_CONTACT, "energy_imported": 0, "energy_exported": 0}, "site": IN_CONTACT}, False),  # it starts
    ],
)
async def test_first_zero_is_shown_as_soon_as_it_is_certain(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    meters: dict[str, Any],
    shown: bool,
) -> None:
    """The third poll proves it, although no value changes. Without a proof it takes 15 minutes."""
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = meters
    entry = await set_up(gateway)

    async def poll_later() -> str | None:
        freezer.tick(5)
        await poll(hass, entry, "live")
        return state_of(hass, gateway, "sensor", "home_export_energy")

    assert [await poll_later(), await poll_later()] == ["unknown", "0.0" if shown else "unknown"]
    gateway.faults.add("meters/aggregates", drop=True)
    freezer.tick(LASTING_SECONDS)
    await poll_later()
    gateway.faults.clear()
    freezer.tick(60)
    assert await poll_later() == "0.0"


async def test_failed_polls_make_no_zero_certain(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {
        "load": {**IN_CONTACT, "energy_imported": 7_000_000, "energy_exported": 0}
    }
    entry = await set_up(gateway)
    gateway.faults.add("meters/aggregates", drop=True)
    for _ in range(5):
        await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "home_export_energy") == "unknown"
