"""Discover gateways, and probe them before there is a config entry."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_BASE, CONF_HOST, CONF_IP_ADDRESS, CONF_PASSWORD
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .const import CONF_FINGERPRINT, CONF_MAC, CONF_SCHEME, CONF_SERIAL, DOMAIN
from .core_migration import CORE
from .device_ids import Kind, is_of_kind
from .exceptions import FormError, error_text
from .gateway import (
    Address,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayLoginError,
    GatewayRateLimitError,
    GatewayStoppedError,
    LoginProblem,
    PowerwallGateway,
    SiteSummary,
    open_session,
    probe,
    read_site_summary,
)
from .gateway.models import Din, Status
from .hub import create_gateway
from .issues import escape_markdown, format_fingerprint
from .storage import async_get_store

_LOGGER = logging.getLogger(__name__)

_LOGIN_ERRORS: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.CREDENTIALS: "invalid_auth",
    LoginProblem.DEFAULT_PASSWORD: "default_password",
    LoginProblem.SWITCH_NEEDED: "switch_needed",
    LoginProblem.FORBIDDEN: "login_forbidden",
}
"""Error key of each problem with a login."""

_FORM_ERRORS: Final[tuple[tuple[type[GatewayError], str, str], ...]] = (
    (GatewayCertificateError, "certificate_changed", CONF_BASE),
    (GatewayConnectionError, "cannot_connect", CONF_HOST),
    (GatewayRateLimitError, "busy", CONF_BASE),
    (GatewayStoppedError, "stopped", CONF_BASE),
)
"""Error key and field of the other exceptions."""


@callback
def find_entry(hass: HomeAssistant, serial: str | None, mac: str, host: str) -> ConfigEntry | None:
    """Return the entry of a discovered gateway: by serial, by MAC address, or by host if the serial is unknown."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    matches: tuple[Callable[[ConfigEntry], bool], ...] = (
        lambda entry: entry.unique_id == serial,
        lambda entry: entry.data.get(CONF_MAC) == mac,
        lambda entry: serial is None and _address(entry).host == host,
    )
    return next((entry for match in matches for entry in entries if match(entry)), None)


@callback
def data_updates(entry: ConfigEntry, mac: str, host: str) -> dict[str, Any]:
    """Return the changes to the data of an entry.

    While the gateway responds at the stored address, that stays: a gateway on Wi-Fi and Ethernet has two addresses,
    and a host name in DHCP proves nothing.
    """
    address = _address(entry)
    if address.host == host:
        return {CONF_MAC: mac}
    if _responds(entry):
        return {}
    return {CONF_MAC: mac, CONF_HOST: str(replace(address, host=host))}


@callback
def async_store_mac(hass: HomeAssistant, entry: ConfigEntry, mac: str) -> None:
    """Add the MAC address to the gateway's device without a reload, so that Home Assistant reports its next address."""
    registry = dr.async_get(hass)
    if device := registry.async_get_device_by_identifier((DOMAIN, entry.data[CONF_SERIAL]), entry.entry_id):
        connections = device.connections | {(dr.CONNECTION_NETWORK_MAC, mac)}
        registry.async_update_device(device.id, new_connections=connections)


@callback
def suggested_by_core(hass: HomeAssistant) -> dict[str, str]:
    """Return host and serial of a gateway that only the built-in integration has."""
    ours = {entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)}
    for entry in hass.config_entries.async_entries(CORE, include_ignore=False):
        din = Din.parse(entry.unique_id)
        if (host := entry.data.get(CONF_IP_ADDRESS)) and (din is None or din.serial_number not in ours):
            return suggested_values(host, din)
    return {}


def suggested_values(host: str, din: Din | None) -> dict[str, str]:
    """Return values for the form that asks for address and serial number."""
    return {CONF_HOST: host} | ({CONF_SERIAL: din.serial_number} if din else {})


def _address(entry: ConfigEntry) -> Address:
    return Address.parse(entry.data[CONF_HOST])


