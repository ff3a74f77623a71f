"""The speed of the simulated home and the latency of the gateway."""

import time

from simulator.home import SimulatedHome


class Timing:
    """Advance the home by the wall clock times a speed, at every request."""

    def __init__(self, home: SimulatedHome, speed: float, latency: float) -> None:
        self.latency = latency
        """Seconds per response."""
        self._home = home
        self._speed = _checked(speed)
        self._seen = time.monotonic()

    def start(self) -> None:
        """Start to count; the time before does not count."""
        self._seen = time.monotonic()

    @property
    def speed(self) -> float:
        """Return the seconds of the home per second of the clock. At 0, only `advance` moves the home."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.catch_up()
        self._speed = _checked(speed)

    def catch_up(self) -> None:
        """Advance the home by the time since the last call."""
        now = time.monotonic()
        since, self._seen = now - self._seen, now
        self._home.advance(since * self._speed)
        if not self._speed:
            self._home.stood_still += since


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError("Time only moves forward: a speed is 0 or more.")
    return speed
