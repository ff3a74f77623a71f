"""`scripts/bench faults`: has them happen, prints what they cost, and tells by the exit code whether ours holds."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from functools import partial
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from rich.console import Console

from custom_components.powerwall_gateway.migration import CORE
from simulator import Simulator
from tools.benchmarks.figures import report
from tools.benchmarks.sides import ERRORS, FIRMWARE, BackDoor, Gateway, Side
from tools.dev_server.integration import DOMAIN
from tools.dev_server.target import Target
from tools.soak_test.home import HOLDING

from .dozen import DOZEN, Fault
from .suffering import Suffered, Sufferer
from .verdict import complaints, sums, table
from .watch import Watch

DOMAINS = {"core": CORE, "ours": DOMAIN}
WIDTH = 180
STILL = 8.0
"""Seconds after which no more entities come."""

SHORTER = 0.5
"""How long faults last beside their usual time where core, which polls every 30 s, has not to meet them."""

# The battery charges from the sun all the time: an entity that shows nothing does so because of a fault.
DAY = {"solar_power": 4000, "home_power": 1000, "charge": 50}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--ours", action="store_true", help="without core's, and each fault half as long")
    parser.add_argument("--latency", type=int, default=100, metavar="MS", help="of every answer (default: 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there, too")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep what each Home Assistant said there")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the faults with this in their names")


async def run(arguments: argparse.Namespace) -> int:
    """Have all of it happen, print and write."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    tell = partial(console.print, soft_wrap=True, markup=False)
    names = ["ours"] if arguments.ours else list(DOMAINS)
    faults = [fault for fault in DOZEN if arguments.only in fault.name]
    try:
        costs = await _measure(names, faults, arguments, tell)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    console.print(table(costs))
    for name, of_side in costs.items():
        tell(f"{name}: {sums(of_side)}.")
    tell(f"{arguments.latency} ms an answer; firmware {FIRMWARE}; each Home Assistant is a process.")
    if arguments.json:
        options = {name: getattr(arguments, name) for name in ("latency", "ours", "only")}
        measured = {name: [asdict(cost) for cost in of_side] for name, of_side in costs.items()}
        arguments.json.write_text(json.dumps(report("faults", options, [], measured), indent=2) + "\n", "utf-8")
    wrong = [f"{cost.fault}: {complaint}" for cost in costs["ours"] for complaint in complaints(cost)]
    for complaint in wrong:
        console.print(f"OURS DOES NOT HOLD under {complaint}", style="bold red", markup=False, soft_wrap=True)
    return 1 if wrong else 0


async def _measure(
    names: Sequence[str], faults: Sequence[Fault], arguments: argparse.Namespace, tell: Callable[[str], None]
) -> Mapping[str, list[Suffered]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        sufferers = []
        for name in names:
            sufferer = await stack.enter_async_context(_side(name, folder, arguments.latency / 1000, tell))
            if arguments.logs:
                stack.callback(_keep_log, sufferer.side, arguments.logs)
            sufferers.append(sufferer)
        return await _make(sufferers, faults, SHORTER if arguments.ours else 1.0, tell)


def _keep_log(side: Side, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{side.name}.log").write_bytes(side.log.read_bytes())


@asynccontextmanager
async def _side(name: str, folder: Path, latency: float, tell: Callable[[str], None]) -> AsyncIterator[Sufferer]:
    """Start a side and its gateway, and wait until all of its entities are there."""
    async with Simulator(FIRMWARE, latency=latency) as simulator:
        target = Target(f"{simulator.host}:{simulator.port}", simulator.serial, simulator.url, simulator.password)
        async with BackDoor.open(simulator.url) as back_door:
            await back_door.order(**DAY)
            side = Side(name, DOMAINS[name], Gateway(target, back_door), folder, tell, probe=HOLDING)
            async with side.running():
                # That it recovered is told as information by Home Assistant's coordinators, and by ours.
                await side.api.call_service("logger", "set_level", **{"homeassistant.components.powerwall": "info"})
                tell(f"[{name}] Setting up {side.domain} …")
                await side.add_integration()
                async with Watch.open(side, STILL) as watch:
                    sufferer = Sufferer(side, simulator, watch)
                    await sufferer.settle()
                    yield sufferer


async def _make(
    sufferers: Sequence[Sufferer], faults: Sequence[Fault], times: float, tell: Callable[[str], None]
) -> Mapping[str, list[Suffered]]:
    """Have the faults happen on all sides at once, each when all are back from the one before."""
    costs: dict[str, list[Suffered]] = {sufferer.side.name: [] for sufferer in sufferers}
    began = monotonic()
    for number, fault in enumerate(faults, 1):
        for sufferer, cost in zip(
            sufferers, await asyncio.gather(*(each.suffer(fault, times) for each in sufferers)), strict=True
        ):
            costs[sufferer.side.name].append(cost)
        told = "; ".join(f"{name}: {of_side[-1].in_words}" for name, of_side in costs.items())
        left = (monotonic() - began) / number * (len(faults) - number) / 60
        tell(f"{number:2}/{len(faults)}  {fault.name}: {told}  ({left:.0f} min left)")
    return costs
