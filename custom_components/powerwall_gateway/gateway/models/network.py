"""The gateway's ways to the network: `networks`, `system/networks`, `networks/access_points`.

`networks` has had three forms: the interfaces of 1.15 with the network that is configured
on each, the configured connections of 21.x with what is known of their interface, and 23.28
with other keys and Go's base64 for a netmask. They are read into one, `NetworkInterface`.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, override

from .base import Model
from .fields import key, secret


class InterfaceType(StrEnum):
    """What a network goes over."""

    ETHERNET = "EthType"
    CELLULAR = "GsmType"
    WIFI = "WifiType"


@dataclass(frozen=True, kw_only=True)
class Network(Model):
    """A configured network: one of `GET /api/system/networks` (1.15), or part of one of `networks`."""

    name: str | None = key("network_name")
    """The Wi-Fi's name, or one of the gateway's own: `default_eth` (1.15), `gsm_tesla_internal_default` (21.x)."""

    interface: InterfaceType | None = None

    security_type: str | None = None
    """`NONE`, `WPA2_Personal`, …; absent where it is not Wi-Fi on 21.x."""

    dhcp: bool | None = None
    """None for a mobile network."""

    enabled: bool | None = None
    username: str | None = secret()


@dataclass(frozen=True, kw_only=True)
class NetworkAddress(Model):
    """An IP address with the size of its network."""

    ip: str | None = None

    prefix_length: int | None = None
    """24 for 255.255.255.0."""

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the netmask's four forms into one: dotted, a number, Go's base64, and the keys of 23.28."""
        mask = _first(wire, ("prefix_length", "mask", "Mask", "netmask"))
        return {"ip": _first(wire, ("ip", "IP")), "prefix_length": _prefix_length(mask)}


@dataclass(frozen=True, kw_only=True)
class NetworkInterface(Model):
    """One of `GET /api/networks`: an interface of the gateway, its network and how well that goes. Seed, `networks`.

    On 1.15 it is an interface that may have no network; from 21.x on it is a network that may
    have no interface at present, and then has no addresses.
    """

    identifier: int | None = key("id")
    """1.15."""

    name: str | None = None
    """1.15: `eth0`, `wifi0`, `wifi1` (the gateway's own access point), `rpine0` (mobile), `can0` (no network)."""

    connected: bool | None = None
    """`active` from 21.x on. On 1.15 also true for what has no address."""

    dhcp: bool | None = key("is_dhcp")
    """Whether its address comes from the router; None for a mobile network on 21.x."""

    network: Network | None = key("config")
    """None for an interface without one (1.15)."""

    addresses: tuple[NetworkAddress, ...] | None = None

    extra_addresses: tuple[NetworkAddress, ...] | None = key("extra_ips")
    """21.x: addresses it has besides, for instance Ethernet's 192.168.90.2/24 for service."""

    gateway: str | None = None
    """IP of the router; 21.x."""

    primary: bool | None = None
    """Whether it is the one in use; 21.x."""

    reached_tesla: bool | None = key("lastTeslaConnected")
    """Whether Tesla was reached over it when last tried; 21.x."""

    reached_internet: bool | None = key("lastInternetConnected")
    """Whether the internet was reached over it when last tried; 21.x."""

    state: str | None = None
    """`DeviceStateReady`, …; 21.x."""

    state_reason: str | None = None
    """`DeviceStateReasonNone`, …; 21.x."""

    signal_strength: float | None = None
    """%; 21.x."""

    hardware_address: str | None = secret("hw_address")
    """21.x; empty for a mobile network."""

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the three forms into one."""
        if "network_name" not in wire:
            address = {"ip": wire.get("ip_address"), "mask": wire.get("subnet")}
            return {"addresses": [address] if wire.get("ip_address") else []} | wire
        info = wire.get("iface_network_info")
        info = info if isinstance(info, dict) else {}
        return (
            info
            | wire
            | {
                "connected": wire.get("active"),
                "is_dhcp": wire.get("dhcp"),
                "config": wire,
                "addresses": info.get("ip_networks") or [],
            }
        )


@dataclass(frozen=True, kw_only=True)
class AccessPoint(Model):
    """A Wi-Fi that the gateway sees: one of `GET /api/networks/access_points`; 20.49 and later."""

    ssid: str | None = None
    bssid: str | None = secret()
    channel: int | None = None

    signal_strength: float | None = None
    """%."""

    security_type: str | None = None
    """`NONE`, `WPA2_Personal`, …"""


def _first(d: dict[Any, Any], keys: Iterable[str]) -> Any:
    return next((d[key] for key in keys if d.get(key) is not None), None)


def _prefix_length(mask: Any) -> Any:
    """Count a netmask's leading ones; what is no netmask stays as it is, for the field to say so."""
    if not isinstance(mask, str):
        return mask
    try:
        packed = ip_address(mask).packed if "." in mask or ":" in mask else b64decode(mask, validate=True)
    except ValueError:
        return mask
    ones = int.from_bytes(packed).bit_count()
    contiguous = int.from_bytes(packed) == ((1 << ones) - 1) << (8 * len(packed) - ones)
    return ones if len(packed) in {4, 16} and contiguous else mask
