"""What the router, and Home Assistant's own integration, know of gateways."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_IP_ADDRESS
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo

from .const import CONF_MAC, CONF_SERIAL, DOMAIN
from .gateway import Address, GatewayConnectionError
from .gateway.models import Din
from .migration import CORE


@dataclass(frozen=True, kw_only=True)
class DiscoveredGateway:
    """A gateway as it introduced itself to the router."""

    host: str
    mac: str

    serial: str | None
    """Out of its host name, which is its DIN; that of a Powerwall 3 on Wi-Fi (`TeslaPW_…`) shows none."""

    @classmethod
    def of(cls, discovered: DhcpServiceInfo) -> Self:
        """Read what DHCP told."""
        din = Din.parse(discovered.hostname)
        return cls(
            host=discovered.ip,
            mac=dr.format_mac(discovered.macaddress),
            serial=din.serial_number if din else None,
        )

    @property
    def place(self) -> dict[str, str]:
        """Fill the form that asks for the place."""
        return {CONF_HOST: self.host} | ({CONF_SERIAL: self.serial} if self.serial else {})


@callback
def known(hass: HomeAssistant, seen: DiscoveredGateway) -> ConfigEntry | None:
    """Give the entry of a gateway: by its serial, by its network interface, by its address where it shows no serial."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    signs: tuple[Callable[[ConfigEntry], bool], ...] = (
        lambda entry: entry.unique_id == seen.serial,
        lambda entry: entry.data.get(CONF_MAC) == seen.mac,
        lambda entry: seen.serial is None and _address(entry).host == seen.host,
    )
    return next((entry for sign in signs for entry in entries if sign(entry)), None)


@callback
def news(entry: ConfigEntry, seen: DiscoveredGateway) -> dict[str, Any]:
    """Give what to store in a known gateway's entry.

    While it answers at the stored address, that stays: a gateway on Wi-Fi and cable has two,
    and what is told to a router proves nothing.
    """
    address = _address(entry)
    if address.host == seen.host:
        return {CONF_MAC: seen.mac}
    if _answers(entry):
        return {}
    return {CONF_MAC: seen.mac, CONF_HOST: str(replace(address, host=seen.host))}


@callback
def store_mac(hass: HomeAssistant, entry: ConfigEntry, mac: str) -> None:
    """Add the MAC address to the gateway's device, which Home Assistant finds it by from now on, without a reload."""
    registry = dr.async_get(hass)
    if device := registry.async_get_device_by_identifier((DOMAIN, entry.data[CONF_SERIAL]), entry.entry_id):
        connections = device.connections | {(dr.CONNECTION_NETWORK_MAC, mac)}
        registry.async_update_device(device.id, new_connections=connections)


@callback
def known_to_core(hass: HomeAssistant) -> dict[str, str]:
    """Give host and serial of a gateway that Home Assistant's own integration has, and this one has not."""
    ours = {entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)}
    for entry in hass.config_entries.async_entries(CORE, include_ignore=False):
        din = Din.parse(entry.unique_id)
        if (host := entry.data.get(CONF_IP_ADDRESS)) and (din is None or din.serial_number not in ours):
            return {CONF_HOST: host} | ({CONF_SERIAL: din.serial_number} if din else {})
    return {}


def _address(entry: ConfigEntry) -> Address:
    return Address.parse(entry.data[CONF_HOST])


def _answers(entry: ConfigEntry) -> bool:
    """Tell whether the gateway answers at the address that is stored."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    return not isinstance(entry.runtime_data.live.data.meters.error, GatewayConnectionError)
