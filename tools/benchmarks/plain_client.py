"""The CPU of a client that makes requests with aiohttp and does nothing else: the least that polling can cost.

`measure` starts this module as a process of its own, so that nothing else is in its CPU time.
"""

import asyncio
from collections.abc import Mapping
import heapq
import json
import sys
from time import monotonic, process_time
from typing import Any

import aiohttp

from tools.child_process import ProcessError
from tools.dev_server.target import Target
from tools.hass_process.configuration import REPOSITORY

LOGIN = "login/Basic"
HOUR, DAY = 3600.0, 86_400.0


async def measure(gateway: Target, intervals: Mapping[str, float], seconds: float) -> float:
    """Return the CPU, in seconds per hour, of a client that requests these paths at these intervals in seconds."""
    order = {"url": gateway.url, "password": gateway.password, "intervals": dict(intervals), "seconds": seconds}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tools.benchmarks.plain_client",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY)},
    )
    output, _ = await process.communicate(json.dumps(order).encode())
    if process.returncode:
        raise ProcessError("The client for comparison failed.")
    return float(output)


async def _poll(url: str, password: str, intervals: Mapping[str, float], seconds: float) -> float:
    """Log in, make the requests one after the other, each when it is due, and return the CPU in seconds per hour."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=False, limit=1, keepalive_timeout=DAY),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
    ) as session:
        credentials = {"username": "customer", "email": "client@example.com", "password": password}
        async with session.post(f"{url}/api/{LOGIN}", json=credentials) as response:
            response.raise_for_status()
        started, cpu = monotonic(), process_time()
        due = [(started, path) for path in intervals if path != LOGIN]
        heapq.heapify(due)
        while due[0][0] < started + seconds:
            at, path = heapq.heappop(due)
            heapq.heappush(due, (at + intervals[path], path))
            await asyncio.sleep(at - monotonic())
            async with session.get(f"{url}/api/{path}") as response:
                await response.json(content_type=None)
        return (process_time() - cpu) / (monotonic() - started) * HOUR


if __name__ == "__main__":
    given: dict[str, Any] = json.load(sys.stdin)
    print(asyncio.run(_poll(**given)))
