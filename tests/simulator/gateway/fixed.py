"""Payloads that never change."""

from tests.simulator.wire import Json

NO_GENERATORS: Json = {"disconnect_type": "None", "generators": []}
DISCONNECT_TYPES: Json = ["DownstreamATS"]
WIFI_SECURITY_TYPES: Json = ["NONE", "WEP", "WPAorWPA2_Personal"]
NO_PROBLEMS: Json = {"problems": []}
METERS_FINE: Json = {"status": "", "errors": None}
AUTOCONFIG: Json = {
    "status": "not_applicable",
    "running": False,
    "retry_possible": False,
    "have_registered": False,
    "have_timezone": False,
    "have_gridcode": False,
    "grid_availability": "",
}

SOLARS_1_15: Json = [
    {"brand": "SolarEdge Technologies", "model": "SE5000 (240V) w/ -ER-US or A-US", "power_rating_watts": 6000}
]
SOLARS: Json = [{"brand": "Enphase Energy", "model": "IQ7PLUS-72-x-US (240V)", "power_rating_watts": 5250}]

CUSTOMER_1_15: Json = {
    "city": "New York",
    "state": "New York ",
    "zip": "10010",
    "country": "US",
    "registered": True,
    "privacy_notice": True,
    "limited_warranty": True,
    "emailed_registration": True,
}
CUSTOMER: Json = {
    "marketing": True,
    "registered": True,
    "privacy_notice": True,
    "grid_services": True,
    "limited_warranty": True,
}

REGISTRATION_1_15: Json = {
    "privacy_notice": True,
    "limited_warranty": True,
    "grid_services": None,
    "marketing": None,
    "registered": True,
    "emailed_registration": True,
    "skipped_registration": False,
    "timed_out_registration": False,
}
REGISTRATION: Json = {
    "privacy_notice": True,
    "limited_warranty": True,
    "grid_services": True,
    "marketing": True,
    "registered": True,
    "timed_out_registration": False,
}

METERS_1_15: Json = [
    {
        "serial": "OBB3172012345",
        "short_id": "49123",
        "connected": True,
        "cts": [
            {"type": "solar", "valid": [False, False, True, True], "inverted": [False] * 4},
            {"type": "site", "valid": [True, True, False, False], "inverted": [False] * 4},
        ],
    }
]
INSTALLER_1_15: Json = {"company": "Tesla Timbuktu", "customer_id": "01234567", "phone": "8885551212"}


def _interface(number: int, name: str, address: str = "", subnet: str = "", config: Json = None) -> Json:
    return {
        "id": number,
        "name": name,
        "connected": True,
        "is_dhcp": True,
        "ip_address": address,
        "subnet": subnet,
        "config": config,
    }


HOME_WIFI: dict[str, Json] = {
    "network_name": "Home",
    "interface": "WifiType",
    "security_type": "WPA2_Personal",
    "dhcp": True,
    "enabled": True,
}
NETWORKS_1_15: Json = [
    _interface(2, "can0"),
    _interface(3, "eth0"),
    _interface(170, "rpine0"),
    _interface(171, "wifi0", "192.168.1.77", "255.255.255.0", HOME_WIFI),
    _interface(172, "wifi1", "192.168.91.1", "255.255.255.0"),
]
CONFIGURED_NETWORKS_1_15: Json = [
    {"network_name": "default_gsm", "interface": "GsmType", "security_type": "NONE", "dhcp": None},
    {"network_name": "default_eth", "interface": "EthType", "security_type": "NONE", "dhcp": True},
    HOME_WIFI,
]


def _network_info(name: str, kind: str, address: str, mask: str, *, signal: int, hardware: str) -> Json:
    return {
        "network_name": name,
        "ip_networks": [{"ip": address, "mask": mask}],
        "gateway": "192.168.1.1",
        "interface": kind,
        "state": "DeviceStateReady",
        "state_reason": "DeviceStateReasonNone",
        "signal_strength": signal,
        "hw_address": hardware,
    }


NETWORKS: Json = [
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
            "gsm_tesla_internal_default", "GsmType", "10.64.0.2", "255.255.255.255", signal=85, hardware=""
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
            "Home", "WifiType", "192.168.1.77", "255.255.255.0", signal=53, hardware="02:00:00:00:00:01"
        ),
    },
]
