"""From an entry's data to a client."""

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession

from homeassistant.const import CONF_HOST, CONF_PASSWORD

from .const import CONF_FINGERPRINT, CONF_SCHEME
from .gateway import Address, Connection, Credentials, Health, PowerwallGateway


def gateway_from(session: ClientSession, data: Mapping[str, Any], *, health: Health | None = None) -> PowerwallGateway:
    """Make the client for the very gateway that was met at set-up: same scheme, same certificate."""
    fingerprint: str | None = data[CONF_FINGERPRINT]
    password: str | None = data.get(CONF_PASSWORD)
    connection = Connection(
        session,
        Address.parse(data[CONF_HOST], data[CONF_SCHEME]),
        fingerprint=bytes.fromhex(fingerprint) if fingerprint else None,
    )
    return PowerwallGateway(connection, Credentials(password=password) if password else None, health=health)
