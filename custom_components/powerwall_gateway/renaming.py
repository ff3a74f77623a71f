"""A serial that was typed wrong and is put right: entities, devices and their history come along."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import DOMAIN


@callback
def async_rename(hass: HomeAssistant, entry: ConfigEntry, old: str, new: str) -> None:
    """Rewrite what begins with the old serial, of an entry that is not loaded."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        identifiers = {
            (domain, _renamed(name, old, new) if domain == DOMAIN else name) for domain, name in device.identifiers
        }
        devices.async_update_device(device.id, new_identifiers=identifiers)
    for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
        entities.async_update_entity(entity.entity_id, new_unique_id=_renamed(entity.unique_id, old, new))


def _renamed(name: str, old: str, new: str) -> str:
    """Give the name with the new serial: the gateway's is the serial alone, all others go on behind a `_`."""
    serial, separator, rest = name.partition("_")
    return f"{new}{separator}{rest}" if serial == old else name
