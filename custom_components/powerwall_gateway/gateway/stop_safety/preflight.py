"""Whether the Powerwall may be stopped now, by fresh looks at the gateway."""

from collections.abc import Callable
from typing import Any

from ..client import PowerwallGateway
from ..exceptions import GatewayError, GatewayStoppedError, GuardGridError, GuardNotRunningError, GuardUnsureError
from ..models import GridState


class StopPreflight:
    """Looks out before somebody stops the Powerwall; what is not known for sure counts as no.

    `grid_connected_for` tells for how many seconds the grid watch has seen the house on the
    grid without a break, 0 where it is not sure; `seconds` is how many there have to be.
    """

    def __init__(self, gateway: PowerwallGateway, grid_connected_for: Callable[[], float], *, seconds: float) -> None:
        self._gateway = gateway
        self._grid_connected_for = grid_connected_for
        self._seconds = seconds

    async def look(self) -> dict[str, Any]:
        """Make sure that a stop does no harm, and give the state as it is before.

        The grid comes last: it is what nobody here has a hand in. Raises `GuardNotRunningError`,
        `GuardGridError` or `GuardUnsureError`.
        """
        try:
            sitemaster = await self._gateway.sitemaster()
            grid = (await self._gateway.grid_status()).grid_status
        except GatewayStoppedError as err:
            raise GuardNotRunningError("the Powerwall is stopped") from err
        except GatewayError as err:
            raise GuardUnsureError(f"whether all is well is not known ({err})") from err
        if sitemaster.running is None or grid is None:
            raise GuardUnsureError("whether all is well is not known")
        if not sitemaster.running:
            raise GuardNotRunningError("the Powerwall is stopped")
        if grid is not GridState.CONNECTED or not self._grid_connected_for() >= self._seconds:
            raise GuardGridError("the house has not been on the grid for long enough")
        return {"running": sitemaster.running, "grid_status": str(grid)}

    async def packs(self) -> tuple[str, ...]:
        """Give the serials of the Powerwalls, of which there has to be one. Raises `GuardUnsureError`."""
        try:
            packs = await packs_of(self._gateway)
        except GatewayError as err:
            raise GuardUnsureError(f"which Powerwalls there are is not known ({err})") from err
        if not packs:
            raise GuardUnsureError("which Powerwalls there are is not known")
        return tuple(sorted(packs))


async def packs_of(gateway: PowerwallGateway) -> frozenset[str]:
    """Read the serials of the Powerwalls."""
    units = (await gateway.powerwalls()).powerwalls or ()
    return frozenset(unit.serial_number for unit in units if unit.serial_number)
