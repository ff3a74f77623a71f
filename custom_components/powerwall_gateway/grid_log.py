"""Log the times without the grid, and create the events about them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

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
    """Time at which the gateway disconnected from the grid, or was first seen off-grid."""

    intentional: bool
    """True if Home Assistant took the home off-grid."""

    charge: float | None
    """App % at the start."""

    ended: datetime | None = None
    """Time at which the grid was connected again; None while it is not."""

    charge_at_end: float | None = None

    @property
    def began_as(self) -> GridEventType:
        """Return the type of the event at its start."""
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
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Restore what `to_json` returned."""
        return cls(
            started=datetime.fromisoformat(stored["started"]),
            intentional=stored["chosen"],
            charge=stored["charge"],
            ended=_time(stored["ended"]),
            charge_at_end=stored["charge_at_end"],
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
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Restore what `to_json` returned."""
        return cls(
            type=GridEventType(stored["type"]),
            at=datetime.fromisoformat(stored["at"]),
            period=OffGridPeriod.from_json(stored["island"]),
        )


@dataclass(frozen=True, kw_only=True)
class GridLog:
    """Log of the grid, as far as it was seen."""

    has_baseline: bool = False
    """True if the grid's state was ever read. The first reading sets it and fires no event."""

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
    def from_json(cls, stored: Any) -> Self:
        """Restore what `to_json` returned. An invalid log, or none, becomes an empty one."""
        try:
            return cls(
                has_baseline=stored["looked"],
                period=OffGridPeriod.from_json(stored["island"]) if stored["island"] else None,
                last_outage=_time(stored["last_outage"]),
                event=GridEvent.from_json(stored["event"]) if stored["event"] else None,
                pending=tuple(map(GridEvent.from_json, stored.get("pending", ()))),
            )
        except KeyError, TypeError, ValueError:
            return cls()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
