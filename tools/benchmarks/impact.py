"""The impact of one fault after the other on one subject: unavailable entities, duration, and overhead."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Self

from simulator import Simulator
from simulator.server import Request
from tools.benchmarks.fault_list import Fault
from tools.benchmarks.subjects import NO_VALUE, Entity, Subject
from tools.child_process import ProcessError
from tools.hass_process.log import records

BACK_WITHIN: Final = 75.0
"""Seconds after a fault, in which the built-in integration polls twice; later, nothing recovers by itself."""

NAME: Final = "powerwall"
"""Part of every log record about the integration: each has its own Home Assistant."""

LEEWAY: Final = 3.0
"""Seconds until a response shows in a state: the built-in integration waits for all ten requests of a poll."""

LOADED_WITHIN: Final = 60.0
RELOADS: Final = 3

LEFT_WITHIN: Final = 15.0
"""Seconds in which tasks and sockets are released."""

BETWEEN_READINGS: Final = 1.0
READINGS: Final = 5

SAME_POLL: Final = 0.7
"""Seconds between two requests of one poll to one path: the built-in integration requests some three times."""


@dataclass(frozen=True, kw_only=True)
class Impact:
    """The impact of one fault on one subject."""

    fault: str
    met: bool
    """False where the integration sent no request to the failing endpoint."""

    of: int
    """Number of entities with a value before."""

    hidden: int
    beyond: tuple[str, ...]
    """Hidden entities that do not depend on the failing endpoint."""

    hidden_after: float | None
    """Seconds from the fault to the first hidden entity; None where nothing was hidden."""

    back_after: float | None
    """Seconds from the end of the fault until all entities were back; None where that took a reload."""

    polls: int
    """From the end of the fault until all entities were back, or the recorder gave up."""

    requests: int
    """From the fault until it was over."""

    records: int
    """Log records that name the integration, until the next fault."""

    most_records: int
    """Expected records: one down and one up, for each part of the fault."""

    tracebacks: int
    tasks_left: int
    sockets_left: int

    @property
    def summary(self) -> str:
        """Return half a line of text."""
        if not self.met:
            return "sent no request"
        if self.hidden_after is None:
            return f"all {self.of} stay"
        back = "STOPPED until reloaded" if self.back_after is None else f"back after {self.back_after:.1f} s"
        return f"{self.hidden} of {self.of} hidden, {back}"


def polls(since: float, times: Iterable[float]) -> int:
    """Count the polls after a moment by the times of their requests to one path."""
    count, last = 0, since
    for at in sorted(times):
        count += at - last > SAME_POLL
        last = at
    return count


@dataclass(frozen=True, slots=True)
class Held:
    """Resources of a process."""

    tasks: int
    sockets: int


class Availability:
    """Follow the states of one subject's entities: which have a value, and since when others have none."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.entities = {entity.entity_id: entity for entity in entities}
        self.normal: frozenset[str] = frozenset()
        """Those that had a value at the last `begin`."""

        self.hidden: dict[str, float] = {}
        """Those of them without a value since then, and when that was first so (`time.monotonic()`)."""

        self.whole_at = 0.0
        """Time when the last of them was back, or of `begin`."""

        self._with_value: set[str] = set()
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, subject: Subject, still: float) -> AsyncIterator[Self]:
        """Subscribe to a subject's entities as soon as no more were added for `still` seconds."""
        availability = cls(entity for entity in await subject.wait_for_entities(still) if entity.enabled)
        async with subject.api.websocket() as home, asyncio.TaskGroup() as group:
            changes = await home.subscribe("subscribe_events", event_type="state_changed")
            for state in (await subject.api.states()).values():
                availability.update(state.entity_id, state.state)
            listening = group.create_task(availability._listen(changes))
            yield availability
            listening.cancel()

    async def _listen(self, changes: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            change = (await changes.get())["data"]
            state = change["new_state"]
            self.update(change["entity_id"], None if state is None else state["state"])

    def begin(self) -> None:
        """Take the current states as normal."""
        self.normal = frozenset(self._with_value)
        self.hidden = {}
        self.whole_at = monotonic()

    def update(self, entity_id: str, state: str | None) -> None:
        """Record an entity's new state; None for one that was removed."""
        if entity_id not in self.entities:
            return
        whole = self.normal <= self._with_value
        if state is None or state in NO_VALUE:
            self._with_value.discard(entity_id)
            if entity_id in self.normal:
                self.hidden.setdefault(entity_id, monotonic())
        else:
            self._with_value.add(entity_id)
        if not whole and self.normal <= self._with_value:
            self.whole_at = monotonic()
        self._changed.set()

    async def is_whole(self, limit: float) -> bool:
        """Wait for at most `limit` seconds until all entities have a value again."""
        try:
            async with asyncio.timeout(limit):
                while not self.normal <= self._with_value:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True


def _is_poll(request: Request, fault: Fault) -> bool:
    """Return whether a request polls the path that shows the end of a fault. Without a session, it shows nothing."""
    return request.path == fault.pulse and request.authenticated


class ImpactRecorder:
    """Inject faults into one subject's gateway and record their impact."""

    def __init__(self, subject: Subject, simulator: Simulator, availability: Availability) -> None:
        self.subject = subject
        self._simulator = simulator
        self._availability = availability
        self._normal = Held(0, 0)

    async def settle(self) -> None:
        """Read the resources of the process without a fault."""
        readings = [await self._held() for _ in range(READINGS)]
        self._normal = Held(max(each.tasks for each in readings), max(each.sockets for each in readings))

    async def record(self, fault: Fault, times: float) -> Impact:
        """Inject a fault, wait for recovery, and reload the integration where it does not recover."""
        logged, requested = len(records(self.subject.log)), len(self._simulator.requests)
        self._availability.begin()
        began = monotonic()
        ended = await fault.inject(self._simulator, times)
        met = ended is not None
        ended = ended or monotonic()
        whole = await self._is_over(fault, ended)
        back = self._availability.whole_at if whole else monotonic()
        hidden = dict(self._availability.hidden)
        requests = self._simulator.requests[requested:]
        left = await self._left()
        if not (met and whole):
            await self._reload()
        told = [record for record in records(self.subject.log)[logged:] if NAME in record.text]
        depends = fault.depends(self._simulator)
        since = began if fault.lasts else ended
        return Impact(
            fault=fault.name,
            met=met,
            of=len(self._availability.normal),
            hidden=len(hidden),
            beyond=tuple(sorted(key for key in hidden if not depends(self._availability.entities[key]))),
            hidden_after=max(0.0, min(hidden.values()) - since) if hidden else None,
            back_after=max(0.0, back - ended) if whole else None,
            polls=polls(since, [each.at for each in requests if _is_poll(each, fault) and ended < each.at <= back]),
            requests=len(requests),
            records=len(told),
            most_records=2 * fault.states,
            tracebacks=sum(record.has_traceback for record in told),
            tasks_left=left.tasks,
            sockets_left=left.sockets,
        )

    async def _is_over(self, fault: Fault, ended: float) -> bool:
        """Wait for a poll after the fault and for all entities. False after `BACK_WITHIN` seconds.

        Values may outlive failed polls until then.
        """
        until = ended + BACK_WITHIN
        while not any(_is_poll(each, fault) and each.at > ended for each in reversed(self._simulator.requests)):
            if monotonic() > until:
                return False
            await asyncio.sleep(BETWEEN_READINGS)
        await asyncio.sleep(LEEWAY)
        return await self._availability.is_whole(max(0.0, until - monotonic()))

    async def _left(self) -> Held:
        """Return the resources of the process above normal after `LEFT_WITHIN` seconds."""
        until = monotonic() + LEFT_WITHIN
        while True:
            held = await self._held()
            left = Held(max(0, held.tasks - self._normal.tasks), max(0, held.sockets - self._normal.sockets))
            if left == Held(0, 0) or monotonic() > until:
                return left
            await asyncio.sleep(BETWEEN_READINGS)

    async def _held(self) -> Held:
        reading = await self.subject.probe()
        await asyncio.sleep(BETWEEN_READINGS)
        return Held(reading["tasks"], reading["sockets"])

    async def _reload(self) -> None:
        """Reload the entry, like an owner without values."""
        for _ in range(RELOADS):
            await self.subject.reload()
            if await self._availability.is_whole(LOADED_WITHIN):
                return
        raise ProcessError(f"{self.subject.domain} does not recover, not even after a reload.")
