"""One change of mode and reserve: write, commit, read back.

Neither the write nor the commit is ever repeated after it may have been done: an answer that
was lost is made up for by reading.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from ..backoff import waits
from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayResponseError,
    GatewayStoppedError,
)
from ..firmware import Capabilities
from ..models import Operation, OperationMode, Sitemaster, Status
from ..percent import app_from_raw, raw_from_app

_PATH = "operation"

_TOLERANCE = 0.05
"""Raw %: the gateway gives a reserve back with noise, app 0 % as 5.000019999999999 (reference, 7)."""

_UNSUPPORTED = frozenset({404, 405, 501})
"""HTTP status where the firmware lacks the call. One that refuses a mode says 400 or 500 (reference, 6.2)."""

_COMMIT_FAILURES = (CommandFailure.STORED_STOPPED, CommandFailure.UNKNOWN)

type LogIn = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class OperationRequest:
    """What callers want; None leaves a value as it is."""

    mode: OperationMode | None
    reserve: float | None

    def over(self, older: OperationRequest) -> OperationRequest:
        """Give both in one: the newer value wins, and what is not wanted anew stays wanted."""
        return OperationRequest(
            older.mode if self.mode is None else self.mode, older.reserve if self.reserve is None else self.reserve
        )

    def stands_in(self, operation: Operation) -> bool:
        """Tell whether the gateway shows what is wanted."""
        return (self.mode is None or self.mode == operation.operation_mode) and (
            self.reserve is None or _same(raw_from_app(self.reserve), operation.backup_reserve_percent)
        )


@dataclass(frozen=True)
class OperationPayload:
    """What is written."""

    mode: OperationMode
    reserve_raw: float

    def stand_in(self, operation: Operation) -> bool:
        """Tell whether the gateway shows them."""
        return operation.operation_mode == self.mode and _same(self.reserve_raw, operation.backup_reserve_percent)


class Experience:
    """What earlier sets taught."""

    def __init__(self) -> None:
        self.refused_by: str | None = None
        """The firmware that refused for good."""

        self.committed: OperationPayload | None = None
        """What was written and committed last. Whatever else `operation` shows may only be stored, by a process that
        died between write and commit for instance, and the battery not follow it."""

    def refuses(self, capabilities: Capabilities) -> bool:
        """Tell whether this very firmware refused for good."""
        return self.refused_by is not None and self.refused_by == _firmware(capabilities)

    def allows(self, capabilities: Capabilities) -> bool:
        """Tell whether a write is worth a try."""
        return capabilities.can_write_operation and capabilities.has(_PATH) and not self.refuses(capabilities)


@dataclass(frozen=True)
class Watch:
    """Looks again and again, with growing pauses."""

    first_pause: float
    longest_pause: float
    patience: float

    async def until[T](self, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
        """Give the first look that is good, else the last one. Raises what the last one raised."""
        end, pauses = monotonic() + self.patience, waits(self.first_pause, self.longest_pause)
        while True:
            pause = next(pauses)
            is_last = monotonic() + pause > end
            try:
                seen = await look()
                if is_last or good(seen):
                    return seen
            except GatewayError:
                if is_last:
                    raise
            await asyncio.sleep(pause)


class Access:
    """Gets a session where one is missing, once: it stops the Powerwall for a moment."""

    def __init__(self, log_in: LogIn | None) -> None:
        self._log_in = log_in

    async def having[T](self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, and make it again after a login if it was denied.

        Raises `GatewayPermissionDeniedError` where it is denied with the new session, too.
        """
        try:
            return await call()
        except GatewayAuthenticationRequiredError as err:
            if self._log_in is None or isinstance(err, GatewayPermissionDeniedError):
                raise
        log_in, self._log_in = self._log_in, None
        await log_in()
        try:
            return await call()
        except GatewayAuthenticationRequiredError as err:
            raise GatewayPermissionDeniedError(
                "this login may not do that", path=err.path, status=err.status, reason=err.reason
            ) from err


