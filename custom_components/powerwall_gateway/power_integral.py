"""Compute energy from the power of the polls, for gateways whose own counters are wrong."""

from typing import Final

from .energy_filter import HOME_POWER

LONGEST_GAP: Final = 300.0
"""Most seconds between two values. What flowed in a longer gap is unknown, and is not counted."""


class PowerIntegral:
    """Energy in Wh by the trapezoidal rule. It never falls: only what flows in one direction is counted."""

    def __init__(self, energy: float = 0.0) -> None:
        self.energy = energy
        self._last: tuple[float, float] | None = None
        """Power at the last update, and its time."""

    def update(self, power: float, now: float) -> None:
        """Add the energy since the last update. `power` is in W, `now` in monotonic seconds.

        A power against the counted direction counts as 0 W. One that no home has is ignored.
        """
        if abs(power) > HOME_POWER:
            return
        power = max(0.0, power)
        if self._last:
            before, at = self._last
            seconds = now - at
            if 0 < seconds <= LONGEST_GAP:
                self.energy += (before + power) / 2 * seconds / 3600
        self._last = power, now
