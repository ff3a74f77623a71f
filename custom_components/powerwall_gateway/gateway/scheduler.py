"""Who asks the gateway next, and how often: a small computer that minds a power plant has little time for us.

Requests go one after the other, and the grid watch never waits behind more than one. The
time that the gateway spends answering is measured, and at most a quarter of it is ours:
when answers slow down, the cadences stretch, those that can wait first, and come back when
it recovers. A gateway that asks to wait, or says nothing, is not polled for a while (see `backoff`).

What a person orders waits for its turn, and for nothing else.
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
"""Of its time the gateway spends on us at most, and a hundredth for what was spent in advance."""

RESERVE: Final = 5.0
"""Seconds of the gateway's time that polls may spend in advance: a start and a refresh of everything come at once."""

_LEFT: Final = 0.4
"""Seconds of the reserve that each rank leaves to the next."""

_PLANNED: Final = 0.235
_PAID_BACK: Final = 0.004
"""Of its time that the cadences are given, and how much less for each second that was spent in advance."""

_WEIGHT: Final = 0.3
"""Of the last round in what a round is expected to cost: one slow answer is no slow gateway."""

_TICK: Final = 0.001
"""Seconds by which a wait is longer than it would have to be, so that it is over after it."""

_ASLEEP: Final = 3.0
"""Intervals without a round after which a cadence is taken to be switched off."""


class Priority(IntEnum):
    """What is polled, in the order in which it stretches: what can wait comes first."""

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
    """One rhythm of polling. `wanted` is its interval in seconds while the gateway is quick."""

    def __init__(self, scheduler: RequestScheduler, rank: Priority, wanted: float) -> None:
        self.rank = rank
        self.wanted = wanted
        self.longest = max(wanted, _LONGEST[rank])
        self.cost = 0.0
        """Seconds of the gateway's time that a round is expected to take."""

        self._scheduler = scheduler
        self._began: float | None = None

    @property
    def interval(self) -> float:
        """Seconds from one round to the next, at the gateway's present speed."""
        return self._scheduler.interval_of(self)

    @property
    def rest(self) -> GatewayError | None:
        """Why nothing is to be asked now; None while the gateway may be asked."""
        return self._scheduler.rest.reason

    @contextmanager
    def round(self) -> Iterator[None]:
        """Ask what belongs to one round; what this task asks meanwhile is on this cadence's account."""
        first, self._began = self._began is None, self._scheduler.clock()
        with self._scheduler.account(self.rank) as account:
            yield
        if self.rest is None:
            self.cost = account.spent if first else self.cost + _WEIGHT * (account.spent - self.cost)

    async def room(self) -> None:
        """Wait until there is time of the gateway's left for this cadence. The grid watch always has some."""
        if self.rank is not Priority.GRID:
            await self._scheduler.room(RESERVE - _LEFT * (Priority.LIVE - self.rank))

    def sleeps(self, now: float) -> bool:
        """Tell whether nobody polls at this cadence."""
        return self._began is None or now - self._began > _ASLEEP * self.longest


@dataclass(slots=True)
class _Account:
    """What one round has taken of the gateway's time."""

    rank: Priority
    spent: float = 0.0


class RequestScheduler:
    """Paces one gateway. `clock` is monotonic, in seconds."""

    def __init__(
        self, *, clock: Callable[[], float] = monotonic, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        self.clock = clock
        self.rest = GatewayBackoff(clock)
        self._sleep = sleep
        self._cadences: dict[Priority, PollSchedule] = {}
        self._accounts: dict[asyncio.Task[Any] | None, _Account] = {}
        self._queue = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._debt = 0.0
        self._debt_at = clock()

    def cadence(self, rank: Priority, wanted: float) -> PollSchedule:
        """Begin a cadence, in place of an earlier one of its rank."""
        self._cadences[rank] = cadence = PollSchedule(self, rank, wanted)
        return cadence

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and take it for one request; how long that took, and what it raised, is noted.

        The others queue for their place behind the request in flight. The grid watch steps
        into that place, so there is never more than one before it.
        """
        account = self._accounts.get(asyncio.current_task())
        urgent = account is not None and account.rank is Priority.GRID
        async with nullcontext() if urgent else self._queue, self._turn:
            began = self.clock()
            try:
                yield
            except GatewayError as err:
                self.rest.failed(err, polled=account is not None)
                if isinstance(err, GatewayConnectionError):
                    raise  # nobody spent time on us
                self._spend(self.clock() - began, account)
                raise
            self.rest.answered()
            self._spend(self.clock() - began, account)

    @contextmanager
    def account(self, rank: Priority) -> Iterator[_Account]:
        """Put what the current task asks on an account of its own."""
        task = asyncio.current_task()
        outer = self._accounts.get(task)
        self._accounts[task] = account = _Account(rank)
        try:
            yield account
        finally:
            if outer is None:
                del self._accounts[task]
            else:
                self._accounts[task] = outer

    async def room(self, reserve: float) -> None:
        """Wait until no more than `reserve` seconds of the gateway's time are spent in advance."""
        while (excess := self._owed() - reserve) > 0:
            await self._sleep(excess / SHARE + _TICK)

    def interval_of(self, asking: PollSchedule) -> float:
        """Share out what is planned: all as they are wanted, or the first in order stretched until it fits."""
        now = self.clock()
        cadences = [self._cadences[rank] for rank in sorted(self._cadences)]
        awake = [cadence for cadence in cadences if cadence is asking or not cadence.sleeps(now)]
        excess = sum(cadence.cost / cadence.wanted for cadence in awake)
        excess -= _PLANNED - _PAID_BACK * self._owed()
        for cadence in awake:
            share, least = cadence.cost / cadence.wanted, cadence.cost / cadence.longest
            given = share if excess <= 0 else max(least, share - excess)
            if cadence is asking:
                return cadence.cost / given if given < share else cadence.wanted
            excess -= share - given
        return asking.wanted

    def _owed(self) -> float:
        """Give the seconds of the gateway's time that polls have spent in advance of our share."""
        now = self.clock()
        self._debt = max(0.0, self._debt - SHARE * (now - self._debt_at))
        self._debt_at = now
        return self._debt

    def _spend(self, seconds: float, account: _Account | None) -> None:
        if account is not None:
            account.spent += seconds
            self._debt = self._owed() + seconds
