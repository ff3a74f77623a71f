"""Define the base entities and base descriptions, and add entities when their hardware is detected."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any, Final, override

from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.const import MATCH_ALL, EntityCategory
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .control import Control
from .coordinator import Detail, EndpointResult, GatewayCoordinator
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device_ids import SubDevice
from .sub_devices import block_of


@dataclass(frozen=True)
class Source[ValueT]:
    """Source of an entity's value: a coordinator, and the result of an endpoint in its data."""

    coordinator_fn: Callable[[PowerwallGatewayData], GatewayCoordinator[Any]]

    result_fn: Callable[[PowerwallGatewayData, str], EndpointResult[ValueT]]
    """Return the result in that coordinator's data, for the `SubDevice.id` of the entity's device."""

    detail: Detail | None = None
    """Endpoint that `DetailCoordinator` polls only while an entity with this source is enabled."""

    def map[PartT](self, part_of: Callable[[ValueT], PartT | None]) -> Source[PartT]:
        """Return the source of a part of the value."""
        return self.of_device(lambda value, _: part_of(value))

    def of_device[PartT](self, part_of: Callable[[ValueT, str], PartT | None]) -> Source[PartT]:
        """Return the source of the part for the entity's device, of which `part_of` takes the `SubDevice.id`."""
        return Source(
            self.coordinator_fn,
            lambda data, device: self.result_fn(data, device).map(lambda value: part_of(value, device)),
            self.detail,
        )


GRID: Final = Source(lambda data: data.grid, lambda data, _: data.grid.data.status)
METERS: Final = Source(lambda data: data.live, lambda data, _: data.live.data.meters)
BATTERY: Final = Source(lambda data: data.live, lambda data, _: data.live.data.battery)
SYSTEM: Final = Source(lambda data: data.live, lambda data, _: data.live.data.system)
BATTERY_BLOCK: Final = SYSTEM.of_device(lambda system, serial: block_of(system.battery_blocks, serial))
OPERATION: Final = Source(lambda data: data.settings, lambda data, _: data.settings.data.operation)
SITEMASTER: Final = Source(lambda data: data.settings, lambda data, _: data.settings.data.sitemaster)
CONFIG: Final = Source(lambda data: data.detail, lambda data, _: data.detail.data.config, Detail.CONFIG)
CONTROLLER: Final = Source(lambda data: data.detail, lambda data, _: data.detail.data.controller, Detail.CONTROLLER)
SOLAR_POWERWALL: Final = Source(
    lambda data: data.detail, lambda data, _: data.detail.data.solar_powerwall, Detail.SOLAR_POWERWALL
)
NETWORKS: Final = Source(lambda data: data.inventory, lambda data, _: data.inventory.data.networks)
POWERWALLS: Final = Source(lambda data: data.inventory, lambda data, _: data.inventory.data.powerwalls)


DISABLED_DIAGNOSTIC: Final[dict[str, Any]] = {
    "entity_category": EntityCategory.DIAGNOSTIC,
    "entity_registry_enabled_default": False,
}

LARGE_SHARE: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class StateThrottle:
    """Decide which values become states, so that polls every few seconds do not fill the database."""

    step: float = 0.0
    """By how much a number has to change, in its native unit."""

    every: float = 0.0
    """Seconds between two states."""

    at_once: float = inf
    """Change that is written before that, if it is at least 5% of the last value, too."""

    def should_write(self, value: object, last: object, elapsed: float) -> bool:
        """Return whether to write a value, `elapsed` seconds after the last one that was written.

        A number that becomes 0, or was 0, is written at once: something starts or ends.
        A number that changes its sign is written at once, but only if it changes by `step`: idle power varies around 0.
        """
        if value == last:
            return False
        if not (isinstance(value, int | float) and isinstance(last, int | float)) or value == 0 or last == 0:
            return True
        change, crosses = abs(value - last), (value > 0) is not (last > 0)
        is_large = change >= max(self.at_once, LARGE_SHARE * abs(last))
        return change >= self.step and (crosses or is_large or elapsed >= self.every)


