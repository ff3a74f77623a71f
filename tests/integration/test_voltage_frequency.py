"""Sensors of voltage and frequency for each meter, whose reported values need interpretation."""

import pytest

from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from simulator.wire import Json
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of


def meters(site: float, battery: float | None, *, frequency: float = 0.0) -> dict[str, Json]:
    """Return `meters/aggregates` with these voltages, and the frequency of the meters except the battery's."""
    time: dict[str, Json] = {"last_communication_time": "2026-06-21T13:00:00-07:00", "instant_power": 10}
    measured: dict[str, Json] = {**time, "instant_average_voltage": site, "frequency": frequency}
    inverter: Json = {**time, "instant_average_voltage": battery, "frequency": 60.0}
    return {"site": measured, "load": measured, "solar": measured, "battery": inverter}


@pytest.mark.parametrize(
    ("site", "battery", "frequency", "shown"),
    [
        (214.18, 247.4, 0.0, 247.3),  # split phase, both legs times the square root of 3 (21.39)
        (213.66, 246.9, 0.0, 246.7),
        (409.4, 236.0, 0.0, 409.4),  # three phases: from line to line
        (420.1, 242.0, 0.0, 420.1),  # one phase: not certain what it is
        (239.8, 240.1, 60.0, 239.8),  # a Neurio of 2018
        (123.9, 247.6, 50.0, 123.9),  # a Neurio of 2020
        (214.18, 247.4, 60.0, 214.2),  # measures a frequency, so it is no synchrometer
        (214.18, None, 0.0, 214.2),
        (214.18, 0.0, 0.0, 214.2),
        (0.0, 247.4, 0.0, 0.0),
    ],
)
async def test_voltage_is_corrected_where_it_is_certain(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    all_enabled: None,
    site: float,
    battery: float | None,
    frequency: float,
    shown: float,
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = meters(site, battery, frequency=frequency)
    await set_up(gateway)
    for name in ("grid", "home", "solar"):
        voltage = float(state_of(hass, gateway, "sensor", f"{name}_voltage") or "nan")
        assert voltage == pytest.approx(shown, abs=0.1), name
    if battery:
        assert float(state_of(hass, gateway, "sensor", "battery_voltage") or "nan") == battery


async def test_voltage_of_a_simulated_split_phase_site_is_the_home_voltage(
    hass: HomeAssistant, all_enabled: None, loaded: Loaded
) -> None:
    gateway, _ = loaded
    for name in ("grid", "home", "solar", "battery"):
        voltage = float(state_of(hass, gateway, "sensor", f"{name}_voltage") or "nan")
        assert voltage == pytest.approx(gateway.home.voltage, abs=0.2), name


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44", "pw3"])
async def test_grid_frequency_is_unknown_while_the_grid_is_not_connected(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)

    async def shown() -> str | None:
        await poll(hass, entry, "grid", "live")
        return state_of(hass, gateway, "sensor", "grid_frequency")

    assert float(await shown() or "nan") == pytest.approx(60, abs=0.1)
    gateway.home.outage()
    gateway.home.advance(10)
    assert await shown() == STATE_UNKNOWN
    battery = state_of(hass, gateway, "sensor", "battery_frequency")
    assert float(battery or "nan") == pytest.approx(60, abs=0.5)

    gateway.faults.add("system_status/grid_status", status=500)
    gateway.faults.add("system_status", status=500)
    assert await shown() == STATE_UNKNOWN
    gateway.faults.clear()

    gateway.home.restore()
    gateway.home.advance(1)
    assert await shown() == STATE_UNKNOWN  # it follows the grid and is not connected yet
    gateway.home.advance(300)
    assert float(await shown() or "nan") == pytest.approx(60, abs=0.1)
