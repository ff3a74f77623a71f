"""The safe stop: it ends by itself, earlier on request, and also after a crash."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayError,
    GatewayRefusedError,
    GatewayTimeoutError,
    JournalError,
)
from custom_components.powerwall_gateway.gateway.stop_safety.journal import Kind
from tests.client.expected_errors import raises_command_error
from tests.client.simulated_gateways import OPTIONS
from tests.client.stop_safety import FAST_TIMINGS, NOW, Home, finished
from tests.conftest import StartSimulator
from tests.helpers import until

SOON = 0.1


@pytest.fixture(params=["1.15.0", "21.44", "24.36"])
async def home(simulator: StartSimulator, request: pytest.FixtureRequest) -> Home:
    """Return a home with a gateway that the owner may stop."""
    simulated = await simulator(request.param, **OPTIONS.get(request.param, {}))
    simulated.home.home_power = simulated.home.solar_power = 0.0  # under load it rejects the stop
    return Home(simulated)


@pytest.fixture
async def old(simulator: StartSimulator) -> Home:
    """Return a home with the seed's gateway."""
    return Home(await simulator("1.15.0"))


async def test_a_stop_ends_by_itself(home: Home) -> None:
    gateway = home.simulator
    async with home.process() as supervisor:
        await supervisor.stop_for(SOON)
        assert not gateway.running
        left = home.disk.record.under_way
        assert left
        assert (left.kind, left.began, left.ends) == (Kind.STOP, NOW, NOW + SOON)
        await finished(supervisor)
    home.assert_recovered()
    assert gateway.stopped_seconds >= SOON
    assert home.disk.record.logins == ()


async def test_start_ends_a_stop_early(home: Home) -> None:
    async with home.process() as supervisor:
        await supervisor.stop_for(3600)
        await supervisor.start()
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()


async def test_stop_ended_early_does_not_end_a_later_one(old: Home) -> None:
    async with old.process() as supervisor:
        await supervisor.start()
        await supervisor.stop_for(3600)
        await asyncio.sleep(0.05)
        assert not old.simulator.running
        await supervisor.start()
        await finished(supervisor)
    old.assert_recovered()


async def test_unload_ends_a_stop(home: Home) -> None:
    async with home.process() as supervisor:
        await supervisor.stop_for(3600)
        assert await supervisor.close()
        assert await supervisor.close()
    home.assert_recovered()


async def test_shutdown_ends_a_stop_and_keeps_the_journal_open(home: Home) -> None:
    async with home.process(timings=replace(FAST_TIMINGS, steady=60.0)) as supervisor:
        await supervisor.stop_for(3600)
        await supervisor.wait()
        assert home.simulator.running
        assert home.disk.record.under_way
    await home.recover()
    home.assert_recovered()


async def test_unload_without_a_stop_returns_at_once(old: Home) -> None:
    async with old.process() as supervisor:
        await supervisor.wait()
        assert await supervisor.close()


async def test_unload_stops_waiting_after_its_limit(old: Home) -> None:
    async with old.process() as supervisor:
        await supervisor.stop_for(3600)
        old.simulator.faults.add("sitemaster/run", status=503)
        assert not await supervisor.close(patience=0.05)
    old.simulator.faults.clear()
    await old.recover()
    old.assert_recovered()


async def test_cancelled_stop_starts_the_powerwall(home: Home) -> None:
    async with home.process() as supervisor:
        await supervisor.stop_for(3600)
    assert home.simulator.running
    assert home.disk.record.under_way
    await home.recover()
    home.assert_recovered()


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3600.1, float("nan"), float("inf")])
async def test_stop_rejects_an_invalid_duration(old: Home, seconds: float) -> None:
    async with old.process() as supervisor:
        with pytest.raises(ValueError, match="not between"):
            await supervisor.stop_for(seconds)
    assert old.simulator.requests == []


async def test_stop_is_refused_during_another_one(old: Home) -> None:
    async with old.process() as supervisor:
        await supervisor.stop_for(3600)
        for call in (supervisor.stop_for(60), supervisor.log_in()):
            with raises_command_error(CommandFailure.BUSY):
                await call
        await supervisor.close()
        await supervisor.log_in()
        with raises_command_error(CommandFailure.BUSY):
            await supervisor.stop_for(60)
        await finished(supervisor)
    old.assert_recovered()


async def test_stop_off_grid_is_refused(home: Home) -> None:
    home.simulator.home.outage()
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.NOT_ON_GRID):
            await supervisor.stop_for(60)
    assert home.simulator.running
    assert home.request_count("sitemaster/stop") == 0


async def test_stop_of_a_stopped_powerwall_is_refused(home: Home) -> None:
    home.simulator.running = False
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.STOPPED):
            await supervisor.stop_for(60)
        await finished(supervisor)
    assert not home.simulator.running


async def test_stop_without_a_journal_is_refused(home: Home) -> None:
    home.disk.broken = lambda _: True
    async with home.process() as supervisor:
        with pytest.raises(JournalError):
            await supervisor.stop_for(60)
        await finished(supervisor)
    assert home.simulator.running
    assert home.request_count("sitemaster/stop") == 0


async def test_stop_of_a_powerwall_3_is_refused(simulator: StartSimulator) -> None:
    home = Home(await simulator("pw3"))
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.UNSURE):
            await supervisor.stop_for(60)
    assert home.disk.writes == 0


