"""Stop the Powerwall safely and start it again, also after a crash of this process."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
import logging
from time import monotonic, time
from typing import Any, Final

from ..backoff import waits
from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayLoginError,
    GatewayStoppedError,
    GatewayTimeoutError,
    JournalError,
)
from ..models import GridState
from .journal import DAY, Journal, JournalRecord, JournalStore, Kind, PendingAction, connection_info

_LOGGER = logging.getLogger(__name__)

LOGINS_A_DAY: Final = 3
LONGEST_STOP: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class SafetyTimings:
    """Seconds that the supervisor waits."""

    connected: float = 60.0
    """The grid has to be connected for this long before the Powerwall may be stopped."""

    steady: float = 60.0
    """The Powerwall has to run for this long without a gap before the journal is closed.

    A gateway may act on a login long after the client stopped waiting for it (10 s).
    """

    check: float = 1.0
    """Between two checks whether the Powerwall runs. It takes about 2 seconds to start (seen on 21.39)."""

    longest_check: float = 10.0
    """Between two checks while the gateway does not respond. The pauses double up to this."""

    first_pause: float = 5.0
    longest_pause: float = 60.0
    """Between two attempts at a request or write that fails. The pauses double from the first to the longest."""

    patience: float = 60.0
    """Limit of the wait in `start` for a running Powerwall."""

    def pauses(self) -> Iterator[float]:
        """Return the pauses between attempts."""
        return waits(self.first_pause, self.longest_pause)

    def checks(self) -> Iterator[float]:
        """Return the pauses between checks while the gateway doesn't respond."""
        return waits(self.check, self.longest_check)


