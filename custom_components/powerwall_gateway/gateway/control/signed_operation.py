"""Set operation mode and backup reserve with signed requests (firmware of 2026): write, read back, check the effect."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, override

from ..backoff import Polling, poll_until
from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayCertificateError,
    GatewayClockError,
    GatewayError,
    GatewayKeyError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayResponseError,
    GatewayStoppedError,
)
from ..models import GridState, MetersAggregates, Operation, OperationMode
from .operation import PATH, OperationController, OperationRequest

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

READ_BACK: Final = Polling(0.5, 5.0, 20.0)
FOLLOW: Final = Polling(2.0, 15.0, 120.0)
"""A battery was seen to follow after about 90 seconds."""

_MODE: Final = "default_real_mode"
_RESERVE: Final = "site_info.backup_reserve_percent"

_REFUSED: Final = (GatewayRateLimitError, GatewayRefusedError)
NOT_STORED: Final = (CommandError, GatewayKeyError, GatewayClockError, GatewayCertificateError, *_REFUSED)
"""Errors after which the write is certainly not stored."""

ACTIVE_W: Final = 300.0
IDLE_W: Final = 100.0
"""Power in W of the battery, or needed from it. Above `ACTIVE_W` it discharges, below `IDLE_W` it is idle."""

MARGIN_PERCENT: Final = 2.0
"""Raw % by which state of charge and reserve must differ, so that they determine what the battery does."""


class SignedOperationController(OperationController):
    """Read and write with signed requests, if the gateway has accepted the key.

    The values are read back after a write. If the battery has to start or stop discharging, this is checked, too: some
    firmware stores signed values and does not act on them.
    """

    modes = (OperationMode.SELF_CONSUMPTION, OperationMode.BACKUP, OperationMode.AUTONOMOUS)

    def __init__(
        self,
        gateway: PowerwallGateway,
        signed: SignedGateway,
        *,
        read_back: Polling = READ_BACK,
        follow: Polling = FOLLOW,
    ) -> None:
        super().__init__()
        self._gateway = gateway
        self._signed = signed
        self._polling = read_back
        self._follow = follow

    @property
    @override
    def allowed(self) -> bool:
        return self._signed.verified is True

    @override
    async def _read(self) -> Operation:
        return await self._signed.operation()

    @override
    async def _write(self, request: OperationRequest) -> Operation:
        """Write the requested values, read them back, and wait until the battery follows."""
        former = await self._read()
        if request.is_met_by(former):
            return former
        meters, charge = await self._snapshot()
        lost = await self._store(request)
        try:
            shown = await poll_until(self._read, request.is_met_by, self._polling)
        except GatewayError as err:
            raise request.unknown() from err
        if not request.is_met_by(shown):
            if lost is None:
                raise request.not_applied(shown)
            raise (request.refused(lost) if isinstance(lost, GatewayResponseError) else request.unknown()) from lost
        if effect := _expected_effect(meters, charge, former, shown):
            await self._wait_for_effect(effect, request)
        return shown

    async def _store(self, request: OperationRequest) -> GatewayError | None:
        """Write only the requested values. Return an error after which the gateway may have stored them."""
        values: dict[str, str | float] = {}
        if request.mode is not None:
            values[_MODE] = request.mode
        if request.reserve is not None:
            values[_RESERVE] = round(request.reserve, 4)
        try:
            await self._signed.write(values)
        except _REFUSED as err:
            raise request.refused(err) from err
        except NOT_STORED:
            raise
        except GatewayError as err:
            return err
        return None

    async def _snapshot(self) -> tuple[MetersAggregates, float | None]:
        """Read the power before the write, and the state of charge in raw %.

        The latter is None if the battery does not follow mode and reserve: off-grid it supplies the home, and grid
        services control it.
        """
        try:
            meters = await self._gateway.meters_aggregates()
        except GatewayStoppedError as err:
            raise CommandError("the Powerwall is stopped", reason=CommandFailure.STOPPED, path=PATH) from err
        grid = await self._gateway.grid_status()
        charge = (await self._gateway.soe()).percentage
        follows_mode = grid.grid_status is GridState.CONNECTED and not grid.grid_services_active
        return meters, charge if follows_mode else None

    async def _wait_for_effect(self, effect: _Effect, request: OperationRequest) -> None:
        """Poll the battery until it follows. If it cannot be read, assume that it does."""
        try:
            meters = await poll_until(self._gateway.meters_aggregates, effect, self._follow)
        except GatewayError:
            return
        if not effect(meters):
            raise CommandError(
                f"the gateway stored {request}, and the battery does not follow",
                reason=CommandFailure.NOT_FOLLOWED,
                path=PATH,
                firmware=self._signed.firmware or "",
            )


type _Effect = Callable[[MetersAggregates], bool]


def _expected_effect(
    before: MetersAggregates, charge: float | None, former: Operation, now: Operation
) -> _Effect | None:
    """Return a check that is true once the battery follows the write; None if its behavior need not change."""
    battery, net_load = before.battery_power, before.net_load
    if charge is None or battery is None or net_load is None:
        return None
    if battery > ACTIVE_W and _must_idle(now, charge):
        return lambda meters: (meters.battery_power or 0.0) < IDLE_W
    if battery < IDLE_W and net_load > ACTIVE_W and _must_idle(former, charge) and _must_discharge(now, charge):
        return lambda meters: (meters.battery_power or 0.0) > IDLE_W or (meters.net_load or 0.0) < ACTIVE_W
    return None


def _must_idle(operation: Operation, charge: float) -> bool:
    """Return whether the battery may not discharge while the grid is connected."""
    reserve = operation.backup_reserve_percent
    return operation.operation_mode is OperationMode.BACKUP or (
        reserve is not None and reserve > charge + MARGIN_PERCENT
    )


def _must_discharge(operation: Operation, charge: float) -> bool:
    """Return whether the battery has to supply the home. With a tariff, the gateway decides when it does."""
    reserve = operation.backup_reserve_percent
    return (
        operation.operation_mode is OperationMode.SELF_CONSUMPTION
        and reserve is not None
        and reserve < charge - MARGIN_PERCENT
    )
