"""Each Powerwall: a device of its own below the gateway."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

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
from ..coordinator import Detail, DetailData, LiveData
from ..data import PowerwallGatewayData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..device import Kind, SubDevice, identifier
from ..energy_filter import PACK_POWER
from ..gateway.models import BatteryBlock, powerwall_model
from ..reading import EndpointResult
from ..writing import ENERGIES, PACK_POWERS, PACK_VALUES, StateThrottle

_GRID_STATES = ("compliant", "qualifying", "uncompliant", "disabled")


def parts(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Give the Powerwalls that any answer knows: the live one has no packs while they are stopped."""
    return tuple(
        SubDevice(
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
    inventory = data.inventory.data.powerwalls.value
    blocks = {
        serial: (block.part_number, powerwall_model(block.part_number)) for serial, block in _blocks(data).items()
    }
    return blocks | {
        unit.serial_number: (unit.part_number, powerwall_model(unit.part_number, unit.kind))
        for unit in (inventory and inventory.powerwalls) or ()
        if unit.serial_number
    }


def _blocks(data: PowerwallGatewayData) -> Mapping[str, BatteryBlock]:
    """Give what is told of each Powerwall, by its serial: with every look at the charge, or by signed requests."""
    return reported(data).value or {}


def reported(data: PowerwallGatewayData) -> EndpointResult[Mapping[str, BatteryBlock]]:
    """Give the reading that tells of the Powerwalls."""
    if data.live.data.system.value is None:
        return data.detail.data.packs
    return data.live.data.system.map(
        lambda system: {block.serial_number: block for block in system.battery_blocks or () if block.serial_number}
    )


def _of(blocks: Iterable[BatteryBlock], serial: str) -> BatteryBlock | None:
    return next((block for block in blocks if block.serial_number == serial), None)


def _polled(live: LiveData, serial: str) -> EndpointResult[BatteryBlock]:
    return live.system.map(lambda system: _of(system.battery_blocks or (), serial))


def _controlled(detail: DetailData, serial: str) -> EndpointResult[BatteryBlock]:
    return detail.controller.map(lambda controller: _of(controller.battery_blocks, serial))


def _measured(detail: DetailData, serial: str) -> EndpointResult[BatteryBlock]:
    return detail.measured_packs.map(lambda blocks: _of(blocks, serial))


_POLLED: Final[dict[str, Any]] = {"coordinator_fn": lambda data: data.live, "reading_fn": _polled}
"""Of a Powerwall 2 everything is told with the charge."""

_CONTROLLED: Final[dict[str, Any]] = {
    "coordinator_fn": lambda data: data.detail,
    "reading_fn": _controlled,
    "context": Detail.CONTROLLER,
}
"""Of a Powerwall 3 signed requests tell whether it works,"""

_MEASURED: Final[dict[str, Any]] = {
    "coordinator_fn": lambda data: data.detail,
    "reading_fn": _measured,
    "context": Detail.COMPONENTS,
}
"""and what is in it, if it leads, hangs on the one that does, or is its only follower."""


def _sensor(
    key: str,
    value_fn: Callable[[BatteryBlock], float | str | None],
    device_class: SensorDeviceClass,
    unit: str | None,
    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT,
    *,
    writing: StateThrottle = PACK_VALUES,
    **more: Any,
) -> GatewaySensorDescription[Any, BatteryBlock]:
    return GatewaySensorDescription(
        key=key,
        device_class=device_class,
        state_class=state_class,
        native_unit_of_measurement=unit,
        parts_fn=parts,
        value_fn=value_fn,
        writing=writing,
        **_POLLED | more,
    )


def _grid_state(block: BatteryBlock) -> str | None:
    """Return what its inverter says of the grid: `Grid_Compliant` on the wire, empty if the Powerwall is disabled."""
    if block.grid_state is None:
        return None
    state = block.grid_state.removeprefix("Grid_").lower() or "disabled"
    return state if state in _GRID_STATES else None


def _counts(block: BatteryBlock) -> bool:
    """Return whether its counters are real: a new one that was charged has not discharged yet."""
    return bool(block.energy_charged or block.energy_discharged)


_KILO_WATT_HOURS: dict[str, Any] = {
    "suggested_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "suggested_display_precision": 1,
}

_POLLED_SENSORS = (
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
        counts_fn=_counts,
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
        counts_fn=_counts,
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


def _measured_sensor(
    sensor: GatewaySensorDescription[Any, BatteryBlock],
) -> GatewaySensorDescription[Any, BatteryBlock]:
    return replace(sensor, exists_fn=lambda block: sensor.value_fn(block) is not None, **_MEASURED)


SENSORS = (
    *_POLLED_SENSORS,
    *(
        _measured_sensor(sensor)
        for sensor in _POLLED_SENSORS
        if sensor.key in {"charge", "energy_remaining", "energy_capacity", "voltage", "frequency"}
    ),
)


def _reasons(block: BatteryBlock) -> Mapping[str, Any]:
    return {"reasons": list(block.disabled_reasons or ())}


def _problem(**source: Any) -> GatewayBinarySensorDescription[Any, BatteryBlock]:
    return GatewayBinarySensorDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        parts_fn=parts,
        is_on_fn=lambda block: None if block.disabled_reasons is None else bool(block.disabled_reasons),
        attributes_fn=_reasons,
        **source,
    )


BINARY_SENSORS = (
    _problem(**_POLLED),
    _problem(**_CONTROLLED),
    GatewayBinarySensorDescription[LiveData, BatteryBlock](
        key="backup_ready",
        entity_category=EntityCategory.DIAGNOSTIC,
        parts_fn=parts,
        coordinator_fn=lambda data: data.live,
        reading_fn=_polled,
        exists_fn=lambda block: block.backup_ready is not None,
        is_on_fn=lambda block: block.backup_ready,
    ),
)
