"""The points at which Home Assistant is killed: every effect, on the wire and on disk, of what may leave it stopped."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

EFFECTS: Final = {
    ("POST", "login/Basic"),
    ("GET", "sitemaster/run"),
    ("GET", "sitemaster/stop"),
    ("POST", "operation"),
    ("GET", "config/completed"),
}
"""The requests that change something."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What becomes of one Home Assistant."""

    trace: str
    """The file that it writes its points to."""

    seconds_on_grid: float
    """How long there has to be a grid before a login or a stop."""

    kill_at: str = ""
    """The point at which it is killed; empty for none."""


class Points:
    """Names the points in the order in which they come; the second of a kind has a number."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def name(self, point: str) -> str:
        """Give the name of a point that was reached."""
        self._seen[point] += 1
        number = self._seen[point]
        return point if number == 1 else f"{point} ({number})"
