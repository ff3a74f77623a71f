"""The recovery journal on a real disk: writes are durable, and it is found whatever happened to its entry."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import errno
from pathlib import Path
import resource
import shutil
from typing import Any

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway import (
    Credentials,
    JournalError,
    JournalRecord,
    PendingAction,
    PowerwallGateway,
    StopSupervisor,
    open_session,
)
from custom_components.powerwall_gateway.gateway.stop_safety.journal import Kind
from custom_components.powerwall_gateway.gateway.stop_safety.supervisor import SafetyTimings
from custom_components.powerwall_gateway.hub import create_gateway
from custom_components.powerwall_gateway.storage import FileJournal, async_find_journals
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.conftest import StartSimulator

from .conftest import entry_for

FAST_TIMINGS = SafetyTimings(steady=0.03, check=0.003, first_pause=0.005, longest_pause=0.02)
CLOSED = JournalRecord(logins=(1_760_000_000.123456,))
OPEN = JournalRecord(
    logins=CLOSED.logins,
    under_way=PendingAction(
        kind=Kind.STOP,
        began=1_760_000_000.1,
        ends=1_760_000_300.1,
        packs=("T17J0001234",),
        gateway={"host": "192.168.1.5", "scheme": "https", "fingerprint": "ab" * 32},
        session={"token": "a token", "cookies": {}, "roles": ["Provider_Engineer"]},
    ),
)


@pytest.fixture
def storage(hass_config_dir: str) -> Path:
    """Return the directory of the journals."""
    return Path(hass_config_dir) / ".storage"


def files_in(storage: Path) -> list[Path]:
    """Return the files in the directory."""
    return list(storage.iterdir())


def replace_by_a_file(storage: Path) -> None:
    """Replace the directory with a file."""
    storage.write_text("no directory at all")


@contextmanager
def full_disk() -> Iterator[None]:
    """Limit files to a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only_disk() -> Iterator[None]:
    """Prevent the creation of files."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("atomicwrites.AtomicWriter.get_fileobject", refuse)
        yield


async def test_journal_reads_what_was_written(hass: HomeAssistant, storage: Path) -> None:
    journal = FileJournal(hass, "an entry")
    assert await journal.read() is None
    for record in (OPEN, CLOSED, OPEN):
        await journal.write(record.to_json())
        assert await journal.read() == record.to_json()
        assert JournalRecord.from_json(await journal.read()) == record
    assert [path.name for path in files_in(storage)] == [f"{DOMAIN}.journal.an entry"]
    await journal.remove()
    await journal.remove()
    assert await journal.read() is None


async def test_journal_is_readable_only_by_its_owner(hass: HomeAssistant, storage: Path) -> None:
    await FileJournal(hass, "an entry").write(OPEN.to_json())
    (path,) = files_in(storage)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_journal_write_is_synced_to_disk(
    hass: HomeAssistant, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("atomicwrites._proper_fsync", synced.append)
    await FileJournal(hass, "an entry").write(OPEN.to_json())
    assert len(synced) == 2  # the file, and the directory that names it


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
async def test_failed_journal_write_keeps_the_former_content(hass: HomeAssistant, storage: Path, broken: Any) -> None:
    journal = FileJournal(hass, "an entry")
    await journal.write(CLOSED.to_json())
    with broken(), pytest.raises(JournalError):
        await journal.write(OPEN.to_json())
    assert await journal.read() == CLOSED.to_json()
    assert len(files_in(storage)) == 1
    await journal.write(OPEN.to_json())


async def test_journal_without_a_storage_folder_raises(hass: HomeAssistant, storage: Path) -> None:
    journal = FileJournal(hass, "an entry")
    shutil.rmtree(storage)
    assert await async_find_journals(hass) == []
    assert await journal.read() is None
    with pytest.raises(JournalError):
        await journal.write(OPEN.to_json())
    replace_by_a_file(storage)
    for call in (journal.read(), journal.write(OPEN.to_json()), journal.remove()):
        with pytest.raises(JournalError):
            await call


@pytest.mark.parametrize("content", [b"", b"null", b"{", bytes(64), b"\xff\xfe", b'{"version": NaN}'])
async def test_corrupt_journal_raises(hass: HomeAssistant, storage: Path, content: bytes) -> None:
    (storage / f"{DOMAIN}.journal.an entry").write_bytes(content)
    with pytest.raises(JournalError):
        await FileJournal(hass, "an entry").read()


async def test_journal_write_after_shutdown_raises(
    hass: HomeAssistant, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(hass, "async_add_executor_job", refuse)
    with pytest.raises(JournalError):
        await FileJournal(hass, "an entry").write(OPEN.to_json())


async def test_journal_writes_keep_their_order(hass: HomeAssistant, storage: Path) -> None:
    """A canceled write must not replace a newer one."""
    journal = FileJournal(hass, "an entry")
    for _ in range(10):
        cancelled = asyncio.create_task(journal.write(CLOSED.to_json()))
        await asyncio.sleep(0)
        cancelled.cancel()
        await journal.write(OPEN.to_json())
        assert await journal.read() == OPEN.to_json()


async def test_all_journals_are_found(hass: HomeAssistant, storage: Path) -> None:
    assert await async_find_journals(hass) == []
    await FileJournal(hass, "1 open").write(OPEN.to_json())
    await FileJournal(hass, "2 closed").write(CLOSED.to_json())
    (storage / f"{DOMAIN}.journal.3 corrupt").write_bytes(b"{")
    (storage / f"{DOMAIN}.journal.4 other").write_bytes(b"[]")
    (storage / f"{DOMAIN}.1 open").write_bytes(b"{}")
    (storage / "core.config").write_bytes(b"{}")
    found = await async_find_journals(hass)
    assert [(each.entry_id, each.is_open, each.under_way) for each in found] == [
        ("1 open", True, OPEN.under_way),
        ("2 closed", False, None),
        ("3 corrupt", True, None),
        ("4 other", True, None),
    ]
    assert "a token" not in repr(found)
    assert "T17J0001234" not in repr(found)


# -- with the supervisor -----------------------------------------------------------------------------------------------


def supervisor_for(hass: HomeAssistant, gateway: PowerwallGateway, journal: FileJournal) -> StopSupervisor:
    """Return a supervisor like the integration's."""
    return StopSupervisor(
        gateway,
        journal,
        grid_connected_for=lambda: 3600.0,
        spawn=lambda work: hass.async_create_background_task(work, "supervisor"),
        timings=FAST_TIMINGS,
    )


