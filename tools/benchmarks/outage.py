"""How soon Home Assistant knows that the grid is gone, and which outages it never hears of."""

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

from custom_components.powerwall_gateway.migration import CORE
from tools.benchmarks import plot
from tools.benchmarks.figures import NEVER, Figure, Json, Target, percentile, report, table
from tools.benchmarks.sides import ERRORS, FIRMWARE, Side, both_sides, set_clocks

GRID = {CORE: "binary_sensor.grid_status"}
OUR_GRID = "binary_sensor.grid"
CORE_CYCLE = 31.0
"""Seconds between two polls of core's; an outage begins anywhere in between."""

SHORT_SECONDS = (5, 10)
LIMIT = 90.0
"""Seconds after which nobody is waited for any longer."""

LEEWAY, CORE_REQUESTS = 2.0, 10
"""Seconds, and the time of so many answers, in which what was sampled during a short outage is shown: core shows
nothing before all of a refresh have come."""

HURRY, RETURN = 300.0, 0.2
"""The home's seconds in one, and our seconds, while it comes back to the grid, which takes it 20 of its own."""


LONGEST = {100: 1.5, 300: 2.5, 1000: 8.0}
"""The target for the longest wait, in seconds, by milliseconds an answer."""

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Flip:
    """An outage to make."""

    wait: float
    """Seconds from the grid's return, as all have seen it, to this outage."""

    lasts: float | None
    """Seconds; None for one that lasts until all have seen it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of an outage on one side."""

    lasts: float | None
    after: float
    """Seconds from the order to the state in Home Assistant; infinite for an outage that was never seen."""


def plan(flips: int, short: int, seed: int) -> list[Flip]:
    """Give outages at random phases, the short ones among the others."""
    dice = Random(seed)
    lengths: list[float | None] = [None] * flips
    lengths += [seconds for seconds in SHORT_SECONDS for _ in range(short)]
    dice.shuffle(lengths)
    return [Flip(dice.uniform(0, CORE_CYCLE), lasts) for lasts in lengths]


def figures(core: Sequence[Seen], ours: Sequence[Seen], latency: int) -> list[Figure]:
    """Make figures of what both sides saw, at so many milliseconds an answer."""

    def figure(name: str, percent: float, target: Target | None = None) -> Figure:
        of_core, of_ours = (percentile(_waits(seen), percent) for seen in (core, ours))
        return Figure(f"grid gone, {name}", "s", 2, of_core, of_ours, target)

    longest = Target(value=LONGEST[latency]) if latency in LONGEST else None
    rows = [figure("median", 50, Target(ratio=1 / 20)), figure("p90", 90), figure("longest", 100, longest)]
    for seconds in SHORT_SECONDS:
        short = [[each for each in seen if each.lasts == seconds] for seen in (core, ours)]
        if total := len(short[0]):
            by_core, by_ours = (sum(each.after == NEVER for each in seen) for seen in short)
            rows.append(Figure(f"outages of {seconds} s missed", f"of {total}", 0, by_core, by_ours, Target(value=0)))
    return rows


def _waits(seen: Sequence[Seen]) -> list[float]:
    return [each.after for each in seen if each.lasts is None]


@dataclass
class Watch:
    """What one side's Home Assistant says of the grid."""

    side: Side
    grid: str
    """The id of the entity."""

    gone_at: float | None = None
    """When it first said that there was none; `time.monotonic()`."""

    seen: list[Seen] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, side: Side) -> AsyncIterator[Self]:
        """Listen, and go on listening."""
        watch = cls(side, await side.entity_id(GRID.get(side.domain, OUR_GRID)))
        async with side.api.websocket() as home, asyncio.TaskGroup() as group:
            changes = await home.subscribe("subscribe_trigger", trigger={"platform": "state", "entity_id": watch.grid})
            watch.hear((await side.api.states())[watch.grid].state)
            listening = group.create_task(watch._listen(changes))
            yield watch
            listening.cancel()

    async def _listen(self, changes: asyncio.Queue[Json]) -> None:
        while True:
            change = await changes.get()
            self.hear(change["variables"]["trigger"]["to_state"]["state"])

    def hear(self, state: str) -> None:
        """Take what it says now."""
        if state == "on":
            self.gone.clear()
            self.connected.set()
        elif state == "off":
            if self.gone_at is None:
                self.gone_at = monotonic()
            self.connected.clear()
            self.gone.set()

    async def look_again(self) -> None:
        """Have Home Assistant poll now, as its action does: nobody waits for the grid's return."""
        await self.side.api.call_service("homeassistant", "update_entity", entity_id=self.grid)


