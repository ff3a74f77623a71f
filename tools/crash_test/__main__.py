"""Walks every point: kill there, restart, and see that the Powerwall runs and the journal is closed."""

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

import aiohttp

from simulator import Simulator
from simulator.gateway.answers import Call
from tools.child_process import ProcessError, free_port
from tools.crash_test.points import EFFECTS, Plan, Points
from tools.dev_server.integration import DOMAIN, add
from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY

FIRMWARE = "1.15.0"
NEVER = 3600.0
"""Seconds on the grid before a login, where there is to be none."""
SOON = 1.5
START_DELAY = 1.5
"""Seconds that a Powerwall takes to start."""
LIMIT = 40.0
"""Seconds for whatever is waited for."""
LONGEST_STOP = 30.0
"""Seconds for which a kill and a restart may leave the Powerwall stopped."""


@dataclass
class Place:
    """Where a walk takes place: one gateway's address, one Home Assistant's folder and port."""

    folder: Path
    gateway_port: int
    home_port: int

    @property
    def trace(self) -> Path:
        """The file of the points that Home Assistant reached."""
        return self.folder.with_suffix(".trace")

    def home(self, seconds_on_grid: float, at: str = "") -> HomeAssistant:
        """Give a Home Assistant that is killed at a point."""
        plan = Plan(trace=str(self.trace), seconds_on_grid=seconds_on_grid, kill_at=at)
        return HomeAssistant(
            self.folder,
            self.home_port,
            program=("-m", "tools.crash_test.child", json.dumps(asdict(plan))),
            path=(self.folder, REPOSITORY),
            tell=lambda _: None,
        )

    def is_closed(self) -> bool:
        """Tell whether nothing is under way, by what is on disk."""
        journals = list((self.folder / ".storage").glob(f"{DOMAIN}.journal.*"))
        return all(json.loads(journal.read_bytes())["under_way"] is None for journal in journals)


@dataclass(frozen=True)
class Scenario:
    """Something that may leave the Powerwall stopped."""

    name: str
    seconds_on_grid: float
    act: Callable[[HomeAssistant], Awaitable[None]]
    before: Path
    """The folder of a Home Assistant that is about to do it."""

    sessions: Mapping[str, str]
    """What the gateway knows of earlier logins."""


class NotReachedError(ProcessError):
    """A point of the clean run did not come again."""


class Witness:
    """Sees what the gateway gets and does, and kills Home Assistant at one point of that."""

    def __init__(self, simulator: Simulator, home: HomeAssistant | None = None, at: str = "") -> None:
        self.points: list[tuple[float, str]] = []
        self._names = Points()
        self._home = home
        self._at = at
        simulator.front.witness = self._see

    def _see(self, step: str, call: Call) -> None:
        if (call.method, call.path) not in EFFECTS:
            return
        name = self._names.name(f"{call.method} {call.path}: {step}")
        self.points.append((monotonic(), name))
        if self._home and name == self._at:
            self._home.kill()


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = monotonic() + LIMIT
    while not true():
        if monotonic() > end:
            raise ProcessError(f"Waited {LIMIT:g} s in vain: {what}")
        await asyncio.sleep(0.05)


# -- what is done ------------------------------------------------------------------------------------------------------


async def log_in(_: HomeAssistant) -> None:
    """Do nothing: the entry logs in by itself."""


async def write(home: HomeAssistant) -> None:
    """Set mode and reserve."""
    await home.api.call_service(DOMAIN, "set_operation", mode="backup", reserve=30)


async def stop(home: HomeAssistant) -> None:
    """Stop the Powerwall for two seconds."""
    await home.api.call_service(DOMAIN, "stop", duration={"seconds": 2})


# -- the walk ----------------------------------------------------------------------------------------------------------


async def prepare(folder: Path, ports: tuple[int, int]) -> list[Scenario]:
    """Set up Home Assistant once, and keep its folder before the login and after it."""
    fresh, logged_in = folder / "fresh", folder / "logged_in"
    async with gateway(ports[0], {}) as template:
        async with Place(fresh, *ports).home(NEVER) as home:
            await add(home.api, f"{template.host}:{template.port}", template.serial, template.password)
        shutil.copytree(fresh, logged_in, symlinks=True)
        place = Place(logged_in, *ports)
        async with place.home(SOON):
            await until(lambda: template.logins == 1 and template.running and place.is_closed(), "the first login")
            await asyncio.sleep(3)  # the session is kept
    sessions = dict(template.tokens)
    return [
        Scenario("login", SOON, log_in, fresh, {}),
        Scenario("write", NEVER, write, logged_in, sessions),
        Scenario("stop", SOON, stop, logged_in, sessions),
    ]


