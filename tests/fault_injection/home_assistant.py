"""What can become of Home Assistant itself, and of the machine it runs on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final
from unittest.mock import patch

from custom_components.powerwall_gateway import storage
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from tests.fault_injection.course import Course, Happening, Upheaval

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

SUMMER_ENDS: Final = datetime(2026, 10, 25, 1, tzinfo=UTC)
SUMMER_BEGINS: Final = datetime(2027, 3, 28, 1, tzinfo=UTC)
"""In most of Europe."""


async def _frozen(course: Course) -> AsyncIterator[float]:
    course.clock.advance(HOUR)
    yield 10.0


async def _frozen_while_it_asks(course: Course) -> AsyncIterator[float]:
    course.gateway.faults.add("*", delay=30.0)
    yield 2.0
    course.gateway.faults.clear()  # what is asked already waits on; what is asked once more does not
    course.clock.advance(HOUR)
    yield 10.0


async def _asleep(course: Course) -> AsyncIterator[float]:
    with course.gateway.forgetting_connections():
        course.clock.put(HOUR)
        yield 30.0


def _clock_set(seconds: float) -> Happening:
    async def happening(course: Course) -> AsyncIterator[float]:
        course.clock.put(seconds)
        yield 120.0
        course.clock.put(-seconds)

    return happening


def _summer_time(change: datetime) -> Happening:
    async def happening(course: Course) -> AsyncIterator[float]:
        now = course.clock.utcnow()
        await course.hass.config.async_set_time_zone("Europe/Berlin")
        course.clock.put_to(change)
        course.clock.put(-60.0)
        yield 120.0
        course.clock.put_to(now)

    return happening


async def _storage_full(course: Course) -> AsyncIterator[float]:
    full = WriteError("No space left on device")
    home = course.gateway.home
    with (
        patch.object(Store, "_async_write_data", side_effect=full),
        patch.object(storage, "write_utf8_file_atomic", side_effect=full),
    ):
        course.gateway.tokens.clear()
        home.outage()
        home.advance(10.0)
        yield 60.0
        home.restore()
        home.advance(120.0)
        yield 60.0


async def _loaded_anew(course: Course) -> AsyncIterator[float]:
    async with course.gateway.unreachable():
        yield 30.0
        await course.hass.config_entries.async_reload(course.entry.entry_id)
        assert course.entry.state is ConfigEntryState.SETUP_RETRY
        yield 90.0


HOME_ASSISTANT: Final = (
    Upheaval(name="stands still for an hour", happening=_frozen, hides=False, records=0),
    Upheaval(name="the same while it asks", happening=_frozen_while_it_asks, silent=True),
    Upheaval(name="asleep for an hour", happening=_asleep, silent=True),
    Upheaval(name="clock a day ahead", happening=_clock_set(DAY), hides=False, records=0),
    Upheaval(name="clock an hour back", happening=_clock_set(-HOUR), hides=False, records=0),
    Upheaval(name="summer time begins", happening=_summer_time(SUMMER_BEGINS), hides=False, records=0),
    Upheaval(name="summer time ends", happening=_summer_time(SUMMER_ENDS), hides=False, records=0),
    Upheaval(
        name="storage full",
        happening=_storage_full,
        besides=("grid_frequency",),  # unknown in the outage, and alone
        changes=True,
        errors=("Error writing config for",),
    ),
    Upheaval(name="entry loaded anew while away", happening=_loaded_anew, back_within=100.0),
)
