"""The scheduler: one request at a time, grid polls first, and intervals that stretch when the gateway is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayError,
    GatewayRateLimitError,
    PollSchedule,
    Priority,
    RequestScheduler,
)
from custom_components.powerwall_gateway.gateway.backoff import FIRST_WHEN_BUSY, LONGEST_WHEN_BUSY, LONGEST_WHEN_SILENT
from custom_components.powerwall_gateway.gateway.scheduler import RESERVE, SHARE

WANTED = {
    Priority.INVENTORY: 900.0,
    Priority.SETTINGS: 60.0,
    Priority.DETAIL: 30.0,
    Priority.LIVE: 5.0,
    Priority.GRID: 1.0,
}
REQUESTS = {Priority.INVENTORY: 10, Priority.SETTINGS: 2, Priority.DETAIL: 4, Priority.LIVE: 2, Priority.GRID: 1}


class House:
    """A gateway that takes `latency` seconds for an answer, polled at every cadence, by a clock that only it moves."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.now = 1000.0
        self.busy = 0.0
        self.seen = [self.now]
        """When the grid's state was told."""
        self.scheduler = RequestScheduler(clock=lambda: self.now, sleep=self._sleep)
        self.cadences = {rank: self.scheduler.add_schedule(rank, wanted) for rank, wanted in WANTED.items()}
        self.due = dict.fromkeys(Priority, self.now)

    async def _sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.due[Priority.GRID]) < end:
            self.now = max(self.now, due)
            await self.apart(Priority.GRID)
        self.now = max(self.now, end)

    async def ask(self, cadence: PollSchedule) -> None:
        """Make one request of a round."""
        async with self.scheduler.turn():
            self.now += self.latency
            self.busy += self.latency
        if cadence.rank is Priority.GRID:
            self.seen.append(self.now)

    async def run(self, seconds: float) -> None:
        """Poll for a while. What is due first is asked first, and the grid watch between two requests of the others."""
        end = self.now + seconds
        while self.now < end:
            rank = min(self.due, key=lambda rank: (self.due[rank], -rank))
            self.now = max(self.now, self.due[rank])
            await self.round(rank)

    async def round(self, rank: Priority) -> None:
        """Poll once at a cadence."""
        cadence, began = self.cadences[rank], self.now
        with cadence.round():
            for _ in range(REQUESTS[rank]):
                await cadence.wait_for_budget()
                if rank is not Priority.GRID and self.due[Priority.GRID] <= self.now:
                    await self.apart(Priority.GRID)
                await self.ask(cadence)
        self.due[rank] = began + cadence.interval

    async def apart(self, rank: Priority) -> None:
        """Poll once in a task of its own, as every coordinator does."""
        await asyncio.create_task(self.round(rank))

    def intervals(self) -> dict[Priority, float]:
        """Give the present interval of each cadence."""
        return {rank: cadence.interval for rank, cadence in self.cadences.items()}


# -- how often ---------------------------------------------------------------------------------------------------------


async def test_fast_gateway_is_polled_at_the_intervals() -> None:
    house = House(0.1)
    await house.run(1800)
    assert house.intervals() == WANTED


@pytest.mark.parametrize("latency", [0.1, 0.3, 1.0, 3.0])
async def test_polls_take_a_quarter_of_the_time_at_most(latency: float) -> None:
    house = House(latency)
    began = house.now
    await house.run(3600)
    assert house.busy <= SHARE * (house.now - began) + RESERVE + latency
    house.busy, began = 0.0, house.now
    await house.run(600)
    assert house.busy <= 0.25 * (house.now - began)


async def test_polls_take_a_quarter_at_most_with_an_unstable_grid() -> None:
    house = House(0.3)
    await house.run(300)
    house.busy, began = 0.0, house.now
    while house.now < began + 900:
        await house.run(10)
        await house.round(Priority.LIVE)
        await house.round(Priority.SETTINGS)
    assert house.busy <= 0.25 * (house.now - began)


