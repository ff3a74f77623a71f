"""The devices below the gateway: which ones it reports, and which are added, removed or renamed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry, DeviceInfo

from .const import DEFAULT_TITLE, MANUFACTURER
from .coordinator import EndpointResult
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device_ids import Kind, SubDevice, identifier, is_of_kind
from .gateway.models import (
    BatteryBlock,
    InstalledMeter,
    InterfaceType,
    NetworkInterface,
    SolarInverter,
    powerwall_model,
)

METER_INPUTS: Final = range(1, 5)

NETWORK_TYPES: Final = {
    "ethernet": InterfaceType.ETHERNET,
    "wifi": InterfaceType.WIFI,
    "cellular": InterfaceType.CELLULAR,
}
_INTERFACES: Final = {"eth0": InterfaceType.ETHERNET, "wifi0": InterfaceType.WIFI}
"""The names of the interfaces to a network on 1.15.

`wifi1` is the gateway's own access point and `can0` no network. `rpine0` is the interface of the Wi-Fi chip's driver
(Redpine); the seed guesses that it is cellular.
"""

POWERWALL_INVERTER: Final = "inverter_powerwall"
"""The id of a Powerwall+'s own inverter where `solars` does not name it."""

_SYNCHROMETER: Final = "synchrometer"
_METER_MODELS: Final = {
    "neurio_tcp": "Neurio",
    "neurio_w2_tcp": "Neurio W2",
    "synchrometerX": "Synchrometer X",
    "synchrometerY": "Synchrometer Y",
}


def _sub_device(data: PowerwallGatewayData, kind: Kind, device_id: str, info: DeviceInfo) -> SubDevice:
    info.update({"identifiers": {identifier(data.serial, kind, device_id)}, "via_device_id": data.device_id})
    return SubDevice(id=device_id, info=info)


