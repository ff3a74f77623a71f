"""Inject faults at single endpoints, and check their impact on Home Assistant and the recovery."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
import logging
from pathlib import Path
import time
from typing import Any, Final, override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.coordinator import EndpointResult, GatewayCoordinator
from custom_components.powerwall_gateway.entity import GatewayEntity
from custom_components.powerwall_gateway.gateway import GatewayAuthenticationRequiredError, identification
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_DEVICE_CLASS, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.util import dt as dt_util
from simulator import Simulator

OURS: Final = f"custom_components.{DOMAIN}"

POLLS: Final = 3
"""Polls while a fault lasts."""

REQUESTS_A_POLL: Final = 4
"""At most, to one endpoint: the client repeats a lost request once, and aiohttp one of a closed connection."""


@dataclass(frozen=True, kw_only=True)
class EndpointImpact:
    """The impact of one fault at one endpoint."""

    fault: str
    path: str
    hidden: int
    """Entities that became unavailable or unknown."""

    requests: int
    """Requests to the endpoint while the fault lasted."""

    logged: int
    """Log records from the first failure until the recovery."""

    polls_until_back: int

    @override
    def __str__(self) -> str:
        """Return the cell of the table."""
        return f"{self.hidden}·{self.requests}·{self.logged}·{self.polls_until_back}"


def worst(cells: Sequence[EndpointImpact]) -> EndpointImpact:
    """Return the largest impact of each kind at any endpoint."""
    return EndpointImpact(
        fault=cells[0].fault,
        path="*",
        hidden=max(cell.hidden for cell in cells),
        requests=max(cell.requests for cell in cells),
        logged=max(cell.logged for cell in cells),
        polls_until_back=max(cell.polls_until_back for cell in cells),
    )


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The resources of this process and the open questions at one moment."""

    tasks: int
    files: int
    """Open files and sockets."""

    questions: set[str]
    """Open forms and repair issues."""


