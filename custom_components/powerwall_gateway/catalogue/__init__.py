"""Everything there is to see, by subject."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from homeassistant.const import Platform

from ..data import PowerwallGatewayData
from ..description import (
    GatewayBinarySensorDescription,
    GatewayButtonDescription,
    GatewayControlDescription,
    GatewayEntityDescription,
    GatewaySensorDescription,
)
from ..device import SubDevice
from . import battery, controls, flows, grid, meters, networks, packs, quality, solar, system

__all__ = ["BINARY_SENSORS", "BUTTONS", "CONTROLS", "EVENTS", "NUMBERS", "OF_BATTERY", "SELECTS", "SENSORS", "SWITCHES"]

type PartsFn = Callable[[PowerwallGatewayData], Iterable[SubDevice]]

_OF_BATTERY = ("battery_", "backup_", "operation_mode", "off_grid")
"""How the keys of those begin that are about a Powerwall, and stand among others."""


_PARTS: set[PartsFn] = set()
"""Those that `_if_battery` returned."""


@cache
def _if_battery(parts_fn: PartsFn) -> PartsFn:
    def parts(data: PowerwallGatewayData) -> Iterable[SubDevice]:
        return parts_fn(data) if data.has_battery else ()

    _PARTS.add(parts)
    return parts


def _with_battery[DescriptionT: GatewayEntityDescription[Any, Any]](
    described: Iterable[DescriptionT], *keys: str
) -> tuple[DescriptionT, ...]:
    """Describe the same, but with these beginnings of keys only on a site with a Powerwall.

    A solar inverter that is a gateway itself has no contactor: it says off-grid while the grid is there.
    """
    return tuple(
        replace(each, parts_fn=_if_battery(each.parts_fn)) if each.key.startswith(keys) else each for each in described
    )


SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    *_with_battery(flows.SENSORS, *_OF_BATTERY),
    *_with_battery(battery.SENSORS, ""),
    *_with_battery(grid.SENSORS, ""),
    *quality.SENSORS,
    *_with_battery(system.SENSORS, *_OF_BATTERY),
    *networks.SENSORS,
    *packs.SENSORS,
    *meters.SENSORS,
    *solar.SENSORS,
)

BINARY_SENSORS: tuple[GatewayBinarySensorDescription[Any, Any], ...] = (
    *_with_battery(battery.BINARY_SENSORS, ""),
    *_with_battery(grid.BINARY_SENSORS, ""),
    *system.BINARY_SENSORS,
    *networks.BINARY_SENSORS,
    *packs.BINARY_SENSORS,
    *meters.BINARY_SENSORS,
    *solar.BINARY_SENSORS,
)

EVENTS = _with_battery(grid.EVENTS, "")
SELECTS = _with_battery(controls.SELECTS, *_OF_BATTERY)
NUMBERS = _with_battery(controls.NUMBERS, *_OF_BATTERY)
SWITCHES = _with_battery(controls.SWITCHES, *_OF_BATTERY)
BUTTONS = controls.BUTTONS

CONTROLS: dict[Platform, tuple[GatewayControlDescription[Any, Any] | GatewayButtonDescription[Any, Any], ...]] = {
    Platform.BUTTON: BUTTONS,
    Platform.NUMBER: NUMBERS,
    Platform.SELECT: SELECTS,
    Platform.SWITCH: SWITCHES,
}
"""What an owner who allowed it may change, by platform."""

_DESCRIBED: dict[Platform, Iterable[GatewayEntityDescription[Any, Any]]] = {
    **CONTROLS,
    Platform.BINARY_SENSOR: BINARY_SENSORS,
    Platform.EVENT: EVENTS,
    Platform.SENSOR: SENSORS,
}
OF_BATTERY = tuple(
    (platform, each.key) for platform, described in _DESCRIBED.items() for each in described if each.parts_fn in _PARTS
)
"""Platform and key of what there is on a site with a Powerwall only."""
