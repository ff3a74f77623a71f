"""The forms of the config flow, and what they say of what was typed."""

from collections.abc import Mapping
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_BASE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_ALLOW_CONTROL, CONF_PRIVATE_KEY, CONF_SERIAL
from .gateway import (
    Address,
    GatewayBusyError,
    GatewayCertificateError,
    GatewayDefaultPasswordError,
    GatewayError,
    GatewayLoginError,
    GatewayUnreachableError,
    parse_serial,
)

CONF_MORE: Final = "more"

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

CONTROL: Final = vol.Schema(_CONTROL)
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

NOTHING: Final = vol.Schema({})


class RefusedError(Exception):
    """What was typed cannot be used: the message's key, and the field it belongs to."""

    def __init__(self, key: str, field: str = CONF_BASE) -> None:
        super().__init__(key)
        self.key = key
        self.field = field

    def errors(self, schema: vol.Schema) -> dict[str, str]:
        """Show it at its field, or above the form where the form has no such field."""
        return {self.field if self.field in schema.schema else CONF_BASE: self.key}


def refusal(err: GatewayError, otherwise: str) -> RefusedError:
    """Say in the form what a gateway's failure means."""
    match err:
        case GatewayDefaultPasswordError():
            return RefusedError("default_password", CONF_PASSWORD)
        case GatewayLoginError():
            return RefusedError("invalid_auth", CONF_PASSWORD)
        case GatewayCertificateError():
            return RefusedError("certificate_changed")
        case GatewayUnreachableError():
            return RefusedError("cannot_connect", CONF_HOST)
        case GatewayBusyError():
            return RefusedError("busy")
        case _:
            return RefusedError(otherwise, CONF_HOST)


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