@pytest.mark.parametrize(("latency", "longest"), [(0.1, 1.5), (0.3, 2.5), (1.0, 8.0)])
async def test_slow_gateway_still_shows_an_outage_in_time(latency: float, longest: float) -> None:
    house = House(latency)
    await house.run(1800)
    gaps = [later - earlier for earlier, later in pairwise(house.seen)]
    assert max(gaps[len(gaps) // 10 :]) <= longest  # from the gateway's sample to the next one


async def test_low_priorities_stretch_first() -> None:
    stretched: list[set[Priority]] = []
    for latency in (0.1, 0.16, 0.18, 0.2, 0.22, 0.24, 0.3, 0.5, 1.0):
        house = House(0.0)
        for rank, cadence in house.cadences.items():
            cadence.cost = REQUESTS[rank] * latency
            with cadence.round():  # it is awake
                pass
            cadence.cost = REQUESTS[rank] * latency
        stretched.append({rank for rank, interval in house.intervals().items() if interval > WANTED[rank]})
    assert stretched[0] == set()
    assert stretched[-1] == set(Priority)
    for fewer, more in pairwise(stretched):
        assert fewer <= more
    for each in stretched:
        assert each == set(sorted(Priority)[: len(each)])
    assert len({len(each) for each in stretched}) >= 4


async def test_live_stretches_to_one_minute_before_the_grid_poll() -> None:
    house = House(1.0)
    await house.run(1800)
    intervals = house.intervals()
    assert intervals[Priority.LIVE] == 60
    assert 4 < intervals[Priority.GRID] < 7


async def test_intervals_shrink_when_the_gateway_recovers() -> None:
    house = House(1.0)
    await house.run(1800)
    house.latency = 0.05
    await house.run(300)
    assert house.intervals() == WANTED


async def test_one_slow_response_stretches_nothing() -> None:
    house = House(0.1)
    await house.run(300)
    house.latency = 2.0
    await house.round(Priority.GRID)
    assert house.cadences[Priority.GRID].interval < 5
    house.latency = 0.1
    await house.run(60)
    assert house.intervals() == WANTED


async def test_disabled_poll_leaves_its_share_to_the_others() -> None:
    house = House(0.15)
    await house.run(900)
    assert house.cadences[Priority.SETTINGS].interval > WANTED[Priority.SETTINGS]
    house.due[Priority.DETAIL] = float("inf")
    await house.run(1860)
    assert house.cadences[Priority.SETTINGS].interval == WANTED[Priority.SETTINGS]


async def test_command_waits_only_for_its_turn() -> None:
    house = House(1.0)
    await house.run(120)
    began = house.now
    for _ in range(30):
        async with house.scheduler.turn():
            pass
    assert house.now == began


async def test_first_polls_after_a_start_do_not_wait() -> None:
    house = House(0.2)
    began = house.now
    for rank in (Priority.LIVE, Priority.GRID, Priority.SETTINGS, Priority.INVENTORY, Priority.DETAIL):
        await house.apart(rank)
    assert house.now - began == pytest.approx(house.busy)


# -- whose turn --------------------------------------------------------------------------------------------------------


async def test_grid_poll_waits_for_one_request_at_most() -> None:
    scheduler = RequestScheduler()
    answered: list[str] = []
    answers = asyncio.Event()

    async def ask(rank: Priority, name: str) -> None:
        with scheduler.add_schedule(rank, 1.0).round():
            async with scheduler.turn():
                await answers.wait()
                answered.append(name)

    others = [asyncio.create_task(ask(Priority.LIVE, f"live {number}")) for number in range(4)]
    await asyncio.sleep(0)
    watch = asyncio.create_task(ask(Priority.GRID, "grid"))
    await asyncio.sleep(0)
    answers.set()
    await asyncio.gather(watch, *others)
    assert answered == ["live 0", "grid", "live 1", "live 2", "live 3"]


async def test_cancelled_turn_blocks_no_other() -> None:
    scheduler = RequestScheduler()

    @asynccontextmanager
    async def asking() -> AsyncIterator[asyncio.Task[None]]:
        async def ask() -> None:
            async with scheduler.turn():
                await asyncio.sleep(3600)

        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        yield task
        task.cancel()
        await asyncio.wait({task})

    async with asking(), asking():
        pass
    async with asyncio.timeout(1), scheduler.turn():
        pass


# -- a gateway that rests ----------------------------------------------------------------------------------------------


async def fail(scheduler: RequestScheduler, err: GatewayError, *, polled: bool = True) -> None:
    """Let a request fail."""
    cadence = scheduler.add_schedule(Priority.LIVE, 5.0)

    async def ask() -> None:
        async with scheduler.turn():
            raise err

    if polled:
        with cadence.round(), pytest.raises(GatewayError):
            await ask()
    else:
        with pytest.raises(GatewayError):
            await ask()


async def answer(scheduler: RequestScheduler) -> None:
    """Let a request be answered."""
    async with scheduler.turn():
        pass


def rests_for(house: House) -> float:
    """Give the seconds until the gateway may be asked again."""
    began, rests = house.now, 0.0
    while house.scheduler.backoff.error:
        rests += 0.5
        house.now = began + rests
    house.now = began
    return rests


def busy(status: int = 503, path: str = "operation", retry_after: float | None = None) -> GatewayRateLimitError:
    """Make the error of a gateway that asks to wait."""
    named = retry_after is not None
    return GatewayRateLimitError("busy", path=path, status=status, named=named, retry_after=retry_after or 60.0)


async def test_backoff_after_503_doubles() -> None:
    house = House(0.1)
    rests = []
    for _ in range(6):
        await fail(house.scheduler, busy())
        rests.append(rests_for(house))
        house.now += rests[-1]
    assert rests == [FIRST_WHEN_BUSY, 10, 20, 40, LONGEST_WHEN_BUSY, LONGEST_WHEN_BUSY]
    await answer(house.scheduler)
    await fail(house.scheduler, busy())
    assert rests_for(house) == FIRST_WHEN_BUSY


async def test_backoff_honors_retry_after() -> None:
    house = House(0.1)
    await fail(house.scheduler, busy(429, retry_after=120))
    await answer(house.scheduler)
    assert rests_for(house) == 120
    assert isinstance(house.cadences[Priority.GRID].backoff_error, GatewayRateLimitError)


async def test_backoff_limits_retry_after() -> None:
    house = House(0.1)
    await fail(house.scheduler, busy(retry_after=86400))
    assert rests_for(house) == 900


@pytest.mark.parametrize(
    "err", [busy(429), busy(429, "login/Basic", retry_after=300), GatewayAuthenticationRequiredError("no", status=403)]
)
async def test_backoff_ignores_a_429_of_one_endpoint(err: GatewayError) -> None:
    house = House(0.1)
    await fail(house.scheduler, err)
    assert house.scheduler.backoff.error is None


async def test_backoff_ignores_a_503_of_a_command() -> None:
    house = House(0.1)
    await fail(house.scheduler, busy(path="system/update/urgency"), polled=False)
    assert house.scheduler.backoff.error is None


async def test_backoff_without_a_response_doubles() -> None:
    house = House(0.1)
    rests = []
    for _ in range(7):
        await fail(house.scheduler, GatewayConnectionError("nobody"))
        rests.append(rests_for(house))
        house.now += rests[-1]
    assert rests == [0, 1, 2, 4, 8, LONGEST_WHEN_SILENT, LONGEST_WHEN_SILENT]
    await fail(house.scheduler, GatewayConnectionError("nobody"))
    await answer(house.scheduler)
    assert house.scheduler.backoff.error is None


async def test_retry_after_survives_lost_responses() -> None:
    """A person's calls go on meanwhile: two that get lost and one that is answered change nothing about the wait."""
    house = House(0.1)
    await fail(house.scheduler, busy(retry_after=900))
    for _ in range(2):
        await fail(house.scheduler, GatewayConnectionError("nobody"), polled=False)
    await answer(house.scheduler)
    assert rests_for(house) == 900
    assert isinstance(house.cadences[Priority.GRID].backoff_error, GatewayRateLimitError)


async def test_time_without_a_response_does_not_stretch() -> None:
    house = House(0.1)
    await house.run(300)
    before = house.cadences[Priority.GRID].cost

    async def time_out() -> None:
        async with house.scheduler.turn():
            house.now += 10
            raise GatewayConnectionError("nobody")

    with house.cadences[Priority.GRID].round(), pytest.raises(GatewayConnectionError):
        await time_out()
    assert house.cadences[Priority.GRID].cost == pytest.approx(before, rel=0.5)
