"""What all actions share: which gateway they are for, and what they say when it will not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import voluptuous as vol

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry

from ..const import DOMAIN
from ..coordinator import PowerwallGatewayConfigEntry
from ..exceptions import translated
from ..gateway import GatewayAuthenticationRequiredError, GatewayError, GatewayLoginStopsError, GatewayNotFoundError


def schema_with(fields: dict[Any, Any]) -> vol.Schema:
    """Make an action's schema: for one gateway, which need not be named where there is but one."""
    return vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string, **fields})


@callback
def async_entry_of(call: ServiceCall) -> PowerwallGatewayConfigEntry:
    """Give the loaded entry that an action is for. Raises `ServiceValidationError` where there is none."""
    return async_get_config_entry(call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID))


def wrong(key: str, **placeholders: str) -> ServiceValidationError:
    """Give the error of an action that should have been called differently, or not now."""
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Give the error of an action that went wrong."""
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


@contextmanager
def told() -> Iterator[None]:
    """Raise the gateway's failures as sentences in the person's language."""
    try:
        yield
    except GatewayLoginStopsError as err:
        raise wrong("login_needed") from err
    except GatewayNotFoundError as err:
        raise wrong("not_on_this_firmware") from err
    except GatewayAuthenticationRequiredError as err:
        raise wrong("not_for_this_login") from err
    except GatewayError as err:
        raise translated(err) from err