def client_for(session: Any, simulator: Simulator) -> PowerwallGateway:
    """Return a client that is allowed to log in."""
    connection = create_gateway(session, entry_for(simulator).data).connection
    return PowerwallGateway(connection, Credentials.of_installer(simulator.serial))


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
async def test_broken_disk_prevents_the_login(
    hass: HomeAssistant, storage: Path, simulator: StartSimulator, broken: Any
) -> None:
    gateway = await simulator("1.15.0")
    async with open_session() as session:
        supervisor = supervisor_for(hass, client_for(session, gateway), FileJournal(hass, "an entry"))
        with broken(), pytest.raises(JournalError):
            await supervisor.log_in()
        assert await supervisor.close()
        assert gateway.logins == 0
        await supervisor.log_in()
        assert await supervisor.close()
    assert gateway.running
    assert [each.is_open for each in await async_find_journals(hass)] == [False]


async def test_journal_of_a_removed_entry_is_recovered(
    hass: HomeAssistant, storage: Path, simulator: StartSimulator
) -> None:
    """The journal has the address of the gateway."""
    gateway = await simulator("1.15.0")
    async with open_session() as session:
        supervisor = supervisor_for(hass, client_for(session, gateway), FileJournal(hass, "an entry"))
        await supervisor.stop_for(3600)
        gateway.faults.add("sitemaster/run", status=503)
        assert not await supervisor.close(patience=0.3)
    gateway.faults.clear()

    (kept,) = await async_find_journals(hass)
    assert gateway.stopped_seconds > 0
    assert kept.is_open
    assert kept.under_way
    async with open_session() as session:
        mender = supervisor_for(hass, create_gateway(session, kept.under_way.gateway), kept.journal)
        await mender.recover()
        assert gateway.running
        while mender.busy:
            await asyncio.sleep(0.005)
    assert [each.is_open for each in await async_find_journals(hass)] == [False]
