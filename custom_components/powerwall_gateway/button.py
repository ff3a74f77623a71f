"""Buttons: start a stopped Powerwall."""

from typing import Any, override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import BUTTONS
from .coordinator import SettingsData
from .data import PowerwallGatewayConfigEntry
from .description import GatewayButtonDescription
from .entity import GatewayEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the buttons."""
    add_as_found(entry, async_add_entities, GatewayButton, BUTTONS)


class GatewayButton(GatewayEntity[SettingsData], ButtonEntity):
    """A button."""

    entity_description: GatewayButtonDescription[SettingsData, Any]

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self._control)
