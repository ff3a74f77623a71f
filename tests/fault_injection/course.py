"""The course of an upheaval: Home Assistant polls by itself, and what it shows is noted as time passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from custom_components.powerwall_gateway.coordinator import GatewayCoordinator
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from simulator.listener import HOST
from tests.fault_injection.clock import Clock
from tests.fault_injection.ward import Ward, readings

STEP: Final = 0.5
"""Seconds by which time passes, on the clock that Home Assistant goes by."""

PATIENCE: Final = 10.0
PATIENCE_WITH_SILENCE: Final = 0.01
"""Real seconds until time goes on although an answer has not come: where all come, and where none does."""

NOTHING: Final = {STATE_UNAVAILABLE, STATE_UNKNOWN}

CAN_BE_OLD: Final = 10.0
"""Seconds for which a value stands at least while polls fail."""


type Happening = Callable[[Course], AsyncIterator[float]]


@dataclass(frozen=True, kw_only=True)
class Upheaval:
    """What can become of a gateway, its login, or Home Assistant itself."""

    name: str
    happening: Happening
    """Makes it happen, and gives the seconds after which it goes on; all is well at its end."""

    firmware: str = "21.44"
    password: str | None = None
    host: str = HOST
    """By which it is known."""

    silent: bool = False
    """Whether requests hang meanwhile."""

    back_within: float = 75.0
    """Seconds: the longest rest of a silent gateway, and the interval of what is polled once a minute."""

    besides: tuple[str, ...] = ()
    """What may show nothing although its value is not old: parts of unique ids. It is gone, or has no word for it."""

    changes: bool = False
    """Whether the gateway is another than before at the end: what it answers is shown, and no more."""

    hides: bool = True
    """Whether anything is hidden at all."""

    records: int = 2
    """Of our own in the log at most."""

    errors: tuple[str, ...] = ()
    """How the errors begin by which Home Assistant itself tells of it."""

    consent: Callable[[Course], Awaitable[None]] | None = None
    """What a person has to do, where it ends by nobody else."""

    person: str = "nobody"
    """What it takes, in a word."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What an upheaval cost."""

    lasted: float
    hidden: int
    entities: int
    after: tuple[float, float] | None
    """Seconds until the first was hidden, and until the last one was."""

    back_after: tuple[float, float]
    """Seconds from the end of the upheaval, or a person's consent, until the first was back, and all."""

    polls: int
    """Until all was back: how often what had failed was asked then, by the coordinator that took longest."""

    requests: int
    logged: int
    person: str

    TITLES: ClassVar = ("lasts", "hidden", "after", "back after", "polls", "requests", "log", "takes")
    """Of the cells."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Write it as the table has it."""
        return (
            f"{self.lasted:.0f}",
            f"{self.hidden} of {self.entities}",
            _range(self.after) if self.after else "-",
            _range(self.back_after) if self.after else "-",
            str(self.polls),
            str(self.requests),
            str(self.logged),
            self.person,
        )


def _range(seconds: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(f"{moment:.0f}" for moment in seconds))


