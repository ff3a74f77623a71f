"""Binary sensors: is there a grid, does the Powerwall run, does it reach Tesla?"""

from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import BINARY_SENSORS
from .data import PowerwallGatewayConfigEntry
from .description import GatewayBinarySensorDescription
from .entity import GatewayValueEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the binary sensors that there is hardware for."""
    add_as_found(entry, async_add_entities, GatewayBinarySensor, BINARY_SENSORS)


class GatewayBinarySensor[DataT](GatewayValueEntity[DataT], BinarySensorEntity):
    """A binary sensor."""

    entity_description: GatewayBinarySensorDescription[DataT, Any]

    @property
    @override
    def is_on(self) -> bool | None:
        return None if (value := self.reading.value) is None else self.entity_description.is_on_fn(value)

    @property
    @override
    def shown(self) -> bool | None:
        return self.is_on

    @property
    @override
    def available(self) -> bool:
        return super().available or self.entity_description.unknown_in_silence
