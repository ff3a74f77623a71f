"""Fail each test that uses something deprecated in Home Assistant.

Home Assistant says so in its log, to the authors of the integration. Python's own warnings of that kind are errors by
`pyproject.toml`.
"""

from collections.abc import Iterator
import logging
import re
from typing import override

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from tools.hass_process import is_complaint

_OF_NOBODY = re.compile(r"Detected code that |The deprecated ")
"""How Home Assistant begins where it finds no integration that called it, so that it was a test."""


_SLOW = re.compile(r"\btook \d+\.\d+ seconds\b")
"""A slow update, which is the machine's fault in a test. The soak test measures it."""


class Complaints(logging.Handler):
    """Keeps what Home Assistant complains of, also while modules are imported, until a test asks for it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if _SLOW.search(message):
            return
        if is_complaint(f"{record.name} {message}", DOMAIN) or _OF_NOBODY.match(message):
            self._heard.append(message)

    def taken(self) -> list[str]:
        """Give what was heard since the last time."""
        heard, self._heard = self._heard, []
        return heard


HEARD = Complaints()
logging.getLogger().addHandler(HEARD)


@pytest.fixture(autouse=True)
def complaints() -> Iterator[Complaints]:
    """Fail the test after which there is a complaint that it did not take."""
    yield HEARD
    if left := HEARD.taken():
        pytest.fail("Home Assistant complains: " + "\n".join(left))
