"""Events of the Powerwall gateway: grid outages, off-grid, and their end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription, EventExtraStoredData
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import GridCoordinator
from .data import PowerwallGatewayConfigEntry
from .entity import GatewayEntity, GatewayEntityDescription, Source, async_add_detected
from .outages import GridEvent, GridEventType

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class GatewayEventDescription[ValueT](GatewayEntityDescription[ValueT], EventEntityDescription):
    """Describe an event."""

    last_fn: Callable[[ValueT], GridEvent | None]
    """Return the event that was fired last, maybe before a restart; None while newer events wait to be fired."""


EVENTS = (
    GatewayEventDescription(
        key="grid_event",
        event_types=list(GridEventType),
        source=Source(lambda data: data.grid, lambda data, _: data.grid.data.log),
        needs_battery=True,
        last_fn=lambda log: None if log.pending else log.event,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events."""
    async_add_detected(entry, async_add_entities, GatewayEvent, EVENTS)


class GatewayEvent(GatewayEntity, EventEntity):
    """A grid event, fired once.

    The last one comes from the entry's own store: Home Assistant saves restored states every 15 minutes, and may lose
    them in an outage.
    """

    _unrecorded_attributes = frozenset()  # the attributes of an event are its history
    coordinator: GridCoordinator
    entity_description: GatewayEventDescription[Any]

    @override
    async def async_get_last_state(self) -> State | None:
        return State(self.entity_id, last.at.isoformat()) if (last := self._last) else None

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        return EventExtraStoredData(last.type, dict(last.attributes)) if (last := self._last) else None

    @property
    def _last(self) -> GridEvent | None:
        return self.entity_description.last_fn(self.result.value)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        for event in self.coordinator.pending:
            self._trigger_event(event.type, dict(event.attributes))
            self.async_write_ha_state()
