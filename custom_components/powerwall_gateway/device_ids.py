"""Identify the devices of an entry, and keep them if the serial number of the gateway changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntry, DeviceInfo

from .const import CONF_MAC, CONF_SERIAL, DOMAIN
from .gateway.models import SolarInverter
from .storage import async_forget_login


class Kind(StrEnum):
    """Kind of a sub-device."""

    POWERWALL = "powerwall"
    METER = "meter"
    INVERTER = "inverter"


@dataclass(frozen=True, kw_only=True)
class SubDevice:
    """A device of an entry: the gateway itself, or a device that is connected through it."""

    id: str = ""
    """Part of the unique ids of its entities, after the gateway's serial; empty for the gateway itself."""

    info: DeviceInfo = field(compare=False)

    def unique_id(self, serial: str, key: str) -> str:
        """Return the unique id of one of its entities."""
        return "_".join(filter(None, (serial, self.id, key)))


def identifier(serial: str, kind: Kind, device_id: str) -> tuple[str, str]:
    """Return the identifier of a sub-device in the device registry."""
    return DOMAIN, f"{serial}_{kind}_{device_id}"


def is_of_kind(device: DeviceEntry, serial: str, kind: Kind) -> bool:
    """Return whether a device is a sub-device of a kind."""
    domain, prefix = identifier(serial, kind, "")
    return any(known[0] == domain and known[1].startswith(prefix) for known in device.identifiers)


def inverter_ids(
    hass: HomeAssistant, entry_id: str, serial: str, known: Mapping[str, SolarInverter], found: Sequence[SolarInverter]
) -> dict[str, SolarInverter]:
    """Return the inverters by id, each with the id that it had before.

    `solars` has no serials (1.15.0 and later), so inverters are matched by brand and model, and by their position if
    those are the same. `known` is the last result; the device registry has the inverters from before a restart.
    """
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
    prefix = identifier(serial, Kind.INVERTER, "inverter_")[1]
    before = {
        f"inverter_{name.removeprefix(prefix)}": (device.manufacturer, device.model)
        for device in devices
        for domain, name in (known[:2] for known in device.identifiers)
        if domain == DOMAIN and name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    }
    before |= {device_id: (inverter.brand, inverter.model) for device_id, inverter in known.items()}
    places = {f"inverter_{number}": inverter for number, inverter in enumerate(found, start=1)}
    taken = {place: place for place, each in places.items() if before.get(place) == (each.brand, each.model)}
    for place, inverter in places.items():
        same = (device_id for device_id, what in before.items() if what == (inverter.brand, inverter.model))
        if place not in taken and (moved := next((each for each in same if each not in taken.values()), None)):
            taken[place] = moved
    for place in places:
        if place not in taken:
            new = (f"inverter_{number}" for number in range(1, len(places) + len(before) + 1))
            ids = (place, *(device_id for device_id in new if device_id not in before))
            taken[place] = next(device_id for device_id in ids if device_id not in taken.values())
    return {taken[place]: inverter for place, inverter in places.items()}


@callback
def is_serial_in_use(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> bool:
    """Return whether another entry has this serial number; an ignored discovery doesn't count."""
    known = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, serial)
    return known is not None and known is not entry and known.source != SOURCE_IGNORE


async def async_carry_over(hass: HomeAssistant, entry: ConfigEntry, data: Mapping[str, Any]) -> bool:
    """Store data with another serial number in an entry, and keep its devices, entities and their history.

    Return False, and change nothing, if the entry cannot be unloaded. Otherwise it is left unloaded. The session, the
    waits between logins and the MAC address of the old gateway are removed.
    """
    old: str = entry.data[CONF_SERIAL]
    new: str = data[CONF_SERIAL]
    async with entry.setup_lock:  # no retry may set it up meanwhile
        if not await entry.async_unload(hass):
            return False
        for progress in hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"unique_id": new}):
            if progress["context"].get("entry_id") != entry.entry_id:  # the discovery of the new gateway
                hass.config_entries.flow.async_abort(progress["flow_id"])
        if ignored := hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, new):
            await hass.config_entries.async_remove(ignored.entry_id)
        async_migrate_serial(hass, entry, old, new)
        hass.config_entries.async_update_entry(entry, unique_id=new, data={**data, CONF_MAC: None})
    await async_forget_login(hass, entry.entry_id)
    return True


@callback
def async_migrate_serial(hass: HomeAssistant, entry: ConfigEntry, old: str, new: str) -> None:
    """Replace the serial number in the identifiers and unique ids of an entry that is not loaded."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        # Identifiers of other integrations on the same device may have any number of parts.
        identifiers = {
            (DOMAIN, _with_serial(known[1], old, new)) if known[0] == DOMAIN else known for known in device.identifiers
        }
        devices.async_update_device(device.id, new_identifiers=identifiers, new_connections=set())
    for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
        entities.async_update_entity(entity.entity_id, new_unique_id=_with_serial(entity.unique_id, old, new))


def _with_serial(name: str, old: str, new: str) -> str:
    """Return an identifier or unique id with the new serial, which is all of it or ends at a `_`."""
    serial, separator, rest = name.partition("_")
    return f"{new}{separator}{rest}" if serial == old else name
