"""Store what an entry keeps over a restart, and the recovery journal of its Powerwall."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
import logging
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Final, Self, override

import orjson

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import STORAGE_DIR, Store
from homeassistant.util import dt as dt_util
from homeassistant.util.file import write_utf8_file_atomic
from homeassistant.util.hass_dict import HassKey

from .const import CONF_PRIVATE_KEY, DOMAIN
from .gateway import Journal, JournalError, JournalRecord, OperationSettings, PendingAction
from .gateway.models import FullBackup, OperationMode
from .grid_log import GridLog

_LOGGER = logging.getLogger(__name__)

_VERSION = 1

_STORES: HassKey[dict[str, EntryStore]] = HassKey(f"{DOMAIN}.stores")

_JOURNAL_PREFIX: Final = f"{DOMAIN}.journal."

RESERVE_TOLERANCE: Final = 0.1
"""App % by which a reserve that is read back may differ. Held reserves are whole percents of the gateway."""

EVENT_TOLERANCE: Final = timedelta(seconds=30)
"""Time by which the end of an event may differ from the expected one: the request takes a while."""

_write_lock = Lock()
_write_numbers = count(1)
_newest_write: dict[Path, int] = {}
"""Number of the newest write of each file: an older one that was cancelled must not replace it."""


class Purpose(StrEnum):
    """Reason for a temporary reserve."""

    HOLD = "hold"
    BACKUP = "backup"


@dataclass(frozen=True, kw_only=True)
class TemporaryReserve:
    """A backup reserve that Home Assistant set for a limited time, and the settings before it.

    With a signing key the gateway may do a full backup by itself, without a change of the reserve. It has the same
    record.
    """

    purpose: Purpose
    until: datetime
    """UTC. In the past until it is set, and as long as the former reserve could not be restored."""

    mode: OperationMode
    """Operation mode while it is set: it is not changed."""

    before: float
    """Reserve to restore, app %."""

    reserves: tuple[float, ...]
    """Reserve that was set, app %. While one replaces another, the gateway may show either. Empty for an event."""

    event_end: datetime | None = None
    """End of the event (UTC), if the gateway does the full backup by itself."""

    over_at: float = field(init=False, compare=False)
    """Monotonic time of `until` in seconds, so that a clock that is set back does not make it longer."""

    def __post_init__(self) -> None:
        """Note the monotonic time of `until`."""
        left = (self.until - dt_util.utcnow()).total_seconds()
        object.__setattr__(self, "over_at", monotonic() + left)

    @property
    def is_over(self) -> bool:
        """Return whether the former reserve is to be restored."""
        return dt_util.utcnow() >= self.until or monotonic() >= self.over_at

    def is_replaced_by(self, shown: OperationSettings) -> bool:
        """Return whether something else has changed the mode or the reserve. Missing values count as unchanged.

        Once it is over, the former reserve is no change: it may have been stored and not applied.
        """
        expected = (*self.reserves, self.before) if self.is_over else self.reserves
        reserve = shown.reserve
        return shown.mode not in {None, self.mode} or (
            reserve is not None and all(abs(reserve - each) > RESERVE_TOLERANCE for each in expected)
        )

    def is_event(self, shown: FullBackup) -> bool:
        """Return whether the gateway shows the event of this record, and not one of someone else."""
        return (
            self.event_end is not None
            and shown.until is not None
            and abs(shown.until - self.event_end) <= EVENT_TOLERANCE
        )

    def ended(self) -> Self:
        """Return the same with its time over."""
        return replace(self, until=min(self.until, dt_util.utcnow()))

    def to_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {
            "purpose": self.purpose,
            "until": self.until.timestamp(),
            "mode": self.mode,
            "before": self.before,
            "reserves": list(self.reserves),
            "event_end": self.event_end.timestamp() if self.event_end else None,
        }

    @classmethod
    def from_json(cls, stored: object) -> Self | None:
        """Return what was stored; None if there is nothing, or if it is invalid."""
        if not isinstance(stored, Mapping):
            return None
        try:
            event_end = stored["event_end"]
            return cls(
                purpose=Purpose(stored["purpose"]),
                until=dt_util.utc_from_timestamp(float(stored["until"])),
                mode=OperationMode(stored["mode"]),
                before=float(stored["before"]),
                reserves=tuple(float(reserve) for reserve in stored["reserves"]),
                event_end=None if event_end is None else dt_util.utc_from_timestamp(float(event_end)),
            )
        except KeyError, TypeError, ValueError, OverflowError, OSError:
            return None


async def async_get_store(hass: HomeAssistant, entry_id: str) -> EntryStore:
    """Return the store of an entry, loaded. There is one object for all users, because each save writes all of it."""
    stores = hass.data.setdefault(_STORES, {})
    store = stores.get(entry_id) or stores.setdefault(entry_id, EntryStore(hass, entry_id))
    await store.async_load()
    return store


async def async_forget_login(hass: HomeAssistant, entry_id: str) -> None:
    """Forget the session and the wait between logins of an entry that has another password from now on."""
    await (await async_get_store(hass, entry_id)).async_forget_login()


class EntryStore:
    """Everything that an entry keeps over a restart, its secrets included, in one private file of its own."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._entry_id = entry_id
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}", private=True, atomic_writes=True
        )
        self._former_key_store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.key", private=True)
        """The file in which earlier versions stored the signing key."""

        self.grid = GridLog()
        self.return_charge: float | None = None
        """App % at which the home reconnects to the grid; None if it was not taken off-grid."""

        self.temporary_reserve: TemporaryReserve | None = None
        """Backup reserve that is set for a limited time, with the one to restore."""

        self.dispatched = False
        """Return True if the power of the battery may be set, and is to be ended."""

        self.packs: tuple[str, ...] = ()
        """Serials of the Powerwalls. On 1.15 only they show whether it is still the same gateway."""

        self.was_on_dashboard = False
        """True if the Energy dashboard has had our entities: the suggestion is not repeated after they are removed."""

        self.login: dict[str, Any] = {}
        """The result of `PowerwallGateway.export_login`: a session is stored, because each login has a cost."""

        self.private_key: bytes | None = None
        """The signing key in PEM, which is stored nowhere else."""

        self.unconfirmed_since: float | None = None
        """Time at which the gateway first reported the key as unconfirmed, in seconds since 1970."""

        self._login_forgotten = False
        self._is_loaded = False
        self._load_lock = asyncio.Lock()

    async def async_load(self) -> None:
        """Load what was stored, once. If it cannot be read, nothing is saved: the file may hold a signing key."""
        async with self._load_lock:
            if not self._is_loaded:
                await self._async_load()
                self._is_loaded = True

    async def _async_load(self) -> None:
        try:
            stored = await self._read()
        except HomeAssistantError as err:
            _LOGGER.warning("Could not read the stored data of the entry: %s", err)
            self._store.make_read_only()
            return
        self.grid = GridLog.from_json(stored.get("grid"))
        self.login = _as(dict, stored.get("login")) or {}
        self.return_charge = _as(float, stored.get("return_charge"))
        self.temporary_reserve = TemporaryReserve.from_json(stored.get("temporary_reserve"))
        self.dispatched = stored.get("dispatched") is True
        self.was_on_dashboard = stored.get("was_on_dashboard") is True
        self.packs = tuple(pack for pack in _as(list, stored.get("packs")) or () if isinstance(pack, str))
        self._load_key(stored)
        await self._async_move_key(is_moved=CONF_PRIVATE_KEY in stored)

    def _load_key(self, stored: dict[str, Any]) -> None:
        key = _as(str, stored.get(CONF_PRIVATE_KEY))
        self.private_key = key.encode() if key else None
        self.unconfirmed_since = _as(float, stored.get("unconfirmed_since"))

    async def _async_move_key(self, *, is_moved: bool) -> None:
        """Move the signing key out of its former file, which is removed once the key is on disk here."""
        try:
            former: object = await self._former_key_store.async_load()
        except HomeAssistantError as err:
            _LOGGER.warning("Could not read the signing key: %s", err)
            if not is_moved:
                self._store.make_read_only()  # the next save would say that it was moved
            return
        if not isinstance(former, dict):
            return
        if not is_moved:
            self._load_key(former)
            if not await self._async_save_and_verify(CONF_PRIVATE_KEY):
                return
        await self._former_key_store.async_remove()

    async def async_set_grid(self, log: GridLog) -> None:
        """Store the outage log."""
        self.grid = log
        await self._async_save()

    async def async_set_return_charge(self, charge: float | None) -> bool:
        """Store at which charge to reconnect to the grid, and return whether it is on disk."""
        self.return_charge = charge
        return await self._async_save_and_verify("return_charge")

    async def async_set_temporary_reserve(self, temporary: TemporaryReserve | None) -> bool:
        """Store a temporary reserve, or that there is none, and return whether it is on disk."""
        self.temporary_reserve = temporary
        return await self._async_save_and_verify("temporary_reserve")

    async def async_set_dispatched(self, *, dispatched: bool) -> bool:
        """Store whether the power of the battery may be set, and return whether it is on disk."""
        self.dispatched = dispatched
        return await self._async_save_and_verify("dispatched")

    async def async_set_key(self, private_key: bytes | None, unconfirmed_since: float | None = None) -> bool:
        """Store the signing key, or that there is none. Return whether it is on disk; if not, nothing changes."""
        former = self.private_key, self.unconfirmed_since
        self.private_key, self.unconfirmed_since = private_key, unconfirmed_since
        is_stored = await self._async_save_and_verify(CONF_PRIVATE_KEY)
        if not is_stored:
            self.private_key, self.unconfirmed_since = former
            await self._async_save()
        return is_stored

    async def async_set_login(self, login: dict[str, Any]) -> None:
        """Store the session and the wait between logins, unless the login was forgotten since the last setup."""
        if not self._login_forgotten:
            self.login = login
            await self._async_save()

    async def async_forget_login(self) -> None:
        """Forget the session. Polls of the loaded entry do not store it again."""
        self._login_forgotten = True
        self.login = {}
        await self._async_save()

    def take_login(self) -> dict[str, Any]:
        """Return the stored session, for an entry that is set up and stores its session again."""
        self._login_forgotten = False
        return self.login

    async def async_set_packs(self, packs: Iterable[str]) -> None:
        """Store the serials of the Powerwalls."""
        self.packs = tuple(sorted(packs))
        await self._async_save()

    async def async_set_was_on_dashboard(self) -> None:
        """Store that the Energy dashboard has had our entities."""
        self.was_on_dashboard = True
        await self._async_save()

    async def async_remove(self) -> None:
        """Remove the files of an entry that is removed."""
        self._hass.data.get(_STORES, {}).pop(self._entry_id, None)
        await self._store.async_remove()
        await self._former_key_store.async_remove()

    async def _read(self) -> dict[str, Any]:
        """Return what is on disk; nothing if it is not a dict. Raises `HomeAssistantError` if it cannot be read."""
        return _as(dict, await self._store.async_load()) or {}

    def _to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid.to_json(),
            "login": self.login,
            "return_charge": self.return_charge,
            "temporary_reserve": self.temporary_reserve.to_json() if self.temporary_reserve else None,
            "dispatched": self.dispatched,
            "packs": list(self.packs),
            "was_on_dashboard": self.was_on_dashboard,
            CONF_PRIVATE_KEY: self.private_key.decode() if self.private_key else None,
            "unconfirmed_since": self.unconfirmed_since,
        }

    async def _async_save(self) -> None:
        await self._store.async_save(self._to_json())

    async def _async_save_and_verify(self, key: str) -> bool:
        """Save, and return whether a value is on disk: a `Store` that cannot write only logs it.

        While Home Assistant stops, a `Store` writes later, and returns from memory what it has not written.
        """
        content = self._to_json()
        await self._store.async_save(content)
        if self._hass.is_stopping:
            return False
        try:
            stored = await self._read()
        except HomeAssistantError:
            return False
        return key in stored and bool(stored[key] == content[key])


