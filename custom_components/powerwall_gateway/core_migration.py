"""Migrate from the built-in `powerwall` integration: map its entities to this one's, and take over its entity ids.

The recorder keeps history and statistics by entity id, and dashboards and automations refer to it.
"""

from typing import Final, NamedTuple

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_IP_ADDRESS, CONF_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import CONF_SERIAL, DOMAIN
from .gateway.models import Din

CORE: Final = "powerwall"


def _of_meter(core: str, ours: str) -> dict[str, str]:
    return {
        f"sensor.{core}_instant_{quantity}": f"sensor.{ours}_{quantity}"
        for quantity in ("power", "voltage", "current", "frequency")
    }


OF_GATEWAY: Final = {
    "sensor.charge": "sensor.charge",
    "sensor.backup_reserve": "sensor.backup_reserve",
    "sensor.operation_mode": "sensor.operation_mode",
    **_of_meter("site", "grid"),
    **_of_meter("battery", "battery"),
    **_of_meter("load", "home"),
    **_of_meter("solar", "solar"),
    **_of_meter("generator", "generator"),
    **_of_meter("busway", "busway"),
    "sensor.site_import": "sensor.grid_import_energy",
    "sensor.site_export": "sensor.grid_export_energy",
    "sensor.battery_import": "sensor.battery_charge_energy",
    "sensor.battery_export": "sensor.battery_discharge_energy",
    "sensor.load_import": "sensor.home_energy",
    "sensor.load_export": "sensor.home_export_energy",
    "sensor.solar_export": "sensor.solar_energy",
    "sensor.solar_import": "sensor.solar_standby_energy",
    "sensor.generator_import": "sensor.generator_import_energy",
    "sensor.generator_export": "sensor.generator_export_energy",
    "sensor.busway_import": "sensor.busway_import_energy",
    "sensor.busway_export": "sensor.busway_export_energy",
    "sensor.max_charge_power": "sensor.max_charge_power",
    "sensor.max_discharge_power": "sensor.max_discharge_power",
    "binary_sensor.running": "binary_sensor.running",
    "binary_sensor.connected_to_tesla": "binary_sensor.connected_to_tesla",
    "binary_sensor.grid_status": "binary_sensor.grid",
    "binary_sensor.grid_services_active": "binary_sensor.grid_services",
    "binary_sensor.powerwall_charging": "binary_sensor.battery_charging",
    "switch.off_grid_operation": "switch.off_grid",
}
"""Entities of the built-in integration, by platform and key, and their counterparts."""

OF_PACK: Final = {
    "sensor.battery_capacity": "sensor.energy_capacity",
    "sensor.battery_remaining": "sensor.energy_remaining",
    "sensor.battery_import": "sensor.energy_charged",
    "sensor.battery_export": "sensor.energy_discharged",
    "sensor.battery_instant_voltage": "sensor.voltage",
    "sensor.instant_current": "sensor.current",
    "sensor.instant_frequency": "sensor.frequency",
    "sensor.instant_power": "sensor.power",
    "sensor.grid_state": "sensor.grid_state",
}
"""The same for the entities of a Powerwall."""


type Known = er.RegistryEntry | er.DeletedRegistryEntry
"""An entity of the built-in integration; the registry keeps deleted ones for 30 days."""


class Pair(NamedTuple):
    """An entity of the built-in integration and its counterpart, or None."""

    core: Known
    ours: er.RegistryEntry | None


@callback
def pairs(hass: HomeAssistant, entry: ConfigEntry) -> list[Pair]:
    """Return every entity that the built-in integration has or had for an entry's gateway, sorted by entity id."""
    registry = er.async_get(hass)
    serial: str = entry.data[CONF_SERIAL]
    names = _names_of_powerwall_3(hass, entry.data[CONF_HOST])
    known: list[Known] = [*registry.entities.values(), *registry.deleted_entities.values()]
    found: list[Pair] = []
    for core in known:
        if core.platform != CORE:
            continue  # a unique id of another integration may be anything, not only text
        name, _, key = core.unique_id.partition("_")
        din = Din.parse(name)
        if name in names or (din is not None and din.serial_number == serial):
            found.append(Pair(core, _counterpart(registry, serial, f"{core.domain}.{key}")))
    return sorted(found, key=lambda pair: pair.core.entity_id)


@callback
def is_in_use(hass: HomeAssistant, found: list[Pair]) -> bool:
    """Return whether the built-in integration is enabled: it would create its entities again, under other ids."""
    of = {pair.core.config_entry_id for pair in found if isinstance(pair.core, er.RegistryEntry)}
    entries = (hass.config_entries.async_get_entry(entry_id) for entry_id in of if entry_id)
    return any(entry is not None and entry.disabled_by is None for entry in entries)


@callback
def async_take_over(hass: HomeAssistant, found: list[Pair]) -> dict[str, str]:
    """Rename entities to the ids of the built-in integration's, and return the new ids of those that were, by old id.

    The built-in integration's entity is removed, because the history follows an entity that is renamed. Its unit is
    kept, so that the history stays one curve and thresholds keep their meaning.
    """
    registry = er.async_get(hass)
    new_ids: dict[str, str] = {}
    for core, ours in found:
        if ours is None:
            continue
        if isinstance(core, er.RegistryEntry):
            registry.async_remove(core.entity_id)
            _keep_unit(registry, core, ours)
        if ours.entity_id != core.entity_id:
            if registry.async_get(core.entity_id):
                continue  # it was deleted, and another entity has its id by now
            registry.async_update_entity(ours.entity_id, new_entity_id=core.entity_id)
        # The owner had enabled it: the entities of a disabled entry are disabled with it.
        was_enabled = core.disabled_by in {None, er.RegistryEntryDisabler.CONFIG_ENTRY}
        if was_enabled and ours.disabled_by is er.RegistryEntryDisabler.INTEGRATION:
            registry.async_update_entity(core.entity_id, disabled_by=None)
        new_ids[ours.entity_id] = core.entity_id
    return new_ids


def _names_of_powerwall_3(hass: HomeAssistant, host: str) -> set[str]:
    """Return the possible names of a gateway without a DIN: its address, or the unique id of the built-in entry."""
    entries = hass.config_entries.async_entries(CORE, include_ignore=False)
    return {host}.union(
        entry.unique_id for entry in entries if entry.unique_id and entry.data.get(CONF_IP_ADDRESS) == host
    )


def _counterpart(registry: er.EntityRegistry, serial: str, key: str) -> er.RegistryEntry | None:
    """Return the counterpart by platform and key; the key of a Powerwall's entity begins with its serial."""
    ours, part = OF_GATEWAY.get(key), ""
    if ours is None:
        platform, _, name = key.partition(".")
        part, _, rest = name.partition("_")
        ours = OF_PACK.get(f"{platform}.{rest}")
    if ours is None:
        return None
    platform, _, name = ours.partition(".")
    unique_id = "_".join(filter(None, (serial, part, name)))
    entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
    return registry.async_get(entity_id) if entity_id else None


def _keep_unit(registry: er.EntityRegistry, core: er.RegistryEntry, ours: er.RegistryEntry) -> None:
    """Keep the unit of the built-in integration's entity, from the first state under the new id on."""
    if core.unit_of_measurement not in {None, ours.unit_of_measurement}:
        options = {**ours.options.get(core.domain, {}), CONF_UNIT_OF_MEASUREMENT: core.unit_of_measurement}
        registry.async_update_entity_options(ours.entity_id, core.domain, options)
