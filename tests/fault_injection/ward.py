"""Home Assistant beside a gateway that does wrong: what is seen of it, and what has to be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import time
from typing import Any, Final, override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.coordinator import EndpointResult, GatewayCoordinator
from custom_components.powerwall_gateway.entity import GatewayEntity
from custom_components.powerwall_gateway.gateway import GatewayAuthenticationRequiredError, discovery
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.util import dt as dt_util
from simulator import Simulator

OURS: Final = f"custom_components.{DOMAIN}"

POLLS: Final = 3
"""While a fault lasts."""

REQUESTS_A_POLL: Final = 4
"""To one endpoint at most: what got lost is asked for once more, and aiohttp by itself repeats what a cut lost."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one fault at one endpoint cost."""

    fault: str
    path: str
    hidden: int
    """Entities that it made unavailable or unknown."""

    requests: int
    """To the endpoint while it lasted."""

    logged: int
    """Records from the first failure until all was well."""

    polls_until_back: int

    @override
    def __str__(self) -> str:
        """Write it as the table has it."""
        return f"{self.hidden}·{self.requests}·{self.logged}·{self.polls_until_back}"


def worst(cells: Sequence[Cell]) -> Cell:
    """Give the most that one fault cost of each kind, at whichever endpoint that was."""
    return Cell(
        fault=cells[0].fault,
        path="*",
        hidden=max(cell.hidden for cell in cells),
        requests=max(cell.requests for cell in cells),
        logged=max(cell.logged for cell in cells),
        polls_until_back=max(cell.polls_until_back for cell in cells),
    )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What there was in this process at a moment."""

    tasks: int
    files: int
    """Open ones; sockets are among them."""

    questions: set[str]
    """What people are asked."""


class Ward:
    """One loaded entry whose polls the test makes."""

    def __init__(
        self, hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, log: pytest.LogCaptureFixture
    ) -> None:
        self.gateway = gateway
        self.hass = hass
        self.entry = entry
        self._log = log

    async def poll(self) -> None:
        """Have every coordinator poll once, the live one after those that it takes something from."""
        for coordinator in self.coordinators():
            await coordinator.async_refresh()
        await self.hass.async_block_till_done()

    def coordinators(self) -> tuple[GatewayCoordinator[Any], ...]:
        """Give every coordinator there is; none where the entry is not loaded."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return ()
        data = self.entry.runtime_data
        return data.inventory, data.settings, data.grid, data.live, data.detail

    def paths(self) -> list[str]:
        """Give what is polled, by the requests of one round."""
        return sorted({request.path for request in self.gateway.requests if request.method == "GET"})

    def states(self) -> dict[str, str]:
        """Give every state."""
        return {state.entity_id: state.state for state in self.hass.states.async_all()}

    def entities(self) -> dict[str, GatewayEntity[Any]]:
        """Give every entity there is."""
        return {
            entity_id: entity
            for platform in async_get_platforms(self.hass, DOMAIN)
            for entity_id, entity in platform.entities.items()
            if isinstance(entity, GatewayEntity)
        }

    async def suffer(self, fault: str, path: str, harm: dict[str, Any], *, is_answer: bool = False) -> Cell:
        """Have an endpoint do wrong for some polls, and see what that costs and that nothing of it lasts.

        `is_answer` is for what may be an answer of the endpoint, whose entities may then show something else.
        """
        return await self._go_through(fault, path, harm, polls=POLLS, is_answer=is_answer)

    async def lose_one(self, fault: str, path: str, harm: dict[str, Any]) -> Cell:
        """Have an endpoint do wrong a single time, and see what that costs."""
        return await self._go_through(fault, path, harm | {"times": 1}, polls=1, is_answer=False)

    async def _go_through(self, fault: str, path: str, harm: dict[str, Any], *, polls: int, is_answer: bool) -> Cell:
        before, mark = self.states(), self.mark()
        self.gateway.requests.clear()
        self.gateway.faults.add(path, **harm)
        began = time.monotonic()
        for _ in range(polls):
            await self.poll()
        requests = sum(request.path == path for request in self.gateway.requests)
        # On a busy machine a poll outlasts the wait between two identity checks, of two requests each.
        checks = (time.monotonic() - began) / discovery.BETWEEN_CHECKS
        assert requests <= polls * REQUESTS_A_POLL + 2 * checks, f"{fault}: {path} was asked {requests} times"
        hidden = self._hidden(before, path)
        if not is_answer:
            assert self.unlike(before).keys() <= hidden
        self.gateway.faults.clear()
        cell = Cell(
            fault=fault,
            path=path,
            hidden=len(hidden),
            requests=requests,
            polls_until_back=await self._until_back(before),
            logged=len(self.logged(f"{fault} at {path}")),
        )
        await self.nothing_is_left(mark)
        return cell

    def _hidden(self, before: dict[str, str], path: str) -> set[str]:
        """Give what cannot be seen any more, and make sure that it stands on what failed."""
        entities = self.entities()
        hidden = {
            entity_id
            for entity_id, state in self.states().items()
            if state in {STATE_UNAVAILABLE, STATE_UNKNOWN} and before.get(entity_id) != state
        }
        for entity_id in hidden:
            error = entities[entity_id].result.error
            # A login that was of no use is not repeated for the next that is denied, which hears of the first.
            if error is not None and not isinstance(error, GatewayAuthenticationRequiredError):
                assert error.path == path, f"{entity_id} does not stand on {path}, but on {error.path}"
        return hidden

    async def _until_back(self, before: dict[str, str]) -> int:
        """Give how many polls it takes until every state is as it was."""
        for polls in range(1, 4):
            await self._rested()
            await self.poll()
            if not self.unlike(before):
                return polls
        raise AssertionError(f"did not come back: {self.unlike(before)}")

    def unlike(self, before: dict[str, str]) -> dict[str, str]:
        """Give the states that are not as they were."""
        now = self.states()
        return {
            entity_id: now.get(entity_id, "")
            for entity_id, state in before.items()
            if not _is_like(now.get(entity_id, ""), state)
        }

    async def _rested(self) -> None:
        """Wait for as long as the gateway asked to be left alone."""
        data = self.entry.runtime_data
        async with asyncio.timeout(5):
            while data.live.schedule.rest:
                await asyncio.sleep(0.01)
        await asyncio.sleep(max(0.0, self._left_alone_until() - self.hass.loop.time()))
        await asyncio.sleep(discovery.BETWEEN_CHECKS if data.identity_check._failure else 0.0)

    def _left_alone_until(self) -> float:
        times = [
            reading.not_before
            for coordinator in self.coordinators()
            for reading in readings(coordinator)
            if not reading.has_never_succeeded  # else this firmware has no such endpoint
        ]
        return max(times, default=0.0)

    def mark(self) -> Mark:
        """Note what there is besides states, and begin a new log."""
        self._log.clear()
        return Mark(tasks=_tasks(), files=_open_files(), questions=self.questions())

    def questions(self) -> set[str]:
        """Give what people are asked: forms, and repairs."""
        forms = {str(flow["context"]["source"]) for flow in self.hass.config_entries.flow.async_progress()}
        return forms | {issue.issue_id for issue in ir.async_get(self.hass).issues.values() if issue.active}

    def logged(self, what: str, *, errors: tuple[str, ...] = ()) -> list[str]:
        """Give what we logged, and make sure that each thing was said once and nothing was a mistake of ours.

        `errors` are how those begin by which Home Assistant itself says what is so. What it says besides is its own
        affair: how often it tries to set up an entry, for one.
        """
        records = [record for record in self._log.records if record.levelno >= logging.INFO]
        for record in records:
            if not record.getMessage().startswith(errors):
                assert record.levelno < logging.ERROR, f"{what}: {record.getMessage()}"
                assert not record.exc_info, f"{what}: {record.getMessage()}"
        ours = [record.getMessage() for record in records if DOMAIN in record.pathname]
        assert len(ours) == len(set(ours)), f"{what}: {ours}"
        return ours

    async def nothing_is_left(self, mark: Mark) -> None:
        """Make sure that no task and no connection outlives the fault."""
        async with asyncio.timeout(5):
            while _tasks() > mark.tasks or _open_files() > mark.files + 2:  # a connection may have two ends here
                await asyncio.sleep(0.01)


def readings(coordinator: GatewayCoordinator[Any]) -> list[EndpointResult[Any]]:
    """Give what each endpoint of a coordinator said last."""
    return [reading for reading in vars(coordinator.data).values() if isinstance(reading, EndpointResult)]


def _tasks() -> int:
    return len(asyncio.all_tasks())


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _is_like(state: str, before: str) -> bool:
    """Compare two states: 62 is 62.0, and a moment may have moved by what answers take."""
    if state == before or (dt_util.parse_datetime(state) and dt_util.parse_datetime(before)):
        return True
    try:
        return float(state) == float(before)
    except ValueError:
        return False
