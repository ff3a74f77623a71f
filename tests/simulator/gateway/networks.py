"""The gateway's ways to the world: cable, mobile radio, Wi-Fi."""

from base64 import b64encode
from collections.abc import Callable
from ipaddress import ip_address

from tests.simulator.wire import Json

from .answers import ACCEPTED, Answer, Call, error
from .gateway import Gateway
from .state import Network

WIFI_SECURITY_TYPES: Json = ["NONE", "WEP", "WPAorWPA2_Personal"]
CLIENT_PROTOCOLS: Json = {"dnp3": False, "m2m": False, "mtls": False, "modbus": False, "allow_public_ip": False}
RADIO_MODULES: Json = [
    {"manufacturer": "Telit", "model": "HE910-D", "fcc_id": "RI7HE910", "ic_id": "5131A-HE910"},
    {"manufacturer": "Redpine", "model": "RS9113DB", "fcc_id": "XF6-RS9113DB", "ic_id": "8407A-RS9113DB"},
]
SECURITIES = ("NONE", "WEP", "WPAorWPA2_Personal", "WPA2_Personal")
INTERFACES = ("EthType", "GsmType", "WifiType")
NEIGHBOURS = (
    ("Home", 11, 75, "WPA2_Personal"),
    ("Café Zentrale", 1, 67, "WPA2_Personal"),
    ("Nachbars Netz / 2", 6, 49, "NONE"),
    ("", 6, 35, "WPA2_Personal"),
)
"""Name, channel, signal strength in percent, security; a hidden network has no name."""


# -- 1.15: interfaces, and networks set up for them ------------------------------------------------------------------


def interfaces(gateway: Gateway) -> Json:
    """`networks` of 2018: one entry per interface; the last is the gateway's own access point.

    A Wi-Fi that is switched off stays in sight; there always is one, for `POST networks` adds and never removes.
    """
    wifis = [network for network in gateway.networks if network.interface == "WifiType"]
    wifi = next((network for network in wifis if network.enabled), wifis[-1])
    address, subnet = ("192.168.1.77", "255.255.255.0") if wifi.enabled else ("", "")
    return [
        _interface(2, "can0"),
        _interface(3, "eth0", connected=_is_on(gateway, "EthType")),
        _interface(170, "rpine0", connected=_is_on(gateway, "GsmType")),
        _interface(171, "wifi0", address, subnet, connected=wifi.enabled is True, config=_network(wifi)),
        _interface(172, "wifi1", "192.168.91.1", "255.255.255.0"),
    ]


def _is_on(gateway: Gateway, interface: str) -> bool:
    return any(network.interface == interface and network.enabled is not False for network in gateway.networks)


def _interface(
    number: int, name: str, address: str = "", subnet: str = "", *, connected: bool = True, config: Json = None
) -> Json:
    return {
        "id": number,
        "name": name,
        "connected": connected,
        "is_dhcp": True,
        "ip_address": address,
        "subnet": subnet,
        "config": config,
    }


def _network(network: Network) -> Json:
    switched: dict[str, Json] = {} if network.enabled is None else {"enabled": network.enabled}
    return {
        "network_name": network.name,
        "interface": network.interface,
        "security_type": network.security,
        "dhcp": network.dhcp,
        **switched,
    }


def configured(gateway: Gateway) -> Json:
    """`system/networks` of 2018."""
    return [_network(network) for network in gateway.networks]


def configure(gateway: Gateway, call: Call) -> Answer:
    """`POST networks`: sets a network up, switched off; one of the same name is replaced."""
    form = call.json() or {}
    interface, name, security = (form.get(key) for key in ("interface", "network_name", "security_type"))
    if interface not in INTERFACES or not isinstance(name, str) or not name or security not in SECURITIES:
        return error(400, "invalid network", "Unable to configure network")
    network = Network(name, str(interface), str(security), enabled=False)
    gateway.networks[:] = [other for other in gateway.networks if other.name != name] + [network]
    return Answer(payload=_network(network))


