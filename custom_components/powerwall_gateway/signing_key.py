"""Store the signing key, and check whether the gateway accepts it."""

from dataclasses import dataclass, replace
import logging
from time import time
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.importlib import async_import_module
from homeassistant.helpers.storage import Store
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import CONF_PRIVATE_KEY, DOMAIN, SIGNED_REQUIREMENT
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
from .gateway.signed.keys import public_part

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

WINDOW: Final = 600.0
"""Seconds within which a registered key has to be confirmed at the Powerwall."""

_VERSION = 1

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
        _LOGGER.warning("Nothing is signed, because a library is missing: %s", err)
        return None
    try:
        module = await async_import_module(hass, f"{__package__}.gateway.signed.client")
    except ImportError as err:
        _LOGGER.warning("Nothing is signed, because a library has changed: %s", err)
        return None
    signed: SignedGateway = module.SignedGateway(gateway, private_key)
    return signed


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The content of the stored file."""

    private_key: bytes
    unconfirmed_since: float | None = None
    """Time at which the gateway first reported the key as unconfirmed, in seconds since 1970."""


class KeyStore:
    """Store the key in a file of its own, which other users of the machine cannot read. The key is nowhere else."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.key", private=True)

    async def async_load(self) -> bytes | None:
        """Return the private key in PEM; None if there is none."""
        kept = await self.async_read()
        return kept.private_key if kept else None

    async def async_read(self) -> _Kept | None:
        """Return the content of the file; None if there is no key."""
        try:
            kept: object = await self._store.async_load()
        except HomeAssistantError as err:
            _LOGGER.warning("The key for signed requests cannot be read: %s", err)
            return None
        if not isinstance(kept, dict) or not isinstance(key := kept.get(CONF_PRIVATE_KEY), str):
            return None
        since = kept.get("unconfirmed_since")
        return _Kept(private_key=key.encode(), unconfirmed_since=since if isinstance(since, float) else None)

    async def async_keep(self, private_key: bytes, unconfirmed_since: float | None = None) -> None:
        """Store a key."""
        await self._store.async_save({CONF_PRIVATE_KEY: private_key.decode(), "unconfirmed_since": unconfirmed_since})

    async def async_forget(self) -> None:
        """Remove the file."""
        await self._store.async_remove()


class SigningKeyManager:
    """Set, check and remove the signing key of a config entry."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._store = KeyStore(hass, entry_id)
        self._kept: _Kept | None = None

    async def async_load(self) -> None:
        """Load the key, if there is one."""
        self._kept = await self._store.async_read()

    @property
    def has_key(self) -> bool:
        """Whether there is a key, accepted or not."""
        return self._kept is not None

    async def async_public_part(self) -> str:
        """Return the public key, which is registered with Tesla."""
        if self._kept is None:
            return "-"
        return await self._hass.async_add_executor_job(public_part, self._kept.private_key)

    async def async_set(self, private_key: bytes) -> bool:
        """Store a new key, and return whether it is on disk: `Store` raises nothing if it fails."""
        await self._keep(_Kept(private_key=private_key))
        return await self._store.async_load() == private_key

    async def async_forget(self) -> None:
        """Remove the key."""
        self._kept = None
        await self._store.async_forget()

    async def async_check(self, gateway: PowerwallGateway) -> None:
        """Check whether the gateway accepts the key. Raises `FormError` if it does not."""
        if self._kept is None:
            raise FormError("key_missing")
        signed = await async_signed_gateway(self._hass, gateway, self._kept.private_key)
        if signed is None:
            raise FormError("library_missing")
        try:
            await signed.look()
        except GatewayKeyError as err:
            unconfirmed = err.problem is KeyProblem.UNCONFIRMED
            raise FormError(await self._unconfirmed(self._kept) if unconfirmed else f"key_{err.problem}") from err
        except GatewayError as err:
            _LOGGER.debug("The key was not accepted: %s", err)
            raise _form_error(err) from err
        finally:
            await signed.close()
        await self._keep(replace(self._kept, unconfirmed_since=None))

    async def _unconfirmed(self, kept: _Kept) -> str:
        """Return the error key of an unconfirmed key; the gateway's response is the same after the time has run out."""
        now = time()
        since = kept.unconfirmed_since
        if since is not None and now - since > WINDOW:
            await self._keep(replace(kept, unconfirmed_since=None))  # it has to be registered again
            return "key_expired"
        await self._keep(replace(kept, unconfirmed_since=since or now))
        return "key_unconfirmed"

    async def _keep(self, kept: _Kept) -> None:
        self._kept = kept
        await self._store.async_keep(kept.private_key, kept.unconfirmed_since)


def _form_error(err: GatewayError) -> FormError:
    """Return the form error for an error of the gateway."""
    key = next((key for kind, key in _FORM_ERRORS if isinstance(err, kind)), "unexpected_answer")
    return FormError(key, reason=error_text(err))
