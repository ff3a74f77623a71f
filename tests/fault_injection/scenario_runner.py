"""Run scenarios: Home Assistant polls by itself on an accelerated clock, and its states are recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from custom_components.powerwall_gateway.coordinator import GatewayCoordinator
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from simulator.listener import HOST
from tests.fault_injection.clock import Clock
from tests.fault_injection.harness import Harness, results

STEP: Final = 0.5
"""Seconds per step of the clock."""

SETTLE_LIMIT: Final = 10.0
SETTLE_LIMIT_HANGING: Final = 0.01
"""Real seconds until the clock moves on without a response: normally, and while requests hang."""

NO_VALUE: Final = {STATE_UNAVAILABLE, STATE_UNKNOWN}

KEPT_SECONDS: Final = 10.0
"""Seconds for which a value is kept at least while polls fail."""


type Script = Callable[[ScenarioRunner], AsyncIterator[float]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A fault of the connection, the gateway, its login, or Home Assistant itself, and its expected impact."""

    name: str
    script: Script
    """Injects the fault and yields the seconds until its next step. The fault is over at the end."""

    firmware: str = "21.44"
    password: str | None = None
    host: str = HOST
    """Of the config entry."""

    requests_hang: bool = False
    """Set where requests hang meanwhile."""

    back_within: float = 75.0
    """Seconds: the longest backoff, and the interval of the settings."""

    may_hide: tuple[str, ...] = ()
    """Parts of the unique ids of entities that may be hidden without a failing endpoint."""

    changes: bool = False
    """Set where the gateway differs at the end: every supported entity must be available."""

    hides: bool = True
    """True if entities become unavailable."""

    records: int = 2
    """The most log records of the integration."""

    errors: tuple[str, ...] = ()
    """Prefixes of expected errors of Home Assistant itself."""

    user_action: Callable[[ScenarioRunner], Awaitable[None]] | None = None
    """Required action of the user, without which nothing recovers."""

    user: str = "nothing"
    """The user's action in the table."""


