"""Sensors of the devices below the gateway: Powerwalls, meters and solar inverters."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    REVOLUTIONS_PER_MINUTE,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfRatio,
    UnitOfTemperature,
)

from .coordinator import Detail
from .data import PowerwallGatewayData
from .device_ids import SubDevice
from .energy_filter import HOME_POWER, POWERWALL_POWER
from .entity import (
    BATTERY_BLOCK,
    CONTROLLER,
    DISABLED_DIAGNOSTIC,
    ENERGY_THROTTLE,
    POWER_THROTTLE,
    POWERWALL_POWER_THROTTLE,
    POWERWALL_THROTTLE,
    SOLAR_POWERWALL,
    GatewaySensorDescription,
    Source,
    StateThrottle,
)
from .estimates import POWERWALL_ENERGY
from .gateway.models import (
    PV_STRINGS,
    BatteryBlock,
    Controller,
    CtReading,
    MeterReading,
    PowerwallTemperatures,
    PvacStatus,
    PvString,
    SignedBlock,
    SiteMeter,
    SolarMeter,
    SolarString,
)
from .sub_devices import (
    METER_INPUTS,
    block_of,
    installed_meters,
    inverters,
    is_inverted,
    is_synchrometer,
    meter_id,
    meters,
    meters_by_id,
    powerwall_inverters,
    powerwalls,
    signed_powerwall_2s,
)

POWER: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.POWER,
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfPower.WATT,
    "suggested_display_precision": 0,
    "throttle": POWER_THROTTLE,
}
ENERGY: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.ENERGY,
    "state_class": SensorStateClass.TOTAL_INCREASING,
    "native_unit_of_measurement": UnitOfEnergy.WATT_HOUR,
    "suggested_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "suggested_display_precision": 1,
    "rated_power": HOME_POWER,
    "throttle": ENERGY_THROTTLE,
}
STORED_ENERGY: Final[dict[str, Any]] = ENERGY | {
    "device_class": SensorDeviceClass.ENERGY_STORAGE,
    "state_class": SensorStateClass.MEASUREMENT,
    "rated_power": None,
}
VOLTAGE: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.VOLTAGE,
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfElectricPotential.VOLT,
    "suggested_display_precision": 1,
}
CURRENT: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.CURRENT,
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfElectricCurrent.AMPERE,
    "suggested_display_precision": 1,
}
FREQUENCY: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.FREQUENCY,
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfFrequency.HERTZ,
    "suggested_display_precision": 2,
}
PERCENT: Final[dict[str, Any]] = {
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfRatio.PERCENTAGE,
    "suggested_display_precision": 0,
}
TEMPERATURE: Final[dict[str, Any]] = {
    "device_class": SensorDeviceClass.TEMPERATURE,
    "entity_category": EntityCategory.DIAGNOSTIC,
    "state_class": SensorStateClass.MEASUREMENT,
    "native_unit_of_measurement": UnitOfTemperature.CELSIUS,
    "suggested_display_precision": 1,
    "throttle": StateThrottle(step=0.5, every=60.0),
}
DISABLED_MEASUREMENT: Final[dict[str, Any]] = DISABLED_DIAGNOSTIC | {"state_class": SensorStateClass.MEASUREMENT}


# -- Powerwalls --------------------------------------------------------------------------------------------------------

_GRID_STATES: Final = ("compliant", "qualifying", "uncompliant", "disabled")


def _grid_state(block: BatteryBlock) -> str | None:
    """Return the grid state of the inverter: `Grid_Compliant` in the API, empty if the Powerwall is disabled."""
    if block.grid_state is None:
        return None
    state = block.grid_state.removeprefix("Grid_").lower() or "disabled"
    return state if state in _GRID_STATES else None


def _health(block: BatteryBlock) -> float | None:
    """Return the full energy in percent of the nominal one, which is 13.5 kWh for every model; above 100 at first."""
    full = block.nominal_full_pack_energy
    return round(full / 1000 / POWERWALL_ENERGY * 100, 1) if full else None


def _powerwall_sensor(
    key: str, value_fn: Callable[[BatteryBlock], float | str | None], **more: Any
) -> GatewaySensorDescription[BatteryBlock]:
    return GatewaySensorDescription(
        key=key,
        source=BATTERY_BLOCK,
        devices_fn=powerwalls,
        value_fn=value_fn,
        **{"throttle": POWERWALL_THROTTLE} | more,
    )


def _powerwall_energy(
    key: str, value_fn: Callable[[BatteryBlock], float | None]
) -> GatewaySensorDescription[BatteryBlock]:
    return _powerwall_sensor(
        key,
        value_fn,
        entity_registry_enabled_default=False,
        # A new one that was charged has not discharged yet.
        counts_fn=lambda block: bool(block.energy_charged or block.energy_discharged),
        **ENERGY | {"rated_power": POWERWALL_POWER},
    )


_SIGNED_BLOCK: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.measured_packs, Detail.COMPONENTS
).of_device(block_of)


def _signed(sensor: GatewaySensorDescription[BatteryBlock]) -> GatewaySensorDescription[BatteryBlock]:
    """Describe the same for a Powerwall 3 that leads, its expansions and its only follower: by signed requests."""
    return replace(sensor, source=_SIGNED_BLOCK, exists_fn=lambda block: sensor.value_fn(block) is not None)


def _signed_sensor(key: str, **more: Any) -> GatewaySensorDescription[SignedBlock]:
    """Describe a value that only signed requests report: the attribute `key` of the battery block."""
    value_fn = attrgetter(key)
    return GatewaySensorDescription(
        key=key,
        source=_SIGNED_BLOCK,
        devices_fn=powerwalls,
        value_fn=value_fn,
        **{"exists_fn": lambda block: value_fn(block) is not None} | more,
    )


_FAN: Final[dict[str, Any]] = DISABLED_MEASUREMENT | {
    "translation_key": "fan_speed",
    "native_unit_of_measurement": REVOLUTIONS_PER_MINUTE,
    "suggested_display_precision": 0,
    "throttle": StateThrottle(step=50.0, every=60.0),  # the speed varies by a few revolutions all the time
}
_STORED: Final = STORED_ENERGY | {"throttle": POWERWALL_THROTTLE}
_ALSO_SIGNED: Final = (
    _powerwall_sensor(
        "charge", lambda block: block.percentage, device_class=SensorDeviceClass.BATTERY, scaled=True, **PERCENT
    ),
    _powerwall_sensor(
        "energy_remaining",
        lambda block: block.nominal_energy_remaining,
        entity_registry_enabled_default=False,
        **_STORED,
    ),
    _powerwall_sensor(
        "energy_capacity",
        lambda block: block.nominal_full_pack_energy,
        entity_registry_enabled_default=False,
        **_STORED,
    ),
    _powerwall_sensor(
        "battery_health",
        _health,
        entity_category=EntityCategory.DIAGNOSTIC,
        **PERCENT | {"suggested_display_precision": 1},
    ),
    _powerwall_sensor("voltage", lambda block: block.voltage, **VOLTAGE, **DISABLED_DIAGNOSTIC),
    _powerwall_sensor("frequency", lambda block: block.frequency, **FREQUENCY, **DISABLED_DIAGNOSTIC),
)


_TEMPERATURES: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.temperatures, Detail.TEMPERATURES
).of_device(lambda read, serial: next((each for each in read.powerwalls or () if each.serial_number == serial), None))


def _temperature_sensor(key: str, attribute: str) -> GatewaySensorDescription[PowerwallTemperatures]:
    """Describe a temperature of a Powerwall 2, which is requested only while the entity is enabled."""
    return GatewaySensorDescription(
        key=key,
        source=_TEMPERATURES,
        devices_fn=signed_powerwall_2s,
        create_without_data=True,
        value_fn=lambda read: None if (value := getattr(read, attribute)) is None else round(value, 1),
        **TEMPERATURE | DISABLED_DIAGNOSTIC,
    )


_ENERGY_DISCHARGED: Final = _powerwall_energy("energy_discharged", lambda block: block.energy_discharged)

POWERWALL_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    *_ALSO_SIGNED,
    *(_signed(sensor) for sensor in (*_ALSO_SIGNED, _ENERGY_DISCHARGED)),
    _signed_sensor("temperature_max", **TEMPERATURE),
    _signed_sensor("temperature_min", **TEMPERATURE | DISABLED_DIAGNOSTIC),
    _signed_sensor("inverter_temperature", **TEMPERATURE | DISABLED_DIAGNOSTIC),
    _temperature_sensor("ambient_temperature", "ambient"),
    _temperature_sensor("heat_sink_temperature", "heat_sink"),
    _signed_sensor("fan_a_speed", translation_placeholders={"number": "A"}, **_FAN),
    _signed_sensor("fan_b_speed", translation_placeholders={"number": "B"}, **_FAN),
    _signed_sensor(
        "average_capacity", native_unit_of_measurement="Ah", suggested_display_precision=1, **DISABLED_MEASUREMENT
    ),
    _signed_sensor(
        "full_cycles",
        exists_fn=lambda block: bool(block.full_cycles),  # firmware that does not count them reports 0
        **DISABLED_DIAGNOSTIC | {"state_class": SensorStateClass.TOTAL_INCREASING},
    ),
    _signed_sensor("self_discharge", suggested_display_precision=3, **DISABLED_MEASUREMENT),
    _powerwall_sensor(
        "power",
        lambda block: block.power,
        entity_registry_enabled_default=False,
        **POWER | {"throttle": POWERWALL_POWER_THROTTLE},
    ),
    _powerwall_sensor("current", lambda block: block.current, **CURRENT, **DISABLED_DIAGNOSTIC),
    _powerwall_energy("energy_charged", lambda block: block.energy_charged),
    _ENERGY_DISCHARGED,
    _powerwall_sensor(
        "grid_state",
        _grid_state,
        translation_key="pack_grid_state",
        device_class=SensorDeviceClass.ENUM,
        options=list(_GRID_STATES),
        **DISABLED_DIAGNOSTIC,
    ),
)


# -- meters ------------------------------------------------------------------------------------------------------------
#
# 1.15 reports values per input, each with its current transformer (CT), and so does a Powerwall 3 with a key: without
# the use, and without energies. From 20.49 on they are per phase and per use,
# grid or solar: the letters are a synchrometer's inputs (one on input 2 alone is `b`), and count a Neurio's from the
# first that belongs to it (one on input 4 alone is `a`; 2023).

_PHASES: Final = range(1, 4)

_ALIVE: Final = 20.0
"""V: an input that is not wired reads less, some 0.2 V (2018 and 2023)."""


def _meter_sensor(
    key: str, attribute: str, quantity: dict[str, Any], source: Source[Any], *, number: int | None = None, **more: Any
) -> GatewaySensorDescription[Any]:
    """Describe a sensor for an attribute of what a meter, an input or a phase of it measures."""
    value_fn = attrgetter(attribute)
    return GatewaySensorDescription(
        key=key,
        translation_key=key if number is None else key.replace(f"_{number}_", "_"),
        translation_placeholders=None if number is None else {"number": str(number)},
        entity_registry_enabled_default=False,
        source=source,
        value_fn=value_fn,
        counts_fn=lambda measured: bool(measured.energy_imported or measured.energy_exported),
        **{"devices_fn": meters, "exists_fn": lambda measured: value_fn(measured) is not None} | quantity | more,
    )


def _meters_with_input(number: int) -> Callable[[PowerwallGatewayData], tuple[SubDevice, ...]]:
    def with_input(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
        by_id = meters_by_id(installed_meters(data).value)
        return tuple(device for device in meters(data) if is_inverted(by_id[device.id], number) is not None)

    return with_input


def _ct_readings(meters: dict[str, MeterReading], device_id: str) -> tuple[CtReading, ...] | None:
    """Return what a meter measures at its inputs. With an error come zeros (21.39), which were not measured."""
    meter = meters.get(device_id)
    return meter.cts if meter and not meter.error else None


def _signed_ct_readings(controller: Controller, device_id: str) -> tuple[CtReading, ...] | None:
    """Return the same on a Powerwall 3, by signed requests."""
    return next((meter.cts for meter in controller.meters or () if meter.meter_id == device_id), None)


def _input_sensors(
    number: int, readings: Source[tuple[CtReading, ...]]
) -> tuple[GatewaySensorDescription[CtReading], ...]:
    source = readings.map(lambda cts: next((ct for ct in cts if ct.ct == number), None))
    devices_fn = _meters_with_input(number)
    return tuple(
        _meter_sensor(f"ct_{number}_{key}", attribute, quantity, source, number=number, devices_fn=devices_fn)
        for key, attribute, quantity in (
            ("power", "power", POWER),
            ("voltage", "voltage", VOLTAGE),
            ("current", "current", CURRENT),
            ("import_energy", "energy_imported", ENERGY),
            ("export_energy", "energy_exported", ENERGY),
        )
    )


_CT_READINGS: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.ct_readings, Detail.CT_READINGS
).of_device(_ct_readings)
_SIGNED_CT_READINGS: Final = CONTROLLER.of_device(_signed_ct_readings)


class _Phase(NamedTuple):
    """The values that a meter measures on one phase."""

    voltage: float | None
    power: float | None
    current: float | None
    energy_imported: float | None
    energy_exported: float | None


def _phase(meter: SiteMeter | SolarMeter, number: int) -> _Phase | None:
    if (read := meter.readings) is None:
        return None
    voltage, power, current, imported, exported = (
        (read.v_l1n, read.real_power_a, read.i_a_current, read.energy_imported_a, read.energy_exported_a),
        (read.v_l2n, read.real_power_b, read.i_b_current, read.energy_imported_b, read.energy_exported_b),
        (read.v_l3n, read.real_power_c, read.i_c_current, read.energy_imported_c, read.energy_exported_c),
    )[number - 1]
    return _Phase(
        voltage=_or_zero(voltage, read.last_phase_voltage_communication_time),
        power=_or_zero(power, read.last_phase_power_communication_time),
        # A Neurio reports 0 whatever flows.
        current=current if is_synchrometer(meter.kind) else None,
        energy_imported=_or_zero(imported, read.last_phase_energy_communication_time),
        energy_exported=_or_zero(exported, read.last_phase_energy_communication_time),
    )


def _or_zero(value: float | None, measured_at: datetime | None) -> float | None:
    """Return the zero that the gateway leaves out of what it has measured (2023: 0 W is no `real_power_a`)."""
    return 0.0 if value is None and measured_at is not None else value


def _single_meter[MeterT: (SiteMeter, SolarMeter)](meters: tuple[MeterT, ...], device_id: str) -> MeterT | None:
    """Return a meter by the connection's serial: that of the readings was a sensor's on a Neurio in 2018."""
    return next((meter for meter in meters if device_id == meter_id(meter.kind, meter.device_serial)), None)


def _use_sensors(
    use: str, source: Source[SiteMeter] | Source[SolarMeter], imported: str, exported: str
) -> tuple[GatewaySensorDescription[Any], ...]:
    """Describe what a meter measures of the grid or of solar; `imported` and `exported` are keys of the energies."""

    def phase_sensor(number: int, key: str, attribute: str, quantity: dict[str, Any]) -> GatewaySensorDescription[Any]:
        return _meter_sensor(
            f"{use}_phase_{number}_{key}",
            attribute,
            quantity,
            source.map(lambda meter: _phase(meter, number)),
            number=number,
            exists_fn=lambda phase: (phase.voltage or 0.0) > _ALIVE and getattr(phase, attribute) is not None,
        )

    total = source.map(lambda meter: meter.readings)
    return (
        _meter_sensor(f"{use}_power", "instant_power", POWER, total),
        _meter_sensor(f"{use}_{imported}", "energy_imported", ENERGY, total),
        _meter_sensor(f"{use}_{exported}", "energy_exported", ENERGY, total),
        *(
            phase_sensor(number, key, attribute, quantity)
            for number in _PHASES
            for key, attribute, quantity in (
                ("power", "power", POWER),
                ("voltage", "voltage", VOLTAGE),
                ("current", "current", CURRENT),
                (imported, "energy_imported", ENERGY),
                (exported, "energy_exported", ENERGY),
            )
        ),
    )


_GRID: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.site_meters, Detail.SITE_METERS
).of_device(_single_meter)
_SOLAR: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.solar_meters, Detail.SOLAR_METERS
).of_device(_single_meter)

METER_DEVICE_SENSORS: Final = (
    *(
        sensor
        for readings in (_CT_READINGS, _SIGNED_CT_READINGS)
        for number in METER_INPUTS
        for sensor in _input_sensors(number, readings)
    ),
    *_use_sensors("grid", _GRID, "import_energy", "export_energy"),
    *_use_sensors("solar", _SOLAR, "standby_energy", "energy"),
)


# -- inverters ---------------------------------------------------------------------------------------------------------
#
# A Powerwall+ and a Tesla inverter report themselves. Inverters of other brands report nothing, but `solars` has their
# rating.

_STATUS: Final = SOLAR_POWERWALL.map(lambda solar: solar.pvac_status)


def _inverter_sensor(
    key: str, value_fn: Callable[[PvacStatus], float | str | None], **more: Any
) -> GatewaySensorDescription[PvacStatus]:
    return GatewaySensorDescription(key=key, source=_STATUS, devices_fn=powerwall_inverters, value_fn=value_fn, **more)


def _state(reported: PvacStatus | PvString) -> str | None:
    """Return the state as the gateway reports it. No source lists them: of an inverter, `PVAC_Active` was seen."""
    state = (reported.state or "").removeprefix("PVAC_").removeprefix("Pv_")
    return state.replace("_", " ") or None


INVERTER_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    GatewaySensorDescription(
        key="rating",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        source=Source(lambda data: data.inventory, lambda data, _: data.inventory.data.inverters).of_device(
            lambda listed, device_id: listed.get(device_id)
        ),
        devices_fn=inverters,
        exists_fn=lambda inverter: inverter.power_rating is not None,
        value_fn=lambda inverter: inverter.power_rating,
        **DISABLED_DIAGNOSTIC,
    ),
    _inverter_sensor("power", attrgetter("power"), **POWER),
    _inverter_sensor("voltage", attrgetter("voltage"), **VOLTAGE, **DISABLED_DIAGNOSTIC),
    _inverter_sensor("frequency", attrgetter("frequency"), **FREQUENCY, **DISABLED_DIAGNOSTIC),
    _inverter_sensor(
        "state",
        _state,
        translation_key="inverter_state",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda status: status.state is not None,
    ),
)


# -- strings of panels -------------------------------------------------------------------------------------------------
#
# A Powerwall+ and a Tesla inverter report 4 strings by number, a Powerwall 3 reports 6 by letter.


def _string_sensor(
    name: str, quantity: str, value_fn: Callable[[Any], float | str | None], **more: Any
) -> GatewaySensorDescription[Any]:
    return GatewaySensorDescription(
        key=f"string_{name.lower()}_{quantity}",
        translation_key=f"string_{quantity}",
        translation_placeholders={"number": name},
        exists_fn=lambda string: string.connected is True,
        value_fn=value_fn,
        **more,
    )


def _string_sensors(name: str, **source: Any) -> tuple[GatewaySensorDescription[Any], ...]:
    return (
        _string_sensor(name, "power", attrgetter("power"), **POWER, **source),
        _string_sensor(name, "voltage", attrgetter("voltage"), **VOLTAGE, **DISABLED_DIAGNOSTIC, **source),
        _string_sensor(name, "current", attrgetter("current"), **CURRENT, **DISABLED_DIAGNOSTIC, **source),
    )


def _inverter_string(number: int) -> Source[SolarString]:
    return _STATUS.map(lambda status: next((each for each in status.strings or () if each.string_id == number), None))


_PV_STRINGS: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.components, Detail.COMPONENTS
).of_device(lambda components, serial: components.strings_of(serial))


def _pv_string_sensors(index: int, letter: str) -> tuple[GatewaySensorDescription[Any], ...]:
    source: dict[str, Any] = {"source": _PV_STRINGS.map(lambda strings: strings[index]), "devices_fn": powerwalls}
    return (
        *_string_sensors(letter, **source),
        _string_sensor(letter, "state", _state, **DISABLED_DIAGNOSTIC, **source),
    )


def _solar_power(strings: tuple[PvString, ...]) -> float | None:
    """Return the power of all strings in W, None if the gateway reports none."""
    powers = [string.power for string in strings if string.power is not None]
    return round(sum(powers), 1) if powers else None


STRING_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    *(
        sensor
        for number in range(1, 5)
        for sensor in _string_sensors(str(number), source=_inverter_string(number), devices_fn=powerwall_inverters)
    ),
    *(sensor for index, letter in enumerate(PV_STRINGS) for sensor in _pv_string_sensors(index, letter)),
    GatewaySensorDescription(
        key="strings_power",
        translation_key="solar_power",
        source=_PV_STRINGS,
        devices_fn=powerwalls,
        exists_fn=lambda strings: any(string.connected for string in strings),
        value_fn=_solar_power,
        **POWER,
    ),
)

DEVICE_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    *POWERWALL_SENSORS,
    *METER_DEVICE_SENSORS,
    *INVERTER_SENSORS,
    *STRING_SENSORS,
)
