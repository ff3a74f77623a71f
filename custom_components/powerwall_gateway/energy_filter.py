"""Filter lifetime energy counters so that Home Assistant's long-term statistics stay correct.

A gateway's counters have glitches. A counter that reads 0 for one poll would count as a new meter,
and its whole lifetime would be added to the statistics. A counter that jumps would add energy that never flowed.
The home's counter is computed from the others and steps back by the 10 Wh per Powerwall in which the battery
counts (21.x). Counters below zero exist, too.

The number that is shown is therefore kept apart from the counter. It grows by what the counter counts, never falls
and is never negative. A step that no home can make is held back. If it lasts, it is another counter, for example of
a new meter or after a reset: the number that is shown then grows by what the other counter counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import logging
from math import isfinite
from typing import Any, Final, Self

_LOGGER = logging.getLogger(__name__)

HOUSE_POWER: Final = 50_000.0
"""W: more than the grid connection of a home carries."""

PACK_POWER: Final = 11_500.0
"""W: the most that the largest Powerwall charges or discharges with."""

LIFETIME: Final = 1e9
"""Wh: more than a home or a Powerwall counts in its life. A first value beyond it is not shown as it is."""

_COARSE: Final = 1e12
"""Wh from which on a float is too coarse to count on."""

_MARGIN: Final = 1.5
"""Room for a late poll."""

GRAIN: Final = 100.0
"""Wh by which a counter may jump or step back between any two polls."""

_ROUNDING: Final = 0.001
"""Wh by which the difference of two large numbers may be off."""

LASTING_POLLS: Final = 3
LASTING_SECONDS: Final = 15 * 60.0
"""How many polls, and for how long, a counter has to be elsewhere before it is believed."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """A counter's last believed reading, and the energy that is shown for it, in Wh."""

    reading: float
    """Of any sign."""

    shown: float

    at: float
    """Time of the reading, in seconds of any clock."""

    moved_at: float
    """Time when the counter moved last."""

    def as_dict(self) -> dict[str, float]:
        """Return what is stored over a restart."""
        return {"native_value": self.shown, "reading": self.reading, "at": self.at, "moved_at": self.moved_at}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], written_at: float) -> Self | None:
        """Restore a count; the first versions stored only the value, at `written_at`.

        A stored value that cannot be a lifetime energy starts again at 0: statistics add nothing for that.
        """
        if (value := _number(stored.get("native_value"))) is None:
            return None
        at = _number(stored.get("at"))
        if at is None or at < 0:
            at = written_at
        reading, moved_at = _number(stored.get("reading")), _number(stored.get("moved_at"))
        return cls(
            reading=value if reading is None else reading,
            shown=value if 0 <= value <= _COARSE else 0.0,
            at=at,
            moved_at=at if moved_at is None else min(moved_at, at),
        )

    def earlier(self, seconds: float) -> Self:
        """Move it back in time, as the clock was."""
        return replace(self, at=self.at - seconds, moved_at=self.moved_at - seconds)


@dataclass(frozen=True, kw_only=True)
class _Elsewhere:
    """A counter that is where no home can have brought it, since some polls."""

    first: float
    since: float
    last: float
    at: float
    polls: int = 1

    @property
    def lasts(self) -> bool:
        """Return whether it is no glitch."""
        return self.polls >= LASTING_POLLS and self.at - self.since >= LASTING_SECONDS

    def earlier(self, seconds: float) -> Self:
        """Move it back in time, as the clock was."""
        return replace(self, since=self.since - seconds, at=self.at - seconds)


