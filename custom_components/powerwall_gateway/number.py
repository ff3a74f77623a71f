"""Numbers of the Powerwall gateway."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.const import EntityCategory, UnitOfPower, UnitOfRatio
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .control import Control
from .data import PowerwallGatewayConfigEntry
from .entity import CONFIG, OPERATION, GatewayControlDescription, GatewayControlEntity, async_add_detected
from .gateway.models import ConfigFile

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class GatewayNumberDescription[ValueT](GatewayControlDescription[ValueT], NumberEntityDescription):
    """Describe a number."""

    value_fn: Callable[[ValueT], float | None]
    set_fn: Callable[[Control, float], Awaitable[object]]

    scaled: bool = False
    """Convert between the gateway's percent and the scale that the owner chose. `set_fn` gets the app's percent."""


def _limit(
    key: str, value_fn: Callable[[ConfigFile], float | None], set_fn: Callable[[Control, float], Awaitable[None]]
) -> GatewayNumberDescription[ConfigFile]:
    """Describe a limit of the power from or to the grid, if the gateway has it."""
    return GatewayNumberDescription(
        key=key,
        device_class=NumberDeviceClass.POWER,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfPower.KILO_WATT,
        native_min_value=0,
        native_max_value=100,
        native_step=0.1,
        mode=NumberMode.BOX,
        source=CONFIG,
        create_without_data=False,
        exists_fn=lambda config: value_fn(config) is not None,
        available_fn=lambda control: control.can_set_grid_policy,
        withdrawn_fn=lambda control: control.grid_policy_withdrawn,
        value_fn=value_fn,
        set_fn=set_fn,
    )


NUMBERS: tuple[GatewayNumberDescription[Any], ...] = (
    GatewayNumberDescription(
        key="backup_reserve",
        entity_category=EntityCategory.CONFIG,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        native_max_value=100,
        native_step=1,
        mode=NumberMode.SLIDER,
        source=OPERATION,
        needs_battery=True,
        available_fn=lambda control: control.can_set_operation,
        withdrawn_fn=lambda control: control.operation_withdrawn,
        scaled=True,
        value_fn=lambda operation: operation.backup_reserve_percent,
        set_fn=lambda control, reserve: control.async_set(reserve=reserve),
    ),
    _limit(
        "import_limit",
        lambda config: config.import_limit,
        lambda control, limit: control.async_change_grid_policy(lambda policy: policy.set_import_limit(limit)),
    ),
    _limit(
        "export_limit",
        lambda config: config.export_limit,
        lambda control, limit: control.async_change_grid_policy(lambda policy: policy.set_export_limit(limit)),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the numbers."""
    async_add_detected(entry, async_add_entities, GatewayNumber, NUMBERS)


class GatewayNumber(GatewayControlEntity, NumberEntity):
    """Set a number of the gateway."""

    entity_description: GatewayNumberDescription[Any]

    @property
    @override
    def native_value(self) -> float | None:
        if (read := self.result.value) is None:
            return None
        value = self.entity_description.value_fn(read)
        return self._on_scale(value) if self.entity_description.scaled else value

    @property
    @override
    def native_min_value(self) -> float:
        return self._data.scale.empty if self.entity_description.scaled else super().native_min_value

    @override
    async def async_set_native_value(self, value: float) -> None:
        set_to = self._data.scale.to_app(value) if self.entity_description.scaled else value
        await self.entity_description.set_fn(self._data.control, set_to)
