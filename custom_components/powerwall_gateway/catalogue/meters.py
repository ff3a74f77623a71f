"""Each meter: a device of its own below the gateway, with what its inputs and its phases measure.

What can be told apart depends on the firmware. 1.15 answers by input, each with its current
transformer (CT). From 20.49 on the answer is by phase and by what is measured, grid or solar:
its letters are a synchrometer's inputs (one on input 2 alone answers as `b`), and count a
Neurio's from the first that belongs to it (one on input 4 alone answers as `a`; 2023).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfPower,
)
from homeassistant.helpers.device_registry import DeviceInfo

from ..const import MANUFACTURER
from ..coordinator import Detail, DetailData, InventoryData
from ..data import PowerwallGatewayData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..device import Kind, SubDevice, identifier
from ..energy_filter import HOUSE_POWER
from ..gateway.models import CtReading, InstalledMeter, PhaseReadings, SiteMeter, SolarMeter
from ..reading import EndpointResult
from ..writing import ENERGIES, ON_CHANGE, POWERS, StateThrottle

_INPUTS = range(1, 5)
_PHASES = range(1, 4)

_SYNCHROMETER = "synchrometer"

_MODELS = {
    "neurio_tcp": "Neurio",
    "neurio_w2_tcp": "Neurio W2",
    "synchrometerX": "Synchrometer X",
    "synchrometerY": "Synchrometer Y",
}

_ALIVE = 20.0
"""V: an input that is not wired reads less, some 0.2 V (2018 and 2023)."""


# -- the devices -------------------------------------------------------------------------------------------------------


def meter_id(kind: str | None, serial: str | None) -> str | None:
    """Give what a meter is known by, whatever else changes.

    A synchrometer goes by its kind: its serial loses its beginning while the Powerwall is stopped (21.39).
    """
    return kind if kind and kind.startswith(_SYNCHROMETER) else serial or None


def parts(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Give the meters, as the inventory has them."""
    meters = _by_id(data.inventory.data.meters.value)
    names = {part_id: _name(meter) for part_id, meter in meters.items()}
    several = Counter(names.values())
    numbers: Counter[str] = Counter()
    found = []
    for part_id, meter in sorted(meters.items()):
        name = names[part_id]
        numbers[name] += 1
        found.append(
            SubDevice(
                id=part_id,
                device=DeviceInfo(
                    identifiers={identifier(data.serial, Kind.METER, part_id)},
                    manufacturer=MANUFACTURER if _is_synchrometer(meter.kind) else "Neurio",
                    # 1.15 does not tell the kind: it knows no other.
                    model=_MODELS.get(meter.kind or "neurio_tcp", meter.kind),
                    serial_number=None if _is_synchrometer(meter.kind) else meter.serial,
                    translation_key=name if several[name] == 1 else f"{name}_numbered",
                    translation_placeholders={"number": str(numbers[name])},
                    via_device_id=data.device_id,
                ),
            )
        )
    return tuple(found)


def _is_synchrometer(kind: str | None) -> bool:
    return bool(kind and kind.startswith(_SYNCHROMETER))


def _by_id(meters: tuple[InstalledMeter, ...] | None) -> dict[str, InstalledMeter]:
    """Return the meters by their ids. One that is listed once per use is one meter with all those inputs."""
    found: dict[str, InstalledMeter] = {}
    for meter in meters or ():
        if part_id := meter_id(meter.kind, meter.serial):
            same = found.get(part_id)
            cts = (*(same.cts or ()), *(meter.cts or ())) if same else meter.cts
            found[part_id] = replace(same or meter, cts=cts)
    return found


def _name(meter: InstalledMeter) -> str:
    """Name a meter after what it measures, unless that is more than one thing."""
    match {cts.kind for cts in meter.cts or () if any(cts.valid or ())}:
        case kinds if kinds == {"site"}:
            return "grid_meter"
        case kinds if kinds and kinds <= {"solar", "solarRGM"}:
            return "solar_meter"
        case _:
            return "meter"


def _meter(inventory: InventoryData, part_id: str) -> EndpointResult[InstalledMeter]:
    return inventory.meters.map(lambda meters: _by_id(meters).get(part_id))


# -- by input ----------------------------------------------------------------------------------------------------------


def _inverted(meter: InstalledMeter, number: int) -> bool | None:
    """Tell whether the gateway turns an input; None for one that belongs to nothing."""
    for cts in meter.cts or ():
        if cts.valid and number <= len(cts.valid) and cts.valid[number - 1]:
            return any((cts.inverted or ())[number - 1 : number])
    return None


