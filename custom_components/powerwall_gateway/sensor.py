"""Sensors of the Powerwall gateway; those of the devices below it are in `sensor_devices.py`."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from enum import StrEnum
from math import sqrt
from operator import attrgetter
from typing import Any, Final, override

from homeassistant.components.sensor import RestoreSensor, SensorDeviceClass, SensorEntity
from homeassistant.const import EntityCategory, UnitOfApparentPower, UnitOfReactivePower, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .alert_meanings import count, describe
from .control import DispatchControl
from .coordinator import Detail, EndpointResult, LiveCoordinator
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device_ids import SubDevice
from .energy_filter import HOME_POWER, CounterState, EnergyFilter, finite_number, is_counting
from .entity import (
    BATTERY,
    CONTROLLER,
    DISABLED_DIAGNOSTIC,
    GRID,
    METERS,
    NETWORKS,
    OPERATION,
    POWERWALLS,
    SYSTEM,
    GatewaySensorDescription,
    GatewayValueEntity,
    Source,
    async_add_detected,
)
from .estimates import IDLE_POWER, BatteryEstimates
from .flow_split import FlowData, Flows
from .gateway.models import (
    FullBackup,
    GridFault,
    GridState,
    Meter,
    MetersAggregates,
    NetworkInterface,
    OperationMode,
    SystemStatus,
    UpdateState,
)
from .sensor_devices import (
    CURRENT,
    DEVICE_SENSORS,
    DISABLED_MEASUREMENT,
    ENERGY,
    FREQUENCY,
    PERCENT,
    POWER,
    STORED_ENERGY,
    VOLTAGE,
)
from .storage import Purpose
from .sub_devices import network_in_use

PARALLEL_UPDATES = 0

_UPTIME: Final = DISABLED_DIAGNOSTIC | {"device_class": SensorDeviceClass.UPTIME}
_RAW_PERCENT: Final = PERCENT | DISABLED_DIAGNOSTIC | {"suggested_display_precision": 1}


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


def _meter_sensor(
    key: str,
    meter: str,
    value_fn: Callable[[Meter, Meter | None], float | None],
    quantity: dict[str, Any],
    *,
    source: Source[MetersAggregates] = METERS,
    needs_value: bool,
    **more: Any,
) -> GatewaySensorDescription[MetersAggregates]:
    """Describe a sensor of a meter. `value_fn` takes the meter, and the battery's meter for comparison."""
    meter_fn = _METERS[meter]

    def value(meters: MetersAggregates) -> float | None:
        return value_fn(measured, meters.battery) if (measured := meter_fn(meters)) else None

    def exists(meters: MetersAggregates) -> bool:
        measured = meter_fn(meters)
        return measured is not None and measured.exists and not (needs_value and value(meters) is None)

    return GatewaySensorDescription(
        key=key,
        source=source,
        exists_fn=exists,
        value_fn=value,
        counts_fn=lambda meters: is_counting(meter_fn(meters), meters),
        **quantity,
        **more,
    )


def _power(key: str, meter: str, sign: int = 0) -> GatewaySensorDescription[MetersAggregates]:
    """Describe the real power of a meter, or of what flows in the direction of `sign`."""

    def value(meter: Meter, _: Meter | None) -> float | None:
        if (power := meter.instant_power) is None:
            return None
        # As a float without a sign on its zero: the gateway prints 5, 5.25 and -0, and each would be another state.
        return max(0.0, sign * power) + 0.0 if sign else float(power) + 0.0

    return _meter_sensor(
        key,
        meter,
        value,
        POWER,
        source=Source(lambda data: data.live, lambda data, _: data.live.data.shown_meters),
        needs_value=False,
        create_without_data=meter not in _OPTIONAL_METERS,
        needs_battery=meter == "battery",
        entity_registry_enabled_default=not sign,
    )


