"""What starts, stops and islands the Powerwall. Every call here changes what the battery does.

Nothing guards them here: whoever stops the Powerwall has to start it again.
"""

from ..exceptions import GatewayNotFoundError, GatewayRefusedError
from ..models import Islanding, IslandMode, Status
from .caller import BaseClient
from .endpoint import Access, endpoint


class ControlApi(BaseClient):
    """The endpoints that act."""

    @endpoint("GET", "sitemaster/run", Access.CUSTOMER_LATER, effect=True)
    async def sitemaster_run(self) -> None:
        """Start the Powerwall: it charges, discharges, backs up and measures again.

        The gateway accepts it (202) before it is done; `sitemaster` tells when it runs, about
        two seconds later. One that runs already goes on.
        """
        await self._send("GET", "sitemaster/run")

    @endpoint("GET", "sitemaster/stop", Access.CUSTOMER_LATER, effect=True)
    async def sitemaster_stop(self, *, force: bool = False) -> None:
        """Stop the Powerwall: no charging, no discharging, no backup and no live data until `sitemaster_run`.

        In an outage the house goes dark. Raises `GatewayRefusedError` when the gateway cannot
        stop it now (500, "Cannot Start Wizard"); `force` stops it all the same, where the
        firmware knows that word.

        1.15 stops by a GET, which has no room for `force`. Later firmware answers that GET
        with 405, which stops nothing, and is asked again by a POST with `force`.
        """
        try:
            await self._send("GET", "sitemaster/stop")
        except GatewayRefusedError as err:
            if err.status != 405:
                raise
            await self._send("POST", "sitemaster/stop", {"force": force})

    @endpoint("POST", "sitemaster/run_for_commissioning", Access.UNKNOWN, effect=True, verified=False)
    async def sitemaster_run_for_commissioning(self) -> None:
        """Start the Powerwall as the installer's wizard does at the end; what it does differently is not known."""
        await self._send("POST", "sitemaster/run_for_commissioning", {})

    @endpoint("GET", "config/completed", Access.CUSTOMER_LATER, effect=True)
    async def config_completed(self) -> Status | None:
        """Put the stored configuration into effect: all of it, a half-done wizard's too.

        The battery follows a new mode or reserve at once (1.15) or within a minute (1.43). Up
        to 1.42 the answer is empty (202, None); later it is the status, with a
        `commission_count` that rose by one.
        """
        return await self._send_for("GET", "config/completed", Status)

    @endpoint("POST", "v2/islanding/mode", Access.CUSTOMER, since="20.49", effect=True)
    async def v2_islanding_mode(self, *, off_grid: bool) -> Islanding | None:
        """Leave the grid, or come back to it.

        Off grid the battery feeds the house alone, until it is told to come back or the
        gateway's own failsafe reconnects it. `grid_status` follows within seconds, the way
        back takes about 20. Gives what the gateway answers, if anything: an echo.
        """
        mode = IslandMode.OFF_GRID if off_grid else IslandMode.ON_GRID
        return await self._send_for("POST", "v2/islanding/mode", Islanding, {"island_mode": mode})

    async def has_islanding(self) -> bool:
        """Tell whether `v2_islanding_mode` is there, without an effect: a GET is refused where only a POST acts.

        The gateway's router says 405 then, and 404 where the firmware lacks the path (a
        Powerwall 3). Raises a child of `GatewayError` where that stays unknown: a 500 may be anything.
        """
        path = "v2/islanding/mode"
        try:
            await self._ask("GET", path, once=True)
        except GatewayNotFoundError:
            self._miss(path)
            return False
        except GatewayRefusedError as err:
            if err.status != 405:
                raise
        return True
