"""Energy calculated from power: it follows the home, never falls, and is never negative."""

from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.powerwall_gateway.sensor import LONGEST_GAP, PowerIntegral
from simulator.home import SimulatedHome

STEPS: Final = st.lists(st.tuples(st.floats(-1e300, 1e300) | st.floats(-20_000, 20_000), st.floats(-1e6, 1e6)))


@given(steps=STEPS, energy=st.floats(0, 1e9))
def test_energy_never_falls(steps: list[tuple[float, float]], energy: float) -> None:
    integral, now = PowerIntegral(energy), 1e6
    for power, seconds in steps:
        before, now = integral.energy, now + seconds
        integral.update(power, now)
        assert before <= integral.energy <= before + 50_000 * LONGEST_GAP / 3600


def test_power_between_two_values_is_their_mean() -> None:
    integral = PowerIntegral(100.0)
    for power, now in ((1000, 0), (2000, 36), (-2000, 72), (-2000, 108)):
        integral.update(power, now)
    assert integral.energy == pytest.approx(100 + 15 + 10)


def test_gap_adds_nothing_if_it_is_long() -> None:
    integral = PowerIntegral()
    integral.update(3600, 0)
    integral.update(3600, LONGEST_GAP)
    assert integral.energy == LONGEST_GAP
    integral.update(3600, 2 * LONGEST_GAP + 1)
    assert integral.energy == LONGEST_GAP
    integral.update(1e9, 2 * LONGEST_GAP + 2)  # a glitch
    integral.update(3600, 2 * LONGEST_GAP + 3)
    assert integral.energy == LONGEST_GAP + 2


def test_energy_of_a_simulated_home_is_within_1_percent() -> None:
    home = SimulatedHome(charge=40.0)
    integrals = {name: PowerIntegral() for name in ("solar", "home", "imported", "exported", "charged", "discharged")}

    def counters() -> list[float]:
        return [
            home.solar_energy,
            home.home_energy,
            home.grid_import_energy,
            home.grid_export_energy,
            home.battery_charge_energy,
            home.battery_discharge_energy,
        ]

    start = counters()
    for number in range(12 * 360):
        flow = home.flow
        powers = (flow.solar, flow.home, flow.grid, -flow.grid, -flow.battery, flow.battery)
        for integral, power in zip(integrals.values(), powers, strict=True):
            integral.update(power, 10.0 * number)
        home.advance(10.0)
    counted = [now - before for now, before in zip(counters(), start, strict=True)]
    assert [each.energy for each in integrals.values()] == pytest.approx(counted, rel=0.01, abs=20)
    assert sum(each > 1000 for each in counted) >= 4
