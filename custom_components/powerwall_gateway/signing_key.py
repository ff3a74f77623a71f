"""Check whether the gateway accepts the signing key, and make the client that signs with it."""

import logging
from time import time
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.importlib import async_import_module
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import DOMAIN, SIGNED_REQUIREMENT
from .exceptions import FormError, error_text
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayClockError,
    GatewayConnectionError,
    GatewayError,
    GatewayKeyError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    KeyProblem,
    PowerwallGateway,
)
from .storage import EntryStore

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

WINDOW: Final = 600.0
"""Seconds within which a registered key has to be confirmed at the Powerwall."""

_FORM_ERRORS: Final[tuple[tuple[type[GatewayError], str], ...]] = (
    (GatewayClockError, "clocks_differ"),
    (GatewayNotFoundError, "nothing_signed"),
    (GatewayRateLimitError, "busy"),
    (GatewayConnectionError, "cannot_connect"),
    (GatewayAuthenticationRequiredError, "invalid_auth"),
)
"""Errors that are not about the key itself, and their keys in the form."""


async def async_signed_gateway(
    hass: HomeAssistant, gateway: PowerwallGateway, private_key: bytes
) -> SignedGateway | None:
    """Return a client for signed requests; None if the library for them cannot be installed or imported."""
    try:
        await async_process_requirements(hass, DOMAIN, [SIGNED_REQUIREMENT])
    except RequirementsNotFound as err:
        _LOGGER.warning("Signed requests are disabled: missing library: %s", err)
        return None
    try:
        module = await async_import_module(hass, f"{__package__}.gateway.signed.client")
    except ImportError as err:
        _LOGGER.warning("Signed requests are disabled: incompatible library: %s", err)
        return None
    signed: SignedGateway = module.SignedGateway(gateway, private_key)
    return signed


async def async_check_key(hass: HomeAssistant, store: EntryStore, gateway: PowerwallGateway) -> None:
    """Check whether the gateway accepts the stored key. Raises `FormError` if it does not."""
    if (private_key := store.private_key) is None:
        raise FormError("key_missing")
    signed = await async_signed_gateway(hass, gateway, private_key)
    if signed is None:
        raise FormError("library_missing")
    try:
        await signed.check_key()
    except GatewayKeyError as err:
        unconfirmed = err.problem is KeyProblem.UNCONFIRMED
        raise FormError(await _unconfirmed(store, private_key) if unconfirmed else f"key_{err.problem}") from err
    except GatewayError as err:
        _LOGGER.debug("The key was not accepted: %s", err)
        raise _form_error(err) from err
    finally:
        await signed.close()
    await store.async_set_key(private_key)


async def _unconfirmed(store: EntryStore, private_key: bytes) -> str:
    """Return the error key of an unconfirmed key; the gateway's response is the same after the time has run out."""
    now, since = time(), store.unconfirmed_since
    if since is not None and now - since > WINDOW:
        await store.async_set_key(private_key)  # it has to be registered again
        return "key_expired"
    await store.async_set_key(private_key, since or now)
    return "key_unconfirmed"


def _form_error(err: GatewayError) -> FormError:
    """Return the form error for an error of the gateway."""
    key = next((key for kind, key in _FORM_ERRORS if isinstance(err, kind)), "unexpected_answer")
    return FormError(key, reason=error_text(err))
