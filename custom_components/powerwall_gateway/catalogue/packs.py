"""Each Powerwall: a device of its own below the gateway."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfRatio,
)
from homeassistant.helpers.device_registry import DeviceInfo

from ..const import MANUFACTURER
from ..coordinator import LiveData, PowerwallGatewayData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..devices import Kind, Part, identifier
from ..energy import PACK_POWER
from ..gateway.models import BatteryBlock, SystemStatus, powerwall_model
from ..reading import Reading
from ..writing import ENERGIES, PACK_POWERS, PACK_VALUES, Writing

_GRID_STATES = ("compliant", "qualifying", "uncompliant")


def parts(data: PowerwallGatewayData) -> tuple[Part, ...]:
    """Give the Powerwalls that one of two answers knows: the live one has no packs while they are stopped."""
    return tuple(
        Part(
            id=serial,
            device=DeviceInfo(
                identifiers={identifier(data.serial, Kind.POWERWALL, serial)},
                manufacturer=MANUFACTURER,
                model=model,
                model_id=part_number,
                serial_number=serial,
                translation_key="powerwall",
                translation_placeholders={"number": str(number)},
                via_device_id=data.device_id,
            ),
        )
        for number, (serial, (part_number, model)) in enumerate(sorted(_units(data).items()), start=1)
    )


def _units(data: PowerwallGatewayData) -> dict[str, tuple[str | None, str | None]]:
    """Give part number and model by serial."""
    inventory, system = data.inventory.data.powerwalls.value, data.live.data.system.value
    blocks = {
        block.serial_number: (block.part_number, powerwall_model(block.part_number))
        for block in (system and system.battery_blocks) or ()
        if block.serial_number
    }
    return blocks | {
        unit.serial_number: (unit.part_number, powerwall_model(unit.part_number, unit.kind))
        for unit in (inventory and inventory.powerwalls) or ()
        if unit.serial_number
    }


def _block(live: LiveData, serial: str) -> Reading[BatteryBlock]:
    def of(system: SystemStatus) -> BatteryBlock | None:
        return next((block for block in system.battery_blocks or () if block.serial_number == serial), None)

    return live.system.map(of)


def _sensor(
    key: str,
    value_fn: Callable[[BatteryBlock], float | str | None],
    device_class: SensorDeviceClass,
    unit: str | None,
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT,
    *,
    writing: Writing = PACK_VALUES,
    **more: Any,
) -> GatewaySensorDescription[LiveData, BatteryBlock]:
    return GatewaySensorDescription(
        key=key,
        device_class=device_class,
        state_class=state_class,
        native_unit_of_measurement=unit,
        coordinator_fn=lambda data: data.live,
        parts_fn=parts,
        reading_fn=_block,
        value_fn=value_fn,
        writing=writing,
        **more,
    )


def _grid_state(block: BatteryBlock) -> str | None:
    """Name what its inverter thinks of the grid: `Grid_Compliant` on the wire, empty on a disabled pack."""
    state = (block.grid_state or "").removeprefix("Grid_").lower()
    return state if state in _GRID_STATES else None


_KILO_WATT_HOURS: dict[str, Any] = {
    "suggested_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "suggested_display_precision": 1,
}

SENSORS = (
    _sensor(
        "charge",
        lambda block: block.percentage,
        SensorDeviceClass.BATTERY,
        UnitOfRatio.PERCENTAGE,
        scaled=True,
        suggested_display_precision=0,
    ),
    _sensor(
        "energy_remaining",
        lambda block: block.nominal_energy_remaining,
        SensorDeviceClass.ENERGY_STORAGE,
        UnitOfEnergy.WATT_HOUR,
        **_KILO_WATT_HOURS,
    ),
    _sensor(
        "energy_capacity",
        lambda block: block.nominal_full_pack_energy,
        SensorDeviceClass.ENERGY_STORAGE,
        UnitOfEnergy.WATT_HOUR,
        **_KILO_WATT_HOURS,
    ),
    _sensor(
        "power",
        lambda block: block.power,
        SensorDeviceClass.POWER,
        UnitOfPower.WATT,
        suggested_display_precision=0,
        writing=PACK_POWERS,
    ),
    _sensor(
        "energy_charged",
        lambda block: block.energy_charged,
        SensorDeviceClass.ENERGY,
        UnitOfEnergy.WATT_HOUR,
        SensorStateClass.TOTAL_INCREASING,
        rated_power=PACK_POWER,
        writing=ENERGIES,
        **_KILO_WATT_HOURS,
    ),
    _sensor(
        "energy_discharged",
        lambda block: block.energy_discharged,
        SensorDeviceClass.ENERGY,
        UnitOfEnergy.WATT_HOUR,
        SensorStateClass.TOTAL_INCREASING,
        rated_power=PACK_POWER,
        writing=ENERGIES,
        **_KILO_WATT_HOURS,
    ),
    _sensor(
        "voltage",
        lambda block: block.voltage,
        SensorDeviceClass.VOLTAGE,
        UnitOfElectricPotential.VOLT,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _sensor(
        "current",
        lambda block: block.current,
        SensorDeviceClass.CURRENT,
        UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _sensor(
        "frequency",
        lambda block: block.frequency,
        SensorDeviceClass.FREQUENCY,
        UnitOfFrequency.HERTZ,
        suggested_display_precision=2,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _sensor(
        "grid_state",
        _grid_state,
        SensorDeviceClass.ENUM,
        None,
        None,
        options=list(_GRID_STATES),
        translation_key="pack_grid_state",
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)


def _reasons(block: BatteryBlock) -> Mapping[str, Any]:
    return {"reasons": list(block.disabled_reasons or ())}


BINARY_SENSORS = (
    GatewayBinarySensorDescription[LiveData, BatteryBlock](
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.live,
        parts_fn=parts,
        reading_fn=_block,
        is_on_fn=lambda block: None if block.disabled_reasons is None else bool(block.disabled_reasons),
        attributes_fn=_reasons,
    ),
    GatewayBinarySensorDescription[LiveData, BatteryBlock](
        key="backup_ready",
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.live,
        parts_fn=parts,
        reading_fn=_block,
        exists_fn=lambda block: block.backup_ready is not None,
        is_on_fn=lambda block: block.backup_ready,
    ),
)
