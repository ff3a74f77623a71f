"""The owner's key for signed requests: where it is kept, and what the gateway says of it."""

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
from .exceptions import error_text
from .forms import RefusedError
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
"""Seconds after its registration within which a key is confirmed at the Powerwall."""

_VERSION = 1

_REFUSALS: Final[tuple[tuple[type[GatewayError], str], ...]] = (
    (GatewayClockError, "clocks_differ"),
    (GatewayNotFoundError, "nothing_signed"),
    (GatewayRateLimitError, "busy"),
    (GatewayConnectionError, "cannot_connect"),
    (GatewayAuthenticationRequiredError, "invalid_auth"),
)
"""What a form says of a failure that is not about the key itself."""


async def async_signed_gateway(
    hass: HomeAssistant, gateway: PowerwallGateway, private_key: bytes
) -> SignedGateway | None:
    """Give the way of signed requests; None where the library that signs them cannot be had."""
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
    """What is on disk."""

    private_key: bytes
    unconfirmed_since: float | None = None
    """When the gateway first said that nobody has confirmed the key, in seconds since 1970."""


class KeyStore:
    """A small file of an entry's own, which other users of the machine cannot read. The key is nowhere else."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.key", private=True)

    async def async_load(self) -> bytes | None:
        """Give the private key, PEM; None where there is none."""
        kept = await self.async_read()
        return kept.private_key if kept else None

    async def async_read(self) -> _Kept | None:
        """Give all that is kept."""
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
        """Keep a key from this moment on."""
        await self._store.async_save({CONF_PRIVATE_KEY: private_key.decode(), "unconfirmed_since": unconfirmed_since})

    async def async_forget(self) -> None:
        """Leave nothing behind."""
        await self._store.async_remove()


class SigningKeyManager:
    """One entry's key, as far as it has come."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._store = KeyStore(hass, entry_id)
        self._kept: _Kept | None = None

    async def async_load(self) -> None:
        """Find out whether there is a key."""
        self._kept = await self._store.async_read()

    @property
    def has_key(self) -> bool:
        """Whether there is a key, whatever the gateway says of it."""
        return self._kept is not None

    async def async_public_part(self) -> str:
        """Give what is registered with Tesla."""
        if self._kept is None:
            return "-"
        return await self._hass.async_add_executor_job(public_part, self._kept.private_key)

    async def async_take(self, private_key: bytes) -> bool:
        """Keep a new key, and tell whether it is on disk: `Store` fails in silence."""
        await self._keep(_Kept(private_key=private_key))
        return await self._store.async_load() == private_key

    async def async_forget(self) -> None:
        """Keep none any more."""
        self._kept = None
        await self._store.async_forget()

    async def async_check(self, gateway: PowerwallGateway) -> None:
        """Ask the gateway whether it takes the key. Raises `RefusedError`, which says what to do next."""
        if self._kept is None:
            raise RefusedError("key_missing")
        signed = await async_signed_gateway(self._hass, gateway, self._kept.private_key)
        if signed is None:
            raise RefusedError("library_missing")
        try:
            await signed.look()
        except GatewayKeyError as err:
            unconfirmed = err.problem is KeyProblem.UNCONFIRMED
            raise RefusedError(await self._unconfirmed(self._kept) if unconfirmed else f"key_{err.problem}") from err
        except GatewayError as err:
            _LOGGER.debug("The key was not taken: %s", err)
            raise _refusal(err) from err
        finally:
            await signed.close()
        await self._keep(replace(self._kept, unconfirmed_since=None))

    async def _unconfirmed(self, kept: _Kept) -> str:
        """Tell a key that waits from one that waited for too long: the gateway says the same of both."""
        now = time()
        since = kept.unconfirmed_since
        if since is not None and now - since > WINDOW:
            await self._keep(replace(kept, unconfirmed_since=None))  # it is registered anew, and waits anew
            return "key_expired"
        await self._keep(replace(kept, unconfirmed_since=since or now))
        return "key_unconfirmed"

    async def _keep(self, kept: _Kept) -> None:
        self._kept = kept
        await self._store.async_keep(kept.private_key, kept.unconfirmed_since)


def _refusal(err: GatewayError) -> RefusedError:
    """Say in the form what a gateway's failure means for the key."""
    key = next((key for kind, key in _REFUSALS if isinstance(err, kind)), "unexpected_answer")
    return RefusedError(key, reason=error_text(err))
