"""Mode and reserve, as the gateway stores them."""

from ..models import Operation
from .caller import Caller
from .endpoint import Access, endpoint


class OperationApi(Caller):
    """The endpoints of the operation."""

    @endpoint("GET", "operation", Access.LOGIN)
    async def operation(self) -> Operation:
        """Read mode and reserve."""
        return await self._read("operation", Operation)
