"""The gateway's network interfaces: Ethernet, cellular, Wi-Fi."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from simulator.gateway.call import ACCEPTED, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.state import Network
from simulator.wire import Json

WIFI_SECURITY_TYPES: Json = ["NONE", "WEP", "WPAorWPA2_Personal"]
CLIENT_PROTOCOLS: Json = {"dnp3": False, "m2m": False, "mtls": False, "modbus": False, "allow_public_ip": False}
RADIO_MODULES: Json = [
    {"manufacturer": "Telit", "model": "HE910-D", "fcc_id": "RI7HE910", "ic_id": "5131A-HE910"},
    {"manufacturer": "Redpine", "model": "RS9113DB", "fcc_id": "XF6-RS9113DB", "ic_id": "8407A-RS9113DB"},
]
SECURITIES = ("NONE", "WEP", "WPAorWPA2_Personal", "WPA2_Personal")
CABLE = ("192.168.1.76", "255.255.255.0")
WIFI = ("192.168.1.77", "255.255.255.0")
RADIO = ("10.64.0.2", "255.255.255.255")
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

    A Wi-Fi that is switched off stays listed. There always is one, because `POST networks` never removes one.
    """
    wifis = [network for network in gateway.networks if network.interface == "WifiType"]
    wifi = next((network for network in wifis if network.enabled), wifis[-1])
    address, subnet = WIFI if wifi.enabled else ("", "")
    return [
        _interface(2, "can0"),
        _interface(3, "eth0", *CABLE if gateway.uplinks.ethernet else (), connected=_is_on(gateway, "EthType")),
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


def configure(gateway: Gateway, call: Call) -> Response:
    """`POST networks`: sets a network up, switched off; one of the same name is replaced."""
    form = call.json() or {}
    interface, name, security = (form.get(key) for key in ("interface", "network_name", "security_type"))
    if interface not in INTERFACES or not isinstance(name, str) or not name or security not in SECURITIES:
        return error(400, "invalid network", "Unable to configure network")
    network = Network(name, str(interface), str(security), enabled=False)
    gateway.networks[:] = [other for other in gateway.networks if other.name != name] + [network]
    return Response(payload=_network(network))


def enable(gateway: Gateway, call: Call) -> Response:
    """`POST networks/{name}/enable`: the one Wi-Fi radio leaves the network it was in."""
    network = _named(gateway, call)
    if network is None:
        return error(400, f"no network named {call.arguments['name']}", "Unable to enable network")
    for other in gateway.networks:
        if other.interface == network.interface == "WifiType":
            other.enabled = False
    network.enabled = True
    return ACCEPTED


def disable(gateway: Gateway, call: Call) -> Response:
    """`POST networks/{name}/disable`."""
    network = _named(gateway, call)
    if network is None:
        return error(400, f"no network named {call.arguments['name']}", "Unable to disable network")
    network.enabled = False
    return ACCEPTED


def _named(gateway: Gateway, call: Call) -> Network | None:
    return next((network for network in gateway.networks if network.name == call.arguments["name"]), None)


def scan_1_15(_gateway: Gateway, _: Call) -> Response:
    """`POST networks/wifi_scan`: returns after it has scanned all channels."""
    return Response(payload=[_access_point(*neighbour) for neighbour in NEIGHBOURS])


# -- later: scan first, list afterwards ------------------------------------------------------------------------------


def request_scan(gateway: Gateway, _: Call) -> Response:
    """`POST networks/request_scan_wifi`."""
    gateway.wifi_scan.start(gateway.home.clock)
    return Response()


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


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A configured network and its state."""

    name: str
    kind: str
    settings: dict[str, Json]
    primary: bool = False
    """True if it is in use."""
    address: tuple[str, str] | None
    """Address and mask; None without a cable."""
    signal: int = 0
    hardware: str = ""


def connections(gateway: Gateway) -> Json:
    """`networks`: one entry per configured network."""
    return [_printed(gateway, connection, _dotted) for connection in _connections(gateway)]


def connections_24(gateway: Gateway) -> Json:
    """`networks` since 23.x."""
    return [_printed(gateway, connection, _as_go) for connection in _connections(gateway)]


def _connections(gateway: Gateway) -> tuple[Connection, ...]:
    """List cable, mobile radio and Wi-Fi. A cable is preferred if one is plugged in."""
    uplinks = gateway.uplinks
    return (
        Connection(
            name="ethernet_tesla_internal_default",
            kind="EthType",
            settings={"dhcp": True, "enabled": True, "extra_ips": [{"ip": "192.168.90.2", "netmask": 24}]},
            primary=uplinks.ethernet,
            address=CABLE if uplinks.ethernet else None,
            hardware="02:00:00:00:00:02",
        ),
        Connection(
            name="gsm_tesla_internal_default",
            kind="GsmType",
            settings={"dhcp": None, "enabled": True},
            address=RADIO,
            signal=uplinks.cellular_signal,
        ),
        Connection(
            name="Home",
            kind="WifiType",
            settings={"security_type": "WPA2_Personal", "dhcp": True, "username": "", "enabled": True},
            primary=not uplinks.ethernet,
            address=WIFI,
            signal=uplinks.wifi_signal,
            hardware="02:00:00:00:00:01",
        ),
    )


def _printed(gateway: Gateway, connection: Connection, addresses: Addresses) -> Json:
    interface: dict[str, Json] = {}
    if connection.address is not None:
        interface["iface_network_info"] = {
            "network_name": connection.name,
            "ip_networks": [addresses(*connection.address)],
            "gateway": "192.168.1.1",
            "interface": connection.kind,
            "state": "DeviceStateReady",
            "state_reason": "DeviceStateReasonNone",
            "signal_strength": connection.signal,
            "hw_address": connection.hardware,
        }
    return {
        "network_name": connection.name,
        "interface": connection.kind,
        **connection.settings,
        "active": connection.address is not None,
        "primary": connection.primary,
        "lastTeslaConnected": connection.primary and gateway.connected_to_tesla,
        "lastInternetConnected": connection.primary,
        **interface,
    }
