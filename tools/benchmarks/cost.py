"""`scripts/bench cost`: the load on the gateway, the machine and the recorder."""

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

from custom_components.powerwall_gateway.core_migration import OF_GATEWAY, OF_PACK
from tools.benchmarks import plain_client
from tools.benchmarks.metrics import CORE_CADENCE, DEFAULT, Cost, Sample, count_rows, figures, memory_of
from tools.benchmarks.report import Figure, Target, report, table
from tools.benchmarks.subjects import (
    ERRORS,
    FIRMWARE,
    Entity,
    Subject,
    both_subjects,
    gateway as start_gateway,
    set_clocks,
)
from tools.child_process import ProcessError
from tools.dev_server.integration import FlowError

CORE_INTERVAL = 30.0
STILL, MOST_REQUESTS = 5.0, 40
"""Seconds, and the time of so many responses, after which no more entities are added."""

STARTS = 3
SETTLE = 75.0
"""Seconds until a start is over, with the first polls and Home Assistant's own late tasks."""

COMMIT = 7.0
"""Seconds until the recorder has written everything: it commits every 5 seconds."""

CLIENT_RATIO = 1.3
"""The target for this integration's CPU, relative to a client that only makes its requests."""

PROGRESS_INTERVAL = 15.0
WIDTH = 108


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--minutes", type=float, default=10, help="duration (default: 10)")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every response (default: 100)")
    parser.add_argument(
        "--cadence",
        choices=(DEFAULT, CORE_CADENCE),
        default=DEFAULT,
        help="polling of this integration: its defaults (default), or every 30 s with the same entities as the built-in"
        " one",
    )
    parser.add_argument(
        "--lively", action="store_true", help="a home whose consumption moves by tens of watts at every poll"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to FILE")


async def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    notify = partial(console.print, soft_wrap=True, markup=False)
    try:
        (idle, core, ours), client_cpu = await _measure(arguments, notify)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    rows = figures(idle, core, ours, arguments.cadence)
    console.print(table(f"What it costs, at {_cadence(arguments.cadence)}", rows))
    client_figure = Figure(
        "CPU above idle", "s an hour", 2, client_cpu, ours.above(idle).cpu_per_hour, Target(ratio=CLIENT_RATIO)
    )
    console.print(
        table("CPU, compared with a client that only makes the same requests with aiohttp", [client_figure], "client")
    )
    home = "lively" if arguments.lively else "calm"
    console.print(
        f"{arguments.minutes:g} minutes in a {home} home; {arguments.latency} ms per response; firmware {FIRMWARE};"
        " each gateway and Home Assistant is a process. A block lasts from one select call to the next. The first state"
        f" is the median of {STARTS} starts.",
        soft_wrap=True,
    )
    if arguments.json:
        options = {name: getattr(arguments, name) for name in ("minutes", "latency", "cadence", "lively")}
        measured = {name: asdict(cost) for name, cost in (("idle", idle), ("core", core), ("ours", ours))}
        measured["client"] = {"cpu_per_hour": client_cpu}
        arguments.json.write_text(json.dumps(report("cost", options, rows, measured), indent=2) + "\n", "utf-8")
    return 0


def _cadence(cadence: str) -> str:
    return "core's cadence, with the same entities" if cadence == CORE_CADENCE else "the default cadence of each"


async def _measure(arguments: argparse.Namespace, notify: Callable[[str], None]) -> tuple[list[Cost], float]:
    """Return the costs of no integration, the built-in one and this one, and the CPU of a plain client in s an hour."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        core, ours = await stack.enter_async_context(
            both_subjects(folder, arguments.latency / 1000, notify, lively=arguments.lively)
        )
        idle = Subject("idle", "", None, folder, notify)
        subjects = (idle, core, ours)
        await _set_up(subjects, arguments, notify)
        notify(f"Starting each {STARTS} times …")
        starts = [[await _start(subject) for _ in range(STARTS)] if subject.domain else [] for subject in subjects]
        for subject in subjects:
            await stack.enter_async_context(subject.running())
        await set_clocks([core.gateway, ours.gateway])
        await _wait(SETTLE, "Settling", notify)
        costs = await _costs(subjects, starts, arguments.minutes * 60, notify)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        gateway = await stack.enter_async_context(start_gateway(folder, arguments.latency / 1000))
        notify("Measuring a client that only makes the same requests …")
        intervals = {path: costs[-1].seconds / count for path, count in costs[-1].requests.items()}
        return costs, await plain_client.measure(gateway.target, intervals, arguments.minutes * 60)


async def _set_up(subjects: Sequence[Subject], arguments: argparse.Namespace, notify: Callable[[str], None]) -> None:
    """Start each for the first time, without measuring."""
    idle, core, ours = subjects
    async with idle.running():
        pass
    async with core.running():
        notify(f"[{core.name}] Setting up {core.domain} …")
        await core.add_integration()
        core_entities = [entity for entity in await core.entities() if entity.enabled]
    async with ours.running():
        notify(f"[{ours.name}] Setting up {ours.domain} …")
        await ours.add_integration()
        if arguments.cadence == CORE_CADENCE:
            still = STILL + MOST_REQUESTS * arguments.latency / 1000
            notify(f"[{ours.name}] Waiting for all entities, to enable the counterparts of core's …")
            await _match_core(ours, core_entities, still)


async def _match_core(ours: Subject, core_entities: Sequence[Entity], still: float) -> None:
    """Poll as often as the built-in integration, and enable the counterparts of its entities."""
    await ours.set_options(grid_interval=CORE_INTERVAL, live_interval=CORE_INTERVAL)
    by_place = {(entity.part, entity.key): entity.entity_id for entity in await ours.wait_for_entities(still)}
    counterparts = {
        entity: by_place.get((entity.part, (OF_PACK if entity.part else OF_GATEWAY).get(entity.key, "")))
        for entity in core_entities
    }
    if missing := [entity.key for entity, entity_id in counterparts.items() if entity_id is None]:
        raise FlowError(f"There is no counterpart of {', '.join(missing)}")
    await ours.enable_only(set(filter(None, counterparts.values())))


async def _start(subject: Subject) -> float:
    """Start it again, and return the seconds from the launch to the first state."""
    async with subject.running():
        while (first_state_at := (await subject.probe())["first_state_at"]) is None:
            await _wait_a_little(subject)
        seconds: float = first_state_at - subject.launched_at
        return seconds


async def _wait_a_little(subject: Subject) -> None:
    if monotonic() - subject.launched_at > SETTLE:
        raise ProcessError(f"{subject.name} had no state after {SETTLE:.0f} s.")
    await asyncio.sleep(0.2)


async def _costs(
    subjects: Sequence[Subject], starts: Sequence[list[float]], seconds: float, notify: Callable[[str], None]
) -> list[Cost]:
    begin = time()
    first = [await Sample.take(subject, reset=True) for subject in subjects]
    await _wait(seconds, "Measuring", notify)
    last = [await Sample.take(subject) for subject in subjects]
    end = time()
    await _wait(COMMIT, "Letting the recorders write", notify)
    return [
        Cost.between(
            before,
            after,
            rows=count_rows(subject.database, begin, end),
            memory=await memory_of(after.pid),
            starts=started,
        )
        for subject, before, after, started in zip(subjects, first, last, starts, strict=True)
    ]


async def _wait(seconds: float, what: str, notify: Callable[[str], None]) -> None:
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0:
        notify(f"{what} … {left:.0f} s left")
        await asyncio.sleep(min(left, PROGRESS_INTERVAL))
