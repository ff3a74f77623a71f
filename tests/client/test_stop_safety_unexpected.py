"""The supervisor's task continues after an unexpected error, and a task that ended does not affect the next one."""

import asyncio
from collections.abc import Callable
import logging
from typing import override

import pytest

from custom_components.powerwall_gateway.gateway import GatewayError
from tests.client.stop_safety import Home, finished, leave_open
from tests.helpers import until


class RaisingCallback(list[bool]):
    """The values that the supervisor reported, and a callback for each of them."""

    def __init__(self, happens: Callable[[int], object]) -> None:
        self._happens = happens

    @override
    def append(self, is_running: bool) -> None:
        super().append(is_running)
        self._happens(len(self))


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the errors that the integration logged."""
    return [record for record in caplog.records if record.exc_info and record.name.startswith("custom_components.")]


async def test_recovery_continues_after_unexpected_errors_and_logs_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    await leave_open(home)

    def fail(times: int) -> None:
        if times < 4:
            raise RuntimeError("unexpected")

    home.asked = RaisingCallback(fail)
    await home.recover()
    home.assert_recovered()
    assert len(errors(caplog)) == 1


async def test_login_after_an_unexpected_error_starts_the_powerwall(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The error comes while the Powerwall is stopped: after the login, before the gateway takes a start."""
    home.simulator.faults.add("sitemaster/run", status=503)

    def fail(write: int) -> bool:
        if write in (2, 3):
            raise ValueError("unexpected")
        return False

    home.disk.broken = fail
    async with home.process() as supervisor:
        with pytest.raises(GatewayError, match="unexpected"):
            await supervisor.log_in()
        assert home.request_count("sitemaster/run") == 1
        stopping = asyncio.create_task(supervisor.wait())
        await until(lambda: home.request_count("sitemaster/run") > 2)
        assert not stopping.done()  # a shutdown waits for what this process stopped
        home.simulator.faults.clear()
        await stopping
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()
    assert len(errors(caplog)) == 1


async def test_stop_begun_as_the_last_task_ends_is_not_cancelled(home: Home) -> None:
    """The first task is done, and its callback not called yet, when the second one begins."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    stops: list[asyncio.Task[None]] = []

    def stop(times: int) -> None:
        if times == 1:
            loop.call_soon(lambda: stops.append(loop.create_task(supervisor.stop_for(60))))

    home.asked = RaisingCallback(stop)
    async with home.process() as supervisor:
        await supervisor.recover()
        await until(lambda: stops)
        await stops[0]
        assert home.request_count("sitemaster/stop") == 1
        assert home.request_count("sitemaster/run") == 0
        await supervisor.wait()
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()


async def test_shutdown_waits_for_a_powerwall_that_stopped_again(home: Home) -> None:
    """The gateway acts on the login late: it still ran, and is stopped at the shutdown."""
    async with home.process() as supervisor:
        await supervisor.log_in()
        home.simulator.faults.add("sitemaster/run", status=503)
        home.simulator.running = False
        await until(lambda: home.request_count("sitemaster/run") > 1)
        stopping = asyncio.create_task(supervisor.wait())
        asked = home.request_count("sitemaster/run")
        await until(lambda: home.request_count("sitemaster/run") > asked)
        assert not stopping.done()
        home.simulator.faults.clear()
        await stopping
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()
