"""A stop supervisor with its gateway and its journal, in a process that can be killed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager, suppress
import json
from types import coroutine
from typing import Any, override

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    GatewayError,
    Journal,
    JournalError,
    JournalRecord,
    PowerwallGateway,
    StopSupervisor,
    Transport,
    open_session,
)
from custom_components.powerwall_gateway.gateway.stop_safety.supervisor import SafetyTimings
from custom_components.powerwall_gateway.hub import AvailabilityLog
from simulator import Simulator
from simulator.server import Request
from tests.helpers import address_of, limit_hanging_requests, until

FAST_TIMINGS = SafetyTimings(steady=0.03, check=0.003, first_pause=0.005, longest_pause=0.02, patience=0.5)
"""Short waits. The grid has to be connected for as long as in production."""

NOW = 1_760_000_000.0
DAY = 86400.0


class FakeDisk(Journal):
    """A disk with one journal, which remains when a process is killed."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.writes = 0
        self.broken: Callable[[int], bool] = lambda _: False
        """Return whether a write fails. The first write has number 1."""
        self.forgets = False
        """Whether a write returns without an error and is lost."""

    @override
    async def read(self) -> object:
        await asyncio.sleep(0)
        if self.content is None:
            return None
        try:
            return json.loads(self.content)
        except ValueError as err:
            raise JournalError("corrupt") from err

    @override
    async def write(self, content: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        self.writes += 1
        if self.broken(self.writes):
            raise JournalError("no space left")
        if not self.forgets:
            self.content = json.dumps(content).encode()
        await asyncio.sleep(0)

    @property
    def record(self) -> JournalRecord:
        """The content of the disk."""
        return JournalRecord.from_json(None if self.content is None else json.loads(self.content))

    def tear(self, **changes: Any) -> None:
        """Change values of an open journal."""
        assert self.content
        record = json.loads(self.content)
        record["under_way"] |= changes
        self.content = json.dumps(record).encode()


class Kill:
    """Kill a process at one of its awaits: number `after` plus 1. `gently` only cancels it once, as a shutdown does."""

    def __init__(self, after: int, *, gently: bool = False) -> None:
        self.steps = 0
        self.came = False
        self._after = after
        self._gently = gently

    async def walk(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the process until it is killed."""
        await self._walk(work)

    @coroutine
    def _walk(self, work: Coroutine[Any, Any, None]) -> Generator[Any, Any]:
        thrown: BaseException | None = None
        while True:
            try:
                waits_for = work.throw(thrown) if thrown else work.send(None)
            except StopIteration:
                return
            self.steps += 1
            if self.steps <= self._after or (self.came and self._gently):
                thrown = None
                try:
                    yield waits_for
                except BaseException as err:  # noqa: BLE001 - whatever the loop throws is for the work
                    thrown = err
            else:
                # A gentle end cancels once. After a kill, every further await is cancelled, too.
                self.came = True
                if waits_for:  # otherwise the loop continues to listen at the socket, and confuses it with the next one
                    waits_for.cancel()
                thrown = asyncio.CancelledError()


class Home:
    """A gateway, a disk and a clock, for one process after the other."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.disk = FakeDisk()
        self.on_grid_for = 60.0
        self.now = NOW
        self.asked: list[bool] = []

    @asynccontextmanager
    async def process(
        self,
        *,
        timings: SafetyTimings = FAST_TIMINGS,
        hurried: bool = False,
        kill: Kill | None = None,
        credentials: Credentials | None = None,
    ) -> AsyncIterator[StopSupervisor]:
        """Start a new process. It is killed at the end of the context. `hurried`: it gives up hanging requests soon."""
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(asyncio.create_task(kill.walk(work) if kill else work))
            return tasks[-1]

        async with open_session() as session:
            simulator = self.simulator
            address = address_of(simulator).over("https" if simulator.fingerprint else "http")
            connection = Transport(session, address, fingerprint=simulator.fingerprint)
            if hurried:
                limit_hanging_requests(simulator, connection)
            supervisor = StopSupervisor(
                PowerwallGateway(connection, credentials or self.credentials, on_result=AvailabilityLog().note),
                self.disk,
                grid_connected_for=lambda: self.on_grid_for,
                spawn=spawn,
                on_confirmation_needed=self.asked.append,
                clock=lambda: self.now,
                timings=timings,
            )
            try:
                yield supervisor
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def credentials(self) -> Credentials:
        """The credentials that the gateway accepts."""
        if self.simulator.profile.firmware == "1.15.0":
            return Credentials.of_installer(self.simulator.serial)
        return Credentials(password=self.simulator.password)

    async def recover(self, **options: Any) -> None:
        """Start a new process, and recover."""
        async with self.process(**options) as supervisor:
            await supervisor.recover()
            await finished(supervisor)

    def assert_recovered(self) -> None:
        """Check that the Powerwall runs and the journal is closed."""
        assert self.simulator.running
        assert self.disk.record.under_way is None

    def request_count(self, path: str) -> int:
        """Return the number of requests to a path."""
        return [request.path for request in self.simulator.requests].count(path)


class RequestTrigger(list[Request]):
    """The simulator's list of requests. It calls `happens` when request number `at` arrives, before the response."""

    def __init__(self, at: int, happens: Callable[[], None]) -> None:
        self._at = at
        self._happens = happens

    @override
    def append(self, request: Request) -> None:
        super().append(request)
        if len(self) == self._at:
            self._happens()


async def finished(supervisor: StopSupervisor) -> None:
    """Wait until the supervisor's task has ended."""
    async with asyncio.timeout(20):
        while supervisor.busy:
            await asyncio.sleep(0.002)


async def leave_open(home: Home) -> None:
    """Kill a process right after its login stopped the Powerwall."""
    home.simulator.faults.add("sitemaster/run", status=503)
    before = home.request_count("sitemaster/run")
    async with home.process() as supervisor:
        caller = asyncio.create_task(supervisor.log_in())
        await until(lambda: home.request_count("sitemaster/run") > before)
        caller.cancel()
    home.simulator.faults.clear()
    with suppress(asyncio.CancelledError, GatewayError):
        await caller
    assert not home.simulator.running
    assert home.disk.record.under_way
