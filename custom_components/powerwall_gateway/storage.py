"""What an entry keeps over a restart."""

from collections.abc import Iterable
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .outages import GridLog

_LOGGER = logging.getLogger(__name__)

_VERSION = 1

_MEMORIES: HassKey[dict[str, EntryStore]] = HassKey(f"{DOMAIN}.memories")


async def async_memory_of(hass: HomeAssistant, entry_id: str) -> EntryStore:
    """Return what an entry keeps: one object for everybody, because each writes all of the file."""
    memories = hass.data.setdefault(_MEMORIES, {})
    if entry_id not in memories:
        memory = EntryStore(hass, entry_id)
        await memory.async_load()
        memories.setdefault(entry_id, memory)
    return memories[entry_id]


async def async_forget_login(hass: HomeAssistant, entry_id: str) -> None:
    """Forget the session and the waits of another password than the one that is stored from now on."""
    memory = await async_memory_of(hass, entry_id)
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
