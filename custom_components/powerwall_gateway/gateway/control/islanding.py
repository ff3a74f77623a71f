"""Go off-grid intentionally and reconnect: send one request, and wait until `grid_status` shows the result."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..backoff import Polling, poll_until
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
from ..models import GridState, app_from_raw

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

_PATH = "v2/islanding/mode"
_REFUSED_FOR_GOOD = (GatewayPermissionDeniedError, GatewayNotFoundError, GatewayKeyError)

LEAST_CHARGE: Final = 20.0
"""App %: lowest charge for going off-grid. A signed request is forced, so the gateway may not reject it by itself."""

DETECTION_INTERVAL: Final = 300.0
"""Seconds between two attempts to detect whether the firmware has the path."""

GO_OFF_GRID: Final = Polling(0.5, 2.0, 30.0)
RECONNECT: Final = Polling(1.0, 5.0, 120.0)
"""`grid_status` shows off-grid within 3 s of the request. A reconnection takes about 21 s (reference, 5.3)."""


class IslandingController:
    """Go off-grid and reconnect, through `POST /api/v2/islanding/mode` (20.49 and later, customer).

    If the path is missing, as on a Powerwall 3, or rejected, a signed request is sent if there is a key.

    Off-grid, the gateway's own failsafe stays on: it reconnects before the battery is empty. A signed request is forced
    (see `SignedGateway.island`). So before each request to go off-grid, `check` reads the grid's state and the charge.
    """

    def __init__(
        self, gateway: PowerwallGateway, *, off_grid: Polling = GO_OFF_GRID, on_grid: Polling = RECONNECT
    ) -> None:
        self._gateway = gateway
        self._off_grid = off_grid
        self._on_grid = on_grid
        self.signed: SignedGateway | None = None
        """The client for signed requests, if the owner added a key."""

        self._lock = asyncio.Lock()
        self._supported = False
        self._detect_after = -inf
        self._refused_by: str | None = None

    @property
    def allowed(self) -> bool:
        """Return whether a request may succeed, with the login or with the key."""
        return self._allowed_by_login or self._allowed_by_key

    @property
    def is_unknown(self) -> bool:
        """Return whether `detect` would send a request, because it is unknown if this firmware has the path."""
        return self._may_have_path and not self._supported and monotonic() >= self._detect_after

    @property
    def _may_have_path(self) -> bool:
        capabilities = self._gateway.capabilities
        return bool(capabilities.roles) and capabilities.has(_PATH)

    @property
    def _allowed_by_login(self) -> bool:
        """Return whether the login is enough: by its role, `detect`, and earlier rejections on this firmware."""
        return (
            self._may_have_path and self._supported and (self._refused_by is None or self._refused_by != self._firmware)
        )

    @property
    def _allowed_by_key(self) -> bool:
        return self.signed is not None and self.signed.verified is True

    @property
    def busy(self) -> bool:
        """Return whether a request is in progress, so that `grid_status` may not show its result yet."""
        return self._lock.locked()

    @property
    def _firmware(self) -> str | None:
        status = self._gateway.capabilities.status
        return status.version if status else None

    async def detect(self) -> None:
        """Detect whether this firmware has the path, without an effect. Raises a subclass of `GatewayError`."""
        if self.is_unknown:
            self._detect_after = monotonic() + DETECTION_INTERVAL
            self._supported = await self._gateway.has_islanding()

    async def check(self, least: float = LEAST_CHARGE) -> None:
        """Check that the grid is connected and the state of charge is at least `least` (app %), never below 20%.

        Raises `GatewayStoppedError`, and `CommandError` (NO_GRID_TO_LEAVE, CHARGE_TOO_LOW, ISLANDING_UNSURE).
        An unknown value counts as a failed check (ISLANDING_UNSURE).
        """
        least = max(least, LEAST_CHARGE)
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

    async def go_off_grid(self, least: float = LEAST_CHARGE) -> None:
        """Go off-grid, and return once `grid_status` shows it. Requires a charge of `least` (app %), at least 20%.

        Raises the errors of `check`, and sends nothing then. Raises `CommandError` (ISLANDING_NOT_FOLLOWED) if the
        gateway accepts the request and stays on the grid, otherwise the error of the request.
        """
        async with self._lock:
            await self.check(least)
            await self._request(off_grid=True)
            try:
                await self._wait_for(GridState.ISLANDED, self._off_grid)
            except CommandError:
                await self._request(off_grid=False)  # otherwise the gateway may still go off-grid later, unnoticed
                raise

    async def reconnect(self) -> None:
        """Reconnect to the grid, and return once the home is connected.

        Raises `CommandError` (ISLANDING_NOT_FOLLOWED) if the home is not connected within 2 minutes. During a grid
        outage the gateway reconnects when the grid is restored.
        """
        async with self._lock:
            await self._request(off_grid=False)
            await self._wait_for(GridState.CONNECTED, self._on_grid)

    async def _request(self, *, off_grid: bool) -> None:
        """Send the request with the login or the key. A rejected request has no effect, so the other one is tried.

        To go off-grid, the other one is tried only after a permanent rejection. To reconnect, both are always tried.
        """
        refusals: list[GatewayResponseError] = []
        for request in self._requests(off_grid=off_grid):
            try:
                await request(off_grid=off_grid)
            except GatewayConnectionError, GatewayInvalidResponseError:
                return  # the response was lost, and `grid_status` shows whether the gateway acts on the request
            except GatewayResponseError as err:
                if off_grid and not isinstance(err, _REFUSED_FOR_GOOD):
                    raise
                refusals.append(err)
            else:
                return
        # Raise a temporary rejection rather than a permanent one, and among these the one of the key.
        raise min(refusals, key=lambda err: (isinstance(err, _REFUSED_FOR_GOOD), not isinstance(err, GatewayKeyError)))

    def _requests(self, *, off_grid: bool) -> list[Callable[..., Awaitable[object]]]:
        """Return the requests to try, by login or with the key, the more promising one first."""
        if self.signed is None or (off_grid and not self._allowed_by_key):
            return [self._request_by_login]
        if self._allowed_by_login:
            return [self._request_by_login, self.signed.island]
        if off_grid:
            return [self.signed.island]
        return [self.signed.island, self._request_by_login]

    async def _request_by_login(self, *, off_grid: bool) -> None:
        try:
            await self._gateway.v2_islanding_mode(off_grid=off_grid)
        except GatewayPermissionDeniedError, GatewayNotFoundError:
            self._refused_by = self._firmware
            raise

    async def _wait_for(self, state: GridState, polling: Polling) -> None:
        grid = await poll_until(self._gateway.grid_status, lambda grid: grid.grid_status is state, polling)
        if grid.grid_status is not state:
            raise CommandError(
                "the gateway accepted the request and does not follow it",
                reason=CommandFailure.ISLANDING_NOT_FOLLOWED,
                path=_PATH,
            )


def _unsure(why: str = "") -> CommandError:
    return CommandError(f"grid and charge are not known{why}", reason=CommandFailure.ISLANDING_UNSURE, path=_PATH)