def powerwalls(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Return the Powerwalls that any response lists: the live one has no battery blocks while they are stopped."""
    inventory = data.inventory.data.powerwalls.value
    models = {
        serial: (block.part_number, powerwall_model(block.part_number))
        for serial, block in (battery_blocks(data).value or {}).items()
    } | {
        unit.serial_number: (unit.part_number, powerwall_model(unit.part_number, unit.kind))
        for unit in (inventory and inventory.powerwalls) or ()
        if unit.serial_number
    }
    return tuple(
        _sub_device(
            data,
            Kind.POWERWALL,
            serial,
            DeviceInfo(
                manufacturer=MANUFACTURER,
                model=model,
                model_id=part_number,
                serial_number=serial,
                translation_key="powerwall",
                translation_placeholders={"number": str(number)},
            ),
        )
        for number, (serial, (part_number, model)) in enumerate(sorted(models.items()), start=1)
    )


def signed_powerwall_2s(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Return the Powerwalls, if there is a signing key and they are no Powerwall 3."""
    return powerwalls(data) if data.control.signed and data.gateway.capabilities.has_system_status else ()


def battery_blocks(data: PowerwallGatewayData) -> EndpointResult[Mapping[str, BatteryBlock]]:
    """Return the battery blocks by serial: from the live data, otherwise from signed requests."""
    if data.live.data.system.value is None:
        return data.detail.data.packs
    return data.live.data.system.map(
        lambda system: {block.serial_number: block for block in system.battery_blocks or () if block.serial_number}
    )


def active_alerts(data: PowerwallGatewayData) -> dict[str, frozenset[str]]:
    """Return the names of the active alerts by source, without sources that did not respond to the last request."""
    system, solar = data.live.data.system.fresh, data.detail.data.solar_powerwall.fresh
    faults = system.grid_faults if system else data.settings.data.grid_faults.fresh
    controller = data.detail.data.controller.fresh
    found = {
        "grid": None if faults is None else {fault.alert_name for fault in faults if fault.alert_name},
        "solar": None if solar is None else {*(solar.pvac_alerts or ()), *(solar.pvs_alerts or ())},
        "system": controller.alerts if controller else None,
    }
    return {source: frozenset(names) for source, names in found.items() if names is not None}


def block_of[BlockT: BatteryBlock](blocks: Iterable[BlockT] | None, serial: str) -> BlockT | None:
    """Return the battery block of a Powerwall."""
    return next((block for block in blocks or () if block.serial_number == serial), None)


def installed_meters(data: PowerwallGatewayData) -> EndpointResult[tuple[InstalledMeter, ...]]:
    """Return the meters of the inventory. A Powerwall 3 has no such list: its `config.json` has one."""
    listed = data.inventory.data.meters
    return data.detail.data.config.map(lambda config: config.installed_meters) if listed.unsupported else listed


def meters(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Return the meters that the gateway lists."""
    by_id = meters_by_id(installed_meters(data).value)
    names = {device_id: _meter_name(meter) for device_id, meter in by_id.items()}
    several = Counter(names.values())
    numbers: Counter[str] = Counter()
    found = []
    for device_id, meter in sorted(by_id.items()):
        name = names[device_id]
        numbers[name] += 1
        found.append(
            _sub_device(
                data,
                Kind.METER,
                device_id,
                DeviceInfo(
                    manufacturer=MANUFACTURER if is_synchrometer(meter.kind) else "Neurio",
                    # 1.15 does not report the kind: it knows no other.
                    model=_METER_MODELS.get(meter.kind or "neurio_tcp", meter.kind),
                    serial_number=None if is_synchrometer(meter.kind) else meter.serial,
                    translation_key=name if several[name] == 1 else f"{name}_numbered",
                    translation_placeholders={"number": str(numbers[name])},
                ),
            )
        )
    return tuple(found)


def meter_id(kind: str | None, serial: str | None) -> str | None:
    """Return the id of a meter: its serial, or a synchrometer's kind.

    The serial of a synchrometer loses its beginning while the Powerwall is stopped (21.39).
    """
    return kind if is_synchrometer(kind) else serial or None


def is_synchrometer(kind: str | None) -> bool:
    """Return whether a meter is part of the gateway."""
    return bool(kind and kind.startswith(_SYNCHROMETER))


def meters_by_id(listed: Iterable[InstalledMeter] | None) -> dict[str, InstalledMeter]:
    """Return the meters by id. One that is listed once per use is one meter with all those inputs."""
    found: dict[str, InstalledMeter] = {}
    for meter in listed or ():
        if device_id := meter_id(meter.kind, meter.serial):
            same = found.get(device_id)
            cts = (*(same.cts or ()), *(meter.cts or ())) if same else meter.cts
            found[device_id] = replace(same or meter, cts=cts)
    return found


def is_inverted(meter: InstalledMeter, number: int) -> bool | None:
    """Return whether the gateway inverts an input of a meter; None for an input that is not in use."""
    for cts in meter.cts or ():
        if cts.valid and number <= len(cts.valid) and cts.valid[number - 1]:
            return any((cts.inverted or ())[number - 1 : number])
    return None


def _meter_name(meter: InstalledMeter) -> str:
    """Return the translation key for what a meter measures, unless that is more than one thing."""
    match {cts.kind for cts in meter.cts or () if any(cts.valid or ())}:
        case kinds if kinds == {"site"}:
            return "grid_meter"
        case kinds if kinds and kinds <= {"solar", "solarRGM"}:
            return "solar_meter"
        case _:
            return "meter"


def inverters(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Return the inverters in `solars`, and a Powerwall+'s own one."""
    found = dict(data.inventory.data.inverters.value or {})
    if own := _powerwall_inverter_id(data):
        found.setdefault(own, SolarInverter(brand=MANUFACTURER))
    return tuple(
        _sub_device(
            data,
            Kind.INVERTER,
            device_id,
            DeviceInfo(
                manufacturer=inverter.brand,
                model=inverter.model,
                translation_key="inverter" if len(found) == 1 else "inverter_numbered",
                translation_placeholders={"number": str(number)},
            ),
        )
        for number, (device_id, inverter) in enumerate(found.items(), start=1)
    )


def powerwall_inverters(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Return a Powerwall+'s own inverter, if there is one."""
    own = _powerwall_inverter_id(data)
    return tuple(device for device in inverters(data) if device.id == own)


def _powerwall_inverter_id(data: PowerwallGatewayData) -> str | None:
    """Return the id of a Powerwall+'s own inverter: the first of Tesla's in `solars`, which may be read later."""
    solar, listed = data.detail.data.solar_powerwall.value, data.inventory.data.inverters
    if solar is None or solar.pvac_status is None or (listed.value is None and not listed.unsupported):
        return None
    return next(
        (
            device_id
            for device_id, inverter in (listed.value or {}).items()
            if MANUFACTURER.lower() in (inverter.brand or "").lower()
        ),
        POWERWALL_INVERTER,
    )


def network_in_use(interfaces: tuple[NetworkInterface, ...], name: str) -> NetworkInterface | None:
    """Return the interface in use of a kind: from 21.x on there may be several Wi-Fis, of which one is active."""
    found = (interface for interface in interfaces if _interface_type(interface) is NETWORK_TYPES[name])
    return max(found, key=lambda each: (each.primary is True, each.connected is True), default=None)


def _interface_type(interface: NetworkInterface) -> InterfaceType | None:
    if interface.name is not None:
        return _INTERFACES.get(interface.name)
    return interface.network.interface if interface.network else None


_DEVICES: Final = {Kind.POWERWALL: powerwalls, Kind.METER: meters, Kind.INVERTER: inverters}

REMOVED_AFTER: Final = 3600.0
"""Seconds after which a missing device is removed: it may be missing for a moment, or while it is serviced."""


@callback
def watch_hardware(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Remove devices that the gateway has not reported for an hour, after every poll of the inventory.

    A device that returns is created again. New hardware polls the details, of which some are only polled at setup.
    Another firmware, which may have more endpoints, reloads the entry.
    """
    data = entry.runtime_data
    firmware = data.device.info.get("sw_version")
    known = _present(data)
    missing: dict[Kind, dict[str, float]] = {}

    def remove_missing(kind: Kind, present: set[str]) -> None:
        """Note since when devices of a kind are missing, and remove those that are missing for long enough."""
        now, before = hass.loop.time(), missing.get(kind, {})
        absent = {device.id for device in _missing_devices(hass, entry, kind, present)}
        gone = {device_id for device_id in absent if now - before.get(device_id, now) > REMOVED_AFTER}
        for device_id in gone:
            dr.async_get(hass).async_remove_device(device_id)
        missing[kind] = {device_id: before.get(device_id, now) for device_id in absent - gone}
        _update_device_names(hass, entry, kind)

    @callback
    def update() -> None:
        nonlocal firmware
        if entry.state is not ConfigEntryState.LOADED:
            return
        status, upgraded = data.inventory.data.status.value, False
        if running := (status.firmware if status else data.inventory.data.firmware.value):
            if firmware is None:
                data.device.info["sw_version"] = running
                dr.async_get(hass).async_update_device(data.device_id, sw_version=running)
            upgraded, firmware = firmware not in {None, running}, running
        if upgraded:
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        present = _present(data)
        for kind, device_ids in present.items():
            remove_missing(kind, device_ids)
        if any(device_ids - known.get(kind, set()) for kind, device_ids in present.items()):
            entry.async_create_task(hass, data.detail.async_force_refresh(), name=f"{entry.title} new hardware")
        known.update(present)

    entry.async_on_unload(data.inventory.async_add_listener(update))


def _missing_devices(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, kind: Kind, present: Iterable[str]
) -> list[DeviceEntry]:
    """Return the registered devices of a kind that are not present."""
    serial = entry.runtime_data.serial
    kept = {identifier(serial, kind, device_id) for device_id in present}
    return [
        device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if is_of_kind(device, serial, kind) and not device.identifiers & kept
    ]


def _update_device_names(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, kind: Kind) -> None:
    """Update the numbers in the names of a kind, which change as devices come and go, unless one is missing."""
    data, registry = entry.runtime_data, dr.async_get(hass)
    devices = {device.id: device for device in _DEVICES[kind](data)}
    if _missing_devices(hass, entry, kind, devices):
        return
    for device_id, device in devices.items():
        if registry.async_get_device_by_identifier(identifier(data.serial, kind, device_id), entry.entry_id):
            registry.async_get_or_create(config_entry_id=entry.entry_id, **device.info)


@callback
def watch_names(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Name a gateway that reports no DIN and no site, a Powerwall 3, as soon as a signed request has returned them.

    A title that the owner chose stays.
    """
    data = entry.runtime_data

    @callback
    def update() -> None:
        if (config := data.detail.data.config.value) is None:
            return
        if entry.title == DEFAULT_TITLE and config.site_info and (name := config.site_info.site_name):
            hass.config_entries.async_update_entry(entry, title=name)
            data.device.info["name"] = name
            dr.async_get(hass).async_update_device(data.device_id, name=name)
        din = config.din
        if din and din.serial_number == data.serial and data.device.info.get("model_id") is None:
            data.device.info.update({"model": din.model, "model_id": din.part_number})
            dr.async_get(hass).async_update_device(data.device_id, model=din.model, model_id=din.part_number)

    entry.async_on_unload(data.detail.async_add_listener(update))


def is_removable(entry: PowerwallGatewayConfigEntry, device: DeviceEntry) -> bool:
    """Return whether the gateway no longer reports a device. The gateway itself is never removable."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    data = entry.runtime_data
    inventory = data.inventory.data
    results: dict[Kind, EndpointResult[object]] = {
        Kind.POWERWALL: data.detail.data.packs if inventory.powerwalls.unsupported else inventory.powerwalls,
        Kind.METER: installed_meters(data),
        Kind.INVERTER: inventory.inverters,
    }
    kind = next((kind for kind in Kind if is_of_kind(device, data.serial, kind)), None)
    if kind is None or results[kind].value is None:
        return False
    return not any(known.info["identifiers"] & device.identifiers for known in _DEVICES[kind](data))


def _present(data: PowerwallGatewayData) -> dict[Kind, set[str]]:
    """Return the ids of the reported devices by kind, without the kinds whose last result does not prove an absence.

    A timeout, an error, a stopped Powerwall and an empty list prove none.
    """
    if data.live.data.meters.error:
        return {}
    inventory = data.inventory.data
    found = {
        Kind.POWERWALL: _present_powerwalls(data),
        Kind.METER: _complete(meter_id(meter.kind, meter.serial) for meter in inventory.meters.fresh or ()),
        Kind.INVERTER: set(inventory.inverters.fresh or ()),
    }
    if found[Kind.INVERTER]:
        found[Kind.INVERTER].add(POWERWALL_INVERTER)  # which `solars` does not list
    return {kind: device_ids for kind, device_ids in found.items() if device_ids}


def _present_powerwalls(data: PowerwallGatewayData) -> set[str]:
    """Return the Powerwalls that one of two results lists, if there are both."""
    inventory = data.inventory.data.powerwalls.fresh
    if inventory is None or inventory.enumerating or inventory.updating:
        return set()
    listed = _complete(unit.serial_number for unit in inventory.powerwalls or ())
    if not data.gateway.capabilities.has_system_status:
        return listed
    system = data.live.data.system.fresh
    live = _complete(block.serial_number for block in (system and system.battery_blocks) or ())
    return listed | live if listed and live else set()


def _complete(device_ids: Iterable[str | None]) -> set[str]:
    """Return the ids of a list, and none if one of them could not be read."""
    found = set(device_ids)
    return set() if None in found or "" in found else {device_id for device_id in found if device_id}
