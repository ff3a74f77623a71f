"""Binary sensors: is there a grid, does the Powerwall run, does it reach Tesla?"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import GridData, PowerwallGatewayConfigEntry, SettingsData
from .entity import GatewayEntity, GatewayEntityDescription
from .gateway.models import GridState, GridStatus, Sitemaster

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class GatewayBinarySensorDescription[DataT, ValueT](
    GatewayEntityDescription[DataT, ValueT], BinarySensorEntityDescription
):
    """A binary sensor of the gateway."""

    is_on_fn: Callable[[ValueT], bool | None]

    unknown_in_silence: bool = False
    """Whether it says "unknown" while nobody answers; automations on the grid wait for that word."""


def _grid_is_on(grid: GridStatus) -> bool | None:
    """Answer yes for a connected grid alone.

    A transition is still an island: loads that are given back then would fall on the battery.
    """
    return None if grid.grid_status is None else grid.grid_status is GridState.CONNECTED


GRID_BINARY_SENSORS: tuple[GatewayBinarySensorDescription[GridData, Any], ...] = (
    GatewayBinarySensorDescription[GridData, GridStatus](
        key="grid",
        unknown_in_silence=True,
        device_class=BinarySensorDeviceClass.POWER,
        reading_fn=lambda data: data.status,
        is_on_fn=_grid_is_on,
    ),
)

SETTINGS_BINARY_SENSORS: tuple[GatewayBinarySensorDescription[SettingsData, Any], ...] = (
    GatewayBinarySensorDescription[SettingsData, Sitemaster](
        key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        reading_fn=lambda data: data.sitemaster,
        is_on_fn=lambda sitemaster: sitemaster.running,
    ),
    GatewayBinarySensorDescription[SettingsData, Sitemaster](
        key="connected_to_tesla",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        reading_fn=lambda data: data.sitemaster,
        is_on_fn=lambda sitemaster: sitemaster.connected_to_tesla,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the binary sensors that this gateway has."""
    grid, settings = entry.runtime_data.grid, entry.runtime_data.settings
    async_add_entities(
        chain(
            (GatewayBinarySensor(grid, what) for what in GRID_BINARY_SENSORS if what.exists(grid.data)),
            (GatewayBinarySensor(settings, what) for what in SETTINGS_BINARY_SENSORS if what.exists(settings.data)),
        )
    )


class GatewayBinarySensor[DataT](GatewayEntity[DataT], BinarySensorEntity):
    """A binary sensor of the gateway."""

    entity_description: GatewayBinarySensorDescription[DataT, Any]

    @property
    @override
    def is_on(self) -> bool | None:
        return None if (value := self.reading.value) is None else self.entity_description.is_on_fn(value)

    @property
    @override
    def available(self) -> bool:
        return super().available or self.entity_description.unknown_in_silence
