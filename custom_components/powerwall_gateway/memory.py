"""What an entry keeps over a restart."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .outage import OutageLog

_VERSION = 1


class EntryMemory:
    """A small file of an entry's own in Home Assistant's storage."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, object]] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}", private=True)
        self.outages = OutageLog()

    async def async_load(self) -> None:
        """Remember; nothing where there is nothing yet."""
        self.outages = OutageLog.from_json((await self._store.async_load() or {}).get("outages"))

    async def async_keep(self, outages: OutageLog) -> None:
        """Keep the outages over a restart, from this moment on."""
        self.outages = outages
        await self._store.async_save({"outages": outages.to_json()})

    async def async_forget(self) -> None:
        """Leave nothing behind."""
        await self._store.async_remove()
