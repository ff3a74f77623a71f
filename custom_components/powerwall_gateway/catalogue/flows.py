"""What flows and what has flowed, by meter."""

from collections.abc import Callable
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import UnitOfEnergy, UnitOfPower

from ..coordinator import LiveData
from ..description import GatewaySensorDescription
from ..energy_filter import HOUSE_POWER
from ..gateway.models import Meter, MetersAggregates
from ..writing import ENERGIES, POWERS

type MeterFn = Callable[[MetersAggregates], Meter | None]


def exists(meter: Meter | None) -> bool:
    """Tell whether a meter is there: 1.15 lists those that were never wired, too, and has never heard of them."""
    return meter is not None and not (meter.never_communicated and not meter.instant_power)


def _counts(meter: Meter | None, meters: MetersAggregates) -> bool:
    """Return whether a meter's counters are real: it measures, and the gateway has counters at all.

    A meter that is out of reach reads 0 in everything, and so do all counters of a gateway that starts.
    """
    return (
        meter is not None
        and any((meter.instant_power, meter.instant_average_voltage, meter.energy_imported, meter.energy_exported))
        and any(
            each and (each.energy_imported or each.energy_exported)
            for each in (meters.site, meters.battery, meters.load, meters.solar)
        )
    )


def _power(
    key: str,
    meter_fn: MeterFn,
    value_fn: Callable[[float], float] = lambda power: power,
    *,
    always: bool = False,
    enabled: bool = True,
) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe the real power of a meter, with the gateway's own sign unless `value_fn` takes one direction."""

    def value(meters: MetersAggregates) -> float | None:
        meter = meter_fn(meters)
        # As a float without a sign on its zero: the gateway prints 5, 5.25 and -0, and each would be another state.
        return None if meter is None or meter.instant_power is None else value_fn(float(meter.instant_power)) + 0.0

    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        entity_registry_enabled_default=enabled,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.meters,
        exists_fn=lambda meters: exists(meter_fn(meters)),
        always=always,
        value_fn=value,
        writing=POWERS,
    )


def _energy(
    key: str,
    meter_fn: MeterFn,
    counter_fn: Callable[[Meter], float | None],
    *,
    always: bool = True,
    enabled: bool = True,
) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe a lifetime energy of a meter."""

    def value(meters: MetersAggregates) -> float | None:
        meter = meter_fn(meters)
        return counter_fn(meter) if meter else None

    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        entity_registry_enabled_default=enabled,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.meters,
        exists_fn=lambda meters: exists(meter_fn(meters)) and (always or value(meters) is not None),
        always=always,
        value_fn=value,
        rated_power=HOUSE_POWER,
        counts_fn=lambda meters: _counts(meter_fn(meters), meters),
        writing=ENERGIES,
    )


def _forward(power: float) -> float:
    """Keep what flows as the sign says, and call the other direction nothing."""
    return max(0.0, power)


def _backward(power: float) -> float:
    """Keep what flows against the sign."""
    return max(0.0, -power)


_OPTIONAL_METERS: Final[dict[str, MeterFn]] = {
    "generator": lambda meters: meters.generator,
    "busway": lambda meters: meters.busway,
}
_COUNTERS: Final[dict[str, Callable[[Meter], float | None]]] = {
    "import": lambda meter: meter.energy_imported,
    "export": lambda meter: meter.energy_exported,
}

SENSORS: tuple[GatewaySensorDescription[LiveData, MetersAggregates], ...] = (
    _power("grid_power", lambda meters: meters.site, always=True),
    _power("battery_power", lambda meters: meters.battery, always=True),
    _power("home_power", lambda meters: meters.load, always=True),
    _power("solar_power", lambda meters: meters.solar, always=True),
    _power("generator_power", lambda meters: meters.generator),
    _power("busway_power", lambda meters: meters.busway),
    _power("grid_import_power", lambda meters: meters.site, _forward, always=True, enabled=False),
    _power("grid_export_power", lambda meters: meters.site, _backward, always=True, enabled=False),
    _power("battery_charge_power", lambda meters: meters.battery, _backward, always=True, enabled=False),
    _power("battery_discharge_power", lambda meters: meters.battery, _forward, always=True, enabled=False),
    _energy("grid_import_energy", lambda meters: meters.site, lambda meter: meter.energy_imported),
    _energy("grid_export_energy", lambda meters: meters.site, lambda meter: meter.energy_exported),
    _energy("solar_energy", lambda meters: meters.solar, lambda meter: meter.energy_exported),
    _energy("home_energy", lambda meters: meters.load, lambda meter: meter.energy_imported),
    _energy("battery_charge_energy", lambda meters: meters.battery, lambda meter: meter.energy_imported),
    _energy("battery_discharge_energy", lambda meters: meters.battery, lambda meter: meter.energy_exported),
    # What the inverters draw at night, and what a mounted meter counts backwards.
    _energy("solar_standby_energy", lambda meters: meters.solar, lambda meter: meter.energy_imported, enabled=False),
    _energy("home_export_energy", lambda meters: meters.load, lambda meter: meter.energy_exported, enabled=False),
    *(
        _energy(f"{name}_{direction}_energy", meter_fn, counter_fn, always=False)
        for name, meter_fn in _OPTIONAL_METERS.items()
        for direction, counter_fn in _COUNTERS.items()
    ),
)
