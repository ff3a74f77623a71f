"""Whether there is a grid, and what was wrong with it."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory

from ..coordinator import GridData, LiveData, SettingsData
from ..description import GatewayBinarySensorDescription, GatewayEventDescription, GatewaySensorDescription
from ..gateway.models import GridFault, GridState, GridStatus
from ..outages import GridEventType, GridLog


def _grid_is_on(grid: GridStatus) -> bool | None:
    """Answer yes for a connected grid alone.

    A transition is still an island: loads that are given back then would fall on the battery.
    """
    return None if grid.grid_status is None else grid.grid_status is GridState.CONNECTED


def _count(faults: tuple[GridFault, ...]) -> int:
    return len(faults)


def _what(faults: tuple[GridFault, ...]) -> Mapping[str, Any]:
    """List the faults, each with when it was noticed and what was measured."""
    return {
        "faults": [
            {
                "name": fault.alert_name,
                "since": fault.timestamp.isoformat() if fault.timestamp else None,
                **{value.name: value.value for value in fault.decoded_alert or () if value.name},
            }
            for fault in faults
        ]
    }


SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    GatewaySensorDescription[GridData, GridStatus](
        key="grid_status",
        device_class=SensorDeviceClass.ENUM,
        options=[state.name.lower() for state in GridState],
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.status,
        always=True,
        value_fn=lambda grid: grid.grid_status.name.lower() if grid.grid_status else None,
    ),
    GatewaySensorDescription[GridData, GridLog](
        key="last_outage",
        device_class=SensorDeviceClass.TIMESTAMP,
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.log,
        value_fn=lambda log: log.last_outage,
    ),
    # One or the other: `system_status`, which is read anyway, tells them where it exists.
    GatewaySensorDescription[LiveData, tuple[GridFault, ...]](
        key="grid_faults",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.live,
        reading_fn=lambda live, _: live.system.map(lambda system: system.grid_faults),
        value_fn=_count,
        attributes_fn=_what,
    ),
    GatewaySensorDescription[SettingsData, tuple[GridFault, ...]](
        key="grid_faults",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.grid_faults,
        value_fn=_count,
        attributes_fn=_what,
    ),
)

BINARY_SENSORS = (
    GatewayBinarySensorDescription[GridData, GridStatus](
        key="grid",
        unknown_in_silence=True,
        device_class=BinarySensorDeviceClass.POWER,
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.status,
        always=True,
        is_on_fn=_grid_is_on,
    ),
    GatewayBinarySensorDescription[GridData, GridStatus](
        key="grid_services",
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.status,
        exists_fn=lambda grid: grid.grid_services_active is not None,
        is_on_fn=lambda grid: grid.grid_services_active,
    ),
)

EVENTS = (
    GatewayEventDescription[GridData, GridLog](
        key="grid_event",
        event_types=list(GridEventType),
        coordinator_fn=lambda data: data.grid,
        reading_fn=lambda grid, _: grid.log,
        last_fn=lambda log: None if log.pending else log.event,
    ),
)