def _energy(key: str, meter: str, counter: str, *, enabled: bool = True) -> GatewaySensorDescription[MetersAggregates]:
    """Describe a lifetime energy of a meter; `counter` is "imported" or "exported"."""
    counter_fn = attrgetter(f"energy_{counter}")
    return _meter_sensor(
        key,
        meter,
        lambda meter, _: counter_fn(meter),
        ENERGY,
        needs_value=meter in _OPTIONAL_METERS,
        create_without_data=meter not in _OPTIONAL_METERS,
        needs_battery=meter == "battery",
        entity_registry_enabled_default=enabled,
    )


def _calculated_energy(key: str, meter: str, sign: int) -> GatewaySensorDescription[MetersAggregates]:
    """Describe the energy that flowed in the direction of `sign`, calculated from the power of the polls."""

    def power(meter: Meter, _: Meter | None) -> float | None:
        return None if meter.instant_power is None else sign * meter.instant_power

    return _meter_sensor(
        f"{key}_calculated",
        meter,
        power,
        ENERGY | {"rated_power": None},
        needs_value=False,
        create_without_data=True,
        needs_battery=meter == "battery",
        entity_registry_enabled_default=False,
    )


_SPLIT_PHASE: Final = sqrt(3) / 2
"""A synchrometer reports a split-phase voltage as the mean of both legs times the square root of 3."""

_TOLERANCE: Final = 0.05
"""Largest deviation of the ratio to the battery's voltage. It is 0.865 in captures; elsewhere 0.5, 1 or 1.73."""


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


_REACTIVE_POWER: Final = POWER | {
    "device_class": SensorDeviceClass.REACTIVE_POWER,
    "native_unit_of_measurement": UnitOfReactivePower.VOLT_AMPERE_REACTIVE,
}
_APPARENT_POWER: Final = POWER | {
    "device_class": SensorDeviceClass.APPARENT_POWER,
    "native_unit_of_measurement": UnitOfApparentPower.VOLT_AMPERE,
}
_QUANTITIES: Final[dict[str, tuple[Callable[[Meter, Meter | None], float | None], dict[str, Any]]]] = {
    "voltage": (_voltage, VOLTAGE),
    "current": (lambda meter, _: meter.instant_total_current, CURRENT),
    "frequency": (lambda meter, _: meter.frequency or None, FREQUENCY),  # a synchrometer measures none and reports 0
    "reactive_power": (lambda meter, _: meter.instant_reactive_power, _REACTIVE_POWER),
    "apparent_power": (lambda meter, _: meter.instant_apparent_power, _APPARENT_POWER),
}


def _with_grid_frequency(data: PowerwallGatewayData, _: str) -> EndpointResult[MetersAggregates]:
    """Return the meters with the grid's frequency at `site`, none while the grid is not connected.

    A synchrometer measures none. The battery's inverter does, but off-grid it makes that frequency itself.
    """
    live = data.live.data

    def of(meters: MetersAggregates) -> MetersAggregates:
        site, battery = meters.site or Meter(), meters.battery or Meter()
        frequency = (site.frequency or battery.frequency) if live.grid_connected else None
        return replace(meters, site=replace(site, frequency=frequency))

    return live.meters.map(of)


def _quality(meter: str, quantity: str) -> GatewaySensorDescription[MetersAggregates]:
    """Describe another quantity that every meter measures."""
    value_fn, shape = _QUANTITIES[quantity]
    source = replace(METERS, result_fn=_with_grid_frequency) if (meter, quantity) == ("grid", "frequency") else METERS
    return _meter_sensor(
        f"{meter}_{quantity}", meter, value_fn, shape, needs_value=True, source=source, **DISABLED_DIAGNOSTIC
    )


METER_SENSORS: Final = (
    *(_power(f"{meter}_power", meter) for meter in _METERS),
    _power("grid_import_power", "grid", 1),
    _power("grid_export_power", "grid", -1),
    _power("battery_charge_power", "battery", -1),
    _power("battery_discharge_power", "battery", 1),
    _energy("grid_import_energy", "grid", "imported"),
    _energy("grid_export_energy", "grid", "exported"),
    _energy("solar_energy", "solar", "exported"),
    _energy("home_energy", "home", "imported"),
    _energy("battery_charge_energy", "battery", "imported"),
    _energy("battery_discharge_energy", "battery", "exported"),
    # The inverters' own consumption at night, and the count of a meter that is mounted backwards.
    _energy("solar_standby_energy", "solar", "imported", enabled=False),
    _energy("home_export_energy", "home", "exported", enabled=False),
    _energy("generator_import_energy", "generator", "imported"),
    _energy("generator_export_energy", "generator", "exported"),
    _energy("busway_import_energy", "busway", "imported"),
    _energy("busway_export_energy", "busway", "exported"),
    *(_quality(meter, quantity) for meter in _METERS for quantity in _QUANTITIES),
)


