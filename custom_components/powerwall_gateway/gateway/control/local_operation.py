"""Set operation mode and backup reserve through the local API: write, commit, read back.

A write or commit that the gateway may have received is not repeated. If its response is lost, the settings are read
instead.
"""

from collections.abc import Awaitable, Callable
from typing import Final, override

from ..auth import permission_denied
from ..backoff import Polling, poll_until
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
from ..models import Operation, OperationMode, Sitemaster, Status
from .operation import PATH, OperationController, OperationRequest

READ_BACK: Final = Polling(0.5, 15.0, 75.0)
"""Firmware 1.43 applied a change "within the minute" (reference, 6.2)."""

_UNSUPPORTED: Final = frozenset({404, 405, 501})
"""HTTP status if the firmware lacks the call. If it rejects a mode, it returns 400 or 500 (reference, 6.2)."""

_COMMIT_FAILURES: Final = (CommandFailure.STORED_STOPPED, CommandFailure.UNKNOWN)

type LogIn = Callable[[], Awaitable[None]]


class LocalOperationController(OperationController):
    """Read and write through `operation` and `config/completed`.

    `log_in` is a safe login for firmware where a login stops the Powerwall: it returns when the Powerwall runs again. A
    read or a write calls it once at most. Without `log_in`, only an existing session is used on such firmware.
    """

    modes = (OperationMode.SELF_CONSUMPTION, OperationMode.BACKUP)
    """Every firmware accepts these, and rejects `autonomous` (1.15 and later: reference, 6.2)."""

    def __init__(
        self, gateway: PowerwallGateway, *, log_in: LogIn | None = None, read_back: Polling = READ_BACK
    ) -> None:
        super().__init__()
        self.gateway = gateway
        self.log_in = log_in
        self.read_back = read_back
        self.refused_by: str | None = None
        """The firmware version that rejected a write permanently."""

        self.committed: OperationRequest | None = None
        """The last request that was written and committed. If `operation` shows other values, they may be stored and
        not in effect, for instance if a process ended between write and commit."""

    @property
    @override
    def allowed(self) -> bool:
        capabilities = self.gateway.capabilities
        return capabilities.can_write_operation and capabilities.has(PATH) and not self.is_refused

    @property
    def is_refused(self) -> bool:
        """Return whether the current firmware version rejected a write permanently."""
        return self.refused_by is not None and self.refused_by == self.firmware

    @property
    def firmware(self) -> str:
        """Return the firmware version, or an empty string."""
        status = self.gateway.capabilities.status
        return (status and status.version) or ""

    def reset(self) -> None:
        """Forget a rejection, so that the next write is tried. A rejection applies to one firmware version only."""
        self.refused_by = None

    @override
    async def _read(self) -> Operation:
        return await _LoginOnce(self.log_in).call(self.gateway.operation)

    @override
    async def _write(self, request: OperationRequest) -> Operation:
        return await _Write(self, request).run()


