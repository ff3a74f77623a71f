"""A standby generator behind a transfer switch, as the Powerwall supports it."""

from dataclasses import dataclass

RATED_POWER = 7_500.0
"""W"""


@dataclass
class Generator:
    """Starts by itself in an outage; it never feeds the grid."""

    pinned: float | None = None
    """Fixed power in W; None for automatic."""

    def power(self, *, outage: bool, room: float) -> float:
        """Return its power in W: at most what the home consumes and the packs can charge with (`room`)."""
        most = RATED_POWER if outage else 0.0
        return max(0.0, min(most if self.pinned is None else self.pinned, room))
