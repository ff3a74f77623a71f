"""The safe login: whatever the response is, and whatever fails afterwards, the Powerwall runs."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import CommandError, CommandFailure, GatewayError, JournalError
from tests.client.expected_errors import raises_command_error
from tests.client.stop_safety import FAST_TIMINGS, NOW, Home, RequestTrigger, finished
from tests.helpers import until

RESPONSES: dict[str, dict[str, Any]] = {
    "refused": {"status": 401, "body": b'{"code":401,"error":"Invalid Credentials","message":"Login Error"}'},
    "denied": {"status": 403},
    "too many": {"status": 429},
    "cannot start wizard": {"status": 500, "body": b'{"code":500,"error":"Cannot Start Wizard"}'},
    "bad gateway": {"status": 502},
    "busy": {"status": 503},
    "empty": {"status": 200, "body": b""},
    "HTML": {"status": 200, "body": b"<html>"},
    "without a token": {"status": 200, "body": b"{}"},
    "hangs": {"delay": 30.0, "drop": True},
    "closed": {"drop": True},
}


@pytest.mark.parametrize("acts", [True, False])
@pytest.mark.parametrize("name", RESPONSES)
async def test_powerwall_runs_after_any_login_response(home: Home, name: str, acts: bool) -> None:
    gateway = home.simulator
    gateway.faults.add("login/Basic", after=acts, **RESPONSES[name])
    async with home.process(hurried=True) as supervisor:
        with pytest.raises(GatewayError) as raised:
            await supervisor.log_in()
        assert not isinstance(raised.value, CommandError | JournalError)
        assert gateway.running
        with pytest.raises(type(raised.value)):
            await supervisor.log_in()
        await finished(supervisor)
    home.assert_recovered()
    assert gateway.logins == 1
    assert (gateway.stopped_seconds > 0) is acts
    assert home.request_count("sitemaster/run") == 1
    assert home.disk.record.logins == (NOW,)


async def test_powerwall_runs_after_a_login_that_acts_late(home: Home) -> None:
    gateway = home.simulator
    gateway.faults.add("login/Basic", delay=0.4)
    async with home.process(timings=replace(FAST_TIMINGS, steady=1.2), hurried=True) as supervisor:
        with pytest.raises(GatewayError):
            await supervisor.log_in()
        assert gateway.stopped_seconds == 0
        await finished(supervisor)
    home.assert_recovered()
    assert 0 < gateway.stopped_seconds < 0.6  # not only at the end of the checks
    assert gateway.tokens
    assert home.request_count("sitemaster/run") == 2


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"drop": True}, {"delay": 30.0, "drop": True}])
async def test_log_in_repeats_a_start_that_fails(home: Home, fault: dict[str, Any]) -> None:
    home.simulator.faults.add("sitemaster/run", times=3, **fault)
    async with home.process(hurried=True) as supervisor:
        await supervisor.log_in()
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()
    assert home.request_count("sitemaster/run") == 4


async def test_log_in_repeats_a_start_without_effect(home: Home) -> None:
    home.simulator.faults.add("sitemaster/run", status=202, times=3)
    async with home.process() as supervisor:
        await supervisor.log_in()
        await finished(supervisor)
    home.assert_recovered()
    assert home.request_count("sitemaster/run") == 4


async def test_log_in_waits_for_a_gateway_that_is_away(home: Home) -> None:
    def go_away() -> None:
        home.simulator.faults.add("*", drop=True, times=12)

    home.simulator.server.requests = wire = RequestTrigger(9, go_away)
    async with home.process() as supervisor:
        await supervisor.log_in()
        await finished(supervisor)
    assert [request.path for request in wire][7:9] == ["login/Basic", "sitemaster/run"]
    assert not home.simulator.faults.active
    home.assert_recovered()


async def test_log_in_restarts_after_a_stop_by_someone_else(home: Home) -> None:
    """Within the watched minute it is started again, because it may have been our login. Later it is not."""
    gateway = home.simulator
    async with home.process(timings=replace(FAST_TIMINGS, steady=0.2)) as supervisor:
        await supervisor.log_in()
        gateway.running = False
        await until(lambda: gateway.running)
        assert supervisor.busy
        await finished(supervisor)
        gateway.running = False
        with raises_command_error(CommandFailure.STOPPED):
            await supervisor.stop_for(60)
    await home.recover()
    assert not gateway.running
    assert home.request_count("sitemaster/run") == 2
    assert home.asked == [False, False, False]


async def test_log_in_succeeds_if_the_session_cannot_be_written(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.disk.broken = lambda write: write == 2
    async with home.process() as supervisor:
        await supervisor.log_in()
        await supervisor._gateway.operation()
        await finished(supervisor)
    home.assert_recovered()
    assert "Could not add to the journal" in caplog.text
    assert not any(token in caplog.text for token in home.simulator.tokens)


async def test_journal_that_cannot_be_closed_is_closed_later(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.disk.broken = lambda write: 2 < write < 8
    async with home.process() as supervisor:
        await supervisor.log_in()
        await until(lambda: home.disk.writes > 4)
        with raises_command_error(CommandFailure.BUSY):
            await supervisor.stop_for(60)
        await finished(supervisor)
    home.assert_recovered()
    assert caplog.text.count("cannot be closed yet") == 1


async def test_log_in_logs_no_secret(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    gateway = home.simulator
    gateway.faults.add("sitemaster/run", status=500, times=3)
    async with home.process() as supervisor:
        await supervisor.log_in()
        await finished(supervisor)
        shown = repr([supervisor, vars(supervisor), home.disk.record])
    for secret in (*gateway.tokens, gateway.serial, *gateway.gateway.pack_serials):
        assert secret not in caplog.text + shown
    assert "cannot be started yet" in caplog.text