def _parts_with_input(number: int) -> Callable[[PowerwallGatewayData], tuple[SubDevice, ...]]:
    def with_input(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
        meters = _by_id(data.inventory.data.meters.value)
        return tuple(part for part in parts(data) if _inverted(meters[part.id], number) is not None)

    return with_input


def _input_reading(number: int) -> Callable[[DetailData, str], EndpointResult[CtReading]]:
    def reading(detail: DetailData, part_id: str) -> EndpointResult[CtReading]:
        def of(meters: dict[str, Any]) -> CtReading | None:
            meter = meters.get(part_id)
            # With an error come zeros (21.39), which were not measured.
            if meter is None or meter.error or meter.data is None:
                return None
            return next((ct for ct in meter.data.cts or () if ct.ct == number), None)

        return detail.ct_readings.map(of)

    return reading


def _inverted_reading(number: int) -> Callable[[InventoryData, str], EndpointResult[bool]]:
    return lambda inventory, part_id: _meter(inventory, part_id).map(lambda meter: _inverted(meter, number))


# -- by phase ----------------------------------------------------------------------------------------------------------


class _Phase(NamedTuple):
    """What a meter measures on one phase."""

    voltage: float | None
    power: float | None
    current: float | None
    imported: float | None
    exported: float | None


def _phase(meter: SiteMeter | SolarMeter, number: int) -> _Phase | None:
    read = meter.readings
    if read is None:
        return None
    voltage, power, current, imported, exported = (
        (read.v_l1n, read.real_power_a, read.i_a_current, read.energy_imported_a, read.energy_exported_a),
        (read.v_l2n, read.real_power_b, read.i_b_current, read.energy_imported_b, read.energy_exported_b),
        (read.v_l3n, read.real_power_c, read.i_c_current, read.energy_imported_c, read.energy_exported_c),
    )[number - 1]
    return _Phase(
        voltage=_or_zero(voltage, read.last_phase_voltage_communication_time),
        power=_or_zero(power, read.last_phase_power_communication_time),
        # A Neurio says 0 whatever flows.
        current=current if _is_synchrometer(meter.kind) else None,
        imported=_or_zero(imported, read.last_phase_energy_communication_time),
        exported=_or_zero(exported, read.last_phase_energy_communication_time),
    )


def _or_zero(value: float | None, told: datetime | None) -> float | None:
    """Fill in the zero that the gateway leaves out of what it has measured (2023: 0 W is no `real_power_a`)."""
    return 0.0 if value is None and told is not None else value


class _Flow(NamedTuple):
    """What single meters measure, and what its energies are called."""

    name: str
    context: Detail
    meters_fn: Callable[[DetailData], EndpointResult[tuple[SiteMeter, ...]] | EndpointResult[tuple[SolarMeter, ...]]]
    imported: str
    exported: str


_FLOWS = (
    _Flow("grid", Detail.SITE_METERS, lambda detail: detail.site_meters, "import_energy", "export_energy"),
    _Flow("solar", Detail.SOLAR_METERS, lambda detail: detail.solar_meters, "standby_energy", "energy"),
)


def _single(flow: _Flow, detail: DetailData, part_id: str) -> EndpointResult[SiteMeter | SolarMeter]:
    def of(meters: tuple[SiteMeter | SolarMeter, ...]) -> SiteMeter | SolarMeter | None:
        for meter in meters:
            # Not the readings' own serial: a Neurio's was its sensor's in 2018.
            if part_id == meter_id(meter.kind, meter.connection.device_serial if meter.connection else None):
                return meter
        return None

    reading: EndpointResult[Any] = flow.meters_fn(detail)
    return reading.map(of)


def _total_reading(flow: _Flow) -> Callable[[DetailData, str], EndpointResult[PhaseReadings]]:
    return lambda detail, part_id: _single(flow, detail, part_id).map(lambda meter: meter.readings)


def _phase_reading(flow: _Flow, number: int) -> Callable[[DetailData, str], EndpointResult[_Phase]]:
    return lambda detail, part_id: _single(flow, detail, part_id).map(lambda meter: _phase(meter, number))


# -- the entities ------------------------------------------------------------------------------------------------------


class _Quantity(NamedTuple):
    """How a quantity is shown."""

    device_class: SensorDeviceClass
    unit: str
    digits: int
    writing: StateThrottle = ON_CHANGE


_POWER = _Quantity(SensorDeviceClass.POWER, UnitOfPower.WATT, 0, POWERS)
_VOLTAGE = _Quantity(SensorDeviceClass.VOLTAGE, UnitOfElectricPotential.VOLT, 1)
_CURRENT = _Quantity(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, 1)
_ENERGY = _Quantity(SensorDeviceClass.ENERGY, UnitOfEnergy.WATT_HOUR, 1, ENERGIES)


def _sensor[ValueT](
    key: str,
    quantity: _Quantity,
    reading_fn: Callable[[DetailData, str], EndpointResult[ValueT]],
    value_fn: Callable[[ValueT], float | None],
    *,
    context: Detail,
    alive_fn: Callable[[ValueT], bool] = lambda _: True,
    parts_fn: Callable[[PowerwallGatewayData], tuple[SubDevice, ...]] = parts,
    number: int | None = None,
    counts_fn: Callable[[ValueT], bool] = lambda _: False,
) -> GatewaySensorDescription[DetailData, ValueT]:
    is_energy = quantity is _ENERGY
    return GatewaySensorDescription(
        key=key,
        translation_key=key if number is None else key.replace(f"_{number}_", "_"),
        translation_placeholders=None if number is None else {"number": str(number)},
        device_class=quantity.device_class,
        state_class=SensorStateClass.TOTAL_INCREASING if is_energy else SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=quantity.unit,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR if is_energy else None,
        suggested_display_precision=quantity.digits,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.detail,
        context=context,
        parts_fn=parts_fn,
        reading_fn=reading_fn,
        exists_fn=lambda value: alive_fn(value) and value_fn(value) is not None,
        value_fn=value_fn,
        rated_power=HOUSE_POWER if is_energy else None,
        counts_fn=counts_fn,
        writing=quantity.writing,
    )


def _input_sensors(number: int) -> tuple[GatewaySensorDescription[DetailData, CtReading], ...]:
    def sensor(
        key: str, quantity: _Quantity, value_fn: Callable[[CtReading], float | None]
    ) -> GatewaySensorDescription[DetailData, CtReading]:
        return _sensor(
            f"ct_{number}_{key}",
            quantity,
            _input_reading(number),
            value_fn,
            context=Detail.CT_READINGS,
            parts_fn=_parts_with_input(number),
            number=number,
            counts_fn=lambda ct: bool(ct.energy_imported or ct.energy_exported),
        )

    return (
        sensor("power", _POWER, lambda ct: ct.power),
        sensor("voltage", _VOLTAGE, lambda ct: ct.voltage),
        sensor("current", _CURRENT, lambda ct: ct.current),
        sensor("import_energy", _ENERGY, lambda ct: ct.energy_imported),
        sensor("export_energy", _ENERGY, lambda ct: ct.energy_exported),
    )


def _total_sensors(flow: _Flow) -> tuple[GatewaySensorDescription[DetailData, PhaseReadings], ...]:
    def sensor(
        key: str, quantity: _Quantity, value_fn: Callable[[PhaseReadings], float | None]
    ) -> GatewaySensorDescription[DetailData, PhaseReadings]:
        return _sensor(
            f"{flow.name}_{key}",
            quantity,
            _total_reading(flow),
            value_fn,
            context=flow.context,
            counts_fn=lambda read: bool(read.energy_imported or read.energy_exported),
        )

    return (
        sensor("power", _POWER, lambda read: read.instant_power),
        sensor(flow.imported, _ENERGY, lambda read: read.energy_imported),
        sensor(flow.exported, _ENERGY, lambda read: read.energy_exported),
    )


def _phase_sensors(flow: _Flow, number: int) -> tuple[GatewaySensorDescription[DetailData, _Phase], ...]:
    def sensor(
        key: str, quantity: _Quantity, value_fn: Callable[[_Phase], float | None]
    ) -> GatewaySensorDescription[DetailData, _Phase]:
        return _sensor(
            f"{flow.name}_phase_{number}_{key}",
            quantity,
            _phase_reading(flow, number),
            value_fn,
            context=flow.context,
            alive_fn=lambda phase: (phase.voltage or 0.0) > _ALIVE,
            number=number,
            counts_fn=lambda phase: bool(phase.imported or phase.exported),
        )

    return (
        sensor("power", _POWER, lambda phase: phase.power),
        sensor("voltage", _VOLTAGE, lambda phase: phase.voltage),
        sensor("current", _CURRENT, lambda phase: phase.current),
        sensor(flow.imported, _ENERGY, lambda phase: phase.imported),
        sensor(flow.exported, _ENERGY, lambda phase: phase.exported),
    )


SENSORS: tuple[GatewaySensorDescription[DetailData, Any], ...] = (
    *(sensor for number in _INPUTS for sensor in _input_sensors(number)),
    *(sensor for flow in _FLOWS for sensor in _total_sensors(flow)),
    *(sensor for flow in _FLOWS for number in _PHASES for sensor in _phase_sensors(flow, number)),
)

BINARY_SENSORS: tuple[GatewayBinarySensorDescription[InventoryData, Any], ...] = (
    GatewayBinarySensorDescription[InventoryData, InstalledMeter](
        key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        parts_fn=parts,
        reading_fn=_meter,
        exists_fn=lambda meter: meter.connected is not None,
        is_on_fn=lambda meter: meter.connected,
    ),
    *(
        GatewayBinarySensorDescription[InventoryData, bool](
            key=f"ct_{number}_inverted",
            translation_key="ct_inverted",
            translation_placeholders={"number": str(number)},
            entity_category=EntityCategory.DIAGNOSTIC,
            coordinator_fn=lambda data: data.inventory,
            parts_fn=parts,
            reading_fn=_inverted_reading(number),
            is_on_fn=lambda inverted: inverted,
        )
        for number in _INPUTS
    ),
)
