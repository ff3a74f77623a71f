"""The actions that change what the Powerwall does: `set_operation`, `start`, `stop`."""

from datetime import timedelta
from math import isfinite
from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse, callback
from homeassistant.helpers import config_validation as cv

from ..const import CONF_ALLOW_CONTROL
from ..control import Control
from ..coordinator import PowerwallGatewayConfigEntry
from ..gateway.models import OperationMode
from .target import async_entry_of, schema_with, wrong

ATTR_MODE: Final = "mode"
ATTR_RESERVE: Final = "reserve"
ATTR_DURATION: Final = "duration"

DEFAULT_STOP: Final = timedelta(minutes=5)
LONGEST_STOP: Final = timedelta(minutes=60)

SET_OPERATION: Final = schema_with(
    {vol.Optional(ATTR_MODE): cv.string, vol.Optional(ATTR_RESERVE): vol.Coerce(float)},
)
START: Final = schema_with({})
STOP: Final = schema_with({vol.Optional(ATTR_DURATION, default=DEFAULT_STOP): cv.positive_time_period})


async def async_set_operation(call: ServiceCall) -> ServiceResponse:
    """Set mode, reserve or both in one write, and give what stands; the reserve is on the scale the owner chose."""
    entry = async_entry_of(call)
    control = _control_of(entry)
    if not (control.allowed or control.needs_key):  # a key that is not accepted says itself why
        raise wrong("operation_not_allowed")
    mode = _mode(call.data.get(ATTR_MODE), control)
    reserve = call.data.get(ATTR_RESERVE)
    if mode is None and reserve is None:
        raise wrong("nothing_to_set")
    scale = entry.runtime_data.scale
    if reserve is not None:
        if not (isfinite(reserve) and scale.empty <= reserve <= 100):
            raise wrong("reserve_out_of_range", reserve=f"{reserve:g}", least=f"{scale.empty:g}")
        reserve = scale.to_app(reserve)
    standing = await control.async_set(mode=mode, reserve=reserve)
    return {
        ATTR_MODE: standing.mode,
        ATTR_RESERVE: None if standing.reserve is None else round(scale.from_app(standing.reserve), 1),
    }


async def async_start(call: ServiceCall) -> None:
    """Start the Powerwall, and wait until it runs."""
    await _control_of(async_entry_of(call)).async_start()


async def async_stop(call: ServiceCall) -> None:
    """Stop the Powerwall for a while, and come back when it is stopped."""
    control = _control_of(async_entry_of(call))
    duration: timedelta = call.data[ATTR_DURATION]
    if not timedelta(seconds=1) <= duration <= LONGEST_STOP:
        raise wrong("stop_out_of_range", minutes=f"{LONGEST_STOP / timedelta(minutes=1):.0f}")
    await control.async_stop(duration)


@callback
def _control_of(entry: PowerwallGatewayConfigEntry) -> Control:
    """Give the control of an entry whose owner allowed it."""
    if not entry.options.get(CONF_ALLOW_CONTROL, False):
        raise wrong("control_not_allowed")
    return entry.runtime_data.control


def _mode(name: str | None, control: Control) -> OperationMode | None:
    if name is None:
        return None
    for mode in control.modes:
        if mode == name:
            return mode
    raise wrong("mode_not_settable", mode=name, modes=", ".join(control.modes))
