"""One live refresh (four powers, charge, grid) by this client, by tesla-powerwall and by pypowerwall."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
import json
from math import inf
import os
from pathlib import Path
import platform
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
import timeit

import aiohttp
from rich.console import Console
from rich.table import Table

from tools.benchmarks.rivals import RIVALS, Bodies, Rival
from tools.dev_server.simulator import simulated_gateway
from tools.dev_server.target import Target

FIRMWARE = "21.44"
REFRESHES = 200
DECODES, ROUNDS = 50, 400
WIDTH = 116
PATHS = ("meters/aggregates", "system_status/soe", "system_status/grid_status")


async def run() -> None:
    """Measure and print."""
    console = Console()
    console.width = max(console.width, WIDTH)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        to = await stack.enter_async_context(simulated_gateway(FIRMWARE, 0, folder, lambda _: None))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False), cookie_jar=aiohttp.CookieJar(unsafe=True))
        )
        bodies = await _bodies(session, to)
        table = _table()
        console.print("Measuring how they decode …", highlight=False)
        decode_times = _decode_times(bodies)
        for rival, decode_time in zip(RIVALS, decode_times, strict=True):
            console.print(f"Measuring refreshes by {rival.name.strip()} …", highlight=False)
            refresh = await _measure(rival, session, to, bodies)
            times = f"{decode_time * 1e6:.1f}", f"{decode_times[0] / decode_time:.2f}"
            table.add_row(rival.name, rival.decodes_by, *times, *refresh)
    console.print(table)
    console.print(
        f"{REFRESHES} refreshes each of firmware {FIRMWARE}, simulated in a process of its own. µs: to decode the same"
        f" {sum(map(len, bodies.values())):,} bytes, the least of {ROUNDS} rounds in turn."
        " ms: the median of a whole refresh.\n"
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors.",
        highlight=False,
        soft_wrap=True,
    )


def _table() -> Table:
    table = Table(title="One live refresh: four powers, charge, grid")
    table.add_column("client", no_wrap=True)
    table.add_column("decodes by", no_wrap=True)
    for column in ("µs", "ours/this", "requests", "connections", "bytes", "CPU ms", "ms"):
        table.add_column(column, justify="right", no_wrap=True)
    return table


async def _measure(rival: Rival, session: aiohttp.ClientSession, to: Target, bodies: Bodies) -> list[str]:
    client = await rival.connect(to)
    try:
        facts = await client.refresh()
        if facts != rival.decode(bodies):
            raise RuntimeError(f"{rival.name} reads {facts} where the gateway says {rival.decode(bodies)}")
        before = await _truth(session, to)
        cpu, times = process_time(), []
        for _ in range(REFRESHES):
            began = perf_counter()
            await client.refresh()
            times.append(perf_counter() - began)
        cpu = process_time() - cpu
        after = await _truth(session, to)
    finally:
        await client.close()
    asked = {path: (after.requests.get(path, 0) - before.requests.get(path, 0)) / REFRESHES for path in PATHS}
    # The look at the gateway's own counters costs one connection at most.
    connections = max(0, after.connections - before.connections - 1) / REFRESHES
    return [
        f"{sum(asked.values()):g}",
        f"{connections:g}",
        f"{sum(count * len(bodies[path]) for path, count in asked.items()):,.0f}",
        f"{cpu / REFRESHES * 1e3:.2f}",
        f"{median(times) * 1e3:.2f}",
    ]


def _decode_times(bodies: Bodies) -> list[float]:
    """Give the seconds of one decode by each: the least of many rounds, in turn so that a busy moment hits all."""
    least = [inf] * len(RIVALS)
    for _ in range(ROUNDS):
        for place, rival in enumerate(RIVALS):
            seconds = timeit.timeit(partial(rival.decode, bodies), number=DECODES) / DECODES
            least[place] = min(least[place], seconds)
    return least


async def _bodies(session: aiohttp.ClientSession, to: Target) -> Bodies:
    """Read the answers as they are; the home stands still, so every client gets the same."""
    login = {"username": "customer", "password": to.password, "email": "", "force_sm_off": False}
    async with session.post(f"{to.url}/api/login/Basic", json=login) as response:
        response.raise_for_status()
    bodies = {}
    for path in PATHS:
        async with session.get(f"{to.url}/api/{path}") as response:
            response.raise_for_status()
            bodies[path] = await response.read()
    return bodies


@dataclass(frozen=True)
class _Counters:
    """What the simulated gateway counted."""

    requests: dict[str, int]
    connections: int


async def _truth(session: aiohttp.ClientSession, to: Target) -> _Counters:
    async with session.get(f"{to.url}/simulator") as response:
        truth = json.loads(await response.read())
    return _Counters(truth["requests"], truth["connections"])
