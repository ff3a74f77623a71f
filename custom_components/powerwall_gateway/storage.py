"""Store what an entry keeps over a restart, and the recovery journal of its Powerwall."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
import logging
from pathlib import Path
from threading import Lock
from typing import Any, Final, override

import orjson

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import STORAGE_DIR, Store
from homeassistant.util.file import write_utf8_file_atomic
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .gateway import GuardJournalError, Journal, JournalRecord, PendingAction
from .outages import GridLog

_LOGGER = logging.getLogger(__name__)

_VERSION = 1

_MEMORIES: HassKey[dict[str, EntryStore]] = HassKey(f"{DOMAIN}.memories")

_JOURNAL_PREFIX: Final = f"{DOMAIN}.journal."

_write_lock = Lock()
_write_numbers = count(1)
_newest_write: dict[Path, int] = {}
"""The number of the newest write of each file: an older one that was cancelled must not replace it."""


async def async_get_store(hass: HomeAssistant, entry_id: str) -> EntryStore:
    """Return what an entry keeps: one object for everybody, because each writes all of the file."""
    memories = hass.data.setdefault(_MEMORIES, {})
    if entry_id not in memories:
        memory = EntryStore(hass, entry_id)
        await memory.async_load()
        memories.setdefault(entry_id, memory)
    return memories[entry_id]


async def async_forget_login(hass: HomeAssistant, entry_id: str) -> None:
    """Forget the session and the waits of another password than the one that is stored from now on."""
    memory = await async_get_store(hass, entry_id)
    await memory.async_forget_login()


class EntryStore:
    """A small file of an entry's own in Home Assistant's storage, which other users of the machine cannot read."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._entry_id = entry_id
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}", private=True)
        self.grid = GridLog()
        self.return_charge: float | None = None
        """App % at which the house comes back to the grid; None where it was not taken off it."""

        self.packs: tuple[str, ...] = ()
        """Serials of the Powerwalls: on 1.15 they alone tell whether it is still the same gateway."""

        self.was_on_dashboard = False
        """Whether the Energy dashboard has had our entities: what is taken out of it again is not offered again."""

        self.login: dict[str, Any] = {}
        """As `PowerwallGateway.export_login` gives it: a session is kept, because each login costs something."""

        self._login_forgotten = False

    async def async_load(self) -> None:
        """Remember; nothing where there is nothing yet."""
        kept = await self._read()
        self.grid = GridLog.from_json(kept.get("grid"))
        login, charge = kept.get("login"), kept.get("return_charge")
        self.login = login if isinstance(login, dict) else {}
        self.return_charge = charge if isinstance(charge, float) else None
        self.was_on_dashboard = kept.get("was_on_dashboard") is True
        packs = kept.get("packs")
        self.packs = tuple(pack for pack in packs if isinstance(pack, str)) if isinstance(packs, list) else ()

    async def async_keep_grid(self, log: GridLog) -> None:
        """Keep what became of the grid over a restart, from this moment on."""
        self.grid = log
        await self._async_save()

    async def async_keep_return_charge(self, charge: float | None) -> bool:
        """Keep at which charge to come back to the grid, and tell whether it is on disk: `Store` fails in silence."""
        self.return_charge = charge
        await self._async_save()
        return bool((await self._read()).get("return_charge") == charge)

    async def async_keep_login(self, login: dict[str, Any]) -> None:
        """Keep the session over a restart, from this moment on.

        After it was forgotten nothing is kept until the entry is set up again.
        """
        if not self._login_forgotten:
            self.login = login
            await self._async_save()

    async def async_forget_login(self) -> None:
        """Forget the session; the entry may be polled with it until it is unloaded."""
        self._login_forgotten = True
        self.login = {}
        await self._async_save()

    def take_login(self) -> dict[str, Any]:
        """Return the session that was kept, for an entry that is set up and keeps another one from now on."""
        self._login_forgotten = False
        return self.login

    async def async_keep_packs(self, packs: Iterable[str]) -> None:
        """Keep which Powerwalls there are over a restart, from this moment on."""
        self.packs = tuple(sorted(packs))
        await self._async_save()

    async def async_keep_was_on_dashboard(self) -> None:
        """Keep over a restart, from this moment on, that the Energy dashboard has had our entities."""
        self.was_on_dashboard = True
        await self._async_save()

    async def async_forget(self) -> None:
        """Leave nothing behind."""
        self._hass.data.get(_MEMORIES, {}).pop(self._entry_id, None)
        await self._store.async_remove()

    async def _read(self) -> dict[str, Any]:
        """Give what is on disk; nothing where that is nothing of ours, or cannot be read."""
        try:
            kept: object = await self._store.async_load()
        except HomeAssistantError as err:
            _LOGGER.warning("What was kept over the restart cannot be read: %s", err)
            return {}
        return kept if isinstance(kept, dict) else {}

    async def _async_save(self) -> None:
        await self._store.async_save(
            {
                "grid": self.grid.to_json(),
                "login": self.login,
                "return_charge": self.return_charge,
                "packs": list(self.packs),
                "was_on_dashboard": self.was_on_dashboard,
            }
        )


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
            raise GuardJournalError(f"the journal's file is out of reach or corrupt: {err}") from err


@dataclass(frozen=True, kw_only=True)
class KeptJournal:
    """A recovery journal that was found on disk."""

    entry_id: str
    """Of its entry, which may have been removed."""

    journal: FileJournal

    is_open: bool
    """Whether the integration may have stopped the Powerwall; a corrupt journal counts as open."""

    under_way: PendingAction | None
    """The action that was begun; its `gateway` makes a client if the entry is gone. None if the journal is corrupt."""


async def async_find_journals(hass: HomeAssistant) -> list[KeptJournal]:
    """Return all journals on disk, also those of entries that are disabled or removed."""
    storage = Path(hass.config.path(STORAGE_DIR))
    names = await hass.async_add_executor_job(lambda: sorted(path.name for path in storage.glob(f"{_JOURNAL_PREFIX}*")))
    return [await _inspect(hass, name.removeprefix(_JOURNAL_PREFIX)) for name in names]


async def _inspect(hass: HomeAssistant, entry_id: str) -> KeptJournal:
    journal = FileJournal(hass, entry_id)
    try:
        under_way = JournalRecord.from_json(await journal.read()).under_way
    except GuardJournalError:
        return KeptJournal(entry_id=entry_id, journal=journal, is_open=True, under_way=None)
    return KeptJournal(entry_id=entry_id, journal=journal, is_open=under_way is not None, under_way=under_way)


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
