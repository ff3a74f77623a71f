"""`scripts/bench faults`: inject faults, print their impact, and fail where this integration does not recover."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from custom_components.powerwall_gateway.core_migration import CORE
from simulator import Simulator
from tools.benchmarks.fault_list import FAULTS, Fault
from tools.benchmarks.impact import Availability, Impact, ImpactRecorder
from tools.benchmarks.report import report
from tools.benchmarks.subjects import ERRORS, FIRMWARE, ControlApi, Gateway, Subject
from tools.dev_server.integration import DOMAIN
from tools.dev_server.target import Target
from tools.soak_test.environment import RESOURCES

DOMAINS: Final = {"core": CORE, "ours": DOMAIN}
WIDTH: Final = 180
STILL: Final = 8.0
"""Seconds after which no more entities are added."""

SHORTER: Final = 0.5
"""Factor of the duration without the built-in integration, which polls only every 30 s."""

DAY: Final = {"solar_power": 4000, "home_power": 1000, "charge": 50}
"""The battery charges from solar all the time: every entity has a value unless a fault hides it."""

MOST_POLLS: Final = 1
"""From the end of a fault until all entities are back."""

COLUMNS: Final = ("hidden", "after", "back after", "polls", "requests", "log records")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--ours", action="store_true", help="skip the built-in integration; faults last half as long")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every response (default: 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to FILE")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the log of each Home Assistant")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the faults with TEXT in their names")


async def run(arguments: argparse.Namespace) -> int:
    """Inject the faults, print and write the result, and return the exit code."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    notify = partial(console.print, soft_wrap=True, markup=False)
    names = ["ours"] if arguments.ours else list(DOMAINS)
    faults = [fault for fault in FAULTS if arguments.only in fault.name]
    try:
        impacts = await _measure(names, faults, arguments, notify)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    console.print(table(impacts))
    for name, of_subject in impacts.items():
        notify(f"{name}: {totals(of_subject)}.")
    notify(f"{arguments.latency} ms per response; firmware {FIRMWARE}; each Home Assistant is a process.")
    if arguments.json:
        options = {name: getattr(arguments, name) for name in ("latency", "ours", "only")}
        measured = {name: [asdict(impact) for impact in of_subject] for name, of_subject in impacts.items()}
        arguments.json.write_text(json.dumps(report("faults", options, [], measured), indent=2) + "\n", "utf-8")
    wrong = [f"{impact.fault}: {failure}" for impact in impacts["ours"] for failure in failures(impact)]
    for failure in wrong:
        console.print(f"FAILED: {failure}", style="bold red", markup=False, soft_wrap=True)
    return 1 if wrong else 0


