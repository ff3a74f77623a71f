"""Detect meters that the gateway lost contact with, so that their old values are not shown as current."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
import logging
from typing import Final, NamedTuple

from .gateway.models import Meter, MetersAggregates, SiteMeter, SolarMeter

_LOGGER = logging.getLogger(__name__)

LOST_AFTER: Final = 60.0
"""Seconds without contact after which a meter's values are unknown.

In every public capture (1.15 to 23.36) all meters are within 20 ms of each other, and the gateway's own `timeout` for a
meter is 1.5 s. A meter on Wi-Fi misses some readings now and then. A reading that is only late arrives within a minute.
"""


class _Contact(NamedTuple):
    """Time of the last communication with a meter, as of the last response."""

    time: datetime
    behind: float
    """Seconds behind the newest time of all meters in that response."""

    since: float
    """Monotonic time in seconds at which this time was first seen."""


class LostMeterDetector[KeyT: (str, int)]:
    """Detect meters out of contact from their communication times.

    Only the gateway's own times are compared: Home Assistant's clock may differ by hours. A meter is out of contact if
    its time is more than `LOST_AFTER` behind the newest one in the same response, or unchanged for longer than that.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._contacts: dict[KeyT, _Contact] = {}
        self._lost: frozenset[KeyT] = frozenset()
        self._received_at: float | None = None

    def lost(self, meters: Mapping[KeyT, Meter], now: float) -> frozenset[KeyT]:
        """Return the meters that are out of contact in a response received at monotonic time `now`, in seconds.

        A meter without a time is ignored, and one with the zero time of a meter that never responded. If the gateway
        itself did not respond for `LOST_AFTER`, an unchanged time proves nothing, and the wait starts again.
        """
        if self._received_at is not None and now - self._received_at > LOST_AFTER:
            self._contacts = {key: contact._replace(since=now) for key, contact in self._contacts.items()}
        self._received_at = now
        times = {key: time for key, meter in meters.items() if (time := meter.last_communication_time)}
        newest = max(times.values(), default=None)
        lost = frozenset(key for key, time in times.items() if newest and self._is_lost(key, time, newest, now))
        for text, changed in (
            ("%s: The gateway lost contact with meter %s; its values are unknown", lost - self._lost),
            ("%s: The gateway is in contact with meter %s again", self._lost & times.keys() - lost),
        ):
            if changed:
                _LOGGER.info(text, self._name, ", ".join(sorted(map(str, changed))))
        self._lost = lost
        return lost

    def _is_lost(self, key: KeyT, time: datetime, newest: datetime, now: float) -> bool:
        behind = (newest - time).total_seconds()
        last = self._contacts.get(key)
        since = last.since if last and last.time == time else now
        self._contacts[key] = _Contact(time, behind, since)
        if behind <= LOST_AFTER:
            return now - since > LOST_AFTER
        # If the gateway's clock was set back, a lost meter has the newest time, and all others are behind it. A meter
        # is in contact if its time advances and it does not fall further behind.
        return not (last and time > last.time and behind <= last.behind)


def aggregates_in_contact(meters: MetersAggregates, detector: LostMeterDetector[str], now: float) -> MetersAggregates:
    """Return the meters. One that is out of contact keeps only its counters.

    This includes `load`: the gateway computes it, and reports the time of the oldest meter that it uses.
    """
    known = {name: meter for name, meter in vars(meters).items() if isinstance(meter, Meter)}
    lost = detector.lost(known, now)
    return replace(meters, **{name: known[name].counters_only() for name in lost}) if lost else meters


def singles_in_contact[MeterT: (SiteMeter, SolarMeter)](
    meters: tuple[MeterT, ...], detector: LostMeterDetector[int], now: float
) -> tuple[MeterT, ...]:
    """Return the meters of `meters/site` or `meters/solar`. One that is out of contact keeps only its counters."""
    known = {place: meter.readings for place, meter in enumerate(meters) if meter.readings}
    lost = detector.lost(known, now)
    return tuple(
        replace(meter, readings=known[place].counters_only()) if place in lost else meter
        for place, meter in enumerate(meters)
    )
