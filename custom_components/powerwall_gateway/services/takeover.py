"""The action for those who come from Home Assistant's own integration: `take_over`."""

from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType

from ..energy_dashboard import async_follow
from ..migration import async_take_over, is_in_use, pairs
from .target import async_entry_of, schema_with, wrong

ATTR_RENAME: Final = "rename"

TAKE_OVER: Final = schema_with({vol.Optional(ATTR_RENAME, default=False): cv.boolean})


async def async_take_over_from_core(call: ServiceCall) -> ServiceResponse:
    """Give which of our entities tells what core's tell, and rename ours to core's where that was asked for."""
    entry, rename = async_entry_of(call), call.data[ATTR_RENAME]
    found = pairs(call.hass, entry)
    if not found:
        raise wrong("nothing_to_take_over")
    ids = dict(pair.ids for pair in found)
    renamed: list[JsonValueType] = []
    if rename:
        if is_in_use(call.hass, found):
            raise wrong("core_in_use")
        taken_over = async_take_over(call.hass, found)
        await async_follow(call.hass, {pair.ours.entity_id: pair.core.entity_id for pair in taken_over if pair.ours})
        renamed += (pair.core.entity_id for pair in taken_over)
    return {
        "entities": {core: ours for core, ours in ids.items() if ours},
        "without": [core for core, ours in ids.items() if not ours],
        "renamed": renamed,
    }
