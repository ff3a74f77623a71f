"""Another serial number for an entry, typed wrong or of a gateway that was replaced: its history comes along."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import CONF_MAC, CONF_SERIAL, DOMAIN
from .storage import async_forget_login


@callback
def is_taken(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> bool:
    """Return whether another entry has this serial number; a discovery that was ignored doesn't count."""
    known = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, serial)
    return known is not None and known is not entry and known.source != SOURCE_IGNORE


async def async_carry_over(hass: HomeAssistant, entry: ConfigEntry, data: Mapping[str, Any]) -> None:
    """Give an entry these data, with another serial number, and rewrite all that begins with the old one.

    Entities and devices keep their ids, and so their history. The entry is left unloaded. The session, the
    waits between logins and the network address of the old gateway are forgotten.
    """
    old: str = entry.data[CONF_SERIAL]
    new: str = data[CONF_SERIAL]
    for progress in hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"unique_id": new}):
        if progress["context"].get("entry_id") != entry.entry_id:  # the discovery of the new gateway
            hass.config_entries.flow.async_abort(progress["flow_id"])
    if ignored := hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, new):
        await hass.config_entries.async_remove(ignored.entry_id)
    async with entry.setup_lock:  # a retry may be under way
        await hass.config_entries.async_unload(entry.entry_id, _lock=False)
        async_rename(hass, entry, old, new)
        hass.config_entries.async_update_entry(entry, unique_id=new, data={**data, CONF_MAC: None})
    await async_forget_login(hass, entry.entry_id)


@callback
def async_rename(hass: HomeAssistant, entry: ConfigEntry, old: str, new: str) -> None:
    """Rewrite the identifiers and unique ids that begin with the old serial, of an entry that is not loaded."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        # Those of other integrations on the same device may have any number of parts.
        identifiers = {
            (DOMAIN, _renamed(known[1], old, new)) if known[0] == DOMAIN else known for known in device.identifiers
        }
        devices.async_update_device(device.id, new_identifiers=identifiers, new_connections=set())
    for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
        entities.async_update_entity(entity.entity_id, new_unique_id=_renamed(entity.unique_id, old, new))


def _renamed(name: str, old: str, new: str) -> str:
    """Give the name with the new serial: the gateway's is the serial alone, all others go on behind a `_`."""
    serial, separator, rest = name.partition("_")
    return f"{new}{separator}{rest}" if serial == old else name
