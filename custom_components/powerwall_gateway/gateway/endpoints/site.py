"""The site, its packs, and the gateway's identity."""

from ..models import Config, Powerwalls, SiteInfo
from .caller import Caller
from .endpoint import Access, endpoint


class SiteApi(Caller):
    """The endpoints of the inventory."""

    @endpoint("GET", "powerwalls", Access.CUSTOMER_LATER)
    async def powerwalls(self) -> Powerwalls:
        """Read the inventory of packs."""
        return await self._read("powerwalls", Powerwalls)

    @endpoint("GET", "site_info", Access.CUSTOMER_LATER)
    async def site_info(self) -> SiteInfo:
        """Read the site's name, size and grid code."""
        return await self._read("site_info", SiteInfo)

    @endpoint("GET", "config", Access.LOGIN)
    async def config(self) -> Config:
        """Read the gateway's identity number."""
        return await self._read("config", Config)
