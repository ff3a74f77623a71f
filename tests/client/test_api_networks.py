"""Endpoints of networks, in the three formats of different firmware."""

import logging
from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayInvalidResponseError,
    GatewayRefusedError,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.endpoints import Endpoint
from custom_components.powerwall_gateway.gateway.models import (
    InterfaceType,
    Network,
    NetworkAddress,
    NetworkInterface,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator

WIFI: dict[str, Any] = {
    "network_name": "Home",
    "interface": "WifiType",
    "security_type": "WPA2_Personal",
    "dhcp": True,
    "enabled": True,
}
HOME = Network(name="Home", interface=InterfaceType.WIFI, security_type="WPA2_Personal", dhcp=True, enabled=True)


async def test_networks_of_1_15_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    body: list[Any] = [
        {"id": 2, "name": "can0", "connected": True, "is_dhcp": True, "ip_address": "", "subnet": "", "config": None},
        {
            "id": 171,
            "name": "wifi0",
            "connected": True,
            "is_dhcp": True,
            "ip_address": "192.168.1.77",
            "subnet": "255.255.255.0",
            "config": WIFI,
        },
    ]
    gateway.faults.add("networks", status=200, body=body)
    assert await (await client(gateway, password=None)).networks() == (
        NetworkInterface(identifier=2, name="can0", connected=True, dhcp=True, addresses=()),
        NetworkInterface(
            identifier=171,
            name="wifi0",
            connected=True,
            dhcp=True,
            network=HOME,
            addresses=(NetworkAddress(ip="192.168.1.77", prefix_length=24),),
        ),
    )


async def test_networks_of_firmware_21_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    networks = {n.network.name: n for n in await (await client(gateway)).networks() if n.network}
    cable = networks["ethernet_tesla_internal_default"]
    assert (cable.connected, cable.addresses, cable.gateway, cable.dhcp) == (False, (), None, True)
    assert cable.extra_addresses == (NetworkAddress(ip="192.168.90.2", prefix_length=24),)
    mobile = networks["gsm_tesla_internal_default"]
    assert mobile.network is not None
    assert (mobile.network.interface, mobile.dhcp) == (InterfaceType.CELLULAR, None)
    assert mobile.addresses == (NetworkAddress(ip="10.64.0.2", prefix_length=32),)
    home = networks["Home"]
    assert home == NetworkInterface(
        connected=True,
        dhcp=True,
        network=Network(
            name="Home",
            interface=InterfaceType.WIFI,
            security_type="WPA2_Personal",
            dhcp=True,
            enabled=True,
            username="",
        ),
        addresses=(NetworkAddress(ip="192.168.1.77", prefix_length=24),),
        gateway="192.168.1.1",
        primary=True,
        reached_tesla=True,
        reached_internet=True,
        state="DeviceStateReady",
        signal_strength=53,
        hardware_address="02:00:00:00:00:01",
    )


def test_networks_of_firmware_23_are_decoded() -> None:
    connection = WIFI | {
        "active": True,
        "iface_network_info": {"ip_networks": [{"IP": "10.0.1.23", "Mask": "////AA=="}], "gateway": "10.0.1.1"},
    }
    interface = NetworkInterface.from_dict(connection)
    assert interface.addresses == (NetworkAddress(ip="10.0.1.23", prefix_length=24),)
    assert (interface.connected, interface.gateway, interface.network) == (True, "10.0.1.1", HOME)


@pytest.mark.parametrize("info", [None, [], "x", {}, {"ip_networks": None}])
def test_network_without_an_interface_has_no_addresses(info: Any) -> None:
    interface = NetworkInterface.from_dict(WIFI | {"active": False, "iface_network_info": info})
    assert (interface.addresses, interface.connected, interface.network) == ((), False, HOME)


@pytest.mark.parametrize(
    ("address", "prefix_length"),
    [
        ({"ip": "::1", "mask": "255.255.255.0"}, 24),
        ({"ip": "::1", "mask": "255.255.255.255"}, 32),
        ({"ip": "::1", "mask": "128.0.0.0"}, 1),
        ({"ip": "::1", "mask": "ffff:ffff:ffff:ffff::"}, 64),
        ({"ip": "::1", "netmask": 24}, 24),
        ({"ip": "::1", "netmask": 0}, 0),
        ({"IP": "::1", "Mask": "////AA=="}, 24),
        ({"IP": "::1", "Mask": "//////////8AAAAAAAAAAA=="}, 64),
        ({"ip": "::1", "mask": "255.0.255.0"}, None),
        ({"ip": "::1", "mask": "0.0.0.255"}, None),
        ({"ip": "::1", "mask": "AA=="}, None),
        ({"ip": "::1", "mask": "twenty-four"}, None),
        ({"ip": "::1", "mask": ""}, None),
        ({"ip": "::1", "mask": "1.2.3"}, None),
        ({"ip": "::1", "mask": "größer"}, None),
        ({"ip": "::1", "mask": True}, None),
        ({"ip": "::1"}, None),
    ],
)
def test_netmask_is_decoded_in_every_form(address: dict[str, Any], prefix_length: int | None) -> None:
    assert NetworkAddress.from_dict(address) == NetworkAddress(ip="::1", prefix_length=prefix_length)


async def test_configured_networks_of_1_15_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    mobile: dict[str, Any] = {
        "network_name": "default_gsm",
        "interface": "GsmType",
        "security_type": "NONE",
        "dhcp": None,
    }
    gateway.faults.add("system/networks", status=200, body=[mobile, WIFI])
    assert await (await client(gateway, password=None)).call(endpoints.SYSTEM_NETWORKS) == (
        Network(name="default_gsm", interface=InterfaceType.CELLULAR, security_type="NONE"),
        HOME,
    )


async def test_wifi_security_types_of_1_15_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("networks/wifi_security_types", status=200, body=["NONE", "WEP", "WPAorWPA2_Personal"])
    powerwall = await client(gateway, password=None)
    assert await powerwall.call(endpoints.NETWORKS_WIFI_SECURITY_TYPES) == ["NONE", "WEP", "WPAorWPA2_Personal"]


# -- Wi-Fi scan --------------------------------------------------------------------------------------------------------

ACCESS_POINT: dict[str, Any] = {
    "ssid": "Café / 2",
    "bssid": "02:00:00:00:00:0b",
    "channel": 11,
    "signal_strength": 75,
    "security_type": "WPA2_Personal",
}


async def test_wifi_scan_returns_access_points(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("networks/request_scan_wifi", status=200)
    gateway.faults.add("networks/access_points", status=200, body=[ACCESS_POINT])
    await powerwall.call(endpoints.NETWORKS_REQUEST_SCAN_WIFI)
    assert await powerwall.call(endpoints.NETWORKS_ACCESS_POINTS) == [ACCESS_POINT]


@pytest.mark.parametrize(("body", "seen"), [(b"", []), (b"null", []), ([ACCESS_POINT], [ACCESS_POINT])])
async def test_wifi_scan_of_1_15_is_decoded(
    simulator: StartSimulator, client: Client, body: Any, seen: list[Any]
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("networks/wifi_scan", status=200, body=body)
    assert await (await client(gateway, password=None)).call(endpoints.NETWORKS_WIFI_SCAN) == seen


async def test_wifi_scan_rejects_another_type(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("networks/wifi_scan", status=200, body=b"{}")
    with pytest.raises(GatewayInvalidResponseError):
        await (await client(gateway, password=None)).call(endpoints.NETWORKS_WIFI_SCAN)


# -- changing networks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", [endpoints.ENABLE_NETWORK, endpoints.DISABLE_NETWORK], ids=["enable", "disable"])
@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Home", "Home"),
        ("My Home", "My%20Home"),
        ("a/b", "a%2Fb"),
        ("a?b=c&d#e", "a%3Fb=c&d%23e"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("Café", "Caf%C3%A9"),
        ("...", "..."),
    ],
)
async def test_network_name_is_encoded_in_the_path(
    simulator: StartSimulator,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    endpoint: Endpoint[None],
    name: str,
    encoded: str,
) -> None:
    gateway = await simulator("1.15.0")
    caplog.set_level(logging.INFO, "simulator")
    gateway.faults.add("*", status=202)
    powerwall = await client(gateway, password=None)
    await powerwall.call(endpoint, name=name)
    assert gateway.requests[-1].method == "POST"
    assert caplog.messages[-1] == f"POST /api/{endpoint.path.format(name=encoded)} -> 202"


@pytest.mark.parametrize("endpoint", [endpoints.ENABLE_NETWORK, endpoints.DISABLE_NETWORK], ids=["enable", "disable"])
@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_network_name_that_changes_the_path_is_not_sent(
    simulator: StartSimulator, client: Client, endpoint: Endpoint[None], name: str
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="nothing was sent"):
        await powerwall.call(endpoint, name=name)
    assert gateway.requests == []


async def test_refused_network_raises_the_reason(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.faults.add("networks", status=400, body={"code": 400, "error": "invalid network", "message": "no"})
    network = {"interface": InterfaceType.ETHERNET, "network_name": "x", "security_type": "NONE"}
    with pytest.raises(GatewayRefusedError, match="invalid network"):
        await powerwall.call(endpoints.CONFIGURE_NETWORK, network)
    assert orjson.loads(gateway.requests[-1].body)["interface"] == "EthType"
