"""Off the grid on purpose: there by the owner's word, and back by it, or by itself at a set charge."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .exceptions import translated
from .gateway import (
    GatewayError,
    IslandChargeError,
    IslandGridError,
    IslandingController,
    IslandNotFollowedError,
    IslandUnsureError,
    PercentScale,
    app_from_raw,
)
from .gateway.control.islanding import LEAST_CHARGE
from .gateway.models import GridState
from .storage import EntryStore

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
        island: IslandingController,
        grid: GridCoordinator,
        live: LiveCoordinator,
        memory: EntryStore,
        *,
        return_charge: float,
        scale: PercentScale,
    ) -> None:
        self._island = island
        self._grid = grid
        self._live = live
        self._memory = memory
        self._return_charge = return_charge
        self._scale = scale
        self._not_before = 0.0
        self._turn = asyncio.Lock()
        grid.intentional = memory.return_charge is not None

    @property
    def allowed(self) -> bool:
        """Whether role and firmware let the house leave the grid."""
        return self._island.allowed

    @property
    def is_unknown(self) -> bool:
        """Whether a look would tell if a login is enough for it."""
        return self._island.is_unknown

    @property
    def is_due(self) -> bool:
        """Whether the charge has fallen so far that the house comes back."""
        due, battery = self._memory.return_charge, self._live.data.battery.value
        percentage = None if battery is None else battery.percentage
        return (
            due is not None
            and percentage is not None
            and app_from_raw(percentage) <= due
            and self._is_off is True
            and not self._busy
            and monotonic() >= self._not_before
        )

    @property
    def is_over(self) -> bool:
        """Whether the house is on the grid again, or never left it, whoever saw to that."""
        return self._memory.return_charge is not None and self._is_off is False and not self._busy

    @property
    def _busy(self) -> bool:
        """Whether an order is under way, so that `grid_status` may not show it yet."""
        return self._turn.locked() or self._island.busy

    @property
    def _is_off(self) -> bool | None:
        """Whether the house is off the grid, None where that is not known."""
        status = self._grid.data.status.value
        if status is None or status.grid_status is None:
            return None
        return status.grid_status is not GridState.CONNECTED

    async def async_look(self) -> None:
        """Find out whether there is such a thing here, without an effect. Raises a child of `GatewayError`."""
        await self._island.look()

    async def async_leave(self) -> None:
        """Leave the grid, and wait until the house is off it. Raises `HomeAssistantError`, translated."""
        await self._in_turn(self._leave)

    async def async_return(self) -> None:
        """Come back to the grid, and wait until the house is on it. Raises `HomeAssistantError`, translated."""
        await self._in_turn(self._return)

    async def _leave(self) -> None:
        if self._grid.data.intentional:
            return
        least = max(LEAST_CHARGE, self._return_charge)
        await self._island.check(least)
        if not await self._keep(self._return_charge):
            await self._keep(None)
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="return_not_kept")
        try:
            await self._island.leave(least)
        except IslandGridError, IslandChargeError, IslandUnsureError:
            await self._keep(None)  # nothing was ordered: an outage that began meanwhile is one
            raise

    async def _return(self) -> None:
        if self._memory.return_charge is None:
            return
        self._not_before = monotonic() + RETRY
        try:
            await self._island.come_back()
        except IslandNotFollowedError:
            # Nobody wants to be off the grid any more: from here on it is an outage.
            self._grid.intentional = False
            raise

    async def _in_turn(self, order: Callable[[], Awaitable[None]]) -> None:
        """Follow one order after the other, and look at the grid after each, whatever came of it."""
        try:
            async with self._turn:
                try:
                    await order()
                finally:
                    await self._grid.async_force_refresh()
        except GatewayError as err:
            raise translated(err, self._scale) from err
        finally:
            self._grid.async_update_listeners()  # whether it is over is not asked while an order is under way

    async def async_forget(self) -> None:
        """Note that it is over."""
        await self._keep(None)

    async def _keep(self, return_charge: float | None) -> bool:
        """Note what is about to be, or not any more, and tell whether that is on disk."""
        self._grid.intentional = return_charge is not None
        return await self._memory.async_set_return_charge(return_charge)
