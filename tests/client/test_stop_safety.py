"""The safe login is sent only if a stop does no harm."""

import asyncio
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    Credentials,
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayLoginError,
    JournalError,
)
from tests.client.expected_errors import raises_command_error
from tests.client.stop_safety import DAY, FAST_TIMINGS, NOW, Home, RequestTrigger, finished
from tests.conftest import StartSimulator
from tests.helpers import until

# -- safe login --------------------------------------------------------------------------------------------------------


async def test_log_in_ends_with_a_session_and_a_running_powerwall(home: Home) -> None:
    home.simulator.gateway.start_delay = 0.02
    async with home.process() as supervisor:
        await supervisor.log_in()
        assert home.simulator.running
        assert home.simulator.tokens
        assert supervisor.busy
        left = home.disk.record.under_way
        assert left
        assert left.session
        assert left.session["token"] in home.simulator.tokens
        assert left.packs == tuple(home.simulator.gateway.pack_serials)
        assert left.gateway == {"host": f"127.0.0.1:{home.simulator.port}", "scheme": "http", "fingerprint": None}
        assert left.began == NOW
        assert left.session["token"] not in repr(left)
        await supervisor._gateway.operation()
        await finished(supervisor)
    home.assert_recovered()
    assert home.disk.record.logins == (NOW,)
    assert home.simulator.logins == 1
    assert 0 < home.simulator.stopped_seconds < 1


async def test_log_in_keeps_the_order_of_effects(home: Home) -> None:
    async with home.process() as supervisor:
        await supervisor.log_in()
    paths = [request.path for request in home.simulator.requests]
    login = paths.index("login/Basic")
    assert paths[login - 2 : login + 2] == ["sitemaster", "system_status/grid_status", "login/Basic", "sitemaster/run"]


@pytest.mark.parametrize(("version", "force"), [("1.15.0\n", False), ("1.17.1", True)])
async def test_log_in_forces_where_the_firmware_requires_it(home: Home, version: str, force: bool) -> None:
    home.simulator.overrides["status"] = {"version": version}
    async with home.process() as supervisor:
        await supervisor.log_in()
    (login,) = [request for request in home.simulator.requests if request.path == "login/Basic"]
    assert json.loads(login.body)["force_sm_off"] is force


async def test_log_in_with_a_session_sends_no_login(home: Home) -> None:
    async with home.process() as supervisor:
        await supervisor.log_in()
        await finished(supervisor)
        await supervisor.log_in()
        assert not supervisor.busy
    assert home.simulator.logins == 1
    assert home.request_count("sitemaster/run") == 1


async def test_log_in_does_not_wait_for_a_denied_poll(home: Home) -> None:
    async with home.process() as supervisor:
        for _ in range(2):
            with pytest.raises(GatewayAuthenticationRequiredError):
                await supervisor._gateway.operation()
        await supervisor.log_in()
        await supervisor._gateway.operation()


async def test_log_in_during_the_watch_reports_a_lost_session(home: Home) -> None:
    async with home.process(timings=replace(FAST_TIMINGS, steady=0.3)) as supervisor:
        await supervisor.log_in()
        home.simulator.tokens.clear()
        with pytest.raises(GatewayAuthenticationRequiredError):
            await supervisor._gateway.operation()
        with raises_command_error(CommandFailure.BUSY, match="lost"):
            await supervisor.log_in()
        await finished(supervisor)
        await supervisor.log_in()
        await finished(supervisor)
    home.assert_recovered()
    assert home.simulator.logins == 2


async def test_log_in_on_later_firmware_is_a_plain_login(simulator: StartSimulator) -> None:
    home = Home(await simulator("21.44"))
    home.on_grid_for = 0
    async with home.process() as supervisor:
        await supervisor.log_in()
    assert home.simulator.tokens
    assert home.disk.writes == 0
    assert home.request_count("sitemaster/run") == 0