class Course:
    """One loaded entry that polls by itself, on a clock that the test moves."""

    def __init__(self, ward: Ward, clock: Clock) -> None:
        self.ward = ward
        self.clock = clock
        self.gateway = ward.gateway
        self.hass = ward.hass
        self.entry = ward.entry
        self._patience = PATIENCE
        self._asked: dict[GatewayCoordinator[Any], int] = {}

    async def live_through(self, upheaval: Upheaval) -> Record:
        """Let it happen, and see what is hidden, why, and that all is back."""
        before, failing = self.ward.states(), self._failing()
        mark = self.ward.mark()
        self.gateway.requests.clear()
        hidden: dict[str, float] = {}
        began = self.clock.monotonic()
        self._patience = PATIENCE_WITH_SILENCE if upheaval.silent else PATIENCE
        async for seconds in upheaval.happening(self):
            async for passed in self._pass(seconds):
                for entity_id in self._hidden(before, upheaval):
                    hidden.setdefault(entity_id, passed - began)
        lasted = self.clock.monotonic() - began
        requests = len(self.gateway.requests)
        self._patience = PATIENCE
        if upheaval.consent:
            await self.pass_by(CAN_BE_OLD)
            assert self._unlike(before, upheaval), "it ended without the person"
            await upheaval.consent(self)
        back_after, polls = await self._until_back(before, failing, upheaval)
        polls = max(polls, int(bool(hidden)))  # what was loaded anew was polled for it
        assert self.ward.questions() == mark.questions, "somebody is asked for something that is over"
        assert bool(hidden) is upheaval.hides, f"hidden: {sorted(hidden)}"
        logged = self.ward.logged(upheaval.name, errors=upheaval.errors)
        assert len(logged) <= upheaval.records, f"{upheaval.name} was told of too often: {logged}"
        await self.ward.nothing_is_left(mark)
        return Record(
            lasted=lasted,
            hidden=len(hidden),
            entities=len(before),
            after=(min(hidden.values()), max(hidden.values())) if hidden else None,
            back_after=back_after,
            polls=polls,
            requests=requests,
            logged=len(logged),
            person=upheaval.person,
        )

    async def pass_by(self, seconds: float) -> None:
        """Let so many seconds pass."""
        async for _ in self._pass(seconds):
            pass

    async def settle(self) -> None:
        """Let everything come to rest that is due; what waits for an answer that does not come goes on waiting."""
        end, quiet = self.clock.real() + self._patience, 0
        while quiet < 3 and self.clock.real() < end:
            await asyncio.sleep(0)
            quiet = 0 if self._is_busy() else quiet + 1

    def _is_busy(self) -> bool:
        """Whether anything is under way that needs no time to pass."""
        return bool(
            self.hass._tasks
            or self.hass.loop._ready  # type: ignore[attr-defined]  # asyncio tells in no other way whether it is at rest
            or any(scheduler._turn.locked() for scheduler in self.clock.schedulers)
        )

    async def _pass(self, seconds: float) -> AsyncIterator[float]:
        """Let so many seconds pass in steps, and give the time after each."""
        await self.settle()
        yield self.clock.monotonic()
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(STEP)
            await self.settle()
            yield self.clock.monotonic()

    # -- what is hidden ------------------------------------------------------------------------------------------------

    def _hidden(self, before: dict[str, str], upheaval: Upheaval) -> list[str]:
        """Give what shows nothing any more, and make sure that it is for a reason."""
        now, entities = self.ward.states(), self.ward.entities()
        hidden = [
            entity_id
            for entity_id, state in before.items()
            if state not in NOTHING and now.get(entity_id, STATE_UNAVAILABLE) in NOTHING
        ]
        for entity_id in hidden:
            if (entity := entities.get(entity_id)) is None or self.entry.state is not ConfigEntryState.LOADED:
                continue
            reading, age = entity.result, self.hass.loop.time() - entity.result.at
            assert (
                any(part in str(entity.unique_id) for part in upheaval.besides)
                or reading.stopped
                or (reading.error and (age >= CAN_BE_OLD - STEP or reading.has_never_succeeded))
            ), f"{entity_id} is hidden for no reason: {age:.1f} s, {reading.error}"
        return hidden

    # -- what is back --------------------------------------------------------------------------------------------------

    async def _until_back(
        self, before: dict[str, str], failing: set[GatewayCoordinator[Any]], upheaval: Upheaval
    ) -> tuple[tuple[float, float], int]:
        """Give how long it takes until the first and until everything is as it was, and how many polls of the same."""
        began, polls = self.clock.monotonic(), 0
        first, lost = began, len(self._unlike(before, upheaval))
        asked: dict[GatewayCoordinator[Any], int] = {}
        watched: set[GatewayCoordinator[Any]] = set()
        async for now in self._pass(upheaval.back_within):
            for coordinator in self.ward.coordinators():
                if coordinator not in watched:
                    watched.add(coordinator)
                    self._count_polls(coordinator, asked)
            late = self._failing() - failing
            unlike = self._unlike(before, upheaval)
            first = now if len(unlike) >= lost else first
            polls = max([polls, *(asked.get(coordinator, 0) + 1 for coordinator in late)])
            if not late and not unlike:
                return (first - began, now - began), polls
        raise AssertionError(
            f"not back after {upheaval.back_within} s: {self._unlike(before, upheaval)} {self.entry.state} "
            f"{self.entry.reason}"
        )

    def _count_polls(self, coordinator: GatewayCoordinator[Any], asked: dict[GatewayCoordinator[Any], int]) -> None:
        """Count the polls from now on which no rest, and no wait for the next login, kept from an answer."""

        def polled() -> None:
            login = coordinator.gateway._login
            if coordinator.schedule.rest is None and not (
                login._last_error and self.clock.monotonic() < login._not_before
            ):
                asked[coordinator] = asked.get(coordinator, 0) + 1

        coordinator.async_add_listener(polled)

    def _failing(self) -> set[GatewayCoordinator[Any]]:
        """Give the coordinators of which an endpoint fails that has answered before."""
        return {
            coordinator
            for coordinator in self.ward.coordinators()
            if any(reading.error and not reading.has_never_succeeded for reading in readings(coordinator))
        }

    def _unlike(self, before: dict[str, str], upheaval: Upheaval) -> dict[str, str]:
        """Give what is not as it was; of another gateway than before, what it answers and is not shown."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return {"entry": str(self.entry.state)}
        if not upheaval.changes:
            unlike = self.ward.unlike(before)
            return {entity_id: state for entity_id, state in unlike.items() if before[entity_id] not in NOTHING}
        return {
            entity_id: STATE_UNAVAILABLE
            for entity_id, entity in self.ward.entities().items()
            if not entity.available and not entity.result.unsupported and before.get(entity_id) != STATE_UNAVAILABLE
        }
