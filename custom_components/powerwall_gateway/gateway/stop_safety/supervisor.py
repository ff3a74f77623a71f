"""Keeps the Powerwall running, whatever dies in between: the guarded login and the guarded stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
import logging
from time import time
from typing import Any, Final

from ..client import PowerwallGateway
from ..exceptions import (
    GatewayError,
    GatewayLoginError,
    GatewayLoginStopsError,
    GuardBusyError,
    GuardError,
    GuardJournalError,
    GuardLoginLimitError,
)
from .journal import DAY, Journal, JournalRecord, JournalStore, Kind, PendingAction, place_of
from .preflight import StopPreflight, packs_of
from .restart import Restarter, RestartTimings

_LOGGER = logging.getLogger(__name__)

LOGINS_A_DAY: Final = 3
LONGEST_STOP: Final = 3600.0

type Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
type Steps = Callable[[], Awaitable[None]]


class StopSupervisor:
    """The only one who may stop the Powerwall: by a login on firmware below 20.49, or on purpose.

    A stopped Powerwall neither backs up the house nor charges until somebody starts it, and
    anything can die meanwhile: the request, the network, this process. So the order of
    effects is always the same:

    1. **Look.** There has been a grid for a minute (`grid_connected_for`, from the grid watch)
       and the Powerwall runs. To stop it on an island blacks out the house, and the network
       with it that is needed to start it again. What is not known counts as no, and there is
       no override.
    2. **Journal.** What is about to happen is written to disk and read back. From here on the
       next start of the process puts things right (`mend`). What cannot be written is not done.
    3. **Look again**, because a disk can take its time. The grid comes last: it is what nobody
       here has a hand in.
    4. **Login or stop.**
    5. **Run, whatever that answered.** A gateway may refuse a login, or answer it too late, and
       stop all the same. If this very task is cancelled, it still says run once.
    6. **The session goes into the journal**, for firmware that starts nobody without one.
    7. **Look until it runs**, and say run again with growing pauses. Then the callers are released.
    8. **Watch for a minute.** A login that was given up may be acted on only now; what is found
       stopped within this minute is started again, and the minute begins anew.
    9. **The journal is closed.** From here on a stop is somebody else's, and nothing is started
       behind the owner's back.

    All this is one task (`spawn` makes it outlive its callers): a second login joins the first,
    everything else is refused until it is over.

    The journal's times are the wall clock's, which may be set at any time: one from the future
    counts as fresh.
    """

    def __init__(
        self,
        gateway: PowerwallGateway,
        journal: Journal,
        *,
        grid_connected_for: Callable[[], float],
        spawn: Spawn,
        logins_a_day: int = LOGINS_A_DAY,
        when_asking: Callable[[bool], None] | None = None,
        clock: Callable[[], float] = time,
        pace: RestartTimings | None = None,
    ) -> None:
        self.asks = False
        """Whether the Powerwall is stopped by an old journal, and `start` waits for the owner's word.

        `when_asking` is told, also when nothing changed.
        """

        self._gateway = gateway
        self._journal = JournalStore(journal, clock)
        self._spawn = spawn
        self._logins_a_day = logins_a_day
        self._when_asking = when_asking
        self._clock = clock
        self._pace = pace or RestartTimings()
        self._lookout = StopPreflight(gateway, grid_connected_for, seconds=self._pace.connected)
        self._kind: Kind | None = None
        self._task: asyncio.Task[None] | None = None
        self._released: asyncio.Future[None]
        self._settled: asyncio.Event
        self._starter = Restarter(gateway, self._pace)

    @property
    def busy(self) -> bool:
        """Whether something is under way: the journal is open, or about to be."""
        return self._task is not None and not self._task.done()

    # -- what callers want ---------------------------------------------------------------------------------------------

    async def log_in(self) -> None:
        """Get the client a session, and come back when the Powerwall runs again.

        Where there is a session, or a login stops nothing, this is a plain login. A cancelled
        caller takes nothing back.

        Raises a child of `GuardError` when it was not dared, and else what the login answered.
        """
        if not self.busy:
            self._begin(Kind.LOGIN, self._log_in)
        elif self._kind is not Kind.LOGIN:
            raise GuardBusyError("an earlier stop or login is not over yet")
        await self._until_released()
        if not self._gateway.has_session:
            raise GuardBusyError("the session of the last login is lost, and its minute's watch not over yet")

    async def stop_for(self, seconds: float = 300.0) -> None:
        """Stop the Powerwall, for an hour at most, and come back when the gateway has accepted that.

        It is started again when the time is over, by `start`, and by whatever ends this process
        or starts it again.

        Raises a child of `GuardError` when it was not dared, and else what the stop answered.
        """
        if not 0 < seconds <= LONGEST_STOP:
            raise GuardError(f"a stop of {seconds} s is not between 0 and {LONGEST_STOP:.0f} s")
        if self.busy:
            raise GuardBusyError("an earlier stop or login is not over yet")
        self._begin(Kind.STOP, partial(self._stop_for, seconds))
        await self._until_released()

    async def start(self) -> None:
        """Start the Powerwall because the owner says so, and come back when it runs. A stop under way is over.

        Raises what the gateway answers, and `GatewayTimeoutError` when it does not run after a minute.
        """
        under_way = self._starter
        under_way.hurry()
        await Restarter(self._gateway, self._pace).start()
        under_way.hurry()  # to see it run, whatever was waiting for the owner

    async def mend(self) -> None:
        """Put right what an earlier process began and did not see to its end.

        To be called at every start before anything else. Comes back when there is nothing to
        do, or it is done but for the last minute's watch, or the owner has to be asked; so with
        a gateway out of reach not at all. A cancelled caller takes nothing back.
        """
        if not self.busy:
            self._begin(None, self._mend)
            await self._until_released()

    async def wait(self) -> None:
        """Wait until the Powerwall runs again; a stop ends now. For the shutdown, which is allowed 20 s.

        The watch, and mending, are left to the next start.
        """
        if self.busy:
            self._starter.hurry()
            await self._settled.wait()

    async def close(self, patience: float = 90.0) -> bool:
        """Give up the connection: wait until nothing is under way, but no longer than `patience` s.

        A stop ends now; mending is broken off. Tells whether the journal is closed: where it is
        not, `mend` has to be called again.
        """
        if self._task is None or self._task.done():
            return True
        if self._kind:
            self._starter.hurry()
            await asyncio.wait({self._task}, timeout=patience)
        if self._task.done():
            return True
        self._task.cancel()
        await asyncio.wait({self._task})
        return False

    # -- the task ------------------------------------------------------------------------------------------------------

    def _begin(self, kind: Kind | None, steps: Steps) -> None:
        self._kind = kind
        self._released = asyncio.get_running_loop().create_future()
        self._released.add_done_callback(asyncio.Future.exception)  # its callers may all have been cancelled
        self._settled = asyncio.Event()
        self._starter = Restarter(self._gateway, self._pace)
        ended = partial(self._ended, self._released, self._settled)
        self._task = self._spawn(self._work(steps))
        self._task.add_done_callback(ended)

    async def _until_released(self) -> None:
        released = self._released
        # Not awaited itself: a caller's cancellation would cancel it for the others.
        await asyncio.wait({released})
        released.result()

    async def _work(self, steps: Steps) -> None:
        try:
            await steps()
        except GatewayError as err:
            self._release(err)
        except Exception:
            _LOGGER.exception("Unexpected error while the Powerwall may be stopped; starting it goes on")
            self._release(GatewayError("an unexpected error, which is in the log"))
            await self._go_on()
        else:
            self._release()

    async def _go_on(self) -> None:
        """Put right what the journal says, whatever unexpected goes wrong: nobody else would do it."""
        for pause in self._pace.pauses():
            await self._starter.pause(pause)
            try:
                await self._put_right()
            except Exception as err:  # noqa: BLE001 - it was logged once
                _LOGGER.debug("Still an unexpected error: %r", err)
            else:
                return

    def _ended(self, released: asyncio.Future[None], settled: asyncio.Event, _: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a task that ended. The next one may have begun: it has others who wait for it."""
        self._release(GatewayError("broken off; what is left to do is done at the next start"), released)
        settled.set()

    def _release(self, error: GatewayError | None = None, released: asyncio.Future[None] | None = None) -> None:
        """Let the callers go, with an error if there is one."""
        released = released or self._released
        if released.done():
            return
        if error:
            released.set_exception(error)
        else:
            released.set_result(None)

    async def _log_in(self) -> None:
        with suppress(GatewayLoginStopsError):
            await self._gateway.login()
            return
        if not self._gateway.has_credentials:
            raise GatewayLoginError("the gateway wants a login and there is no password", path="login/Basic")
        past = await self._journal.read_closed()
        if len(past.logins) >= self._logins_a_day:
            raise GuardLoginLimitError(f"there were {len(past.logins)} logins within a day")
        status = await self._gateway.status()
        opened = await self._open(Kind.LOGIN, past)
        error = None
        try:
            await self._gateway.login(although_it_stops=True, status=status)
        except GatewayError as err:
            error = err
        finally:
            ran = await self._starter.try_to_run()
        if session := self._session():
            await self._amend(opened, session=session)
        await self._see_to_its_end(opened, error, ran=ran)

    async def _stop_for(self, seconds: float) -> None:
        opened = await self._open(Kind.STOP, await self._journal.read_closed(), seconds)
        error = None
        try:
            await self._gateway.sitemaster_stop()
            self._release()
            await self._starter.pause(seconds)
        except GatewayError as err:
            error = err
        finally:
            ran = await self._starter.try_to_run()
        await self._end_stop(opened)
        await self._see_to_its_end(opened, error, ran=ran)

    async def _see_to_its_end(self, opened: JournalRecord, error: GatewayError | None, *, ran: bool) -> None:
        async def may_start() -> bool:
            return True

        await self._starter.until_it_stays_running(
            ran=ran,
            may_start=may_start,
            when_running=partial(self._let_go, error),
            when_stopped=self._settled.clear,
        )
        await self._close_journal(opened)

    def _let_go(self, error: GatewayError | None = None) -> None:
        """Let go everybody who waits for a running Powerwall."""
        self._settled.set()
        self._release(error)
        self._ask(asks=False)

    # -- the journal ---------------------------------------------------------------------------------------------------

    async def _open(self, kind: Kind, past: JournalRecord, seconds: float = 0.0) -> JournalRecord:
        """Make sure that a stop does no harm, open the journal, and make sure again."""
        before = await self._lookout.look()
        packs = await self._lookout.packs()
        now = self._clock()
        under_way = PendingAction(
            kind=kind,
            began=now,
            ends=now + seconds if kind is Kind.STOP else None,
            packs=packs,
            before=before,
            gateway=place_of(self._gateway.connection),
            session=self._session(),
        )
        logins = (*past.logins, now) if kind is Kind.LOGIN else past.logins
        opened = JournalRecord(logins=logins, under_way=under_way)
        try:
            await self._journal.write(opened)
            await self._lookout.look()
        except GuardError as err:
            self._let_go(err)
            await self._close_journal(past)
            raise
        return opened

    def _session(self) -> dict[str, Any] | None:
        session: dict[str, Any] | None = self._gateway.export_login()["session"]
        return session

    async def _amend(self, opened: JournalRecord, **changes: Any) -> None:
        """Add to the open journal. What is there without it is good enough to go on."""
        if opened.under_way:
            try:
                await self._journal.write(replace(opened, under_way=replace(opened.under_way, **changes)))
            except GuardJournalError as err:
                _LOGGER.warning("The journal could not be written, and goes on as it was: %s", err)

    async def _end_stop(self, opened: JournalRecord) -> None:
        """Note that a stop is over before its time: whoever goes on with it does not wait for its end any more."""
        if opened.under_way and opened.under_way.ends and opened.under_way.ends > self._clock():
            await self._amend(opened, ends=self._clock())

    async def _close_journal(self, record: JournalRecord) -> None:
        """Close it, however long that takes."""
        for pause in self._pace.pauses():
            try:
                await self._journal.close(record)
            except GuardJournalError as err:
                self._starter.trouble("The journal cannot be closed yet: %s", err)
                await self._starter.pause(pause)
            else:
                return

    # -- mending -------------------------------------------------------------------------------------------------------

    async def _mend(self) -> None:
        self._settled.set()  # the next start goes on with it: nobody has to wait
        await self._put_right()

    async def _put_right(self) -> None:
        try:
            record = await self._journal.read()
            if (left := record.under_way) is None:
                self._ask(asks=False)
                return
        except GuardJournalError as err:
            # Which logins there were is not known, so there were as many as there may be.
            record, left = JournalRecord(logins=(self._clock(),) * self._logins_a_day), None
            self._starter.trouble("The journal cannot be read, so the Powerwall may be stopped: %s", err)
        if left:
            await self._take_up(left)
            await self._end_stop(record)
        await self._starter.until_it_stays_running(
            ran=False,
            may_start=partial(self._may_mend, left),
            when_running=self._let_go,
            when_stopped=self._settled.clear,
        )
        await self._close_journal(record)

    async def _take_up(self, left: PendingAction) -> None:
        """Go on where the last process was: with its session, at its Powerwalls, until its stop ends."""
        if left.session and not self._session():
            self._gateway.restore_login({"session": left.session})
        for pause in self._pace.pauses():
            if await self._is_theirs(left):
                break
            await self._starter.pause(pause)
        remaining = min(left.ends - self._clock(), left.ends - left.began) if left.ends else 0.0
        if remaining > 0 and not await self._starter.is_running():
            self._kind = left.kind  # it ends as one of this process does
            self._settled.clear()
            self._release()
            await self._starter.pause(remaining)

    async def _is_theirs(self, left: PendingAction) -> bool:
        """Tell whether this gateway shows a Powerwall of the journal: an address may have changed hands."""
        try:
            packs = await packs_of(self._gateway)
        except GatewayError as err:
            self._starter.trouble("The Powerwall may be stopped, and cannot be started yet: %s", err)
            return False
        if packs.isdisjoint(left.packs):
            self._starter.trouble("The Powerwall may be stopped, and another gateway answers in its place")
            return False
        return True

    async def _may_mend(self, left: PendingAction | None) -> bool:
        """Tell whether to start what the last process left stopped, unless it is so old that the owner is asked."""
        if left is None:
            return True
        if self._clock() - left.began > DAY:
            self._ask(asks=True)
            self._release()
            return False
        return await self._is_theirs(left)

    def _ask(self, *, asks: bool) -> None:
        self.asks = asks
        if self._when_asking:
            self._when_asking(asks)