async def record(scenario: Scenario, place: Place) -> list[str]:
    """Do it without a kill, and give every point that was reached, in order."""
    renew(scenario, place)
    async with gateway(place.gateway_port, scenario.sessions) as simulator:
        witness = Witness(simulator)
        async with place.home(scenario.seconds_on_grid) as home:
            await ready(scenario)
            await scenario.act(home)
            await until(lambda: bool(witness.points) and simulator.running and place.is_closed(), "a clean run")
            await asyncio.sleep(1)
    traced = (line.split(" ", 1) for line in place.trace.read_text(encoding="utf-8").splitlines())
    points = [name for _, name in sorted([*((float(at), name) for at, name in traced), *witness.points])]
    check_whole(points)
    return points


def check_whole(points: list[str]) -> None:
    """Make sure that the gateway saw whatever was answered, so that no point is left out of the walk."""
    for point in points:
        for step in ("sent", "acted"):
            if point.replace("answer read", step) not in points:
                raise ProcessError(f"The trace is not whole: {point}, but never {step}.")


async def kill_at(scenario: Scenario, place: Place, point: str) -> float:
    """Kill it there, restart it, and give for how many seconds the Powerwall was stopped in all."""
    renew(scenario, place)
    async with gateway(place.gateway_port, scenario.sessions) as simulator:
        home = place.home(scenario.seconds_on_grid, point)
        Witness(simulator, home, point)
        with suppress(ProcessError, aiohttp.ClientError, OSError):
            async with home:
                with suppress(aiohttp.ClientError, OSError):
                    await ready(scenario)
                    await scenario.act(home)
                async with asyncio.timeout(LIMIT):
                    await home.wait()
        if (code := await home.wait()) != -9:
            raise NotReachedError(f"It was not killed at this point, but ended with {code}.")
        Witness(simulator)
        async with place.home(NEVER):
            await until(lambda: simulator.running and place.is_closed(), f"mending after {point}")
        if not simulator.running or simulator.stopped_seconds > LONGEST_STOP:
            raise ProcessError(f"The Powerwall was stopped for {simulator.stopped_seconds:.1f} s.")
        return simulator.stopped_seconds


async def ready(scenario: Scenario) -> None:
    """Wait until it may be asked: a stop wants the grid to have been seen for a while."""
    if scenario.act is stop:
        await asyncio.sleep(scenario.seconds_on_grid + 2)


@asynccontextmanager
async def gateway(port: int, sessions: Mapping[str, str]) -> AsyncIterator[Simulator]:
    """Start a simulated gateway at the address that Home Assistant knows."""
    simulator = Simulator(FIRMWARE)
    simulator.gateway.start_delay = START_DELAY
    simulator.tokens.update(sessions)
    await simulator.start(port)
    try:
        yield simulator
    finally:
        await simulator.stop()


def renew(scenario: Scenario, place: Place) -> None:
    """Make the folder what it was before."""
    shutil.rmtree(place.folder, ignore_errors=True)
    shutil.copytree(scenario.before, place.folder, symlinks=True)
    place.trace.unlink(missing_ok=True)


async def walk() -> int:
    """Walk all points of all scenarios."""
    began, failed, walked, left_out = monotonic(), 0, 0, 0
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        ports = (free_port(), free_port())
        place = Place(folder / "home", *ports)
        print(f"Firmware {FIRMWARE}; the guard's minutes are a second here. Setting up …", flush=True)
        for scenario in await prepare(folder, ports):
            points = await record(scenario, place)
            print(f"\nA {scenario.name}: {len(points)} points", flush=True)
            for number, point in enumerate(points, 1):
                try:
                    stopped = await kill_at(scenario, place, point)
                except NotReachedError as error:
                    left_out += 1
                    told = f"LEFT OUT: {error}"
                except ProcessError as error:
                    walked, failed = walked + 1, failed + 1
                    told = f"FAILED: {error}"
                else:
                    walked += 1
                    told = f"running, journal closed, stopped for {stopped:.1f} s in all"
                print(f"  {number:2} {point:45} {told}", flush=True)
    print(f"\n{walked} points walked, {left_out or 'none'} left out, in {monotonic() - began:.0f} s", flush=True)
    print(f"{walked - failed} passed, {failed} failed", flush=True)
    return 1 if failed or left_out else 0


if __name__ == "__main__":
    argparse.ArgumentParser(prog="scripts/test --kill", description=__doc__).parse_args()
    sys.exit(asyncio.run(walk()))
