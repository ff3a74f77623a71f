"""Switches: the way off the grid and back."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import SWITCHES
from .data import PowerwallGatewayConfigEntry
from .description import GatewaySwitchDescription
from .entity import GatewayControlEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the switches where what they show may be set."""
    add_as_found(entry, async_add_entities, GatewaySwitch, SWITCHES)


class GatewaySwitch(GatewayControlEntity[Any], SwitchEntity):
    """A switch; it shows what was read, never what was asked for."""

    entity_description: GatewaySwitchDescription[Any, Any]

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.coordinator.data)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.entity_description.turn_on_fn(self._control)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.entity_description.turn_off_fn(self._control)
