"""Lifetime energies that the Energy dashboard can trust.

A gateway's counters glitch: one that reads 0 for a moment would count as a new meter and add
its whole life to the statistics, one that jumps would add energy that never flowed. The
home's counter is computed from the others and steps back by the 10 Wh per Powerwall in which
the battery's counters go (21.x). So a step that no house can make is held back.

What lasts is another counter: that of a new meter, or of one that was reset. What is shown goes
on from where it was, by what the other counter counts: a smaller number would be taken off the
statistics or taken for a new life, a larger one would be added to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import logging
from typing import Any, Final, Self

_LOGGER = logging.getLogger(__name__)

HOUSE_POWER: Final = 50_000.0
"""W: more than a house's connection carries."""

PACK_POWER: Final = 11_500.0
"""W: what the largest Powerwall gives or takes."""

_MARGIN: Final = 1.5
"""Room for a late poll."""

GRAIN: Final = 100.0
"""Wh within which counters may jump or step back without meaning anything."""

LASTING_POLLS: Final = 3
LASTING_SECONDS: Final = 15 * 60.0
"""How often, and for how long, a counter has to be elsewhere before it is taken for another one."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a counter said, in Wh, and what was shown for it."""

    reading: float

    ahead: float = 0.0
    """By how much what is shown is ahead of the counter: what others counted before it."""

    at: float
    """When that was, in seconds of any clock."""

    moved_at: float
    """When the counter moved last."""

    @property
    def shown(self) -> float:
        """What was passed on."""
        return self.reading + self.ahead

    def as_dict(self) -> dict[str, float]:
        """Give what is kept over a restart."""
        return {"native_value": self.shown, "reading": self.reading, "at": self.at, "moved_at": self.moved_at}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any], written_at: float) -> Self | None:
        """Take up what was kept; earlier versions kept the value alone, which was written then."""
        shown = kept.get("native_value")
        if not isinstance(shown, int | float):
            return None
        reading, at = kept.get("reading", shown), kept.get("at", written_at)
        return cls(reading=reading, ahead=shown - reading, at=at, moved_at=kept.get("moved_at", at))


@dataclass(frozen=True, kw_only=True)
class _Elsewhere:
    """A counter that is where no house can have brought it, for some polls."""

    first: float
    since: float
    last: float
    at: float
    polls: int = 1

    @property
    def lasts(self) -> bool:
        """Whether it is no glitch."""
        return self.polls >= LASTING_POLLS and self.at - self.since >= LASTING_SECONDS


@dataclass
class EnergyGuard:
    """Passes on one counter in Wh, and holds back what cannot be."""

    name: str
    rated_power: float
    """W of the most that can flow."""

    count: Count | None = None
    """What was passed on last."""

    _former: Count | None = None
    """The same of the counter before this one, until this one counts: one that never does was a long glitch."""

    _elsewhere: _Elsewhere | None = None
    _told: bool = False

    def take(self, reading: float, now: float) -> float | None:
        """Give the energy to show for what the counter says, None for a first 0 that may be a glitch."""
        if self.count is None:
            return self._begin(reading, now)
        if self.count.at > now:  # the clock was set back
            self.count = replace(self.count, at=now, moved_at=now)
        if self._former and self._is_back(reading, self._former, self.count, now):
            return self._come_back(self.count, self._former, reading, now)
        if self._follows(reading, self.count.reading, now - self.count.at):
            return self._go_on(self.count, reading, now)
        elsewhere = self._see_elsewhere(reading, now)
        if elsewhere.lasts:
            return self._believe(self.count, elsewhere)
        if not self._told:
            self._told = True
            what = "fell" if reading < self.count.reading else "jumped"
            _LOGGER.warning("%s %s from %.0f to %.0f Wh: held back", self.name, what, self.count.reading, reading)
        return self.count.shown

    def _possible(self, seconds: float) -> float:
        return max(0.0, seconds) / 3600 * self.rated_power * _MARGIN + GRAIN

    def _follows(self, reading: float, before: float, seconds: float) -> bool:
        """Tell whether a counter can have come here in so many seconds."""
        return -GRAIN <= reading - before <= self._possible(seconds)

    def _is_back(self, reading: float, former: Count, count: Count, now: float) -> bool:
        """Tell whether it is the counter from before: it can be, and is nearer to that than to the present one."""
        nearer = abs(reading - former.reading) < abs(reading - count.reading)
        return nearer and self._follows(reading, former.reading, now - former.at)

    def _begin(self, reading: float, now: float) -> float | None:
        """Start with what a counter says; a 0 has to last, or its whole life would seem to flow next."""
        if reading == 0 and not self._see_elsewhere(reading, now).lasts:
            return None
        return self._pass_on(Count(reading=reading, at=now, moved_at=now))

    def _go_on(self, count: Count, reading: float, now: float) -> float:
        if reading < count.reading:
            self._elsewhere = None
            return count.shown
        if reading == count.reading:
            return self._pass_on(replace(count, at=now))
        self._former = None
        return self._pass_on(replace(count, reading=reading, at=now, moved_at=now))

    def _come_back(self, count: Count, former: Count, reading: float, now: float) -> float:
        """Go on with the counter from before what was no other one."""
        _LOGGER.warning("%s goes on from %.0f Wh: it was a glitch", self.name, reading)
        self._former = None
        ahead = max(former.ahead, count.shown - reading)
        return self._pass_on(Count(reading=reading, ahead=ahead, at=now, moved_at=now))

    def _see_elsewhere(self, reading: float, now: float) -> _Elsewhere:
        """Note a counter elsewhere, from its first reading for as long as it goes on from there."""
        before = self._elsewhere
        if before and self._follows(reading, before.last, now - before.at):
            self._elsewhere = replace(before, last=reading, at=now, polls=before.polls + 1)
        else:
            self._elsewhere = _Elsewhere(first=reading, since=now, last=reading, at=now)
        return self._elsewhere

    def _believe(self, count: Count, new: _Elsewhere) -> float:
        """Go on from what was shown by what another counter counted, as far as that can be told."""
        flowed = max(0.0, new.last - new.first)
        if new.first < count.reading and new.first <= self._possible(new.since - count.at):
            flowed = new.last  # it began at 0 since it was looked at last
        elif 0 < new.last - count.reading <= self._possible(new.at - count.moved_at):
            flowed = new.last - count.reading  # it stood still, and caught up
        _LOGGER.warning(
            "%s is another counter, at %.0f Wh; what is shown goes on from %.0f Wh", self.name, new.last, count.shown
        )
        self._former = count
        return self._pass_on(Count(reading=new.last, ahead=count.shown + flowed - new.last, at=new.at, moved_at=new.at))

    def _pass_on(self, count: Count) -> float:
        self.count = count
        self._elsewhere, self._told = None, False
        return count.shown
