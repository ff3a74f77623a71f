"""Lifetime energies that the Energy dashboard can trust.

A gateway's counters glitch: one that reads 0 for a moment would count as a new meter and add
its whole life to the statistics, one that jumps would add energy that never flowed. The
home's counter is computed from the others and steps back by the 10 Wh per Powerwall in which
the battery's counters go (21.x). So a step that no house can make is held back until time
has made it possible, and a drop until it has lasted.
"""

from dataclasses import dataclass
import logging
from typing import Final

_LOGGER = logging.getLogger(__name__)

HOUSE_POWER: Final = 50_000.0
"""W: more than a house's connection carries."""

PACK_POWER: Final = 11_500.0
"""W: what the largest Powerwall gives or takes."""

_MARGIN: Final = 1.5
"""Room for a late poll."""

GRAIN: Final = 100.0
"""Wh within which counters may jump or step back without meaning anything."""

RESET_POLLS: Final = 3
RESET_SECONDS: Final = 15 * 60.0
"""How often, and for how long, a counter has to be lower before it is taken for a new one."""


@dataclass
class EnergyGuard:
    """Passes on one counter in Wh, and holds back what cannot be."""

    name: str
    rated_power: float
    """W of the most that can flow."""

    value: float | None = None
    """Wh that were passed on last."""

    at: float = 0.0
    """When that was, in seconds of any clock."""

    _lower_since: float | None = None
    _lower_polls: int = 0
    _told: bool = False

    def restore(self, value: float, at: float) -> None:
        """Take up what was passed on before a restart."""
        self.value, self.at = value, at

    def take(self, reading: float, now: float) -> float:
        """Give the energy to show for what the counter says."""
        if self.value is None:
            return self._pass_on(reading, now)
        if reading < self.value - GRAIN:
            return self._lower(reading, self.value, now)
        self._lower_since, self._lower_polls = None, 0
        if reading < self.value:
            return self.value
        if reading - self.value > max(0.0, now - self.at) / 3600 * self.rated_power * _MARGIN + GRAIN:
            self._tell("jumped", reading)
            return self.value
        return self._pass_on(reading, now)

    def _lower(self, reading: float, value: float, now: float) -> float:
        if self._lower_since is None:
            self._lower_since = now
        self._lower_polls += 1
        if self._lower_polls >= RESET_POLLS and now - self._lower_since >= RESET_SECONDS:
            _LOGGER.warning(
                "%s began anew at %.0f Wh; the gateway or a meter was replaced or reset", self.name, reading
            )
            return self._pass_on(reading, now)
        self._tell("fell", reading)
        return value

    def _pass_on(self, reading: float, now: float) -> float:
        self.value, self.at = reading, now
        self._lower_since, self._lower_polls, self._told = None, 0, False
        return reading

    def _tell(self, what: str, reading: float) -> None:
        if not self._told:
            self._told = True
            _LOGGER.warning("%s %s from %.0f to %.0f Wh: held back", self.name, what, self.value or 0.0, reading)
