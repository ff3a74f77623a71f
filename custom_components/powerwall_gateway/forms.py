"""The forms of the config flow, and what they say of what was typed."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_BASE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult, section
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_ALLOW_CONTROL, CONF_PRIVATE_KEY, CONF_SERIAL
from .exceptions import error_text
from .gateway import (
    Address,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayDefaultPasswordError,
    GatewayError,
    GatewayLoginError,
    GatewayLoginForbiddenError,
    GatewayRateLimitError,
    GatewayStoppedError,
    GatewaySwitchNeededError,
    parse_serial,
)

CONF_MORE: Final = "more"
CONF_SAME_POWERWALLS: Final = "same_powerwalls"

SHOWN_AFTER: Final = 0.3
"""Seconds that something takes before it is worth saying that it is under way."""

SHOWN_FOR: Final = 1.0
"""Seconds for which that is said at least: a browser that learns of the end sooner than it listens waits for ever."""

_USERNAMES = ["customer", "installer"]
_PASSWORD_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
_CONTROL = {vol.Required(CONF_ALLOW_CONTROL, default=True): bool}
_LOGIN_AS = {
    vol.Required(CONF_USERNAME, default=_USERNAMES[0]): SelectSelector(
        SelectSelectorConfig(options=_USERNAMES, translation_key="username")
    )
}

PLACE: Final = vol.Schema({vol.Required(CONF_HOST): str, vol.Required(CONF_SERIAL): str})
"""Where the gateway is, and which."""

CONTROL: Final = vol.Schema({vol.Required(CONF_ALLOW_CONTROL, default=False): bool})
"""Off at first: where this form is shown, Home Assistant stops the Powerwall for a moment to log in."""

LOGIN: Final = vol.Schema(
    {
        vol.Optional(CONF_PASSWORD): _PASSWORD_FIELD,
        **_CONTROL,
        vol.Required(CONF_MORE): section(vol.Schema(_LOGIN_AS), {"collapsed": True}),
    }
)
"""A blank password stands for the one that the gateway came with."""

NEW_PASSWORD: Final = vol.Schema({vol.Required(CONF_PASSWORD): _PASSWORD_FIELD})
SAME_PASSWORD: Final = vol.Schema({vol.Optional(CONF_PASSWORD): _PASSWORD_FIELD})
"""A blank password stands for the one that is stored."""

PRIVATE_KEY: Final = vol.Schema({vol.Required(CONF_PRIVATE_KEY): TextSelector(TextSelectorConfig(multiline=True))})

SAME_POWERWALLS: Final = vol.Schema({vol.Required(CONF_SAME_POWERWALLS, default=False): bool})

NOTHING: Final = vol.Schema({})


class ProgressFlow[ContextT: FlowContext, ResultT: FlowResult[Any, Any]](FlowHandler[ContextT, ResultT, str]):
    """A flow that shows what takes a while; what is done at once shows nothing."""

    _work: asyncio.Task[None] | None = None

    async def _async_wait_for(
        self, work: Callable[[], Coroutine[Any, Any, None]], step_id: str, next_step_id: str, **placeholders: str
    ) -> ResultT:
        """Begin the work and show its progress; call again in the progress step, until the next step follows."""
        if self._work is None:
            begun = self.hass.async_create_task(work(), step_id)
            if (await asyncio.wait({begun}, timeout=SHOWN_AFTER))[0]:
                self._work = begun
                following: ResultT = await getattr(self, f"async_step_{next_step_id}")()
                return following
            self._work = self.hass.async_create_task(_lasting(begun), f"{step_id}, shown")
        if self._work.done():
            return self.async_show_progress_done(next_step_id=next_step_id)
        return self.async_show_progress(
            step_id=step_id,
            progress_action=step_id,
            description_placeholders=placeholders,
            progress_task=self._work,
        )

    async def _async_finish_waiting(self) -> None:
        """Raise what the work raised."""
        if self._work is not None:
            work, self._work = self._work, None
            await work


async def _lasting(begun: asyncio.Task[None]) -> None:
    """Wait for something that is shown, and until a browser had the time to listen for its end."""
    await asyncio.gather(begun, asyncio.sleep(SHOWN_FOR), return_exceptions=True)
    await begun


class RefusedError(Exception):
    """What was typed cannot be used: the message's key, the field it belongs to, and the gateway's own words."""

    def __init__(self, key: str, field: str = CONF_BASE, *, reason: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.field = field
        self.reason = reason

    def errors(self, schema: vol.Schema) -> dict[str, str]:
        """Show it at its field, or above the form where the form has no such field."""
        return {self.field if self.field in schema.schema else CONF_BASE: self.key}


_REFUSALS: Final[tuple[tuple[type[GatewayError], str, str], ...]] = (
    (GatewayDefaultPasswordError, "default_password", CONF_PASSWORD),
    (GatewaySwitchNeededError, "switch_needed", CONF_PASSWORD),
    (GatewayLoginForbiddenError, "login_forbidden", CONF_PASSWORD),
    (GatewayLoginError, "invalid_auth", CONF_PASSWORD),
    (GatewayCertificateError, "certificate_changed", CONF_BASE),
    (GatewayConnectionError, "cannot_connect", CONF_HOST),
    (GatewayRateLimitError, "busy", CONF_BASE),
    (GatewayStoppedError, "stopped", CONF_BASE),
)
"""The message and the field of a failure, the children before their parents."""


def refusal(err: GatewayError, otherwise: str) -> RefusedError:
    """Return the form error for a gateway's failure, with the gateway's own words."""
    key, field = next(((key, field) for kind, key, field in _REFUSALS if isinstance(err, kind)), (otherwise, CONF_HOST))
    return RefusedError(key, field, reason=error_text(err))


def read_place(typed: Mapping[str, Any]) -> tuple[Address, str]:
    """Read address and serial as people copy them. Raises `RefusedError`."""
    try:
        serial = parse_serial(typed[CONF_SERIAL])
    except ValueError:
        raise RefusedError("invalid_serial", CONF_SERIAL) from None
    try:
        return Address.parse(typed[CONF_HOST]), serial
    except ValueError:
        raise RefusedError("invalid_host", CONF_HOST) from None
