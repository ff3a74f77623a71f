"""`scripts/bench outage`: how soon Home Assistant detects an outage, and which outages it misses."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Self

from rich.console import Console

from custom_components.powerwall_gateway.core_migration import CORE
from tools.benchmarks import plot
from tools.benchmarks.report import NEVER, Figure, Json, Target, percentile, report, table
from tools.benchmarks.subjects import ERRORS, FIRMWARE, Gateway, Subject, both_subjects, set_clocks

GRID = {CORE: "binary_sensor.grid_status"}
OUR_GRID = "binary_sensor.grid"
CORE_CYCLE = 31.0
"""Seconds between two polls of the built-in integration; an outage begins at a random time in between."""

SHORT_SECONDS = (5, 10)
LIMIT = 90.0
"""Seconds after which an outage counts as missed."""

LEEWAY, CORE_REQUESTS = 2.0, 10
"""Seconds, and the time of so many responses, until a value that was read during a short outage is shown: the built-in
integration waits for all responses of a refresh."""

HURRY, RETURN = 300.0, 0.2
"""Speed of the simulated home, and seconds, while it reconnects to the grid, which takes 20 of its seconds."""


LONGEST = {100: 1.5, 300: 2.5, 1000: 8.0}
"""The target for the longest detection time in seconds, by milliseconds per response."""

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage to simulate."""

    wait: float
    """Seconds from the time when both detected the end of the last outage."""

    lasts: float | None
    """Seconds; None for one that lasts until both have detected it."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The detection of one outage by one integration."""

    lasts: float | None
    after: float
    """Seconds from the order to the state in Home Assistant; infinite for a missed outage."""


def plan(outages: int, short: int, seed: int) -> list[Outage]:
    """Return outages at random phases, with the short ones among the others."""
    dice = Random(seed)
    lengths: list[float | None] = [None] * outages
    lengths += [seconds for seconds in SHORT_SECONDS for _ in range(short)]
    dice.shuffle(lengths)
    return [Outage(dice.uniform(0, CORE_CYCLE), lasts) for lasts in lengths]


def figures(core: Sequence[Detection], ours: Sequence[Detection], latency: int) -> list[Figure]:
    """Calculate the figures of both integrations, at a latency in milliseconds."""

    def figure(name: str, percent: float, target: Target | None = None) -> Figure:
        of_core, of_ours = (percentile(_waits(detections), percent) for detections in (core, ours))
        return Figure(f"grid gone, {name}", "s", 2, of_core, of_ours, target)

    longest = Target(value=LONGEST[latency]) if latency in LONGEST else None
    rows = [figure("median", 50, Target(ratio=1 / 20)), figure("p90", 90), figure("longest", 100, longest)]
    for seconds in SHORT_SECONDS:
        short = [[each for each in detections if each.lasts == seconds] for detections in (core, ours)]
        if total := len(short[0]):
            by_core, by_ours = (sum(each.after == NEVER for each in detections) for detections in short)
            rows.append(Figure(f"outages of {seconds} s missed", f"of {total}", 0, by_core, by_ours, Target(value=0)))
    return rows


def _waits(detections: Sequence[Detection]) -> list[float]:
    return [each.after for each in detections if each.lasts is None]


@dataclass
class GridWatcher:
    """Follow the grid status in one subject's Home Assistant."""

    subject: Subject
    grid: str
    """The id of the entity."""

    gone_at: float | None = None
    """`time.monotonic()` when it first showed an outage."""

    detections: list[Detection] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, subject: Subject) -> AsyncIterator[Self]:
        """Subscribe to the grid entity."""
        watch = cls(subject, await subject.entity_id(GRID.get(subject.domain, OUR_GRID)))
        async with subject.api.websocket() as home, asyncio.TaskGroup() as group:
            changes = await home.subscribe("subscribe_trigger", trigger={"platform": "state", "entity_id": watch.grid})
            watch.update((await subject.api.states())[watch.grid].state)
            listening = group.create_task(watch._listen(changes))
            yield watch
            listening.cancel()

    async def _listen(self, changes: asyncio.Queue[Json]) -> None:
        while True:
            change = await changes.get()
            self.update(change["variables"]["trigger"]["to_state"]["state"])

    def update(self, state: str) -> None:
        """Record its new state."""
        if state == "on":
            self.gone.clear()
            self.connected.set()
        elif state == "off":
            if self.gone_at is None:
                self.gone_at = monotonic()
            self.connected.clear()
            self.gone.set()

    async def poll_now(self) -> None:
        """Poll now: the detection of the grid's return is not measured."""
        await self.subject.api.call_service("homeassistant", "update_entity", entity_id=self.grid)


async def end_outage(gateways: Sequence[Gateway]) -> None:
    """End an outage at once: the simulated homes run at high speed until they have reconnected."""
    await _order(gateways, grid="up", speed=HURRY)
    await asyncio.sleep(RETURN)
    await _order(gateways, speed=1)


async def _order(gateways: Sequence[Gateway], **orders: object) -> None:
    await asyncio.gather(*(gateway.control_api.order(**orders) for gateway in gateways))


