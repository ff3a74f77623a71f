"""The Powerwall runs again, whatever happens to the entry while it may be stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
import gc
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import after_poll, hub, storage
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway import CommandError, JournalError, JournalRecord, PendingAction
from custom_components.powerwall_gateway.gateway.stop_safety.journal import Kind
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.file import write_utf8_file_atomic
from simulator import Simulator
from simulator.gateway.call import Call
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.conftest import Loaded, SetUp, entry_for
from tests.integration.control import FAST_TIMINGS, logged_in, steady_grid

pytestmark = pytest.mark.usefixtures("short_timings")


@pytest.fixture
def patient(short_timings: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Prevent the entry from logging in until this is called."""
    monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", replace(FAST_TIMINGS, connected=60.0))
    return lambda: monkeypatch.setattr(after_poll, "SAFETY_TIMINGS", FAST_TIMINGS)


ENDINGS = ("reload", "unload", "remove", "stop")
"""Ends of the entry. The last is a shutdown of Home Assistant by SIGTERM."""

type At = Callable[[str, Callable[[], None]], None]


@pytest.fixture
def at(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Callable[[Simulator], At]:
    """Call a function at a point: "sent" or "acted" and a path, or "journal" and the number of its write."""

    def for_gateway(gateway: Simulator) -> At:
        def at(point: str, begin: Callable[[], None]) -> None:
            step, _, what = point.partition(" ")
            write, writes = write_utf8_file_atomic, 0

            def observe(seen: str, call: Call) -> None:
                if (seen, call.path) == (step, what):
                    gateway.server.observer = lambda *_: None
                    begin()

            def observed_write(*arguments: Any, **more: Any) -> None:
                nonlocal writes
                writes += 1
                if f"journal {writes}" == point:
                    hass.loop.call_soon_threadsafe(begin)
                write(*arguments, **more)

            gateway.server.observer = observe
            monkeypatch.setattr(storage, "write_utf8_file_atomic", observed_write)

        return at

    return for_gateway


def end(hass: HomeAssistant, entry: MockConfigEntry, ending: str) -> Awaitable[object]:
    """End the entry."""
    match ending:
        case "reload":
            return hass.config_entries.async_reload(entry.entry_id)
        case "unload":
            return hass.config_entries.async_unload(entry.entry_id)
        case "remove":
            return hass.config_entries.async_remove(entry.entry_id)
        case _:
            return hass.async_stop()


def is_closed(hass: HomeAssistant) -> bool:
    """Return whether all journals are closed."""
    for journal in Path(hass.config.path(".storage")).glob(f"{DOMAIN}.journal.*"):
        try:
            if JournalRecord.from_json(json.loads(journal.read_bytes())).under_way:
                return False
        except JournalError, ValueError:
            return False
    return True


async def assert_recovered(hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, ending: str) -> None:
    """Check that the Powerwall runs, was stopped only briefly, and that the journal is closed."""
    await until(lambda: gateway.running)
    assert gateway.stopped_seconds < 3
    if ending == "stop":
        return  # the next start watches for a minute, so the journal may be open
    await until(lambda: is_closed(hass))
    if ending == "reload":
        await logged_in(hass, entry)
    else:
        await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    assert gateway.running


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "point",
    [
        *(f"{step} {path}" for path in ("login/Basic", "sitemaster/run") for step in ("sent", "acted")),
        *(f"journal {number}" for number in (1, 2, 3)),
    ],
)
async def test_login_that_an_unload_interrupts_restarts_the_powerwall(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    at: Callable[[Simulator], At],
    patient: Callable[[], None],
    point: str,
    ending: str,
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    ended: list[asyncio.Future[object]] = []
    at(gateway)(point, lambda: ended.append(asyncio.ensure_future(end(hass, entry, ending))))
    patient()
    await steady_grid(entry)
    await until(lambda: ended)
    await ended[0]
    await assert_recovered(hass, gateway, entry, ending)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "point",
    [
        *(f"{step} {path}" for path in ("sitemaster/stop", "sitemaster/run") for step in ("sent", "acted")),
        *(f"journal {number}" for number in (1, 2)),
    ],
)
async def test_stop_that_an_unload_interrupts_restarts_the_powerwall(
    hass: HomeAssistant,
    old: Loaded,
    at: Callable[[Simulator], At],
    point: str,
    ending: str,
) -> None:
    gateway, entry = old
    ended: list[asyncio.Future[object]] = []
    at(gateway)(point, lambda: ended.append(asyncio.ensure_future(end(hass, entry, ending))))
    await steady_grid(entry)
    stopping = asyncio.ensure_future(entry.runtime_data.control.async_stop(timedelta(seconds=1)))
    await until(lambda: ended or (stopping.done() and stopping.result()))
    await ended[0]
    await asyncio.wait({stopping})
    stopping.exception()
    await assert_recovered(hass, gateway, entry, ending)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "point", [f"{step} {path}" for path in ("operation", "config/completed") for step in ("sent", "acted")]
)
async def test_write_is_finished_after_an_unload(
    hass: HomeAssistant,
    old: Loaded,
    at: Callable[[Simulator], At],
    point: str,
    ending: str,
) -> None:
    gateway, entry = old
    control = entry.runtime_data.control
    await asyncio.sleep(0)
    ended: list[asyncio.Future[object]] = []
    writing = asyncio.ensure_future(control.async_set(reserve=30))
    at(gateway)(point, lambda: ended.append(asyncio.ensure_future(end(hass, entry, ending))))
    await until(lambda: ended)
    await ended[0]
    await asyncio.wait({writing})
    assert writing.exception() is None
    assert gateway.home.reserve == pytest.approx(33.5)
    await assert_recovered(hass, gateway, entry, ending)


