"""The fixtures of the client tests, and a count of the inputs."""

from collections.abc import Callable, Iterator
import logging
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway.models.fields import warned
from tests.client.conftest import client, connect, session
from tests.conftest import is_deep
from tests.fuzz.inputs import AT_LEAST, Thrown

__all__ = ["client", "connect", "session"]


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """Keep thousands of warnings out of the log."""
    caplog.set_level(logging.CRITICAL, "custom_components.powerwall_gateway")
    warned.clear()


@pytest.fixture
def thrown(record_property: Callable[[str, object], None]) -> Iterator[Thrown]:
    """Count the inputs that a test throws at the client; the deep run tells how many they were."""
    thrown = Thrown()
    yield thrown
    record_property("inputs", thrown.inputs)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell in a deep run how much was thrown, and fail one in which it was too little."""
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
        terminalreporter.write_line(f"{inputs:,} inputs thrown, and something failed")
    elif inputs < AT_LEAST:
        terminalreporter.write_line(f"{inputs:,} inputs thrown, where {AT_LEAST:,} belong", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
    else:
        terminalreporter.write_line(f"{inputs:,} inputs thrown, nothing but GatewayError came out")
