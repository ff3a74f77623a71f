"""Which of our entities stand on which endpoint, by the descriptions they are made from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final

from custom_components.powerwall_gateway import DESCRIPTIONS
from custom_components.powerwall_gateway.coordinator import EndpointResult, GridData, LiveData
from custom_components.powerwall_gateway.gateway import GatewayError
from homeassistant.const import Platform
from tools.benchmarks.subjects import Entity

type Hides = Callable[[Entity], bool]
"""Whether an entity may show nothing because of a fault."""

_DATA: Final[Mapping[str, Any]] = {"grid": GridData, "live": LiveData}
_NAMES: Final[Any] = SimpleNamespace(
    grid="grid", live="live", detail="detail", settings="settings", inventory="inventory"
)
_MARK: Final = GatewayError("the endpoint in question", path="")


def depending_on(coordinator: str, *readings: str) -> Hides:
    """Give what tells whether an entity stands on one of a coordinator's readings."""
    keys = frozenset(_keys(coordinator, readings))
    return lambda entity: entity.key in keys


def _keys(coordinator: str, readings: tuple[str, ...]) -> Iterator[str]:
    failed = _DATA[coordinator](**{reading: EndpointResult(error=_MARK) for reading in readings})
    platforms: Mapping[Platform, Iterable[Any]] = DESCRIPTIONS
    for platform, descriptions in platforms.items():
        for description in descriptions:
            if description.coordinator_fn(_NAMES) == coordinator and description.result_fn(failed, "").error is _MARK:
                yield f"{platform}.{description.key}"


def of_part(serial: str) -> Hides:
    """Give what tells whether an entity is about one piece of hardware."""
    return lambda entity: entity.part == serial


def anything(_: Entity) -> bool:
    """Say that all may show nothing."""
    return True


METERS: Final = depending_on("live", "meters")
METERS_AND_ESTIMATES: Final = depending_on("live", "meters", "estimates")
"""The estimates depend on the battery's meter."""

BATTERY: Final = depending_on("live", "battery", "estimates")
GRID: Final = depending_on("grid", "status", "log")
