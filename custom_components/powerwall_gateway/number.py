"""Numbers: what is kept for an outage."""

from typing import Any, override

from homeassistant.components.number import NumberEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import NUMBERS
from .coordinator import SettingsData
from .data import PowerwallGatewayConfigEntry
from .description import GatewayNumberDescription
from .entity import GatewayControlEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the numbers where mode and reserve may be set."""
    add_as_found(entry, async_add_entities, GatewayNumber, NUMBERS)


class GatewayNumber(GatewayControlEntity[SettingsData], NumberEntity):
    """A number; it shows what was read, never what was asked for."""

    entity_description: GatewayNumberDescription[SettingsData, Any]

    @property
    @override
    def native_value(self) -> float | None:
        if (read := self.reading.value) is None:
            return None
        return self._on_scale(self.entity_description.value_fn(read))

    @property
    @override
    def native_min_value(self) -> float:
        return self._scale.empty

    @override
    async def async_set_native_value(self, value: float) -> None:
        await self.entity_description.set_fn(self._control, self._scale.to_app(value))