def _as[T](kind: type[T], value: object) -> T | None:
    return value if isinstance(value, kind) else None


class FileJournal(Journal):
    """A recovery journal in Home Assistant's storage directory.

    It is not a `Store`, because it must be on disk before the Powerwall is stopped: a `Store` writes nothing while
    Home Assistant stops, logs a failed write instead of raising it, and returns from memory what it has not written.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._path = Path(hass.config.path(STORAGE_DIR, f"{_JOURNAL_PREFIX}{entry_id}"))

    @override
    async def read(self) -> object:
        return await self._do(lambda: _read(self._path))

    @override
    async def write(self, content: Mapping[str, Any]) -> None:
        number = next(_write_numbers)
        await self._do(lambda: _write(self._path, dict(content), number))

    async def remove(self) -> None:
        """Remove the file. Only for an entry that is gone, with its journal closed."""
        await self._do(lambda: self._path.unlink(missing_ok=True))

    async def _do[T](self, work: Callable[[], T]) -> T:
        try:
            return await self._hass.async_add_executor_job(work)
        except (OSError, ValueError, HomeAssistantError, RuntimeError) as err:
            # The last one comes from the executor while Home Assistant shuts down.
            raise JournalError(f"the journal's file is out of reach or corrupt: {err}") from err


@dataclass(frozen=True, kw_only=True)
class KeptJournal:
    """A recovery journal that was found on disk."""

    entry_id: str
    """Of its entry, which may have been removed."""

    journal: FileJournal

    is_open: bool
    """True if the integration may have stopped the Powerwall; a corrupt journal counts as open."""

    under_way: PendingAction | None
    """The action that was begun; its `gateway` makes a client if the entry is gone. None if the journal is corrupt."""


async def async_find_journals(hass: HomeAssistant) -> list[KeptJournal]:
    """Return all journals on disk, also those of entries that are disabled or removed."""
    storage = Path(hass.config.path(STORAGE_DIR))
    names = await hass.async_add_executor_job(lambda: sorted(path.name for path in storage.glob(f"{_JOURNAL_PREFIX}*")))
    found = []
    for name in names:
        entry_id = name.removeprefix(_JOURNAL_PREFIX)
        journal, under_way = FileJournal(hass, entry_id), None
        try:
            under_way = JournalRecord.from_json(await journal.read()).under_way
            is_open = under_way is not None
        except JournalError:
            is_open = True
        found.append(KeptJournal(entry_id=entry_id, journal=journal, is_open=is_open, under_way=under_way))
    return found


def _read(path: Path) -> object:
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        return None
    if (content := orjson.loads(written)) is None:
        raise ValueError("it is empty")
    return content


def _write(path: Path, content: dict[str, Any], number: int) -> None:
    with _write_lock:
        if number > _newest_write.get(path, 0):
            _newest_write[path] = number
            write_utf8_file_atomic(str(path), orjson.dumps(content), private=True, mode="wb")
