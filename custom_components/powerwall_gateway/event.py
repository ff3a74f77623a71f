"""Events of the Powerwall gateway: grid outages, off-grid, and their end; alerts that appear or clear."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription, EventExtraStoredData
from homeassistant.const import EntityCategory
from homeassistant.core import CoreState, HomeAssistant, State, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import alert_meanings
from .coordinator import Detail, EndpointResult, GridCoordinator
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device_ids import SubDevice
from .entity import GatewayEntity, GatewayEntityDescription, Source, async_add_detected
from .grid_log import GridEvent, GridEventType
from .sub_devices import active_alerts

PARALLEL_UPDATES = 0


class AlertEventType(StrEnum):
    """Types of alert events."""

    APPEARED = "appeared"
    CLEARED = "cleared"


@dataclass(frozen=True, kw_only=True)
class GatewayEventDescription[ValueT](GatewayEntityDescription[ValueT], EventEntityDescription):
    """Describe an event."""


def _alerts(data: PowerwallGatewayData, _: str) -> EndpointResult[dict[str, frozenset[str]]]:
    """Return the active alerts. None before the first poll of the details, which detects a solar inverter."""
    solar = data.detail.data.solar_powerwall
    return EndpointResult(value=(active_alerts(data) or None) if solar.value or solar.error else None)


EVENTS: tuple[GatewayEventDescription[Any], ...] = (
    GatewayEventDescription(
        key="grid_event",
        event_types=list(GridEventType),
        source=Source(lambda data: data.grid, lambda data, _: data.grid.data.log),
        needs_battery=True,
    ),
    GatewayEventDescription(
        key="alert",
        entity_category=EntityCategory.DIAGNOSTIC,
        event_types=list(AlertEventType),
        source=Source(lambda data: data.detail, _alerts, Detail.CONTROLLER),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events."""
    async_add_detected(entry, async_add_entities, _create, EVENTS)


def _create(data: PowerwallGatewayData, description: GatewayEventDescription[Any], device: SubDevice) -> EventEntity:
    kind = GridEventEntity if description.key == "grid_event" else AlertEventEntity
    return kind(data, description, device)


class GridEventEntity(GatewayEntity, EventEntity):
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
        """Return the event that was fired last, maybe before a restart; None while newer events wait to be fired."""
        log = self.coordinator.data.log.value
        return None if log is None or log.pending else log.event

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        for event in self.coordinator.pending:
            self._trigger_event(event.type, dict(event.attributes))
            self.async_write_ha_state()


@dataclass
class AlertExtraStoredData(EventExtraStoredData):
    """Data of the alert event that is kept over a restart."""

    known: dict[str, list[str]]
    """Alerts for which no event is due, by source."""


class AlertEventEntity(GatewayEntity, EventEntity):
    """An alert that appears or clears, fired once each. The first poll of a new source fires nothing."""

    _unrecorded_attributes = frozenset()  # the attributes of an event are its history
    entity_description: GatewayEventDescription[Any]

    @override
    async def async_added_to_hass(self) -> None:
        kept = await self.async_get_last_extra_data()
        self._known = _known(kept.as_dict().get("known") if kept else None)
        detail, update = self._data.detail, self._handle_coordinator_update
        for coordinator in (self._data.live, self._data.settings):
            self.async_on_remove(coordinator.async_add_listener(update))
        if detail.data.solar_powerwall.value is not None:
            self.async_on_remove(detail.async_add_listener(update, Detail.SOLAR_POWERWALL))
        await super().async_added_to_hass()

    @property
    @override
    def available(self) -> bool:
        return True  # the last event remains, and a failed poll fires none

    @property
    @override
    def extra_restore_state_data(self) -> AlertExtraStoredData:
        last = super().extra_restore_state_data
        known = {source: sorted(names) for source, names in self._known.items()}
        return AlertExtraStoredData(last.last_event_type, last.last_event_attributes, known)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.hass.state is not CoreState.running:
            return  # no automation receives it; the next poll after the start fires it
        for source, names in active_alerts(self._data).items():
            known = self._known.get(source, names)
            self._known[source] = names
            for event_type, changed in (
                (AlertEventType.CLEARED, known - names),
                (AlertEventType.APPEARED, names - known),
            ):
                for name in sorted(changed):
                    self._trigger_event(event_type, alert_meanings.describe(name))
                    self.async_write_ha_state()


def _known(stored: object) -> dict[str, frozenset[str]]:
    """Return the alerts of a stored dict."""
    if not isinstance(stored, dict):
        return {}
    return {str(source): frozenset(map(str, names)) for source, names in stored.items() if isinstance(names, list)}