# -- at the next start -------------------------------------------------------------------------------------------------


def leave_open(hass: HomeAssistant, gateway: Simulator, entry_id: str, *, ago: timedelta = timedelta()) -> Path:
    """Leave the journal of a process that crashed while the Powerwall was stopped."""
    gateway.running = False
    path = Path(hass.config.path(".storage", f"{DOMAIN}.journal.{entry_id}"))
    under_way = PendingAction(
        kind=Kind.LOGIN,
        began=(dt_util.utcnow() - ago).timestamp(),
        packs=tuple(gateway.gateway.pack_serials),
        gateway={"host": f"{gateway.host}:{gateway.port}", "scheme": "http", "fingerprint": None},
    )
    path.write_text(json.dumps(JournalRecord(under_way=under_way).to_json()))
    return path


@pytest.mark.parametrize("state", ["loaded", "disabled", "retrying", "removed"])
async def test_recovery_runs_in_every_entry_state(hass: HomeAssistant, simulator: StartSimulator, state: str) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    leave_open(hass, gateway, entry.entry_id)
    if state != "removed":
        entry.add_to_hass(hass)
    if state == "disabled":
        hass.config_entries.async_update_entry(entry, title="Home")
        object.__setattr__(entry, "disabled_by", "user")
    if state == "retrying":
        gateway.faults.add("meters/aggregates", status=500)
    assert await async_setup_component(hass, DOMAIN, {})
    await until(lambda: gateway.running and is_closed(hass))
    if state == "loaded":
        await until(lambda: entry.state is ConfigEntryState.LOADED)
    else:
        await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None or state == "retrying")


async def test_recovery_after_a_day_creates_a_repair_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    leave_open(hass, gateway, entry.entry_id, ago=timedelta(hours=25))
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    issue_id = f"stopped_long_ago_{entry.entry_id}"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id))
    assert gateway.gateway.home.running is False
    await entry.runtime_data.control.async_start()
    assert gateway.running
    await until(lambda: is_closed(hass))
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None)


async def test_removal_without_recovery_creates_a_repair_issue(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    await until(lambda: is_closed(hass))
    await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    path = leave_open(hass, gateway, entry.entry_id)
    gateway.faults.add("*", drop=True)
    await hub.async_recover_all(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"left_stopped_{entry.entry_id}")
    assert issue
    assert issue.is_persistent
    assert path.exists()
    gateway.faults.clear()
    await until(lambda: gateway.running)
    await until(lambda: not path.exists())
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, f"left_stopped_{entry.entry_id}") is None)
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)


@pytest.mark.parametrize("content", [None, "{"])
async def test_removal_starts_the_recovery(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, content: str | None
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: hub.async_get_supervisor(hass, entry.entry_id) is None)
    path = leave_open(hass, gateway, entry.entry_id)
    if content:
        path.write_text(content)
    await hass.config_entries.async_remove(entry.entry_id)
    await until(lambda: gateway.running and not path.exists())
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, f"left_stopped_{entry.entry_id}") is None)
    assert hub.async_get_supervisor(hass, entry.entry_id) is None


async def test_stop_is_refused_during_shutdown(hass: HomeAssistant, old: Loaded) -> None:
    gateway, entry = old
    hass.set_state(CoreState.stopping)
    with pytest.raises(HomeAssistantError) as refused:
        await entry.runtime_data.control.async_stop(timedelta(seconds=1))
    hass.set_state(CoreState.running)
    assert isinstance(refused.value.__cause__, CommandError)
    assert gateway.stopped_seconds < 1
    assert not any(request.path == "sitemaster/stop" for request in gateway.requests)
    await until(lambda: is_closed(hass))


async def test_corrupt_journal_counts_as_open(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    leave_open(hass, gateway, entry.entry_id).write_text("{")
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await until(lambda: gateway.running and is_closed(hass))


async def test_full_disk_prevents_the_login(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    patient: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_utf8_file_atomic", full)
    patient()
    await steady_grid(entry)
    await until(lambda: "out of reach" in caplog.text)
    assert gateway.logins == 0
    assert gateway.running


async def test_cancelled_recovery_is_not_logged_as_an_error(
    hass: HomeAssistant, simulator: StartSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await simulator("1.15.0")
    entry = entry_for(gateway)
    leave_open(hass, gateway, entry.entry_id)
    gateway.faults.add("*", drop=True)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    # Another address of the same gateway: the former supervisor ends, and the next one recovers.
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_PASSWORD: "sunshine"})
    gateway.faults.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: gateway.running and is_closed(hass))
    gc.collect()  # a task with an error that no one retrieved logs it at its deletion
    await hass.async_block_till_done()
    assert "never retrieved" not in caplog.text