class StopSupervisor:
    """Stop the Powerwall and start it again: for a login on firmware below 20.49, or on purpose.

    A stopped Powerwall neither backs up the home nor charges until it is started. Meanwhile the request, the network,
    or this process may fail. The order of the steps in `_stop_and_restart` makes a stop safe. Nothing else may stop a
    Powerwall.

    All steps run in one task, which `spawn` creates and which outlives its callers. A second login joins the first one;
    any other call is rejected until the task ends. `grid_connected_for` returns for how many seconds the grid has been
    connected without a gap, 0 if that is not known.

    Before a start, `on_confirmation_needed` is called with True if the journal is older than a day: the owner confirms
    by `start`. The journal has times of the wall clock (`clock`). It may be set at any time, so a time in the future
    counts as recent.
    """

    def __init__(
        self,
        gateway: PowerwallGateway,
        journal: Journal,
        *,
        grid_connected_for: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        logins_a_day: int = LOGINS_A_DAY,
        on_confirmation_needed: Callable[[bool], object] | None = None,
        clock: Callable[[], float] = time,
        timings: SafetyTimings | None = None,
    ) -> None:
        self._gateway = gateway
        self._journal = JournalStore(journal, clock)
        self._grid_connected_for = grid_connected_for
        self._spawn = spawn
        self._logins_a_day = logins_a_day
        self._on_confirmation_needed = on_confirmation_needed
        self._clock = clock
        self._timings = timings or SafetyTimings()

        # The current task and its state. `_begin` sets all of it for each task.
        self._task: asyncio.Task[None] | None = None
        self._kind: Kind | None = None
        self._outcome: asyncio.Future[None]
        """The result that the callers wait for."""

        self._safe_to_exit: asyncio.Event
        """Set unless this process stopped the Powerwall and it does not run again yet."""

        self._wake = asyncio.Event()
        """Set to end the current pause, or the next one."""

        self._warned = False

    @property
    def busy(self) -> bool:
        """Return whether a task is running: the journal is open, or about to be."""
        return self._task is not None and not self._task.done()

    # -- what callers request ------------------------------------------------------------------------------------------

    async def log_in(self) -> None:
        """Log in, and return when the Powerwall runs again. If a caller is cancelled, the login continues.

        If there is a session, nothing is sent. If a login does not stop the Powerwall, this is a plain login.

        Raises `CommandError` or `JournalError` if the login was not sent, otherwise the error of the login.
        """
        if not self.busy:
            self._begin(Kind.LOGIN, self._log_in)
        elif self._kind is not Kind.LOGIN:
            raise _busy("an earlier stop or login is not over yet")
        await self._wait_for_outcome()
        if not self._gateway.has_session:
            raise _busy("the session of the last login is lost, and its minute's watch not over yet")

    async def stop_for(self, seconds: float = 300.0) -> None:
        """Stop the Powerwall, for an hour at most, and return when the gateway has accepted the request.

        The Powerwall starts again after that time. It starts earlier if you call `start`, or if this process ends or
        restarts.

        Raises `ValueError` for a longer time, `CommandError` or `JournalError` if the stop was not sent, otherwise the
        error of the request.
        """
        if not 0 < seconds <= LONGEST_STOP:
            raise ValueError(f"a stop of {seconds} s is not between 0 and {LONGEST_STOP:.0f} s")
        if self.busy:
            raise _busy("an earlier stop or login is not over yet")
        self._begin(Kind.STOP, partial(self._stop_for, seconds))
        await self._wait_for_outcome()

    async def start(self) -> None:
        """Start the Powerwall because the owner confirms it, and return when it runs. This ends a running `stop_for`.

        Raises the error of the request, or `GatewayTimeoutError` if the Powerwall does not run after a minute.
        """
        wake = self._wake
        wake.set()
        await self._start()
        end = monotonic() + self._timings.patience
        while not await self._is_running():
            if monotonic() > end:
                raise GatewayTimeoutError("the Powerwall does not run yet", path="sitemaster")
            await asyncio.sleep(self._timings.check)
        wake.set()  # so that the task checks now whether the Powerwall runs, even if it waits for the confirmation

    async def recover(self) -> None:
        """Recover what an earlier process left unfinished. Call it at every start before anything else.

        Returns if the journal is closed, as soon as the Powerwall runs, or if the owner has to confirm the start. It
        does not return while the gateway is unreachable. If a caller is cancelled, the recovery continues.
        """
        if not self.busy:
            self._begin(None, self._finish_pending)
            await self._wait_for_outcome()

    async def wait(self) -> None:
        """End a running `stop_for`, and wait until the Powerwall runs. For the shutdown, which may take 20 seconds.

        This does not wait for the last minute of checks or for a recovery: the next process continues them.
        """
        if self.busy:
            self._wake.set()
            await self._safe_to_exit.wait()

    async def close(self, patience: float = 90.0) -> bool:
        """Wait up to `patience` seconds until the task ends, then cancel it. A recovery is cancelled at once.

        Returns whether the journal is closed. If it is not, call `recover` again.
        """
        if self._task is None or self._task.done():
            return True
        if self._kind:
            self._wake.set()
            await asyncio.wait({self._task}, timeout=patience)
        if self._task.done():
            return True
        self._task.cancel()
        await asyncio.wait({self._task})
        return False

    # -- the order of effects ------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        try:
            await self._gateway.login()
        except GatewayAuthenticationRequiredError as err:
            if not err.stops_powerwall:
                raise
        else:
            return
        if not self._gateway.has_credentials:
            raise GatewayLoginError("a login is required and there is no password", path="login/Basic")
        past = await self._journal.read_closed()
        if (logins := len(past.logins)) >= self._logins_a_day:
            raise CommandError(f"there were {logins} logins within a day", reason=CommandFailure.TOO_MANY_LOGINS)
        status = await self._gateway.status()
        log_in = partial(self._gateway.login, allow_stop=True, status=status)
        await self._stop_and_restart(Kind.LOGIN, past, log_in)

    async def _stop_for(self, seconds: float) -> None:
        async def stop() -> None:
            await self._gateway.sitemaster_stop()
            self._release()
            await self._pause(seconds)

        await self._stop_and_restart(Kind.STOP, await self._journal.read_closed(), stop, seconds)

    async def _stop_and_restart(
        self, kind: Kind, past: JournalRecord, stop: Callable[[], Awaitable[object]], seconds: float = 0.0
    ) -> None:
        """Stop the Powerwall, and start it until it runs again. The order of these steps must not change."""
        # 1. Check that a stop does no harm. Off-grid it would cut power to the home and to the network that the start
        #    depends on. There is no override.
        await self._check()
        serials = await self._read_serials()

        # 2. Write to disk what is about to happen, and read it back. From here on the next process can recover.
        now = self._clock()
        pending = PendingAction(
            kind=kind,
            began=now,
            ends=now + seconds if kind is Kind.STOP else None,
            packs=serials,
            gateway=connection_info(self._gateway.connection),
            session=self._session(),
        )
        logins = (*past.logins, now) if kind is Kind.LOGIN else past.logins
        opened = JournalRecord(logins=logins, under_way=pending)
        try:
            await self._journal.write(opened)
            # 3. Check again: the write to disk may have taken long.
            await self._check()
        except (CommandError, JournalError) as err:
            self._release_all(err)
            await self._close_journal(past)
            raise

        # 4. Log in, or stop it.
        error = None
        try:
            await stop()
        except GatewayError as err:
            error = err
        finally:
            # 5. Start it whatever the response was, even if this task is cancelled: a gateway may reject a login, or
            #    respond too late, and stop the Powerwall all the same.
            started = await self._try_to_start()

        # 6. Add to the journal what the next process would need: the session, which 1.40 and later require for a start,
        #    or that the stop is over.
        if kind is Kind.STOP:
            await self._end_stop(opened)
        elif session := self._session():
            await self._amend(opened, session=session)

        # 7. Start it until it runs, release the callers, and check it for a minute: the gateway may act late on a login
        #    that timed out.
        await self._keep_running(started=started, error=error)

        # 8. Close the journal. Later stops have another cause, and only the owner may start the Powerwall after them.
        await self._close_journal(opened)

    async def _check(self) -> None:
        """Check that a stop does no harm. Raises `CommandError` (STOPPED, NOT_ON_GRID, UNSURE).

        An unknown value counts as harm. The grid is read last, because it may change at any time.
        """
        try:
            sitemaster = await self._gateway.sitemaster()
            grid = (await self._gateway.grid_status()).grid_status
        except GatewayStoppedError as err:
            raise CommandError("the Powerwall is stopped", reason=CommandFailure.STOPPED) from err
        except GatewayError as err:
            raise _unsure(f"whether all is well is not known ({err})") from err
        if sitemaster.running is None or grid is None:
            raise _unsure("whether all is well is not known")
        if not sitemaster.running:
            raise CommandError("the Powerwall is stopped", reason=CommandFailure.STOPPED)
        if grid is not GridState.CONNECTED or not self._grid_connected_for() >= self._timings.connected:
            raise CommandError("the home has not been on the grid for long enough", reason=CommandFailure.NOT_ON_GRID)

    async def _read_serials(self) -> tuple[str, ...]:
        """Return the Powerwalls' serial numbers. Raises `CommandError` (UNSURE) if there is none."""
        try:
            serials = await self._gateway.powerwall_serials()
        except GatewayError as err:
            raise _unsure(f"which Powerwalls there are is not known ({err})") from err
        if not serials:
            raise _unsure("which Powerwalls there are is not known")
        return tuple(sorted(serials))

    def _session(self) -> dict[str, Any] | None:
        session: dict[str, Any] | None = self._gateway.export_login()["session"]
        return session

    # -- starting ------------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Request a start. A Powerwall that runs already continues to run.

        From 1.40 on a start requires a session, and the login for it would stop the Powerwall. So this logs in only if
        the Powerwall is stopped already.
        """
        try:
            await self._gateway.sitemaster_run()
        except GatewayAuthenticationRequiredError as err:
            if not err.stops_powerwall or (await self._gateway.sitemaster()).running is not False:
                raise
            await self._gateway.login(allow_stop=True)
            await self._gateway.sitemaster_run()

    async def _try_to_start(self) -> bool:
        """Request a start, and return whether the gateway accepted it."""
        try:
            await self._start()
        except GatewayError as err:
            self._warn("The Powerwall may be stopped, and cannot be started yet: %s", err)
            return False
        return True

    async def _is_running(self) -> bool | None:
        """Return whether the Powerwall runs, None if the gateway does not report it."""
        try:
            return (await self._gateway.sitemaster()).running
        except GatewayError:
            return None

    async def _keep_running(
        self,
        *,
        started: bool,
        error: GatewayError | None = None,
        may_start: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Start the Powerwall until it has run for a minute without a gap. Release the callers as soon as it runs.

        `started` is True if the gateway has just accepted a start. `may_start` is called before every further attempt.
        """
        while True:
            await self._until_running(started=started, may_start=may_start)
            if self._warned:
                self._warned = False
                _LOGGER.info("The Powerwall is running again")
            self._release_all(error)
            if await self._stays_running():
                return
            self._safe_to_exit.clear()
            started = False

    async def _until_running(self, *, started: bool, may_start: Callable[[], Awaitable[bool]] | None) -> None:
        for pause in self._timings.pauses():
            if await self._is_running():
                return
            if not started:
                started = (may_start is None or await may_start()) and await self._try_to_start()
            due, checks = monotonic() + pause, self._timings.checks()
            while started and monotonic() < due:
                await self._pause(min(next(checks), due - monotonic()))
                match await self._is_running():
                    case True:
                        return
                    case False:
                        checks = self._timings.checks()
            await self._pause(due - monotonic())
            started = False

    async def _stays_running(self) -> bool:
        """Return True if the Powerwall runs for a minute, and False as soon as it is stopped.

        A failed check is ignored: the next one shows a stop, too, unless something else started the Powerwall.
        """
        since, checks = monotonic(), self._timings.checks()
        while True:
            await self._pause(next(checks))
            match await self._is_running():
                case False:
                    return False
                case True:
                    if monotonic() - since >= self._timings.steady:
                        return True
                    checks = self._timings.checks()

    def _release_all(self, error: GatewayError | None = None) -> None:
        """Let the callers return, or raise the error in them, and let a shutdown continue."""
        self._safe_to_exit.set()
        self._release(error)
        self._set_confirmation_needed(needed=False)

    # -- the journal ---------------------------------------------------------------------------------------------------

    async def _amend(self, opened: JournalRecord, **changes: Any) -> None:
        """Add to the open journal. If that fails, the journal is still sufficient for a recovery."""
        if opened.under_way:
            try:
                await self._journal.write(replace(opened, under_way=replace(opened.under_way, **changes)))
            except JournalError as err:
                _LOGGER.warning("Could not add to the journal, which remains as before: %s", err)

    async def _end_stop(self, opened: JournalRecord) -> None:
        """Note in the journal that a stop ended early, so that the next process does not wait for its end."""
        if opened.under_way and opened.under_way.ends and opened.under_way.ends > self._clock():
            await self._amend(opened, ends=self._clock())

    async def _close_journal(self, record: JournalRecord) -> None:
        """Close the journal. Retry until that succeeds."""
        for pause in self._timings.pauses():
            try:
                await self._journal.close(record)
            except JournalError as err:
                self._warn("The journal cannot be closed yet: %s", err)
                await self._pause(pause)
            else:
                return

    # -- recovery ------------------------------------------------------------------------------------------------------

    async def _finish_pending(self) -> None:
        """Finish the action in the journal: start the Powerwall until it runs, and close the journal."""
        try:
            record = await self._journal.read()
            if (pending := record.under_way) is None:
                self._set_confirmation_needed(needed=False)
                return
        except JournalError as err:
            # The number of today's logins is unknown, so no further one is allowed.
            record, pending = JournalRecord(logins=(self._clock(),) * self._logins_a_day), None
            self._warn("The journal cannot be read, so the Powerwall may be stopped: %s", err)
        if pending:
            await self._resume(pending)
            await self._end_stop(record)
        await self._keep_running(started=False, may_start=partial(self._may_start, pending))
        await self._close_journal(record)

    async def _resume(self, pending: PendingAction) -> None:
        """Restore the last process's session, wait until its Powerwalls respond, and wait until its stop ends."""
        if pending.session and not self._session():
            self._gateway.restore_login({"session": pending.session})
        for pause in self._timings.pauses():
            if await self._is_same_powerwall(pending):
                break
            await self._pause(pause)
        remaining = min(pending.ends - self._clock(), pending.ends - pending.began) if pending.ends else 0.0
        if remaining > 0 and not await self._is_running():
            self._kind = pending.kind  # `wait` and `close` end it like a stop of this process
            self._safe_to_exit.clear()
            self._release()
            await self._pause(remaining)

    async def _is_same_powerwall(self, pending: PendingAction) -> bool:
        """Return whether the gateway has a Powerwall of the journal: another gateway may have its address now."""
        try:
            serials = await self._gateway.powerwall_serials()
        except GatewayError as err:
            self._warn("The Powerwall may be stopped, and cannot be started yet: %s", err)
            return False
        if serials.isdisjoint(pending.packs):
            self._warn("The Powerwall may be stopped, and another gateway responds in its place")
            return False
        return True

    async def _may_start(self, pending: PendingAction | None) -> bool:
        """Return whether to start the Powerwall that the last process stopped. After a day the owner has to confirm."""
        if pending is None:
            return True
        if self._clock() - pending.began > DAY:
            self._set_confirmation_needed(needed=True)
            self._release()
            return False
        return await self._is_same_powerwall(pending)

    def _set_confirmation_needed(self, *, needed: bool) -> None:
        if self._on_confirmation_needed:
            self._on_confirmation_needed(needed)

    # -- the task ------------------------------------------------------------------------------------------------------

    def _begin(self, kind: Kind | None, work: Callable[[], Awaitable[None]]) -> None:
        self._kind = kind
        self._outcome = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(asyncio.Future.exception)  # its callers may all have been cancelled
        self._safe_to_exit = asyncio.Event()
        if kind is None:  # the next process continues with a recovery, so a shutdown doesn't wait for it
            self._safe_to_exit.set()
        self._wake = asyncio.Event()
        self._warned = False
        ended = partial(self._ended, self._outcome, self._safe_to_exit)
        self._task = self._spawn(self._run(work))
        self._task.add_done_callback(ended)

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except GatewayError as err:
            self._release(err)
        except Exception:
            _LOGGER.exception("Unexpected error while the Powerwall may be stopped; still trying to start it")
            self._release(GatewayError("unexpected error, see the log"))
            await self._recover_from_unexpected()
        else:
            self._release()

    async def _recover_from_unexpected(self) -> None:
        """Retry `_finish_pending` until it succeeds: nothing else would start the Powerwall."""
        for pause in self._timings.pauses():
            await self._pause(pause)
            try:
                await self._finish_pending()
            except Exception as err:  # noqa: BLE001 - it was logged once
                _LOGGER.debug("Still an unexpected error: %r", err)
            else:
                return

    def _ended(self, outcome: asyncio.Future[None], safe_to_exit: asyncio.Event, _: asyncio.Task[None]) -> None:
        """Release the callers of a task that ended. The next task may have begun, and has its own outcome."""
        _resolve(outcome, GatewayError("interrupted; the recovery continues at the next start"))
        safe_to_exit.set()

    async def _wait_for_outcome(self) -> None:
        outcome = self._outcome
        # Do not await the outcome: cancelling one caller would cancel it for all others.
        await asyncio.wait({outcome})
        outcome.result()

    def _release(self, error: GatewayError | None = None) -> None:
        """Let the callers return, or raise the error in them."""
        _resolve(self._outcome, error)

    async def _pause(self, seconds: float) -> None:
        """Wait, or return as soon as the task is woken."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _warn(self, message: str, *arguments: object) -> None:
        """Log the first failure as a warning, and no further ones until the Powerwall runs."""
        if not self._warned:
            self._warned = True
            _LOGGER.warning(message, *arguments)


def _resolve(outcome: asyncio.Future[None], error: GatewayError | None) -> None:
    if outcome.done():
        return
    if error:
        outcome.set_exception(error)
    else:
        outcome.set_result(None)


def _busy(message: str) -> CommandError:
    return CommandError(message, reason=CommandFailure.BUSY)


def _unsure(message: str) -> CommandError:
    return CommandError(message, reason=CommandFailure.UNSURE)
