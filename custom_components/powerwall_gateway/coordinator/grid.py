"""Whether there is a grid."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_GRID_INTERVAL, GRID_INTERVAL, GRID_SETTLES, KEPT_AT_LEAST
from ..gateway import PowerwallGateway, Priority, app_from_raw
from ..gateway.models import GridState, GridStatus, StateOfEnergy, SystemStatus
from ..outages import GridEvent, GridLog
from ..reading import EndpointResult
from .base import GatewayCoordinator

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry


SERVICES_INTERVAL: Final = 60.0
"""Seconds for which `grid_status` need not be asked while `system_status` tells the grid's state."""

RESTART_PAUSE: Final = 1.0
"""Seconds after which the grid watch goes on that an unexpected error ended."""

_GAP: Final = 1.5
"""Intervals between two answers of which none is missing."""

_PUT_OFF: Final = 1.2
"""Intervals until `grid_status` is asked after another answer told. So much more than one lets the next such answer
come first, where it is due after a whole number of them."""


@dataclass(frozen=True, kw_only=True)
class GridData:
    """Whether there is a grid, and when there was none."""

    status: EndpointResult[GridStatus] = EndpointResult()
    log: EndpointResult[GridLog] = EndpointResult()

    chosen: bool = False
    """Whether Home Assistant took the house off the grid. No firmware says who did, so an island that somebody chose
    elsewhere passes for an outage."""


class GridCoordinator(GatewayCoordinator[GridData]):
    """The grid watch, every second, unless the owner chose another interval.

    Home Assistant's own scheduling rounds to whole seconds and would make two of it, so a
    task of the entry drives it.
    """

    def __init__(
        self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway, log: GridLog
    ) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="grid",
            rank=Priority.GRID,
            interval=entry.options.get(CONF_GRID_INTERVAL, GRID_INTERVAL),
            data=GridData(log=EndpointResult(value=log)),
        )
        self.update_interval = None
        self._due = 0.0
        self._asking = False
        self._asked_at = 0.0
        self._is_stale = False
        self._refreshing: asyncio.Task[None] | None = None
        self._fires_events = False
        self._connected_since: float | None = None
        self._chosen = False

    @callback
    def async_choose(self, *, off_grid: bool) -> None:
        """Note that the house is about to leave the grid on purpose, or does not any more."""
        self._chosen = off_grid

    def connected_for(self) -> float:
        """Tell for how many seconds the grid has been seen without a break; 0 where that is not sure."""
        status, now = self.data.status, self.hass.loop.time()
        if self._connected_since is None or status.error or self._is_gap(now - status.at):
            return 0.0
        return now - self._connected_since

    def _is_gap(self, seconds: float) -> bool:
        """Tell whether so much time between two answers leaves open what was in between."""
        return seconds > max(KEPT_AT_LEAST, _GAP * self.cadence.interval)

    @override
    async def _poll(self) -> GridData:
        self._asking, self._asked_at = True, self.hass.loop.time()
        try:
            status = await self._ask(self.data.status, self.gateway.grid_status)
            return self._seen(status, self.config_entry.runtime_data.live.data.battery.value)
        finally:
            self._asking = False

    @callback
    def async_take(self, system: SystemStatus) -> None:
        """Take the grid's state from an answer that was polled for its charge: it counts as a grid watch.

        Whether grid services are active is only in `grid_status`, which is therefore asked once
        a minute all the same.
        """
        state, last, now = system.system_island_state, self.data.status, self.hass.loop.time()
        if state is None or last.never_answered or self._asking or now - self._asked_at > SERVICES_INTERVAL:
            return
        with self._contained("taking the grid's state from system_status"):
            self._due = max(self._due, now + _PUT_OFF * self.cadence.interval - self.cadence.cost)
            data = self._seen(
                EndpointResult(value=replace(last.value or GridStatus(), grid_status=state), at=now), system
            )
            if data == self.data:
                self.data = data
            else:
                self.async_set_updated_data(data)
                self.async_have_lookouts_look()

    def _seen(self, status: EndpointResult[GridStatus], battery: SystemStatus | StateOfEnergy | None) -> GridData:
        """Note what an answer said, whichever it was, and what is known of the charge then."""
        state, last = _state(status), _state(self.data.status)
        if state is not last and state is not None and last is not None:
            self._refresh_everything()
        if state is not GridState.CONNECTED or self._is_gap(status.at - self.data.status.at):
            self._connected_since = None
        if state is GridState.CONNECTED and self._connected_since is None:
            self._connected_since = status.at
        chosen, charge = self._chosen, _charge(battery)
        settled = self._connected_since is not None and status.at - self._connected_since >= GRID_SETTLES
        log = self.data.log.map(
            lambda log: log.take(state, dt_util.utcnow(), settled=settled, charge=charge, chosen=chosen)
        )
        return GridData(
            status=status,
            log=log,
            chosen=chosen and state is not GridState.CONNECTED,
        )

    @callback
    def async_fire_events(self, _: HomeAssistant) -> None:
        """Have the event entity fire what is pending, now and from now on.

        To be called once Home Assistant has started, with the entities in place.
        """
        self._fires_events = True
        self.async_update_listeners()

    @property
    def pending(self) -> tuple[GridEvent, ...]:
        """What the event entity is to fire now; nothing while Home Assistant stops, because no automation hears it."""
        log, fires = self.data.log.value, self._fires_events and self.hass.state is CoreState.running
        return log.pending if log and fires else ()

    @override
    @callback
    def async_update_listeners(self) -> None:
        super().async_update_listeners()
        if self.pending:
            # All of it was fired. It is stored again at once: until then a crash makes the next process fire it again.
            self.data = replace(self.data, log=self.data.log.map(GridLog.fired))
            self.async_have_lookouts_look()

    async def watch(self) -> None:
        """Poll on time, whatever goes wrong. Runs until it is cancelled."""
        while True:
            with self._contained("the grid watch"):
                await self._poll_on_time()
            await asyncio.sleep(RESTART_PAUSE)

    async def _poll_on_time(self) -> None:
        """Poll on time, unless polling is switched off for the entry."""
        clock = self.hass.loop.time
        self._due = clock() + self.cadence.interval
        while True:
            await asyncio.sleep(max(0.0, self._due - clock()))
            if clock() < (began := self._due):
                continue  # it was put off meanwhile
            if not self.config_entry.pref_disable_polling:
                await self.async_refresh()
            self._due = max(began + self.cadence.interval, clock())

    def _refresh_everything(self) -> None:
        """Have what changes with the grid read at once, and once more if the grid changes meanwhile."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return
        self._is_stale = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self.config_entry.async_create_background_task(
                self.hass, self._refresh_the_stale(), name=f"{self.config_entry.title} after the grid changed"
            )

    async def _refresh_the_stale(self) -> None:
        data = self.config_entry.runtime_data
        while self._is_stale:
            self._is_stale = False
            await data.live.async_refresh()
            await data.settings.async_refresh()


def _state(status: EndpointResult[GridStatus]) -> GridState | None:
    return status.value.grid_status if status.value else None


def _charge(battery: SystemStatus | StateOfEnergy | None) -> float | None:
    """Give the charge in app %."""
    percentage = battery.percentage if battery else None
    return None if percentage is None else round(app_from_raw(percentage), 1)
