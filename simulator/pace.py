"""How fast the house lives and how slowly the gateway answers."""

import time

from simulator.house import House


class Pace:
    """Moves the house by the wall clock times a speed, whenever somebody asks."""

    def __init__(self, house: House, speed: float, latency: float) -> None:
        self.latency = latency
        """Seconds every answer takes."""
        self._house = house
        self._speed = _checked(speed)
        self._seen = time.monotonic()

    def start(self) -> None:
        """Begin to count; the time before never happened."""
        self._seen = time.monotonic()

    @property
    def speed(self) -> float:
        """Seconds in the house per second on the clock; at 0 the house only moves by `advance`."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.catch_up()
        self._speed = _checked(speed)

    def catch_up(self) -> None:
        """Let the house live through the time since it was last asked."""
        now = time.monotonic()
        since, self._seen = now - self._seen, now
        self._house.advance(since * self._speed)
        if not self._speed:
            self._house.stood_still += since


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError("Time only moves forward: a speed is 0 or more.")
    return speed
