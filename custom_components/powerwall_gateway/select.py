"""Selects of the Powerwall gateway."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .control import Control
from .data import PowerwallGatewayConfigEntry
from .entity import CONFIG, OPERATION, GatewayControlDescription, GatewayControlEntity, async_add_detected
from .gateway.models import ExportRule

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class GatewaySelectDescription[ValueT](GatewayControlDescription[ValueT], SelectEntityDescription):
    """Describe a select."""

    options_fn: Callable[[Control], Iterable[str]]
    """Return the options that can be selected here and now."""

    current_fn: Callable[[ValueT], str | None]
    select_fn: Callable[[Control, str], Awaitable[object]]


SELECTS: tuple[GatewaySelectDescription[Any], ...] = (
    GatewaySelectDescription(
        key="operation_mode",
        source=OPERATION,
        needs_battery=True,
        available_fn=lambda control: control.can_set_operation,
        withdrawn_fn=lambda control: control.operation_withdrawn,
        options_fn=lambda control: control.modes,
        current_fn=lambda operation: operation.operation_mode,
        select_fn=lambda control, mode: control.async_set(mode=mode),
    ),
    GatewaySelectDescription(
        key="export_rule",
        entity_category=EntityCategory.CONFIG,
        source=CONFIG,
        available_fn=lambda control: control.can_set_grid_policy,
        withdrawn_fn=lambda control: control.grid_policy_withdrawn,
        options_fn=lambda _: ExportRule,
        current_fn=lambda config: config.export_rule,
        select_fn=lambda control, rule: control.async_change_grid_policy(
            lambda policy: policy.set_export(ExportRule(rule))
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the selects."""
    async_add_detected(entry, async_add_entities, GatewaySelect, SELECTS)


class GatewaySelect(GatewayControlEntity, SelectEntity):
    """Select a setting of the gateway."""

    entity_description: GatewaySelectDescription[Any]

    @property
    @override
    def options(self) -> list[str]:
        settable = [str(option) for option in self.entity_description.options_fn(self._data.control)]
        current = self.current_option  # listed even if it cannot be selected
        return settable if current is None or current in settable else [*settable, current]

    @property
    @override
    def current_option(self) -> str | None:
        return None if (value := self.result.value) is None else self.entity_description.current_fn(value)

    @override
    async def async_select_option(self, option: str) -> None:
        await self.entity_description.select_fn(self._data.control, option)