CALCULATED_ENERGY_SENSORS: Final = (
    _calculated_energy("grid_import", "grid", 1),
    _calculated_energy("grid_export", "grid", -1),
    _calculated_energy("solar", "solar", 1),
    _calculated_energy("home", "home", 1),
    _calculated_energy("battery_charge", "battery", -1),
    _calculated_energy("battery_discharge", "battery", 1),
)


# -- flows: where the energy goes --------------------------------------------------------------------------------------


def _flow_sensor(flow: str, **more: Any) -> GatewaySensorDescription[FlowData]:
    """Describe a sensor of a flow, for example from solar to the battery."""
    return GatewaySensorDescription(
        source=Source(lambda data: data.live, lambda data, _: data.live.data.flows),
        exists_fn=lambda flows: flows.has_solar or not flow.startswith("solar"),
        needs_battery="battery" in flow,
        **more,
    )


def _flow_power(flow: str) -> GatewaySensorDescription[FlowData]:
    return _flow_sensor(
        flow,
        key=f"{flow}_power",
        entity_registry_enabled_default=False,
        value_fn=lambda flows: None if flows.power is None else float(getattr(flows.power, flow)),
        **POWER,
    )


def _flow_energy(flow: str) -> GatewaySensorDescription[FlowData]:
    """Describe the lifetime energy of a flow. The Energy dashboard splits the battery's energy by these."""
    return _flow_sensor(
        flow,
        key=f"{flow}_energy",
        entity_registry_enabled_default="battery" in flow,
        value_fn=lambda flows: getattr(flows.energy, flow),
        **ENERGY,
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
    if (power := meters.battery_power) is None:
        return None
    if abs(power) < IDLE_POWER:
        return BatteryState.IDLE
    return BatteryState.DISCHARGING if power > 0 else BatteryState.CHARGING


def _stored_energy[ValueT](
    key: str,
    source: Source[ValueT],
    value_fn: Callable[[ValueT], float | None],
    *,
    needs_value: bool = False,
    enabled: bool = True,
) -> GatewaySensorDescription[ValueT]:
    return GatewaySensorDescription(
        key=key,
        source=source,
        exists_fn=lambda stored: not needs_value or value_fn(stored) is not None,
        needs_battery=True,
        value_fn=value_fn,
        entity_registry_enabled_default=enabled,
        **STORED_ENERGY,
    )


def _limit(key: str, value_fn: Callable[[SystemStatus], float | None]) -> GatewaySensorDescription[SystemStatus]:
    return GatewaySensorDescription(
        key=key,
        source=SYSTEM,
        exists_fn=lambda system: value_fn(system) is not None,
        needs_battery=True,
        value_fn=value_fn,
        **POWER,
        **DISABLED_DIAGNOSTIC,
    )


def _time(
    key: str, value_fn: Callable[[BatteryEstimates], int | None], *, enabled: bool = True
) -> GatewaySensorDescription[BatteryEstimates]:
    return GatewaySensorDescription(
        key=key,
        device_class=SensorDeviceClass.DURATION,
        entity_registry_enabled_default=enabled,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        source=Source(lambda data: data.live, lambda data, _: data.live.data.estimates),
        needs_battery=True,
        value_fn=value_fn,
    )


BATTERY_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    GatewaySensorDescription(
        key="charge",
        device_class=SensorDeviceClass.BATTERY,
        source=BATTERY,
        create_without_data=True,
        needs_battery=True,
        scaled=True,
        value_fn=lambda battery: battery.percentage,
        **PERCENT,
    ),
    GatewaySensorDescription(
        key="charge_raw",
        source=BATTERY,
        create_without_data=True,
        needs_battery=True,
        value_fn=lambda battery: None if battery.percentage is None else round(battery.percentage, 1),
        **_RAW_PERCENT,
    ),
    _stored_energy("energy_remaining", SYSTEM, lambda system: system.nominal_energy_remaining, enabled=False),
    _stored_energy("energy_capacity", SYSTEM, lambda system: system.nominal_full_pack_energy),
    # A Powerwall 3 reports them in signed responses only.
    _stored_energy(
        "energy_remaining", CONTROLLER, lambda shown: shown.nominal_energy_remaining, needs_value=True, enabled=False
    ),
    _stored_energy("energy_capacity", CONTROLLER, lambda shown: shown.nominal_full_pack_energy, needs_value=True),
    _limit("max_charge_power", lambda system: system.instantaneous_max_charge_power),
    _limit("max_discharge_power", lambda system: system.instantaneous_max_discharge_power),
    GatewaySensorDescription(
        key="battery_state",
        device_class=SensorDeviceClass.ENUM,
        entity_registry_enabled_default=False,
        options=list(BatteryState),
        source=METERS,
        create_without_data=True,
        needs_battery=True,
        value_fn=_battery_state,
    ),
    _time("backup_time_remaining", lambda estimates: estimates.backup),
    _time("time_to_full", lambda estimates: estimates.to_full, enabled=False),
    _time("time_to_reserve", lambda estimates: estimates.to_reserve, enabled=False),
)


