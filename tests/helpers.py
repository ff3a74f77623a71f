"""Helpers that several kinds of tests share."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, Final

import pytest

from custom_components.powerwall_gateway.gateway import Address
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


def request_count(simulator: Simulator, path: str) -> int:
    """Return the number of requests of a path."""
    return sum(request.path == path for request in simulator.requests)
