"""`scripts/bench client`: what it costs to read a gateway, by this client and by others."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine
import sys

from tools.bench import client

BENCHES: dict[str, tuple[str, Callable[[], Coroutine[None, None, None]]]] = {
    "client": ("decode time, requests, bytes and CPU of one live refresh, by three clients", client.run),
}


def main() -> int:
    """Run one bench."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures; it never judges.")
    benches = parser.add_subparsers(dest="bench", required=True)
    for name, (purpose, _) in BENCHES.items():
        benches.add_parser(name, help=purpose, description=purpose)
    _, run = BENCHES[parser.parse_args().bench]
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