ON_CHANGE: Final = StateThrottle()
POWER_THROTTLE: Final = StateThrottle(step=10.0, every=30.0, at_once=100.0)
ENERGY_THROTTLE: Final = StateThrottle(every=60.0)
POWERWALL_THROTTLE: Final = StateThrottle(every=30.0)
POWERWALL_POWER_THROTTLE: Final = StateThrottle(step=10.0, every=30.0)


@dataclass(frozen=True, kw_only=True)
class GatewayEntityDescription[ValueT](EntityDescription):
    """Describe an entity that shows the result of one endpoint."""

    source: Source[ValueT]

    devices_fn: Callable[[PowerwallGatewayData], Iterable[SubDevice]] = lambda data: (data.device,)
    """Return the devices that have such an entity."""

    exists_fn: Callable[[ValueT], bool] = lambda _: True
    """Return whether the hardware for it is there."""

    create_without_data: bool = False
    """Create it before its endpoint has responded, because every gateway has it."""

    needs_battery: bool = False
    """Create it only on a site with a Powerwall. A solar inverter that is a gateway itself has no contactor: it reports
    off-grid while the grid is connected."""

    withdrawn_fn: Callable[[Control], bool] = lambda _: False
    """Return whether to remove the entity of a setting: it cannot be set until the entry is reloaded."""

    throttle: StateThrottle = ON_CHANGE

    attributes_fn: Callable[[ValueT], Mapping[str, Any]] | None = None
    """Return attributes, which are not recorded."""

    def exists(self, data: PowerwallGatewayData, device: SubDevice) -> bool:
        """Return whether to create the entity of a device."""
        result = self.source.result_fn(data, device.id)
        if result.value is None:
            return self.create_without_data and not result.unsupported
        return self.exists_fn(result.value)


@dataclass(frozen=True, kw_only=True)
class GatewaySensorDescription[ValueT](GatewayEntityDescription[ValueT], SensorEntityDescription):
    """Describe a sensor."""

    value_fn: Callable[[ValueT], StateType | datetime]

    scaled: bool = False
    """Convert the gateway's percent to the scale that the owner chose."""

    rated_power: float | None = None
    """For a lifetime energy, the highest possible power in W: counters that rise faster are held back."""

    counts_fn: Callable[[ValueT], bool] = lambda _: False
    """For a lifetime energy, return whether the response proves that the meter counts, so that even a 0 is real."""


@dataclass(frozen=True, kw_only=True)
class GatewayControlDescription[ValueT](GatewayEntityDescription[ValueT]):
    """Describe a setting."""

    create_without_data: bool = True
    """Most are created before they can be read: old firmware requires a login to read them."""

    available_fn: Callable[[Control], bool]
    """Return whether it can be set here and now."""

    @override
    def exists(self, data: PowerwallGatewayData, device: SubDevice) -> bool:
        if not self.available_fn(data.control):
            return False
        value = self.source.result_fn(data, device.id).value
        return self.create_without_data if value is None else self.exists_fn(value)


