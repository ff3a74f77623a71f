"""A day of a simulated home, for tests of the flows between solar, grid, battery and home."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest

from simulator import SimulatedHome

COUNTERS: Final = ("solar", "grid_import", "grid_export", "generator_export", "battery_charge", "battery_discharge")
"""Energies that the meters count and the flows split."""

SMALL: Final = 20.0
"""Wh: the counters of a battery have steps of 10 Wh."""


def home_of_the_day() -> SimulatedHome:
    """Return a home with a generator, whose battery is full for some hours of the day."""
    return SimulatedHome(packs=1, charge=30.0, generator=True)


async def pass_day(
    home: SimulatedHome, watch: Callable[[float], Awaitable[None]], restart: Callable[[float], Awaitable[None]]
) -> None:
    """Let a day pass with changing loads, two outages and a restart.

    `watch` lets so many hours pass, and `restart` so many until Home Assistant is there again.
    """
    await watch(1)
    home.outage()
    home.home_power = 7000.0  # more than the sun supplies: the generator charges the battery
    await watch(1)
    home.restore()
    home.home_power = None
    await watch(4)
    home.mode = "backup"  # the grid supplies the home, and solar charges the battery
    await watch(4)
    await restart(0.5)
    home.mode = "self_consumption"
    await watch(5)
    home.outage()
    await watch(1.5)
    home.restore()
    await watch(7)


def expect_flows(flows: Mapping[str, float], counted: Mapping[str, float], true: Mapping[str, float]) -> None:
    """Check energies in Wh: the parts sum to what the meters counted, and are within 1% of what flowed."""
    for parts, counter in {
        "solar_to": counted["solar"],
        "grid_to": counted["grid_import"] + counted["generator_export"],
        "battery_to": counted["battery_discharge"],
        "to_battery": counted["battery_charge"],
        "to_grid": counted["grid_export"],
    }.items():
        assert sum(energy for flow, energy in flows.items() if parts in flow) == pytest.approx(counter, abs=1), parts
    for flow, energy in flows.items():
        assert energy == pytest.approx(true[flow], rel=0.01, abs=SMALL), flow
