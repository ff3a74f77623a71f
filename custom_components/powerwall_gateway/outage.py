"""When there was no grid."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from homeassistant.util import dt as dt_util

from .gateway.models import GridState


@dataclass(frozen=True, kw_only=True)
class OutageLog:
    """The last outage, as far as it was seen."""

    started: datetime | None = None
    """When the gateway left the grid; where that was not seen, when it was first found off it."""

    ended: datetime | None = None
    """None while it lasts."""

    @property
    def ongoing(self) -> bool:
        """Whether there is no grid now, for what is known."""
        return self.started is not None and self.ended is None

    def take(self, state: GridState | None, now: datetime, *, chosen: bool = False) -> Self:
        """Give the log after a look at the grid. What is not known changes nothing; an island `chosen` is no outage."""
        match state:
            case None:
                return self
            case _ if chosen and not self.ongoing:
                return self
            case GridState.CONNECTED:
                return replace(self, ended=now) if self.ongoing else self
            case _:
                return self if self.ongoing else replace(self, started=now, ended=None)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON to keep."""
        return {
            "started": self.started.isoformat() if self.started else None,
            "ended": self.ended.isoformat() if self.ended else None,
        }

    @classmethod
    def from_json(cls, kept: object) -> Self:
        """Take up what `to_json` gave; what makes no sense is left out."""
        fields = kept if isinstance(kept, dict) else {}
        return cls(started=_moment(fields.get("started")), ended=_moment(fields.get("ended")))


def _moment(text: object) -> datetime | None:
    return dt_util.parse_datetime(text) if isinstance(text, str) else None
