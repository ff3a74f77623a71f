"""Conditions of the Powerwall gateway: grid outage, off-grid, Powerwall running."""

from homeassistant.components.binary_sensor.const import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.event.const import DOMAIN as EVENT_DOMAIN, EventEntityStateAttribute
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityStateConditionBase

from .grid_log import GridEventType
from .trigger import GatewayTarget


class GridIsOutCondition(GatewayTarget, EntityStateConditionBase):
    """Test for an outage: true from its event to that of the restored grid, also while the gateway is unreachable."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec(value_source=EventEntityStateAttribute.EVENT_TYPE)}
    _key = "grid_event"
    _states = {GridEventType.OUTAGE}


class OffGridCondition(GridIsOutCondition):
    """Test for a home off-grid, in an outage or intentionally."""

    _states = {GridEventType.OUTAGE, GridEventType.ISLANDED}


class RunningCondition(GatewayTarget, EntityStateConditionBase):
    """Test for a Powerwall that is running."""

    _domain_specs = {BINARY_SENSOR_DOMAIN: DomainSpec()}
    _key = "running"
    _states = {STATE_ON}


CONDITIONS: dict[str, type[Condition]] = {
    "is_grid_out": GridIsOutCondition,
    "is_off_grid": OffGridCondition,
    "is_running": RunningCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
