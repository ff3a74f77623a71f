"""How fast the home lives and how slowly the gateway answers."""

import time

from simulator.home import SimulatedHome


class Pace:
    """Moves the home by the wall clock times a speed, whenever somebody asks."""

    def __init__(self, home: SimulatedHome, speed: float, latency: float) -> None:
        self.latency = latency
        """Seconds every answer takes."""
        self._home = home
        self._speed = _checked(speed)
        self._seen = time.monotonic()

    def start(self) -> None:
        """Begin to count; the time before never happened."""
        self._seen = time.monotonic()

    @property
    def speed(self) -> float:
        """Seconds in the home per second on the clock; at 0 the home only moves by `advance`."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.catch_up()
        self._speed = _checked(speed)

    def catch_up(self) -> None:
        """Let the home live through the time since it was last asked."""
        now = time.monotonic()
        since, self._seen = now - self._seen, now
        self._home.advance(since * self._speed)
        if not self._speed:
            self._home.stood_still += since


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError("Time only moves forward: a speed is 0 or more.")
    return speed
