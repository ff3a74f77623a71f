"""Register the signing key, check whether the gateway accepts it, and make the client that signs with it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
import logging
from time import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientError

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
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
from .gateway.models import AuthorizedKey, Din
from .gateway.signed.keys import public_part
from .gateway.text_redaction import strip_control_characters
from .issues import escape_markdown
from .storage import EntryStore

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

WINDOW: Final = 600.0
"""Seconds within which a registered key has to be confirmed at the Powerwall."""

ACCOUNTS: Final = {"tesla_fleet": "Tesla Fleet", "teslemetry": "Teslemetry"}
"""Built-in integrations that sign in to the owner's Tesla account, with their names.

The integration never imports them. It only uses what their loaded entries offer.
"""

_NAME_LENGTH: Final = 60
"""Characters of the name of a key that are shown."""

_REGISTRATION_TIMEOUT: Final = 60.0
"""Seconds. Tesla's cloud waits for the gateway."""

_RSA: Final = 1
_CUSTOMER_MOBILE_APP: Final = 1
"""Type of the key and of its owner in Tesla's message definitions, as pypowerwall and `teslemetry` register them."""

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


@dataclass(frozen=True, kw_only=True)
class AccountSite:
    """An energy site of the owner's Tesla account, as an entry of another integration offers it."""

    label: str
    """Name of the site and of the integration."""

    is_ours: bool
    """True if the account reports this gateway at the site."""

    api: Any
    """The `EnergySite` of the library `tesla_fleet_api`."""


@callback
def account_sites(hass: HomeAssistant, serial: str) -> list[AccountSite]:
    """Return the energy sites of loaded entries that have a battery: those with this gateway, or all if none has it."""
    sites = [
        site
        for domain, integration in ACCOUNTS.items()
        for entry in hass.config_entries.async_loaded_entries(domain)
        for site in _sites_of(entry, integration, serial)
    ]
    return [site for site in sites if site.is_ours] or sites


def _sites_of(entry: ConfigEntry[Any], integration: str, serial: str) -> list[AccountSite]:
    """Return the sites of one entry; none if a newer version of the integration keeps them in another form."""
    try:
        return [
            AccountSite(
                label=f"{site.device['name']} ({integration})",
                is_ours=any(_is_gateway(each, serial) for each in data.get("components_gateways") or ()),
                api=getattr(site.api, "secondary", site.api),  # with a local client in front, the cloud is second
            )
            for site in entry.runtime_data.energysites
            if (data := site.info_coordinator.data).get("components_battery")
        ]
    except (AttributeError, LookupError, TypeError) as err:
        _LOGGER.debug("Ignoring the energy sites of %s: %s", integration, type(err).__name__)
        return []


def _is_gateway(reported: dict[str, Any], serial: str) -> bool:
    din = Din.parse(reported.get("din"))
    return serial in {reported.get("serial_number"), din.serial_number if din else None}


async def async_register_key(hass: HomeAssistant, store: EntryStore, site: AccountSite) -> None:
    """Register the public key at Tesla's cloud, once. Raises `FormError` if that fails.

    This is the only request to a cloud. Another integration sends it, and only after the owner agreed in the form.
    """
    if (private_key := store.private_key) is None:
        raise FormError("key_missing")
    public_key = await hass.async_add_executor_job(public_part, private_key)
    library = await async_import_module(hass, "tesla_fleet_api.exceptions")
    try:
        async with asyncio.timeout(_REGISTRATION_TIMEOUT):
            await site.api.add_authorized_client(
                public_key,
                description="Home Assistant",
                key_type=_RSA,
                authorized_client_type=_CUSTOMER_MOBILE_APP,
            )
    except library.TeslaFleetError as err:
        key = "register_denied" if err.status in {401, 403} else "register_failed"
        raise FormError(key, reason=err.message) from err
    except ConfigEntryAuthFailed as err:
        raise FormError("register_denied", reason="login required") from err
    except (ClientError, TimeoutError, HomeAssistantError) as err:
        raise FormError("register_no_answer") from err
    await store.async_set_key(private_key, time())


@asynccontextmanager
async def _signed(hass: HomeAssistant, store: EntryStore, gateway: PowerwallGateway) -> AsyncIterator[SignedGateway]:
    """Make a client that signs with the stored key. Its errors become `FormError`."""
    if (private_key := store.private_key) is None:
        raise FormError("key_missing")
    signed = await async_signed_gateway(hass, gateway, private_key)
    if signed is None:
        raise FormError("library_missing")
    try:
        yield signed
    except GatewayKeyError as err:
        unconfirmed = err.problem is KeyProblem.UNCONFIRMED
        raise FormError(await _unconfirmed(store, private_key) if unconfirmed else f"key_{err.problem}") from err
    except GatewayError as err:
        _LOGGER.debug("The signed request failed: %s", err)
        raise _form_error(err) from err
    finally:
        await signed.close()


async def async_check_key(hass: HomeAssistant, store: EntryStore, gateway: PowerwallGateway) -> None:
    """Check whether the gateway accepts the stored key. Raises `FormError` if it does not."""
    async with _signed(hass, store, gateway) as signed:
        await signed.check_key()
    await store.async_set_key(store.private_key)


async def async_list_keys(hass: HomeAssistant, store: EntryStore, gateway: PowerwallGateway) -> dict[str, str] | None:
    """Return the keys that the gateway knows, as placeholders of the form; None if the firmware does not list them.

    A key is shown as the start of its SHA-256 and its description. Raises `FormError` if the request fails.
    """
    async with _signed(hass, store, gateway) as signed:
        try:
            keys = await signed.authorized_keys()
        except GatewayNotFoundError:
            return None
        own = await hass.async_add_executor_job(public_part, signed.private_key)
    others = [key for key in keys if key.public_key != own]
    return {
        "own_key": _in_short(key for key in keys if key.public_key == own),
        "confirmed_keys": _in_short(key for key in others if key.is_confirmed),
        "other_keys": _in_short(key for key in others if not key.is_confirmed),
    }


def _in_short(keys: Iterable[AuthorizedKey]) -> str:
    """Return the keys in Markdown; a dash for none."""
    return ", ".join(f"`{_fingerprint(key)}` {_name(key)}".strip() for key in keys) or "-"


def _fingerprint(key: AuthorizedKey) -> str:
    return sha256((key.public_key or "").encode()).hexdigest()[:8]


def _name(key: AuthorizedKey) -> str:
    return escape_markdown(strip_control_characters(key.description or "")[:_NAME_LENGTH])


async def async_remove_key(hass: HomeAssistant, store: EntryStore, gateway: PowerwallGateway) -> None:
    """Remove the stored key from the gateway. Raises `FormError` if the gateway may still accept it."""
    async with _signed(hass, store, gateway) as signed:
        try:
            await signed.remove_key()
        except GatewayNotFoundError as err:
            raise FormError("key_not_removed") from err


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