class Harness:
    """A loaded entry that polls only in the test."""

    def __init__(
        self, hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, log: pytest.LogCaptureFixture
    ) -> None:
        self.gateway = gateway
        self.hass = hass
        self.entry = entry
        self._log = log
        self._set_up_before = dt_util.utcnow() - timedelta(minutes=1)

    async def poll(self) -> None:
        """Poll once with every coordinator, the live one after those that it reads from."""
        for coordinator in self.coordinators():
            await coordinator.async_refresh()
        await self.hass.async_block_till_done()

    def coordinators(self) -> tuple[GatewayCoordinator[Any], ...]:
        """Return every coordinator; none unless the entry is loaded."""
        if self.entry.state is not ConfigEntryState.LOADED:
            return ()
        data = self.entry.runtime_data
        return data.inventory, data.settings, data.grid, data.live, data.detail

    def paths(self) -> list[str]:
        """Return the paths of all GET requests so far."""
        return sorted({request.path for request in self.gateway.requests if request.method == "GET"})

    def states(self) -> dict[str, str]:
        """Return every state."""
        return {state.entity_id: state.state for state in self.hass.states.async_all()}

    def entities(self) -> dict[str, GatewayEntity]:
        """Return every entity."""
        return {
            entity_id: entity
            for platform in async_get_platforms(self.hass, DOMAIN)
            for entity_id, entity in platform.entities.items()
            if isinstance(entity, GatewayEntity)
        }

    async def inject(
        self, fault: str, path: str, fault_fields: dict[str, Any], *, is_possible_response: bool = False
    ) -> EndpointImpact:
        """Inject a fault at an endpoint for some polls, and check its impact and the recovery.

        Set `is_possible_response` for a possible response of the endpoint: its entities may show another value.
        """
        return await self._inject(fault, path, fault_fields, polls=POLLS, is_possible_response=is_possible_response)

    async def inject_once(self, fault: str, path: str, fault_fields: dict[str, Any]) -> EndpointImpact:
        """Inject a fault at a single request, and check its impact and the recovery."""
        return await self._inject(fault, path, fault_fields | {"times": 1}, polls=1, is_possible_response=False)

    async def _inject(
        self, fault: str, path: str, fault_fields: dict[str, Any], *, polls: int, is_possible_response: bool
    ) -> EndpointImpact:
        before, snapshot = self.states(), self.snapshot()
        values = {entity_id: entity.result.value for entity_id, entity in self.entities().items()}
        self.gateway.requests.clear()
        self.gateway.faults.add(path, **fault_fields)
        began = time.monotonic()
        for _ in range(polls):
            await self.poll()
        requests = sum(request.path == path for request in self.gateway.requests)
        # On a busy machine a poll outlasts the wait between two identity checks, of two requests each.
        checks = (time.monotonic() - began) / identification.BETWEEN_CHECKS
        assert requests <= polls * REQUESTS_A_POLL + 2 * checks, f"{fault}: {path} received {requests} requests"
        hidden = self._hidden(before, values, path)
        if not is_possible_response:
            assert self.differing(before).keys() <= hidden
        self.gateway.faults.clear()
        cell = EndpointImpact(
            fault=fault,
            path=path,
            hidden=len(hidden),
            requests=requests,
            polls_until_back=await self._until_back(before),
            logged=len(self.logged(f"{fault} at {path}")),
        )
        await self.assert_nothing_left(snapshot)
        return cell

    def _hidden(self, before: dict[str, str], values: dict[str, object], path: str) -> set[str]:
        """Return the hidden entities, and check that each depends on the failing endpoint.

        Its result has the error of that endpoint, or another value than before.
        """
        entities = self.entities()
        hidden = {
            entity_id
            for entity_id, state in self.states().items()
            if state in {STATE_UNAVAILABLE, STATE_UNKNOWN} and before.get(entity_id) != state
        }
        for entity_id in hidden:
            result = entities[entity_id].result
            if result.error is None:
                assert result.value != values[entity_id], f"{entity_id} is hidden without a reason"
            # A login without effect is not repeated for the next denied path: its error names the first path.
            elif not isinstance(result.error, GatewayAuthenticationRequiredError):
                assert result.error.path == path, f"{entity_id} depends on {result.error.path}, not on {path}"
        return hidden

    async def _until_back(self, before: dict[str, str]) -> int:
        """Return how many polls it takes until every state is as before."""
        for polls in range(1, 4):
            await self._backoff_over()
            await self.poll()
            if not self.differing(before):
                return polls
        raise AssertionError(f"did not recover: {self.differing(before)}")

    def differing(self, before: dict[str, str]) -> dict[str, str]:
        """Return the states that differ."""
        now = self.states()
        return {
            entity_id: now.get(entity_id, "")
            for entity_id, state in before.items()
            if not self._is_same(entity_id, now.get(entity_id, ""), state)
        }

    def _is_same(self, entity_id: str, state: str, before: str) -> bool:
        """Compare two states: 62 equals 62.0, and the start of an uptime may be later by the time that has passed.

        The clock of the simulated home stands still, and its uptimes with it. Energies that are calculated from the
        power grow with every poll.
        """
        if state == before:
            return True
        shown = self.hass.states.get(entity_id)
        if shown and shown.attributes.get(ATTR_DEVICE_CLASS) == SensorDeviceClass.UPTIME:
            began, known = dt_util.parse_datetime(state), dt_util.parse_datetime(before)
            passed = dt_util.utcnow() - self._set_up_before
            return began is not None and known is not None and timedelta(0) <= began - known <= passed
        try:
            if entity_id.endswith("_calculated_from_power"):
                return float(state) >= float(before)
            return float(state) == float(before)
        except ValueError:
            return False

    async def _backoff_over(self) -> None:
        """Wait for the end of every backoff."""
        data = self.entry.runtime_data
        async with asyncio.timeout(5):
            while data.live.schedule.backoff_error:
                await asyncio.sleep(0.01)
        await asyncio.sleep(max(0.0, self._backoff_until() - self.hass.loop.time()))
        await asyncio.sleep(identification.BETWEEN_CHECKS if data.identity_check._failure else 0.0)

    def _backoff_until(self) -> float:
        times = [
            result.not_before
            for coordinator in self.coordinators()
            for result in results(coordinator)
            if not result.has_never_succeeded  # else this firmware has no such endpoint
        ]
        return max(times, default=0.0)

    def snapshot(self) -> Snapshot:
        """Return the current resources and open questions, and clear the log."""
        self._log.clear()
        return Snapshot(tasks=_tasks(), files=_open_files(), questions=self.questions())

    def questions(self) -> set[str]:
        """Return the open forms and repair issues."""
        forms = {str(flow["context"]["source"]) for flow in self.hass.config_entries.flow.async_progress()}
        return forms | {issue.issue_id for issue in ir.async_get(self.hass).issues.values() if issue.active}

    def logged(self, what: str, *, errors: tuple[str, ...] = ()) -> list[str]:
        """Return the log records of the integration, and check that none is repeated and none is an error.

        `errors` are how those begin by which Home Assistant itself says what is so. What it says may_hide is its own
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

    async def assert_nothing_left(self, snapshot: Snapshot) -> None:
        """Check that no task and no connection outlives the fault.

        A request that hangs may outlive it by its own time limit: a slow machine begins one while the fault ends.
        """
        async with asyncio.timeout(30):
            while (
                _tasks() > snapshot.tasks or _open_files() > snapshot.files + 2
            ):  # a connection may have two ends here
                await asyncio.sleep(0.01)


def results(coordinator: GatewayCoordinator[Any]) -> list[EndpointResult[Any]]:
    """Return the last result of each endpoint of a coordinator."""
    return [result for result in vars(coordinator.data).values() if isinstance(result, EndpointResult)]


def _tasks() -> int:
    return len(asyncio.all_tasks())


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
