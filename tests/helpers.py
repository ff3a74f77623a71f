"""Helpers that several kinds of tests share."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientTimeout
import pytest

from custom_components.powerwall_gateway.gateway import Address, Transport
from simulator import Simulator

ROOT: Final = Path(__file__).parents[1]
INTEGRATION: Final = ROOT / "custom_components" / "powerwall_gateway"


def load(name: str) -> Any:
    """Read a JSON file of the integration."""
    return json.loads((INTEGRATION / name).read_text(encoding="utf-8"))


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until a condition is true; fail the test when it takes longer, also where OSError is suppressed."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        pytest.fail("The condition did not become true in time.")


def address_of(simulator: Simulator) -> Address:
    """Return the address as an owner enters it."""
    return Address.parse(f"{simulator.host}:{simulator.port}")


def limit_hanging_requests(simulator: Simulator, connection: Transport) -> None:
    """Let the client give up the requests to which a fault delays the response, and no others, after 0.1 seconds.

    A short limit for all requests would end some of them on a busy machine. This one begins when a request has been
    sent, so that the gateway receives it.
    """
    request, limit = connection.request, connection._timeout
    short = ClientTimeout(sock_read=0.1)

    async def limited(method: str, path: str, **options: Any) -> Any:
        fault = next((fault for fault in simulator.faults.active if fault.hits(method, path)), None)
        connection._timeout = short if fault and fault.delay > 0.1 else limit
        return await request(method, path, **options)

    vars(connection)["request"] = limited


def request_count(simulator: Simulator, path: str) -> int:
    """Return the number of requests of a path."""
    return sum(request.path == path for request in simulator.requests)
