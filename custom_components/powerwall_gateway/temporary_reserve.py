"""A backup reserve for a limited time: the settings before it, and how to recognize a change by someone else.

With a signing key the gateway may do a full backup by itself, without a change of the reserve. It has the same record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor
from time import monotonic
from typing import Any, Final, Self

from homeassistant.util import dt as dt_util

from .gateway import OperationSettings, app_from_raw
from .gateway.models import FullBackup, OperationMode

TOLERANCE: Final = 0.1
"""App % by which a reserve that is read back may differ. Held reserves are whole percents of the gateway."""

EVENT_TOLERANCE: Final = timedelta(seconds=30)
"""Time by which the end of an event may differ from the expected one: the request takes a while."""


class Purpose(StrEnum):
    """Reason for a temporary reserve."""

    HOLD = "hold"
    BACKUP = "backup"


@dataclass(frozen=True, kw_only=True)
class TemporaryReserve:
    """A backup reserve that Home Assistant set for a limited time, and the settings before it."""

    purpose: Purpose
    until: datetime
    """UTC. In the past until it is set, and as long as the former reserve could not be restored."""

    mode: OperationMode
    """Operation mode while it is set: it is not changed."""

    before: float
    """Reserve to restore, app %."""

    reserves: tuple[float, ...]
    """Reserve that was set, app %. While one replaces another, the gateway may show either. Empty for an event."""

    event_end: datetime | None = None
    """End of the event (UTC), if the gateway does the full backup by itself."""

    over_at: float = field(init=False, compare=False)
    """Monotonic time of `until` in seconds, so that a clock that is set back does not make it longer."""

    def __post_init__(self) -> None:
        """Note the monotonic time of `until`."""
        left = (self.until - dt_util.utcnow()).total_seconds()
        object.__setattr__(self, "over_at", monotonic() + left)

    @property
    def is_over(self) -> bool:
        """Return whether the former reserve is to be restored."""
        return dt_util.utcnow() >= self.until or monotonic() >= self.over_at

    def is_replaced_by(self, shown: OperationSettings) -> bool:
        """Return whether something else has changed the mode or the reserve. Missing values count as unchanged.

        Once it is over, the former reserve is no change: it may have been stored and not applied.
        """
        expected = (*self.reserves, self.before) if self.is_over else self.reserves
        reserve = shown.reserve
        return shown.mode not in {None, self.mode} or (
            reserve is not None and all(abs(reserve - each) > TOLERANCE for each in expected)
        )

    def is_event(self, shown: FullBackup) -> bool:
        """Return whether the gateway shows the event of this record, and not one of someone else."""
        return (
            self.event_end is not None
            and shown.until is not None
            and abs(shown.until - self.event_end) <= EVENT_TOLERANCE
        )

    def ended(self) -> Self:
        """Return the same with its time over."""
        return replace(self, until=min(self.until, dt_util.utcnow()))

    def to_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {
            "purpose": self.purpose,
            "until": self.until.timestamp(),
            "mode": self.mode,
            "before": self.before,
            "reserves": list(self.reserves),
            "event_end": self.event_end.timestamp() if self.event_end else None,
        }

    @classmethod
    def from_json(cls, stored: object) -> Self | None:
        """Return what was stored; None if there is nothing, or if it is invalid."""
        if not isinstance(stored, Mapping):
            return None
        try:
            event_end = stored["event_end"]
            return cls(
                purpose=Purpose(stored["purpose"]),
                until=dt_util.utc_from_timestamp(float(stored["until"])),
                mode=OperationMode(stored["mode"]),
                before=float(stored["before"]),
                reserves=tuple(float(reserve) for reserve in stored["reserves"]),
                event_end=None if event_end is None else dt_util.utc_from_timestamp(float(event_end)),
            )
        except KeyError, TypeError, ValueError, OverflowError, OSError:
            return None


def held_reserve(percentage: float) -> float:
    """Return the reserve (app %) that holds a state of charge (gateway's %).

    Rounded down to a whole percent of the gateway: the Powerwall charges toward a reserve that is above its charge.
    """
    return app_from_raw(floor(percentage))
