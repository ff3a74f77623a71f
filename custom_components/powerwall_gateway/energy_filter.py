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
from dataclasses import dataclass, field, replace
import logging
from math import isfinite
from typing import Any, Final, Self

from .gateway.models import Meter, MetersAggregates

_LOGGER = logging.getLogger(__name__)

HOME_POWER: Final = 50_000.0
"""W: more than the grid connection of a home carries."""

POWERWALL_POWER: Final = 11_500.0
"""W: the most that the largest Powerwall charges or discharges with."""

LIFETIME: Final = 1e9
"""Wh: more than a home or a Powerwall counts in its life. A first value beyond it is not shown as it is."""

_COARSE: Final = 1e12
"""Wh from which on a float is too coarse to count on."""

_MARGIN: Final = 1.5
"""Room for a late poll."""

TOLERANCE: Final = 100.0
"""Wh by which a counter may jump or step back between any two polls."""

_ROUNDING: Final = 0.001
"""Wh by which the difference of two large numbers may be off."""

LASTING_POLLS: Final = 3
LASTING_SECONDS: Final = 15 * 60.0
"""Number of polls, and seconds, for which another counter has to be read before it is accepted."""


@dataclass(frozen=True, kw_only=True)
class CounterState:
    """Last accepted reading of a counter, and the energy that is shown for it, in Wh."""

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
        """Restore a state; the first versions stored only the value, at `written_at`.

        A stored value that cannot be a lifetime energy starts again at 0: statistics add nothing for that.
        """
        if (value := finite_number(stored.get("native_value"))) is None:
            return None
        at = finite_number(stored.get("at"))
        if at is None or at < 0:
            at = written_at
        reading, moved_at = finite_number(stored.get("reading")), finite_number(stored.get("moved_at"))
        return cls(
            reading=value if reading is None else reading,
            shown=value if 0 <= value <= _COARSE else 0.0,
            at=at,
            moved_at=at if moved_at is None else min(moved_at, at),
        )

    def earlier(self, seconds: float) -> Self:
        """Return the state with its times set back."""
        return replace(self, at=self.at - seconds, moved_at=self.moved_at - seconds)


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """Another counter that some polls have shown: its readings are not possible for the present one."""

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
        """Return the candidate with its times set back."""
        return replace(self, since=self.since - seconds, at=self.at - seconds)


