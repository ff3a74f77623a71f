"""The scheduler: one request at a time, grid polls first, and intervals that stretch when the gateway is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayConnectionError,
    PollSchedule,
    Priority,
    RequestScheduler,
)
from custom_components.powerwall_gateway.gateway.scheduler import RESERVE, SHARE

INTERVALS = {
    Priority.INVENTORY: 900.0,
    Priority.SETTINGS: 60.0,
    Priority.DETAIL: 30.0,
    Priority.LIVE: 5.0,
    Priority.GRID: 1.0,
}
REQUESTS = {Priority.INVENTORY: 10, Priority.SETTINGS: 2, Priority.DETAIL: 4, Priority.LIVE: 2, Priority.GRID: 1}


class PolledGateway:
    """A gateway that takes `latency` seconds for a response, polled at every schedule, with its own clock."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.now = 1000.0
        self.busy = 0.0
        self.seen = [self.now]
        """Times of the responses with the grid's state."""
        self.scheduler = RequestScheduler(clock=lambda: self.now, sleep=self._sleep)
        self.schedules = {rank: self.scheduler.add_schedule(rank, wanted) for rank, wanted in INTERVALS.items()}
        self.due = dict.fromkeys(Priority, self.now)

    async def _sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.due[Priority.GRID]) < end:
            self.now = max(self.now, due)
            await self.poll_in_task(Priority.GRID)
        self.now = max(self.now, end)

    async def request(self, schedule: PollSchedule) -> None:
        """Make one request of a poll."""
        async with self.scheduler.turn():
            self.now += self.latency
            self.busy += self.latency
        if schedule.rank is Priority.GRID:
            self.seen.append(self.now)

    async def run(self, seconds: float) -> None:
        """Poll in the order in which the polls are due. The grid poll runs between two requests of the others."""
        end = self.now + seconds
        while self.now < end:
            rank = min(self.due, key=lambda rank: (self.due[rank], -rank))
            self.now = max(self.now, self.due[rank])
            await self.round(rank)

    async def round(self, rank: Priority) -> None:
        """Poll once."""
        schedule, began = self.schedules[rank], self.now
        with schedule.round():
            for _ in range(REQUESTS[rank]):
                await schedule.wait_for_budget()
                if rank is not Priority.GRID and self.due[Priority.GRID] <= self.now:
                    await self.poll_in_task(Priority.GRID)
                await self.request(schedule)
        self.due[rank] = began + schedule.interval

    async def poll_in_task(self, rank: Priority) -> None:
        """Poll once in a task of its own, as every coordinator does."""
        await asyncio.create_task(self.round(rank))

    def intervals(self) -> dict[Priority, float]:
        """Return the current interval of each schedule."""
        return {rank: schedule.interval for rank, schedule in self.schedules.items()}


# -- intervals ---------------------------------------------------------------------------------------------------------


async def test_fast_gateway_is_polled_at_the_intervals() -> None:
    gateway = PolledGateway(0.1)
    await gateway.run(1800)
    assert gateway.intervals() == INTERVALS


@pytest.mark.parametrize("latency", [0.1, 0.3, 1.0, 3.0])
async def test_polls_take_a_quarter_of_the_time_at_most(latency: float) -> None:
    gateway = PolledGateway(latency)
    began = gateway.now
    await gateway.run(3600)
    assert gateway.busy <= SHARE * (gateway.now - began) + RESERVE + latency
    gateway.busy, began = 0.0, gateway.now
    await gateway.run(600)
    assert gateway.busy <= 0.25 * (gateway.now - began)


async def test_polls_take_a_quarter_at_most_with_an_unstable_grid() -> None:
    gateway = PolledGateway(0.3)
    await gateway.run(300)
    gateway.busy, began = 0.0, gateway.now
    while gateway.now < began + 900:
        await gateway.run(10)
        await gateway.round(Priority.LIVE)
        await gateway.round(Priority.SETTINGS)
    assert gateway.busy <= 0.25 * (gateway.now - began)


