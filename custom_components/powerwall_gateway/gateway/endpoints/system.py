"""The gateway as a computer."""

from ..errors import GatewayNotFoundError
from ..models import Status
from .caller import Caller
from .endpoint import Access, endpoint


class SystemApi(Caller):
    """The endpoints of the system."""

    @endpoint("GET", "status", Access.ANYBODY)
    async def status(self) -> Status:
        """Read firmware, up time and identity; 404 on a Powerwall 3.

        Another firmware than last time may have what was missing, so that is forgotten.
        """
        try:
            status = await self._read("status", Status)
        except GatewayNotFoundError:
            self._status = None
            raise
        if self._status is None or status.version != self._status.version:
            self._missing.clear()
        self._status = status
        return status
