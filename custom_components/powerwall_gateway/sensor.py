"""Sensors of the Powerwall gateway; those of the devices below it are in `sensor_devices.py`."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from enum import StrEnum
from math import sqrt
from operator import attrgetter
from typing import Any, Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfApparentPower,
    UnitOfRatio,
    UnitOfReactivePower,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import (
    Detail,
    DetailData,
    EndpointResult,
    GridData,
    InventoryData,
    LiveCoordinator,
    LiveData,
    SettingsData,
)
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device import SubDevice
from .energy_filter import CounterState, EnergyFilter, is_counting
from .entity import GatewaySensorDescription, GatewayValueEntity, async_add_detected
from .estimates import IDLE_POWER, BatteryEstimates
from .flow_split import FlowData, Flows
from .gateway.models import (
    GridFault,
    GridState,
    GridStatus,
    Meter,
    MetersAggregates,
    NetworkInterface,
    Operation,
    OperationMode,
    Powerwalls,
    StateOfEnergy,
    StoredEnergy,
    SystemStatus,
    SystemUpdate,
    TroubleshootingProblems,
    UpdateState,
)
from .hardware import network_of
from .outages import GridLog
from .sensor_devices import (
    CURRENT,
    DEVICE_SENSORS,
    DISABLED_DIAGNOSTIC,
    ENERGY,
    FREQUENCY,
    POWER,
    STORED_ENERGY,
    VOLTAGE,
)

PARALLEL_UPDATES = 0


# -- meters: power, energy, and the quality of the power --------------------------------------------------------------

_METERS: Final[dict[str, Callable[[MetersAggregates], Meter | None]]] = {
    "grid": attrgetter("site"),
    "battery": attrgetter("battery"),
    "home": attrgetter("load"),
    "solar": attrgetter("solar"),
    "generator": attrgetter("generator"),
    "busway": attrgetter("busway"),
}
_OPTIONAL_METERS: Final = {"generator", "busway"}
_IMPORTED: Final = attrgetter("energy_imported")
_EXPORTED: Final = attrgetter("energy_exported")


def _exists(meter: Meter | None) -> bool:
    return meter is not None and meter.exists


def _power(key: str, meter: str, sign: int = 0) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe the real power of a meter, or of what flows in the direction of `sign`."""
    meter_fn = _METERS[meter]

    def value(meters: MetersAggregates) -> float | None:
        if (read := meter_fn(meters)) is None or read.instant_power is None:
            return None
        # As a float without a sign on its zero: the gateway prints 5, 5.25 and -0, and each would be another state.
        return max(0.0, sign * read.instant_power) + 0.0 if sign else float(read.instant_power) + 0.0

    return GatewaySensorDescription(
        key=key,
        entity_registry_enabled_default=not sign,
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.meters,
        exists_fn=lambda meters: _exists(meter_fn(meters)),
        create_without_data=meter not in _OPTIONAL_METERS,
        needs_battery=meter == "battery",
        value_fn=value,
        **POWER,
    )


def _energy(
    key: str, meter: str, counter_fn: Callable[[Meter], float | None], *, enabled: bool = True
) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe a lifetime energy of a meter."""
    meter_fn = _METERS[meter]
    is_optional = meter in _OPTIONAL_METERS

    def value(meters: MetersAggregates) -> float | None:
        return counter_fn(read) if (read := meter_fn(meters)) else None

    return GatewaySensorDescription(
        key=key,
        entity_registry_enabled_default=enabled,
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.meters,
        exists_fn=lambda meters: _exists(meter_fn(meters)) and not (is_optional and value(meters) is None),
        create_without_data=not is_optional,
        needs_battery=meter == "battery",
        value_fn=value,
        counts_fn=lambda meters: is_counting(meter_fn(meters), meters),
        **ENERGY,
    )


_SPLIT_PHASE: Final = sqrt(3) / 2
"""A synchrometer reports a split-phase voltage as the mean of both legs times the square root of 3."""

_TOLERANCE: Final = 0.05
"""How far from that the ratio to the battery's voltage may be. It is 0.865 in captures; elsewhere 0.5, 1 or 1.73."""


def _voltage(meter: Meter, battery: Meter | None) -> float | None:
    """Return a meter's voltage in V, from line to line on a split-phase site.

    A synchrometer (Gateway 2), which measures no frequency, reports 214 V there instead of 247 V (21.39). The battery
    measures the same lines. Its voltage distinguishes such a site from others, whose values are returned as reported:
    409 V from line to line on a three-phase site, and some 420 V on a single-phase one.
    """
    voltage = meter.instant_average_voltage
    known = battery.instant_average_voltage if battery else None
    if not voltage or not known or meter.frequency:
        return voltage
    return voltage / _SPLIT_PHASE if abs(voltage / known / _SPLIT_PHASE - 1) < _TOLERANCE else voltage


