"""A clock that can run faster than the wall's, for a whole Home Assistant.

Timers, time limits, intervals and timestamps depend on `time` and on the select call of the event loop: both are
replaced here, before Home Assistant is imported. Sleeping threads are not accelerated.
"""

from collections.abc import Callable
from selectors import DefaultSelector
import time
from typing import Any


class Clock:
    """A replacement of `time.time` and `time.monotonic`."""

    def __init__(self) -> None:
        self._speed = 1.0
        self._real_time, self._real_monotonic = time.time, time.monotonic
        self._began = self._real_monotonic()
        self._time, self._monotonic = self._real_time(), self._began

    @property
    def speed(self) -> float:
        """Seconds in one."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._time, self._monotonic = self.time(), self.monotonic()
        self._began, self._speed = self._real_monotonic(), speed

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self._time + (self._real_monotonic() - self._began) * self._speed

    def monotonic(self) -> float:
        """Return the monotonic time in seconds."""
        return self._monotonic + (self._real_monotonic() - self._began) * self._speed

    def put_ahead(self, seconds: float) -> None:
        """Put the time ahead, as after a run at a higher speed."""
        self._time += seconds

    def waiting(self, select: Callable[..., Any]) -> Callable[..., Any]:
        """Wait by this clock for something to do."""

        def waits(selector: Any, timeout: float | None = None) -> Any:
            return select(selector, timeout / self._speed if timeout and timeout > 0 else timeout)

        return waits

    def install(self) -> None:
        """Take the place of the system's clock, for all that is imported from now on."""
        owner: Any = DefaultSelector
        owner.select = self.waiting(owner.select)
        time.time, time.monotonic = self.time, self.monotonic


CLOCK = Clock()
"""This process's."""
