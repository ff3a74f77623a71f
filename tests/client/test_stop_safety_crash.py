"""If the process is killed at any point, the Powerwall runs again after the next start, and the journal is closed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import GatewayError, StopSupervisor
from tests.client.stop_safety import FAST_TIMINGS, Home, Kill, finished, leave_open
from tests.conftest import StartSimulator
from tests.helpers import until

QUICK = replace(FAST_TIMINGS, steady=0.004, check=0.002)
"""A short watch, because it has many equal points of waiting."""


async def log_in(supervisor: StopSupervisor) -> None:
    await supervisor.log_in()


async def stop(supervisor: StopSupervisor) -> None:
    await supervisor.stop_for(0.01)


async def recover(supervisor: StopSupervisor) -> None:
    await supervisor.recover()


FAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "no fault": {},
    "a login whose response is lost": {"login/Basic": {"drop": True, "after": True}},
    "a start that is lost": {"sitemaster/run": {"drop": True, "times": 1}},
}


@pytest.mark.parametrize(
    ("work", "faults", "gently"),
    [
        *((log_in, faults, False) for faults in FAULTS),
        (stop, "no fault", False),
        (recover, "no fault", False),
        (log_in, "a login whose response is lost", True),
        (stop, "a start that is lost", True),
    ],
)
async def test_powerwall_runs_after_a_crash_at_any_step(
    simulator: StartSimulator, work: Callable[[StopSupervisor], Awaitable[None]], faults: str, gently: bool
) -> None:
    home = Home(await simulator("1.15.0"))
    gateway = home.simulator
    stopped = 0
    for after in count():
        home.disk.content = None
        gateway.tokens.clear()
        if work is recover:
            await leave_open(home)
        for path, fault in FAULTS[faults].items():
            gateway.faults.add(path, **fault)
        kill = Kill(after, gently=gently)
        gateway.requests.clear()
        async with home.process(timings=QUICK, kill=kill) as supervisor:
            with suppress(GatewayError):
                await work(supervisor)
            await finished(supervisor)
        gateway.faults.clear()
        asked = len(gateway.requests)
        stopped += not gateway.running
        await home.recover(timings=QUICK)
        home.assert_recovered()
        if not kill.came:
            break
    assert after > asked  # it waits at least once for each response, and for the disk
    # At least one kill finds it stopped, or the test proves nothing. A shutdown still starts it.
    assert stopped > 0 or gently


async def test_powerwall_runs_after_a_crash_during_recovery(simulator: StartSimulator) -> None:
    """Twice in a row, the second time anywhere."""
    home = Home(await simulator("1.15.0"))
    for after in count():
        home.disk.content = None
        home.simulator.tokens.clear()
        await leave_open(home)
        for kill in (Kill(after), Kill(after // 2)):
            async with home.process(timings=QUICK, kill=kill) as supervisor:
                with suppress(GatewayError):
                    await supervisor.recover()
                await finished(supervisor)
        await home.recover(timings=QUICK)
        home.assert_recovered()
        if not kill.came:
            break
    assert after > 10


async def test_recovery_handles_a_login_that_acts_late(simulator: StartSimulator) -> None:
    home = Home(await simulator("1.15.0"))
    home.simulator.faults.add("login/Basic", delay=0.3)
    async with home.process() as supervisor:
        caller = asyncio.create_task(supervisor.log_in())
        await until(lambda: home.simulator.logins)
    with pytest.raises(GatewayError, match="interrupted"):
        await caller
    assert home.simulator.stopped_seconds == 0
    await home.recover(timings=replace(FAST_TIMINGS, steady=0.7))
    assert home.simulator.stopped_seconds > 0
    home.assert_recovered()


async def test_task_cancelled_before_its_first_step_leaves_nothing_open(simulator: StartSimulator) -> None:
    home = Home(await simulator("1.15.0"))
    async with home.process() as supervisor:
        caller = asyncio.create_task(supervisor.log_in())
        await asyncio.sleep(0)
        assert supervisor._task
        supervisor._task.cancel()
        with pytest.raises(GatewayError, match="interrupted"):
            await caller
    home.assert_recovered()
