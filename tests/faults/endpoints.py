"""The endpoints that are polled, and what stands on each."""

from dataclasses import dataclass, replace
from typing import Any, Final

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.coordinator import GatewayCoordinator, PowerwallGatewayData
from custom_components.powerwall_gateway.entity import GatewayEntity
from custom_components.powerwall_gateway.reading import Reading
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_platform


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, and which readings of which coordinator come from it."""

    path: str
    coordinator: str
    readings: tuple[str, ...]

    def coordinator_of(self, data: PowerwallGatewayData) -> GatewayCoordinator[Any]:
        """Give the coordinator that polls it."""
        coordinator: GatewayCoordinator[Any] = getattr(data, self.coordinator)
        return coordinator

    def is_answered(self, data: PowerwallGatewayData) -> bool:
        """Tell whether this firmware has it, for this login."""
        reading: Reading[Any] = getattr(self.coordinator_of(data).data, self.readings[0])
        return reading.value is not None

    def stands_on_it(self, data: PowerwallGatewayData, entity: GatewayEntity[Any]) -> bool:
        """Tell whether an entity has nothing to show without its answer, by the entity's own description."""
        coordinator = self.coordinator_of(data)
        if entity.coordinator is not coordinator:
            return False
        silent = replace(coordinator.data, **dict.fromkeys(self.readings, Reading()))
        return entity.entity_description.reading_fn(silent, entity._part.id).value is None


ENDPOINTS: Final = (
    Endpoint("system_status/grid_status", "grid", ("status",)),
    Endpoint("meters/aggregates", "live", ("meters",)),
    Endpoint("system_status", "live", ("battery", "outlook")),
    Endpoint("system_status/soe", "live", ("battery", "outlook")),
    Endpoint("sitemaster", "settings", ("sitemaster", "running_since")),
    Endpoint("operation", "settings", ("operation",)),
    Endpoint("system_status/grid_faults", "settings", ("grid_faults",)),
    Endpoint("meters/readings", "detail", ("ct_readings",)),
    Endpoint("meters/site", "detail", ("site_meters",)),
    Endpoint("meters/solar", "detail", ("solar_meters",)),
    Endpoint("solar_powerwall", "detail", ("solar_powerwall",)),
    Endpoint("status", "inventory", ("status", "started")),
    Endpoint("site_info", "inventory", ("site_info",)),
    Endpoint("powerwalls", "inventory", ("powerwalls",)),
    Endpoint("meters", "inventory", ("meters",)),
    Endpoint("solars", "inventory", ("solars",)),
    Endpoint("networks", "inventory", ("networks",)),
    Endpoint("customer/registration", "inventory", ("registration",)),
    Endpoint("troubleshooting/problems", "inventory", ("problems",)),
    Endpoint("system/update/status", "inventory", ("update",)),
)


def entities(hass: HomeAssistant) -> dict[str, GatewayEntity[Any]]:
    """Give the integration's entities by their ids."""
    return {
        entity_id: entity
        for platform in entity_platform.async_get_platforms(hass, DOMAIN)
        for entity_id, entity in platform.entities.items()
        if isinstance(entity, GatewayEntity)
    }