# -- the grid ----------------------------------------------------------------------------------------------------------


def _faults(faults: tuple[GridFault, ...]) -> Mapping[str, Any]:
    """Return the faults, each with the time at which it was noticed and the values that were measured."""
    return {
        "faults": [
            {
                **describe(fault.alert_name or ""),
                "since": fault.timestamp.isoformat() if fault.timestamp else None,
                **{value.name: value.value for value in fault.decoded_alert or () if value.name},
            }
            for fault in faults
        ]
    }


def _grid_faults(source: Source[tuple[GridFault, ...]]) -> GatewaySensorDescription[tuple[GridFault, ...]]:
    return GatewaySensorDescription(
        key="grid_faults",
        source=source,
        needs_battery=True,
        value_fn=len,
        attributes_fn=_faults,
        **DISABLED_MEASUREMENT,
    )


GRID_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    GatewaySensorDescription(
        key="grid_status",
        device_class=SensorDeviceClass.ENUM,
        entity_registry_enabled_default=False,
        options=[state.name.lower() for state in GridState],
        source=GRID,
        create_without_data=True,
        needs_battery=True,
        value_fn=lambda grid: grid.grid_status.name.lower() if grid.grid_status else None,
    ),
    GatewaySensorDescription(
        key="last_outage",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        source=Source(lambda data: data.grid, lambda data, _: data.grid.data.log),
        needs_battery=True,
        value_fn=lambda log: log.last_outage,
    ),
    GatewaySensorDescription(
        key="grid_services_power",
        entity_registry_enabled_default=False,
        source=SYSTEM,
        exists_fn=lambda system: system.grid_services_power is not None,
        needs_battery=True,
        value_fn=lambda system: system.grid_services_power,
        **POWER,
    ),
    # One or the other: `system_status`, which is read anyway, reports them where it exists.
    _grid_faults(SYSTEM.map(lambda system: system.grid_faults)),
    _grid_faults(Source(lambda data: data.settings, lambda data, _: data.settings.data.grid_faults)),
)


# -- the gateway itself ------------------------------------------------------------------------------------------------


def _signal(network: str) -> GatewaySensorDescription[NetworkInterface]:
    return GatewaySensorDescription(
        key=f"{network}_signal",
        source=NETWORKS.map(lambda interfaces: network_in_use(interfaces, network)),
        exists_fn=lambda interface: interface.signal_strength is not None,
        value_fn=lambda interface: interface.signal_strength,
        **PERCENT,
        **DISABLED_DIAGNOSTIC,
    )


