"""How long the energy lasts, and until when it is full."""

from dataclasses import dataclass
from math import exp
from typing import Final, Self

from .gateway.models import Meter, MetersAggregates, StateOfEnergy, SystemStatus
from .gateway.percent import HIDDEN

IDLE_POWER: Final = 50.0
"""W below which a battery does nothing worth the name; at rest a Powerwall wavers by some ten."""

POWERWALL_ENERGY: Final = 13.5
"""kWh that a Powerwall 2 or 3 holds by its nameplate."""

_TREND_SECONDS: Final = 300.0
"""Over how long power is smoothed: a kettle shall not halve the time that remains."""


class PowerAverage:
    """Powers smoothed over some minutes, in W with the gateway's signs."""

    def __init__(self) -> None:
        self.net_load: float | None = None
        """What the house draws beyond its own solar power: what the battery would have to give alone."""

        self.battery: float | None = None
        """Discharging +."""

        self._at = 0.0

    def take(self, meters: MetersAggregates, now: float) -> None:
        """Note what flows, at a monotonic time in seconds."""
        weight = 1 - exp((self._at - now) / _TREND_SECONDS)
        load, solar, battery = (_power(meter) for meter in (meters.load, meters.solar, meters.battery))
        self.net_load = _smooth(self.net_load, None if load is None else load - (solar or 0.0), weight)
        self.battery = _smooth(self.battery, battery, weight)
        self._at = now


@dataclass(frozen=True, kw_only=True)
class BatteryEstimates:
    """How long the energy lasts, in minutes and in steps that are worth a state."""

    backup: int | None = None
    """Until the app's 0 %, if the grid failed now; None while solar carries the house."""

    to_full: int | None = None
    """None while it does not charge."""

    to_reserve: int | None = None
    """None while it does not discharge, and where the reserve cannot be read."""

    @classmethod
    def of(
        cls,
        battery: SystemStatus | StateOfEnergy,
        trend: PowerAverage,
        *,
        nominal_energy: float,
        full_energy: float | None,
        reserve: float | None,
    ) -> Self | None:
        """Work it out, None where the packs' energy is not known.

        Where only the charge is measured, `full_energy` in Wh stands in (a Powerwall 3 with a
        key), or `nominal_energy` in kWh (1.15). `reserve` is in % on the raw scale.
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
            backup=minutes(charge - HIDDEN, trend.net_load),
            to_full=minutes(100 - charge, None if trend.battery is None else -trend.battery),
            to_reserve=None if reserve is None else minutes(charge - reserve, trend.battery),
        )


def _power(meter: Meter | None) -> float | None:
    return meter.instant_power if meter else None


def _smooth(smoothed: float | None, now: float | None, weight: float) -> float | None:
    if smoothed is None or now is None:
        return now
    return smoothed + weight * (now - smoothed)


def _in_steps(minutes: float) -> int:
    """Round to a minute below an hour, to five below six hours, to a quarter of an hour beyond."""
    step = 1 if minutes < 60 else 5 if minutes < 360 else 15
    return step * round(minutes / step)
