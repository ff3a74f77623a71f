"""What a config flow finds out about a gateway, and what of it is to be stored."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_BASE, CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import CONF_FINGERPRINT, CONF_SCHEME, CONF_SERIAL
from .device import Kind, is_of_kind
from .exceptions import FormError, error_text
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

_FORM_ERRORS: Final[tuple[tuple[type[GatewayError], str, str], ...]] = (
    (GatewayDefaultPasswordError, "default_password", CONF_PASSWORD),
    (GatewaySwitchNeededError, "switch_needed", CONF_PASSWORD),
    (GatewayLoginForbiddenError, "login_forbidden", CONF_PASSWORD),
    (GatewayLoginError, "invalid_auth", CONF_PASSWORD),
    (GatewayCertificateError, "certificate_changed", CONF_BASE),
    (GatewayConnectionError, "cannot_connect", CONF_HOST),
    (GatewayRateLimitError, "busy", CONF_BASE),
    (GatewayStoppedError, "stopped", CONF_BASE),
)
"""Error key and field of each exception, subclasses before their base classes."""


@dataclass(frozen=True, kw_only=True)
class ConfiguredGateway:
    """The gateway as an entry has it; another one takes its place with the same Powerwalls, or if the owner says so."""

    serial: str
    fingerprint: str | None
    packs: Collection[str]
    """Serials of its Powerwalls, as far as they are known."""


async def async_former(hass: HomeAssistant, entry: ConfigEntry) -> ConfiguredGateway:
    """Return the gateway of an entry, with the Powerwalls that were stored or are in the device registry."""
    serial: str = entry.data[CONF_SERIAL]
    memory = await async_get_store(hass, entry.entry_id)
    registered = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    packs = {device.serial_number for device in registered if is_of_kind(device, serial, Kind.POWERWALL)}
    return ConfiguredGateway(
        serial=serial,
        fingerprint=entry.data[CONF_FINGERPRINT],
        packs={*memory.packs, *(pack for pack in packs if pack)},
    )


class GatewayProbe:
    """One gateway, as far as it is known by now.

    What it finds against it is raised as `FormError`, to be shown in a form.
    """

    def __init__(self, data: Mapping[str, Any], former: ConfiguredGateway | None = None) -> None:
        self.data = dict(data)
        """What is to be stored."""

        self.needs_login = False
        self.login_stops_powerwall = False
        self._former = former
        self._status: Status | None = None
        self._portrait: SiteSummary | None = None

    @property
    def din(self) -> Din | None:
        """Who it is, as far as it tells by now."""
        if self._portrait and self._portrait.identity.din:
            return self._portrait.identity.din
        return Din.parse(self._status.din) if self._status else None

    @property
    def site_name(self) -> str | None:
        """What the owner called the place."""
        return self._portrait.site_name if self._portrait else None

    @property
    def has_new_certificate(self) -> bool:
        """Whether it shows another certificate than the entry trusts."""
        return self._former is not None and self._former.fingerprint != self.data[CONF_FINGERPRINT]

    @property
    def is_replacement(self) -> bool:
        """Whether it takes the place of a gateway with another serial number."""
        return self._former is not None and self._former.serial != self.data[CONF_SERIAL]

    @property
    def has_same_powerwalls(self) -> bool:
        """Whether at least one Powerwall is known to be the entry's; False also where that cannot be compared."""
        packs = self._portrait.packs if self._portrait else None
        return packs is not None and self._former is not None and not packs.isdisjoint(self._former.packs)

    @property
    def facts(self) -> dict[str, str]:
        """What is known by now, for the texts, which are Markdown."""
        din, packs = self.din, self._portrait.packs if self._portrait else None
        return {
            "host": self.data.get(CONF_HOST, "-"),
            "firmware": escape_markdown((self._status and self._status.firmware) or "-"),
            "din": escape_markdown(f"{din.part_number}--{din.serial_number}") if din else "-",
            "model": (din and din.model) or (self._status and self._status.model) or "-",
            "fingerprint": format_fingerprint(self.data.get(CONF_FINGERPRINT)),
            "trusted": format_fingerprint(self._former.fingerprint if self._former else None),
            "site": escape_markdown(self.site_name or "-"),
            "powerwalls": str(len(packs)) if packs else "-",
            "serial": self.data.get(CONF_SERIAL) or "-",
            "former": self._former.serial if self._former else "-",
        }

    @property
    def _is_encrypted(self) -> bool:
        return self._former is not None and self._former.fingerprint is not None

    async def look(self, address: Address) -> None:
        """Look who answers at the address, by reads without effect alone; nothing is logged in to."""
        self._portrait = None
        async with open_session() as session:
            try:
                found = await probe(session, address)
                if found.needs_login and found.login_stops_powerwall:
                    raise FormError("login_would_stop")
                if found.lost_encryption or (self._is_encrypted and not found.connection.fingerprint):
                    raise FormError("not_encrypted", CONF_HOST)
                if not found.needs_login:
                    self._portrait = await read_site_summary(PowerwallGateway(found.connection))
            except GatewayError as err:
                _LOGGER.debug("Not set up: %s", err)
                raise _form_error(err, "not_a_gateway") from err
        self._status = found.status
        self.needs_login, self.login_stops_powerwall = found.needs_login, found.login_stops_powerwall
        self._refuse_another()
        self.data |= {
            CONF_HOST: str(address),
            CONF_SCHEME: found.connection.address.scheme,
            CONF_FINGERPRINT: found.connection.fingerprint.hex() if found.connection.fingerprint else None,
        }

    async def log_in(self) -> None:
        """Try the password on the very gateway that was met, and leave no session behind."""
        async with open_session() as session:
            gateway = create_gateway(session, self.data)
            try:
                await gateway.login()
                self._portrait = await read_site_summary(gateway)
            except GatewayError as err:
                _LOGGER.debug("Not logged in: %s", err)
                raise _form_error(err, "login_failed") from err
            finally:
                with suppress(GatewayError):
                    await gateway.logout()
        self._refuse_another()

    def _refuse_another(self) -> None:
        """Make sure, as far as it can be read, that the serial is the gateway's, and the gateway the entry's."""
        din = self.din
        if din is not None and din.serial_number != self.data[CONF_SERIAL]:
            raise FormError("wrong_serial", CONF_SERIAL)
        if self._former is None:
            return
        packs = self._portrait.packs if self._portrait else None
        if packs and self._former.packs and packs.isdisjoint(self._former.packs):
            raise FormError("another_gateway", CONF_HOST)


def _form_error(err: GatewayError, default: str) -> FormError:
    """Return the form error for an error of the gateway, with the gateway's own text."""
    fields = ((key, field) for kind, key, field in _FORM_ERRORS if isinstance(err, kind))
    key, field = next(fields, (default, CONF_HOST))
    return FormError(key, field, reason=error_text(err))
