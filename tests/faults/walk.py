"""One fault on one endpoint: what went dark, after how long, how soon it was back, and what it left."""

import asyncio
from dataclasses import dataclass, field
import logging
from math import ceil
from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import KEPT_AT_LEAST, KEPT_INTERVALS
from custom_components.powerwall_gateway.coordinator import GatewayCoordinator, PowerwallGatewayData
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from tests.simulator import Simulator

from .endpoints import Endpoint, entities
from .faults import Fault

CELLS: Final = "cells"
"""Under which a test reports its cells."""

BEYOND: Final = 4
"""For so many intervals a lasting fault lasts after the value that was kept has gone."""

LATE: Final = 5.0
"""Seconds that the requests of one poll may take on a busy machine."""


class Clock:
    """The event loop's, which can be put forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._time = loop.time
        self._ahead = 0.0

    def time(self) -> float:
        """Give the seconds of no beginning."""
        return self._time() + self._ahead

    def forward(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._ahead += seconds


@dataclass
class Cell:
    """What one fault did on one endpoint."""

    fault: str
    endpoint: str
    stand: int
    """How many entities stand on the endpoint."""

    dark: int = 0
    """How many of them had nothing to show meanwhile."""

    dark_after: float | None = None
    back_after: float = 0.0
    """Seconds."""

    back_polls: int = 0
    requests: int = 0
    down: int = 0
    up: int = 0
    broken: list[str] = field(default_factory=list)
    """The rules it broke."""


class Walk:
    """Walks through the matrix in a Home Assistant that has polled everything once."""

    def __init__(
        self,
        hass: HomeAssistant,
        clock: Clock,
        gateway: Simulator,
        entry: MockConfigEntry,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        self._hass = hass
        self._clock = clock
        self._gateway = gateway
        self._entry = entry
        self._caplog = caplog

    @property
    def _data(self) -> PowerwallGatewayData:
        data: PowerwallGatewayData = self._entry.runtime_data
        return data

    async def poll(self, endpoint: Endpoint | None = None) -> None:
        """Poll everything once; the slow ones where it is about one of them."""
        data = self._data
        every: list[GatewayCoordinator[Any]] = [data.grid, data.live, data.settings]
        if endpoint is None or endpoint.coordinator in {"detail", "inventory"}:
            every += [data.detail, data.inventory]
        for coordinator in every:
            await coordinator.async_refresh()
        await self._hass.async_block_till_done()

    def dark(self) -> frozenset[str]:
        """Name the entities that have nothing to show."""
        return frozenset(
            state.entity_id
            for state in self._hass.states.async_all()
            if state.entity_id in self._ids and state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}
        )

    @property
    def _ids(self) -> dict[str, Any]:
        return entities(self._hass)

    async def cell(self, endpoint: Endpoint, fault: Fault, *, lasts: bool) -> Cell:
        """Let a fault happen once, or for a while, and see what it costs."""
        gateway, data = self._gateway, self._data
        await self.poll()
        interval = endpoint.coordinator_of(data).cadence.interval
        kept = max(KEPT_INTERVALS * interval, KEPT_AT_LEAST)
        polls = ceil(kept / interval) + BEYOND if lasts else 1
        stand = {name for name, entity in self._ids.items() if endpoint.stands_on_it(data, entity)}
        normal = self.dark()
        cell = Cell(fault.name + ("" if lasts else ", once"), endpoint.path, len(stand - normal))
        tasks, self._caplog.records[:] = len(asyncio.all_tasks()), []
        asked = len(gateway.requests)
        gateway.faults.add(endpoint.path, times=None if lasts else 1, **fault.how)
        began, seen = self._clock.time(), set[str]()
        for poll in range(polls):
            self._clock.forward(interval if poll else 0.0)
            await self.poll(endpoint)
            if (lost := self.dark() - normal) and cell.dark_after is None:
                cell.dark_after = self._clock.time() - began
            seen |= lost
        cell.requests = len(gateway.requests) - asked
        gateway.faults.clear()
        ended = self._clock.time()
        while cell.back_polls == 0 or (self.dark() != normal and cell.back_polls < 2 * polls):
            self._clock.forward(interval)
            cell.back_polls += 1
            await self.poll(endpoint)
            cell.back_after = self._clock.time() - ended
        if fault.peace:
            self._clock.forward(fault.peace)
            await self.poll(endpoint)
        cell.dark = len(seen & stand)
        must = lasts and not fault.readable and not self._is_told_elsewhere(endpoint)
        if fault.is_cut and endpoint.path == "status":
            # Whoever answers over a new connection is asked for it before anything else is believed.
            seen, cell.dark_after = seen & stand, None
        self._judge(cell, fault, seen, stand - normal, must=must)
        if not fault.readable and not fault.at_once and cell.dark_after is not None and cell.dark_after < kept - 1:
            cell.broken.append(f"dark after {cell.dark_after:.0f} s")
        if cell.back_after > interval + fault.peace + LATE:
            cell.broken.append(f"back after {cell.back_after:.0f} s")
        self._look_for_what_stayed(cell, normal, tasks)
        return cell

    def _look_for_what_stayed(self, cell: Cell, normal: frozenset[str], tasks: int) -> None:
        """Hold a cell to it that all is as before."""
        if self.dark() != normal:
            cell.broken.append(f"stays dark: {sorted(self.dark() ^ normal)}")
        if (left := len(asyncio.all_tasks()) - tasks) > 0:
            cell.broken.append(f"{left} tasks left")
        if self._hass.config_entries.flow.async_progress() or self._entry.state.name != "LOADED":
            cell.broken.append("waits for a person")

    def _is_told_elsewhere(self, endpoint: Endpoint) -> bool:
        """Tell whether another answer tells the same: `system_status` has the grid's state, too."""
        return endpoint.coordinator == "grid" and self._data.gateway.capabilities.has_system_status

    def _judge(self, cell: Cell, fault: Fault, seen: set[str], stand: set[str], *, must: bool) -> None:
        """Hold a cell to the rules on entities and on the log."""
        if foreign := seen - stand:
            cell.broken.append(f"not its own: {sorted(foreign)[:5]} of {len(foreign)}")
        if must and (lit := stand - seen):
            cell.broken.append(f"still shown: {sorted(lit)[:5]} of {len(lit)}")
        for record in self._caplog.records:
            if record.exc_info:
                cell.broken.append(f"traceback: {record.getMessage()[:80]}")
            elif record.name.startswith("custom_components") and record.levelno >= logging.INFO:
                if record.levelno > logging.INFO:
                    cell.down += 1
                else:
                    cell.up += 1
        if cell.down > (2 if fault.is_cut else 1) or cell.up > cell.down:
            cell.broken.append("too many records")
