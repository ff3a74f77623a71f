"""How an entity is described: where its value comes from, and when there is such an entity."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.number import NumberEntityDescription
from homeassistant.components.select import SelectEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.typing import StateType

from .control import Control
from .coordinator import GatewayCoordinator
from .data import PowerwallGatewayData
from .device import SubDevice
from .outages import GridEvent
from .reading import EndpointResult
from .writing import ON_CHANGE, StateThrottle


@dataclass(frozen=True, kw_only=True)
class GatewayEntityDescription[DataT, ValueT](EntityDescription):
    """An entity that stands on one endpoint's reading, or on the part of it that is about one device."""

    coordinator_fn: Callable[[PowerwallGatewayData], GatewayCoordinator[DataT]]
    """Whose polls it follows."""

    reading_fn: Callable[[DataT, str], EndpointResult[ValueT]]
    """Which reading of them it stands on; the text is the `SubDevice.id` of its device."""

    parts_fn: Callable[[PowerwallGatewayData], Iterable[SubDevice]] = lambda data: (data.itself,)
    """On which devices there is such an entity."""

    exists_fn: Callable[[ValueT], bool] = lambda _: True
    """Whether there is the hardware for it, by what was read."""

    always: bool = False
    """Whether every Powerwall has it, so that it is made while nobody answers, too."""

    context: object = None
    """What the coordinator polls for it alone."""

    writing: StateThrottle = ON_CHANGE
    """When another value is worth a state."""

    attributes_fn: Callable[[ValueT], Mapping[str, Any]] | None = None
    """What else is worth reading; it is not recorded."""

    def exists(self, data: DataT, part: SubDevice) -> bool:
        """Tell whether to make it on a device."""
        reading = self.reading_fn(data, part.id)
        if reading.value is None:
            return self.always and not reading.absent
        return self.exists_fn(reading.value)


@dataclass(frozen=True, kw_only=True)
class GatewaySensorDescription[DataT, ValueT](GatewayEntityDescription[DataT, ValueT], SensorEntityDescription):
    """A sensor."""

    value_fn: Callable[[ValueT], StateType | datetime]

    scaled: bool = False
    """Whether it is in the gateway's percent, and shown on the scale that the owner chose."""

    rated_power: float | None = None
    """For a lifetime energy, W of the most that can flow: faster counters are held back."""

    counts_fn: Callable[[ValueT], bool] = lambda _: False
    """For a lifetime energy, whether the response proves that the meter's counters are real, also one that reads 0."""


@dataclass(frozen=True, kw_only=True)
class GatewayBinarySensorDescription[DataT, ValueT](
    GatewayEntityDescription[DataT, ValueT], BinarySensorEntityDescription
):
    """A binary sensor."""

    is_on_fn: Callable[[ValueT], bool | None]

    unknown_in_silence: bool = False
    """Whether it says "unknown" while nobody answers; automations on the grid wait for that word."""


@dataclass(frozen=True, kw_only=True)
class GatewayEventDescription[DataT, ValueT](GatewayEntityDescription[DataT, ValueT], EventEntityDescription):
    """Something that happens."""

    last_fn: Callable[[ValueT], GridEvent | None]
    """What was fired last, maybe before a restart; None where newer events wait to be fired."""


@dataclass(frozen=True, kw_only=True)
class GatewayControlDescription[DataT, ValueT](GatewayEntityDescription[DataT, ValueT]):
    """Something that can be set. It is there before it can be read: on old firmware that takes a login."""

    allowed_fn: Callable[[Control], bool]
    """Whether it can be set here and now."""

    withdrawn_fn: Callable[[Control], bool]
    """Whether it cannot be set until the entry is reloaded, so that its entity is removed. Sensors show the value."""

    @override
    def exists(self, data: DataT, part: SubDevice) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class GatewaySelectDescription[DataT, ValueT](GatewayControlDescription[DataT, ValueT], SelectEntityDescription):
    """A select."""

    options_fn: Callable[[Control], Iterable[str]]
    """What can be chosen here and now."""

    current_fn: Callable[[ValueT], str | None]
    select_fn: Callable[[Control, str], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class GatewayNumberDescription[DataT, ValueT](GatewayControlDescription[DataT, ValueT], NumberEntityDescription):
    """A number."""

    value_fn: Callable[[ValueT], float | None]
    """In the gateway's percent; shown on the scale that the owner chose."""

    set_fn: Callable[[Control, float], Awaitable[object]]
    """Takes the app's percent."""


@dataclass(frozen=True, kw_only=True)
class GatewaySwitchDescription[DataT, ValueT](GatewayControlDescription[DataT, ValueT], SwitchEntityDescription):
    """A switch."""

    is_on_fn: Callable[[DataT], bool | None]
    turn_on_fn: Callable[[Control], Awaitable[object]]
    turn_off_fn: Callable[[Control], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class GatewayButtonDescription[DataT, ValueT](GatewayEntityDescription[DataT, ValueT], ButtonEntityDescription):
    """A button."""

    withdrawn_fn: Callable[[Control], bool]
    """As of a control."""

    press_fn: Callable[[Control], Awaitable[object]]
