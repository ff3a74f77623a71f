"""Sensors: what flows, what has flowed, how full the battery is, and the state of the grid."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy, UnitOfPower, UnitOfRatio
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import GridData, LiveData, PowerwallGatewayConfigEntry
from .energy import EnergyGuard
from .entity import GatewayEntity, GatewayEntityDescription
from .gateway import app_from_raw
from .gateway.models import GridState, GridStatus, Meter, MetersAggregates, StateOfEnergy, SystemStatus

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class GatewaySensorDescription[DataT, ValueT](GatewayEntityDescription[DataT, ValueT], SensorEntityDescription):
    """A sensor of the gateway."""

    value_fn: Callable[[ValueT], StateType]


def _power(
    key: str, meter_fn: Callable[[MetersAggregates], Meter | None]
) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe the real power of a meter, with the gateway's own sign."""

    def value(meters: MetersAggregates) -> StateType:
        meter = meter_fn(meters)
        # As a float without a sign on its zero: the gateway prints 5, 5.25 and -0, and each would be another state.
        return None if meter is None or meter.instant_power is None else float(meter.instant_power) + 0.0

    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        reading_fn=lambda data: data.meters,
        exists_fn=lambda meters: meter_fn(meters) is not None,
        value_fn=value,
    )


def _energy(
    key: str,
    meter_fn: Callable[[MetersAggregates], Meter | None],
    counter_fn: Callable[[Meter], float | None],
) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe a lifetime energy of a meter."""

    def value(meters: MetersAggregates) -> StateType:
        meter = meter_fn(meters)
        return counter_fn(meter) if meter else None

    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        reading_fn=lambda data: data.meters,
        exists_fn=lambda meters: meter_fn(meters) is not None,
        value_fn=value,
    )


def _charge(battery: SystemStatus | StateOfEnergy) -> StateType:
    """Give the charge in the app's percent, in the steps that are worth a state."""
    return None if battery.percentage is None else round(app_from_raw(battery.percentage), 1)


LIVE_SENSORS: tuple[GatewaySensorDescription[LiveData, Any], ...] = (
    _power("grid_power", lambda meters: meters.site),
    _power("battery_power", lambda meters: meters.battery),
    _power("home_power", lambda meters: meters.load),
    _power("solar_power", lambda meters: meters.solar),
    GatewaySensorDescription[LiveData, SystemStatus | StateOfEnergy](
        key="charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        reading_fn=lambda data: data.battery,
        value_fn=_charge,
    ),
)

ENERGY_SENSORS: tuple[GatewaySensorDescription[LiveData, Any], ...] = (
    _energy("grid_import_energy", lambda meters: meters.site, lambda meter: meter.energy_imported),
    _energy("grid_export_energy", lambda meters: meters.site, lambda meter: meter.energy_exported),
    _energy("solar_energy", lambda meters: meters.solar, lambda meter: meter.energy_exported),
    _energy("home_energy", lambda meters: meters.load, lambda meter: meter.energy_imported),
    _energy("battery_charge_energy", lambda meters: meters.battery, lambda meter: meter.energy_imported),
    _energy("battery_discharge_energy", lambda meters: meters.battery, lambda meter: meter.energy_exported),
)

GRID_SENSORS: tuple[GatewaySensorDescription[GridData, Any], ...] = (
    GatewaySensorDescription[GridData, GridStatus](
        key="grid_status",
        device_class=SensorDeviceClass.ENUM,
        options=[state.name.lower() for state in GridState],
        reading_fn=lambda data: data.status,
        value_fn=lambda grid: grid.grid_status.name.lower() if grid.grid_status else None,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the sensors that this gateway has."""
    live, grid = entry.runtime_data.live, entry.runtime_data.grid
    async_add_entities(
        chain(
            (GatewaySensor(live, what) for what in LIVE_SENSORS if what.exists(live.data)),
            (GatewayEnergySensor(live, what) for what in ENERGY_SENSORS if what.exists(live.data)),
            (GatewaySensor(grid, what) for what in GRID_SENSORS if what.exists(grid.data)),
        )
    )


class GatewaySensor[DataT](GatewayEntity[DataT], SensorEntity):
    """A sensor of the gateway."""

    entity_description: GatewaySensorDescription[DataT, Any]

    @property
    @override
    def native_value(self) -> StateType:
        return None if (value := self.reading.value) is None else self.entity_description.value_fn(value)


class GatewayEnergySensor(GatewaySensor[LiveData], RestoreSensor):
    """A lifetime energy, guarded against glitches and kept over restarts."""

    _energy: float | None = None

    @override
    async def async_added_to_hass(self) -> None:
        self._guard = EnergyGuard(self.entity_description.key)
        state, data = await self.async_get_last_state(), await self.async_get_last_sensor_data()
        if state and data and isinstance(data.native_value, int | float):
            self._guard = EnergyGuard(
                self.entity_description.key, float(data.native_value), state.last_updated.timestamp()
            )
        self._take()
        await super().async_added_to_hass()  # last: from here on the coordinator calls

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._take()
        super()._handle_coordinator_update()

    def _take(self) -> None:
        reading = super().native_value
        self._energy = (
            self._guard.take(float(reading), dt_util.utcnow().timestamp()) if isinstance(reading, int | float) else None
        )

    @property
    @override
    def native_value(self) -> float | None:
        return self._energy
