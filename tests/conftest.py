"""Fixtures and options for all tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
import logging
from typing import Any

from hypothesis import HealthCheck, settings
import pytest

from simulator import Simulator
from simulator.certificate import certificate
from simulator.listener import event_loop
from tests.deprecations import deprecation_log

__all__ = ["deprecation_log"]  # a fixture of every test

# `pytest --deep` selects the second.
settings.register_profile(
    "plain",
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the count of inputs is one for all examples
)
settings.register_profile("deep", max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the long versions of tests."""
    parser.addoption("--deep", action="store_true", help="run every fault, and fuzz with many more inputs")


def pytest_configure(config: pytest.Config) -> None:
    """Select the Hypothesis profile before any test module is imported."""
    settings.load_profile("deep" if config.getoption("deep") else "plain")


def is_deep() -> bool:
    """Return True if pytest runs with `--deep`."""
    return settings.get_current_profile_name() == "deep"


event_loop()  # before the first test, which would be blamed for a thread that outlives it
certificate("")  # before the first test: cryptography keeps the class of the first date, which may be a frozen one

type StartSimulator = Callable[..., Awaitable[Simulator]]

# The test plugin sets it to INFO, and the recorder then prints its SQL between the tests.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
logging.getLogger("simulator").setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the event loop's debug mode off: it records a stack for every future, which is half of the suite's time."""


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[StartSimulator]:
    """Start simulated gateways whose homes do not advance. They stop after the test."""
    async with AsyncExitStack() as stack:

        async def start(firmware: str = "21.44", **options: Any) -> Simulator:
            return await stack.enter_async_context(Simulator(firmware, **{"speed": 0.0, **options}))

        yield start