class OperationWriter:
    """One set: write, commit, read back."""

    def __init__(
        self, gateway: PowerwallGateway, access: Access, watch: Watch, experience: Experience, wish: OperationRequest
    ) -> None:
        self._gateway = gateway
        self._access = access
        self._watch = watch
        self._experience = experience
        self._wish = wish
        self._mode, self._reserve = wish.mode, wish.reserve
        self._tried = False
        self._stored = False
        self._commissions: int | None = None
        """How often the gateway was committed before."""

    async def make(self) -> Operation:
        """Make the change, and give what was read back."""
        try:
            values = await self._access.having(self._write)
        except GatewayPermissionDeniedError as err:
            if self._tried:
                raise self._refusal(err) from err
            raise
        if isinstance(values, Operation):
            return values
        self._stored = True
        try:
            await self._access.having(self._commit)
        except CommandError as err:
            if err.reason in _COMMIT_FAILURES:
                raise
            raise self._unknown() from err  # a login for the commit was refused
        except GatewayResponseError as err:
            raise self._refusal(err) from err
        except GatewayError as err:
            raise self._unknown() from err
        self._experience.committed = values
        return await self._read_back(values)

    # -- the write -----------------------------------------------------------------------------------------------------

    async def _write(self) -> OperationPayload | Operation:
        """Write, and give what was written; where it is known to be in effect already, give what stands."""
        await self._check_gateway()
        standing = await self._gateway.operation()
        if not self._experience.allows(self._gateway.capabilities):
            raise self._refused(CommandFailure.NOT_ALLOWED, "this login may not set mode and reserve")
        committed = self._experience.committed
        if committed and committed.stand_in(standing) and self._wish.stands_in(standing):
            return standing
        values = self._values(standing)
        self._experience.committed = None
        self._tried = True
        try:
            await self._gateway.set_operation(
                mode=values.mode,
                reserve_raw=values.reserve_raw,
                max_pv_export_power_kw=standing.max_pv_export_power_kw,
            )
        except GatewayError as err:
            # Another path is that of a login, which comes after a denied write: nothing was stored.
            if err.path != _PATH or isinstance(err, GatewayAuthenticationRequiredError | GatewayCertificateError):
                raise
            if isinstance(err, GatewayResponseError) and not isinstance(err, GatewayInvalidResponseError):
                raise self._refusal(err) from err
            if not values.stand_in(await self._look_for(values)):
                raise self._unknown() from err
        return values

    async def _check_gateway(self) -> None:
        """Refuse what can be refused without a login, by the firmware there is now: it may have been updated."""
        try:
            self._commissions = (await self._gateway.status()).commission_count
        except GatewayNotFoundError as err:
            if self._gateway.capabilities.status is not None:
                raise  # it has a status, and starts up
            raise self._refused(CommandFailure.NOT_ALLOWED, "a Powerwall 3 has no mode and reserve to set") from err
        capabilities = self._gateway.capabilities
        if self._experience.refuses(capabilities) or (capabilities.roles and not self._experience.allows(capabilities)):
            raise self._refused(CommandFailure.NOT_ALLOWED, "this login may not set mode and reserve")
        self._check_running(await self._gateway.sitemaster())

    def _check_running(self, sitemaster: Sitemaster) -> None:
        if sitemaster.running is not True:
            raise self._refused(CommandFailure.STOPPED, "the Powerwall is stopped")

    def _values(self, standing: Operation) -> OperationPayload:
        """Complete what is wanted by what stands: a write overwrites both."""
        mode = self._wish.mode or standing.operation_mode
        wanted = self._wish.reserve
        raw = standing.backup_reserve_percent if wanted is None else raw_from_app(wanted)
        if mode is None or raw is None or not 0 <= raw <= 100:
            raise self._refused(CommandFailure.UNREADABLE, "what is to stay as it is could not be read")
        self._mode, self._reserve = mode, app_from_raw(raw) if wanted is None else wanted
        return OperationPayload(mode, raw)

    # -- the commit ----------------------------------------------------------------------------------------------------

    async def _commit(self) -> None:
        """Commit, unless the Powerwall stopped since the write."""
        self._check_running(await self._seen(self._gateway.sitemaster, lambda seen: seen.running is not None))
        try:
            await self._gateway.config_completed()
        except (GatewayConnectionError, GatewayInvalidResponseError) as err:
            # `operation` may show what is stored, committed or not, so it cannot tell. The count of commits
            # can: firmware from 1.4x on has one (reference, 6.1).
            if self._commissions is None or not self._rose(await self._seen(self._gateway.status, self._rose)):
                raise self._unknown() from err

    def _rose(self, status: Status) -> bool:
        before, now = self._commissions, status.commission_count
        return before is not None and now is not None and now > before

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _read_back(self, values: OperationPayload) -> Operation:
        seen = await self._look_for(values)
        if not values.stand_in(seen):
            mode, reserve = seen.operation_mode, app_reserve(seen)
            raise CommandError(
                f"the gateway accepted {self._asked} and shows {in_words(mode, reserve)}",
                reason=CommandFailure.NOT_APPLIED,
                path=_PATH,
                mode=mode,
                reserve=reserve,
            )
        return seen

    async def _look_for(self, values: OperationPayload) -> Operation:
        return await self._seen(lambda: self._access.having(self._gateway.operation), values.stand_in)

    async def _seen[T](self, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
        """Look until it is good, and give the last look; where that failed, what became of the write is not known."""
        try:
            return await self._watch.until(look, good)
        except GatewayError as err:
            raise self._unknown() from err

    @property
    def _asked(self) -> str:
        return in_words(self._mode, self._reserve)

    def _unknown(self) -> CommandError:
        return CommandError(
            f"whether the gateway follows {self._asked} is not known", reason=CommandFailure.UNKNOWN, path=_PATH
        )

    def _refusal(self, err: GatewayResponseError) -> CommandError:
        """Say what an answer to the write or the commit means, and learn from one that is for good."""
        if isinstance(err, GatewayStoppedError):
            return self._refused(CommandFailure.STOPPED, "the Powerwall is stopped", err)
        if isinstance(err, GatewayPermissionDeniedError) or err.status in _UNSUPPORTED:
            self._experience.refused_by = _firmware(self._gateway.capabilities)
            return self._refused(CommandFailure.NOT_ALLOWED, "this login or firmware may not set mode and reserve", err)
        return self._refused(CommandFailure.REFUSED, f"the gateway refused {self._asked}", err)

    def _refused(
        self, reason: CommandFailure, message: str, response: GatewayResponseError | None = None
    ) -> CommandError:
        if self._stored:
            stopped = reason is CommandFailure.STOPPED
            reason = CommandFailure.STORED_STOPPED if stopped else CommandFailure.STORED_ONLY
            message = f"{message}: it is stored, and not in effect"
        return CommandError(message, reason=reason, path=_PATH, response=response)


def _same(raw: float, other: float | None) -> bool:
    return other is not None and round(abs(raw - other), 6) <= _TOLERANCE


def _firmware(capabilities: Capabilities) -> str:
    return (capabilities.status and capabilities.status.version) or ""


def app_reserve(operation: Operation) -> float | None:
    """Give the reserve in app %, None where the gateway tells none."""
    raw = operation.backup_reserve_percent
    return None if raw is None else app_from_raw(raw)


def in_words(mode: str | None, reserve: float | None) -> str:
    """Say what is set."""
    return f"mode {mode or '?'} with a reserve of {'?' if reserve is None else f'{reserve:.1f}'} %"
