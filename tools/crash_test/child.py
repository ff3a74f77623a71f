"""Home Assistant that ends itself at a crash point: `-m tools.crash_test.child PLAN [arguments …]`.

The minutes of the safety supervisor are seconds here; nothing else of the integration is changed.
"""

from collections.abc import Callable
import json
import os
from pathlib import Path
import signal
import sys
from time import monotonic
from typing import Any, TextIO

from custom_components.powerwall_gateway import after_poll, hub, storage
from custom_components.powerwall_gateway.gateway.stop_safety.supervisor import SafetyTimings
from custom_components.powerwall_gateway.gateway.transport import Transport
from homeassistant.__main__ import main
from tools.crash_test.crash_points import EFFECTS, Plan, Points


class Trace:
    """Write every crash point to a file, and kill this process at one of them."""

    def __init__(self, file: TextIO, kill_at: str) -> None:
        self._file = file
        self._kill_at = kill_at
        self._points = Points()

    def reach(self, point: str) -> None:
        """Record a crash point."""
        name = self._points.name(point)
        self._file.write(f"{monotonic()} {name}\n")
        if name == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace an attribute by a wrapper of it."""
    setattr(owner, name, make(getattr(owner, name)))


def record_disk(trace: Trace) -> None:
    """Record how the journal is written: to a temporary file, which is then renamed."""

    def around_write(write: Callable[..., None]) -> Callable[..., None]:
        def recorded(*arguments: Any, **more: Any) -> None:
            trace.reach("journal: about to be written")
            write(*arguments, **more)

        return recorded

    def around_rename(rename: Callable[..., None]) -> Callable[..., None]:
        def recorded(source: Any, target: Any, **more: Any) -> None:
            if ".journal." not in str(target):
                rename(source, target, **more)
                return
            trace.reach("journal: temporary file written")
            rename(source, target, **more)
            trace.reach("journal: renamed")

        return recorded

    wrap(storage, "write_utf8_file_atomic", around_write)
    wrap(os, "rename", around_rename)


def record_responses(trace: Trace) -> None:
    """Record when the responses of requests with an effect have been read."""

    def around(request: Callable[..., Any]) -> Callable[..., Any]:
        async def recorded(self: Transport, method: str, path: str, **more: Any) -> Any:
            response = await request(self, method, path, **more)
            if (method, path) in EFFECTS:
                trace.reach(f"{method} {path}: response read")
            return response

        return recorded

    wrap(Transport, "request", around)


def shorten_timings(connected: float) -> None:
    """Make seconds of the safety supervisor's minutes."""
    timings = SafetyTimings(
        connected=connected, steady=1.0, check=0.1, first_pause=5.0, longest_pause=10.0, patience=10.0
    )
    for module in (hub, after_poll):
        wrap(module, "SAFETY_TIMINGS", lambda _: timings)


if __name__ == "__main__":
    plan = Plan(**json.loads(sys.argv[1]))
    shorten_timings(plan.seconds_on_grid)
    sys.argv[1:] = sys.argv[2:]
    with Path(plan.trace).open("a", buffering=1, encoding="utf-8") as file:  # each line is there before the kill
        trace = Trace(file, plan.kill_at)
        record_disk(trace)
        record_responses(trace)
        sys.exit(main())
