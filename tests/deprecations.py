"""Fail each test that uses something deprecated in Home Assistant.

Home Assistant logs a warning for the authors of the integration. Python's own warnings of that kind are errors by
`pyproject.toml`.
"""

from collections.abc import Iterator
import logging
import re
from typing import override

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from tools.hass_process import is_complaint

_BY_TEST = re.compile(r"Detected code that |The deprecated ")
"""The start of Home Assistant's message if a test, not an integration, called the deprecated function."""


_SLOW = re.compile(r"\btook \d+\.\d+ seconds\b")
"""A slow update, which is the machine's fault in a test. The soak test measures it."""


class DeprecationLog(logging.Handler):
    """Collect the deprecation messages of Home Assistant, also those during imports."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._messages: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if _SLOW.search(message):
            return
        if is_complaint(f"{record.name} {message}", DOMAIN) or _BY_TEST.match(message):
            self._messages.append(message)

    def taken(self) -> list[str]:
        """Return the messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


LOG = DeprecationLog()
logging.getLogger().addHandler(LOG)


@pytest.fixture(autouse=True)
def deprecation_log() -> Iterator[DeprecationLog]:
    """Fail a test that causes a message and does not read it."""
    yield LOG
    if left := LOG.taken():
        pytest.fail("Home Assistant complains: " + "\n".join(left))