_QUANTITIES: Final[dict[str, tuple[Callable[[Meter, Meter | None], float | None], dict[str, Any]]]] = {
    "voltage": (_voltage, VOLTAGE),
    "current": (lambda meter, _: meter.instant_total_current, CURRENT),
    "frequency": (lambda meter, _: meter.frequency or None, FREQUENCY),  # a synchrometer measures none and reports 0
    "reactive_power": (
        lambda meter, _: meter.instant_reactive_power,
        POWER
        | {
            "device_class": SensorDeviceClass.REACTIVE_POWER,
            "native_unit_of_measurement": UnitOfReactivePower.VOLT_AMPERE_REACTIVE,
        },
    ),
    "apparent_power": (
        lambda meter, _: meter.instant_apparent_power,
        POWER
        | {
            "device_class": SensorDeviceClass.APPARENT_POWER,
            "native_unit_of_measurement": UnitOfApparentPower.VOLT_AMPERE,
        },
    ),
}
"""By key: the value from the meter, and from the battery's meter for comparison; how it is shown."""


def _with_grid_frequency(live: LiveData, _: str) -> EndpointResult[MetersAggregates]:
    """Return the meters with the grid's frequency at `site`, none while the grid is not connected.

    A synchrometer measures none. The battery's inverter does, but off-grid it makes that frequency itself.
    """

    def of(meters: MetersAggregates) -> MetersAggregates:
        site, battery = meters.site or Meter(), meters.battery or Meter()
        frequency = (site.frequency or battery.frequency) if live.grid_connected else None
        return replace(meters, site=replace(site, frequency=frequency))

    return live.meters.map(of)


def _quality(meter: str, quantity: str) -> GatewaySensorDescription[LiveData, MetersAggregates]:
    """Describe another quantity that every meter measures."""
    meter_fn, (quantity_fn, shape) = _METERS[meter], _QUANTITIES[quantity]

    def value(meters: MetersAggregates) -> float | None:
        return quantity_fn(read, meters.battery) if (read := meter_fn(meters)) else None

    return GatewaySensorDescription(
        key=f"{meter}_{quantity}",
        coordinator_fn=lambda data: data.live,
        result_fn=_with_grid_frequency if (meter, quantity) == ("grid", "frequency") else lambda live, _: live.meters,
        exists_fn=lambda meters: _exists(meter_fn(meters)) and value(meters) is not None,
        value_fn=value,
        **shape,
        **DISABLED_DIAGNOSTIC,
    )


METER_SENSORS: Final = (
    *(_power(f"{meter}_power", meter) for meter in _METERS),
    _power("grid_import_power", "grid", 1),
    _power("grid_export_power", "grid", -1),
    _power("battery_charge_power", "battery", -1),
    _power("battery_discharge_power", "battery", 1),
    _energy("grid_import_energy", "grid", _IMPORTED),
    _energy("grid_export_energy", "grid", _EXPORTED),
    _energy("solar_energy", "solar", _EXPORTED),
    _energy("home_energy", "home", _IMPORTED),
    _energy("battery_charge_energy", "battery", _IMPORTED),
    _energy("battery_discharge_energy", "battery", _EXPORTED),
    # What the inverters draw at night, and what a mounted meter counts backwards.
    _energy("solar_standby_energy", "solar", _IMPORTED, enabled=False),
    _energy("home_export_energy", "home", _EXPORTED, enabled=False),
    _energy("generator_import_energy", "generator", _IMPORTED),
    _energy("generator_export_energy", "generator", _EXPORTED),
    _energy("busway_import_energy", "busway", _IMPORTED),
    _energy("busway_export_energy", "busway", _EXPORTED),
    *(_quality(meter, quantity) for meter in _METERS for quantity in _QUANTITIES),
)


# -- flows: where the energy goes --------------------------------------------------------------------------------------


def _flow(flow: str, **shape: Any) -> dict[str, Any]:
    return {
        "coordinator_fn": lambda data: data.live,
        "result_fn": lambda live, _: live.flows,
        "exists_fn": lambda flows: flows.has_solar or not flow.startswith("solar"),
        "needs_battery": "battery" in flow,
        **shape,
    }


