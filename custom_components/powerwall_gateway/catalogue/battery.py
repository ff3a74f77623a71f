"""How full the battery is, what it does, and how long it lasts."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfEnergy, UnitOfPower, UnitOfRatio, UnitOfTime

from ..coordinator import Detail, DetailData, LiveData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..estimates import IDLE_POWER, BatteryEstimates
from ..gateway.models import MetersAggregates, StateOfEnergy, StoredEnergy, SystemStatus
from ..writing import ENERGIES, POWERS


class BatteryState(StrEnum):
    """What the battery does."""

    CHARGING = "charging"
    DISCHARGING = "discharging"
    IDLE = "idle"


def battery_state(power: float | None) -> BatteryState | None:
    """Tell what a battery does by its power in W, discharging +."""
    if power is None:
        return None
    if abs(power) < IDLE_POWER:
        return BatteryState.IDLE
    return BatteryState.DISCHARGING if power > 0 else BatteryState.CHARGING


def _state(meters: MetersAggregates) -> BatteryState | None:
    return battery_state(meters.battery.instant_power) if meters.battery else None


def _stored_energy[DataT, ValueT](
    key: str, value_fn: Callable[[ValueT], float | None], **source: Any
) -> GatewaySensorDescription[DataT, ValueT]:
    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.ENERGY_STORAGE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        value_fn=value_fn,
        writing=ENERGIES,
        **source,
    )


def _polled_energy(
    key: str, value_fn: Callable[[SystemStatus], float | None]
) -> GatewaySensorDescription[LiveData, SystemStatus]:
    """Describe what the gateway tells beside the charge."""
    return _stored_energy(key, value_fn, coordinator_fn=lambda data: data.live, reading_fn=lambda live, _: live.system)


def _signed_energy(
    key: str, value_fn: Callable[[StoredEnergy], float | None]
) -> GatewaySensorDescription[DetailData, StoredEnergy]:
    """Describe the same where only a signed request tells it: on a Powerwall 3."""
    return _stored_energy(
        key,
        value_fn,
        context=Detail.CONTROLLER,
        coordinator_fn=lambda data: data.detail,
        reading_fn=lambda detail, _: detail.controller.map(lambda controller: controller.stored),
        exists_fn=lambda stored: value_fn(stored) is not None,
    )


def _limit(
    key: str, value_fn: Callable[[SystemStatus], float | None]
) -> GatewaySensorDescription[LiveData, SystemStatus]:
    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.system,
        exists_fn=lambda system: value_fn(system) is not None,
        value_fn=value_fn,
        writing=POWERS,
    )


def _time(
    key: str, value_fn: Callable[[BatteryEstimates], int | None], *, enabled: bool = True
) -> GatewaySensorDescription[LiveData, BatteryEstimates]:
    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        entity_registry_enabled_default=enabled,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.outlook,
        value_fn=value_fn,
    )


SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    GatewaySensorDescription[LiveData, StateOfEnergy | SystemStatus](
        key="charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.battery,
        always=True,
        scaled=True,
        value_fn=lambda battery: battery.percentage,
    ),
    GatewaySensorDescription[LiveData, StateOfEnergy | SystemStatus](
        key="charge_raw",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.battery,
        always=True,
        value_fn=lambda battery: None if battery.percentage is None else round(battery.percentage, 1),
    ),
    _polled_energy("energy_remaining", lambda system: system.nominal_energy_remaining),
    _polled_energy("energy_capacity", lambda system: system.nominal_full_pack_energy),
    _signed_energy("energy_remaining", lambda stored: stored.remaining),
    _signed_energy("energy_capacity", lambda stored: stored.full),
    _limit("max_charge_power", lambda system: system.instantaneous_max_charge_power),
    _limit("max_discharge_power", lambda system: system.instantaneous_max_discharge_power),
    GatewaySensorDescription[LiveData, MetersAggregates](
        key="battery_state",
        device_class=SensorDeviceClass.ENUM,
        options=list(BatteryState),
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.meters,
        always=True,
        value_fn=_state,
    ),
    _time("backup_time_remaining", lambda outlook: outlook.backup),
    _time("time_to_full", lambda outlook: outlook.to_full),
    _time("time_to_reserve", lambda outlook: outlook.to_reserve),
)

BINARY_SENSORS = (
    GatewayBinarySensorDescription[LiveData, MetersAggregates](
        key="battery_charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.meters,
        always=True,
        is_on_fn=lambda meters: None if (state := _state(meters)) is None else state is BatteryState.CHARGING,
    ),
)
