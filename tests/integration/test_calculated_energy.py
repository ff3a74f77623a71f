"""Energy sensors that are calculated from power."""

import pytest
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.powerwall_gateway.const import CONF_ZERO_BELOW
from homeassistant.core import HomeAssistant, State
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import entity_of, let_pass, poll

from .conftest import SetUp, state_of

KEYS = ("grid_import", "grid_export", "solar", "home", "battery_charge", "battery_discharge")


def energies(hass: HomeAssistant, gateway: Simulator) -> list[float]:
    """Return the energies in Wh."""
    return [1000 * float(state_of(hass, gateway, "sensor", f"{key}_calculated") or "nan") for key in KEYS]


async def test_energy_is_added_up_and_kept(
    hass: HomeAssistant, all_enabled: None, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {
        name: {"instant_power": power, "energy_exported": 5000.0, "energy_imported": 5000.0}
        for name, power in {"site": -3600.0, "battery": -7200.0, "load": 36.0, "solar": 10_836.0}.items()
    }
    entry = await set_up(gateway, options={CONF_ZERO_BELOW: 500})
    let_pass(hass, 100)
    await poll(hass, entry, "live")
    added = [0, 100, 301, 1, 200, 0]
    assert energies(hass, gateway) == pytest.approx(added, rel=0.1)

    # A failed poll loses nothing, and a long gap is not counted.
    gateway.faults.add("meters/aggregates", status=500)
    let_pass(hass, 100)
    await poll(hass, entry, "live")
    gateway.faults.clear()
    let_pass(hass, 100)
    await poll(hass, entry, "live")
    assert energies(hass, gateway) == pytest.approx([3 * each for each in added], rel=0.1)
    let_pass(hass, 1000)
    await poll(hass, entry, "live")
    assert energies(hass, gateway) == pytest.approx([3 * each for each in added], rel=0.1)

    kept = [
        (State(entity_of(hass, gateway, "sensor", f"{key}_calculated"), "1"), {"native_value": 1000.0 * number})
        for number, key in enumerate(KEYS)
    ]
    assert await hass.config_entries.async_unload(entry.entry_id)
    mock_restore_cache_with_extra_data(
        hass, [(state, extra | {"native_unit_of_measurement": "Wh"}) for state, extra in kept]
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert energies(hass, gateway) == pytest.approx([1000 * number for number in range(6)], rel=0.1)
