"""Mode and reserve: set so that what is reported done is done."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol, override

from ..client import PowerwallGateway
from ..models import Operation, OperationMode
from .writer import Access, Experience, LogIn, OperationRequest, OperationWriter, Watch, app_reserve

FIRST_PAUSE = 0.5
"""Seconds between the first look at what became of a write and the second; the pauses double from there."""

LONGEST_PAUSE = 15.0

PATIENCE = 75.0
"""Seconds to keep looking: 1.43 followed a change "within the minute" (reference, 6.2)."""

_SETTABLE = (OperationMode.SELF_CONSUMPTION, OperationMode.BACKUP)
"""What every firmware takes; all of them refuse `autonomous`, already 1.15 (reference, 6.2)."""


@dataclass(frozen=True, kw_only=True)
class OperationSettings:
    """Mode and reserve as people know them; None where the gateway tells none."""

    mode: OperationMode | None
    reserve: float | None
    """App %, 0 to 100."""


class OperationController(Protocol):
    """Reads and sets mode and reserve, by whatever way there is to the gateway."""

    @property
    def allowed(self) -> bool:
        """Whether setting is worth a try: by the login's role, the firmware, and what was refused before."""

    @property
    def modes(self) -> tuple[OperationMode, ...]:
        """The modes that can be set."""

    async def read(self) -> OperationSettings:
        """Read both, after the sets under way. It may log in, so it is not for polling.

        Raises a child of `GatewayError`.
        """

    async def set(self, *, mode: OperationMode | None = None, reserve: float | None = None) -> OperationSettings:
        """Set one or both (`reserve` in app %, 0 to 100), and give what was read back once both stand.

        Calls queue. Those that wait become one, in which the newest value wins, and they have
        one outcome. A cancelled caller takes nothing back: what it asked for is set all the same.

        Raises `ValueError` for what no gateway accepts, and `CommandError`; another `GatewayError` when
        already the reading before failed, so that nothing was written.
        """

    async def finish(self) -> None:
        """Wait until nothing is under way; to be called before the connection closes."""


class QueuedOperationController(OperationController):
    """Makes one set at a time, and one of those that wait."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: _Queued | None = None
        self._under_way: set[asyncio.Task[OperationSettings]] = set()

    @override
    async def read(self) -> OperationSettings:
        async with self._turn:
            return _settings(await self._look())

    @override
    async def set(self, *, mode: OperationMode | None = None, reserve: float | None = None) -> OperationSettings:
        wish = self._checked(mode, reserve)
        if self._waiting is None:
            self._waiting = queued = _Queued(wish)
            queued.task = asyncio.create_task(self._set(queued))
            self._under_way.add(queued.task)
            queued.task.add_done_callback(self._ended)
        else:
            queued = self._waiting
            queued.wish = wish.over(queued.wish)
        # Not awaited itself: a caller's cancellation would cancel it for the others.
        await asyncio.wait({queued.task})
        return queued.task.result()

    @override
    async def finish(self) -> None:
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _look(self) -> Operation:
        """Read what stands."""
        raise NotImplementedError

    async def _change(self, wish: OperationRequest) -> Operation:
        """Make one change, and give what was read back."""
        raise NotImplementedError

    def _checked(self, mode: OperationMode | None, reserve: float | None) -> OperationRequest:
        """Let through what a gateway could take: what comes from a template can be of any kind."""
        problem = None
        if mode is None and reserve is None:
            problem = "there is neither a mode nor a reserve to set"
        elif mode is not None and mode not in self.modes:
            problem = f"{mode!r} is no mode that can be set"
        elif reserve is not None and not _is_reserve(reserve):
            problem = f"a reserve of {reserve!r} is no number from 0 to 100"
        if problem:
            raise ValueError(f"{problem}: nothing was sent")
        return OperationRequest(mode, reserve)

    async def _set(self, queued: _Queued) -> OperationSettings:
        async with self._turn:
            self._waiting = None
            return _settings(await self._change(queued.wish))

    def _ended(self, task: asyncio.Task[OperationSettings]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio complains of one that nobody took: its callers may all have been cancelled


class LocalOperationController(QueuedOperationController):
    """Sets mode and reserve through the gateway's local API.

    `log_in` gets a session on firmware where a login stops the Powerwall, and comes back when
    it runs again; a set or a read calls it once at most. Without it a session is used as long
    as there is one.
    """

    def __init__(
        self,
        gateway: PowerwallGateway,
        *,
        log_in: LogIn | None = None,
        first_pause: float = FIRST_PAUSE,
        longest_pause: float = LONGEST_PAUSE,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__()
        self._gateway = gateway
        self._log_in = log_in
        self._watch = Watch(first_pause, longest_pause, patience)
        self._experience = Experience()

    @property
    @override
    def allowed(self) -> bool:
        return self._experience.allows(self._gateway.capabilities)

    @property
    @override
    def modes(self) -> tuple[OperationMode, ...]:
        return _SETTABLE

    def reset(self) -> None:
        """Forget a refusal, so that setting is tried again. Another firmware does so by itself."""
        self._experience.refused_by = None

    @override
    async def _look(self) -> Operation:
        return await Access(self._log_in).having(self._gateway.operation)

    @override
    async def _change(self, wish: OperationRequest) -> Operation:
        return await OperationWriter(self._gateway, Access(self._log_in), self._watch, self._experience, wish).make()


@dataclass
class _Queued:
    """A set that waits for its turn, or has it."""

    wish: OperationRequest
    task: asyncio.Task[OperationSettings] = field(init=False)


def _is_reserve(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100


def _settings(operation: Operation) -> OperationSettings:
    return OperationSettings(mode=operation.operation_mode, reserve=app_reserve(operation))
