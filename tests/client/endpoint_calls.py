"""Call any endpoint of the table: by its method if `PowerwallGateway` has one, or else by `call`."""

import re
from typing import Any, Final

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS
from custom_components.powerwall_gateway.gateway.models import InterfaceType, OperationMode

ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "LOGIN": {"allow_stop": True},
    "SET_OPERATION": {"mode": OperationMode.BACKUP, "reserve_raw": 24.6},
    "V2_ISLANDING_MODE": {"off_grid": False},
}
"""Arguments of the methods that require some."""

BODIES: Final[dict[str, dict[str, Any]]] = {
    "CONFIGURE_NETWORK": {
        "interface": InterfaceType.WIFI,
        "network_name": "Home",
        "security_type": "WPA2_Personal",
    },
    "CUSTOMER_REGISTRATION_LEGAL": {
        "marketing": False,
        "privacy_notice": True,
        "limited_warranty": True,
        "grid_services": None,
    },
    "LOGGING": {"level": "info", "log": "Hello"},
    "METERS_VERIFY": {"short_id": "12345", "serial": "Home"},
    "SET_OPERATION": {"real_mode": "backup", "backup_reserve_percent": 24.6},
    "SET_SITE_NAME": {"site_name": "Home"},
    "SITEMASTER_RUN_FOR_COMMISSIONING": {},
    "SITEMASTER_STOP_LATER": {"force": False},
    "V2_ISLANDING_MODE": {"island_mode": "backup"},
}
"""The JSON that a gateway of 21.44 receives."""


def has_method(name: str) -> bool:
    """Return whether `PowerwallGateway` has a method for an endpoint."""
    return hasattr(PowerwallGateway, name.lower())


def path_of(name: str) -> str:
    """Return the path with "Home" for each argument."""
    return re.sub(r"\{\w+\}", "Home", ENDPOINTS[name].path)


async def call_endpoint(powerwall: PowerwallGateway, name: str) -> object:
    """Call an endpoint."""
    if has_method(name):
        return await getattr(powerwall, name.lower())(**ARGUMENTS.get(name, {}))
    arguments = dict.fromkeys(re.findall(r"\{(\w+)\}", ENDPOINTS[name].path), "Home")
    return await powerwall.call(ENDPOINTS[name], BODIES.get(name), **arguments)
