"""The guard's journal on disk: a small file for each entry, which outlives the entry where it has to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final, override

import orjson

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import write_utf8_file_atomic

from .const import DOMAIN
from .gateway import GuardJournalError, Journal, JournalRecord, PendingAction

_PREFIX: Final = f"{DOMAIN}.journal."

_turn = Lock()
_numbers = count(1)
_newest: dict[Path, int] = {}
"""The number of the newest write of each file: one that nobody waits for any more must not replace it."""


class FileJournal(Journal):
    """A journal in Home Assistant's storage directory.

    Not a `Store`: that one writes late, does not insist on the disk, and does not say when it failed.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._path = Path(hass.config.path(STORAGE_DIR, f"{_PREFIX}{entry_id}"))

    @override
    async def read(self) -> object:
        return await self._do(lambda: _read(self._path))

    @override
    async def write(self, content: Mapping[str, Any]) -> None:
        number = next(_numbers)
        await self._do(lambda: _write(self._path, dict(content), number))

    async def remove(self) -> None:
        """Leave nothing behind. Only for an entry that is gone, with its journal closed."""
        await self._do(lambda: self._path.unlink(missing_ok=True))

    async def _do[T](self, work: Callable[[], T]) -> T:
        try:
            return await self._hass.async_add_executor_job(work)
        except (OSError, ValueError, HomeAssistantError, RuntimeError) as err:
            # The last one comes from the executor while Home Assistant shuts down.
            raise GuardJournalError(f"the journal's file is out of reach or corrupt: {err}") from err


@dataclass(frozen=True, kw_only=True)
class KeptJournal:
    """A journal that is on the disk."""

    entry_id: str
    """Of the entry that it belongs, or belonged, to."""

    journal: FileJournal

    is_open: bool
    """Whether the Powerwall may be stopped by us; a corrupt journal counts as open."""

    under_way: PendingAction | None
    """What was begun, and where: `under_way.gateway` makes a client where the entry is gone. None where corrupt."""


async def async_find_journals(hass: HomeAssistant) -> list[KeptJournal]:
    """Find all journals on the disk, whatever entries there are."""
    storage = Path(hass.config.path(STORAGE_DIR))
    names = await hass.async_add_executor_job(lambda: sorted(path.name for path in storage.glob(f"{_PREFIX}*")))
    return [await _look_into(hass, name.removeprefix(_PREFIX)) for name in names]


async def _look_into(hass: HomeAssistant, entry_id: str) -> KeptJournal:
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
    with _turn:
        if number > _newest.get(path, 0):
            _newest[path] = number
            write_utf8_file_atomic(str(path), orjson.dumps(content), private=True, mode="wb")