@dataclass
class EnergyFilter:
    """Return the energy to show for the readings of one counter, in Wh."""

    name: str
    rated_power: float
    """Maximum power in W."""

    state: CounterState | None = None
    """Last accepted reading."""

    log_level: int = field(default=logging.WARNING, kw_only=True)

    _previous: CounterState | None = None
    """Previous counter, until the present one counts. If it never does, it was a long glitch."""

    _candidate: _Candidate | None = None
    _logged: bool = False

    def update(self, reading: float, now: float, *, proven: bool = False) -> float | None:
        """Return the energy to show for a reading, None while a first one may be a glitch.

        Set `proven` if the rest of the gateway's response proves that the meter's counters are real.
        """
        if isfinite(reading):
            self._follow_clock(now)
            self._process(reading + 0.0, now, proven=proven)
        return self.state.shown if self.state else None

    def _process(self, reading: float, now: float, *, proven: bool) -> None:
        if (state := self.state) is None:
            self._start(reading, now, proven=proven)
        elif (previous := self._previous) and self._is_previous(reading, previous, state, now):
            self._resume(previous, state, reading, now)
        elif self._is_possible(reading, state.reading, now - state.at):
            self._count(state, reading, now)
        elif (candidate := self._track_candidate(reading, now)).lasts:
            self._accept_candidate(state, candidate)
        elif not self._logged:
            self._logged = True
            what = "fell" if reading < state.reading else "jumped"
            _LOGGER.log(
                self.log_level, "%s %s from %.0f to %.0f Wh: held back", self.name, what, state.reading, reading
            )

    def _follow_clock(self, now: float) -> None:
        """Set all times back if the clock was set back: no wait may become longer by that."""
        back = max((known.at for known in (self.state, self._candidate) if known), default=now) - now
        if back > 0:
            self.state = self.state and self.state.earlier(back)
            self._previous = self._previous and self._previous.earlier(back)
            self._candidate = self._candidate and self._candidate.earlier(back)

    def _max_step(self, seconds: float) -> float:
        return max(0.0, seconds) / 3600 * self.rated_power * _MARGIN + TOLERANCE

    def _is_possible(self, reading: float, before: float, seconds: float) -> bool:
        """Return whether a counter can have reached a reading in so many seconds."""
        return -TOLERANCE - _ROUNDING <= reading - before <= self._max_step(seconds) + _ROUNDING

    def _is_previous(self, reading: float, previous: CounterState, state: CounterState, now: float) -> bool:
        """Return whether the reading is possible for the previous counter, and nearer to it than to the present one."""
        nearer = abs(reading - previous.reading) < abs(reading - state.reading)
        return nearer and self._is_possible(reading, previous.reading, now - previous.at)

    def _start(self, reading: float, now: float, *, proven: bool) -> None:
        """Start with a counter's first reading.

        A first 0 may be a glitch: if it were shown, the counter's whole life would seem to flow next.
        The same goes for what cannot be a lifetime energy, which is shown from 0 on if it lasts.
        """
        if not 0 < reading <= LIFETIME:
            first = self._track_candidate(reading, now)
            if not (first.lasts or (proven and first.polls >= LASTING_POLLS)):
                return
        self._accept(reading, reading if 0 <= reading <= LIFETIME else 0.0, now)

    def _count(self, state: CounterState, reading: float, now: float) -> None:
        """Follow the counter up. One that stepped back within the tolerance waits until it is passed."""
        if reading <= state.reading:
            self._accept(state.reading, state.shown, now, moved_at=state.moved_at)
            return
        self._previous = None
        # As the gateway prints it where both are the same, without the rounding errors of a sum.
        shown = reading if state.shown == state.reading else state.shown + (reading - state.reading)
        self._accept(reading, shown, now)

    def _resume(self, previous: CounterState, state: CounterState, reading: float, now: float) -> None:
        """Go on with the previous counter: the readings in between were a glitch."""
        _LOGGER.log(self.log_level, "%s continues from %.0f Wh after a glitch", self.name, reading)
        self._previous = None
        self._accept(reading, max(state.shown, previous.shown + (reading - previous.reading)), now)

    def _track_candidate(self, reading: float, now: float) -> _Candidate:
        """Return the candidate, from its first reading for as long as it goes on from there."""
        before = self._candidate
        if before and self._is_possible(reading, before.last, now - before.at):
            self._candidate = replace(before, last=reading, at=now, polls=before.polls + 1)
        else:
            self._candidate = _Candidate(first=reading, since=now, last=reading, at=now)
        return self._candidate

    def _accept_candidate(self, state: CounterState, new: _Candidate) -> None:
        """Add to the shown energy what another counter counted, as far as that can be known."""
        flowed = new.last - new.first
        fell = new.first < state.reading or state.reading < 0  # from below 0 to 0 is no step up
        if fell and 0 <= new.first <= self._max_step(new.since - state.at):
            flowed = new.last  # it began at 0 since the last poll
        elif state.reading and 0 < new.last - state.reading <= self._max_step(new.at - state.moved_at):
            flowed = new.last - state.reading  # it stood still, and caught up; one at 0 never counted
        if self._previous is None:  # once, also for a counter that runs backward all day
            _LOGGER.log(
                self.log_level,
                "%s was reset to %.0f Wh: continuing from %.0f Wh",
                self.name,
                new.last,
                state.shown,
            )
            self._previous = state
        self._accept(new.last, state.shown + max(0.0, flowed), new.at)

    def _accept(self, reading: float, shown: float, at: float, *, moved_at: float | None = None) -> None:
        self.state = CounterState(reading=reading, shown=shown, at=at, moved_at=at if moved_at is None else moved_at)
        self._candidate, self._logged = None, self._previous is not None


def finite_number(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def is_counting(meter: Meter | None, meters: MetersAggregates) -> bool:
    """Return whether a meter's counters are real: it measures, and the gateway has counters at all.

    A meter that is out of reach reads 0 in everything, and so do all counters of a gateway that starts.
    """
    return (
        meter is not None
        and any((meter.instant_power, meter.instant_average_voltage, meter.energy_imported, meter.energy_exported))
        and any(
            each and (each.energy_imported or each.energy_exported)
            for each in (meters.site, meters.battery, meters.load, meters.solar)
        )
    )
