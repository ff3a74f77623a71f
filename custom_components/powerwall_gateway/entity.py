"""What all entities share, and how they are made as their hardware is found."""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any, override

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import GatewayCoordinator
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .description import GatewayControlDescription, GatewayEntityDescription
from .device import SubDevice
from .reading import EndpointResult


class GatewayEntity[DataT](CoordinatorEntity[GatewayCoordinator[DataT]]):
    """Base of all entities."""

    _attr_has_entity_name = True
    _unrecorded_attributes = frozenset({MATCH_ALL})  # they are for reading, not for statistics
    entity_description: GatewayEntityDescription[DataT, Any]

    def __init__(
        self, data: PowerwallGatewayData, description: GatewayEntityDescription[DataT, Any], part: SubDevice
    ) -> None:
        super().__init__(description.coordinator_fn(data), description.context)
        self.entity_description = description
        self._read_from: DataT | None = None
        self._part = part
        self._control = data.control
        self._scale = data.scale
        self._attr_translation_key = description.translation_key or description.key
        self._attr_unique_id = part.unique_id(data.serial, description.key)
        self._attr_device_info = part.device

    @property
    def reading(self) -> EndpointResult[Any]:
        """What was read last of what this entity is about; looked up once for every poll."""
        if (data := self.coordinator.data) is not self._read_from:
            self._read_from, self._reading = data, self.entity_description.reading_fn(data, self._part.id)
        return self._reading

    @property
    @override
    def available(self) -> bool:
        return super().available and self.reading.value is not None

    def _on_scale(self, raw: float | None) -> float | None:
        """Give a percentage on the scale that the owner chose, in the steps that are worth a state."""
        return None if raw is None else round(self._scale.from_raw(raw), 1)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        if (attributes_fn := self.entity_description.attributes_fn) is None or (value := self.reading.value) is None:
            return None
        return attributes_fn(value)


class GatewayValueEntity[DataT](GatewayEntity[DataT]):
    """Base of what shows a value. A poll writes a state only where its description finds that worth it."""

    _written: tuple[bool, object, Mapping[str, Any] | None]
    _written_at: float

    @property
    def shown(self) -> object:
        """What it shows."""
        raise NotImplementedError

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._note_written()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        available, value, attributes = self._written
        elapsed = monotonic() - self._written_at
        if (
            self.available is not available
            or self.extra_state_attributes != attributes
            or self.entity_description.writing.is_worth(self.shown, value, elapsed)
        ):
            self._note_written()
            self.async_write_ha_state()

    def _note_written(self) -> None:
        self._written = (self.available, self.shown, self.extra_state_attributes)
        self._written_at = monotonic()


class GatewayControlEntity[DataT](GatewayEntity[DataT]):
    """Base of what can be set."""

    entity_description: GatewayControlDescription[DataT, Any]

    @property
    @override
    def available(self) -> bool:
        return super().available and self.entity_description.allowed_fn(self._control)


def add_as_found[DescriptionT: GatewayEntityDescription[Any, Any]](
    entry: PowerwallGatewayConfigEntry,
    add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[PowerwallGatewayData, DescriptionT, SubDevice], Entity],
    descriptions: Iterable[DescriptionT],
) -> None:
    """Make the entities there is hardware for, now and whenever a poll shows more of it, or again what was removed."""
    data = entry.runtime_data
    by_coordinator: dict[GatewayCoordinator[Any], list[DescriptionT]] = {}
    for description in descriptions:
        by_coordinator.setdefault(description.coordinator_fn(data), []).append(description)
    made: dict[tuple[str, str], SubDevice] = {}
    _forget_removed(entry, made)

    def watch(coordinator: GatewayCoordinator[Any], described: list[DescriptionT]) -> None:
        kinds = {description.parts_fn for description in described}

        @callback
        def look() -> None:
            found: list[Entity] = []
            parts = {parts_fn: tuple(parts_fn(data)) for parts_fn in kinds}
            for description in described:
                for part in parts[description.parts_fn]:
                    entity = (part.id, description.key)
                    if entity not in made and description.exists(coordinator.data, part):
                        made[entity] = part
                        found.append(make(data, description, part))
            if found:
                add_entities(found)

        entry.async_on_unload(coordinator.async_follow_polls(look))

    for coordinator, described in by_coordinator.items():
        watch(coordinator, described)


def _forget_removed(entry: PowerwallGatewayConfigEntry, made: dict[tuple[str, str], SubDevice]) -> None:
    """Forget what was made on a device that is removed: its entities went with it, disabled ones too."""

    @callback
    def look(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        if event.data["action"] == "remove":
            removed = event.data["device"]["identifiers"]
            for entity, part in tuple(made.items()):
                if not part.device["identifiers"].isdisjoint(removed):
                    del made[entity]

    bus = entry.runtime_data.inventory.hass.bus
    entry.async_on_unload(bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, look))