def _full_backup(data: PowerwallGatewayData, _: str) -> EndpointResult[FullBackup]:
    """Return the full backup: the one that Home Assistant set by the backup reserve, or the gateway's own."""
    if not data.control.can_set_operation:
        return EndpointResult()
    temporary, shown = data.settings.data.temporary, data.detail.data.full_backup.value
    until = shown.until if shown else None
    if temporary and temporary.purpose is Purpose.BACKUP and not temporary.is_over:
        until = temporary.until
    return EndpointResult(value=FullBackup(until=until))


def _dispatch(data: PowerwallGatewayData, _: str) -> EndpointResult[DispatchControl]:
    """Return what sets the power of the battery, if the gateway accepts the signing key."""
    return EndpointResult(value=data.control.dispatch) if data.control.can_set_grid_policy else EndpointResult()


SYSTEM_SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    GatewaySensorDescription(
        key="operation_mode",
        device_class=SensorDeviceClass.ENUM,
        options=list(OperationMode),
        source=OPERATION,
        needs_battery=True,
        value_fn=lambda operation: operation.operation_mode,
    ),
    GatewaySensorDescription(
        key="backup_reserve",
        source=OPERATION,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
        needs_battery=True,
        scaled=True,
        value_fn=lambda operation: operation.backup_reserve_percent,
        **PERCENT,
    ),
    GatewaySensorDescription(
        key="backup_reserve_raw",
        source=OPERATION,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
        needs_battery=True,
        value_fn=lambda operation: operation.backup_reserve_percent,
        **_RAW_PERCENT,
    ),
    GatewaySensorDescription(
        key="backup_until",
        device_class=SensorDeviceClass.TIMESTAMP,
        source=Source(lambda data: data.detail, _full_backup, Detail.FULL_BACKUP),
        needs_battery=True,
        withdrawn_fn=lambda control: control.operation_withdrawn,
        value_fn=lambda backup: backup.until,
    ),
    GatewaySensorDescription(
        key="dispatch_until",
        entity_registry_enabled_default=False,
        device_class=SensorDeviceClass.TIMESTAMP,
        source=Source(lambda data: data.settings, _dispatch),
        needs_battery=True,
        withdrawn_fn=lambda control: control.grid_policy_withdrawn,
        value_fn=lambda dispatch: dispatch.until,
        attributes_fn=lambda dispatch: {"ended_because": dispatch.ended_because},
    ),
    GatewaySensorDescription(
        key="running_since",
        source=Source(lambda data: data.settings, lambda data, _: data.settings.data.running_since),
        value_fn=lambda since: since,
        **_UPTIME,
    ),
    GatewaySensorDescription(
        key="started",
        source=Source(lambda data: data.inventory, lambda data, _: data.inventory.data.started),
        value_fn=lambda started: started,
        **_UPTIME,
    ),
    GatewaySensorDescription(
        key="update_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.name.lower() for state in UpdateState],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        source=Source(lambda data: data.inventory, lambda data, _: data.inventory.data.update),
        value_fn=lambda update: update.state.name.lower() if update.state else None,
    ),
    GatewaySensorDescription(
        key="problems",
        source=Source(lambda data: data.inventory, lambda data, _: data.inventory.data.problems),
        value_fn=lambda problems: None if problems.problems is None else len(problems.problems),
        attributes_fn=lambda problems: {"problems": list(problems.problems or ())},
        **DISABLED_MEASUREMENT,
    ),
    GatewaySensorDescription(
        key="powerwall_count",
        source=POWERWALLS,
        value_fn=lambda listed: None if listed.powerwalls is None else len(listed.powerwalls),
        **DISABLED_MEASUREMENT,
    ),
    # On a Powerwall 3 only signed requests report it; its expansions are devices of their own, too.
    GatewaySensorDescription(
        key="powerwall_count",
        source=Source(lambda data: data.detail, lambda data, _: data.detail.data.packs, Detail.CONTROLLER),
        exists_fn=bool,
        value_fn=len,
        **DISABLED_MEASUREMENT,
    ),
    GatewaySensorDescription(
        key="alerts",
        source=CONTROLLER.map(lambda controller: controller.alerts),
        value_fn=count,
        attributes_fn=lambda alerts: {"alerts": list(map(describe, sorted(set(alerts))))},
        **DISABLED_MEASUREMENT,
    ),
    _signal("wifi"),
    _signal("cellular"),
)