class Outages:
    """Makes one outage after the other on both sides at once."""

    def __init__(self, core: Watch, ours: Watch, leeway: float, tell: Callable[[str], None]) -> None:
        self._both = (core, ours)
        self._leeway = leeway
        self._tell = tell

    async def make(self, flips: Sequence[Flip]) -> None:
        """Make them all; `seen` of both sides tells what became of them."""
        began = monotonic()
        for number, flip in enumerate(flips, 1):
            await self._make(flip)
            told = ", ".join(f"{watch.side.name} {_in_words(watch.seen[-1].after)}" for watch in self._both)
            length = "until it is seen" if flip.lasts is None else f"of {flip.lasts:g} s"
            left = (monotonic() - began) / number * (len(flips) - number) / 60
            self._tell(f"{number:3}/{len(flips)}  an outage {length}: {told}  ({left:.0f} min left)")

    async def _make(self, flip: Flip) -> None:
        await asyncio.sleep(flip.wait)
        for watch in self._both:
            watch.gone_at = None
        down_at = monotonic()
        await self._order(grid="down")
        if flip.lasts is None:
            await self._wait(lambda watch: watch.gone)
            await self._bring_back()
        else:
            await asyncio.sleep(down_at + flip.lasts - monotonic())
            await self._bring_back()
            await asyncio.sleep(self._leeway)
        for watch in self._both:
            watch.seen.append(Seen(flip.lasts, NEVER if watch.gone_at is None else watch.gone_at - down_at))
        await self._see_it_back()

    async def _bring_back(self) -> None:
        """End the outage at once: the home does not take its time to come back to the grid."""
        await self._order(grid="up", speed=HURRY)
        await asyncio.sleep(RETURN)
        await self._order(speed=1)

    async def _see_it_back(self) -> None:
        for watch in self._both:
            if not watch.connected.is_set():
                await watch.look_again()
        await self._wait(lambda watch: watch.connected)

    async def _wait(self, what: Callable[[Watch], asyncio.Event]) -> None:
        waiting = [asyncio.create_task(what(watch).wait()) for watch in self._both]
        _, pending = await asyncio.wait(waiting, timeout=LIMIT)
        for task in pending:
            task.cancel()

    async def _order(self, **orders: object) -> None:
        await asyncio.gather(*(watch.side.gateway.back_door.order(**orders) for watch in self._both))


def _minutes(flips: Sequence[Flip]) -> float:
    """Guess how long they take: until core sees one, half a cycle on average, and some moments for the way back."""
    return sum(flip.wait + (CORE_CYCLE / 2 if flip.lasts is None else flip.lasts) + LEEWAY for flip in flips) / 60


def _in_words(after: float) -> str:
    return "missed it" if after == NEVER else f"after {after:.2f} s"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument(
        "--flips", type=_one_or_more, default=30, help="outages that last until they are seen (default: 30)"
    )
    parser.add_argument("--short", type=int, default=6, help="outages of 5 s, and as many of 10 s (default: 6)")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every answer (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other phases (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there, too")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it there")


def _one_or_more(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one")
    return number


async def run(arguments: argparse.Namespace) -> int:
    """Measure, print, write and draw."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    tell = partial(console.print, soft_wrap=True, markup=False)
    flips = plan(arguments.flips, arguments.short, arguments.seed)
    try:
        core, ours = await _measure(flips, arguments.latency / 1000, tell)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    rows = figures(core, ours, arguments.latency)
    console.print(table("How soon Home Assistant knows that the grid is gone", rows))
    console.print(
        f"{arguments.flips} outages until they are seen, {arguments.short} of each short length, all at random phases;"
        f" {arguments.latency} ms an answer; firmware {FIRMWARE}; each gateway and each Home Assistant is a process.",
        soft_wrap=True,
    )
    if arguments.json:
        _write(arguments, rows, core, ours)
    if arguments.plot:
        plot.draw_outages(_waits(core), _waits(ours), f"{arguments.latency} ms an answer", arguments.plot)
    return 0


async def _measure(flips: Sequence[Flip], latency: float, tell: Callable[[str], None]) -> tuple[list[Seen], list[Seen]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        sides = await stack.enter_async_context(both_sides(folder, latency, tell))
        for side in sides:
            await stack.enter_async_context(side.running())
            tell(f"[{side.name}] Setting up {side.domain} …")
            await side.add_integration()
        await set_clocks([side.gateway for side in sides])
        core, ours = [await stack.enter_async_context(Watch.open(side)) for side in sides]
        tell(f"Making {len(flips)} outages, which takes about {_minutes(flips):.0f} minutes …")
        await Outages(core, ours, LEEWAY + CORE_REQUESTS * latency, tell).make(flips)
        return core.seen, ours.seen


def _write(arguments: argparse.Namespace, rows: Sequence[Figure], core: Sequence[Seen], ours: Sequence[Seen]) -> None:
    options = {name: getattr(arguments, name) for name in ("flips", "short", "latency", "seed")}
    measured = {
        name: [asdict(each) | {"after": None if each.after == NEVER else each.after} for each in seen]
        for name, seen in (("core", core), ("ours", ours))
    }
    arguments.json.write_text(json.dumps(report("outage", options, rows, measured), indent=2) + "\n", "utf-8")
