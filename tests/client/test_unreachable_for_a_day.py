"""A gateway that is unreachable for 24 hours: the client recovers, and the log is short."""

import asyncio
from collections.abc import Awaitable, Callable
import logging

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayConnectionError,
    GatewayError,
    GatewayRateLimitError,
    PowerwallGateway,
    Priority,
    RequestScheduler,
)
from custom_components.powerwall_gateway.gateway.backoff import GatewayBackoff
from custom_components.powerwall_gateway.gateway.stop_safety.supervisor import SafetyTimings
from simulator import Simulator
from tests.client.conftest import Client
from tests.client.stop_safety import Home, leave_open
from tests.client.virtual_time import VirtualTime
from tests.conftest import StartSimulator

DAY = 86400.0


@pytest.fixture
async def virtual(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Advance the time by hours at once."""
    virtual = VirtualTime()
    virtual.install(monkeypatch)
    return virtual


async def refuse(simulator: Simulator) -> None:
    """Refuse connections."""
    await simulator.stop()


async def never_respond(simulator: Simulator) -> None:
    """Accept every connection, and never respond."""
    simulator.faults.add("*", delay=30 * DAY)


async def be_busy(simulator: Simulator) -> None:
    """Return 503 without Retry-After."""
    simulator.faults.add("*", status=503)


AWAY = [refuse, never_respond, be_busy]


async def respond_again(simulator: Simulator) -> None:
    """Respond again."""
    if simulator.faults.active:
        simulator.faults.clear()
    else:
        await simulator.start(simulator.port)


def log_records(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the module and level of each log record above debug."""
    return [
        (record.name.rpartition(".")[2], record.levelname)
        for record in caplog.records
        if record.levelno >= logging.INFO and record.name.startswith("custom_components.")
    ]


@pytest.mark.parametrize("failures", [1, 2, 1_024, 1_030, 100_000])
@pytest.mark.parametrize("busy", [False, True])
def test_backoff_after_any_number_of_failures_is_a_wait(failures: int, busy: bool) -> None:
    now = 0.0
    backoff = GatewayBackoff(lambda: now)
    err = GatewayRateLimitError("busy", status=503) if busy else GatewayConnectionError("unreachable")
    for _ in range(failures):
        backoff.failed(err, polled=True)
    now = 60.0
    assert backoff.error is None


@pytest.mark.parametrize("leave", AWAY)
async def test_polls_after_a_day_without_gateway_succeed(
    simulator: StartSimulator,
    client: Client,
    virtual: VirtualTime,
    caplog: pytest.LogCaptureFixture,
    leave: Callable[[Simulator], Awaitable[None]],
) -> None:
    gateway = await simulator("1.15.0")
    powerwall: PowerwallGateway = await client(gateway, password=None)
    scheduler = powerwall.connection.scheduler = RequestScheduler(clock=virtual.monotonic)
    cadence = scheduler.add_schedule(Priority.GRID, 1.0)

    async def poll() -> GatewayError | None:
        if cadence.backoff_error is None:
            with cadence.round():
                try:
                    await powerwall.grid_status()
                except GatewayError as err:
                    return err
        return cadence.backoff_error

    assert await poll() is None
    caplog.clear()
    caplog.set_level(logging.INFO)
    await leave(gateway)
    end, polls = virtual.now + DAY, 0
    while virtual.now < end:
        assert await poll()
        polls += 1
        await asyncio.sleep(65.0)
    assert polls > 1_100
    await respond_again(gateway)
    end = virtual.now + 61
    while await poll() and virtual.now < end:
        await asyncio.sleep(1.0)
    assert await poll() is None
    assert log_records(caplog) == [("hub", "WARNING"), ("hub", "INFO")]


@pytest.mark.parametrize("leave", AWAY)
async def test_recovery_after_a_day_without_gateway_starts_the_powerwall(
    simulator: StartSimulator,
    virtual: VirtualTime,
    caplog: pytest.LogCaptureFixture,
    leave: Callable[[Simulator], Awaitable[None]],
) -> None:
    home = Home(await simulator("1.15.0"))
    await leave_open(home)
    await leave(home.simulator)
    caplog.clear()
    caplog.set_level(logging.INFO)
    async with home.process(timings=SafetyTimings()) as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await asyncio.sleep(DAY - 60)
        assert not mending.done()
        await respond_again(home.simulator)
        await asyncio.wait_for(mending, 130)
        assert home.simulator.running
        while supervisor.busy:
            await asyncio.sleep(1.0)
    home.assert_recovered()
    expected = [(name, level) for name in ("hub", "supervisor") for level in ("INFO", "WARNING")]
    assert sorted(log_records(caplog)) == expected


async def test_watch_without_responses_polls_every_ten_seconds(simulator: StartSimulator, virtual: VirtualTime) -> None:
    home = Home(await simulator("1.15.0"))
    async with home.process(timings=SafetyTimings()) as supervisor:
        await supervisor.log_in()
        await be_busy(home.simulator)
        asked = home.request_count("sitemaster")
        await asyncio.sleep(3600)
        assert home.request_count("sitemaster") - asked < 370
        await respond_again(home.simulator)
        await asyncio.sleep(20)
        assert not supervisor.busy
    home.assert_recovered()


async def test_start_without_responses_polls_every_ten_seconds(simulator: StartSimulator, virtual: VirtualTime) -> None:
    """Starts are accepted, but the request for the state gets no response."""
    home = Home(await simulator("1.15.0"))
    await leave_open(home)
    home.simulator.faults.add("sitemaster", status=503)
    async with home.process(timings=SafetyTimings()) as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await asyncio.sleep(3600)
        assert home.simulator.running
        assert home.request_count("sitemaster") < 650
        await respond_again(home.simulator)
        await asyncio.wait_for(mending, 20)
        while supervisor.busy:
            await asyncio.sleep(1.0)
    home.assert_recovered()