class OutageRunner:
    """Simulate one outage after the other on both subjects at once."""

    def __init__(self, core: GridWatcher, ours: GridWatcher, leeway: float, notify: Callable[[str], None]) -> None:
        self._both = (core, ours)
        self._gateways = [watch.subject.gateway for watch in self._both]
        self._leeway = leeway
        self._notify = notify

    async def run(self, outages: Sequence[Outage]) -> None:
        """Simulate all outages; `detections` of both subjects has the results."""
        began = monotonic()
        for number, outage in enumerate(outages, 1):
            await self._simulate(outage)
            summary = ", ".join(f"{watch.subject.name} {_in_words(watch.detections[-1].after)}" for watch in self._both)
            length = "until both detect it" if outage.lasts is None else f"of {outage.lasts:g} s"
            left = (monotonic() - began) / number * (len(outages) - number) / 60
            self._notify(f"{number:3}/{len(outages)}  an outage {length}: {summary}  ({left:.0f} min left)")

    async def _simulate(self, outage: Outage) -> None:
        await asyncio.sleep(outage.wait)
        for watch in self._both:
            watch.gone_at = None
        down_at = monotonic()
        await _order(self._gateways, grid="down")
        if outage.lasts is None:
            await self._wait(lambda watch: watch.gone)
            await end_outage(self._gateways)
        else:
            await asyncio.sleep(down_at + outage.lasts - monotonic())
            await end_outage(self._gateways)
            await asyncio.sleep(self._leeway)
        for watch in self._both:
            watch.detections.append(
                Detection(outage.lasts, NEVER if watch.gone_at is None else watch.gone_at - down_at)
            )
        await self._wait_until_connected()

    async def _wait_until_connected(self) -> None:
        for watch in self._both:
            if not watch.connected.is_set():
                await watch.poll_now()
        await self._wait(lambda watch: watch.connected)

    async def _wait(self, what: Callable[[GridWatcher], asyncio.Event]) -> None:
        waiting = [asyncio.create_task(what(watch).wait()) for watch in self._both]
        _, pending = await asyncio.wait(waiting, timeout=LIMIT)
        for task in pending:
            task.cancel()


def _minutes(outages: Sequence[Outage]) -> float:
    """Estimate the minutes: half a cycle on average until the built-in integration detects an outage."""
    return (
        sum(outage.wait + (CORE_CYCLE / 2 if outage.lasts is None else outage.lasts) + LEEWAY for outage in outages)
        / 60
    )


def _in_words(after: float) -> str:
    return "missed it" if after == NEVER else f"after {after:.2f} s"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--outages", type=_one_or_more, default=30, help="outages that last until both detect them (default: 30)"
    )
    parser.add_argument("--short", type=int, default=6, help="outages of 5 s, and as many of 10 s (default: 6)")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every response (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the phases (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw a chart")


def _one_or_more(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one")
    return number


async def run(arguments: argparse.Namespace) -> int:
    """Measure, print, write and draw, and return the exit code."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    notify = partial(console.print, soft_wrap=True, markup=False)
    outages = plan(arguments.outages, arguments.short, arguments.seed)
    try:
        core, ours = await _measure(outages, arguments.latency / 1000, notify)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    rows = figures(core, ours, arguments.latency)
    console.print(table("How soon Home Assistant detects an outage", rows))
    console.print(
        f"{arguments.outages} outages until both detect them, {arguments.short} of each short length, at random phases;"
        f" {arguments.latency} ms per response; firmware {FIRMWARE}; each gateway and Home Assistant is a process.",
        soft_wrap=True,
    )
    if arguments.json:
        _write(arguments, rows, core, ours)
    if arguments.plot:
        plot.draw_outages(_waits(core), _waits(ours), f"{arguments.latency} ms per response", arguments.plot)
    return 0


async def _measure(
    outages: Sequence[Outage], latency: float, notify: Callable[[str], None]
) -> tuple[list[Detection], list[Detection]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        subjects = await stack.enter_async_context(both_subjects(folder, latency, notify))
        for subject in subjects:
            await stack.enter_async_context(subject.running())
            notify(f"[{subject.name}] Setting up {subject.domain} …")
            await subject.add_integration()
        await set_clocks([subject.gateway for subject in subjects])
        core, ours = [await stack.enter_async_context(GridWatcher.open(subject)) for subject in subjects]
        notify(f"Making {len(outages)} outages, which takes about {_minutes(outages):.0f} minutes …")
        await OutageRunner(core, ours, LEEWAY + CORE_REQUESTS * latency, notify).run(outages)
        return core.detections, ours.detections


def _write(
    arguments: argparse.Namespace, rows: Sequence[Figure], core: Sequence[Detection], ours: Sequence[Detection]
) -> None:
    options = {name: getattr(arguments, name) for name in ("outages", "short", "latency", "seed")}
    measured = {
        name: [asdict(each) | {"after": None if each.after == NEVER else each.after} for each in detections]
        for name, detections in (("core", core), ("ours", ours))
    }
    arguments.json.write_text(json.dumps(report("outage", options, rows, measured), indent=2) + "\n", "utf-8")
