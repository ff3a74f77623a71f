"""What an integration costs: the gateway, the machine and the recorder."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, time

from rich.console import Console

from tools.benchmarks.facts import Shown, compare
from tools.benchmarks.figures import report, table
from tools.benchmarks.sides import ERRORS, FIRMWARE, Side, both_sides, set_clocks
from tools.benchmarks.spending import CORE_CADENCE, DEFAULT, Cost, Sample, count_rows, figures, memory_of
from tools.child_process import ProcessError
from tools.dev_server.integration import FlowError

CORE_INTERVAL = 30.0
STILL, MOST_REQUESTS = 5.0, 40
"""Seconds, and the time of so many answers, after which no more entities come."""

STARTS = 3
SETTLE = 75.0
"""Seconds after which a start is over: first polls, Home Assistant's own late work."""

COMMIT = 7.0
"""Seconds after which the recorder has written what there was: it does so every five."""

PROGRESS_INTERVAL = 15.0
WIDTH = 108


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--minutes", type=float, default=10, help="to measure for (default: 10)")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every answer (default: 100)")
    parser.add_argument(
        "--cadence",
        choices=(DEFAULT, CORE_CADENCE),
        default=DEFAULT,
        help="ours as it comes (the default), or polling every 30 s as core does, with the same facts enabled",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there, too")


async def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    tell = partial(console.print, soft_wrap=True, markup=False)
    try:
        idle, core, ours = await _measure(arguments, tell)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    rows = figures(idle, core, ours, arguments.cadence)
    console.print(table(f"What it costs, at {_cadence(arguments.cadence)}", rows))
    console.print(
        f"{arguments.minutes:g} minutes; {arguments.latency} ms an answer; firmware {FIRMWARE}; each gateway and each"
        " Home Assistant is a process. A block lasts from one look at the sockets to the next; the first state is the"
        f" median of {STARTS} starts.",
        soft_wrap=True,
    )
    if arguments.json:
        options = {name: getattr(arguments, name) for name in ("minutes", "latency", "cadence")}
        measured = {name: asdict(cost) for name, cost in (("idle", idle), ("core", core), ("ours", ours))}
        arguments.json.write_text(json.dumps(report("cost", options, rows, measured), indent=2) + "\n", "utf-8")
    return 0


def _cadence(cadence: str) -> str:
    return "core's cadence, with the same facts" if cadence == CORE_CADENCE else "the default cadence of each"


async def _measure(arguments: argparse.Namespace, tell: Callable[[str], None]) -> list[Cost]:
    """Give the costs of nothing, of core and of ours."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        core, ours = await stack.enter_async_context(both_sides(folder, arguments.latency / 1000, tell))
        idle = Side("idle", "", None, folder, tell)
        sides = (idle, core, ours)
        await _set_up(sides, arguments, tell)
        tell(f"Starting each {STARTS} times …")
        starts = [[await _start(side) for _ in range(STARTS)] if side.domain else [] for side in sides]
        for side in sides:
            await stack.enter_async_context(side.running())
        await set_clocks([core.gateway, ours.gateway])
        await _wait(SETTLE, "Settling", tell)
        return await _costs(sides, starts, arguments.minutes * 60, tell)


async def _set_up(sides: Sequence[Side], arguments: argparse.Namespace, tell: Callable[[str], None]) -> None:
    """Start each for the first time, which counts for nothing."""
    idle, core, ours = sides
    async with idle.running():
        pass
    async with core.running():
        tell(f"[{core.name}] Setting up {core.domain} …")
        await core.add_integration()
        facts = await core.registered()
    async with ours.running():
        tell(f"[{ours.name}] Setting up {ours.domain} …")
        await ours.add_integration()
        if arguments.cadence == CORE_CADENCE:
            still = STILL + MOST_REQUESTS * arguments.latency / 1000
            tell(f"[{ours.name}] Waiting for all entities, to enable those that core shows …")
            await _do_as_core(ours, [fact for fact in facts if fact.on_by_default], still)


async def _do_as_core(ours: Side, facts: Sequence[Shown], still: float) -> None:
    """Poll as seldom as core, and show what it shows."""
    await ours.set_options(grid_interval=CORE_INTERVAL, live_interval=CORE_INTERVAL)
    told = compare(facts, await ours.wait_for_entities(still)).facts
    if missing := [fact.core.key for fact in told if fact.ours is None]:
        raise FlowError(f"Nobody here tells what core does: {', '.join(missing)}")
    await ours.enable_only({fact.ours.entity_id for fact in told if fact.ours})


async def _start(side: Side) -> float:
    """Start it once more, and give the seconds from the launch to the first state."""
    async with side.running():
        while (first_state_at := (await side.probe())["first_state_at"]) is None:
            await _wait_a_little(side)
        seconds: float = first_state_at - side.launched_at
        return seconds


async def _wait_a_little(side: Side) -> None:
    if monotonic() - side.launched_at > SETTLE:
        raise ProcessError(f"{side.name} had no state after {SETTLE:.0f} s.")
    await asyncio.sleep(0.2)


async def _costs(
    sides: Sequence[Side], starts: Sequence[list[float]], seconds: float, tell: Callable[[str], None]
) -> list[Cost]:
    begin = time()
    first = [await Sample.take(side, afresh=True) for side in sides]
    await _wait(seconds, "Measuring", tell)
    last = [await Sample.take(side) for side in sides]
    end = time()
    await _wait(COMMIT, "Letting the recorders write", tell)
    return [
        Cost.between(
            before,
            after,
            rows=count_rows(side.database, begin, end),
            memory=await memory_of(after.pid),
            starts=started,
        )
        for side, before, after, started in zip(sides, first, last, starts, strict=True)
    ]


async def _wait(seconds: float, what: str, tell: Callable[[str], None]) -> None:
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0:
        tell(f"{what} … {left:.0f} s left")
        await asyncio.sleep(min(left, PROGRESS_INTERVAL))
