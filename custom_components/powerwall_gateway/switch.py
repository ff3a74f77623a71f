"""Switches of the Powerwall gateway."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .control import TEMPORARY_FOR, Control
from .data import PowerwallGatewayConfigEntry
from .entity import CONFIG, GRID, OPERATION, GatewayControlDescription, GatewayControlEntity, async_add_detected
from .storage import Purpose

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class GatewaySwitchDescription[ValueT](GatewayControlDescription[ValueT], SwitchEntityDescription):
    """Describe a switch."""

    is_on_fn: Callable[[Any], bool | None]
    """Return whether it is on, from the coordinator's data."""

    set_fn: Callable[[Control, bool], Awaitable[object]]


SWITCHES: tuple[GatewaySwitchDescription[Any], ...] = (
    GatewaySwitchDescription(
        key="off_grid",
        # Config, so that it is not part of "turn on everything in this area", nor exposed to voice assistants.
        entity_category=EntityCategory.CONFIG,
        source=GRID,
        needs_battery=True,
        available_fn=lambda control: control.can_go_off_grid,
        withdrawn_fn=lambda control: control.off_grid_withdrawn,
        is_on_fn=lambda grid: grid.intentional,
        set_fn=lambda control, on: control.off_grid.async_leave() if on else control.off_grid.async_return(),
    ),
    GatewaySwitchDescription(
        key="hold",
        entity_category=EntityCategory.CONFIG,
        source=OPERATION,
        needs_battery=True,
        available_fn=lambda control: control.can_set_operation,
        withdrawn_fn=lambda control: control.operation_withdrawn,
        is_on_fn=lambda settings: settings.temporary is not None and settings.temporary.purpose is Purpose.HOLD,
        set_fn=lambda control, on: (
            control.temporary.async_hold(TEMPORARY_FOR) if on else control.temporary.async_end(Purpose.HOLD)
        ),
    ),
    GatewaySwitchDescription(
        key="grid_charging",
        entity_category=EntityCategory.CONFIG,
        source=CONFIG,
        available_fn=lambda control: control.can_set_grid_policy,
        withdrawn_fn=lambda control: control.grid_policy_withdrawn,
        is_on_fn=lambda detail: detail.config.value.charges_from_grid if detail.config.value else None,
        set_fn=lambda control, on: control.async_change_grid_policy(
            lambda policy: policy.set_grid_charging(allowed=on)
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches."""
    async_add_detected(entry, async_add_entities, GatewaySwitch, SWITCHES)


class GatewaySwitch(GatewayControlEntity, SwitchEntity):
    """Turn a setting of the gateway on or off."""

    entity_description: GatewaySwitchDescription[Any]

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.coordinator.data)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.entity_description.set_fn(self._data.control, True)  # noqa: FBT003 - the value to set

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.entity_description.set_fn(self._data.control, False)  # noqa: FBT003 - the value to set
