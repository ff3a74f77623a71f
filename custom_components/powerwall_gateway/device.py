"""The devices of an entry: the gateway, and the hardware below it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry, DeviceInfo

from .const import DOMAIN
from .gateway.models import SolarInverter


class Kind(StrEnum):
    """Kind of a device below the gateway."""

    POWERWALL = "powerwall"
    METER = "meter"
    INVERTER = "inverter"


@dataclass(frozen=True, kw_only=True)
class SubDevice:
    """The gateway or a device below it."""

    id: str = ""
    """Part of the unique ids of its entities, after the gateway's serial; empty for the gateway itself."""

    info: DeviceInfo = field(compare=False)

    def unique_id(self, serial: str, key: str) -> str:
        """Return the unique id of one of its entities."""
        return "_".join(filter(None, (serial, self.id, key)))


def identifier(serial: str, kind: Kind, part_id: str) -> tuple[str, str]:
    """Return the identifier of a device below the gateway."""
    return DOMAIN, f"{serial}_{kind}_{part_id}"


def is_of_kind(device: DeviceEntry, serial: str, kind: Kind) -> bool:
    """Return whether a device is of a kind."""
    domain, prefix = identifier(serial, kind, "")
    return any(known[0] == domain and known[1].startswith(prefix) for known in device.identifiers)


def inverter_ids(
    hass: HomeAssistant, entry_id: str, serial: str, known: Mapping[str, SolarInverter], found: Sequence[SolarInverter]
) -> dict[str, SolarInverter]:
    """Return the inverters by id, each with the id that it had before.

    `solars` has no serials (1.15.0 and later), so brand and model tell which is which, and the place where those are
    the same. `known` is the last result; the device registry has what was known before a restart.
    """
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
    prefix = identifier(serial, Kind.INVERTER, "inverter_")[1]
    before = {
        f"inverter_{name.removeprefix(prefix)}": (device.manufacturer, device.model)
        for device in devices
        for domain, name in (known[:2] for known in device.identifiers)
        if domain == DOMAIN and name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    }
    before |= {part_id: (inverter.brand, inverter.model) for part_id, inverter in known.items()}
    places = {f"inverter_{number}": inverter for number, inverter in enumerate(found, start=1)}
    taken = {place: place for place, each in places.items() if before.get(place) == (each.brand, each.model)}
    for place, inverter in places.items():
        same = (part_id for part_id, what in before.items() if what == (inverter.brand, inverter.model))
        if place not in taken and (moved := next((each for each in same if each not in taken.values()), None)):
            taken[place] = moved
    for place in places:
        if place not in taken:
            new = (f"inverter_{number}" for number in range(1, len(places) + len(before) + 1))
            ids = (place, *(part_id for part_id in new if part_id not in before))
            taken[place] = next(part_id for part_id in ids if part_id not in taken.values())
    return {taken[place]: inverter for place, inverter in places.items()}


def devices_missing(
    hass: HomeAssistant, entry_id: str, serial: str, kind: Kind, present: Iterable[str]
) -> tuple[DeviceEntry, ...]:
    """Return the devices of a kind that a response does not list.

    The caller makes sure that the gateway did respond: no response does not mean that they are gone.
    """
    kept = {identifier(serial, kind, part_id) for part_id in present}
    return tuple(
        device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
        if is_of_kind(device, serial, kind) and not device.identifiers & kept
    )


def number_anew(hass: HomeAssistant, entry_id: str, serial: str, kind: Kind, parts: Iterable[SubDevice]) -> None:
    """Rename the devices of a kind by their numbers, which change with their number. None may be missing."""
    by_id = {part.id: part for part in parts}
    if devices_missing(hass, entry_id, serial, kind, by_id):
        return
    registry = dr.async_get(hass)
    for part_id, part in by_id.items():
        if registry.async_get_device_by_identifier(identifier(serial, kind, part_id), entry_id):
            registry.async_get_or_create(config_entry_id=entry_id, **part.info)