async def test_stop_under_load_is_refused(simulator: StartSimulator) -> None:
    home = Home(await simulator("21.44"))
    home.simulator.home.home_power, home.simulator.home.solar_power = 3000.0, 0.0
    async with home.process() as supervisor:
        with pytest.raises(GatewayRefusedError, match="Cannot Start Wizard"):
            await supervisor.stop_for(60)
        await finished(supervisor)
    home.assert_recovered()
    assert home.simulator.stopped_seconds == 0


@pytest.mark.parametrize("acts", [True, False])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": True}, {"delay": 30.0, "drop": True}])
async def test_failed_stop_is_over(old: Home, fault: dict[str, Any], acts: bool) -> None:
    old.simulator.faults.add("sitemaster/stop", after=acts, **fault)
    async with old.process(hurried=True) as supervisor:
        with pytest.raises(GatewayError):
            await supervisor.stop_for(3600)
        assert old.simulator.running
        await finished(supervisor)
    old.assert_recovered()
    assert (old.simulator.stopped_seconds > 0) is acts


# -- a crash in the middle ---------------------------------------------------------------------------------------------


async def crash(home: Home, seconds: float) -> None:
    """Kill a process while the Powerwall is stopped."""
    async with home.process() as supervisor:
        await supervisor.stop_for(seconds)
    home.simulator.running = False
    assert home.disk.record.under_way


async def test_stop_continues_after_a_crash(home: Home) -> None:
    await crash(home, 3600)
    home.now += 3599.9
    runs = home.request_count("sitemaster/run")
    async with home.process() as supervisor:
        await supervisor.recover()
        assert not home.simulator.running
        assert home.request_count("sitemaster/run") == runs
        await finished(supervisor)
    home.assert_recovered()


async def test_stop_that_expired_during_a_crash_ends_at_once(home: Home) -> None:
    await crash(home, 3600)
    home.now += 3601
    async with home.process() as supervisor:
        await supervisor.recover()
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()


async def test_stop_is_not_longer_if_the_clock_went_back(old: Home) -> None:
    await crash(old, SOON)
    old.now -= 86400
    await old.recover()
    old.assert_recovered()


@pytest.mark.parametrize("end", ["start", "close", "wait"])
async def test_stop_after_a_crash_ends_early_on_request(old: Home, end: str) -> None:
    await crash(old, 3600)
    async with old.process() as supervisor:
        await supervisor.recover()
        stopped = old.simulator.stopped_seconds
        await asyncio.sleep(0.02)
        assert old.simulator.stopped_seconds > stopped
        await getattr(supervisor, end)()
        assert old.simulator.running
        await finished(supervisor)
    old.assert_recovered()


async def test_failed_end_of_a_stop_is_repeated_after_a_crash(old: Home) -> None:
    await crash(old, 3600)
    old.simulator.faults.add("sitemaster/run", status=503)
    async with old.process() as supervisor:
        await supervisor.recover()
        assert not await supervisor.close(patience=0.05)
    old.simulator.faults.clear()
    await old.recover()
    old.assert_recovered()


async def test_stop_keeps_the_session_for_its_end(simulator: StartSimulator) -> None:
    """From 1.40 on; the next process may have no password."""
    home = Home(await simulator("1.50.1"))
    async with home.process() as supervisor:
        await supervisor.log_in()
        await finished(supervisor)
        await supervisor.stop_for(SOON)
        home.simulator.faults.add("sitemaster/run", status=503)
    home.simulator.faults.clear()
    home.now += SOON
    async with home.process() as supervisor:
        supervisor._gateway._login._credentials = None
        await supervisor.recover()
        await finished(supervisor)
    home.assert_recovered()
    assert home.simulator.logins == 1
    assert home.simulator.stopped_seconds > 0


async def test_stop_without_effect_does_not_stay_busy(old: Home) -> None:
    await crash(old, 3600)
    old.simulator.running = True
    await old.recover()
    old.assert_recovered()


# -- the owner's button ------------------------------------------------------------------------------------------------


async def test_start_starts_what_someone_else_stopped(home: Home) -> None:
    home.simulator.running = False
    home.simulator.gateway.start_delay = 0.02
    async with home.process() as supervisor:
        await supervisor.start()
    home.assert_recovered()
    assert home.disk.writes == 0


async def test_start_that_fails_raises(old: Home) -> None:
    old.simulator.running = False
    old.simulator.faults.add("sitemaster/run", status=500, times=1)
    async with old.process() as supervisor:
        with pytest.raises(GatewayRefusedError):
            await supervisor.start()
        await supervisor.start()
    old.assert_recovered()


async def test_start_without_effect_raises(old: Home) -> None:
    old.simulator.running = False
    old.simulator.faults.add("sitemaster/run", status=202)
    async with old.process(timings=replace(FAST_TIMINGS, patience=0.05)) as supervisor:
        with pytest.raises(GatewayTimeoutError, match="does not run yet"):
            await supervisor.start()


async def test_stop_ends_while_a_start_waits(old: Home) -> None:
    async with old.process() as supervisor:
        stop = asyncio.create_task(supervisor.stop_for(3600))
        await until(lambda: not old.simulator.running)
        stop.cancel()
        await supervisor.start()
        await finished(supervisor)
    old.assert_recovered()
