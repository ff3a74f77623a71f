"""From an entry to its client, and to who keeps its secrets."""

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME

from .const import CONF_FINGERPRINT, CONF_SCHEME, CONF_SERIAL
from .gateway import Address, Credentials, Health, PowerwallGateway, Transport
from .redaction import Redactor


def gateway_from(
    session: ClientSession, data: Mapping[str, Any], *, control: bool = False, health: Health | None = None
) -> PowerwallGateway:
    """Make the client for the very gateway that was met at set-up: same scheme, same certificate."""
    fingerprint: str | None = data[CONF_FINGERPRINT]
    connection = Transport(
        session,
        Address.parse(data[CONF_HOST], data[CONF_SCHEME]),
        fingerprint=bytes.fromhex(fingerprint) if fingerprint else None,
    )
    return PowerwallGateway(connection, _credentials(data, control=control), health=health)


def redactor_for(entry: ConfigEntry) -> Redactor:
    """Make who takes out of the gateway's answers whose it is, and what its owner typed wherever it turns up."""
    address = Address.parse(entry.data[CONF_HOST], entry.data[CONF_SCHEME])
    serial: str = entry.data[CONF_SERIAL]
    passwords = (entry.data.get(CONF_PASSWORD, ""), Credentials.of_installer(serial).password)
    return Redactor((serial, address.host, entry.title, *passwords))


def _credentials(data: Mapping[str, Any], *, control: bool) -> Credentials | None:
    """Give the owner's, or the installer's where the owner has none and allowed it: on firmware that reads without."""
    if password := data.get(CONF_PASSWORD):
        return Credentials(password=password, username=data.get(CONF_USERNAME, Credentials.username))
    return Credentials.of_installer(data[CONF_SERIAL]) if control and CONF_SERIAL in data else None
