"""What all entities of the gateway share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import CONF_SERIAL
from .coordinator import GatewayCoordinator, Reading


@dataclass(frozen=True, kw_only=True)
class GatewayEntityDescription[DataT, ValueT](EntityDescription):
    """An entity that stands on one endpoint's reading."""

    reading_fn: Callable[[DataT], Reading[ValueT]]
    """Which of the coordinator's readings it is about."""

    exists_fn: Callable[[ValueT], bool] = lambda _: True
    """Whether the gateway has the hardware for it."""

    def exists(self, data: DataT) -> bool:
        """Tell whether to make it. Silence is not absence: a stopped Powerwall has all its entities."""
        reading = self.reading_fn(data)
        return reading.exists and (reading.value is None or self.exists_fn(reading.value))


class GatewayEntity[DataT](CoordinatorEntity[GatewayCoordinator[DataT]]):
    """Base of the entities of the gateway's own device."""

    _attr_has_entity_name = True
    entity_description: GatewayEntityDescription[DataT, Any]

    def __init__(
        self, coordinator: GatewayCoordinator[DataT], description: GatewayEntityDescription[DataT, Any]
    ) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{coordinator.config_entry.data[CONF_SERIAL]}_{description.key}"
        self._attr_device_info = coordinator.config_entry.runtime_data.device

    @property
    def reading(self) -> Reading[Any]:
        """What the endpoint of this entity said last."""
        return self.entity_description.reading_fn(self.coordinator.data)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.reading.value is not None
