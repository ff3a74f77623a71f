"""Read and set operation mode and backup reserve: the base for the local API and for signed requests."""

from abc import ABC, abstractmethod
import asyncio
from dataclasses import dataclass
from typing import Final, override

from ..exceptions import CommandError, CommandFailure, GatewayResponseError
from ..models import Operation, OperationMode, app_from_raw, raw_from_app

PATH: Final = "operation"

_TOLERANCE: Final = 0.05
"""Raw %: the gateway returns a reserve inexactly, app 0% as 5.000019999999999 (reference, 7)."""


@dataclass(frozen=True, kw_only=True)
class OperationSettings:
    """Operation mode and backup reserve as Tesla's app shows them. None if the gateway reports no value."""

    mode: OperationMode | None
    reserve: float | None
    """App %, 0 to 100."""

    @classmethod
    def of(cls, operation: Operation) -> OperationSettings:
        """Return the settings in the gateway's response."""
        raw = operation.backup_reserve_percent
        return cls(mode=operation.operation_mode, reserve=None if raw is None else app_from_raw(raw))


@dataclass(frozen=True)
class OperationRequest:
    """Requested operation mode and backup reserve. None keeps the current value."""

    mode: OperationMode | None
    reserve: float | None
    """Raw %."""

    def over(self, older: OperationRequest) -> OperationRequest:
        """Return this request merged with an older one: the newer values win."""
        return OperationRequest(
            older.mode if self.mode is None else self.mode, older.reserve if self.reserve is None else self.reserve
        )

    def is_met_by(self, operation: Operation) -> bool:
        """Return whether the gateway shows the requested values."""
        shown = operation.backup_reserve_percent
        return self.mode in {None, operation.operation_mode} and (
            self.reserve is None or (shown is not None and round(abs(self.reserve - shown), 6) <= _TOLERANCE)
        )

    @override
    def __str__(self) -> str:
        """Return the request as text for error messages."""
        reserve = "?" if self.reserve is None else f"{app_from_raw(self.reserve):.1f}"
        return f"mode {self.mode or '?'} with a reserve of {reserve} %"

    def refused(self, response: GatewayResponseError) -> CommandError:
        """Return the error for a rejected request."""
        return CommandError(f"the gateway refused {self}", reason=CommandFailure.REFUSED, path=PATH, response=response)

    def unknown(self) -> CommandError:
        """Return the error for a request whose result could not be read back."""
        return CommandError(
            f"whether the gateway follows {self} is not known", reason=CommandFailure.UNKNOWN, path=PATH
        )

    def not_applied(self, shown: Operation) -> CommandError:
        """Return the error for a request that the gateway accepted and does not show."""
        settings = OperationSettings.of(shown)
        return CommandError(
            f"the gateway accepted {self} and shows "
            f"{OperationRequest(shown.operation_mode, shown.backup_reserve_percent)}",
            reason=CommandFailure.NOT_APPLIED,
            path=PATH,
            mode=settings.mode,
            reserve=settings.reserve,
        )


_NOTHING: Final = OperationRequest(None, None)


class OperationController(ABC):
    """Read and set operation mode and backup reserve, one write at a time."""

    modes: tuple[OperationMode, ...]
    """Modes that can be set."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._next = _NOTHING
        """The request of the write that waits for the lock."""

        self._next_write: asyncio.Task[OperationSettings] | None = None
        """That write, None if none waits."""

        self._tasks: set[asyncio.Task[OperationSettings]] = set()

    @property
    @abstractmethod
    def allowed(self) -> bool:
        """Return whether `set` may succeed, by the login or key, the firmware, and earlier rejections."""

    @abstractmethod
    async def _read(self) -> Operation:
        """Read mode and reserve. Raises `GatewayError`."""

    @abstractmethod
    async def _write(self, request: OperationRequest) -> Operation:
        """Write the requested values once, and return the values read back. Raises `GatewayError`."""

    async def read(self) -> OperationSettings:
        """Read mode and reserve after all running writes. This may log in, so do not poll it.

        Raises a subclass of `GatewayError`.
        """
        async with self._lock:
            return OperationSettings.of(await self._read())

    async def set(self, *, mode: OperationMode | None = None, reserve: float | None = None) -> OperationSettings:
        """Set one or both (`reserve` in app %, 0 to 100), and return the values read back.

        One write runs at a time. Calls that wait for it are merged into one write: the newest values win, and all of
        these calls get its result. If a caller is cancelled, its values are set all the same.

        Raises `ValueError` for values that no gateway accepts, and `CommandError`. Raises another `GatewayError` if
        the read before the write failed; nothing was written then.
        """
        self._next = self._checked(mode, reserve).over(self._next)
        if (write := self._next_write) is None:
            write = self._next_write = asyncio.create_task(self._write_next())
            self._tasks.add(write)
            write.add_done_callback(self._ended)
        # Do not await the task: cancelling one caller would cancel it for all others.
        await asyncio.wait({write})
        return write.result()

    async def finish(self) -> None:
        """Wait until no write is in progress. Call it before the connection closes."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _checked(self, mode: OperationMode | None, reserve: float | None) -> OperationRequest:
        """Return the request. Raises `ValueError` if no gateway accepts it: a template's values can be of any type."""
        problem = None
        if mode is None and reserve is None:
            problem = "there is neither a mode nor a reserve to set"
        elif mode is not None and mode not in self.modes:
            problem = f"{mode!r} is no mode that can be set"
        elif reserve is not None and not _is_percent(reserve):
            problem = f"a reserve of {reserve!r} is no number from 0 to 100"
        if problem:
            raise ValueError(f"{problem}: nothing was sent")
        return OperationRequest(mode, None if reserve is None else raw_from_app(reserve))

    async def _write_next(self) -> OperationSettings:
        async with self._lock:
            request, self._next, self._next_write = self._next, _NOTHING, None
            return OperationSettings.of(await self._write(request))

    def _ended(self, task: asyncio.Task[OperationSettings]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # all callers may be cancelled, and asyncio logs an exception that is never retrieved


def _is_percent(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