@dataclass
class EnergyFilter:
    """Return the energy to show for the readings of one counter, in Wh."""

    name: str
    rated_power: float
    """W of the most that can flow."""

    count: Count | None = None
    """The reading that was believed last."""

    _former: Count | None = None
    """The last counter that counted, until the present one counts. One that never counts was a long glitch."""

    _elsewhere: _Elsewhere | None = None
    _logged: bool = False

    def take(self, reading: float, now: float, *, counts: bool = False) -> float | None:
        """Return the energy to show for a reading, None while a first one may be a glitch.

        `counts` says that the rest of the gateway's response proves that the meter's counters are real.
        """
        if isfinite(reading):
            self._follow_clock(now)
            self._take(reading + 0.0, now, counts=counts)
        return self.count.shown if self.count else None

    def _take(self, reading: float, now: float, *, counts: bool) -> None:
        if (count := self.count) is None:
            self._begin(reading, now, counts=counts)
        elif (former := self._former) and self._is_back(reading, former, count, now):
            self._come_back(count, former, reading, now)
        elif self._follows(reading, count.reading, now - count.at):
            self._go_on(count, reading, now)
        elif (elsewhere := self._see_elsewhere(reading, now)).lasts:
            self._believe(count, elsewhere)
        elif not self._logged:
            self._logged = True
            what = "fell" if reading < count.reading else "jumped"
            _LOGGER.warning("%s %s from %.0f to %.0f Wh: held back", self.name, what, count.reading, reading)

    def _follow_clock(self, now: float) -> None:
        """Move everything back in time when the clock was set back: no wait may become longer by that."""
        back = max((known.at for known in (self.count, self._elsewhere) if known), default=now) - now
        if back > 0:
            self.count = self.count and self.count.earlier(back)
            self._former = self._former and self._former.earlier(back)
            self._elsewhere = self._elsewhere and self._elsewhere.earlier(back)

    def _possible(self, seconds: float) -> float:
        return max(0.0, seconds) / 3600 * self.rated_power * _MARGIN + GRAIN

    def _follows(self, reading: float, before: float, seconds: float) -> bool:
        """Return whether a counter can have come here in so many seconds."""
        return -GRAIN - _ROUNDING <= reading - before <= self._possible(seconds) + _ROUNDING

    def _is_back(self, reading: float, former: Count, count: Count, now: float) -> bool:
        """Return whether it is the former counter: it can be, and is nearer to that than to the present one."""
        nearer = abs(reading - former.reading) < abs(reading - count.reading)
        return nearer and self._follows(reading, former.reading, now - former.at)

    def _begin(self, reading: float, now: float, *, counts: bool) -> None:
        """Start with a counter's first reading.

        A first 0 may be a glitch: if it were shown, the counter's whole life would seem to flow next.
        The same goes for what cannot be a lifetime energy, which is shown from 0 on if it lasts.
        """
        if not 0 < reading <= LIFETIME:
            first = self._see_elsewhere(reading, now)
            if not (first.lasts or (counts and first.polls >= LASTING_POLLS)):
                return
        shown = reading if 0 <= reading <= LIFETIME else 0.0
        self._accept(Count(reading=reading, shown=shown, at=now, moved_at=now))

    def _go_on(self, count: Count, reading: float, now: float) -> None:
        """Follow the counter up. One that stepped back within the grain waits until it is passed."""
        if reading <= count.reading:
            self._accept(replace(count, at=now))
            return
        self._former = None
        # As the gateway prints it where both are the same, without the dust of adding up.
        shown = reading if count.shown == count.reading else count.shown + (reading - count.reading)
        self._accept(Count(reading=reading, shown=shown, at=now, moved_at=now))

    def _come_back(self, count: Count, former: Count, reading: float, now: float) -> None:
        """Go on with the former counter: what was between was no other one."""
        _LOGGER.warning("%s goes on from %.0f Wh: it was a glitch", self.name, reading)
        self._former = None
        shown = max(count.shown, former.shown + (reading - former.reading))
        self._accept(Count(reading=reading, shown=shown, at=now, moved_at=now))

    def _see_elsewhere(self, reading: float, now: float) -> _Elsewhere:
        """Note a counter elsewhere, from its first reading for as long as it goes on from there."""
        before = self._elsewhere
        if before and self._follows(reading, before.last, now - before.at):
            self._elsewhere = replace(before, last=reading, at=now, polls=before.polls + 1)
        else:
            self._elsewhere = _Elsewhere(first=reading, since=now, last=reading, at=now)
        return self._elsewhere

    def _believe(self, count: Count, new: _Elsewhere) -> None:
        """Go on from what is shown by what another counter counted, as far as that can be known."""
        flowed = new.last - new.first
        fell = new.first < count.reading or count.reading < 0  # from below 0 to 0 is no step up
        if fell and 0 <= new.first <= self._possible(new.since - count.at):
            flowed = new.last  # it began at 0 since the last poll
        elif count.reading and 0 < new.last - count.reading <= self._possible(new.at - count.moved_at):
            flowed = new.last - count.reading  # it stood still, and caught up; one at 0 never counted
        shown = count.shown + max(0.0, flowed)
        if self._former is None:  # once, also for a counter that runs backward all day
            _LOGGER.warning(
                "%s is another counter, at %.0f Wh: counting on from %.0f Wh", self.name, new.last, count.shown
            )
            self._former = count
        self._accept(Count(reading=new.last, shown=shown, at=new.at, moved_at=new.at))

    def _accept(self, count: Count) -> None:
        self.count = count
        self._elsewhere, self._logged = None, self._former is not None


def _number(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None
