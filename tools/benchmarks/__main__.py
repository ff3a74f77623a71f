"""`scripts/bench`: this project beside others, in one run."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import sys

from tools.benchmarks import client, cost, entities, outage
from tools.faults import bench as faults


@dataclass(frozen=True)
class Bench:
    """One thing to measure or compare."""

    purpose: str
    run: Callable[[argparse.Namespace], Awaitable[int]]
    """Gives the exit code."""

    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


async def _client(_: argparse.Namespace) -> int:
    await client.run()
    return 0


BENCHES = {
    "client": Bench("decode time, requests, bytes and CPU of one live refresh, by three clients", _client),
    "cost": Bench(
        "what core's powerwall and this integration cost the gateway, the machine and the recorder; about 15 minutes",
        cost.run,
        cost.add_arguments,
    ),
    "entities": Bench(
        "every fact that core's powerwall shows, and who tells it here; fails where one is missing or told otherwise",
        entities.run,
        entities.add_arguments,
    ),
    "faults": Bench(
        "what faults of the gateway cost core's powerwall and this integration; about 20 minutes; fails where this one"
        " does not hold",
        faults.run,
        faults.add_arguments,
    ),
    "outage": Bench(
        "how soon core's powerwall and this integration know that the grid is gone; about 20 minutes",
        outage.run,
        outage.add_arguments,
    ),
}


def main() -> int:
    """Run one bench."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="This project beside others, in one run.")
    benches = parser.add_subparsers(dest="bench", required=True)
    for name, bench in BENCHES.items():
        bench.add_arguments(benches.add_parser(name, help=bench.purpose, description=bench.purpose))
    arguments = parser.parse_args()

    async def run() -> int:
        return await BENCHES[arguments.bench].run(arguments)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        print("Stopped.")
        return 1


if __name__ == "__main__":
    sys.exit(main())
