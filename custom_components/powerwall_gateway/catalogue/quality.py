"""The quality of the power by meter: voltage, current, frequency, and what is not real power."""

from collections.abc import Callable
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
from ..writing import ON_CHANGE, POWERS, Writing
from .flows import MeterFn, exists


class _Quantity(NamedTuple):
    """One thing that every meter measures."""

    key: str
    value_fn: Callable[[Meter], float | None]
    unit: str
    device_class: SensorDeviceClass
    digits: int
    writing: Writing = ON_CHANGE


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
        lambda meter: meter.instant_average_voltage,
        UnitOfElectricPotential.VOLT,
        SensorDeviceClass.VOLTAGE,
        1,
    ),
    _Quantity(
        "current",
        lambda meter: meter.instant_total_current,
        UnitOfElectricCurrent.AMPERE,
        SensorDeviceClass.CURRENT,
        1,
    ),
    _Quantity(
        "frequency",
        lambda meter: meter.frequency or None,  # 0 is what a synchrometer says, which measures none
        UnitOfFrequency.HERTZ,
        SensorDeviceClass.FREQUENCY,
        2,
    ),
    _Quantity(
        "reactive_power",
        lambda meter: meter.instant_reactive_power,
        UnitOfReactivePower.VOLT_AMPERE_REACTIVE,
        SensorDeviceClass.REACTIVE_POWER,
        0,
        POWERS,
    ),
    _Quantity(
        "apparent_power",
        lambda meter: meter.instant_apparent_power,
        UnitOfApparentPower.VOLT_AMPERE,
        SensorDeviceClass.APPARENT_POWER,
        0,
        POWERS,
    ),
)


def _sensor(name: str, meter_fn: MeterFn, quantity: _Quantity) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    key = f"{name}_{quantity.key}"

    def value(meters: MetersAggregates) -> float | None:
        meter = meter_fn(meters)
        figure = quantity.value_fn(meter) if meter else None
        if figure is None and key == "grid_frequency" and meters.battery:
            # The battery's inverter measures the grid where the grid's own meter does not.
            return quantity.value_fn(meters.battery)
        return figure

    return GatewaySensorDescription(
        key=key,
        device_class=quantity.device_class,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.meters,
        exists_fn=lambda meters: exists(meter_fn(meters)) and value(meters) is not None,
        value_fn=value,
        writing=quantity.writing,
    )


SENSORS = tuple(_sensor(name, meter_fn, quantity) for name, meter_fn in _METERS.items() for quantity in _QUANTITIES)
