"""Whether there is a grid."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import GRID_INTERVAL, GRID_SETTLES, KEPT_AT_LEAST
from ..gateway import PowerwallGateway, app_from_raw
from ..gateway.models import GridState, GridStatus
from ..outage import GridEvent, GridLog
from ..reading import Reading
from .base import GatewayCoordinator

if TYPE_CHECKING:
    from . import PowerwallGatewayConfigEntry


@dataclass(frozen=True, kw_only=True)
class GridData:
    """Whether there is a grid, and when there was none."""

    status: Reading[GridStatus] = Reading()
    log: Reading[GridLog] = Reading()

    news: GridEvent | None = None
    """What happened since the entry was loaded, the last of it."""

    chosen: bool = False
    """Whether Home Assistant took the house off the grid. No firmware says who did, so an island that somebody chose
    elsewhere passes for an outage."""


class GridCoordinator(GatewayCoordinator[GridData]):
    """The grid watch, every second.

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
            interval=GRID_INTERVAL,
            update_interval=None,
            data=GridData(log=Reading(value=log)),
        )
        self._kept_event = log.event
        self._connected_since: float | None = None
        self._chosen = False

    @callback
    def async_choose(self, *, off_grid: bool) -> None:
        """Note that the house is about to leave the grid on purpose, or does not any more."""
        self._chosen = off_grid

    def connected_for(self) -> float:
        """Tell for how many seconds the grid has been seen without a break; 0 where that is not sure."""
        status, now = self.data.status, self.hass.loop.time()
        if self._connected_since is None or status.error or now - status.at > KEPT_AT_LEAST:
            return 0.0
        return now - self._connected_since

    @override
    async def _async_update_data(self) -> GridData:
        status = await self._ask(self.data.status, self.gateway.grid_status)
        state = status.value.grid_status if status.value else None
        if state is not GridState.CONNECTED or status.at - self.data.status.at > KEPT_AT_LEAST:
            self._connected_since = None
        if state is GridState.CONNECTED and self._connected_since is None:
            self._connected_since = status.at
        chosen = self._chosen
        settled = self._connected_since is not None and status.at - self._connected_since >= GRID_SETTLES
        log = self.data.log.map(
            lambda log: log.take(state, dt_util.utcnow(), settled=settled, charge=self._charge, chosen=chosen)
        )
        event = log.value.event if log.value else None
        return GridData(
            status=status,
            log=log,
            news=None if event == self._kept_event else event,
            chosen=chosen and state is not GridState.CONNECTED,
        )

    @property
    def _charge(self) -> float | None:
        """The battery's, in app %, as the live poll read it last."""
        battery = self.config_entry.runtime_data.live.data.battery.value
        percentage = battery.percentage if battery else None
        return None if percentage is None else round(app_from_raw(percentage), 1)

    async def watch(self) -> None:
        """Poll on time, for as long as somebody listens and polling is not switched off."""
        clock = self.hass.loop.time
        due = clock()
        while True:
            due = max(due + GRID_INTERVAL, clock())
            await asyncio.sleep(due - clock())
            if self._listeners and not self.config_entry.pref_disable_polling:
                await self.async_refresh()