async def test_log_in_is_shared_if_one_caller_is_cancelled(home: Home) -> None:
    async with home.process() as supervisor:
        callers = [asyncio.create_task(supervisor.log_in()) for _ in range(3)]
        await until(lambda: home.disk.writes)
        callers[0].cancel()
        await asyncio.gather(*callers[1:])
        with pytest.raises(asyncio.CancelledError):
            await callers[0]
        await finished(supervisor)
    home.assert_recovered()
    assert home.simulator.logins == 1


async def test_log_in_finishes_if_all_callers_are_cancelled(home: Home) -> None:
    home.simulator.faults.add("login/Basic", status=401)  # which is not reported
    async with home.process() as supervisor:
        caller = asyncio.create_task(supervisor.log_in())
        await until(lambda: home.disk.writes)
        caller.cancel()
        await finished(supervisor)
    home.assert_recovered()
    assert home.simulator.logins == 1


# -- refused because it is not safe ------------------------------------------------------------------------------------


def stopped(home: Home) -> None:
    home.simulator.running = False


def islanded(home: Home) -> None:
    home.simulator.home.outage()


def on_grid_for(seconds: float) -> Any:
    def arrange(home: Home) -> None:
        home.on_grid_for = seconds

    return arrange


def responses(path: str, payload: Any) -> Any:
    def arrange(home: Home) -> None:
        home.simulator.overrides[path] = payload

    return arrange


def fails(path: str, **fault: Any) -> Any:
    def arrange(home: Home) -> None:
        home.simulator.faults.add(path, **fault)

    return arrange


def disk(**changes: Any) -> Any:
    def arrange(home: Home) -> None:
        for name, value in changes.items():
            setattr(home.disk, name, value)

    return arrange


def grid(state: str) -> Any:
    return responses("system_status/grid_status", {"grid_status": state})


GRID, RUNS, PACKS = "system_status/grid_status", "sitemaster", "powerwalls"
REFUSALS = [
    (stopped, CommandFailure.STOPPED),
    (responses(RUNS, {"running": False}), CommandFailure.STOPPED),
    (responses(RUNS, {"running": None, "connected_to_tesla": True}), CommandFailure.UNSURE),
    (responses(RUNS, {"running": "yes"}), CommandFailure.UNSURE),
    (fails(RUNS, status=503), CommandFailure.UNSURE),
    (fails(RUNS, drop=True), CommandFailure.UNSURE),
    (fails(RUNS, status=403), CommandFailure.UNSURE),
    (islanded, CommandFailure.NOT_ON_GRID),
    (on_grid_for(59.9), CommandFailure.NOT_ON_GRID),
    (on_grid_for(0.0), CommandFailure.NOT_ON_GRID),
    (on_grid_for(float("nan")), CommandFailure.NOT_ON_GRID),
    (grid("SystemIslandedActive"), CommandFailure.NOT_ON_GRID),
    (grid("SystemTransitionToGrid"), CommandFailure.NOT_ON_GRID),
    (grid("SystemNeverSeen"), CommandFailure.UNSURE),
    (fails(GRID, status=404), CommandFailure.UNSURE),
    (fails(GRID, status=502), CommandFailure.STOPPED),
    (fails(GRID, status=200, body=b"<html>"), CommandFailure.UNSURE),
    (fails(GRID, delay=30.0, drop=True), CommandFailure.UNSURE),
    (fails(PACKS, status=500), CommandFailure.UNSURE),
    (responses(PACKS, {"powerwalls": []}), CommandFailure.UNSURE),
    (responses(PACKS, {"powerwalls": [{"PackageSerialNumber": None}]}), CommandFailure.UNSURE),
    (disk(broken=lambda _: True), None),
    (disk(broken=lambda write: write == 1), None),
    (disk(forgets=True), None),
    (disk(content=b""), None),
    (disk(content=b"[]"), None),
    (disk(content=b'{"version": 2, "logins": [], "under_way": null}'), None),
    (disk(content=b'{"version": 1, "logins": ["x"], "under_way": null}'), None),
    (disk(content=b'{"version": 1, "logins": [], "under_way": {}}'), None),
]