class _LoginOnce:
    """Log in if a call is denied, but only once: each login stops the Powerwall for a moment."""

    def __init__(self, log_in: LogIn | None) -> None:
        self._log_in = log_in

    async def call[T](self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call. If it is denied, log in and make it again.

        Raises `GatewayPermissionDeniedError` if it is denied with the new session, too.
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
            raise permission_denied(err) from err


class _Write:
    """One write: store, commit, read back."""

    def __init__(self, controller: LocalOperationController, request: OperationRequest) -> None:
        self._controller = controller
        self._gateway = controller.gateway
        self._login = _LoginOnce(controller.log_in)
        self._request = request
        self._completed = request
        """The request, completed with the gateway's values: a write always overwrites both mode and reserve."""

        self._sent = False
        self._stored = False
        self._commissions: int | None = None
        """The gateway's count of commits before this one."""

    async def run(self) -> Operation:
        try:
            in_effect = await self._login.call(self._store)
        except GatewayPermissionDeniedError as err:
            if self._sent:
                raise self._refusal(err) from err
            raise
        if in_effect is not None:
            return in_effect
        self._stored = True
        try:
            await self._login.call(self._commit)
        except CommandError as err:
            if err.reason in _COMMIT_FAILURES:
                raise
            raise self._completed.unknown() from err  # a login for the commit was refused
        except GatewayResponseError as err:
            raise self._refusal(err) from err
        except GatewayError as err:
            raise self._completed.unknown() from err
        self._controller.committed = self._completed
        shown = await self._read_back()
        if not self._completed.is_met_by(shown):
            raise self._completed.not_applied(shown)
        return shown

    async def _store(self) -> Operation | None:
        """Write the request and return None. If it is in effect already, write nothing and return the settings."""
        await self._check_gateway()
        shown = await self._gateway.operation()
        if not self._controller.allowed:
            raise self._error(CommandFailure.NOT_ALLOWED, "this login may not set mode and reserve")
        committed = self._controller.committed
        if committed and committed.is_met_by(shown) and self._request.is_met_by(shown):
            return shown
        wanted = self._completed = self._request.over(
            OperationRequest(shown.operation_mode, shown.backup_reserve_percent)
        )
        if wanted.mode is None or wanted.reserve is None or not 0 <= wanted.reserve <= 100:
            raise self._error(CommandFailure.UNREADABLE, "what is to stay as it is could not be read")
        self._controller.committed = None
        self._sent = True
        try:
            await self._gateway.set_operation(
                mode=wanted.mode,
                reserve_raw=wanted.reserve,
                max_pv_export_power_kw=shown.max_pv_export_power_kw,
            )
        except GatewayError as err:
            # An error of another path is one of the login after a denied write: nothing was stored.
            if err.path != PATH or isinstance(err, GatewayAuthenticationRequiredError | GatewayCertificateError):
                raise
            if isinstance(err, GatewayResponseError) and not isinstance(err, GatewayInvalidResponseError):
                raise self._refusal(err) from err
            if not wanted.is_met_by(await self._read_back()):
                raise wanted.unknown() from err
        return None

    async def _check_gateway(self) -> None:
        """Raise the errors that can be detected without a login. Read the firmware again: it may have been updated."""
        try:
            self._commissions = (await self._gateway.status()).commission_count
        except GatewayNotFoundError as err:
            if self._gateway.capabilities.status is not None:
                raise  # this gateway has `status`, so it is starting
            raise self._error(CommandFailure.NOT_ALLOWED, "a Powerwall 3 has no mode and reserve to set") from err
        if self._controller.is_refused or (self._gateway.capabilities.roles and not self._controller.allowed):
            raise self._error(CommandFailure.NOT_ALLOWED, "this login may not set mode and reserve")
        self._check_running(await self._gateway.sitemaster())

    def _check_running(self, sitemaster: Sitemaster) -> None:
        if sitemaster.running is not True:
            raise self._error(CommandFailure.STOPPED, "the Powerwall is stopped")

    async def _commit(self) -> None:
        """Commit, unless the Powerwall has stopped since the write."""
        self._check_running(await self._poll(self._gateway.sitemaster, lambda shown: shown.running is not None))
        try:
            await self._gateway.config_completed()
        except (GatewayConnectionError, GatewayInvalidResponseError) as err:
            # `operation` may show stored values that are not committed. A higher count of commits proves the commit.
            # Firmware from 1.4x on has this count (reference, 6.1).
            if self._commissions is None or not self._was_committed(
                await self._poll(self._gateway.status, self._was_committed)
            ):
                raise self._completed.unknown() from err

    def _was_committed(self, status: Status) -> bool:
        before, now = self._commissions, status.commission_count
        return before is not None and now is not None and now > before

    async def _read_back(self) -> Operation:
        return await self._poll(lambda: self._login.call(self._gateway.operation), self._completed.is_met_by)

    async def _poll[T](self, read: Callable[[], Awaitable[T]], is_done: Callable[[T], bool]) -> T:
        """Poll until it is done. If the last read fails, raise that the result of the write is unknown."""
        try:
            return await poll_until(read, is_done, self._controller.read_back)
        except GatewayError as err:
            raise self._completed.unknown() from err

    def _refusal(self, err: GatewayResponseError) -> CommandError:
        """Return the error for a rejected write or commit, and remember a permanent rejection."""
        if isinstance(err, GatewayStoppedError):
            return self._error(CommandFailure.STOPPED, "the Powerwall is stopped", err)
        if isinstance(err, GatewayPermissionDeniedError) or err.status in _UNSUPPORTED:
            self._controller.refused_by = self._controller.firmware
            return self._error(CommandFailure.NOT_ALLOWED, "this login or firmware may not set mode and reserve", err)
        return self._error(CommandFailure.REFUSED, f"the gateway refused {self._completed}", err)

    def _error(
        self, reason: CommandFailure, message: str, response: GatewayResponseError | None = None
    ) -> CommandError:
        if self._stored:
            stopped = reason is CommandFailure.STOPPED
            reason = CommandFailure.STORED_STOPPED if stopped else CommandFailure.STORED_ONLY
            message = f"{message}: it is stored, and not in effect"
        return CommandError(message, reason=reason, path=PATH, response=response)
