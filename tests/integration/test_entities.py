"""The entities: what they are called, what they measure, and that they tell what the house does."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import app_from_raw
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from tests.conftest import StartSimulator

from .conftest import SetUp, state_of

POWER = ("power", "measurement", "W")
ENERGY = ("energy", "total_increasing", "kWh")

ENTITIES: dict[str, tuple[str, tuple[str | None, str | None, str | None]]] = {
    "sensor.home_energy_gateway_grid_power": ("grid_power", POWER),
    "sensor.home_energy_gateway_battery_power": ("battery_power", POWER),
    "sensor.home_energy_gateway_home_power": ("home_power", POWER),
    "sensor.home_energy_gateway_solar_power": ("solar_power", POWER),
    "sensor.home_energy_gateway_grid_import": ("grid_import_energy", ENERGY),
    "sensor.home_energy_gateway_grid_export": ("grid_export_energy", ENERGY),
    "sensor.home_energy_gateway_solar_production": ("solar_energy", ENERGY),
    "sensor.home_energy_gateway_home_consumption": ("home_energy", ENERGY),
    "sensor.home_energy_gateway_battery_charged": ("battery_charge_energy", ENERGY),
    "sensor.home_energy_gateway_battery_discharged": ("battery_discharge_energy", ENERGY),
    "sensor.home_energy_gateway_charge": ("charge", ("battery", "measurement", "%")),
    "sensor.home_energy_gateway_grid_status": ("grid_status", ("enum", None, None)),
    "binary_sensor.home_energy_gateway_grid": ("grid", ("power", None, None)),
    "binary_sensor.home_energy_gateway_running": ("running", ("running", None, None)),
    "binary_sensor.home_energy_gateway_connected_to_tesla": ("connected_to_tesla", ("connectivity", None, None)),
}
"""Entity id, key, and device class, state class and unit. People's dashboards and statistics stand on all of it."""


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_the_entities(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    found: dict[str, Any] = {}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        state = hass.states.get(entity.entity_id)
        assert state is not None
        found[entity.entity_id] = (
            entity.unique_id.removeprefix(f"{gateway.serial}_"),
            tuple(state.attributes.get(name) for name in ("device_class", "state_class", "unit_of_measurement")),
        )
    assert found == ENTITIES


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_they_tell_what_the_house_does(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    gateway.house.solar_power = 5200
    gateway.house.home_power = 1100
    gateway.house.advance(3600)
    await set_up(gateway)
    house = gateway.house

    def value(key: str) -> float:
        return float(state_of(hass, gateway, "sensor", key) or "nan")

    for key in ("grid_power", "battery_power", "home_power", "solar_power"):
        assert value(key) == pytest.approx(getattr(house, key), abs=15)
    assert value("solar_power") > 5000
    assert value("battery_power") < 0  # charging
    assert value("charge") == pytest.approx(app_from_raw(house.charge), abs=0.06)
    # The battery's counters go in steps of 10 Wh, and the home's are computed from the others.
    for key in ("grid_import_energy", "grid_export_energy", "solar_energy", "home_energy"):
        assert value(key) == pytest.approx(getattr(house, key) / 1000, abs=0.03)
    for key in ("battery_charge_energy", "battery_discharge_energy"):
        assert value(key) == pytest.approx(getattr(house, key) / 1000, abs=0.03)


async def test_a_field_that_does_not_fit_is_unknown_and_its_neighbours_stay(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {
        "site": {"instant_power": "many", "energy_imported": 5000},
        "load": None,
        "battery": {"instant_power": 20},
    }
    gateway.overrides["system_status"] = {"nominal_full_pack_energy": None}
    await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_power") == "unknown"
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "5.0"
    assert state_of(hass, gateway, "sensor", "battery_power") == "20.0"
    assert state_of(hass, gateway, "sensor", "charge") == "unknown"
    # A meter that is not there makes no entity.
    assert state_of(hass, gateway, "sensor", "home_power") is None
    assert state_of(hass, gateway, "sensor", "solar_power") is None


async def test_a_meter_that_vanishes_later_is_unknown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    gateway.overrides["meters/aggregates"] = {"site": {"instant_power": 7}}
    await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "grid_power") == "7.0"
    assert state_of(hass, gateway, "sensor", "solar_power") == "unknown"
    assert state_of(hass, gateway, "sensor", "solar_energy") == "unknown"
