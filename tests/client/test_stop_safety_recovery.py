"""What an earlier process left stopped runs again after the next start, whatever the journal looks like by then."""

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
from tests.client.commands import raises_command_error
from tests.client.stop_safety import DAY, NOW, PACE, Home, finished, leave_open
from tests.conftest import StartSimulator
from tests.helpers import until

OTHERS: Any = {"powerwalls": [{"PackagePartNumber": "1092170-03-E", "PackageSerialNumber": "T99J0009999"}]}


async def test_nothing_was_left(home: Home) -> None:
    home.simulator.running = False
    await home.recover()
    assert not home.simulator.running
    assert home.simulator.requests == []
    assert home.asked == [False]


async def test_what_was_left_stopped_runs_again(home: Home) -> None:
    await leave_open(home)
    async with home.process() as guard:
        await guard.recover()
        assert home.simulator.running
        with raises_command_error(CommandFailure.BUSY):
            await guard.log_in()
        await guard.recover()
        await finished(guard)
    home.assert_well()
    assert home.disk.record.logins == (NOW,)
    assert home.simulator.logins == 1
    assert home.asked == [False]


async def test_what_runs_already_is_watched_for_a_minute(home: Home) -> None:
    """The login of the process that died may be acted on only now."""
    await leave_open(home)
    home.simulator.running = True
    async with home.process(timings=replace(PACE, steady=0.2)) as guard:
        await guard.recover()
        home.simulator.running = False
        await until(lambda: home.simulator.running)
        assert home.disk.record.under_way
        await finished(guard)
    home.assert_well()


async def test_until_it_is_mended_there_is_no_other_login(home: Home) -> None:
    await leave_open(home)
    home.simulator.running = True
    async with home.process() as guard:
        with raises_command_error(CommandFailure.BUSY):
            await guard.log_in()
        with raises_command_error(CommandFailure.BUSY):
            await guard.stop_for(60)
    assert home.simulator.logins == 1
    assert home.simulator.running


async def test_the_session_is_taken_up(home: Home) -> None:
    async with home.process(timings=replace(PACE, steady=60.0)) as guard:
        await guard.log_in()
    async with home.process() as guard:
        await guard.recover()
        await guard._gateway.operation()
    assert home.simulator.logins == 1


