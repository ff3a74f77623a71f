"""`scripts/bench`: compare this integration with the built-in one."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import sys

from tools.benchmarks import cost, faults, outage, scale


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of the command line."""

    purpose: str
    run: Callable[[argparse.Namespace], Awaitable[int]]
    """Return the exit code."""

    add_arguments: Callable[[argparse.ArgumentParser], None]


BENCHMARKS = {
    "cost": Benchmark(
        "load on the gateway, the machine and the recorder; about 25 minutes", cost.run, cost.add_arguments
    ),
    "faults": Benchmark(
        "impact of gateway faults; about 20 minutes; fails where this integration does not recover",
        faults.run,
        faults.add_arguments,
    ),
    "outage": Benchmark("detection time of a grid outage; about 20 minutes", outage.run, outage.add_arguments),
    "scale": Benchmark(
        "load of one Home Assistant with several gateways and Powerwalls; about 40 minutes",
        scale.run,
        scale.add_arguments,
    ),
}


def main() -> int:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Compare this integration with the built-in powerwall integration, in one run.",
    )
    commands = parser.add_subparsers(dest="benchmark", required=True)
    for name, benchmark in BENCHMARKS.items():
        benchmark.add_arguments(commands.add_parser(name, help=benchmark.purpose, description=benchmark.purpose))
    arguments = parser.parse_args()

    async def run() -> int:
        return await BENCHMARKS[arguments.benchmark].run(arguments)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        print("Stopped.")
        return 1


if __name__ == "__main__":
    sys.exit(main())
