"""An event loop whose clock jumps to the next timer as soon as nothing else is left to do."""

import asyncio
from selectors import BaseSelector, SelectorKey

import pytest

from custom_components.powerwall_gateway.gateway import auth, backoff
from custom_components.powerwall_gateway.gateway.stop_safety import supervisor
from simulator.listener import event_loop

_QUIET = 0.002
"""Real seconds without anything to read or write, after which the loop is idle if the simulators are."""

_ROUNDS = 20
"""Of the simulators' loop, in which it handles all that it was sent."""

_LONGEST_JUMP = 60.0
"""Seconds, for a loop that has no timer at all."""


async def _let_simulators_respond() -> None:
    """Let the simulators' loop, which runs in another thread, handle all requests that have arrived."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


class VirtualTime:
    """Monotonic time of one event loop, in seconds: hours pass at once, and real sockets work all the same."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the monotonic time in seconds."""
        return self.now

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the clock of the running loop and of the client."""
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # which takes most of the time
        selector: BaseSelector = vars(loop)["_selector"]
        select = selector.select

        def select_or_jump(timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
            wait = _LONGEST_JUMP if timeout is None else timeout
            events = select(min(wait, _QUIET))
            if not events and wait > 0:
                asyncio.run_coroutine_threadsafe(_let_simulators_respond(), event_loop()).result(60)
                events = select(0)
            if not events and wait > 0:
                self.now += wait
            return events

        monkeypatch.setattr(loop, "time", self.monotonic)
        monkeypatch.setattr(selector, "select", select_or_jump)
        for module in (backoff, supervisor, auth):
            if hasattr(module, "monotonic"):
                monkeypatch.setattr(module, "monotonic", self.monotonic)
