"""Triggers of the Powerwall gateway: grid outages, off-grid, start and stop of the Powerwall, backup time."""

from typing import ClassVar, override

from homeassistant.components.binary_sensor.const import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.event.const import DOMAIN as EVENT_DOMAIN, EventEntityStateAttribute
from homeassistant.components.sensor.const import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import STATE_OFF, STATE_ON, UnitOfTime
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    EntityNumericalStateCrossedThresholdTriggerWithUnitBase,
    EntityTargetStateTriggerBase,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
)
from homeassistant.util.unit_conversion import DurationConverter

from .const import DOMAIN
from .grid_log import GridEventType


class GatewayTarget:
    """Limit the target of a trigger or condition to the gateways' entities with one key."""

    _hass: HomeAssistant
    _key: ClassVar[str]

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return the entity ids that the trigger or condition applies to."""
        registry = er.async_get(self._hass)
        return {
            entity_id
            for entity_id in entities
            if (entry := registry.async_get(entity_id))
            and entry.platform == DOMAIN
            and entry.translation_key == self._key
        }


class GridEventTrigger(GatewayTarget, StatelessEntityTriggerBase):
    """Trigger for one type of grid event, also of an event during the downtime of Home Assistant."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec()}
    _key = "grid_event"
    _event_type: ClassVar[GridEventType]

    @override
    def is_valid_state(self, state: State, report_not_triggered: NotTriggeredReasonReporter) -> bool:
        return state.attributes.get(EventEntityStateAttribute.EVENT_TYPE) == self._event_type


class GridOutageStartedTrigger(GridEventTrigger):
    """Trigger for the start of a grid outage."""

    _event_type = GridEventType.OUTAGE


class GridRestoredTrigger(GridEventTrigger):
    """Trigger for the end of a grid outage or of an intentional time off-grid."""

    _event_type = GridEventType.RESTORED


class WentOffGridIntentionallyTrigger(GridEventTrigger):
    """Trigger for a home that Home Assistant took off-grid."""

    _event_type = GridEventType.ISLANDED


class PowerwallStoppedTrigger(GatewayTarget, EntityTargetStateTriggerBase):
    """Trigger for a Powerwall that stopped."""

    _domain_specs = {BINARY_SENSOR_DOMAIN: DomainSpec()}
    _key = "running"
    _to_states = {STATE_OFF}


class PowerwallStartedTrigger(PowerwallStoppedTrigger):
    """Trigger for a stopped Powerwall that started."""

    _to_states = {STATE_ON}


class BackupTimeCrossedThresholdTrigger(GatewayTarget, EntityNumericalStateCrossedThresholdTriggerWithUnitBase):
    """Trigger for a backup time that fell below a threshold, or rose above it."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}
    _key = "backup_time_remaining"
    _base_unit = UnitOfTime.MINUTES
    _unit_converter = DurationConverter


TRIGGERS: dict[str, type[Trigger]] = {
    "grid_outage_started": GridOutageStartedTrigger,
    "grid_restored": GridRestoredTrigger,
    "went_off_grid_intentionally": WentOffGridIntentionallyTrigger,
    "powerwall_stopped": PowerwallStoppedTrigger,
    "powerwall_started": PowerwallStartedTrigger,
    "backup_time_crossed_threshold": BackupTimeCrossedThresholdTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
