"""`scripts/bench scale`: how the load of one Home Assistant grows with gateways, Powerwalls and entities."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
import json
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, time

from rich import box
from rich.console import Console
from rich.table import Table

from tools.benchmarks.metrics import HOUR, count_rows, memory_of
from tools.benchmarks.outage import end_outage
from tools.benchmarks.report import NEVER, Json, report
from tools.benchmarks.subjects import ERRORS, FIRMWARE, Gateway, Subject, gateway, set_clocks
from tools.dev_server import integration

SIZES = ((1, 1), (1, 4), (1, 10), (2, 1), (5, 1), (10, 1), (10, 4))
"""Gateways, and Powerwalls of each."""

LONGEST_OUTAGE = 1.5
"""The target for the longest detection time in seconds."""

SETTLE = 60.0
"""Seconds until a start is over, with the first polls of the hardware."""

COMMIT = 7.0
"""Seconds until the recorder has written everything: it commits every 5 seconds."""

OUTAGES, PAUSE, LIMIT = 6, 3.0, 30.0
"""Outages of each size; the longest pause before one, and the time after which it counts as missed, in seconds."""

WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The load of one Home Assistant with some gateways."""

    gateways: int
    powerwalls: int
    """Of each gateway."""

    entities: int
    """Enabled entities of all gateways."""

    cpu: float
    """Seconds per hour, above a Home Assistant without an integration."""

    rows: float
    """Recorder's new states per hour, above one without."""

    memory: float
    """MiB, above one without."""

    block: float
    """The longest loop block in seconds of CPU."""

    first_state: float
    """Seconds from the launch to the first state of any gateway."""

    outages: list[float]
    """Seconds from each outage to the state in Home Assistant; infinite for a missed one."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources of one process."""

    cpu: float
    """Seconds per hour."""

    rows: float
    """Per hour."""

    memory: float
    """MiB."""

    block: float
    """Seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--minutes", type=float, default=2, help="duration for each size (default: 2)")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every response (default: 100)")
    parser.add_argument("--all-entities", action="store_true", help="enable all entities first")
    parser.add_argument(
        "--sizes",
        type=parse_sizes,
        default=SIZES,
        help="gateways x Powerwalls of each, such as 1x1,10x4 (default: "
        + ",".join(f"{gateways}x{powerwalls}" for gateways, powerwalls in SIZES)
        + ")",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to FILE")


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Read sizes such as `1x1,10x4`. Raises ArgumentTypeError."""
    try:
        sizes = tuple(tuple(int(number) for number in size.split("x")) for size in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or any(len(size) != 2 or not all(1 <= number <= 10 for number in size) for size in sizes):
        raise argparse.ArgumentTypeError("gateways x Powerwalls from 1 to 10 each, such as 1x1,10x4")
    return tuple((gateways, powerwalls) for gateways, powerwalls in sizes)


async def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write, and return the exit code: 1 if an outage was detected too late."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    notify = partial(console.print, soft_wrap=True, markup=False)
    seconds = arguments.minutes * 60
    loads = []
    try:
        idle = await _idle(seconds, notify)
        for gateways, powerwalls in arguments.sizes:
            loads.append(await _measure(gateways, powerwalls, idle, arguments, notify))
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    console.print(draw_table(loads))
    entities = "all entities enabled" if arguments.all_entities else "the entities that are enabled by default"
    console.print(
        f"{arguments.minutes:g} minutes and {OUTAGES} outages for each size, with {entities}; {arguments.latency} ms"
        f" per response; firmware {FIRMWARE}; each gateway and Home Assistant is a process. CPU, rows and memory"
        " are above those of a Home Assistant without an integration.",
        soft_wrap=True,
    )
    if arguments.json:
        options = {name: getattr(arguments, name) for name in ("minutes", "latency", "all_entities")}
        measured = {f"{load.gateways}x{load.powerwalls}": _as_json(load) for load in loads}
        arguments.json.write_text(json.dumps(report("scale", options, [], measured), indent=2) + "\n", "utf-8")
    return int(any(max(load.outages) > LONGEST_OUTAGE for load in loads))


def _as_json(load: Load) -> Json:
    """Return a load without infinity, which JSON does not have."""
    return asdict(load) | {"outages": [None if after == NEVER else after for after in load.outages]}


def draw_table(loads: Sequence[Load]) -> Table:
    """Return a table with a row for each load."""
    drawn = Table(title="One Home Assistant with several gateways", title_justify="left", box=box.SIMPLE_HEAD)
    columns = (
        "gateways x Powerwalls",
        "entities",
        "CPU, s an hour",
        "per entity, ms",
        "rows an hour",
        "memory, MiB",
        "longest block, ms",
        "first state, s",
        "outage, median",
        "longest, s",
    )
    for column in columns:
        drawn.add_column(column, justify="right")
    for load in loads:
        longest = max(load.outages)
        drawn.add_row(
            f"{load.gateways} x {load.powerwalls}",
            str(load.entities),
            f"{load.cpu:.1f}",
            f"{load.cpu / load.entities * 1000:.0f}",
            f"{load.rows:,.0f}",
            f"{load.memory:.0f}",
            f"{load.block * 1000:.1f}",
            f"{load.first_state:.1f}",
            f"{median(load.outages):.2f}",
            "missed" if longest == NEVER else f"{longest:.2f}",
        )
    return drawn


async def _idle(seconds: float, notify: Callable[[str], None]) -> Usage:
    """Return the usage of a Home Assistant without an integration."""
    with TemporaryDirectory() as folder:
        subject = Subject("idle", "", None, Path(folder), notify)
        async with subject.running():
            notify("Measuring a Home Assistant without an integration …")
            await asyncio.sleep(SETTLE)
            return await _usage(subject, seconds)


async def _usage(subject: Subject, seconds: float) -> Usage:
    begin, first = time(), await subject.probe(reset=True)
    await asyncio.sleep(seconds)
    last, end = await subject.probe(), time()
    await asyncio.sleep(COMMIT)
    hours = (last["at"] - first["at"]) / HOUR
    return Usage(
        cpu=(last["process_cpu"] - first["process_cpu"]) / hours,
        rows=count_rows(subject.database, begin, end)["states"] / hours,
        memory=await memory_of(last["pid"]),
        block=max(last["blocks_cpu"]),
    )


async def _measure(
    gateways: int, powerwalls: int, idle: Usage, arguments: argparse.Namespace, notify: Callable[[str], None]
) -> Load:
    """Measure one size."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        notify(f"Starting {gateways} simulated gateways with {powerwalls} Powerwalls each …")
        homes = [
            await stack.enter_async_context(
                gateway(
                    folder / f"gateway-{number}",
                    arguments.latency / 1000,
                    packs=powerwalls,
                    serial=f"TG12123400{number:02d}A7",
                )
            )
            for number in range(gateways)
        ]
        subject = Subject("ours", integration.DOMAIN, homes[0], folder, notify)
        async with subject.running():
            for home in homes:
                to = home.target
                await integration.add(subject.api, to.host, to.serial, to.password)
            if arguments.all_entities:
                await asyncio.sleep(SETTLE)
                await subject.enable_only({entity.entity_id for entity in await subject.entities()})
        async with subject.running():
            await set_clocks(homes)
            await asyncio.sleep(SETTLE)
            first_state = (await subject.probe())["first_state_at"] - subject.launched_at
            entities = sum(entity.enabled for entity in await subject.entities())
            notify(f"Measuring {entities} entities for {arguments.minutes:g} minutes …")
            usage = await _usage(subject, arguments.minutes * 60)
            notify(f"Making {OUTAGES} outages …")
            return Load(
                gateways=gateways,
                powerwalls=powerwalls,
                entities=entities,
                cpu=usage.cpu - idle.cpu,
                rows=usage.rows - idle.rows,
                memory=usage.memory - idle.memory,
                block=usage.block,
                first_state=first_state,
                outages=await _outages(subject, homes),
            )


async def _outages(subject: Subject, homes: Sequence[Gateway]) -> list[float]:
    """Return the seconds until each outage of one of the homes was shown, at random phases."""
    dice = Random(1)
    detected = []
    async with subject.api.websocket() as connection:
        for number in range(OUTAGES):
            home = homes[number * len(homes) // OUTAGES]
            grid = (await integration.entity_ids(subject.api, home.target.serial))["grid"]
            changes = await connection.subscribe(
                "subscribe_trigger", trigger={"platform": "state", "entity_id": grid, "to": "off"}
            )
            await asyncio.sleep(dice.uniform(1, PAUSE))
            began = monotonic()
            await home.control_api.order(grid="down")
            try:
                await asyncio.wait_for(changes.get(), LIMIT)
                detected.append(monotonic() - began)
            except TimeoutError:
                detected.append(NEVER)
            await end_outage([home])
            await asyncio.sleep(PAUSE)
    return detected
