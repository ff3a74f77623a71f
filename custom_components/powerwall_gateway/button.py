"""Buttons of the Powerwall gateway."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .control import Control
from .data import PowerwallGatewayConfigEntry
from .entity import SITEMASTER, GatewayEntity, GatewayEntityDescription, async_add_detected

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class GatewayButtonDescription[ValueT](GatewayEntityDescription[ValueT], ButtonEntityDescription):
    """Describe a button."""

    press_fn: Callable[[Control], Awaitable[object]]


BUTTONS: tuple[GatewayButtonDescription[Any], ...] = (
    GatewayButtonDescription(
        key="start",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,  # a repair issue offers the same
        source=SITEMASTER,
        devices_fn=lambda data: (data.device,) if data.control.consented else (),
        create_without_data=True,
        withdrawn_fn=lambda control: not control.consented,
        press_fn=lambda control: control.async_start(),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons."""
    async_add_detected(entry, async_add_entities, GatewayButton, BUTTONS)


class GatewayButton(GatewayEntity, ButtonEntity):
    """Press a button of the gateway."""

    entity_description: GatewayButtonDescription[Any]

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self._data.control)
