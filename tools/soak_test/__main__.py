"""`scripts/soak`: run a soak test, print tables, and exit with 1 where anything grows or does not recover."""

import argparse
import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
import json
import os
from pathlib import Path
import platform
import sys
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from homeassistant.const import __version__ as home_assistant_version
from tools.benchmarks.subjects import ERRORS
from tools.soak_test.environment import environment
from tools.soak_test.report import Figure, table
from tools.soak_test.soak import Soak, rounds_table

WIDTH = 108


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Inject random faults into a real Home Assistant with this integration. Fails if memory, tasks or"
        " sockets grow, or if an entity does not recover within 120 s.",
    )
    parser.add_argument("--hours", type=float, default=1.0, help="by Home Assistant's clock (default: 1)")
    parser.add_argument(
        "--accelerate",
        type=float,
        default=1.0,
        metavar="TIMES",
        help="speed of that clock, with every interval and time limit (default: 1; 20 is much for a small machine)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the faults (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to FILE")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep Home Assistant's log")
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> int:
    """Run the soak test, print and write the result, and return the exit code."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    notify = partial(console.print, soft_wrap=True, markup=False)
    try:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            async with environment(Path(folder), arguments.accelerate, notify) as started:
                soak = Soak(started, notify)
                try:
                    await soak.run(arguments.hours, arguments.seed)
                finally:
                    if arguments.log:
                        arguments.log.write_bytes(started.log.read_bytes())
                figures, errors = soak.figures(), soak.errors()
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    for record in errors:
        notify(record)
    console.print(rounds_table(soak.rounds))
    console.print(
        table(f"{arguments.hours:g} h at {arguments.accelerate:g} times the speed, {len(soak.rounds)} faults", figures)
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(_report(arguments, soak, figures), indent=2) + "\n", "utf-8")
    return 0 if all(figure.is_good for figure in figures) else 1


def _report(arguments: argparse.Namespace, soak: Soak, figures: list[Figure]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "home_assistant": home_assistant_version,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[2],
        "options": {name: getattr(arguments, name) for name in ("hours", "accelerate", "seed")},
        "figures": [figure.as_dict() for figure in figures],
        "faults": [asdict(each) for each in soak.rounds],
        "samples": soak.samples,
        "energies": soak.energies,
    }


def main() -> int:
    """Run until the end, or until Ctrl-C."""
    try:
        return asyncio.run(run(_arguments()))
    except KeyboardInterrupt:
        print("Stopped.")
        return 1


if __name__ == "__main__":
    sys.exit(main())
