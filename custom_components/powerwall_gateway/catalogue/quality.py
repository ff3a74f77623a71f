"""The quality of the power by meter: voltage, current, frequency, and what is not real power."""

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from typing import NamedTuple

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfApparentPower,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfFrequency,
    UnitOfReactivePower,
)

from ..coordinator import LiveData
from ..description import GatewaySensorDescription
from ..gateway.models import Meter, MetersAggregates
from ..reading import EndpointResult
from ..writing import ON_CHANGE, POWERS, StateThrottle
from .flows import MeterFn, exists

_SPLIT_PHASE = sqrt(3) / 2
"""What a synchrometer prints of a split-phase voltage: the mean of both legs times the square root of 3."""

_TOLERANCE = 0.05
"""How far from that the ratio to the battery's voltage may be. It is 0.865 in captures; elsewhere 0.5, 1 or 1.73."""


def _voltage(meter: Meter, battery: Meter | None) -> float | None:
    """Return a meter's voltage in V, from line to line on a split-phase site.

    A synchrometer (Gateway 2), which measures no frequency, prints 214 V there instead of 247 V (21.39). The battery
    measures the same lines. Its voltage tells such a site from others, whose values are returned as printed: 409 V
    from line to line on a three-phase site, and some 420 V on a single-phase one.
    """
    voltage = meter.instant_average_voltage
    known = battery.instant_average_voltage if battery else None
    if not voltage or not known or meter.frequency:
        return voltage
    return voltage / _SPLIT_PHASE if abs(voltage / known / _SPLIT_PHASE - 1) < _TOLERANCE else voltage


class _Quantity(NamedTuple):
    """One thing that every meter measures."""

    key: str
    value_fn: Callable[[Meter, Meter | None], float | None]
    """Takes the meter, and the battery's for comparison."""

    unit: str
    device_class: SensorDeviceClass
    digits: int
    writing: StateThrottle = ON_CHANGE


_METERS: dict[str, MeterFn] = {
    "grid": lambda meters: meters.site,
    "battery": lambda meters: meters.battery,
    "home": lambda meters: meters.load,
    "solar": lambda meters: meters.solar,
    "generator": lambda meters: meters.generator,
    "busway": lambda meters: meters.busway,
}

_QUANTITIES = (
    _Quantity(
        "voltage",
        _voltage,
        UnitOfElectricPotential.VOLT,
        SensorDeviceClass.VOLTAGE,
        1,
    ),
    _Quantity(
        "current",
        lambda meter, _: meter.instant_total_current,
        UnitOfElectricCurrent.AMPERE,
        SensorDeviceClass.CURRENT,
        1,
    ),
    _Quantity(
        "frequency",
        lambda meter, _: meter.frequency or None,  # a synchrometer measures none and prints 0
        UnitOfFrequency.HERTZ,
        SensorDeviceClass.FREQUENCY,
        2,
    ),
    _Quantity(
        "reactive_power",
        lambda meter, _: meter.instant_reactive_power,
        UnitOfReactivePower.VOLT_AMPERE_REACTIVE,
        SensorDeviceClass.REACTIVE_POWER,
        0,
        POWERS,
    ),
    _Quantity(
        "apparent_power",
        lambda meter, _: meter.instant_apparent_power,
        UnitOfApparentPower.VOLT_AMPERE,
        SensorDeviceClass.APPARENT_POWER,
        0,
        POWERS,
    ),
)


def _grid_frequency(live: LiveData, _: str) -> EndpointResult[MetersAggregates]:
    """Return the meters with the grid's frequency at `site`, none while the grid is not connected.

    A synchrometer measures none. The battery's inverter does, but off-grid it makes that frequency itself.
    """

    def of(meters: MetersAggregates) -> MetersAggregates:
        site, battery = meters.site or Meter(), meters.battery or Meter()
        frequency = (site.frequency or battery.frequency) if live.grid_connected else None
        return replace(meters, site=replace(site, frequency=frequency))

    return live.meters.map(of)


def _sensor(name: str, meter_fn: MeterFn, quantity: _Quantity) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    key = f"{name}_{quantity.key}"

    def value(meters: MetersAggregates) -> float | None:
        meter = meter_fn(meters)
        return quantity.value_fn(meter, meters.battery) if meter else None

    return GatewaySensorDescription(
        key=key,
        device_class=quantity.device_class,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.live,
        reading_fn=_grid_frequency if key == "grid_frequency" else lambda live, _: live.meters,
        exists_fn=lambda meters: exists(meter_fn(meters)) and value(meters) is not None,
        value_fn=value,
        writing=quantity.writing,
    )


SENSORS = tuple(_sensor(name, meter_fn, quantity) for name, meter_fn in _METERS.items() for quantity in _QUANTITIES)
