"""Local time of day and of the year, for the sun and the appliances."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

from simulator.wire import NANOSECONDS


@dataclass(frozen=True, slots=True)
class Moment:
    """Local time of day and day number, for the sun and the appliances."""

    day: int
    """Day number, for chance that changes daily."""
    day_of_year: int
    hour: float
    """Hour on the wall clock, 0 to 24."""
    solar_hour: float
    """Hour without summer time: the sun stands highest at 12."""
    second: int
    """Seconds since 1970, for chance that changes quickly."""

    @classmethod
    def at(cls, nanoseconds: int, zone: tzinfo) -> Self:
        """Find the moment `nanoseconds` after 1970 in a zone."""
        seconds, fraction = divmod(nanoseconds, NANOSECONDS)
        local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
        hour = local.hour + local.minute / 60 + (local.second + fraction / NANOSECONDS) / 3600
        summer = (local.dst() or timedelta()).total_seconds() / 3600
        return cls(
            day=local.toordinal(),
            day_of_year=local.timetuple().tm_yday,
            hour=hour,
            solar_hour=hour - summer,
            second=seconds,
        )
