"""The site, its packs, and the gateway's identity."""

from ..models import Config, GridCode, GridCodes, Powerwalls, PowerwallsStatus, SiteInfo, SiteName
from .caller import BaseClient
from .endpoint import Access, endpoint


class SiteApi(BaseClient):
    """The endpoints of the site and its inventory."""

    @endpoint("GET", "powerwalls", Access.CUSTOMER_LATER)
    async def powerwalls(self) -> Powerwalls:
        """Read the inventory of packs."""
        return await self._read("powerwalls", Powerwalls)

    @endpoint("GET", "powerwalls/status", Access.LOGIN)
    async def powerwalls_status(self) -> PowerwallsStatus:
        """Read what the gateway does with its packs.

        Raises `GatewayRefusedError` (409) on 1.15 while the Powerwall runs.
        """
        return await self._read("powerwalls/status", PowerwallsStatus)

    @endpoint("GET", "site_info", Access.CUSTOMER_LATER)
    async def site_info(self) -> SiteInfo:
        """Read the site's name, size and grid code."""
        return await self._read("site_info", SiteInfo)

    @endpoint("GET", "site_info/site_name", Access.CUSTOMER_LATER)
    async def site_info_site_name(self) -> SiteName:
        """Read the site's name and time zone alone."""
        return await self._read("site_info/site_name", SiteName)

    @endpoint("POST", "site_info/site_name", Access.INSTALLER, effect=True)
    async def set_site_name(self, site_name: str) -> SiteName | None:
        """Rename the site, as Tesla's app can, and give what the gateway answers, if anything.

        Raises `GatewayPermissionDeniedError` for the customer's login.
        """
        return await self._send_for("POST", "site_info/site_name", SiteName, {"site_name": site_name})

    @endpoint("GET", "site_info/grid_codes", Access.LOGIN, until="1.15")
    async def site_info_grid_codes(self) -> tuple[GridCode, ...]:
        """Read which grid codes the wizard offers, each with its country, state and region.

        Raises `GatewayNotFoundError` on later firmware.
        """
        return (await self._read("site_info/grid_codes", GridCodes)).codes or ()

    @endpoint("GET", "config", Access.LOGIN)
    async def config(self) -> Config:
        """Read the gateway's identity number."""
        return await self._read("config", Config)
