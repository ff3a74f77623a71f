"""The gateway's ways to the network."""

from ..models import AccessPoint, InterfaceType, Network, NetworkInterface
from ..transport import PathWithArguments
from .caller import BaseClient
from .endpoint import Access, endpoint


class NetworksApi(BaseClient):
    """The endpoints of the networks."""

    @endpoint("GET", "networks", Access.LOGIN)
    async def networks(self) -> tuple[NetworkInterface, ...]:
        """Read the gateway's interfaces and their networks, whatever the form this firmware has for them."""
        return await self._read_list("networks", NetworkInterface)

    @endpoint("POST", "networks", Access.UNKNOWN, effect=True, verified=False)
    async def configure_network(self, *, interface: InterfaceType, name: str, security_type: str) -> None:
        """Add a network. The seed names these three fields, but not where a password goes.

        A wrong network can take the gateway off the home network, out of our reach.
        """
        await self._send(
            "POST", "networks", {"interface": interface, "network_name": name, "security_type": security_type}
        )

    @endpoint("POST", "networks/{name}/enable", Access.UNKNOWN, effect=True, verified=False)
    async def enable_network(self, name: str) -> None:
        """Use a configured network."""
        await self._send("POST", PathWithArguments("networks/{name}/enable", name=name))

    @endpoint("POST", "networks/{name}/disable", Access.UNKNOWN, effect=True, verified=False)
    async def disable_network(self, name: str) -> None:
        """Use a configured network no more. If it is the one we come over, the gateway is out of our reach."""
        await self._send("POST", PathWithArguments("networks/{name}/disable", name=name))

    @endpoint("GET", "system/networks", Access.INSTALLER, until="1.15")
    async def system_networks(self) -> tuple[Network, ...]:
        """Read the configured networks."""
        return await self._read_list("system/networks", Network)

    @endpoint("GET", "networks/wifi_security_types", Access.INSTALLER, until="1.15")
    async def networks_wifi_security_types(self) -> tuple[str, ...]:
        """Read what a Wi-Fi's security may be: `NONE`, `WEP`, `WPAorWPA2_Personal`."""
        return await self._read_texts("networks/wifi_security_types")

    @endpoint("POST", "networks/wifi_scan", Access.INSTALLER, until="1.15", effect=True, verified=False)
    async def networks_wifi_scan(self) -> tuple[AccessPoint, ...]:
        """Look for Wi-Fi networks. No source shows the answer: a list is read as that of `networks_access_points`."""
        return await self._send_for_list("POST", "networks/wifi_scan", AccessPoint)

    @endpoint("POST", "networks/request_scan_wifi", Access.UNKNOWN, since="20.49", effect=True)
    async def networks_request_scan_wifi(self) -> None:
        """Look for Wi-Fi networks; `networks_access_points` has them afterwards."""
        await self._send("POST", "networks/request_scan_wifi")

    @endpoint("GET", "networks/access_points", Access.CUSTOMER, since="20.49")
    async def networks_access_points(self) -> tuple[AccessPoint, ...]:
        """Read the Wi-Fi networks that were found last."""
        return await self._read_list("networks/access_points", AccessPoint)
