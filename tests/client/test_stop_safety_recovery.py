"""Recover from what an earlier process left stopped, with any content of the journal."""

import asyncio
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayLoginError,
    JournalError,
    JournalRecord,
)
from tests.client.expected_errors import raises_command_error
from tests.client.stop_safety import DAY, FAST_TIMINGS, NOW, Home, finished, leave_open
from tests.conftest import StartSimulator
from tests.helpers import until

OTHERS: Any = {"powerwalls": [{"PackagePartNumber": "1092170-03-E", "PackageSerialNumber": "T99J0009999"}]}


async def test_recover_with_an_empty_journal_sends_nothing(home: Home) -> None:
    home.simulator.running = False
    await home.recover()
    assert not home.simulator.running
    assert home.simulator.requests == []
    assert home.asked == [False]


async def test_recover_starts_a_stopped_powerwall(home: Home) -> None:
    await leave_open(home)
    async with home.process() as supervisor:
        await supervisor.recover()
        assert home.simulator.running
        with raises_command_error(CommandFailure.BUSY):
            await supervisor.log_in()
        await supervisor.recover()
        await finished(supervisor)
    home.assert_recovered()
    assert home.disk.record.logins == (NOW,)
    assert home.simulator.logins == 1
    assert home.asked == [False]


async def test_recover_watches_a_running_powerwall(home: Home) -> None:
    """The login of the crashed process may take effect only now."""
    await leave_open(home)
    home.simulator.running = True
    async with home.process(timings=replace(FAST_TIMINGS, steady=0.2)) as supervisor:
        await supervisor.recover()
        home.simulator.running = False
        await until(lambda: home.simulator.running)
        assert home.disk.record.under_way
        await finished(supervisor)
    home.assert_recovered()


async def test_log_in_is_refused_during_recovery(home: Home) -> None:
    await leave_open(home)
    home.simulator.running = True
    async with home.process() as supervisor:
        with raises_command_error(CommandFailure.BUSY):
            await supervisor.log_in()
        with raises_command_error(CommandFailure.BUSY):
            await supervisor.stop_for(60)
    assert home.simulator.logins == 1
    assert home.simulator.running


async def test_recover_uses_the_session_of_the_journal(home: Home) -> None:
    async with home.process(timings=replace(FAST_TIMINGS, steady=60.0)) as supervisor:
        await supervisor.log_in()
    async with home.process() as supervisor:
        await supervisor.recover()
        await supervisor._gateway.operation()
    assert home.simulator.logins == 1


