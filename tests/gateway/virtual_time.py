"""An event loop whose clock jumps to the next timer as soon as nothing else is left to do."""

import asyncio
from selectors import BaseSelector, SelectorKey

import pytest

from custom_components.powerwall_gateway.gateway import change, guard, login, starting

_QUIET = 0.002
"""Real seconds without anything to read or write, after which the loop is idle. All sockets are its own."""

_LONGEST_JUMP = 60.0
"""Seconds, for a loop that has no timer at all."""


class VirtualTime:
    """Monotonic time of one event loop, in seconds: hours pass at once, and real sockets work all the same."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Give the seconds of no beginning."""
        return self.now

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the running loop's clock, and of the client's."""
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which takes most of the time
        selector: BaseSelector = vars(loop)["_selector"]
        select = selector.select

        def select_or_jump(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
            wait = _LONGEST_JUMP if timeout is None else timeout
            events = select(min(wait, _QUIET))
            if not events and wait > 0:
                self.now += wait
            return events

        monkeypatch.setattr(loop, "time", self.monotonic)
        monkeypatch.setattr(selector, "select", select_or_jump)
        for module in (change, guard, login, starting):
            if hasattr(module, "monotonic"):
                monkeypatch.setattr(module, "monotonic", self.monotonic)
