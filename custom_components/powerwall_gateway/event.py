"""Events: the grid goes, and comes back."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventExtraStoredData
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import EVENTS
from .coordinator import GridCoordinator, GridData
from .data import PowerwallGatewayConfigEntry
from .description import GatewayEventDescription
from .entity import GatewayEntity, add_as_found
from .outages import GridEvent

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the events."""
    add_as_found(entry, async_add_entities, GatewayEvent, EVENTS)


class GatewayEvent(GatewayEntity[GridData], EventEntity):
    """A grid event, fired once.

    The last one comes from the entry's own store: Home Assistant writes what it restores
    every quarter of an hour, and an outage is when it may lose that.
    """

    _unrecorded_attributes = frozenset()  # what an event says is its history
    coordinator: GridCoordinator
    entity_description: GatewayEventDescription[GridData, Any]

    @override
    async def async_get_last_state(self) -> State | None:
        return State(self.entity_id, last.at.isoformat()) if (last := self._last) else None

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        return EventExtraStoredData(last.type, dict(last.attributes)) if (last := self._last) else None

    @property
    def _last(self) -> GridEvent | None:
        """Return what was fired last, maybe before a restart; None where newer events wait to be fired."""
        return self.entity_description.last_fn(self.reading.value)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        for event in self.coordinator.pending:
            self._trigger_event(event.type, dict(event.attributes))
            self.async_write_ha_state()
