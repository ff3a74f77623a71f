"""What every test may ask for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
import logging
from typing import Any

import pytest

from tests.simulator import Simulator

type StartSimulator = Callable[..., Awaitable[Simulator]]

# The test plugin sets it to INFO, and the recorder then prints its SQL between the tests.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[StartSimulator]:
    """Start simulated gateways whose houses stand still; they stop with the test."""
    async with AsyncExitStack() as stack:

        async def start(firmware: str = "21.44", **options: Any) -> Simulator:
            return await stack.enter_async_context(Simulator(firmware, **{"speed": 0.0, **options}))

        yield start
