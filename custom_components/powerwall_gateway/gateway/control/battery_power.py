"""Charge or discharge the battery at a power, with signed requests that end by themselves.

Such a request overrides operation mode, backup reserve, export rule and possibly charging from the grid (pypowerwall,
Powerwall 2 with 26.34.0). So all of these are checked here, before every request. The gateway's response is empty: the
power of the battery is read to see whether it follows.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..backoff import Polling, poll_until
from ..client import PowerwallGateway
from ..exceptions import CommandError, CommandFailure, GatewayNotFoundError
from ..models import ConfigFile, ExportRule, GridState, GridStatus, MetersAggregates, app_from_raw
from .signed_operation import NOT_STORED

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

LEASE: Final = 120
"""Seconds after which the gateway ends a request by itself, unless it is renewed."""

FOLLOW: Final = Polling(1.0, 3.0, 30.0)
"""A Powerwall 3 followed within about 4 seconds (aiopowerwall, 26.26.4)."""

EMPTY: Final = 5.0
"""App % below which the battery is never discharged."""

_TOLERANCE_W: Final = 200.0
_TOLERANCE: Final = 0.1
"""By how much the power of the battery may differ from the requested one: W, and the share of it."""

_GRID_TOLERANCE_W: Final = 100.0
"""W by which the power from or to the grid may exceed what is allowed."""

_RESERVE_TOLERANCE: Final = 0.05
"""Raw %: the gateway returns a reserve inexactly."""


@dataclass(frozen=True, kw_only=True)
class DispatchRequest:
    """A requested power of the battery."""

    power: float
    """W, above zero to discharge."""

    below_reserve: bool = False
    """True if the battery may discharge below the backup reserve."""

    def is_met_by(self, meters: MetersAggregates) -> bool:
        """Return whether the battery has the requested power."""
        return self._is_near(meters.battery_power)

    def is_met_anyway(self, meters: MetersAggregates) -> bool:
        """Return whether a self-powered battery would have the requested power, too."""
        return self._is_near(_needed(meters))

    def _is_near(self, power: float | None) -> bool:
        return power is not None and abs(power - self.power) <= max(_TOLERANCE_W, _TOLERANCE * abs(self.power))

    def check(self, config: ConfigFile, grid: GridStatus, meters: MetersAggregates, percentage: float | None) -> None:
        """Raise `CommandError` unless the battery may have this power now. An unknown value counts as no.

        `percentage` is the state of charge in the gateway's %.
        """
        needed, reserve = _needed(meters), config.operation.backup_reserve_percent
        if grid.grid_status is None or needed is None or percentage is None or reserve is None:
            raise CommandError("grid, charge or reserve are not known", reason=CommandFailure.DISPATCH_UNSURE)
        if grid.grid_status is not GridState.CONNECTED:
            raise CommandError("the home is off-grid", reason=CommandFailure.DISPATCH_OFF_GRID)
        if grid.grid_services_active is None:
            raise CommandError("grid services are not known", reason=CommandFailure.DISPATCH_UNSURE)
        if grid.grid_services_active:
            raise CommandError("the utility uses the battery", reason=CommandFailure.DISPATCH_GRID_SERVICES)
        grid_power = needed - self.power
        if self.power < 0:
            limit = _kw(config.import_limit) if config.charges_from_grid else 0.0
            if grid_power > limit + _GRID_TOLERANCE_W:
                raise CommandError("the grid may not supply so much", reason=CommandFailure.DISPATCH_IMPORTS)
            return
        charge = app_from_raw(percentage)
        least = EMPTY if self.below_reserve else max(app_from_raw(reserve), EMPTY)
        if charge <= least:
            raise CommandError(
                "the charge is too low", reason=CommandFailure.DISPATCH_BELOW_RESERVE, charge=charge, least=least
            )
        limit = _kw(config.export_limit) if config.export_rule is ExportRule.EVERYTHING else 0.0
        if grid_power < -limit - _GRID_TOLERANCE_W:
            raise CommandError("so much may not be exported", reason=CommandFailure.DISPATCH_EXPORTS)


class DispatchController:
    """Send requests for a power of the battery, one at a time, and end them."""

    def __init__(self, gateway: PowerwallGateway, signed: SignedGateway, *, follow: Polling = FOLLOW) -> None:
        self._gateway = gateway
        self._signed = signed
        self._follow = follow
        self._lock = asyncio.Lock()
        self._request: DispatchRequest | None = None
        self._ends_at = -inf
        """Monotonic time in seconds at which the gateway has ended every request that it may have received."""

        self._accepted_until = -inf
        """Monotonic time in seconds at which the gateway ends the last request that it accepted."""

    @property
    def is_running(self) -> bool:
        """Return whether the gateway may still follow a request."""
        return monotonic() < self._ends_at

    @property
    def is_accepted(self) -> bool:
        """Return whether the gateway still follows a request that it accepted."""
        return monotonic() < self._accepted_until

    def may_follow(self, request: DispatchRequest) -> bool:
        """Return whether the gateway may still follow this request, and not a former one."""
        return self._request is request and self.is_running

    async def check(self, request: DispatchRequest) -> ConfigFile:
        """Read everything that a request depends on, and return the settings. Nothing is sent.

        Raises `CommandError` (DISPATCH_…) if the battery may not have this power.
        """
        config = await self._signed.config()
        grid, meters = await self._gateway.grid_status(), await self._gateway.meters_aggregates()
        request.check(config, grid, meters, (await self._gateway.soe()).percentage)
        with suppress(GatewayNotFoundError):
            if (await self._signed.full_backup()).until is not None:
                raise CommandError("there is a full backup", reason=CommandFailure.DISPATCH_DURING_BACKUP)
        return config

    async def start(self, request: DispatchRequest, seconds: int = LEASE) -> None:
        """Send a request that was just checked, and return when the battery follows.

        Raises `CommandError` (DISPATCH_NOT_FOLLOWED) if it does not. The gateway may still follow then: call `resume`.
        """
        async with self._lock:
            await self._send(request, seconds)
            meters = await poll_until(self._gateway.meters_aggregates, request.is_met_by, self._follow)
            if not request.is_met_by(meters):
                raise CommandError(
                    "the battery does not follow",
                    reason=CommandFailure.DISPATCH_NOT_FOLLOWED,
                    power=meters.battery_power,
                )

    async def renew(self, request: DispatchRequest, former: ConfigFile, seconds: int = LEASE) -> ConfigFile:
        """Check the request again and renew it. `former` are the settings of the last check; return those of now.

        Raises the errors of `check`, and `CommandError` (DISPATCH_REPLACED) if someone changed mode or reserve.
        """
        async with self._lock:
            config = await self.check(request)
            was, now = former.operation, config.operation
            reserves = (was.backup_reserve_percent or 0.0, now.backup_reserve_percent or 0.0)
            if now.operation_mode is not was.operation_mode or abs(reserves[1] - reserves[0]) > _RESERVE_TOLERANCE:
                raise CommandError("mode or reserve were changed", reason=CommandFailure.DISPATCH_REPLACED)
            await self._send(request, seconds)
            return config

    async def resume(self) -> None:
        """Let the battery follow mode and reserve again, and return when it does not have the requested power any more.

        Raises `CommandError` (DISPATCH_NOT_ENDED) if it still does; the gateway ends the request by itself then.
        """
        async with self._lock:
            await self._signed.resume()
            request = self._request
            if request is None or not self.is_running:
                return
            meters = await poll_until(
                self._gateway.meters_aggregates,
                lambda meters: not request.is_met_by(meters) or request.is_met_anyway(meters),
                self._follow,
            )
            if request.is_met_by(meters) and not request.is_met_anyway(meters):
                raise CommandError("the battery does not resume", reason=CommandFailure.DISPATCH_NOT_ENDED)
            self._request, self._ends_at, self._accepted_until = None, -inf, -inf

    async def finish(self) -> None:
        """Wait until no request is in progress."""
        async with self._lock:
            pass

    async def _send(self, request: DispatchRequest, seconds: int) -> None:
        former = self._request, self._ends_at
        self._request, self._ends_at = request, monotonic() + seconds
        try:
            await self._signed.dispatch(request.power, seconds)
        except (*NOT_STORED, GatewayNotFoundError):
            self._request, self._ends_at = former
            raise
        self._accepted_until = self._ends_at


def _needed(meters: MetersAggregates) -> float | None:
    """Return the power in W that the home needs beyond solar: what grid and battery supply together."""
    grid, battery = meters.grid_power, meters.battery_power
    return None if grid is None or battery is None else grid + battery


def _kw(limit: float | None) -> float:
    """Return a limit in kW as W; infinite if there is none."""
    return inf if limit is None else 1000.0 * limit
