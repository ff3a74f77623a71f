"""Leaving the grid on purpose, and coming back to it: ordered once, and done when `grid_status` shows it."""

import asyncio
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayResponseError,
    GatewayStoppedError,
)
from ..models import GridState
from ..percent import app_from_raw
from .writer import Watch

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

_PATH = "v2/islanding/mode"
_REFUSED_FOR_GOOD = (GatewayPermissionDeniedError, GatewayNotFoundError, GatewayKeyError)

LEAST_CHARGE: Final = 20.0
"""App %: below it the home never goes off-grid. A signed order is forced, so the gateway may not refuse it itself."""

BETWEEN_LOOKS: Final = 300.0
"""Seconds between two attempts to find out whether the firmware has the path, where the first ones did not tell."""

LEAVING: Final = Watch(0.5, 2.0, 30.0)
RETURNING: Final = Watch(1.0, 5.0, 120.0)
"""Off grid shows within 3 s of the order, and the way back takes about 21 s (reference, 5.3)."""


class IslandingController:
    """Takes the house off the grid and back, through `POST /api/v2/islanding/mode` (20.49 and later, customer).

    Where that is missing, as on a Powerwall 3, or refused, a signed request does it if there is a key.

    Off-grid the gateway's own failsafe stays on: it reconnects by itself before the battery
    is empty. A signed order is forced (see `SignedGateway.island`), so nothing is ever ordered
    before grid and state of charge were read a moment ago and found good.
    """

    def __init__(self, gateway: PowerwallGateway, *, leaving: Watch = LEAVING, returning: Watch = RETURNING) -> None:
        self._gateway = gateway
        self._leaving = leaving
        self._returning = returning
        self.signed: SignedGateway | None = None
        """The way of signed requests, where the owner gave a key."""

        self._turn = asyncio.Lock()
        self._is_there = False
        self._look_after = -inf
        self._refused_by: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether it is worth a try, by either way."""
        return self._allowed_by_login or self._allowed_by_key

    @property
    def is_unknown(self) -> bool:
        """Whether a look would tell if this firmware has the path."""
        capabilities = self._gateway.capabilities
        return (
            not self._is_there
            and bool(capabilities.roles)
            and capabilities.has(_PATH)
            and monotonic() >= self._look_after
        )

    @property
    def _allowed_by_login(self) -> bool:
        """Tell by the session's role, the firmware, a look at the path, and earlier refusals."""
        capabilities = self._gateway.capabilities
        return (
            self._is_there
            and bool(capabilities.roles)
            and capabilities.has(_PATH)
            and (self._refused_by is None or self._refused_by != self._firmware)
        )

    @property
    def _allowed_by_key(self) -> bool:
        return self.signed is not None and self.signed.verified is True

    @property
    def busy(self) -> bool:
        """Whether an order is under way, so that `grid_status` may not show it yet."""
        return self._turn.locked()

    @property
    def _firmware(self) -> str | None:
        status = self._gateway.capabilities.status
        return status.version if status else None

    async def look(self) -> None:
        """Find out whether this firmware has the path, without an effect. Raises a child of `GatewayError`."""
        if self.is_unknown:
            self._look_after = monotonic() + BETWEEN_LOOKS
            self._is_there = await self._gateway.has_islanding()

    async def check(self, least: float = LEAST_CHARGE) -> None:
        """Make sure that there is a grid to leave and a charge of at least `least` (app %) to live from.

        Raises `GatewayStoppedError`, and `CommandError` (NO_GRID_TO_LEAVE, CHARGE_TOO_LOW, ISLANDING_UNSURE).
        What is not known counts as no.
        """
        try:
            grid = (await self._gateway.grid_status()).grid_status
            percentage = (await self._gateway.soe()).percentage
        except GatewayStoppedError:
            raise
        except GatewayError as err:
            raise _unsure(f" ({err})") from err
        if grid is None or percentage is None:
            raise _unsure()
        if grid is not GridState.CONNECTED:
            raise CommandError("there is no grid to leave", reason=CommandFailure.NO_GRID_TO_LEAVE, path=_PATH)
        if (charge := app_from_raw(percentage)) < least:
            raise CommandError(
                "the charge is too low", reason=CommandFailure.CHARGE_TOO_LOW, path=_PATH, charge=charge, least=least
            )

    async def leave(self, least: float = LEAST_CHARGE) -> None:
        """Go off-grid, and return when the home is. Needs a charge of `least` (app %), and never less than 20.

        Raises what `check` raises, without an order; `CommandError` (ISLANDING_NOT_FOLLOWED) when the gateway
        accepts the order and stays on the grid; and else what it answered.
        """
        async with self._turn:
            await self.check(max(least, LEAST_CHARGE))
            await self._order(off_grid=True)
            try:
                await self._until(self._leaving, GridState.ISLANDED)
            except CommandError:
                await self._order(off_grid=False)  # who follows late would be off it without anybody knowing
                raise

    async def come_back(self) -> None:
        """Come back to the grid, and return when the house is on it.

        Raises `CommandError` (ISLANDING_NOT_FOLLOWED) when there is no grid to come back to within two
        minutes; the gateway then reconnects as soon as there is.
        """
        async with self._turn:
            await self._order(off_grid=False)
            await self._until(self._returning, GridState.CONNECTED)

    async def _order(self, *, off_grid: bool) -> None:
        """Order it by the first way that is not refused for good; what is refused was not done.

        To reconnect every way is tried, also one that was refused before, and also after a login that failed.
        """
        by_login, by_key = self._allowed_by_login, self._allowed_by_key
        ways = [self._order_by_login] if by_login else []
        if self.signed is not None and (by_key or not off_grid):
            ways.append(self._order_by_key)
        if not ways or not (by_login or off_grid):
            ways.append(self._order_by_login)
        refusals: list[GatewayResponseError] = []
        for order in ways:
            try:
                await order(off_grid=off_grid)
            except GatewayConnectionError, GatewayInvalidResponseError:
                return  # the answer was lost; `grid_status` shows what became of it
            except GatewayResponseError as err:
                if off_grid and not isinstance(err, _REFUSED_FOR_GOOD):
                    raise
                refusals.append(err)
            else:
                return
        raise min(refusals, key=lambda err: (isinstance(err, _REFUSED_FOR_GOOD), not isinstance(err, GatewayKeyError)))

    async def _order_by_login(self, *, off_grid: bool) -> None:
        try:
            await self._gateway.v2_islanding_mode(off_grid=off_grid)
        except GatewayPermissionDeniedError, GatewayNotFoundError:
            self._refused_by = self._firmware
            raise

    async def _order_by_key(self, *, off_grid: bool) -> None:
        if self.signed is not None:
            await self.signed.island(off_grid=off_grid)

    async def _until(self, watch: Watch, wanted: GridState) -> None:
        seen = await watch.until(self._gateway.grid_status, lambda grid: grid.grid_status is wanted)
        if seen.grid_status is not wanted:
            raise CommandError(
                "the gateway accepted the order and does not follow it",
                reason=CommandFailure.ISLANDING_NOT_FOLLOWED,
                path=_PATH,
            )


def _unsure(why: str = "") -> CommandError:
    return CommandError(f"grid and charge are not known{why}", reason=CommandFailure.ISLANDING_UNSURE, path=_PATH)
