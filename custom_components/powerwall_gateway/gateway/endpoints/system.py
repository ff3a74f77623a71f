"""The gateway as a computer."""

from ..models import Status
from .caller import Caller
from .endpoint import Access, endpoint


class SystemApi(Caller):
    """The endpoints of the system."""

    @endpoint("GET", "status", Access.ANYBODY)
    async def status(self) -> Status:
        """Read firmware, up time and identity; 404 on a Powerwall 3."""
        return await self._read("status", Status)
