"""How the system is set, whether it runs, and what it says of itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfRatio

from ..coordinator import Detail, DetailData, InventoryData, SettingsData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..gateway.models import (
    BatteryBlock,
    CustomerRegistration,
    Operation,
    OperationMode,
    Powerwalls,
    Sitemaster,
    SystemUpdate,
    TroubleshootingProblems,
    UpdateState,
)


def _problems(problems: TroubleshootingProblems) -> Mapping[str, Any]:
    return {"problems": list(problems.problems or ())}


SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    GatewaySensorDescription[SettingsData, Operation](
        key="operation_mode",
        device_class=SensorDeviceClass.ENUM,
        options=list(OperationMode),
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        value_fn=lambda operation: operation.operation_mode,
    ),
    GatewaySensorDescription[SettingsData, Operation](
        key="backup_reserve",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
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
        reading_fn=lambda settings, _: settings.operation,
        exists_fn=lambda operation: operation.backup_reserve_percent is not None,
        value_fn=lambda operation: operation.backup_reserve_percent,
    ),
    GatewaySensorDescription[SettingsData, datetime](
        key="running_since",
        device_class=SensorDeviceClass.UPTIME,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.running_since,
        value_fn=lambda since: since,
    ),
    GatewaySensorDescription[InventoryData, datetime](
        key="started",
        device_class=SensorDeviceClass.UPTIME,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.started,
        value_fn=lambda started: started,
    ),
    GatewaySensorDescription[InventoryData, SystemUpdate](
        key="update_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.name.lower() for state in UpdateState],
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.update,
        value_fn=lambda update: update.state.name.lower() if update.state else None,
    ),
    GatewaySensorDescription[InventoryData, TroubleshootingProblems](
        key="problems",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.problems,
        value_fn=lambda problems: None if problems.problems is None else len(problems.problems),
        attributes_fn=_problems,
    ),
    GatewaySensorDescription[InventoryData, Powerwalls](
        key="powerwall_count",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.powerwalls,
        value_fn=lambda inventory: None if inventory.powerwalls is None else len(inventory.powerwalls),
    ),
    # The same where only signed requests tell: on a Powerwall 3, whose expansions have devices of their own, too.
    GatewaySensorDescription[DetailData, Mapping[str, BatteryBlock]](
        key="powerwall_count",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        context=Detail.CONTROLLER,
        coordinator_fn=lambda data: data.detail,
        reading_fn=lambda detail, _: detail.packs,
        exists_fn=bool,
        value_fn=len,
    ),
    GatewaySensorDescription[DetailData, tuple[str, ...]](
        key="alerts",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        context=Detail.CONTROLLER,
        coordinator_fn=lambda data: data.detail,
        reading_fn=lambda detail, _: detail.controller.map(lambda controller: controller.alerts),
        value_fn=len,
        attributes_fn=lambda alerts: {"alerts": sorted(alerts)},
    ),
)

BINARY_SENSORS = (
    GatewayBinarySensorDescription[SettingsData, Sitemaster](
        key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.sitemaster,
        always=True,
        is_on_fn=lambda sitemaster: sitemaster.running,
    ),
    GatewayBinarySensorDescription[SettingsData, Sitemaster](
        key="connected_to_tesla",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.sitemaster,
        always=True,
        is_on_fn=lambda sitemaster: sitemaster.connected_to_tesla,
    ),
    GatewayBinarySensorDescription[InventoryData, Powerwalls](
        key="in_sync",
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.powerwalls,
        exists_fn=lambda inventory: inventory.has_sync is not None,
        is_on_fn=lambda inventory: inventory.has_sync,
    ),
    GatewayBinarySensorDescription[InventoryData, CustomerRegistration](
        key="registered",
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=lambda inventory, _: inventory.registration,
        exists_fn=lambda registration: registration.registered is not None,
        is_on_fn=lambda registration: registration.registered,
    ),
)