def _flow_power(flow: str) -> GatewaySensorDescription[LiveData, FlowData]:
    """Describe the power of a flow, for example from solar to the battery."""

    def value(flows: FlowData) -> float | None:
        return None if flows.power is None else getattr(flows.power, flow)

    return GatewaySensorDescription(
        key=f"{flow}_power", entity_registry_enabled_default=False, value_fn=value, **_flow(flow, **POWER)
    )


def _flow_energy(flow: str) -> GatewaySensorDescription[LiveData, FlowData]:
    """Describe the lifetime energy of a flow. The Energy dashboard splits the battery's energy by these."""
    return GatewaySensorDescription(
        key=f"{flow}_energy",
        entity_registry_enabled_default="battery" in flow,
        value_fn=lambda flows: getattr(flows.energy, flow),
        **_flow(flow, **ENERGY),
    )


FLOW_POWER_SENSORS: Final = tuple(_flow_power(flow.name) for flow in fields(Flows))
FLOW_ENERGY_SENSORS: Final = tuple(_flow_energy(flow.name) for flow in fields(Flows))


# -- the battery -------------------------------------------------------------------------------------------------------


class BatteryState(StrEnum):
    """State of the battery."""

    CHARGING = "charging"
    DISCHARGING = "discharging"
    IDLE = "idle"


def _battery_state(meters: MetersAggregates) -> BatteryState | None:
    power = meters.battery.instant_power if meters.battery else None
    if power is None:
        return None
    if abs(power) < IDLE_POWER:
        return BatteryState.IDLE
    return BatteryState.DISCHARGING if power > 0 else BatteryState.CHARGING


def _stored_energy(key: str, **source: Any) -> GatewaySensorDescription[Any, Any]:
    return GatewaySensorDescription(
        key=key,
        needs_battery=True,
        **STORED_ENERGY,
        **source,
    )


def _polled_energy(
    key: str, value_fn: Callable[[SystemStatus], float | None]
) -> GatewaySensorDescription[LiveData, SystemStatus]:
    """Describe an energy that is reported with the charge."""
    return _stored_energy(
        key, coordinator_fn=lambda data: data.live, result_fn=lambda live, _: live.system, value_fn=value_fn
    )


def _signed_energy(
    key: str, value_fn: Callable[[StoredEnergy], float | None]
) -> GatewaySensorDescription[DetailData, StoredEnergy]:
    """Describe an energy that only a signed request reports: on a Powerwall 3."""
    return _stored_energy(
        key,
        coordinator_fn=lambda data: data.detail,
        detail=Detail.CONTROLLER,
        result_fn=lambda detail, _: detail.controller.map(lambda controller: controller.stored),
        exists_fn=lambda stored: value_fn(stored) is not None,
        value_fn=value_fn,
    )


def _limit(
    key: str, value_fn: Callable[[SystemStatus], float | None]
) -> GatewaySensorDescription[LiveData, SystemStatus]:
    return GatewaySensorDescription(
        key=key,
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.system,
        exists_fn=lambda system: value_fn(system) is not None,
        needs_battery=True,
        value_fn=value_fn,
        **POWER,
        **DISABLED_DIAGNOSTIC,
    )


def _time(
    key: str, value_fn: Callable[[BatteryEstimates], int | None], *, enabled: bool = True
) -> GatewaySensorDescription[LiveData, BatteryEstimates]:
    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.DURATION,
        entity_registry_enabled_default=enabled,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.estimates,
        needs_battery=True,
        value_fn=value_fn,
    )


BATTERY_SENSORS: Final[tuple[GatewaySensorDescription[Any, Any], ...]] = (
    GatewaySensorDescription[LiveData, StateOfEnergy | SystemStatus](
        key="charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.battery,
        create_without_data=True,
        needs_battery=True,
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
        result_fn=lambda live, _: live.battery,
        create_without_data=True,
        needs_battery=True,
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
        result_fn=lambda live, _: live.meters,
        create_without_data=True,
        needs_battery=True,
        value_fn=_battery_state,
    ),
    _time("backup_time_remaining", lambda estimates: estimates.backup),
    _time("time_to_full", lambda estimates: estimates.to_full),
    _time("time_to_reserve", lambda estimates: estimates.to_reserve, enabled=False),
)


# -- the grid ----------------------------------------------------------------------------------------------------------


def _faults(faults: tuple[GridFault, ...]) -> Mapping[str, Any]:
    """Return the faults, each with the time at which it was noticed and the values that were measured."""
    return {
        "faults": [
            {
                "name": fault.alert_name,
                "since": fault.timestamp.isoformat() if fault.timestamp else None,
                **{value.name: value.value for value in fault.decoded_alert or () if value.name},
            }
            for fault in faults
        ]
    }


