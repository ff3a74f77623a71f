"""Mode and reserve on firmware of 2026: read, written once with a signed request, read back, and watched."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

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
from ..percent import raw_from_app
from .operation import QueuedOperationController
from .writer import OperationRequest, Watch, app_reserve, in_words

if TYPE_CHECKING:
    from ..signed.client import SignedGateway

READING_BACK: Final = Watch(0.5, 5.0, 20.0)
FOLLOWING: Final = Watch(2.0, 15.0, 120.0)
"""The battery was seen to follow within some 90 seconds."""

_PATH: Final = "operation"

_MODES: Final = (OperationMode.SELF_CONSUMPTION, OperationMode.BACKUP, OperationMode.AUTONOMOUS)

_MODE: Final = "default_real_mode"
_RESERVE: Final = "site_info.backup_reserve_percent"

_MUCH: Final = 300.0
_LITTLE: Final = 100.0
"""W of the battery, or wanted of it: from how much on it has to answer, and with how little it does not yet."""

_APART: Final = 2.0
"""Raw % by which charge and reserve have to differ before one says what the battery has to do."""


class SignedOperationController(QueuedOperationController):
    """Sets mode and reserve with signed requests, once the gateway has taken the key.

    What is set is read back. Where the battery has to do something else from then on it is
    watched, too: there is firmware that stores what is signed and does not act on it.
    """

    def __init__(
        self,
        gateway: PowerwallGateway,
        signed: SignedGateway,
        *,
        reading_back: Watch = READING_BACK,
        following: Watch = FOLLOWING,
    ) -> None:
        super().__init__()
        self._gateway = gateway
        self._signed = signed
        self._reading_back = reading_back
        self._following = following

    @property
    @override
    def allowed(self) -> bool:
        return self._signed.verified is True

    @property
    @override
    def modes(self) -> tuple[OperationMode, ...]:
        return _MODES

    @override
    async def _look(self) -> Operation:
        return await self._signed.operation()

    @override
    async def _change(self, wish: OperationRequest) -> Operation:
        standing = await self._look()
        if wish.stands_in(standing):
            return standing
        before = await self._moment()
        await self._write(wish)
        seen = await self._read_back(wish)
        if due := _due(before, standing, seen):
            await self._see_it_followed(due, wish)
        return seen

    async def _moment(self) -> _Moment:
        """Look at what the battery does before the write."""
        try:
            meters = await self._gateway.meters_aggregates()
        except GatewayStoppedError as err:
            raise CommandError("the Powerwall is stopped", reason=CommandFailure.STOPPED, path=_PATH) from err
        grid = await self._gateway.grid_status()
        return _Moment(
            meters=meters,
            charge=(await self._gateway.soe()).percentage,
            on_its_own=grid.grid_status is GridState.CONNECTED and not grid.grid_services_active,
        )

    async def _write(self, wish: OperationRequest) -> None:
        """Write what is wished for, and nothing else. Raises where it is known not to be stored."""
        values: dict[str, str | float] = {}
        if wish.mode is not None:
            values[_MODE] = wish.mode
        if wish.reserve is not None:
            values[_RESERVE] = round(raw_from_app(wish.reserve), 4)
        try:
            await self._signed.write(values)
        except CommandError, GatewayKeyError, GatewayClockError, GatewayCertificateError:
            raise  # nothing was stored, and the error says why
        except (GatewayRateLimitError, GatewayRefusedError) as err:
            raise _refused(wish, err) from err
        except GatewayError as err:
            # What became of it is not known until it is read back.
            if not wish.stands_in(await self._seen(wish)):
                raise (_refused(wish, err) if isinstance(err, GatewayResponseError) else _unknown(wish)) from err

    async def _read_back(self, wish: OperationRequest) -> Operation:
        seen = await self._seen(wish)
        if not wish.stands_in(seen):
            raise CommandError(
                "the gateway accepted the write and shows something else",
                reason=CommandFailure.NOT_APPLIED,
                path=_PATH,
                mode=seen.operation_mode,
                reserve=app_reserve(seen),
            )
        return seen

    async def _seen(self, wish: OperationRequest) -> Operation:
        try:
            return await self._reading_back.until(self._look, wish.stands_in)
        except GatewayError as err:
            raise _unknown(wish) from err

    async def _see_it_followed(self, due: _Due, wish: OperationRequest) -> None:
        """Watch the battery until it does what is due. What cannot be watched is not held against the gateway."""
        try:
            seen = await self._following.until(self._gateway.meters_aggregates, due)
        except GatewayError:
            return
        if not due(seen):
            raise CommandError(
                f"the gateway stored {in_words(wish.mode, wish.reserve)}, and the battery does not follow",
                reason=CommandFailure.NOT_FOLLOWED,
                path=_PATH,
                firmware=self._signed.firmware or "",
            )


@dataclass(frozen=True, kw_only=True)
class _Moment:
    """What the battery did before a write."""

    meters: MetersAggregates
    charge: float | None
    """Raw %."""

    on_its_own: bool
    """Whether it goes by mode and reserve: off the grid it feeds the house, and grid services have their own way."""


type _Due = Callable[[MetersAggregates], bool]
"""Tells whether the battery does what it has to."""


def _due(before: _Moment, standing: Operation, now: Operation) -> _Due | None:
    """Say what the battery has to do from now on that it does not do yet; None where nothing has to show."""
    battery, wanted = _battery(before.meters), _wanted(before.meters)
    if not before.on_its_own or before.charge is None or battery is None or wanted is None:
        return None
    if battery > _MUCH and _rests(now, before.charge):
        return lambda meters: (_battery(meters) or 0.0) < _LITTLE
    if battery < _LITTLE and wanted > _MUCH and _rests(standing, before.charge) and _gives(now, before.charge):
        return lambda meters: (_battery(meters) or 0.0) > _LITTLE or (_wanted(meters) or 0.0) < _MUCH
    return None


def _battery(meters: MetersAggregates) -> float | None:
    """Give the power of the battery in W, positive where it gives."""
    return meters.battery.instant_power if meters.battery else None


def _wanted(meters: MetersAggregates) -> float | None:
    """Give what the home takes beyond the sun, W."""
    home = meters.load.instant_power if meters.load else None
    solar = meters.solar.instant_power if meters.solar else None
    return None if home is None else home - (solar or 0.0)


def _rests(operation: Operation, charge: float) -> bool:
    """Tell whether the battery may give nothing while there is a grid."""
    reserve = operation.backup_reserve_percent
    return operation.operation_mode is OperationMode.BACKUP or (reserve is not None and reserve > charge + _APART)


def _gives(operation: Operation, charge: float) -> bool:
    """Tell whether the battery has to give what the home wants. By a tariff it decides for itself."""
    reserve = operation.backup_reserve_percent
    return (
        operation.operation_mode is OperationMode.SELF_CONSUMPTION and reserve is not None and reserve < charge - _APART
    )


def _refused(wish: OperationRequest, err: GatewayResponseError) -> CommandError:
    return CommandError(
        f"the gateway refused {in_words(wish.mode, wish.reserve)}",
        reason=CommandFailure.REFUSED,
        path=_PATH,
        response=err,
    )


def _unknown(wish: OperationRequest) -> CommandError:
    return CommandError(
        f"whether the gateway follows {in_words(wish.mode, wish.reserve)} is not known",
        reason=CommandFailure.UNKNOWN,
        path=_PATH,
    )
