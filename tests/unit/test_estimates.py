"""Estimates of backup time and time to full: average power, and steps of the result."""

from math import exp

import pytest

from custom_components.powerwall_gateway.estimates import BatteryEstimates, PowerAverage
from custom_components.powerwall_gateway.gateway.models import Meter, MetersAggregates, SystemStatus


def meters(home: float | None, *, solar: float | None = None, battery: float = 0.0) -> MetersAggregates:
    """Return the meters of a home, powers in W."""
    return MetersAggregates(
        load=Meter(instant_power=home), solar=Meter(instant_power=solar), battery=Meter(instant_power=battery)
    )


@pytest.mark.parametrize("seconds", [5, 60, 300])
def test_average_follows_a_new_power_in_five_minutes(seconds: int) -> None:
    average = PowerAverage()
    average.update(meters(1000, battery=1000), 1000)
    for now in range(5, seconds + 1, 5):
        average.update(meters(3000, solar=500, battery=2000), 1000 + now)
    share = 1 - exp(-seconds / 300)
    assert average.net_load == pytest.approx(1000 + 1500 * share)
    assert average.battery == pytest.approx(1000 + 1000 * share)


def test_average_starts_again_after_a_missing_power() -> None:
    average = PowerAverage()
    average.update(meters(1000), 0)
    seen = [average.net_load]
    for now, power in ((5, None), (10, 3000)):
        average.update(meters(power), now)
        seen.append(average.net_load)
    assert seen == [1000, None, 3000]


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0.4, 0), (59.4, 59), (61.9, 60), (62.6, 65), (357.4, 355), (367, 360), (368, 375)]
)
def test_estimate_is_rounded_in_steps(minutes: float, shown: int) -> None:
    average = PowerAverage()
    average.update(meters(1000), 0)
    battery = SystemStatus(nominal_full_pack_energy=100_000.0, nominal_energy_remaining=5000 + minutes / 60 * 1000)
    estimates = BatteryEstimates.calculate(battery, average, nominal_energy=0.0, full_energy=None, reserve=None)
    assert estimates
    assert estimates.backup == shown


def test_estimate_is_missing_below_50_watts() -> None:
    battery = SystemStatus(nominal_full_pack_energy=100_000.0, nominal_energy_remaining=50_000.0)
    for power, is_shown in ((49.9, False), (50.0, True)):
        average = PowerAverage()
        average.update(meters(power), 0)
        estimates = BatteryEstimates.calculate(battery, average, nominal_energy=0.0, full_energy=None, reserve=None)
        assert estimates
        assert (estimates.backup is not None) is is_shown
