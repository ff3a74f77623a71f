"""Home Assistant beside a gateway that does wrong: what is seen of it, and what has to be."""

import asyncio
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any, Final, override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.entity import GatewayEntity
from custom_components.powerwall_gateway.gateway import GatewayDeniedError, introduction
from custom_components.powerwall_gateway.reading import Reading
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.util import dt as dt_util
from tests.simulator import Simulator

OURS: Final = f"custom_components.{DOMAIN}"

POLLS: Final = 3
"""While a fault lasts."""

REQUESTS_A_POLL: Final = 3
"""To one endpoint at most: what got lost is asked for once more, and a login may come between."""


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


class Ward:
    """One loaded entry whose polls the test makes."""

    def __init__(
        self, hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, log: pytest.LogCaptureFixture
    ) -> None:
        self.gateway = gateway
        self._hass = hass
        self._entry = entry
        self._log = log

    async def poll(self) -> None:
        """Have every coordinator poll once, the live one after those that it takes something from."""
        data = self._entry.runtime_data
        for coordinator in (data.inventory, data.settings, data.grid, data.live, data.detail):
            await coordinator.async_refresh()
        await self._hass.async_block_till_done()

    def paths(self) -> list[str]:
        """Give what is polled, by the requests of one round."""
        return sorted({request.path for request in self.gateway.requests if request.method == "GET"})

    def states(self) -> dict[str, str]:
        """Give every state."""
        return {state.entity_id: state.state for state in self._hass.states.async_all()}

    def entities(self) -> dict[str, GatewayEntity[Any]]:
        """Give every entity there is."""
        return {
            entity_id: entity
            for platform in async_get_platforms(self._hass, DOMAIN)
            for entity_id, entity in platform.entities.items()
            if isinstance(entity, GatewayEntity)
        }

    async def suffer(self, fault: str, path: str, harm: dict[str, Any], *, is_answer: bool = False) -> Cell:
        """Have an endpoint do wrong for some polls, and see what that costs and that nothing of it lasts.

        `is_answer` is for what may be an answer of the endpoint, whose entities may then show something else.
        """
        before, tasks, files = self.states(), _tasks(), _open_files()
        self._log.clear()
        self.gateway.requests.clear()
        self.gateway.faults.add(path, **harm)
        for _ in range(POLLS):
            await self.poll()
        requests = sum(request.path == path for request in self.gateway.requests)
        assert requests <= POLLS * REQUESTS_A_POLL, f"{fault}: {path} was asked {requests} times"
        hidden = self._hidden(before, path)
        if not is_answer:
            assert self._unlike(before).keys() <= hidden
        self.gateway.faults.clear()
        polls = await self._until_back(before)
        cell = Cell(
            fault=fault,
            path=path,
            hidden=len(hidden),
            requests=requests,
            logged=self._logged(fault, path),
            polls_until_back=polls,
        )
        await self._nothing_is_left(tasks, files)
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
            error = entities[entity_id].reading.error
            # A login that was of no use is not repeated for the next that is denied, which hears of the first.
            if error is not None and not isinstance(error, GatewayDeniedError):
                assert error.path == path, f"{entity_id} does not stand on {path}, but on {error.path}"
        return hidden

    async def _until_back(self, before: dict[str, str]) -> int:
        """Give how many polls it takes until every state is as it was."""
        for polls in range(1, 4):
            await self._rested()
            await self.poll()
            if not self._unlike(before):
                return polls
        raise AssertionError(f"did not come back: {self._unlike(before)}")

    def _unlike(self, before: dict[str, str]) -> dict[str, str]:
        """Give the states that are not as they were."""
        now = self.states()
        return {
            entity_id: now.get(entity_id, "")
            for entity_id, state in before.items()
            if not _is_like(now.get(entity_id, ""), state)
        }

    async def _rested(self) -> None:
        """Wait for as long as the gateway asked to be left alone."""
        data = self._entry.runtime_data
        async with asyncio.timeout(5):
            while data.live.cadence.rest:
                await asyncio.sleep(0.01)
        await asyncio.sleep(max(0.0, self._left_alone_until() - self._hass.loop.time()))
        await asyncio.sleep(introduction.BETWEEN_CHECKS if data.doorman._failure else 0.0)

    def _left_alone_until(self) -> float:
        data = self._entry.runtime_data
        readings = [
            reading
            for coordinator in (data.live, data.grid, data.settings, data.inventory, data.detail)
            for reading in vars(coordinator.data).values()
            if isinstance(reading, Reading) and not reading.never_answered  # else this firmware has no such endpoint
        ]
        return max((reading.not_before for reading in readings), default=0.0)

    def _logged(self, fault: str, path: str) -> int:
        """Count what was logged, and make sure that each thing was said once and nothing was a mistake of ours."""
        records = [record for record in self._log.records if record.levelno >= logging.INFO]
        for record in records:
            assert record.levelno < logging.ERROR, f"{fault} at {path}: {record.getMessage()}"
            assert not record.exc_info, f"{fault} at {path}: {record.getMessage()}"
        ours = [record.getMessage() for record in records if record.name.startswith(OURS)]
        assert len(ours) == len(set(ours)), f"{fault} at {path}: {ours}"
        return len(ours)

    async def _nothing_is_left(self, tasks: int, files: int) -> None:
        """Make sure that no task and no connection outlives the fault."""
        async with asyncio.timeout(5):
            while _tasks() > tasks or _open_files() > files + 2:  # a connection may have two ends here
                await asyncio.sleep(0.01)


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
