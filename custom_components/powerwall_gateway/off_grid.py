"""Off the grid on purpose: there by the owner's word, and back by it, or by itself at a set charge."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from .failures import translated
from .gateway import GatewayError, IslandControl, app_from_raw
from .gateway.island import LEAST_CHARGE
from .gateway.models import GridState
from .memory import EntryMemory

if TYPE_CHECKING:
    from .coordinator import GridCoordinator, LiveCoordinator

RETRY: Final = 60.0
"""Seconds between two attempts to come back by itself."""


class OffGrid:
    """Takes the house off the grid and brings it back.

    At which charge it comes back is on disk before the gateway is asked, so that it holds
    after a restart, too. The gateway's own failsafe stays on besides.
    """

    def __init__(
        self,
        island: IslandControl,
        grid: GridCoordinator,
        live: LiveCoordinator,
        memory: EntryMemory,
        *,
        return_charge: float,
    ) -> None:
        self._island = island
        self._grid = grid
        self._live = live
        self._memory = memory
        self._return_charge = return_charge
        self._not_before = 0.0
        grid.async_choose(off_grid=memory.return_charge is not None)

    @property
    def allowed(self) -> bool:
        """Whether role and firmware let the house leave the grid."""
        return self._island.allowed

    @property
    def is_due(self) -> bool:
        """Whether the charge has fallen so far that the house comes back."""
        due, battery = self._memory.return_charge, self._live.data.battery.value
        percentage = None if battery is None else battery.percentage
        return (
            due is not None
            and percentage is not None
            and app_from_raw(percentage) <= due
            and self._grid.data.chosen
            and not self._island.busy
            and monotonic() >= self._not_before
        )

    @property
    def is_over(self) -> bool:
        """Whether the house is on the grid again, or never left it, whoever saw to that."""
        status = self._grid.data.status.value
        return (
            self._memory.return_charge is not None
            and status is not None
            and status.grid_status is GridState.CONNECTED
            and not self._island.busy
        )

    async def async_look(self) -> None:
        """Find out whether there is such a thing here, without an effect. Raises a child of `GatewayError`."""
        await self._island.look()

    async def async_leave(self) -> None:
        """Leave the grid, and wait until the house is off it. Raises `HomeAssistantError`, translated."""
        try:
            await self._island.check(max(LEAST_CHARGE, self._return_charge))
            await self._keep(self._return_charge)
            await self._island.leave()
        except GatewayError as err:
            raise translated(err) from err
        finally:
            await self._grid.async_look_again()

    async def async_return(self) -> None:
        """Come back to the grid, and wait until the house is on it. Raises `HomeAssistantError`, translated."""
        self._not_before = monotonic() + RETRY
        try:
            await self._island.come_back()
        except GatewayError as err:
            raise translated(err) from err
        finally:
            await self._grid.async_look_again()

    async def async_forget(self) -> None:
        """Note that it is over."""
        await self._keep(None)

    async def _keep(self, return_charge: float | None) -> None:
        self._grid.async_choose(off_grid=return_charge is not None)
        await self._memory.async_keep_return_charge(return_charge)
