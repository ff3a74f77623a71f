"""What an owner who allowed it may change."""

from typing import Any

from homeassistant.components.number import NumberMode
from homeassistant.const import EntityCategory, UnitOfRatio

from ..coordinator import Detail, DetailData, GridData, SettingsData
from ..description import (
    GatewayButtonDescription,
    GatewayNumberDescription,
    GatewaySelectDescription,
    GatewaySwitchDescription,
)
from ..gateway.models import ConfigFile, ExportRule, GridStatus, Operation, OperationMode, Sitemaster

SELECTS: tuple[GatewaySelectDescription[Any, Any], ...] = (
    GatewaySelectDescription[SettingsData, Operation](
        key="operation_mode",
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        parts_fn=lambda data: (data.itself,) if data.control.allowed else (),
        allowed_fn=lambda control: control.allowed,
        withdrawn_fn=lambda control: control.is_withdrawn,
        options_fn=lambda control: control.modes,
        current_fn=lambda operation: operation.operation_mode,
        select_fn=lambda control, mode: control.async_set(mode=OperationMode(mode)),
    ),
    GatewaySelectDescription[DetailData, ConfigFile](
        key="export_rule",
        entity_category=EntityCategory.CONFIG,
        context=Detail.CONFIG,
        coordinator_fn=lambda data: data.detail,
        reading_fn=lambda detail, _: detail.config,
        parts_fn=lambda data: (data.itself,) if data.control.rules_grid else (),
        allowed_fn=lambda control: control.rules_grid,
        withdrawn_fn=lambda control: control.rules_withdrawn,
        options_fn=lambda _: ExportRule,
        current_fn=lambda config: config.export_rule,
        select_fn=lambda control, rule: control.async_set_export(ExportRule(rule)),
    ),
)

NUMBERS = (
    GatewayNumberDescription[SettingsData, Operation](
        key="backup_reserve",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        native_max_value=100,
        native_step=1,
        mode=NumberMode.SLIDER,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        parts_fn=lambda data: (data.itself,) if data.control.allowed else (),
        allowed_fn=lambda control: control.allowed,
        withdrawn_fn=lambda control: control.is_withdrawn,
        value_fn=lambda operation: operation.backup_reserve_percent,
        set_fn=lambda control, reserve: control.async_set(reserve=reserve),
    ),
)

SWITCHES: tuple[GatewaySwitchDescription[Any, Any], ...] = (
    GatewaySwitchDescription[GridData, GridStatus](
        key="off_grid",
        # Not among what "turn on everything in this room" reaches, nor what is shown to a voice assistant by itself.
        entity_category=EntityCategory.CONFIG,
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.status,
        parts_fn=lambda data: (data.itself,) if data.control.islands else (),
        allowed_fn=lambda control: control.islands,
        withdrawn_fn=lambda control: control.islanding_withdrawn,
        is_on_fn=lambda grid: grid.chosen,
        turn_on_fn=lambda control: control.off_grid.async_leave(),
        turn_off_fn=lambda control: control.off_grid.async_return(),
    ),
    GatewaySwitchDescription[DetailData, ConfigFile](
        key="grid_charging",
        entity_category=EntityCategory.CONFIG,
        context=Detail.CONFIG,
        coordinator_fn=lambda data: data.detail,
        reading_fn=lambda detail, _: detail.config,
        parts_fn=lambda data: (data.itself,) if data.control.rules_grid else (),
        allowed_fn=lambda control: control.rules_grid,
        withdrawn_fn=lambda control: control.rules_withdrawn,
        is_on_fn=lambda detail: detail.config.value.charges_from_grid if detail.config.value else None,
        turn_on_fn=lambda control: control.async_set_grid_charging(allowed=True),
        turn_off_fn=lambda control: control.async_set_grid_charging(allowed=False),
    ),
)

BUTTONS = (
    GatewayButtonDescription[SettingsData, Sitemaster](
        key="start",
        entity_category=EntityCategory.CONFIG,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.sitemaster,
        parts_fn=lambda data: (data.itself,) if data.control.consented else (),
        withdrawn_fn=lambda control: not control.consented,
        always=True,
        press_fn=lambda control: control.async_start(),
    ),
)