def _grid_faults(**source: Any) -> GatewaySensorDescription[Any, tuple[GridFault, ...]]:
    return GatewaySensorDescription(
        key="grid_faults",
        state_class=SensorStateClass.MEASUREMENT,
        **DISABLED_DIAGNOSTIC,
        needs_battery=True,
        value_fn=len,
        attributes_fn=_faults,
        **source,
    )


GRID_SENSORS: Final[tuple[GatewaySensorDescription[Any, Any], ...]] = (
    GatewaySensorDescription[GridData, GridStatus](
        key="grid_status",
        device_class=SensorDeviceClass.ENUM,
        entity_registry_enabled_default=False,
        options=[state.name.lower() for state in GridState],
        coordinator_fn=lambda data: data.grid,
        result_fn=lambda grid, _: grid.status,
        create_without_data=True,
        needs_battery=True,
        value_fn=lambda grid: grid.grid_status.name.lower() if grid.grid_status else None,
    ),
    GatewaySensorDescription[GridData, GridLog](
        key="last_outage",
        device_class=SensorDeviceClass.TIMESTAMP,
        coordinator_fn=lambda data: data.grid,
        result_fn=lambda grid, _: grid.log,
        needs_battery=True,
        value_fn=lambda log: log.last_outage,
    ),
    # One or the other: `system_status`, which is read anyway, reports them where it exists.
    _grid_faults(
        coordinator_fn=lambda data: data.live,
        result_fn=lambda live, _: live.system.map(lambda system: system.grid_faults),
    ),
    _grid_faults(coordinator_fn=lambda data: data.settings, result_fn=lambda settings, _: settings.grid_faults),
)


# -- the gateway itself ------------------------------------------------------------------------------------------------


def _powerwall_count(**source: Any) -> GatewaySensorDescription[Any, Any]:
    return GatewaySensorDescription(
        key="powerwall_count",
        state_class=SensorStateClass.MEASUREMENT,
        **DISABLED_DIAGNOSTIC,
        **source,
    )


def _signal(network: str) -> GatewaySensorDescription[InventoryData, NetworkInterface]:
    return GatewaySensorDescription(
        key=f"{network}_signal",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.inventory,
        result_fn=network_of(network),
        exists_fn=lambda interface: interface.signal_strength is not None,
        value_fn=lambda interface: interface.signal_strength,
    )


def _listed_powerwalls(inventory: Powerwalls) -> int | None:
    return None if inventory.powerwalls is None else len(inventory.powerwalls)


SYSTEM_SENSORS: Final[tuple[GatewaySensorDescription[Any, Any], ...]] = (
    GatewaySensorDescription[SettingsData, Operation](
        key="operation_mode",
        device_class=SensorDeviceClass.ENUM,
        options=list(OperationMode),
        coordinator_fn=lambda data: data.settings,
        result_fn=lambda settings, _: settings.operation,
        needs_battery=True,
        value_fn=lambda operation: operation.operation_mode,
    ),
    GatewaySensorDescription[SettingsData, Operation](
        key="backup_reserve",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        coordinator_fn=lambda data: data.settings,
        result_fn=lambda settings, _: settings.operation,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
        needs_battery=True,
        scaled=True,
        value_fn=lambda operation: operation.backup_reserve_percent,
    ),
    GatewaySensorDescription[SettingsData, Operation](
        key="backup_reserve_raw",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.settings,
        result_fn=lambda settings, _: settings.operation,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
        needs_battery=True,
        value_fn=lambda operation: operation.backup_reserve_percent,
    ),
    GatewaySensorDescription[SettingsData, datetime](
        key="running_since",
        device_class=SensorDeviceClass.UPTIME,
        **DISABLED_DIAGNOSTIC,
        coordinator_fn=lambda data: data.settings,
        result_fn=lambda settings, _: settings.running_since,
        value_fn=lambda since: since,
    ),
    GatewaySensorDescription[InventoryData, datetime](
        key="started",
        device_class=SensorDeviceClass.UPTIME,
        **DISABLED_DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        result_fn=lambda inventory, _: inventory.started,
        value_fn=lambda started: started,
    ),
    GatewaySensorDescription[InventoryData, SystemUpdate](
        key="update_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.name.lower() for state in UpdateState],
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        result_fn=lambda inventory, _: inventory.update,
        value_fn=lambda update: update.state.name.lower() if update.state else None,
    ),
    GatewaySensorDescription[InventoryData, TroubleshootingProblems](
        key="problems",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        result_fn=lambda inventory, _: inventory.problems,
        value_fn=lambda problems: None if problems.problems is None else len(problems.problems),
        attributes_fn=lambda problems: {"problems": list(problems.problems or ())},
    ),
    _powerwall_count(
        coordinator_fn=lambda data: data.inventory,
        result_fn=lambda inventory, _: inventory.powerwalls,
        value_fn=_listed_powerwalls,
    ),
    # On a Powerwall 3 only signed requests report it; its expansions are devices of their own, too.
    _powerwall_count(
        coordinator_fn=lambda data: data.detail,
        detail=Detail.CONTROLLER,
        result_fn=lambda detail, _: detail.packs,
        exists_fn=bool,
        value_fn=len,
    ),
    GatewaySensorDescription[DetailData, tuple[str, ...]](
        key="alerts",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.detail,
        detail=Detail.CONTROLLER,
        result_fn=lambda detail, _: detail.controller.map(lambda controller: controller.alerts),
        value_fn=len,
        attributes_fn=lambda alerts: {"alerts": sorted(alerts)},
    ),
    _signal("wifi"),
    _signal("cellular"),
)

