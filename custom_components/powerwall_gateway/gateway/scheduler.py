"""Send one request at a time, by priority, and limit polls to 25% of the gateway's time.

The gateway is a small computer that controls a power plant. Response times are measured. If they grow, the intervals
stretch, those that can wait first, and shrink when the gateway recovers. Nothing is polled during a backoff.

Requests that do not belong to a poll wait for their turn only.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import IntEnum
from time import monotonic
from typing import Any, Final

from .backoff import GatewayBackoff
from .exceptions import GatewayConnectionError, GatewayError

SHARE: Final = 0.24
"""Fraction of the gateway's time that polls may use, and 0.01 to pay back what was spent in advance."""

RESERVE: Final = 5.0
"""Seconds of the gateway's time that polls may spend in advance, as at a start or a refresh of everything."""

_LEFT: Final = 0.4
"""Seconds of the reserve that each priority leaves to the next."""

_PLANNED: Final = 0.235
_PAID_BACK: Final = 0.004
"""Fraction of its time that intervals are planned for, and how much less for each second spent in advance."""

_WEIGHT: Final = 0.3
"""Weight of the last poll in the expected cost: one slow response does not make a slow gateway."""

_TICK: Final = 0.001
"""Seconds by which a wait is longer than calculated, so that it is certainly over afterwards."""

_IDLE_INTERVALS: Final = 3.0
"""Intervals without a poll after which a schedule counts as switched off."""


class Priority(IntEnum):
    """Priorities of polls, in the order in which their intervals stretch."""

    INVENTORY = 1
    SETTINGS = 2
    DETAIL = 3
    LIVE = 4
    GRID = 5


_LONGEST: Final = {
    Priority.INVENTORY: 3600.0,
    Priority.SETTINGS: 300.0,
    Priority.DETAIL: 600.0,
    Priority.LIVE: 60.0,
    Priority.GRID: 60.0,
}
"""Seconds to which an interval may stretch."""


class PollSchedule:
    """The schedule of one kind of poll. `wanted` is its interval in seconds while the gateway is fast."""

    def __init__(self, scheduler: RequestScheduler, rank: Priority, wanted: float) -> None:
        self.rank = rank
        self.wanted = wanted
        self.longest = max(wanted, _LONGEST[rank])
        self.cost = 0.0
        """Seconds of the gateway's time that a poll is expected to take."""

        self._scheduler = scheduler
        self._began: float | None = None

    @property
    def interval(self) -> float:
        """Return the seconds from one poll to the next, at the gateway's present speed."""
        return self._scheduler.interval_of(self)

    @property
    def backoff_error(self) -> GatewayError | None:
        """Return the error of the present backoff, None if there is none."""
        return self._scheduler.backoff.error

    @contextmanager
    def round(self) -> Iterator[None]:
        """Count the requests of the current task as one poll of this schedule."""
        first, self._began = self._began is None, self._scheduler.clock()
        task = asyncio.current_task()
        self._scheduler.accounts[task] = account = _Account(self.rank)
        try:
            yield
        finally:
            del self._scheduler.accounts[task]
        if self.backoff_error is None:
            self.cost = account.spent if first else self.cost + _WEIGHT * (account.spent - self.cost)

    async def wait_for_budget(self) -> None:
        """Wait until this schedule may spend more of the gateway's time. The grid poll does not wait."""
        if self.rank is not Priority.GRID:
            await self._scheduler.wait_for_budget(RESERVE - _LEFT * (Priority.LIVE - self.rank))

    def is_idle(self, now: float) -> bool:
        """Return whether nothing polls at this schedule."""
        return self._began is None or now - self._began > _IDLE_INTERVALS * self.longest


@dataclass(slots=True)
class _Account:
    """The gateway's time that one poll has taken so far, in seconds."""

    rank: Priority
    spent: float = 0.0


class RequestScheduler:
    """Schedule the requests to one gateway. `clock` is monotonic, in seconds."""

    def __init__(
        self, *, clock: Callable[[], float] = monotonic, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        self.clock = clock
        self.backoff = GatewayBackoff(clock)
        self._sleep = sleep
        self._schedules: dict[Priority, PollSchedule] = {}
        self.accounts: dict[asyncio.Task[Any] | None, _Account] = {}
        self._queue = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._debt = 0.0
        self._debt_at = clock()

    def add_schedule(self, rank: Priority, wanted: float) -> PollSchedule:
        """Return a new schedule, in place of an earlier one of its priority."""
        self._schedules[rank] = schedule = PollSchedule(self, rank, wanted)
        return schedule

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn of one request; measure its time and note its error.

        The grid poll skips the queue and waits only for the request in flight.
        """
        account = self.accounts.get(asyncio.current_task())
        urgent = account is not None and account.rank is Priority.GRID
        async with nullcontext() if urgent else self._queue, self._turn:
            began = self.clock()
            try:
                yield
            except GatewayError as err:
                self.backoff.failed(err, polled=account is not None)
                if not isinstance(err, GatewayConnectionError):  # which takes none of the gateway's time
                    self._spend(self.clock() - began, account)
                raise
            self.backoff.responded()
            self._spend(self.clock() - began, account)

    async def wait_for_budget(self, reserve: float) -> None:
        """Wait until no more than `reserve` seconds of the gateway's time are spent in advance."""
        while (excess := self._owed() - reserve) > 0:
            await self._sleep(excess / SHARE + _TICK)

    def interval_of(self, asking: PollSchedule) -> float:
        """Return a schedule's interval: all as they are wanted, or the first in order stretched until they fit."""
        now = self.clock()
        schedules = [self._schedules[rank] for rank in sorted(self._schedules)]
        active = [schedule for schedule in schedules if schedule is asking or not schedule.is_idle(now)]
        excess = sum(schedule.cost / schedule.wanted for schedule in active)
        excess -= _PLANNED - _PAID_BACK * self._owed()
        for schedule in active:
            share, least = schedule.cost / schedule.wanted, schedule.cost / schedule.longest
            given = share if excess <= 0 else max(least, share - excess)
            if schedule is asking:
                return schedule.cost / given if given < share else schedule.wanted
            excess -= share - given
        return asking.wanted

    def _owed(self) -> float:
        """Return the seconds of the gateway's time that polls have spent in advance."""
        now = self.clock()
        self._debt = max(0.0, self._debt - SHARE * (now - self._debt_at))
        self._debt_at = now
        return self._debt

    def _spend(self, seconds: float, account: _Account | None) -> None:
        if account is not None:
            account.spent += seconds
            self._debt = self._owed() + seconds
