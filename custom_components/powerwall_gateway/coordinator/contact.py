"""Which meters the gateway has lost contact with.

The gateway's own times decide, never Home Assistant's clock: the two may differ by hours. A meter is out of contact
if its time is behind the newest one in the same answer, or if it stands still for as long.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
import logging
from typing import Final, NamedTuple

from ..gateway.models import Meter, MetersAggregates, SiteMeter, SolarMeter

_LOGGER = logging.getLogger(__name__)

LOST_AFTER: Final = 60.0
"""Seconds without contact after which a meter's values are unknown.

In every public capture (1.15 to 23.36) all meters are within 20 ms of each other, and the gateway's own `timeout` for a
meter is 1.5 s. A meter on Wi-Fi misses some readings now and then. One minute hides nothing that is only late.
"""


class _Contact(NamedTuple):
    """What one meter's time was in the last answer."""

    time: datetime
    behind: float
    """Seconds behind the newest time in that answer."""

    since: float
    """Monotonic time in seconds at which this time was first seen."""


class ContactWatch[KeyT: Hashable]:
    """Follow the communication times of meters from answer to answer."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._contacts: dict[KeyT, _Contact] = {}
        self._lost: frozenset[KeyT] = frozenset()
        self._answered_at: float | None = None

    def lost(self, meters: Mapping[KeyT, Meter], now: float) -> frozenset[KeyT]:
        """Return the meters that are out of contact in an answer read at monotonic time `now`, in seconds.

        A meter without a time, or with the zero time of a meter that never answered, is left as it is. If the gateway
        itself did not answer for as long, a time that stands still proves nothing: the wait starts again.
        """
        if self._answered_at is not None and now - self._answered_at > LOST_AFTER:
            self._contacts = {key: contact._replace(since=now) for key, contact in self._contacts.items()}
        self._answered_at = now
        times = {key: time for key, meter in meters.items() if (time := meter.last_communication_time)}
        newest = max(times.values(), default=None)
        lost = frozenset(key for key, time in times.items() if newest and self._is_lost(key, time, newest, now))
        if newly := lost - self._lost:
            _LOGGER.info(
                "%s: The gateway lost contact with meter %s; its values are unknown", self._name, _names(newly)
            )
        if again := self._lost & times.keys() - lost:
            _LOGGER.info("%s: The gateway is in contact with meter %s again", self._name, _names(again))
        self._lost = lost
        return lost

    def _is_lost(self, key: KeyT, time: datetime, newest: datetime, now: float) -> bool:
        behind = (newest - time).total_seconds()
        last = self._contacts.get(key)
        since = last.since if last and last.time == time else now
        self._contacts[key] = _Contact(time, behind, since)
        if behind <= LOST_AFTER:
            return now - since > LOST_AFTER
        # If the gateway's clock was set back, the lost meter has the newest time. One that moves on and does not fall
        # further behind is in contact.
        return not (last and time > last.time and behind <= last.behind)


def _names(meters: Iterable[Hashable]) -> str:
    return ", ".join(sorted(map(str, meters)))


def aggregates_in_contact(meters: MetersAggregates, watch: ContactWatch[str], now: float) -> MetersAggregates:
    """Return the meters with nothing but the counters of those that are out of contact.

    `load` needs no rule of its own: the gateway computes it, and its time is that of the oldest meter in it.
    """
    known = {name: meter for name, meter in vars(meters).items() if isinstance(meter, Meter)}
    lost = watch.lost(known, now)
    return replace(meters, **{name: known[name].counters_only() for name in lost}) if lost else meters


def singles_in_contact[MeterT: (SiteMeter, SolarMeter)](
    meters: tuple[MeterT, ...], watch: ContactWatch[int], now: float
) -> tuple[MeterT, ...]:
    """Return the meters of `meters/site` or `meters/solar`, likewise."""
    known = {place: meter.readings for place, meter in enumerate(meters) if meter.readings}
    lost = watch.lost(known, now)
    return tuple(
        replace(meter, readings=known[place].counters_only()) if place in lost else meter
        for place, meter in enumerate(meters)
    )
