"""Estimates: backup time, and time until the battery is full or at its reserve."""

from dataclasses import dataclass
from math import exp
from typing import Final, Self

from .gateway import HIDDEN_PERCENT
from .gateway.models import MetersAggregates, StateOfEnergy, SystemStatus

IDLE_POWER: Final = 50.0
"""W below which a battery counts as idle. An idle Powerwall fluctuates by some 10 W."""

POWERWALL_ENERGY: Final = 13.5
"""Nominal kWh of a Powerwall 2 or 3."""

_AVERAGED_SECONDS: Final = 300.0
"""Time constant of the average: a load of a few minutes must not halve the remaining time."""


class PowerAverage:
    """Power averaged over some minutes, in W with the gateway's signs."""

    def __init__(self) -> None:
        self.net_load: float | None = None
        """Home minus solar power: what the battery would have to supply alone."""

        self.battery: float | None = None
        """Positive while it discharges."""

        self._at = 0.0

    def update(self, meters: MetersAggregates, now: float) -> None:
        """Add the power at a monotonic time in seconds."""
        weight = 1 - exp((self._at - now) / _AVERAGED_SECONDS)
        self.net_load = _smooth(self.net_load, meters.net_load, weight)
        self.battery = _smooth(self.battery, meters.battery_power, weight)
        self._at = now


@dataclass(frozen=True, kw_only=True)
class BatteryEstimates:
    """Estimates in minutes, rounded so that a new state is worth it."""

    backup: int | None = None
    """Time to 0% in the app if the grid failed now; None while solar covers the home."""

    to_full: int | None = None
    """None while it does not charge."""

    to_reserve: int | None = None
    """None while it does not discharge, and if the reserve cannot be read."""

    @classmethod
    def calculate(
        cls,
        battery: SystemStatus | StateOfEnergy,
        average: PowerAverage,
        *,
        nominal_energy: float,
        full_energy: float | None,
        reserve: float | None,
    ) -> Self | None:
        """Return the estimates, None if the energy of the battery is not known.

        If the gateway only reports the charge, `full_energy` in Wh is used (a Powerwall 3 with a key), or
        `nominal_energy` in kWh (1.15). `reserve` is in % on the raw scale.
        """
        if isinstance(battery, SystemStatus):
            full = battery.nominal_full_pack_energy
        else:
            full = full_energy or nominal_energy * 1000
        charge = battery.percentage
        if not full or charge is None:
            return None

        def minutes(percent: float, power: float | None) -> int | None:
            if power is None or power < IDLE_POWER:
                return None
            return _in_steps(60 * full * max(0.0, percent) / 100 / power)

        return cls(
            backup=minutes(charge - HIDDEN_PERCENT, average.net_load),
            to_full=minutes(100 - charge, None if average.battery is None else -average.battery),
            to_reserve=None if reserve is None else minutes(charge - reserve, average.battery),
        )


def _smooth(smoothed: float | None, now: float | None, weight: float) -> float | None:
    if smoothed is None or now is None:
        return now
    return smoothed + weight * (now - smoothed)


def _in_steps(minutes: float) -> int:
    """Round to 1 minute below 1 hour, to 5 minutes below 6 hours, and to 15 minutes above."""
    step = 1 if minutes < 60 else 5 if minutes < 360 else 15
    return step * round(minutes / step)
