"""Network interfaces of the gateway: `networks` and `system/networks`.

`NetworkInterface` reads the three forms of `networks`: the interfaces of 1.15 with the network configured on each, the
configured connections of 21.x with their interface, and those of 23.28 with other keys and Go's base64 for a netmask.
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
    """Type of a network interface."""

    ETHERNET = "EthType"
    CELLULAR = "GsmType"
    WIFI = "WifiType"


@dataclass(frozen=True, kw_only=True)
class Network(Model):
    """A configured network: one of `GET /api/system/networks` (1.15), or part of one of `networks`."""

    name: str | None = key("network_name")
    """SSID of the Wi-Fi, or a name of the gateway's own: `default_eth` (1.15), `gsm_tesla_internal_default` (21.x)."""

    interface: InterfaceType | None = None
    security_type: str | None = None  #: `NONE`, `WPA2_Personal`, …; absent for anything but Wi-Fi on 21.x
    dhcp: bool | None = None  #: None for a mobile network
    enabled: bool | None = None
    username: str | None = secret()


@dataclass(frozen=True, kw_only=True)
class NetworkAddress(Model):
    """An IP address and its prefix length."""

    ip: str | None = None
    prefix_length: int | None = None  #: 24 for 255.255.255.0

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the four forms of a netmask into one: dotted, a number, Go's base64, and the keys of 23.28."""
        mask = _first(wire, ("prefix_length", "mask", "Mask", "netmask"))
        return {"ip": _first(wire, ("ip", "IP")), "prefix_length": _prefix_length(mask)}


@dataclass(frozen=True, kw_only=True)
class NetworkInterface(Model):
    """One of `GET /api/networks`: an interface of the gateway with its network and state. Seed, `networks`.

    On 1.15 it is an interface that may have no network. On 21.x and later it is a network that may have no interface at
    present, and then has no addresses.
    """

    identifier: int | None = key("id")  #: 1.15

    name: str | None = None
    """1.15: `eth0`, `wifi0`, `wifi1` (the gateway's own access point), `rpine0` (mobile), `can0` (no network)."""

    connected: bool | None = None  #: `active` on 21.x and later. On 1.15 also true for an interface without an address
    dhcp: bool | None = key("is_dhcp")  #: None for a mobile network on 21.x
    network: Network | None = key("config")  #: None for an interface without one (1.15)
    addresses: tuple[NetworkAddress, ...] | None = None

    extra_addresses: tuple[NetworkAddress, ...] | None = key("extra_ips")
    """Additional addresses, for instance Ethernet's 192.168.90.2/24 for service; 21.x."""

    gateway: str | None = None  #: IP of the router; 21.x
    primary: bool | None = None  #: True for the interface in use; 21.x

    reached_tesla: bool | None = key("lastTeslaConnected")
    """True if the last attempt to reach Tesla over it succeeded; 21.x."""

    reached_internet: bool | None = key("lastInternetConnected")
    """True if the last attempt to reach the internet over it succeeded; 21.x."""

    state: str | None = None  #: `DeviceStateReady`, …; 21.x
    signal_strength: float | None = None  #: %; 21.x
    hardware_address: str | None = secret("hw_address")  #: 21.x; empty for a mobile network

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the three forms into one."""
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


def _first(d: dict[Any, Any], keys: Iterable[str]) -> Any:
    return next((d[key] for key in keys if d.get(key) is not None), None)


def _prefix_length(mask: Any) -> Any:
    """Return the leading ones of a netmask; any other value is returned as it is, and the field logs it."""
    if not isinstance(mask, str):
        return mask
    try:
        packed = ip_address(mask).packed if "." in mask or ":" in mask else b64decode(mask, validate=True)
    except ValueError:
        return mask
    ones = int.from_bytes(packed).bit_count()
    contiguous = int.from_bytes(packed) == ((1 << ones) - 1) << (8 * len(packed) - ones)
    return ones if len(packed) in {4, 16} and contiguous else mask