def enable(gateway: Gateway, call: Call) -> Answer:
    """`POST networks/{name}/enable`: the one Wi-Fi radio leaves the network it was in."""
    network = _named(gateway, call)
    if network is None:
        return error(400, f"no network named {call.arguments['name']}", "Unable to enable network")
    for other in gateway.networks:
        if other.interface == network.interface == "WifiType":
            other.enabled = False
    network.enabled = True
    return ACCEPTED


def disable(gateway: Gateway, call: Call) -> Answer:
    """`POST networks/{name}/disable`."""
    network = _named(gateway, call)
    if network is None:
        return error(400, f"no network named {call.arguments['name']}", "Unable to disable network")
    network.enabled = False
    return ACCEPTED


def _named(gateway: Gateway, call: Call) -> Network | None:
    return next((network for network in gateway.networks if network.name == call.arguments["name"]), None)


def scan_1_15(_gateway: Gateway, _: Call) -> Answer:
    """`POST networks/wifi_scan`: answers when it has listened to all channels."""
    return Answer(payload=[_access_point(*neighbour) for neighbour in NEIGHBOURS])


# -- later: scan first, look afterwards ------------------------------------------------------------------------------


def request_scan(gateway: Gateway, _: Call) -> Answer:
    """`POST networks/request_scan_wifi`."""
    gateway.wifi_scan.start(gateway.house.clock)
    return Answer()


def access_points(gateway: Gateway) -> Json:
    """`networks/access_points`: without a scan only the one the gateway is connected to."""
    seen = NEIGHBOURS if gateway.wifi_scan.done else NEIGHBOURS[:1]
    return [_access_point(*neighbour) for neighbour in seen]


def _access_point(name: str, channel: int, strength: int, security: str) -> Json:
    return {
        "ssid": name,
        "bssid": f"02:00:00:00:{channel:02x}:{strength:02x}",
        "channel": channel,
        "signal_strength": strength,
        "security_type": security,
    }


type Addresses = Callable[[str, str], Json]


def _dotted(address: str, mask: str) -> Json:
    return {"ip": address, "mask": mask}


def _as_go(address: str, mask: str) -> Json:
    """Print Go's own type for a network, as later firmware does."""
    return {"IP": address, "Mask": b64encode(ip_address(mask).packed).decode()}


def connections(_: Gateway) -> Json:
    """`networks`: one entry per network the gateway is set up for."""
    return _connections(_dotted)


def connections_24(_: Gateway) -> Json:
    """`networks` since 23.x."""
    return _connections(_as_go)


def _network_info(name: str, kind: str, address: Json, *, signal: int, hardware: str) -> Json:
    return {
        "network_name": name,
        "ip_networks": [address],
        "gateway": "192.168.1.1",
        "interface": kind,
        "state": "DeviceStateReady",
        "state_reason": "DeviceStateReasonNone",
        "signal_strength": signal,
        "hw_address": hardware,
    }


def _connections(addresses: Addresses) -> Json:
    return [
        {
            "network_name": "ethernet_tesla_internal_default",
            "interface": "EthType",
            "dhcp": True,
            "enabled": True,
            "extra_ips": [{"ip": "192.168.90.2", "netmask": 24}],
            "active": False,
            "primary": False,
            "lastTeslaConnected": False,
            "lastInternetConnected": False,
        },
        {
            "network_name": "gsm_tesla_internal_default",
            "interface": "GsmType",
            "dhcp": None,
            "enabled": True,
            "active": True,
            "primary": False,
            "lastTeslaConnected": False,
            "lastInternetConnected": False,
            "iface_network_info": _network_info(
                "gsm_tesla_internal_default",
                "GsmType",
                addresses("10.64.0.2", "255.255.255.255"),
                signal=85,
                hardware="",
            ),
        },
        {
            "network_name": "Home",
            "interface": "WifiType",
            "security_type": "WPA2_Personal",
            "dhcp": True,
            "username": "",
            "enabled": True,
            "active": True,
            "primary": True,
            "lastTeslaConnected": True,
            "lastInternetConnected": True,
            "iface_network_info": _network_info(
                "Home", "WifiType", addresses("192.168.1.77", "255.255.255.0"), signal=53, hardware="02:00:00:00:00:01"
            ),
        },
    ]