SENSORS: Final[tuple[GatewaySensorDescription[Any, Any], ...]] = (
    *METER_SENSORS,
    *FLOW_POWER_SENSORS,
    *FLOW_ENERGY_SENSORS,
    *BATTERY_SENSORS,
    *GRID_SENSORS,
    *SYSTEM_SENSORS,
    *DEVICE_SENSORS,
)


# -- the entities ------------------------------------------------------------------------------------------------------


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors."""
    async_add_detected(entry, async_add_entities, _create, SENSORS)


def _create(
    data: PowerwallGatewayData, description: GatewaySensorDescription[Any, Any], device: SubDevice
) -> GatewaySensor[Any]:
    if description in FLOW_ENERGY_SENSORS:
        return GatewayFlowEnergySensor(data, description, device)
    kind = GatewaySensor if description.rated_power is None else GatewayEnergySensor
    return kind(data, description, device)


class GatewaySensor[DataT](GatewayValueEntity[DataT], SensorEntity):
    """Show a value of the gateway or one of its devices."""

    entity_description: GatewaySensorDescription[DataT, Any]

    @property
    @override
    def native_value(self) -> StateType | datetime:
        if (read := self.result.value) is None:
            return None
        value = self.entity_description.value_fn(read)
        return self._on_scale(value) if self.entity_description.scaled and isinstance(value, int | float) else value

    @property
    @override
    def shown(self) -> object:
        value = self.native_value
        return super().shown if isinstance(value, datetime) else value  # the state of an uptime is free of jitter


class GatewayEnergySensor[DataT](GatewaySensor[DataT], RestoreEntity):
    """Show a lifetime energy, guarded against glitches and kept over restarts."""

    _energy: float | None = None
    _taken_from: DataT | None = None

    @override
    async def async_added_to_hass(self) -> None:
        description = self.entity_description
        self._filter = EnergyFilter(description.key, description.rated_power or 0.0)
        state, kept = await self.async_get_last_state(), await self.async_get_last_extra_data()
        if state and kept:
            self._filter.state = CounterState.from_dict(kept.as_dict(), state.last_updated.timestamp())
        self._take()
        await super().async_added_to_hass()  # last: from here on the coordinator calls

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """Keep the last count, also while the gateway does not answer."""
        return RestoredExtraData(self._filter.state.as_dict()) if self._filter.state else None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._take()
        super()._handle_coordinator_update()

    def _take(self) -> None:
        """Filter the value of a poll, once per poll; a failed poll has no value."""
        if (data := self.coordinator.data) is self._taken_from:
            return
        self._taken_from = data
        if (read := self.result).value is None:
            self._energy = None
        elif read.error is None:
            value, counts = super().native_value, self.entity_description.counts_fn(read.value)
            self._energy = (
                self._filter.update(float(value), dt_util.utcnow().timestamp(), proven=counts)
                if isinstance(value, int | float)
                else None
            )

    @property
    @override
    def native_value(self) -> float | None:
        return self._energy


class GatewayFlowEnergySensor(GatewaySensor[LiveData], RestoreEntity):
    """Show the lifetime energy of a flow. Each of these sensors stores all of them, because they are counted as one."""

    coordinator: LiveCoordinator

    @override
    async def async_added_to_hass(self) -> None:
        if kept := await self.async_get_last_extra_data():
            self.coordinator.restore_flows(kept.as_dict())
        await super().async_added_to_hass()

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData:
        return RestoredExtraData(self.coordinator.flow_counters.as_dict())
