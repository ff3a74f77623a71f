"""Everything there is to see, by subject."""

from typing import Any

from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from . import battery, flows, grid, packs, quality, system

SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    *flows.SENSORS,
    *battery.SENSORS,
    *grid.SENSORS,
    *quality.SENSORS,
    *system.SENSORS,
    *packs.SENSORS,
)

BINARY_SENSORS: tuple[GatewayBinarySensorDescription[Any, Any], ...] = (
    *battery.BINARY_SENSORS,
    *grid.BINARY_SENSORS,
    *system.BINARY_SENSORS,
    *packs.BINARY_SENSORS,
)