async def _measure(
    names: Sequence[str], faults: Sequence[Fault], arguments: argparse.Namespace, notify: Callable[[str], None]
) -> Mapping[str, list[Impact]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        recorders = []
        for name in names:
            recorder = await stack.enter_async_context(_recorder(name, folder, arguments.latency / 1000, notify))
            if arguments.logs:
                stack.callback(_keep_log, recorder.subject, arguments.logs)
            recorders.append(recorder)
        return await _inject(recorders, faults, SHORTER if arguments.ours else 1.0, notify)


def _keep_log(subject: Subject, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{subject.name}.log").write_bytes(subject.log.read_bytes())


@asynccontextmanager
async def _recorder(
    name: str, folder: Path, latency: float, notify: Callable[[str], None]
) -> AsyncIterator[ImpactRecorder]:
    """Start a subject and its gateway, and wait until all of its entities are there."""
    async with Simulator(FIRMWARE, latency=latency) as simulator:
        target = Target(f"{simulator.host}:{simulator.port}", simulator.serial, simulator.url, simulator.password)
        async with ControlApi.open(simulator.url) as control_api:
            await control_api.order(**DAY)
            subject = Subject(name, DOMAINS[name], Gateway(target, control_api), folder, notify, probe=RESOURCES)
            async with subject.running():
                # Home Assistant's coordinators, and ours, log a recovery at the level info.
                await subject.api.call_service("logger", "set_level", **{"homeassistant.components.powerwall": "info"})
                notify(f"[{name}] Setting up {subject.domain} …")
                await subject.add_integration()
                async with Availability.open(subject, STILL) as availability:
                    recorder = ImpactRecorder(subject, simulator, availability)
                    await recorder.settle()
                    yield recorder


async def _inject(
    recorders: Sequence[ImpactRecorder], faults: Sequence[Fault], times: float, notify: Callable[[str], None]
) -> Mapping[str, list[Impact]]:
    """Inject each fault into all gateways at once, as soon as all have recovered from the one before."""
    impacts: dict[str, list[Impact]] = {recorder.subject.name: [] for recorder in recorders}
    began = monotonic()
    for number, fault in enumerate(faults, 1):
        recorded = await asyncio.gather(*(recorder.record(fault, times) for recorder in recorders))
        for recorder, impact in zip(recorders, recorded, strict=True):
            impacts[recorder.subject.name].append(impact)
        summary = "; ".join(f"{name}: {of_subject[-1].summary}" for name, of_subject in impacts.items())
        left = (monotonic() - began) / number * (len(faults) - number) / 60
        notify(f"{number:2}/{len(faults)}  {fault.name}: {summary}  ({left:.0f} min left)")
    return impacts


# -- the result --------------------------------------------------------------------------------------------------------


def failures(impact: Impact) -> Iterator[str]:
    """Yield every unexpected impact of a fault."""
    if not impact.met:
        yield "sent no more requests"
    if impact.beyond:
        yield f"hidden without need: {', '.join(impact.beyond)}"
    if impact.back_after is None:
        yield "not back until reloaded"
    elif impact.polls > MOST_POLLS and impact.hidden:
        yield f"back after {impact.polls} polls"
    if impact.records > impact.most_records:
        yield f"{impact.records} log records"
    if impact.tracebacks:
        yield f"{impact.tracebacks} tracebacks"
    if impact.tasks_left:
        yield f"{impact.tasks_left} tasks left"
    if impact.sockets_left:
        yield f"{impact.sockets_left} sockets left"


def table(subjects: Mapping[str, Sequence[Impact]]) -> Table:
    """Return a table of all subjects, with a row per fault."""
    drawn = Table(title="Under the same faults", title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for name in subjects:
        for column in COLUMNS:
            drawn.add_column(f"{name}:\n{column}", justify="right", no_wrap=True)
    for row in zip_longest(*subjects.values()):
        drawn.add_row(row[0].fault, *(cell for impact in row for cell in _cells(impact)))
    return drawn


def _cells(impact: Impact) -> tuple[str, ...]:
    if not impact.met:
        return ("no request", *[""] * (len(COLUMNS) - 1))
    hidden = f"{impact.hidden} of {impact.of}" if impact.hidden else "none"
    after = "" if impact.hidden_after is None else f"{impact.hidden_after:.1f} s"
    back = "STOPPED" if impact.back_after is None else f"{impact.back_after:.1f} s" if impact.hidden else ""
    log = f"{impact.records}, {impact.tracebacks} tracebacks" if impact.tracebacks else str(impact.records)
    return hidden, after, back, str(impact.polls) if impact.hidden else "", str(impact.requests), log


def totals(impacts: Iterable[Impact]) -> str:
    """Return the totals of a subject as text."""
    impacts = list(impacts)
    stopped = sum(impact.back_after is None for impact in impacts)
    hidden = sum(impact.hidden > 0 for impact in impacts)
    records, tracebacks = sum(impact.records for impact in impacts), sum(impact.tracebacks for impact in impacts)
    return (
        f"{hidden} of {len(impacts)} faults hid something, {stopped} stopped it for good;"
        f" {records} log records, {tracebacks} of them with a traceback"
    )