def _responds(entry: ConfigEntry) -> bool:
    """Return whether the gateway responds at the stored address."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    return not isinstance(entry.runtime_data.live.data.meters.error, GatewayConnectionError)


@dataclass(frozen=True, kw_only=True)
class ConfiguredGateway:
    """The gateway of an entry. Another one may replace it if it has the same Powerwalls, or if the owner confirms."""

    serial: str
    fingerprint: str | None
    packs: Collection[str]
    """Known serial numbers of its Powerwalls."""


async def async_configured_gateway(hass: HomeAssistant, entry: ConfigEntry) -> ConfiguredGateway:
    """Return the gateway of an entry, with the Powerwalls in storage and in the device registry."""
    serial: str = entry.data[CONF_SERIAL]
    store = await async_get_store(hass, entry.entry_id)
    registered = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    packs = {device.serial_number for device in registered if is_of_kind(device, serial, Kind.POWERWALL)}
    return ConfiguredGateway(
        serial=serial,
        fingerprint=entry.data[CONF_FINGERPRINT],
        packs={*store.packs, *(pack for pack in packs if pack)},
    )


class GatewayProbe:
    """Find out what a flow has to know about a gateway, and collect the data of its entry.

    Raises `FormError` if the gateway cannot be used.
    """

    def __init__(self, data: Mapping[str, Any], former: ConfiguredGateway | None = None) -> None:
        self.data = dict(data)
        """Data of the config entry."""

        self.needs_login = False
        self.login_stops_powerwall = False
        self._former = former
        self._status: Status | None = None
        self._summary: SiteSummary | None = None

    @property
    def din(self) -> Din | None:
        """Return the DIN, once it is known."""
        if self._summary and self._summary.identity.din:
            return self._summary.identity.din
        return Din.parse(self._status.din) if self._status else None

    @property
    def _packs(self) -> frozenset[str] | None:
        """Return the serial numbers of the Powerwalls; None if they could not be read."""
        return self._summary.packs if self._summary else None

    @property
    def site_name(self) -> str | None:
        """Return the name that the owner gave the site."""
        return self._summary.site_name if self._summary else None

    @property
    def has_new_certificate(self) -> bool:
        """Return whether it has another certificate than the entry trusts."""
        return self._former is not None and self._former.fingerprint != self.data[CONF_FINGERPRINT]

    @property
    def is_replacement(self) -> bool:
        """Return whether it replaces a gateway with another serial number."""
        return self._former is not None and self._former.serial != self.data[CONF_SERIAL]

    @property
    def has_same_powerwalls(self) -> bool:
        """Return whether at least one Powerwall is the entry's; False if they cannot be compared."""
        return self._packs is not None and self._former is not None and not self._packs.isdisjoint(self._former.packs)

    @property
    def placeholders(self) -> dict[str, str]:
        """Return the placeholders of the forms, whose texts are Markdown."""
        din, status, former = self.din, self._status, self._former
        return {
            "host": self.data.get(CONF_HOST, "-"),
            "firmware": escape_markdown((status and status.firmware) or "-"),
            "din": escape_markdown(f"{din.part_number}--{din.serial_number}") if din else "-",
            "model": (din and din.model) or (status and status.model) or "-",
            "fingerprint": format_fingerprint(self.data.get(CONF_FINGERPRINT)),
            "trusted": format_fingerprint(former.fingerprint if former else None),
            "site": escape_markdown(self.site_name or "-"),
            "powerwalls": str(len(self._packs)) if self._packs else "-",
            "serial": self.data.get(CONF_SERIAL) or "-",
            "former": former.serial if former else "-",
        }

    async def async_probe(self, address: Address) -> None:
        """Probe the gateway at an address, only by reads without effect and without a login."""
        self._summary = None
        async with open_session() as session:
            try:
                found = await probe(session, address)
                if found.needs_login and found.login_stops_powerwall:
                    raise FormError("login_would_stop")
                was_encrypted = self._former is not None and self._former.fingerprint is not None
                if found.lost_encryption or (was_encrypted and not found.connection.fingerprint):
                    raise FormError("not_encrypted", CONF_HOST)
                if not found.needs_login:
                    self._summary = await read_site_summary(PowerwallGateway(found.connection))
            except GatewayError as err:
                _LOGGER.debug("Could not set up the gateway: %s", err)
                raise _form_error(err, "not_a_gateway") from err
        self._status = found.status
        self.needs_login, self.login_stops_powerwall = found.needs_login, found.login_stops_powerwall
        self._reject_another()
        self.data |= {
            CONF_HOST: str(address),
            CONF_SCHEME: found.connection.address.scheme,
            CONF_FINGERPRINT: found.connection.fingerprint.hex() if found.connection.fingerprint else None,
        }

    async def async_log_in(self) -> None:
        """Try the password on the gateway that was probed, and log out again."""
        async with open_session() as session:
            gateway = create_gateway(session, self.data)
            try:
                await gateway.login()
                self._summary = await read_site_summary(gateway)
            except GatewayError as err:
                _LOGGER.debug("Could not log in: %s", err)
                raise _form_error(err, "login_failed") from err
            finally:
                with suppress(GatewayError):
                    await gateway.logout()
        self._reject_another()

    def _reject_another(self) -> None:
        """Raise `FormError` if the serial is known not to be the gateway's, or the gateway not to be the entry's."""
        if self.din is not None and self.din.serial_number != self.data[CONF_SERIAL]:
            raise FormError("wrong_serial", CONF_SERIAL)
        known = self._former.packs if self._former else ()
        if self._packs and known and self._packs.isdisjoint(known):
            raise FormError("another_gateway", CONF_HOST)


def _form_error(err: GatewayError, default: str) -> FormError:
    """Return the form error for an error of the gateway, with the gateway's own text."""
    if isinstance(err, GatewayLoginError):
        return FormError(_LOGIN_ERRORS[err.problem], CONF_PASSWORD, reason=error_text(err))
    fields = ((key, field) for kind, key, field in _FORM_ERRORS if isinstance(err, kind))
    key, field = next(fields, (default, CONF_HOST))
    return FormError(key, field, reason=error_text(err))