class GatewayEntity(CoordinatorEntity[GatewayCoordinator[Any]]):
    """Base of all entities."""

    _attr_has_entity_name = True
    _unrecorded_attributes = frozenset({MATCH_ALL})  # they are for reading, not for statistics
    entity_description: GatewayEntityDescription[Any]

    def __init__(
        self, data: PowerwallGatewayData, description: GatewayEntityDescription[Any], device: SubDevice
    ) -> None:
        super().__init__(description.source.coordinator_fn(data), description.source.detail)
        self.entity_description = description
        self._data = data
        self._device_id = device.id
        self._attr_translation_key = description.translation_key or description.key
        self._attr_unique_id = device.unique_id(data.serial, description.key)
        self._attr_device_info = device.info

    @property
    def result(self) -> EndpointResult[Any]:
        """Return the last result of the endpoint that this entity shows."""
        return self.entity_description.source.result_fn(self._data, self._device_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.result.value is not None

    def _on_scale(self, raw: float | None) -> float | None:
        """Return the gateway's percent on the scale that the owner chose, in steps of 0.1%."""
        return None if raw is None else round(self._data.scale.from_raw(raw), 1)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        if (attributes_fn := self.entity_description.attributes_fn) is None or (value := self.result.value) is None:
            return None
        return attributes_fn(value)


class GatewayValueEntity(GatewayEntity):
    """Base of sensors and binary sensors. A poll writes a state only when the description's throttle allows it."""

    _written: tuple[bool, object, Mapping[str, Any] | None]
    _written_at: float

    @property
    def shown(self) -> object:
        """Return the value that the throttle compares."""
        return self.state

    @override
    async def async_added_to_hass(self) -> None:
        self._process_poll()
        await super().async_added_to_hass()
        self._note_written()

    def _process_poll(self) -> None:
        """Process the values of a poll, before its state is written."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._process_poll()
        available, value, attributes = self._written
        elapsed = monotonic() - self._written_at
        if (
            self.available is not available
            or self.extra_state_attributes != attributes
            or self.entity_description.throttle.should_write(self.shown, value, elapsed)
        ):
            self._note_written()
            self.async_write_ha_state()

    def _note_written(self) -> None:
        self._written = (self.available, self.shown, self.extra_state_attributes)
        self._written_at = monotonic()


class GatewayControlEntity(GatewayEntity):
    """Base of settings. They show the value that was read, never the one that was requested."""

    entity_description: GatewayControlDescription[Any]

    @property
    @override
    def available(self) -> bool:
        return super().available and self.entity_description.available_fn(self._data.control)


def async_add_detected[DescriptionT: GatewayEntityDescription[Any]](
    entry: PowerwallGatewayConfigEntry,
    add_entities: AddConfigEntryEntitiesCallback,
    create: Callable[[PowerwallGatewayData, DescriptionT, SubDevice], Entity],
    descriptions: Iterable[DescriptionT],
) -> None:
    """Add entities for detected hardware, now and after every poll. Hardware that was removed may come back."""
    data = entry.runtime_data
    added: dict[tuple[str, str], SubDevice] = {}
    by_coordinator: dict[GatewayCoordinator[Any], list[DescriptionT]] = {}
    for description in descriptions:
        if data.has_battery or not description.needs_battery:
            by_coordinator.setdefault(description.source.coordinator_fn(data), []).append(description)

    def add(described: list[DescriptionT]) -> None:
        found: list[Entity] = []
        devices = {devices_fn: tuple(devices_fn(data)) for devices_fn in {each.devices_fn for each in described}}
        for description in described:
            for device in devices[description.devices_fn]:
                entity = (device.id, description.key)
                if entity not in added and description.exists(data, device):
                    added[entity] = device
                    found.append(create(data, description, device))
        if found:
            add_entities(found)

    def follow(coordinator: GatewayCoordinator[Any], described: list[DescriptionT]) -> None:
        add(described)
        entry.async_on_unload(coordinator.async_add_listener(lambda: add(described)))

    _forget_removed(entry, added)
    for coordinator, described in by_coordinator.items():
        follow(coordinator, described)


def _forget_removed(entry: PowerwallGatewayConfigEntry, added: dict[tuple[str, str], SubDevice]) -> None:
    """Forget the entities of a device that is removed. The registry removes them, too, even if they are disabled."""

    @callback
    def forget(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        if event.data["action"] == "remove":
            removed = event.data["device"]["identifiers"]
            for entity, device in tuple(added.items()):
                if not device.info["identifiers"].isdisjoint(removed):
                    del added[entity]

    bus = entry.runtime_data.inventory.hass.bus
    entry.async_on_unload(bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, forget))