async def test_a_gateway_that_stays_away_for_long(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    await leave_open(home)
    caplog.clear()
    home.simulator.faults.add("*", drop=True, times=20)
    await home.recover()
    home.assert_well()
    assert caplog.text.count("cannot be started yet") == 1
    assert "The Powerwall runs again" in caplog.text


async def test_another_gateway_is_not_started(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    await leave_open(home)
    home.simulator.overrides["powerwalls"] = OTHERS
    async with home.process() as guard:
        mending = asyncio.create_task(guard.recover())
        await until(lambda: home.asked_for("powerwalls") > 5)
        assert not home.simulator.running
        assert home.asked_for("sitemaster/run") == 1
        home.simulator.overrides.clear()
        await mending
        await finished(guard)
    home.assert_well()
    assert "another gateway answers" in caplog.text
    assert "T99J0009999" not in caplog.text


async def test_an_address_that_changes_hands_while_it_is_mended(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("sitemaster/run", status=503)
    async with home.process() as guard:
        mending = asyncio.create_task(guard.recover())
        await until(lambda: home.asked_for("sitemaster/run") > 2)
        home.simulator.overrides["powerwalls"] = OTHERS
        looked, ran = home.asked_for("powerwalls"), home.asked_for("sitemaster/run")
        await until(lambda: home.asked_for("powerwalls") > looked + 3)
        assert home.asked_for("sitemaster/run") <= ran + 1  # one may have been on its way
        mending.cancel()
    assert not home.simulator.running


@pytest.mark.parametrize("payload", [b"null", b"{}", b"<html>", {"powerwalls": None}, {"powerwalls": []}])
async def test_a_gateway_that_shows_no_powerwalls_is_not_started(home: Home, payload: Any) -> None:
    await leave_open(home)
    home.simulator.overrides["powerwalls"] = payload
    async with home.process() as guard:
        mending = asyncio.create_task(guard.recover())
        await until(lambda: home.asked_for("powerwalls") > 4)
        mending.cancel()
    assert not home.simulator.running
    assert home.disk.record.under_way


async def test_one_of_its_powerwalls_is_enough(home: Home) -> None:
    await leave_open(home)
    serial = home.simulator.gateway.pack_serials[1]
    home.simulator.overrides["powerwalls"] = {"powerwalls": [{"PackageSerialNumber": serial}]}
    await home.recover()
    home.assert_well()


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [0.0, DAY, -3600.0, -50 * 365 * DAY])
async def test_it_is_started_for_a_day_and_whenever_the_clock_went_back(home: Home, later: float) -> None:
    await leave_open(home)
    home.now += later
    await home.recover()
    home.assert_well()


async def test_after_a_day_the_owner_is_asked(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    async with home.process() as guard:
        await guard.recover()
        assert guard.needs_confirmation
        await until(lambda: home.asked.count(True) > 3)
        assert not home.simulator.running
        assert home.asked_for("sitemaster/run") == 1
        await guard.start()
        await finished(guard)
        assert (home.asked[-1], vars(guard)["needs_confirmation"]) == (False, False)
    home.assert_well()


async def test_the_owner_need_not_be_asked_where_somebody_started_it(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    home.simulator.running = True
    await home.recover()
    assert home.asked == [False]
    home.assert_well()


async def test_what_somebody_works_on_is_not_started_while_it_is_watched(home: Home) -> None:
    await leave_open(home)
    home.now += DAY + 1
    home.simulator.running = True
    async with home.process(timings=replace(PACE, steady=60.0)) as guard:
        await guard.recover()
        home.simulator.running = False
        await until(lambda: guard.needs_confirmation)
    assert not home.simulator.running
    assert home.disk.record.under_way


async def test_a_gateway_that_comes_back_after_a_day_is_asked_for(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("powerwalls", status=503)
    async with home.process() as guard:
        mending = asyncio.create_task(guard.recover())
        await until(lambda: home.asked_for("powerwalls") > 2)
        home.now += DAY + 1
        home.simulator.faults.clear()
        await mending
        assert guard.needs_confirmation
    assert not home.simulator.running


# -- a journal that cannot be believed ---------------------------------------------------------------------------------

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
MISFITS: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("change", MISFITS)
def test_what_was_never_written_is_not_believed(change: dict[str, Any]) -> None:
    written = {"version": 1, "logins": [NOW], "under_way": OPEN}
    assert JournalRecord.from_json(written).to_json() == written
    with pytest.raises(JournalError):
        JournalRecord.from_json(written | {"under_way": OPEN | change})


@pytest.mark.parametrize("name", CORRUPT)
async def test_a_corrupt_journal_counts_as_open_and_as_full(home: Home, name: str) -> None:
    home.disk.content = CORRUPT[name]
    home.simulator.running = False
    await home.recover()
    home.assert_well()
    assert home.disk.record.logins == (NOW,) * 3


async def test_a_journal_that_cannot_be_written_is_mended_all_the_same(home: Home) -> None:
    await leave_open(home)
    home.disk.broken = lambda write: write < 8
    async with home.process() as guard:
        await guard.recover()
        await until(lambda: home.disk.writes > 4)
        assert home.simulator.running
        await finished(guard)
    home.assert_well()


async def test_an_entry_that_is_unloaded_leaves_mending_to_the_next(home: Home) -> None:
    await leave_open(home)
    home.simulator.faults.add("*", drop=True)
    async with home.process() as guard:
        mending = asyncio.create_task(guard.recover())
        await until(lambda: guard.busy)
        await guard.wait()
        assert not await guard.close()
        assert not guard.busy
        with pytest.raises(Exception, match="broken off"):
            await mending
    home.simulator.faults.clear()
    await home.recover()
    home.assert_well()


# -- firmware that starts nobody without a session (1.40 and later) ----------------------------------------------------


@pytest.fixture
async def later(simulator: StartSimulator) -> Home:
    """Give a home with a gateway that wants a session for a start, and stops at every login."""
    home = Home(await simulator("1.50.1"))
    desk = home.simulator.gateway.desk
    desk.rules = replace(desk.rules, stopping_roles=frozenset({"Home_Owner"}))
    return home


async def test_a_start_has_the_journals_session(later: Home) -> None:
    async with later.process(timings=replace(PACE, steady=60.0)) as guard:
        await guard.log_in()
    later.simulator.running = False
    async with later.process() as guard:
        guard._gateway._login._credentials = None  # the entry is gone, and the password with it
        await guard.recover()
        await finished(guard)
    later.assert_well()
    assert later.simulator.logins == 1


async def test_a_start_without_a_session_logs_in_where_there_is_nothing_to_stop(later: Home) -> None:
    """That is no login of the day: there were three already."""
    await leave_open(later)
    later.simulator.tokens.clear()
    later.disk.tear(session=None)
    content = json.loads(later.disk.content or b"")
    later.disk.content = json.dumps(content | {"logins": [NOW, NOW, NOW]}).encode()
    await later.recover()
    later.assert_well()
    assert later.simulator.logins == 2


async def test_a_login_that_was_lost_is_made_again_to_start(later: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.SessionManager.FIRST_WAIT", 0.01)
    later.simulator.faults.add("login/Basic", drop=True, after=True, times=1)
    async with later.process() as guard:
        with pytest.raises(Exception, match="no connection"):
            await guard.log_in()
        await finished(guard)
    later.assert_well()
    assert later.simulator.logins == 2
    assert later.disk.record.logins == (NOW,)


async def test_what_runs_is_not_stopped_to_start_it(later: Home) -> None:
    later.simulator.faults.add("login/Basic", status=401)
    async with later.process() as guard:
        with pytest.raises(GatewayLoginError):
            await guard.log_in()
        await finished(guard)
    later.assert_well()
    assert later.simulator.logins == 1
    assert later.simulator.stopped_seconds == 0