@pytest.mark.parametrize(("arrange", "reason"), REFUSALS)
async def test_log_in_is_refused_if_it_is_not_safe(home: Home, arrange: Any, reason: CommandFailure | None) -> None:
    arrange(home)
    before = home.disk.content
    async with home.process(hurried=True) as supervisor:
        with raises_command_error(reason) if reason else pytest.raises(JournalError):
            await supervisor.log_in()
        await finished(supervisor)
    assert home.simulator.logins == 0
    assert home.request_count("sitemaster/run") == 0
    assert home.disk.content == before


async def test_log_in_without_a_password_is_refused(home: Home) -> None:
    async with home.process(credentials=Credentials(password="")) as supervisor:
        supervisor._gateway._login._credentials = None
        with pytest.raises(GatewayLoginError, match="no password"):
            await supervisor.log_in()
    assert home.disk.writes == 0


@pytest.mark.parametrize("status", [{"status": 503}, {"drop": True}])
async def test_log_in_with_unknown_firmware_is_refused(home: Home, status: dict[str, Any]) -> None:
    home.simulator.faults.add("status", **status)
    async with home.process() as supervisor:
        with pytest.raises(GatewayError):
            await supervisor.log_in()
    assert home.simulator.logins == 0
    assert home.disk.writes == 0


async def test_login_that_was_not_sent_does_not_count(home: Home) -> None:
    home.simulator.requests.clear()
    home.simulator.server.requests = RequestTrigger(7, home.simulator.home.outage)
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.NOT_ON_GRID):
            await supervisor.log_in()
        await finished(supervisor)
    assert home.disk.writes == 2
    assert home.disk.record.logins == ()
    home.assert_recovered()


async def test_log_in_with_an_outage_at_any_step_restarts_the_powerwall(simulator: StartSimulator) -> None:
    """At any request: before the login an outage prevents it, later the Powerwall is started again."""
    allowed, reasons = [], set()
    for step in range(1, 100):
        home = Home(await simulator("1.15.0"))
        home.simulator.server.requests = wire = RequestTrigger(step, home.simulator.home.outage)
        async with home.process() as supervisor:
            try:
                await supervisor.log_in()
            except CommandError as err:
                reasons.add(err.reason)
                assert home.simulator.logins == 0
            else:
                allowed.append(step)
            await finished(supervisor)
        home.assert_recovered()
        if len(wire) < step:
            break
    assert reasons == {CommandFailure.NOT_ON_GRID}
    login = [request.path for request in wire].index("login/Basic") + 1
    assert min(allowed) == login


async def test_log_in_is_limited_to_three_a_day(home: Home) -> None:
    async def log_in() -> None:
        async with home.process() as supervisor:
            await supervisor.log_in()
            await finished(supervisor)

    for _ in range(3):
        await log_in()
        home.now += 3600
    for earlier in (0.0, DAY / 2, 2 * DAY):  # also after a restart, and whatever the clock was set to
        home.now -= earlier
        with raises_command_error(CommandFailure.TOO_MANY_LOGINS):
            await log_in()
        home.now += earlier
    assert home.simulator.logins == 3
    home.now = NOW + DAY
    await log_in()
    assert home.simulator.logins == 4
    assert home.disk.record.logins == (NOW + 3600, NOW + 7200, NOW + DAY)
    with raises_command_error(CommandFailure.TOO_MANY_LOGINS):
        await log_in()
    home.assert_recovered()


async def test_wrong_clock_blocks_logins_for_one_day_only(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    here = 1000.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.stop_safety.journal.monotonic", lambda: here)
    home.disk.content = b'{"version": 1, "logins": [4e9, 4.1e9, 4.2e9], "under_way": null}'
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.TOO_MANY_LOGINS):
            await supervisor.log_in()
        here += DAY - 1
        with raises_command_error(CommandFailure.TOO_MANY_LOGINS):
            await supervisor.log_in()
        here += 1
        await supervisor.log_in()
    assert home.disk.record.logins == (NOW,)
