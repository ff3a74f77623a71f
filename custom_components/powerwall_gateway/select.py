"""Selects: what the battery is for."""

from typing import Any, override

from homeassistant.components.select import SelectEntity
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .catalogue import SELECTS
from .const import DOMAIN
from .data import PowerwallGatewayConfigEntry
from .description import GatewaySelectDescription
from .entity import GatewayControlEntity, add_as_found

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the selects where what they show may be set."""
    add_as_found(entry, async_add_entities, GatewaySelect, SELECTS)


class GatewaySelect(GatewayControlEntity[Any], SelectEntity):
    """A select; it shows what was read, never what was asked for."""

    entity_description: GatewaySelectDescription[Any, Any]

    @property
    @override
    def options(self) -> list[str]:
        settable = [str(option) for option in self.entity_description.options_fn(self._control)]
        current = self.current_option
        return settable if current is None or current in settable else [*settable, current]

    @property
    @override
    def current_option(self) -> str | None:
        return None if (value := self.reading.value) is None else self.entity_description.current_fn(value)

    @override
    async def async_select_option(self, option: str) -> None:
        # The current one may be listed although it cannot be set.
        settable = [str(settable) for settable in self.entity_description.options_fn(self._control)]
        if option not in settable:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="mode_not_settable",
                translation_placeholders={"mode": option, "modes": ", ".join(settable)},
            )
        await self.entity_description.select_fn(self._control, option)