async def test_recover_continues_after_a_long_absence(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    await leave_open(home)
    caplog.clear()
    home.simulator.faults.add("*", drop=True, times=20)
    await home.recover()
    home.assert_recovered()
    assert caplog.text.count("cannot be started yet") == 1
    assert "The Powerwall is running again" in caplog.text


async def test_recover_does_not_start_another_gateway(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    await leave_open(home)
    home.simulator.overrides["powerwalls"] = OTHERS
    async with home.process() as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await until(lambda: home.request_count("powerwalls") > 5)
        assert not home.simulator.running
        assert home.request_count("sitemaster/run") == 1
        home.simulator.overrides.clear()
        await mending
        await finished(supervisor)
    home.assert_recovered()
    assert "another gateway responds" in caplog.text
    assert "T99J0009999" not in caplog.text


async def test_recover_stops_if_another_gateway_has_the_address(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("sitemaster/run", status=503)
    async with home.process() as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await until(lambda: home.request_count("sitemaster/run") > 2)
        home.simulator.overrides["powerwalls"] = OTHERS
        looked, ran = home.request_count("powerwalls"), home.request_count("sitemaster/run")
        await until(lambda: home.request_count("powerwalls") > looked + 3)
        assert home.request_count("sitemaster/run") <= ran + 1  # one may be in flight
        mending.cancel()
    assert not home.simulator.running


@pytest.mark.parametrize("payload", [b"null", b"{}", b"<html>", {"powerwalls": None}, {"powerwalls": []}])
async def test_recover_does_not_start_a_gateway_without_powerwalls(home: Home, payload: Any) -> None:
    await leave_open(home)
    home.simulator.overrides["powerwalls"] = payload
    async with home.process() as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await until(lambda: home.request_count("powerwalls") > 4)
        mending.cancel()
    assert not home.simulator.running
    assert home.disk.record.under_way


async def test_recover_needs_one_known_powerwall(home: Home) -> None:
    await leave_open(home)
    serial = home.simulator.gateway.pack_serials[1]
    home.simulator.overrides["powerwalls"] = {"powerwalls": [{"PackageSerialNumber": serial}]}
    await home.recover()
    home.assert_recovered()


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [0.0, DAY, -3600.0, -50 * 365 * DAY])
async def test_recover_starts_within_a_day_or_after_the_clock_went_back(home: Home, later: float) -> None:
    await leave_open(home)
    home.now += later
    await home.recover()
    home.assert_recovered()


async def test_recover_after_a_day_needs_confirmation(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    async with home.process() as supervisor:
        await supervisor.recover()
        assert home.asked[-1]
        await until(lambda: home.asked.count(True) > 3)
        assert not home.simulator.running
        assert home.request_count("sitemaster/run") == 1
        await supervisor.start()
        await finished(supervisor)
        assert home.asked[-1:] == [False]
    home.assert_recovered()


async def test_recover_needs_no_confirmation_if_it_runs(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    home.simulator.running = True
    await home.recover()
    assert home.asked == [False]
    home.assert_recovered()


async def test_recover_after_a_day_does_not_start_while_watching(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    home.simulator.running = True
    async with home.process(timings=replace(FAST_TIMINGS, steady=60.0)) as supervisor:
        await supervisor.recover()
        home.simulator.running = False
        await until(lambda: home.asked[-1])
    assert not home.simulator.running
    assert home.disk.record.under_way


async def test_recover_needs_confirmation_if_the_gateway_returns_after_a_day(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("powerwalls", status=503)
    async with home.process() as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await until(lambda: home.request_count("powerwalls") > 2)
        home.now += DAY + 1
        home.simulator.faults.clear()
        await mending
        assert home.asked[-1]
    assert not home.simulator.running


# -- invalid journals --------------------------------------------------------------------------------------------------

OPEN: dict[str, Any] = {
    "kind": "login",
    "began": NOW,
    "ends": None,
    "packs": ["T17J0001234"],
    "gateway": {"host": "192.168.1.5", "scheme": "http", "fingerprint": None},
    "session": None,
}
CORRUPT = {
    "empty": b"",
    "cut short": b'{"version": 1, "logins": [], "under_wa',
    "nothing but zeros": bytes(512),
    "a list": b"[]",
    "another version": b'{"version": 2, "logins": [], "under_way": null}',
    "half": b'{"version": 1}',
    "logins that are none": b'{"version": 1, "logins": ["yesterday"], "under_way": null}',
}
INVALID_JOURNALS: list[dict[str, Any]] = [
    {"kind": "dance"},
    {"began": "now"},
    {"began": None},
    {"ends": "soon"},
    {"packs": []},
    {"packs": [7]},
    {"packs": ["T17J0001234", None]},
    {"gateway": None},
    {"gateway": {}},
    {"gateway": OPEN["gateway"] | {"scheme": "ftp"}},
    {"gateway": OPEN["gateway"] | {"host": "not a host"}},
    {"gateway": OPEN["gateway"] | {"fingerprint": "xyz"}},
    {"session": "secret"},
]


@pytest.mark.parametrize("change", INVALID_JOURNALS)
def test_journal_record_rejects_invalid_content(change: dict[str, Any]) -> None:
    written = {"version": 1, "logins": [NOW], "under_way": OPEN}
    assert JournalRecord.from_json(written).to_json() == written
    with pytest.raises(JournalError):
        JournalRecord.from_json(written | {"under_way": OPEN | change})


@pytest.mark.parametrize("name", CORRUPT)
async def test_corrupt_journal_counts_as_open_and_full(home: Home, name: str) -> None:
    home.disk.content = CORRUPT[name]
    home.simulator.running = False
    await home.recover()
    home.assert_recovered()
    assert home.disk.record.logins == (NOW,) * 3


async def test_recover_continues_if_the_journal_cannot_be_written(home: Home) -> None:
    await leave_open(home)
    home.disk.broken = lambda write: write < 8
    async with home.process() as supervisor:
        await supervisor.recover()
        await until(lambda: home.disk.writes > 4)
        assert home.simulator.running
        await finished(supervisor)
    home.assert_recovered()


async def test_recovery_continues_in_the_next_process(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("*", drop=True)
    async with home.process() as supervisor:
        mending = asyncio.create_task(supervisor.recover())
        await until(lambda: supervisor.busy)
        await supervisor.wait()
        assert not await supervisor.close()
        assert not supervisor.busy
        with pytest.raises(Exception, match="interrupted"):
            await mending
    home.simulator.faults.clear()
    await home.recover()
    home.assert_recovered()


# -- firmware that requires a session for a start (1.40 and later) -----------------------------------------------------


@pytest.fixture
async def later(simulator: StartSimulator) -> Home:
    """Return a home with a gateway that requires a session for a start, and stops at every login."""
    home = Home(await simulator("1.50.1"))
    desk = home.simulator.gateway.desk
    desk.rules = replace(desk.rules, stopping_roles=frozenset({"Home_Owner"}))
    return home


async def test_recover_on_later_firmware_uses_the_session_of_the_journal(later: Home) -> None:
    async with later.process(timings=replace(FAST_TIMINGS, steady=60.0)) as supervisor:
        await supervisor.log_in()
    later.simulator.running = False
    async with later.process() as supervisor:
        supervisor._gateway._login._credentials = None  # the entry was removed, and the password with it
        await supervisor.recover()
        await finished(supervisor)
    later.assert_recovered()
    assert later.simulator.logins == 1


async def test_recover_without_a_session_logs_in_on_later_firmware(later: Home) -> None:
    """That is no login of the day: there were three already."""
    await leave_open(later)
    later.simulator.tokens.clear()
    later.disk.tear(session=None)
    content = json.loads(later.disk.content or b"")
    later.disk.content = json.dumps(content | {"logins": [NOW, NOW, NOW]}).encode()
    await later.recover()
    later.assert_recovered()
    assert later.simulator.logins == 2


async def test_lost_login_is_repeated_to_start(later: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.SessionManager.FIRST_WAIT", 0.01)
    later.simulator.faults.add("login/Basic", drop=True, after=True, times=1)
    async with later.process() as supervisor:
        with pytest.raises(Exception, match="no connection"):
            await supervisor.log_in()
        await finished(supervisor)
    later.assert_recovered()
    assert later.simulator.logins == 2
    assert later.disk.record.logins == (NOW,)


async def test_refused_login_does_not_stop_a_running_powerwall(later: Home) -> None:
    later.simulator.faults.add("login/Basic", status=401)
    async with later.process() as supervisor:
        with pytest.raises(GatewayLoginError):
            await supervisor.log_in()
        await finished(supervisor)
    later.assert_recovered()
    assert later.simulator.logins == 1
    assert later.simulator.stopped_seconds == 0
