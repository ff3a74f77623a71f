"""The crash points: every effect, on the wire and on disk, of an operation that may leave the Powerwall stopped."""

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
"""The requests with an effect."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Instructions for one Home Assistant."""

    trace: str
    """The file for the crash points that it reaches."""

    seconds_on_grid: float
    """Required seconds on the grid before a login or a stop."""

    kill_at: str = ""
    """The crash point at which it is killed; empty for none."""


class Points:
    """Name the crash points in their order; repeated ones are numbered."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def name(self, point: str) -> str:
        """Return the name of a crash point."""
        self._seen[point] += 1
        number = self._seen[point]
        return point if number == 1 else f"{point} ({number})"
