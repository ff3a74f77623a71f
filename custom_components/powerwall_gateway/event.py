"""Events: the grid goes, and comes back."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventExtraStoredData
from homeassistant.core import CoreState, HomeAssistant, State, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.start import async_at_started

from .catalogue import EVENTS
from .coordinator import GridData, PowerwallGatewayConfigEntry
from .description import GatewayEventDescription
from .entity import GatewayEntity, add_as_found
from .outage import GridEvent

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the events."""
    add_as_found(entry, async_add_entities, GatewayEvent, EVENTS)


class GatewayEvent(GatewayEntity[GridData], EventEntity):
    """Something that happens, told once.

    What was told last comes from the entry's own memory: Home Assistant writes what it
    restores every quarter of an hour, and an outage is when it may lose that.
    """

    _unrecorded_attributes = frozenset()  # what an event says is its history
    entity_description: GatewayEventDescription[GridData, Any]
    _told: GridEvent | None = None

    @override
    async def async_get_last_state(self) -> State | None:
        return State(self.entity_id, kept.at.isoformat()) if (kept := self._kept) else None

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        return EventExtraStoredData(kept.type, dict(kept.attributes)) if (kept := self._kept) else None

    @property
    def _kept(self) -> GridEvent | None:
        """What was told in an earlier life."""
        description, data = self.entity_description, self.coordinator.data
        return None if description.news_fn(data) else description.kept_fn(self.reading.value)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # Automations hear nothing before that.
        self.async_on_remove(async_at_started(self.hass, self._tell))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.hass.state is CoreState.running:
            self._tell(self.hass)

    @callback
    def _tell(self, _: HomeAssistant) -> None:
        news = self.entity_description.news_fn(self.coordinator.data)
        if news and news != self._told:
            self._told = news
            self._trigger_event(news.type, dict(news.attributes))
            self.async_write_ha_state()
