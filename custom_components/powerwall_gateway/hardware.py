"""What hardware there is: what came, what went, and what the owner may take out by hand."""

from collections.abc import Iterable
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry

from .catalogue import meters, packs, solar
from .const import DEFAULT_TITLE
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device import Kind, devices_missing, is_of_kind, number_anew
from .reading import EndpointResult

_PARTS = {Kind.POWERWALL: packs.parts, Kind.METER: meters.parts, Kind.INVERTER: solar.parts}

BELIEVED_AFTER: Final = 3600.0
"""Seconds after which what is still missing is gone: a part may be missing for a moment, or while it is seen to."""


@callback
def watch_hardware(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Take out what the gateway answers without for an hour, now and after every look at the inventory.

    No other part suffers by it, and what returns is made again. What comes is asked for its details, of which some
    are asked for only at the beginning. With another firmware, which may answer more, the entry begins anew.
    """
    data = entry.runtime_data
    firmware = data.itself.device.get("sw_version")
    known = _answered(data)
    missing: dict[Kind, dict[str, float]] = {}

    def miss(kind: Kind, present: set[str]) -> None:
        """Note since when the devices of a kind are missing, and take out what has been for long enough."""
        now, before = hass.loop.time(), missing.get(kind, {})
        absent = {device.id for device in devices_missing(hass, entry.entry_id, data.serial, kind, present)}
        gone = {device_id for device_id in absent if now - before.get(device_id, now) > BELIEVED_AFTER}
        for device_id in gone:
            dr.async_get(hass).async_remove_device(device_id)
        missing[kind] = {device_id: before.get(device_id, now) for device_id in absent - gone}
        number_anew(hass, entry.entry_id, data.serial, kind, _PARTS[kind](data))

    @callback
    def look() -> None:
        nonlocal firmware
        if entry.state is not ConfigEntryState.LOADED:
            return
        status, upgraded = data.inventory.data.status.value, False
        if running := (status.firmware if status else data.inventory.data.firmware.value):
            if firmware is None:
                data.itself.device["sw_version"] = running
                dr.async_get(hass).async_update_device(data.device_id, sw_version=running)
            upgraded, firmware = firmware not in {None, running}, running
        if upgraded:
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        present = _answered(data)
        for kind, part_ids in present.items():
            miss(kind, part_ids)
        if any(part_ids - known.get(kind, set()) for kind, part_ids in present.items()):
            entry.async_create_task(hass, data.detail.async_look_again(), name=f"{entry.title} what came")
        known.update(present)

    entry.async_on_unload(data.inventory.async_follow_polls(look))


@callback
def watch_names(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Name a gateway that tells no DIN and no site, a Powerwall 3, as soon as a signed request has told them.

    A title that the owner chose stays.
    """
    data = entry.runtime_data

    @callback
    def look() -> None:
        if (config := data.detail.data.config.value) is None:
            return
        if entry.title == DEFAULT_TITLE and config.site_info and (name := config.site_info.site_name):
            hass.config_entries.async_update_entry(entry, title=name)
            data.itself.device["name"] = name
            dr.async_get(hass).async_update_device(data.device_id, name=name)
        din = config.din
        if din and din.serial_number == data.serial and data.itself.device.get("model_id") is None:
            data.itself.device.update({"model": din.model, "model_id": din.part_number})
            dr.async_get(hass).async_update_device(data.device_id, model=din.model, model_id=din.part_number)

    entry.async_on_unload(data.detail.async_follow_polls(look))


def is_removable(entry: PowerwallGatewayConfigEntry, device: DeviceEntry) -> bool:
    """Tell whether the gateway answered without a device: neither it itself nor what it may still have."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    data = entry.runtime_data
    inventory = data.inventory.data
    answers: dict[Kind, EndpointResult[object]] = {
        Kind.POWERWALL: data.detail.data.packs if inventory.powerwalls.absent else inventory.powerwalls,
        Kind.METER: inventory.meters,
        Kind.INVERTER: inventory.inverters,
    }
    kind = next((kind for kind in Kind if is_of_kind(device, data.serial, kind)), None)
    if kind is None or answers[kind].value is None:
        return False
    return not any(part.device["identifiers"] & device.identifiers for part in _PARTS[kind](data))


def _answered(data: PowerwallGatewayData) -> dict[Kind, set[str]]:
    """Give the ids of what there is, by kind; a kind is missing where the last answer does not prove an absence.

    Silence, errors, a stopped Powerwall and an empty list do not.
    """
    if data.live.data.meters.error:
        return {}
    inventory = data.inventory.data
    found = {
        Kind.POWERWALL: _powerwalls(data),
        Kind.METER: _all(meters.meter_id(meter.kind, meter.serial) for meter in _fresh(inventory.meters) or ()),
        Kind.INVERTER: set(_fresh(inventory.inverters) or ()),
    }
    if found[Kind.INVERTER]:
        found[Kind.INVERTER].add(solar.POWERWALL_INVERTER)  # of this one `solars` tells nothing
    return {kind: part_ids for kind, part_ids in found.items() if part_ids}


def _powerwalls(data: PowerwallGatewayData) -> set[str]:
    """Give the Powerwalls that one of two answers has, where both came."""
    inventory = _fresh(data.inventory.data.powerwalls)
    if inventory is None or inventory.enumerating or inventory.updating:
        return set()
    listed = _all(unit.serial_number for unit in inventory.powerwalls or ())
    if not data.gateway.capabilities.has_system_status:
        return listed
    system = _fresh(data.live.data.system)
    live = _all(block.serial_number for block in (system and system.battery_blocks) or ())
    return listed | live if listed and live else set()


def _fresh[T](reading: EndpointResult[T]) -> T | None:
    return None if reading.error else reading.value


def _all(part_ids: Iterable[str | None]) -> set[str]:
    """Give the ids of a list, none at all where one of them could not be read."""
    found = set(part_ids)
    return set() if None in found or "" in found else {part_id for part_id in found if part_id}
