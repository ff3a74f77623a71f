"""When there was no grid, and what is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from homeassistant.util import dt as dt_util

from .gateway.models import GridState


class GridEventType(StrEnum):
    """What happens to a grid."""

    OUTAGE = "outage"
    ISLANDED = "islanded"
    """The house left the grid on purpose."""

    RESTORED = "restored"


@dataclass(frozen=True, kw_only=True)
class OffGridPeriod:
    """A time without the grid."""

    started: datetime
    """When the gateway left the grid; where that was not seen, when it was first found off it."""

    chosen: bool
    """Whether Home Assistant took the house off the grid."""

    charge: float | None
    """App % at the start."""

    ended: datetime | None = None
    """When the grid was there again; None while it lasts."""

    charge_at_end: float | None = None

    @property
    def began_as(self) -> GridEventType:
        """What its start is called."""
        return GridEventType.ISLANDED if self.chosen else GridEventType.OUTAGE

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON to keep."""
        return {
            "started": self.started.isoformat(),
            "chosen": self.chosen,
            "charge": self.charge,
            "ended": self.ended.isoformat() if self.ended else None,
            "charge_at_end": self.charge_at_end,
        }

    @classmethod
    def from_json(cls, kept: object) -> Self | None:
        """Take up what `to_json` gave; None for what makes no sense."""
        fields = _fields(kept)
        if (started := _moment(fields.get("started"))) is None:
            return None
        return cls(
            started=started,
            chosen=fields.get("chosen") is True,
            charge=_number(fields.get("charge")),
            ended=_moment(fields.get("ended")),
            charge_at_end=_number(fields.get("charge_at_end")),
        )


@dataclass(frozen=True, kw_only=True)
class GridEvent:
    """What is told when the grid goes or comes."""

    type: GridEventType
    at: datetime
    island: OffGridPeriod

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Give what there is to know: moments in ISO 8601, the duration in seconds, charges in app %."""
        island = self.island
        began = {"start": island.started.isoformat(), "charge_at_start": island.charge}
        if self.type is not GridEventType.RESTORED or island.ended is None:
            return began
        duration = max(0, round((island.ended - island.started).total_seconds()))  # a clock may have been put back
        return {
            **began,
            "end": island.ended.isoformat(),
            "charge_at_end": island.charge_at_end,
            "duration": duration,
            "after": island.began_as.value,
        }

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON to keep."""
        return {"type": self.type.value, "at": self.at.isoformat(), "island": self.island.to_json()}

    @classmethod
    def from_json(cls, kept: object) -> Self | None:
        """Take up what `to_json` gave; None for what makes no sense."""
        fields = _fields(kept)
        kind, at, island = fields.get("type"), _moment(fields.get("at")), OffGridPeriod.from_json(fields.get("island"))
        if at is None or island is None or kind not in list(GridEventType):
            return None
        return cls(type=GridEventType(kind), at=at, island=island)


@dataclass(frozen=True, kw_only=True)
class GridLog:
    """What became of the grid, as far as it was seen."""

    looked: bool = False
    """Whether the grid was ever seen: the first look is a bearing, and no news."""

    island: OffGridPeriod | None = None
    """The time without the grid that is not over, or was not for long enough to be told."""

    last_outage: datetime | None = None
    """When the last one started; an island that was chosen is none."""

    event: GridEvent | None = None
    """The event that was fired last."""

    pending: tuple[GridEvent, ...] = ()
    """Events that are to be fired yet, the oldest first: before Home Assistant has started no automation hears them."""

    def take(
        self, state: GridState | None, now: datetime, *, settled: bool, charge: float | None, chosen: bool = False
    ) -> Self:
        """Give the log after a look at the grid. What is not known changes nothing.

        The end is told once the grid has `settled`: one that comes and goes makes one long outage.
        """
        match state:
            case None:
                return self
            case GridState.CONNECTED:
                return self._on_grid(now, settled=settled, charge=charge)
            case _:
                return self._off_grid(OffGridPeriod(started=now, chosen=chosen, charge=charge))

    def _on_grid(self, now: datetime, *, settled: bool, charge: float | None) -> Self:
        if self.island is None:
            return self if self.looked else replace(self, looked=True)
        island = self.island if self.island.ended else replace(self.island, ended=now, charge_at_end=charge)
        if not settled:
            return replace(self, island=island)
        restored = GridEvent(type=GridEventType.RESTORED, at=now, island=island)
        return replace(self, island=None, pending=(*self.pending, restored))

    def fired(self) -> Self:
        """Return the log after all pending events were fired."""
        return replace(self, event=self.pending[-1], pending=()) if self.pending else self

    def _off_grid(self, found: OffGridPeriod) -> Self:
        present = self.island
        # One that was chosen and is not any more is an outage: somebody wanted the grid, and it was not there.
        if present and (present.chosen == found.chosen or not (present.chosen or present.ended)):
            return replace(self, island=replace(present, ended=None, charge_at_end=None))
        began = GridEvent(type=found.began_as, at=found.started, island=found)
        return replace(
            self,
            looked=True,
            island=found,
            last_outage=self.last_outage if found.chosen else found.started,
            pending=(*self.pending, began) if self.looked else self.pending,
        )

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON to keep."""
        return {
            "looked": self.looked,
            "island": self.island.to_json() if self.island else None,
            "last_outage": self.last_outage.isoformat() if self.last_outage else None,
            "event": self.event.to_json() if self.event else None,
            "pending": [event.to_json() for event in self.pending],
        }

    @classmethod
    def from_json(cls, kept: object) -> Self:
        """Take up what `to_json` gave; what makes no sense is left out."""
        fields = _fields(kept)
        pending = fields.get("pending")
        events = map(GridEvent.from_json, pending if isinstance(pending, list) else [])
        return cls(
            looked=fields.get("looked") is True,
            island=OffGridPeriod.from_json(fields.get("island")),
            last_outage=_moment(fields.get("last_outage")),
            event=GridEvent.from_json(fields.get("event")),
            pending=tuple(event for event in events if event),
        )


def _fields(kept: object) -> dict[str, Any]:
    return kept if isinstance(kept, dict) else {}


def _moment(text: object) -> datetime | None:
    return dt_util.parse_datetime(text) if isinstance(text, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
