"""The devices of an entry: the gateway, and the hardware below it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry, DeviceInfo

from .const import DOMAIN


class Kind(StrEnum):
    """What a device below the gateway is."""

    POWERWALL = "powerwall"
    METER = "meter"
    INVERTER = "inverter"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of hardware that is a device of its own: the gateway itself, or something below it."""

    id: str = ""
    """What the unique ids of its entities carry behind the gateway's serial; empty for the gateway itself."""

    device: DeviceInfo = field(compare=False)

    def unique_id(self, serial: str, key: str) -> str:
        """Give the unique id of one of its entities."""
        return "_".join(filter(None, (serial, self.id, key)))


def identifier(serial: str, kind: Kind, part_id: str) -> tuple[str, str]:
    """Give what a device below the gateway is known by."""
    return DOMAIN, f"{serial}_{kind}_{part_id}"


def is_of_kind(device: DeviceEntry, serial: str, kind: Kind) -> bool:
    """Tell whether a device is of a kind."""
    domain, prefix = identifier(serial, kind, "")
    return any(known[0] == domain and known[1].startswith(prefix) for known in device.identifiers)


def devices_missing(
    hass: HomeAssistant, entry_id: str, serial: str, kind: Kind, present: Iterable[str]
) -> tuple[DeviceEntry, ...]:
    """Give the devices of a kind that the gateway answered without.

    Whoever calls makes sure that it did answer: silence is not absence.
    """
    kept = {identifier(serial, kind, part_id) for part_id in present}
    return tuple(
        device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry_id)
        if is_of_kind(device, serial, kind) and not device.identifiers & kept
    )


def number_anew(hass: HomeAssistant, entry_id: str, serial: str, kind: Kind, parts: Iterable[Part]) -> None:
    """Name the devices of a kind by their numbers, which change as others come and go, unless one is missing."""
    by_id = {part.id: part for part in parts}
    if devices_missing(hass, entry_id, serial, kind, by_id):
        return
    registry = dr.async_get(hass)
    for part_id, part in by_id.items():
        if registry.async_get_device_by_identifier(identifier(serial, kind, part_id), entry_id):
            registry.async_get_or_create(config_entry_id=entry_id, **part.device)
