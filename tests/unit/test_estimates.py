"""Estimates of backup time and time to full: average power, and steps of the result."""

from math import exp

import pytest

from custom_components.powerwall_gateway.estimates import BatteryEstimates, PowerAverage
from custom_components.powerwall_gateway.gateway.models import Meter, MetersAggregates, StateOfEnergy, SystemStatus


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


def estimate(
    battery: SystemStatus | StateOfEnergy,
    *,
    home: float | None = 1500.0,
    power: float | None = 0.0,
    nominal_energy: float = 13.5,
    full_energy: float | None = None,
    reserve: float | None = None,
) -> BatteryEstimates | None:
    """Return the estimates for a home with a load and the power of a battery, both in W."""
    average = PowerAverage()
    average.update(MetersAggregates(load=Meter(instant_power=home), battery=Meter(instant_power=power)), 0)
    return BatteryEstimates.calculate(
        battery, average, nominal_energy=nominal_energy, full_energy=full_energy, reserve=reserve
    )


HALF_OF_12_KWH = SystemStatus(nominal_full_pack_energy=12_000.0, nominal_energy_remaining=6000.0)


@pytest.mark.parametrize(
    ("power", "reserve", "expected"),
    [
        pytest.param(-2000.0, 20.0, BatteryEstimates(backup=215, to_full=180), id="charges"),
        pytest.param(2000.0, 20.0, BatteryEstimates(backup=215, to_reserve=110), id="discharges"),
        pytest.param(2000.0, None, BatteryEstimates(backup=215), id="reserve unknown"),
        pytest.param(2000.0, 50.8, BatteryEstimates(backup=215, to_reserve=0), id="below the reserve"),
        pytest.param(None, 20.0, BatteryEstimates(backup=215), id="battery power unknown"),
    ],
)
def test_estimates_of_a_half_full_battery(
    power: float | None, reserve: float | None, expected: BatteryEstimates
) -> None:
    assert estimate(HALF_OF_12_KWH, power=power, reserve=reserve) == expected


@pytest.mark.parametrize(
    ("full_energy", "to_full"), [pytest.param(24_000.0, 120, id="in Wh"), pytest.param(None, 59, id="nominal, in kWh")]
)
def test_estimates_of_a_state_of_charge_use_the_best_known_energy(full_energy: float | None, to_full: int) -> None:
    estimates = estimate(StateOfEnergy(percentage=50.0), power=-6051.0, nominal_energy=12.0, full_energy=full_energy)
    assert estimates
    assert estimates.to_full == to_full


@pytest.mark.parametrize(
    ("battery", "nominal_energy"),
    [(StateOfEnergy(percentage=50.0), 0.0), (StateOfEnergy(), 13.5), (SystemStatus(), 13.5)],
)
def test_estimates_are_missing_without_charge_or_energy(
    battery: SystemStatus | StateOfEnergy, nominal_energy: float
) -> None:
    assert estimate(battery, nominal_energy=nominal_energy) is None


@pytest.mark.parametrize(("minutes", "shown"), [(59.9, 60), (60.6, 60), (359.9, 360), (360.0, 360), (382, 375)])
def test_estimate_changes_its_step_at_one_hour_and_six(minutes: float, shown: int) -> None:
    assert (estimates := estimate(HALF_OF_12_KWH, home=5400 / minutes * 60))
    assert estimates.backup == shown
