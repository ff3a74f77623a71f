"""Selects: what the battery is for."""

from typing import Any, override

from homeassistant.components.select import SelectEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import SELECTS
from .coordinator import PowerwallGatewayConfigEntry, SettingsData
from .description import GatewaySelectDescription
from .entity import GatewayControlEntity, add_as_found
from .gateway.models import OperationMode

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the selects where mode and reserve may be set."""
    add_as_found(entry, async_add_entities, GatewaySelect, SELECTS)


class GatewaySelect(GatewayControlEntity[SettingsData], SelectEntity):
    """A select; it shows what was read, never what was asked for."""

    entity_description: GatewaySelectDescription[SettingsData, Any]

    @property
    @override
    def options(self) -> list[str]:
        settable = [str(mode) for mode in self._control.modes]
        current = self.current_option
        return settable if current is None or current in settable else [*settable, current]

    @property
    @override
    def current_option(self) -> str | None:
        return None if (value := self.reading.value) is None else self.entity_description.current_fn(value)

    @override
    async def async_select_option(self, option: str) -> None:
        if option in self._control.modes:  # the current one may be listed without that it can be set
            await self.entity_description.select_fn(self._control, OperationMode(option))
