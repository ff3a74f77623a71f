"""Log of times without the grid, and the events about them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from homeassistant.util import dt as dt_util

from .gateway.models import GridState


class GridEventType(StrEnum):
    """Types of grid events."""

    OUTAGE = "outage"
    ISLANDED = "islanded"
    """Home Assistant took the home off-grid."""

    RESTORED = "restored"


@dataclass(frozen=True, kw_only=True)
class OffGridPeriod:
    """A time without the grid."""

    started: datetime
    """When the gateway disconnected from the grid, or was first seen off-grid."""

    intentional: bool
    """Whether Home Assistant took the home off-grid."""

    charge: float | None
    """App % at the start."""

    ended: datetime | None = None
    """When the grid was connected again; None while it is not."""

    charge_at_end: float | None = None

    @property
    def began_as(self) -> GridEventType:
        """Type of the event at its start."""
        return GridEventType.ISLANDED if self.intentional else GridEventType.OUTAGE

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return {
            "started": self.started.isoformat(),
            "chosen": self.intentional,
            "charge": self.charge,
            "ended": self.ended.isoformat() if self.ended else None,
            "charge_at_end": self.charge_at_end,
        }

    @classmethod
    def from_json(cls, kept: object) -> Self | None:
        """Restore what `to_json` returned; None if it is invalid."""
        fields = _fields(kept)
        if (started := _time(fields.get("started"))) is None:
            return None
        return cls(
            started=started,
            intentional=fields.get("chosen") is True,
            charge=_number(fields.get("charge")),
            ended=_time(fields.get("ended")),
            charge_at_end=_number(fields.get("charge_at_end")),
        )


@dataclass(frozen=True, kw_only=True)
class GridEvent:
    """Event at the start or the end of a time without the grid."""

    type: GridEventType
    at: datetime
    period: OffGridPeriod

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Return the attributes: times in ISO 8601, the duration in seconds, charges in app %."""
        period = self.period
        began = {"start": period.started.isoformat(), "charge_at_start": period.charge}
        if self.type is not GridEventType.RESTORED or period.ended is None:
            return began
        duration = max(0, round((period.ended - period.started).total_seconds()))  # the clock may have been set back
        return {
            **began,
            "end": period.ended.isoformat(),
            "charge_at_end": period.charge_at_end,
            "duration": duration,
            "after": period.began_as.value,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return {"type": self.type.value, "at": self.at.isoformat(), "island": self.period.to_json()}

    @classmethod
    def from_json(cls, kept: object) -> Self | None:
        """Restore what `to_json` returned; None if it is invalid."""
        fields = _fields(kept)
        kind, at, period = fields.get("type"), _time(fields.get("at")), OffGridPeriod.from_json(fields.get("island"))
        if at is None or period is None or kind not in list(GridEventType):
            return None
        return cls(type=GridEventType(kind), at=at, period=period)


@dataclass(frozen=True, kw_only=True)
class GridLog:
    """Log of the grid, as far as it was seen."""

    has_baseline: bool = False
    """Whether the grid's state was ever read. The first reading sets it and fires no event."""

    period: OffGridPeriod | None = None
    """Time without the grid that is not over, or whose end is not certain yet."""

    last_outage: datetime | None = None
    """Start of the last outage. Going off-grid intentionally is none."""

    event: GridEvent | None = None
    """Event that was fired last."""

    pending: tuple[GridEvent, ...] = ()
    """Events still to be fired, the oldest first: before Home Assistant has started, no automation receives them."""

    def update(
        self, state: GridState | None, now: datetime, *, settled: bool, charge: float | None, intentional: bool = False
    ) -> Self:
        """Return the log after a reading of the grid's state. An unknown state changes nothing.

        The end is reported once the grid has `settled`: a grid that comes and goes makes one long outage.
        """
        match state:
            case None:
                return self
            case GridState.CONNECTED:
                return self._on_grid(now, settled=settled, charge=charge)
            case _:
                return self._off_grid(OffGridPeriod(started=now, intentional=intentional, charge=charge))

    def _on_grid(self, now: datetime, *, settled: bool, charge: float | None) -> Self:
        if self.period is None:
            return self if self.has_baseline else replace(self, has_baseline=True)
        period = self.period if self.period.ended else replace(self.period, ended=now, charge_at_end=charge)
        if not settled:
            return replace(self, period=period)
        restored = GridEvent(type=GridEventType.RESTORED, at=now, period=period)
        return replace(self, period=None, pending=(*self.pending, restored))

    def fired(self) -> Self:
        """Return the log after all pending events were fired."""
        return replace(self, event=self.pending[-1], pending=()) if self.pending else self

    def _off_grid(self, new: OffGridPeriod) -> Self:
        current = self.period
        # If it is no longer intentional, it is an outage: the home was to reconnect, and there was no grid.
        if current and (current.intentional == new.intentional or not (current.intentional or current.ended)):
            return replace(self, period=replace(current, ended=None, charge_at_end=None))
        began = GridEvent(type=new.began_as, at=new.started, period=new)
        return replace(
            self,
            has_baseline=True,
            period=new,
            last_outage=self.last_outage if new.intentional else new.started,
            pending=(*self.pending, began) if self.has_baseline else self.pending,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return {
            "looked": self.has_baseline,
            "island": self.period.to_json() if self.period else None,
            "last_outage": self.last_outage.isoformat() if self.last_outage else None,
            "event": self.event.to_json() if self.event else None,
            "pending": [event.to_json() for event in self.pending],
        }

    @classmethod
    def from_json(cls, kept: object) -> Self:
        """Restore what `to_json` returned, without invalid parts."""
        fields = _fields(kept)
        pending = fields.get("pending")
        events = map(GridEvent.from_json, pending if isinstance(pending, list) else [])
        return cls(
            has_baseline=fields.get("looked") is True,
            period=OffGridPeriod.from_json(fields.get("island")),
            last_outage=_time(fields.get("last_outage")),
            event=GridEvent.from_json(fields.get("event")),
            pending=tuple(event for event in events if event),
        )


def _fields(kept: object) -> dict[str, Any]:
    return kept if isinstance(kept, dict) else {}


def _time(text: object) -> datetime | None:
    return dt_util.parse_datetime(text) if isinstance(text, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