SENSORS: Final[tuple[GatewaySensorDescription[Any], ...]] = (
    *METER_SENSORS,
    *CALCULATED_ENERGY_SENSORS,
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


def _create(data: PowerwallGatewayData, description: GatewaySensorDescription[Any], device: SubDevice) -> GatewaySensor:
    if description in FLOW_ENERGY_SENSORS:
        return GatewayFlowEnergySensor(data, description, device)
    if description in CALCULATED_ENERGY_SENSORS:
        return GatewayCalculatedEnergySensor(data, description, device)
    kind = GatewaySensor if description.rated_power is None else GatewayEnergySensor
    return kind(data, description, device)


class GatewaySensor(GatewayValueEntity, SensorEntity):
    """Show a value of the gateway or one of its devices."""

    entity_description: GatewaySensorDescription[Any]

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


class GatewayEnergySensor(GatewaySensor, RestoreEntity):
    """Show a lifetime energy, guarded against glitches and kept over restarts."""

    _energy: float | None = None
    _filtered_at = 0.0
    """Monotonic time of the last value that was filtered, in seconds."""

    @override
    async def async_added_to_hass(self) -> None:
        description = self.entity_description
        self._filter = EnergyFilter(description.key, description.rated_power or 0.0)
        state, kept = await self.async_get_last_state(), await self.async_get_last_extra_data()
        if state and kept:
            self._filter.state = CounterState.from_dict(kept.as_dict(), state.last_updated.timestamp())
        await super().async_added_to_hass()  # last: from here on the coordinator calls

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """Keep the last count, also while the gateway does not respond."""
        return RestoredExtraData(self._filter.state.as_dict()) if self._filter.state else None

    @override
    def _process_poll(self) -> None:
        """Filter a new value. The listeners are also called, and the data replaced, without a poll."""
        if (read := self.result).value is None:
            self._energy = None
        elif read.error is None and read.at != self._filtered_at:
            self._filtered_at = read.at
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


LONGEST_GAP: Final = 300.0
"""Most seconds between two values. What flowed in a longer gap is unknown, and is not counted."""


class PowerIntegral:
    """Energy in Wh by the trapezoidal rule. It never falls: only what flows in one direction is counted."""

    def __init__(self, energy: float = 0.0) -> None:
        self.energy = energy
        self._last: tuple[float, float] | None = None
        """Power at the last update, and its time."""

    def update(self, power: float, now: float) -> None:
        """Add the energy since the last update. `power` is in W, `now` in monotonic seconds.

        A power against the counted direction counts as 0 W. One that no home has is ignored.
        """
        if abs(power) > HOME_POWER:
            return
        power = max(0.0, power)
        if self._last:
            before, at = self._last
            seconds = now - at
            if 0 < seconds <= LONGEST_GAP:
                self.energy += (before + power) / 2 * seconds / 3600
        self._last = power, now


class GatewayCalculatedEnergySensor(GatewaySensor, RestoreSensor):
    """Show an energy that is calculated from power, and kept over restarts."""

    @override
    async def async_added_to_hass(self) -> None:
        kept = await self.async_get_last_sensor_data()
        energy = finite_number(kept.native_value) if kept else None
        self._integral = PowerIntegral(max(0.0, energy or 0.0))
        await super().async_added_to_hass()  # last: from here on the coordinator calls

    @override
    def _process_poll(self) -> None:
        """Add the energy since the last response. A failed poll adds nothing: the next one does, unless it is late."""
        read = self.result
        power = None if read.fresh is None else self.entity_description.value_fn(read.fresh)
        if isinstance(power, int | float):
            self._integral.update(power, read.at)

    @property
    @override
    def native_value(self) -> float:
        return round(self._integral.energy, 1)


class GatewayFlowEnergySensor(GatewaySensor, RestoreEntity):
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
