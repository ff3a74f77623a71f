"""Kill Home Assistant at every crash point, restart it, and check that the Powerwall runs and the journal is closed.

Kill it during and after a hold and a full backup, too, and check that the former backup reserve is restored.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import shutil
import sys
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

import aiohttp

from simulator import Simulator
from simulator.gateway.call import Call
from tools.child_process import ProcessError, free_port
from tools.crash_test.crash_points import EFFECTS, Plan, Points
from tools.dev_server.integration import DOMAIN, add, entity_ids
from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY

FIRMWARE = "1.15.0"
NEVER = 3600.0
"""Seconds on the grid before a login that never happens."""
SOON = 1.5
START_DELAY = 1.5
"""Start time of a Powerwall in seconds."""
LIMIT = 40.0
"""Time limit in seconds."""
LONGEST_STOP = 30.0
"""Seconds for which a kill and a restart may leave the Powerwall stopped."""

TEMPORARY: Final = (("hold", "release", "hold"), ("back_up_fully", "cancel_backup", "backup_until"))
"""Actions that set the backup reserve for a limited time, those that end it, and the entities that show it."""

NOT_SET: Final = ("off", "unknown")
SET_AND_NOT_CONFIRMED: Final = "GET config/completed: acted"


@dataclass
class Environment:
    """The environment of a run: the gateway's port, and Home Assistant's folder and port."""

    folder: Path
    gateway_port: int
    home_port: int

    @property
    def trace(self) -> Path:
        """Return the file with the crash points that Home Assistant reached."""
        return self.folder.with_suffix(".trace")

    def home(self, seconds_on_grid: float, at: str = "") -> HomeAssistant:
        """Return a Home Assistant that is killed at a crash point."""
        plan = Plan(trace=str(self.trace), seconds_on_grid=seconds_on_grid, kill_at=at)
        return HomeAssistant(
            self.folder,
            self.home_port,
            program=("-m", "tools.crash_test.child", json.dumps(asdict(plan))),
            path=(self.folder, REPOSITORY),
            notify=lambda _: None,
        )

    def is_closed(self) -> bool:
        """Return whether the journals on disk have no open operation."""
        journals = list((self.folder / ".storage").glob(f"{DOMAIN}.journal.*"))
        return all(json.loads(journal.read_bytes())["under_way"] is None for journal in journals)


@dataclass(frozen=True)
class Scenario:
    """An operation that may leave the Powerwall stopped."""

    name: str
    seconds_on_grid: float
    act: Callable[[HomeAssistant], Awaitable[None]]
    before: Path
    """The folder of a Home Assistant before the operation."""

    sessions: Mapping[str, str]
    """Sessions of earlier logins."""


class NotReachedError(ProcessError):
    """A crash point of the clean run was not reached again."""


class GatewayObserver:
    """Record the requests and effects at the gateway, and kill Home Assistant at one crash point."""

    def __init__(self, simulator: Simulator, home: HomeAssistant | None = None, at: str = "") -> None:
        self.points: list[tuple[float, str]] = []
        self._names = Points()
        self._home = home
        self._at = at
        simulator.server.observer = self._observe

    def _observe(self, step: str, call: Call) -> None:
        if (call.method, call.path) not in EFFECTS:
            return
        name = self._names.name(f"{call.method} {call.path}: {step}")
        self.points.append((monotonic(), name))
        if self._home and name == self._at:
            self._home.kill()


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    end = monotonic() + LIMIT
    while not true():
        if monotonic() > end:
            raise ProcessError(f"Timed out after {LIMIT:g} s: {what}")
        await asyncio.sleep(0.05)


# -- operations -------------------------------------------------------------------------------------------------------


async def log_in(_: HomeAssistant) -> None:
    """Do nothing: the entry logs in by itself."""


async def write(home: HomeAssistant) -> None:
    """Set mode and reserve."""
    await home.api.call_service(DOMAIN, "set_operation", mode="backup", reserve=30)


async def stop(home: HomeAssistant) -> None:
    """Stop the Powerwall for two seconds."""
    await home.api.call_service(DOMAIN, "stop", duration={"seconds": 2})


# -- a temporary backup reserve ----------------------------------------------------------------------------------------


async def kill_temporary(scenario: Scenario, environment: Environment, begin: str, finish: str, entity: str) -> None:
    """Kill Home Assistant while it sets a temporary backup reserve, and after that.

    The first one is undone after the restart, and the second one is kept until its end. The entity shows what is set.
    """
    restore_folder(scenario, environment)
    async with gateway(environment.gateway_port, scenario.sessions) as simulator:
        former = simulator.home.reserve
        home = environment.home(NEVER, SET_AND_NOT_CONFIRMED)
        GatewayObserver(simulator, home, SET_AND_NOT_CONFIRMED)
        with suppress(ProcessError, aiohttp.ClientError, OSError):
            async with home:
                await home.api.call_service(DOMAIN, begin)
        if await home.wait() != -9 or simulator.home.reserve == former:
            raise NotReachedError("Home Assistant set nothing before it was killed.")
        GatewayObserver(simulator)
        async with environment.home(NEVER) as home:
            await until(lambda: simulator.home.reserve == former, f"undoing {begin}")
            await wait_until_shown(home, simulator, entity, is_set=False)
            await home.api.call_service(DOMAIN, begin)
            home.kill()
        async with environment.home(NEVER) as home:
            await wait_until_shown(home, simulator, entity, is_set=True)
            if simulator.home.reserve == former:
                raise ProcessError(f"The entity {entity} shows what the gateway does not have.")
            await home.api.call_service(DOMAIN, finish)
            await wait_until_shown(home, simulator, entity, is_set=False)
            if simulator.home.reserve != former:
                raise ProcessError(f"After {finish} the reserve is {simulator.home.reserve} instead of {former}.")


async def wait_until_shown(home: HomeAssistant, simulator: Simulator, key: str, *, is_set: bool) -> None:
    """Wait until an entity shows if there is a temporary backup reserve."""
    entity_id = (await entity_ids(home.api, simulator.serial))[key]
    end = monotonic() + LIMIT
    while (state := (await home.api.states())[entity_id].state) == "unavailable" or is_set is (state in NOT_SET):
        if monotonic() > end:
            raise ProcessError(f"Timed out after {LIMIT:g} s: {entity_id} is {state}.")
        await asyncio.sleep(0.1)


# -- the run -----------------------------------------------------------------------------------------------------------


async def prepare(folder: Path, ports: tuple[int, int]) -> list[Scenario]:
    """Set up Home Assistant once, and keep its folders of before and after the login."""
    fresh, logged_in = folder / "fresh", folder / "logged_in"
    async with gateway(ports[0], {}) as template:
        async with Environment(fresh, *ports).home(NEVER) as home:
            await add(home.api, f"{template.host}:{template.port}", template.serial, template.password)
        shutil.copytree(fresh, logged_in, symlinks=True)
        environment = Environment(logged_in, *ports)
        async with environment.home(SOON):
            await until(
                lambda: template.logins == 1 and template.running and environment.is_closed(), "the first login"
            )
            await asyncio.sleep(3)  # the session is kept
    sessions = dict(template.tokens)
    return [
        Scenario("login", SOON, log_in, fresh, {}),
        Scenario("write", NEVER, write, logged_in, sessions),
        Scenario("stop", SOON, stop, logged_in, sessions),
    ]


async def record(scenario: Scenario, environment: Environment) -> list[str]:
    """Run the operation without a kill, and return every crash point in order."""
    restore_folder(scenario, environment)
    async with gateway(environment.gateway_port, scenario.sessions) as simulator:
        observer = GatewayObserver(simulator)
        async with environment.home(scenario.seconds_on_grid) as home:
            await ready(scenario)
            await scenario.act(home)
            await until(lambda: bool(observer.points) and simulator.running and environment.is_closed(), "a clean run")
            await asyncio.sleep(1)
    traced = (line.split(" ", 1) for line in environment.trace.read_text(encoding="utf-8").splitlines())
    points = [name for _, name in sorted([*((float(at), name) for at, name in traced), *observer.points])]
    check_complete(points)
    return points


def check_complete(points: list[str]) -> None:
    """Check that the gateway received every request, so that no crash point is missing."""
    for point in points:
        for step in ("sent", "acted"):
            if point.replace("response read", step) not in points:
                raise ProcessError(f"The trace is incomplete: {point}, but never {step}.")


async def kill_at(scenario: Scenario, environment: Environment, point: str) -> float:
    """Kill Home Assistant there, restart it, and return how many seconds the Powerwall was stopped."""
    restore_folder(scenario, environment)
    async with gateway(environment.gateway_port, scenario.sessions) as simulator:
        home = environment.home(scenario.seconds_on_grid, point)
        GatewayObserver(simulator, home, point)
        with suppress(ProcessError, aiohttp.ClientError, OSError):
            async with home:
                with suppress(aiohttp.ClientError, OSError):
                    await ready(scenario)
                    await scenario.act(home)
                async with asyncio.timeout(LIMIT):
                    await home.wait()
        if (code := await home.wait()) != -9:
            raise NotReachedError(f"Home Assistant ended with {code} before this point.")
        GatewayObserver(simulator)
        async with environment.home(NEVER):
            await until(lambda: simulator.running and environment.is_closed(), f"recovery after {point}")
        if not simulator.running or simulator.stopped_seconds > LONGEST_STOP:
            raise ProcessError(f"The Powerwall was stopped for {simulator.stopped_seconds:.1f} s.")
        return simulator.stopped_seconds


async def ready(scenario: Scenario) -> None:
    """Wait until the operation is allowed: a stop requires some time on the grid."""
    if scenario.act is stop:
        await asyncio.sleep(scenario.seconds_on_grid + 2)


@asynccontextmanager
async def gateway(port: int, sessions: Mapping[str, str]) -> AsyncIterator[Simulator]:
    """Start a simulated gateway at the address of the config entry."""
    simulator = Simulator(FIRMWARE)
    simulator.gateway.start_delay = START_DELAY
    simulator.tokens.update(sessions)
    await simulator.start(port)
    try:
        yield simulator
    finally:
        await simulator.stop()


def restore_folder(scenario: Scenario, environment: Environment) -> None:
    """Restore the folder of before the operation."""
    shutil.rmtree(environment.folder, ignore_errors=True)
    shutil.copytree(scenario.before, environment.folder, symlinks=True)
    environment.trace.unlink(missing_ok=True)


async def run() -> int:
    """Kill at every crash point of every operation."""
    began, failed, killed, skipped = monotonic(), 0, 0, 0
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        ports = (free_port(), free_port())
        environment = Environment(folder / "home", *ports)
        print(f"Firmware {FIRMWARE}; the minutes of the safety supervisor are a second here. Setting up …", flush=True)
        scenarios = await prepare(folder, ports)
        for scenario in scenarios:
            points = await record(scenario, environment)
            print(f"\nA {scenario.name}: {len(points)} points", flush=True)
            for number, point in enumerate(points, 1):
                try:
                    stopped = await kill_at(scenario, environment, point)
                except NotReachedError as error:
                    skipped += 1
                    result = f"SKIPPED: {error}"
                except ProcessError as error:
                    killed, failed = killed + 1, failed + 1
                    result = f"FAILED: {error}"
                else:
                    killed += 1
                    result = f"running, journal closed, stopped for {stopped:.1f} s in all"
                print(f"  {number:2} {point:45} {result}", flush=True)
        print(f"\nA temporary backup reserve: {len(TEMPORARY)} points", flush=True)
        for number, (begin, finish, entity) in enumerate(TEMPORARY, 1):
            killed += 1
            try:
                await kill_temporary(scenarios[-1], environment, begin, finish, entity)
            except ProcessError as error:
                failed += 1
                result = f"FAILED: {error}"
            else:
                result = f"undone if killed during it, kept if killed after it, restored by {finish}"
            print(f"  {number:2} {begin:45} {result}", flush=True)
    print(f"\n{killed} points run, {skipped or 'none'} skipped, in {monotonic() - began:.0f} s", flush=True)
    print(f"{killed - failed} passed, {failed} failed", flush=True)
    return 1 if failed or skipped else 0


if __name__ == "__main__":
    argparse.ArgumentParser(prog="scripts/test --kill", description=__doc__).parse_args()
    sys.exit(asyncio.run(run()))