@dataclass(frozen=True, kw_only=True)
class ScenarioImpact:
    """The impact of a scenario."""

    lasted: float
    hidden: int
    entities: int
    after: tuple[float, float] | None
    """Seconds until the first entity was hidden, and until the last one was."""

    back_after: tuple[float, float]
    """Seconds from the end of the scenario, or the user's action, until the first entity was back, and all."""

    polls: int
    """Polls until everything had recovered, by the slowest coordinator."""

    requests: int
    logged: int
    user: str

    TITLES: ClassVar = ("lasts", "hidden", "after", "back after", "polls", "requests", "log", "takes")
    """Titles of the cells."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        return (
            f"{self.lasted:.0f}",
            f"{self.hidden} of {self.entities}",
            _range(self.after) if self.after else "-",
            _range(self.back_after) if self.after else "-",
            str(self.polls),
            str(self.requests),
            str(self.logged),
            self.user,
        )


def _range(seconds: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(f"{moment:.0f}" for moment in seconds))


class ScenarioRunner:
    """A loaded entry that polls by itself, on a clock that the test moves."""

    def __init__(self, harness: Harness, clock: Clock) -> None:
        self.harness = harness
        self.clock = clock
        self.gateway = harness.gateway
        self.hass = harness.hass
        self.entry = harness.entry
        self._settle_limit = SETTLE_LIMIT
        self._asked: dict[GatewayCoordinator[Any], int] = {}

    async def run(self, scenario: Scenario) -> ScenarioImpact:
        """Run a scenario, and check which entities are hidden, why, and that all recover."""
        before, failing = self.harness.states(), self._failing()
        snapshot = self.harness.snapshot()
        self.gateway.requests.clear()
        hidden: dict[str, float] = {}
        began = self.clock.monotonic()
        self._settle_limit = SETTLE_LIMIT_HANGING if scenario.requests_hang else SETTLE_LIMIT
        async for seconds in scenario.script(self):
            async for passed in self._pass(seconds):
                for entity_id in self._hidden(before, scenario):
                    hidden.setdefault(entity_id, passed - began)
        lasted = self.clock.monotonic() - began
        requests = len(self.gateway.requests)
        self._settle_limit = SETTLE_LIMIT
        if scenario.user_action:
            await self.pass_by(KEPT_SECONDS)
            assert self._differing(before, scenario), "recovered without the user"
            await scenario.user_action(self)
        back_after, polls = await self._until_back(before, failing, scenario)
        polls = max(polls, int(bool(hidden)))  # a reload polls
        assert self.harness.questions() == snapshot.questions, "a question is still open"
        assert bool(hidden) is scenario.hides, f"hidden: {sorted(hidden)}"
        logged = self.harness.logged(scenario.name, errors=scenario.errors)
        assert len(logged) <= scenario.records, f"{scenario.name} has too many log records: {logged}"
        await self.harness.assert_nothing_left(snapshot)
        return ScenarioImpact(
            lasted=lasted,
            hidden=len(hidden),
            entities=len(before),
            after=(min(hidden.values()), max(hidden.values())) if hidden else None,
            back_after=back_after,
            polls=polls,
            requests=requests,
            logged=len(logged),
            user=scenario.user,
        )

    async def pass_by(self, seconds: float) -> None:
        """Move the clock forward."""
        async for _ in self._pass(seconds):
            pass

    async def settle(self) -> None:
        """Run everything that is due; requests without a response keep waiting."""
        end, quiet = self.clock.real() + self._settle_limit, 0
        while quiet < 3 and self.clock.real() < end:
            await asyncio.sleep(0)
            quiet = 0 if self._is_busy() else quiet + 1

    def _is_busy(self) -> bool:
        """Return whether anything runs that needs no time to pass."""
        return bool(
            self.hass._tasks
            or self.hass.loop._ready  # type: ignore[attr-defined]  # asyncio has no other way to detect an idle loop
            or any(scheduler._turn.locked() for scheduler in self.clock.schedulers)
        )

    async def _pass(self, seconds: float) -> AsyncIterator[float]:
        """Move the clock forward in steps, and yield the time after each."""
        await self.settle()
        yield self.clock.monotonic()
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(STEP)
            await self.settle()
            yield self.clock.monotonic()

    # -- unavailable entities ------------------------------------------------------------------------------------------

    def _hidden(self, before: dict[str, str], scenario: Scenario) -> list[str]:
        """Return the hidden entities, and check that each has a reason."""
        now, entities = self.harness.states(), self.harness.entities()
        hidden = [
            entity_id
            for entity_id, state in before.items()
            if state not in NO_VALUE and now.get(entity_id, STATE_UNAVAILABLE) in NO_VALUE
        ]
        for entity_id in hidden:
            if (entity := entities.get(entity_id)) is None or self.entry.state is not ConfigEntryState.LOADED:
                continue
            result, age = entity.result, self.hass.loop.time() - entity.result.at
            assert (
                any(part in str(entity.unique_id) for part in scenario.may_hide)
                or result.stopped
                or (result.error and (age >= KEPT_SECONDS - STEP or result.has_never_succeeded))
            ), f"{entity_id} is hidden without a reason: {age:.1f} s, {result.error}"
        return hidden

    # -- recovery ------------------------------------------------------------------------------------------------------

    async def _until_back(
        self, before: dict[str, str], failing: set[GatewayCoordinator[Any]], scenario: Scenario
    ) -> tuple[tuple[float, float], int]:
        """Return the seconds until the first and all entities recovered, and the number of polls."""
        began, polls = self.clock.monotonic(), 0
        first, lost = began, len(self._differing(before, scenario))
        asked: dict[GatewayCoordinator[Any], int] = {}
        watched: set[GatewayCoordinator[Any]] = set()
        async for now in self._pass(scenario.back_within):
            for coordinator in self.harness.coordinators():
                if coordinator not in watched:
                    watched.add(coordinator)
                    self._count_polls(coordinator, asked)
            late = self._failing() - failing
            differing = self._differing(before, scenario)
            first = now if len(differing) >= lost else first
            polls = max([polls, *(asked.get(coordinator, 0) + 1 for coordinator in late)])
            if not late and not differing:
                return (first - began, now - began), polls
        raise AssertionError(
            f"not back after {scenario.back_within} s: {self._differing(before, scenario)} {self.entry.state} "
            f"{self.entry.reason}"
        )

    def _count_polls(self, coordinator: GatewayCoordinator[Any], asked: dict[GatewayCoordinator[Any], int]) -> None:
        """Count the polls from now on, except those during a backoff or the wait for the next login."""

        def polled() -> None:
            login = coordinator.gateway._login
            if coordinator.schedule.backoff_error is None and not (
                login._last_error and self.clock.monotonic() < login._not_before
            ):
                asked[coordinator] = asked.get(coordinator, 0) + 1

        coordinator.async_add_listener(polled)

    def _failing(self) -> set[GatewayCoordinator[Any]]:
        """Return the coordinators with a failing endpoint that has succeeded before."""
        return {
            coordinator
            for coordinator in self.harness.coordinators()
            if any(result.error and not result.has_never_succeeded for result in results(coordinator))
        }

    def _differing(self, before: dict[str, str], scenario: Scenario) -> dict[str, str]:
        """Return the differences from before; for a changed gateway, supported entities that are unavailable."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return {"entry": str(self.entry.state)}
        if not scenario.changes:
            differing = self.harness.differing(before)
            return {entity_id: state for entity_id, state in differing.items() if before[entity_id] not in NO_VALUE}
        return {
            entity_id: STATE_UNAVAILABLE
            for entity_id, entity in self.harness.entities().items()
            if not entity.available and not entity.result.unsupported and before.get(entity_id) != STATE_UNAVAILABLE
        }
