"""Live data: what flows, how full the battery is, whether there is a grid. HTTP 502 while the Powerwall is stopped."""

from ..models import GridFault, GridStatus, MetersAggregates, Sitemaster, StateOfEnergy, SystemStatus
from .caller import BaseClient
from .endpoint import Access, endpoint


class LiveApi(BaseClient):
    """The endpoints that are polled."""

    @endpoint("GET", "meters/aggregates", Access.CUSTOMER_LATER)
    async def meters_aggregates(self) -> MetersAggregates:
        """Read what flows now and the lifetime energies."""
        return await self._read("meters/aggregates", MetersAggregates)

    @endpoint("GET", "system_status", Access.CUSTOMER, since="20.49")
    async def system_status(self) -> SystemStatus:
        """Read charge, island state and every pack in one answer; not on a Powerwall 3."""
        return await self._read("system_status", SystemStatus)

    @endpoint("GET", "system_status/soe", Access.CUSTOMER_LATER)
    async def soe(self) -> StateOfEnergy:
        """Read the state of charge."""
        return await self._read("system_status/soe", StateOfEnergy)

    @endpoint("GET", "system_status/grid_status", Access.CUSTOMER_LATER)
    async def grid_status(self) -> GridStatus:
        """Read whether the grid is there."""
        return await self._read("system_status/grid_status", GridStatus)

    @endpoint("GET", "system_status/grid_faults", Access.CUSTOMER_LATER)
    async def system_status_grid_faults(self) -> tuple[GridFault, ...]:
        """Read what was found wrong with the grid; empty while nothing is, and on 1.15 only ever seen so."""
        return await self._read_list("system_status/grid_faults", GridFault)

    @endpoint("GET", "sitemaster", Access.CUSTOMER_LATER)
    async def sitemaster(self) -> Sitemaster:
        """Read whether the Powerwall runs and is connected to Tesla. Answers while it is stopped, too."""
        return await self._read("sitemaster", Sitemaster)
