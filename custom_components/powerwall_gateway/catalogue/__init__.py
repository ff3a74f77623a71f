"""Everything there is to see, by subject."""

from typing import Any

from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from . import battery, flows, grid, meters, networks, packs, quality, solar, system
from .controls import BUTTONS, NUMBERS, SELECTS, SWITCHES
from .grid import EVENTS

__all__ = ["BINARY_SENSORS", "BUTTONS", "EVENTS", "NUMBERS", "SELECTS", "SENSORS", "SWITCHES"]

SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    *flows.SENSORS,
    *battery.SENSORS,
    *grid.SENSORS,
    *quality.SENSORS,
    *system.SENSORS,
    *networks.SENSORS,
    *packs.SENSORS,
    *meters.SENSORS,
    *solar.SENSORS,
)

BINARY_SENSORS: tuple[GatewayBinarySensorDescription[Any, Any], ...] = (
    *battery.BINARY_SENSORS,
    *grid.BINARY_SENSORS,
    *system.BINARY_SENSORS,
    *networks.BINARY_SENSORS,
    *packs.BINARY_SENSORS,
    *meters.BINARY_SENSORS,
    *solar.BINARY_SENSORS,
)
