"""One side under one fault after the other: what is hidden, for how long, and what it costs."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from simulator import Simulator
from simulator.front import Request
from tools.benchmarks.sides import Side
from tools.child_process import ProcessError
from tools.hass_process.log import Record, records

from .dozen import Fault
from .watch import Watch

BACK_WITHIN: Final = 75.0
"""Seconds after a fault, in which core polls twice; what is not back by then does not come back by itself."""

NAME: Final = "powerwall"
"""What a log record has in it that is about the integration: each has its Home Assistant to itself."""

LEEWAY: Final = 3.0
"""Seconds in which what a request met is seen: core shows nothing before all of a poll's ten requests have come."""

LOADED_WITHIN: Final = 60.0
RELOADS: Final = 3

LEFT_WITHIN: Final = 15.0
"""Seconds in which tasks and sockets that were needed are let go."""

BETWEEN_LOOKS: Final = 1.0
LOOKS: Final = 5

SAME_POLL: Final = 0.7
"""Seconds between two requests to one path that belong to one poll: core asks for some of them three times."""


@dataclass(frozen=True, kw_only=True)
class Suffered:
    """What one fault cost one side."""

    fault: str
    met: bool
    """False where the integration did not even ask."""

    of: int
    """So many entities showed something before."""

    hidden: int
    beyond: tuple[str, ...]
    """Those of the hidden ones that do not stand on what failed."""

    hidden_after: float | None
    """Seconds from the fault to the first of them; None where nothing was hidden."""

    back_after: float | None
    """Seconds from the end of the fault until all were back; None where that took a reload."""

    polls: int
    """From the end of the fault until all were back, or it was given up."""

    requests: int
    """From the fault until it was seen to be over."""

    records: int
    """That name the integration, until the next fault."""

    most_records: int
    """One down and one up, for each thing that the fault is."""

    tracebacks: int
    tasks_left: int
    sockets_left: int

    @property
    def in_words(self) -> str:
        """Say it in half a line."""
        if not self.met:
            return "did not ask"
        if self.hidden_after is None:
            return f"all {self.of} stay"
        back = "STOPPED until reloaded" if self.back_after is None else f"back after {self.back_after:.1f} s"
        return f"{self.hidden} of {self.of} hidden, {back}"


def polls(since: float, times: Iterable[float]) -> int:
    """Count the polls after a moment by the times of their requests to one path; some ask for it more than once."""
    count, last = 0, since
    for at in sorted(times):
        count += at - last > SAME_POLL
        last = at
    return count


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds."""

    tasks: int
    sockets: int


def _polls(request: Request, fault: Fault) -> bool:
    """Tell whether a request polls what shows that a fault is over: with a session, without which nothing is told."""
    return request.path == fault.pulse and request.authenticated


class Sufferer:
    """One side with its gateway; faults happen to it one after the other."""

    def __init__(self, side: Side, simulator: Simulator, watch: Watch) -> None:
        self.side = side
        self._simulator = simulator
        self._watch = watch
        self._normal = Held(0, 0)
        self.told: list[Record] = []
        """All that was logged about the integration."""

    async def settle(self) -> None:
        """See what the process holds while all is well."""
        looks = [await self._look() for _ in range(LOOKS)]
        self._normal = Held(max(look.tasks for look in looks), max(look.sockets for look in looks))

    async def suffer(self, fault: Fault, times: float) -> Suffered:
        """Have a fault happen, wait until all is well, and load the integration anew where that is what it takes."""
        logged, asked = len(records(self.side.log)), len(self._simulator.requests)
        self._watch.begin()
        began = monotonic()
        ended = await fault.happen(self._simulator, times)
        met = ended is not None
        ended = ended or monotonic()
        whole = await self._is_over(fault, ended)
        back = self._watch.whole_at if whole else monotonic()
        hidden = dict(self._watch.hidden)
        requests = self._simulator.requests[asked:]
        left = await self._left()
        if not (met and whole):
            await self._reload()
        told = [record for record in records(self.side.log)[logged:] if NAME in record.text]
        self.told += told
        hides = fault.hides(self._simulator)
        return Suffered(
            fault=fault.name,
            met=met,
            of=len(self._watch.normal),
            hidden=len(hidden),
            beyond=tuple(sorted(key for key in hidden if not hides(self._watch.entities[key]))),
            hidden_after=max(0.0, min(hidden.values()) - (began if fault.lasts else ended)) if hidden else None,
            back_after=max(0.0, back - ended) if whole else None,
            polls=polls(
                began if fault.lasts else ended,
                [each.at for each in requests if _polls(each, fault) and ended < each.at <= back],
            ),
            requests=len(requests),
            records=len(told),
            most_records=2 * fault.states,
            tracebacks=sum(record.has_traceback for record in told),
            tasks_left=left.tasks,
            sockets_left=left.sockets,
        )

    async def _is_over(self, fault: Fault, ended: float) -> bool:
        """Wait for a good poll after the fault and for all to be back; values may have outlived failed polls till then.

        False where that takes too long.
        """
        until = ended + BACK_WITHIN
        while not any(_polls(each, fault) and each.at > ended for each in reversed(self._simulator.requests)):
            if monotonic() > until:
                return False
            await asyncio.sleep(BETWEEN_LOOKS)
        await asyncio.sleep(LEEWAY)
        return await self._watch.is_whole(max(0.0, until - monotonic()))

    async def _left(self) -> Held:
        """Give what is held more than before, when it has had time to let go of it."""
        until = monotonic() + LEFT_WITHIN
        while True:
            look = await self._look()
            left = Held(max(0, look.tasks - self._normal.tasks), max(0, look.sockets - self._normal.sockets))
            if left == Held(0, 0) or monotonic() > until:
                return left
            await asyncio.sleep(BETWEEN_LOOKS)

    async def _look(self) -> Held:
        reading = await self.side.probe()
        await asyncio.sleep(BETWEEN_LOOKS)
        return Held(reading["tasks"], reading["sockets"])

    async def _reload(self) -> None:
        """Load the entry anew, as its owner does who has seen that nothing is shown."""
        for _ in range(RELOADS):
            await self.side.reload()
            if await self._watch.is_whole(LOADED_WITHIN):
                return
        raise ProcessError(f"{self.side.domain} does not come back, not even by being loaded anew.")
