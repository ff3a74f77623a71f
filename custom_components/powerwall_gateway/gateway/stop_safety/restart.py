"""Gets the Powerwall running again, however long that takes, and watches that it stays so."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
import logging
from time import monotonic

from ..backoff import waits
from ..client import PowerwallGateway
from ..exceptions import GatewayError, GatewayLoginStopsError, GatewayTimeoutError

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RestartTimings:
    """How long the guard waits for what, in seconds."""

    connected: float = 60.0
    """For how long there has to be a grid."""

    steady: float = 60.0
    """For how long the Powerwall has to stay running before all is well.

    A gateway may act on a login long after the client stopped waiting for it (10 s).
    """

    look: float = 1.0
    """Between two looks at whether it runs; it takes about two seconds to start (seen on 21.39)."""

    longest_look: float = 10.0
    """Between two looks while nobody answers them; the pauses double."""

    first_pause: float = 5.0
    longest_pause: float = 60.0
    """Between two attempts at what fails; the pauses double."""

    patience: float = 60.0
    """For how long an owner who asked for a start is kept waiting."""

    def pauses(self) -> Iterator[float]:
        """Give the pauses between attempts."""
        return waits(self.first_pause, self.longest_pause)

    def looks(self) -> Iterator[float]:
        """Give the pauses between looks for as long as the gateway does not answer them."""
        return waits(self.look, self.longest_look)


class Restarter:
    """Starts a Powerwall."""

    def __init__(self, gateway: PowerwallGateway, pace: RestartTimings) -> None:
        self._gateway = gateway
        self._pace = pace
        self._hurry = asyncio.Event()
        self._in_trouble = False

    def hurry(self) -> None:
        """End the present pause, or the next one."""
        self._hurry.set()

    async def pause(self, seconds: float) -> None:
        """Wait, unless somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def start(self) -> None:
        """Start it, and wait until it runs.

        Raises what the gateway answers, and `GatewayTimeoutError` when it accepts the start
        and does not run for a minute.
        """
        await self.run()
        end = monotonic() + self._pace.patience
        while not await self.is_running():
            if monotonic() > end:
                raise GatewayTimeoutError("the Powerwall was told to start and does not run yet", path="sitemaster")
            await asyncio.sleep(self._pace.look)

    async def run(self) -> None:
        """Tell it to start; one that runs goes on.

        From 1.40 on that wants a session, and a new one stops the Powerwall: so it is got only
        where there is nothing left to stop.
        """
        try:
            await self._gateway.sitemaster_run()
        except GatewayLoginStopsError:
            if (await self._gateway.sitemaster()).running is not False:
                raise
            await self._gateway.login(although_it_stops=True)
            await self._gateway.sitemaster_run()

    async def try_to_run(self) -> bool:
        """Tell it to start, and whether the gateway accepted that."""
        try:
            await self.run()
        except GatewayError as err:
            self.trouble("The Powerwall may be stopped, and cannot be started yet: %s", err)
            return False
        return True

    async def is_running(self) -> bool | None:
        """Look whether it runs, None where the gateway does not say."""
        try:
            return (await self._gateway.sitemaster()).running
        except GatewayError:
            return None

    async def until_it_stays_running(
        self,
        *,
        ran: bool,
        may_start: Callable[[], Awaitable[bool]],
        when_running: Callable[[], None],
        when_stopped: Callable[[], None],
    ) -> None:
        """Come back when it has been running for a minute without a break.

        `ran` says that it was just told to start. Before every further attempt `may_start` is
        asked; `when_running` is called whenever it is found running after it was not, and
        `when_stopped` when it is found stopped within its minute.
        """
        while True:
            await self._until_it_runs(ran=ran, may_start=may_start)
            if self._in_trouble:
                self._in_trouble = False
                _LOGGER.info("The Powerwall runs again")
            when_running()
            if await self._stays_running():
                return
            when_stopped()
            ran = False

    async def _until_it_runs(self, *, ran: bool, may_start: Callable[[], Awaitable[bool]]) -> None:
        for pause in self._pace.pauses():
            if await self.is_running():
                return
            if not ran:
                ran = await may_start() and await self.try_to_run()
            due, looks = monotonic() + pause, self._pace.looks()
            while ran and monotonic() < due:
                await self.pause(min(next(looks), due - monotonic()))
                match await self.is_running():
                    case True:
                        return
                    case False:
                        looks = self._pace.looks()
            await self.pause(due - monotonic())
            ran = False

    async def _stays_running(self) -> bool:
        """Watch it for a minute; False as soon as it is seen stopped.

        A look that fails says nothing: only a start by somebody else could have followed a stop.
        """
        since, looks = monotonic(), self._pace.looks()
        while True:
            await self.pause(next(looks))
            match await self.is_running():
                case False:
                    return False
                case True:
                    if monotonic() - since >= self._pace.steady:
                        return True
                    looks = self._pace.looks()

    def trouble(self, message: str, *arguments: object) -> None:
        """Log the first thing that goes wrong; the attempts go on."""
        if not self._in_trouble:
            self._in_trouble = True
            _LOGGER.warning(message, *arguments)