@pytest.mark.parametrize(("latency", "longest"), [(0.1, 1.5), (0.3, 2.5), (1.0, 8.0)])
async def test_slow_gateway_still_shows_an_outage_in_time(latency: float, longest: float) -> None:
    gateway = PolledGateway(latency)
    await gateway.run(1800)
    gaps = [later - earlier for earlier, later in pairwise(gateway.seen)]
    assert max(gaps[len(gaps) // 10 :]) <= longest  # from the gateway's sample to the next one


async def test_low_priorities_stretch_first() -> None:
    stretched: list[set[Priority]] = []
    for latency in (0.1, 0.16, 0.18, 0.2, 0.22, 0.24, 0.3, 0.5, 1.0):
        gateway = PolledGateway(0.0)
        for rank, schedule in gateway.schedules.items():
            schedule.cost = REQUESTS[rank] * latency
            with schedule.round():  # it is running again
                pass
            schedule.cost = REQUESTS[rank] * latency
        stretched.append({rank for rank, interval in gateway.intervals().items() if interval > INTERVALS[rank]})
    assert stretched[0] == set()
    assert stretched[-1] == set(Priority)
    for fewer, more in pairwise(stretched):
        assert fewer <= more
    for each in stretched:
        assert each == set(sorted(Priority)[: len(each)])
    assert len({len(each) for each in stretched}) >= 4


async def test_live_stretches_to_one_minute_before_the_grid_poll() -> None:
    gateway = PolledGateway(1.0)
    await gateway.run(1800)
    intervals = gateway.intervals()
    assert intervals[Priority.LIVE] == 60
    assert 4 < intervals[Priority.GRID] < 7


async def test_intervals_shrink_when_the_gateway_recovers() -> None:
    gateway = PolledGateway(1.0)
    await gateway.run(1800)
    gateway.latency = 0.05
    await gateway.run(300)
    assert gateway.intervals() == INTERVALS


async def test_one_slow_response_stretches_nothing() -> None:
    gateway = PolledGateway(0.1)
    await gateway.run(300)
    gateway.latency = 2.0
    await gateway.round(Priority.GRID)
    assert gateway.schedules[Priority.GRID].interval < 5
    gateway.latency = 0.1
    await gateway.run(60)
    assert gateway.intervals() == INTERVALS


async def test_disabled_poll_leaves_its_share_to_the_others() -> None:
    gateway = PolledGateway(0.15)
    await gateway.run(900)
    assert gateway.schedules[Priority.SETTINGS].interval > INTERVALS[Priority.SETTINGS]
    gateway.due[Priority.DETAIL] = float("inf")
    await gateway.run(1860)
    assert gateway.schedules[Priority.SETTINGS].interval == INTERVALS[Priority.SETTINGS]


async def test_command_waits_only_for_its_turn() -> None:
    gateway = PolledGateway(1.0)
    await gateway.run(120)
    began = gateway.now
    for _ in range(30):
        async with gateway.scheduler.turn():
            pass
    assert gateway.now == began


async def test_first_polls_after_a_start_do_not_wait() -> None:
    gateway = PolledGateway(0.2)
    began = gateway.now
    for rank in (Priority.LIVE, Priority.GRID, Priority.SETTINGS, Priority.INVENTORY, Priority.DETAIL):
        await gateway.poll_in_task(rank)
    assert gateway.now - began == pytest.approx(gateway.busy)


# -- turns -------------------------------------------------------------------------------------------------------------


async def test_grid_poll_waits_for_one_request_at_most() -> None:
    scheduler = RequestScheduler()
    served: list[str] = []
    responses = asyncio.Event()

    async def request(rank: Priority, name: str) -> None:
        with scheduler.add_schedule(rank, 1.0).round():
            async with scheduler.turn():
                await responses.wait()
                served.append(name)

    others = [asyncio.create_task(request(Priority.LIVE, f"live {number}")) for number in range(4)]
    await asyncio.sleep(0)
    watch = asyncio.create_task(request(Priority.GRID, "grid"))
    await asyncio.sleep(0)
    responses.set()
    await asyncio.gather(watch, *others)
    assert served == ["live 0", "grid", "live 1", "live 2", "live 3"]


async def test_cancelled_turn_blocks_no_other() -> None:
    scheduler = RequestScheduler()

    @asynccontextmanager
    async def asking() -> AsyncIterator[asyncio.Task[None]]:
        async def request() -> None:
            async with scheduler.turn():
                await asyncio.sleep(3600)

        task = asyncio.create_task(request())
        await asyncio.sleep(0)
        yield task
        task.cancel()
        await asyncio.wait({task})

    async with asking(), asking():
        pass
    async with asyncio.timeout(1), scheduler.turn():
        pass


async def test_time_without_a_response_does_not_stretch() -> None:
    gateway = PolledGateway(0.1)
    await gateway.run(300)
    before = gateway.schedules[Priority.GRID].cost

    async def time_out() -> None:
        async with gateway.scheduler.turn():
            gateway.now += 10
            raise GatewayConnectionError("no response")

    with gateway.schedules[Priority.GRID].round(), pytest.raises(GatewayConnectionError):
        await time_out()
    assert gateway.schedules[Priority.GRID].cost == pytest.approx(before, rel=0.5)
