"""Scenarios of Home Assistant itself and its machine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final
from unittest.mock import patch

from custom_components.powerwall_gateway import storage
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from tests.fault_injection.scenario_runner import Scenario, ScenarioRunner, Script

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

SUMMER_ENDS: Final = datetime(2026, 10, 25, 1, tzinfo=UTC)
SUMMER_BEGINS: Final = datetime(2027, 3, 28, 1, tzinfo=UTC)
"""In most of Europe."""


async def _frozen(runner: ScenarioRunner) -> AsyncIterator[float]:
    runner.clock.advance(HOUR)
    yield 10.0


async def _frozen_while_it_asks(runner: ScenarioRunner) -> AsyncIterator[float]:
    runner.gateway.faults.add("*", delay=30.0)
    yield 2.0
    runner.gateway.faults.clear()  # a request in flight continues to wait, a new one does not
    runner.clock.advance(HOUR)
    yield 10.0


async def _asleep(runner: ScenarioRunner) -> AsyncIterator[float]:
    with runner.gateway.forgetting_connections():
        runner.clock.put(HOUR)
        yield 30.0


def _clock_set(seconds: float) -> Script:
    async def script(runner: ScenarioRunner) -> AsyncIterator[float]:
        runner.clock.put(seconds)
        yield 120.0
        runner.clock.put(-seconds)

    return script


def _summer_time(change: datetime) -> Script:
    async def script(runner: ScenarioRunner) -> AsyncIterator[float]:
        now = runner.clock.utcnow()
        await runner.hass.config.async_set_time_zone("Europe/Berlin")
        runner.clock.put_to(change)
        runner.clock.put(-60.0)
        yield 120.0
        runner.clock.put_to(now)

    return script


async def _storage_full(runner: ScenarioRunner) -> AsyncIterator[float]:
    full = WriteError("No space left on device")
    home = runner.gateway.home
    with (
        patch.object(Store, "_async_write_data", side_effect=full),
        patch.object(storage, "write_utf8_file_atomic", side_effect=full),
    ):
        runner.gateway.tokens.clear()
        home.outage()
        home.advance(10.0)
        yield 60.0
        home.restore()
        home.advance(120.0)
        yield 60.0


async def _reloaded(runner: ScenarioRunner) -> AsyncIterator[float]:
    async with runner.gateway.unreachable():
        yield 30.0
        await runner.hass.config_entries.async_reload(runner.entry.entry_id)
        assert runner.entry.state is ConfigEntryState.SETUP_RETRY
        yield 90.0


HOME_ASSISTANT: Final = (
    Scenario(name="stands still for an hour", script=_frozen, hides=False, records=0),
    Scenario(name="the same while it asks", script=_frozen_while_it_asks, requests_hang=True),
    Scenario(name="asleep for an hour", script=_asleep, requests_hang=True),
    Scenario(name="clock a day ahead", script=_clock_set(DAY), hides=False, records=0),
    Scenario(name="clock an hour back", script=_clock_set(-HOUR), hides=False, records=0),
    Scenario(name="summer time begins", script=_summer_time(SUMMER_BEGINS), hides=False, records=0),
    Scenario(name="summer time ends", script=_summer_time(SUMMER_ENDS), hides=False, records=0),
    Scenario(
        name="storage full",
        script=_storage_full,
        may_hide=("grid_frequency",),  # unknown in the outage, and alone
        changes=True,
        errors=("Error writing config for",),
    ),
    Scenario(name="entry reloaded while away", script=_reloaded, back_within=100.0),
)
