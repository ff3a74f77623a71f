"""The fixtures of the client tests, and a count of the inputs."""

from collections.abc import Callable, Iterator
import logging
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway.models.fields import warned
from tests.client.conftest import client, connect, session
from tests.conftest import is_deep
from tests.fuzz.inputs import AT_LEAST, InputCounter

__all__ = ["client", "connect", "session"]


@pytest.fixture(autouse=True)
def silence_log(caplog: pytest.LogCaptureFixture) -> None:
    """Keep thousands of warnings out of the log."""
    caplog.set_level(logging.CRITICAL, "custom_components.powerwall_gateway")
    warned.clear()


@pytest.fixture
def counter(record_property: Callable[[str, object], None]) -> Iterator[InputCounter]:
    """Count the inputs of a test; the deep run prints their sum."""
    counter = InputCounter()
    yield counter
    record_property("inputs", counter.inputs)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the number of inputs of a deep run, and fail if there were too few."""
    if not is_deep():
        return
    inputs = sum(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for title, value in report.user_properties
        if title == "inputs"
    )
    if terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(f"{inputs:,} inputs, and a test failed")
    elif inputs < AT_LEAST:
        terminalreporter.write_line(f"{inputs:,} inputs of {AT_LEAST:,} expected", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
    else:
        terminalreporter.write_line(f"{inputs:,} inputs, and no exception but GatewayError")
