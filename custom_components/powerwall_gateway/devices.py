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


def remove_gone(hass: HomeAssistant, entry_id: str, serial: str, kind: Kind, present: Iterable[str]) -> bool:
    """Remove the devices of a kind that the gateway answered without, and tell whether there were any.

    Whoever calls makes sure that it did answer: silence is not absence.
    """
    registry = dr.async_get(hass)
    kept = {identifier(serial, kind, part_id) for part_id in present}
    gone = [
        device
        for device in dr.async_entries_for_config_entry(registry, entry_id)
        if is_of_kind(device, serial, kind) and not device.identifiers & kept
    ]
    for device in gone:
        registry.async_remove_device(device.id)
    return bool(gone)
