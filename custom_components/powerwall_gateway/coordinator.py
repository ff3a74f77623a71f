"""Coordinators: what is polled, how often, and what a failed poll means."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
import logging
from typing import Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
)
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .const import DOMAIN, GRID_INTERVAL, KEPT_AT_LEAST, KEPT_INTERVALS, LIVE_INTERVAL, SETTINGS_INTERVAL
from .gateway import (
    GatewayBusyError,
    GatewayCertificateError,
    GatewayError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayStoppedError,
    GatewayUnreachableError,
    PowerwallGateway,
)
from .gateway.models import GridStatus, MetersAggregates, Sitemaster, StateOfEnergy, SystemStatus

_LOGGER = logging.getLogger(__name__)

_REFUSALS_BEFORE_REAUTH: Final = 2
"""A gateway that is starting up refuses a good password once."""

type PowerwallGatewayConfigEntry = ConfigEntry[PowerwallGatewayData]


@dataclass(kw_only=True)
class PowerwallGatewayData:
    """What a loaded entry holds."""

    gateway: PowerwallGateway
    device: DeviceInfo
    live: LiveCoordinator
    grid: GridCoordinator
    settings: SettingsCoordinator


@dataclass(frozen=True, kw_only=True)
class Reading[T]:
    """What one endpoint said last, and how the asking went. Only the value makes two readings differ."""

    value: T | None = None
    error: GatewayError | None = field(default=None, compare=False)
    at: float = field(default=0.0, compare=False)
    """Monotonic time of the value, in seconds."""

    not_before: float = field(default=0.0, compare=False)
    """Monotonic time until which the gateway asked to be left alone."""

    @property
    def stopped(self) -> bool:
        """Whether there was no value because the Powerwall is stopped."""
        return isinstance(self.error, GatewayStoppedError)

    @property
    def exists(self) -> bool:
        """Whether this firmware has the endpoint at all."""
        return not isinstance(self.error, GatewayNotFoundError)


@dataclass(frozen=True, kw_only=True)
class LiveData:
    """What flows, and how full the battery is."""

    meters: Reading[MetersAggregates] = Reading()
    battery: Reading[SystemStatus | StateOfEnergy] = Reading()


@dataclass(frozen=True, kw_only=True)
class GridData:
    """Whether there is a grid."""

    status: Reading[GridStatus] = Reading()


@dataclass(frozen=True, kw_only=True)
class SettingsData:
    """What changes seldom."""

    sitemaster: Reading[Sitemaster] = Reading()


def setup_error(err: GatewayError) -> HomeAssistantError:
    """Say what a gateway's failure means for setting up the entry."""
    match err:
        case GatewayLoginError():
            return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="login_refused")
        case GatewayCertificateError():
            return ConfigEntryError(translation_domain=DOMAIN, translation_key="certificate_changed")
        case GatewayUnreachableError():
            return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="unreachable")
        case _:
            return ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="unexpected_answer",
                translation_placeholders={"reason": str(err)},
            )


class GatewayCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """Polls some endpoints at one cadence.

    It never fails as a whole: each endpoint has a reading of its own, and only the
    entities that stand on a failing one suffer.
    """

    config_entry: PowerwallGatewayConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PowerwallGatewayConfigEntry,
        gateway: PowerwallGateway,
        *,
        name: str,
        interval: float,
        update_interval: timedelta | None,
        data: DataT,
    ) -> None:
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"{entry.title} {name}",
            update_interval=update_interval,
            always_update=False,
        )
        self.gateway = gateway
        self.data = data
        self._kept = max(KEPT_INTERVALS * interval, KEPT_AT_LEAST)

    async def _ask[T](self, last: Reading[T], endpoint: Callable[[], Awaitable[T]]) -> Reading[T]:
        """Read one endpoint, and look at once whether the Powerwall runs when live data stop or come back."""
        reading = await self._read(last, endpoint)
        if reading.stopped is not last.stopped and self.config_entry.state is ConfigEntryState.LOADED:
            await self.config_entry.runtime_data.settings.async_request_refresh()
        return reading

    async def _read[T](self, last: Reading[T], endpoint: Callable[[], Awaitable[T]]) -> Reading[T]:
        """Read one endpoint. A failed poll keeps the last value while it is young."""
        now = self.hass.loop.time()
        error, not_before = last.error, last.not_before
        if now >= not_before:
            try:
                return Reading(value=await endpoint(), at=self.hass.loop.time())
            except GatewayStoppedError as err:
                return Reading(error=err)
            except GatewayError as err:
                error = err
                if isinstance(err, GatewayBusyError):
                    not_before = now + err.retry_after
                elif isinstance(err, GatewayLoginError):
                    self._ask_for_a_password()
        kept = last.value if self.hass.loop.time() - last.at < self._kept else None
        return Reading(value=kept, error=error, at=last.at, not_before=not_before)

    def _ask_for_a_password(self) -> None:
        if self.gateway.login_refusals >= _REFUSALS_BEFORE_REAUTH:
            self.config_entry.async_start_reauth(self.hass)


class LiveCoordinator(GatewayCoordinator[LiveData]):
    """What flows, every five seconds."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="live",
            interval=LIVE_INTERVAL,
            update_interval=timedelta(seconds=LIVE_INTERVAL),
            data=LiveData(),
        )

    @override
    async def _async_update_data(self) -> LiveData:
        return LiveData(
            meters=await self._ask(self.data.meters, self.gateway.meters_aggregates),
            battery=await self._ask(self.data.battery, self._battery),
        )

    async def _battery(self) -> SystemStatus | StateOfEnergy:
        """Read the charge from the richest answer this firmware has; 1.15 and a Powerwall 3 have the plain one only."""
        if self.gateway.capabilities.has_system_status:
            with suppress(GatewayNotFoundError):
                return await self.gateway.system_status()
        return await self.gateway.soe()


class GridCoordinator(GatewayCoordinator[GridData]):
    """The grid watch, every second.

    Home Assistant's own scheduling rounds to whole seconds and would make two of it, so a
    task of the entry drives it.
    """

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(
            hass, entry, gateway, name="grid", interval=GRID_INTERVAL, update_interval=None, data=GridData()
        )

    @override
    async def _async_update_data(self) -> GridData:
        return GridData(status=await self._ask(self.data.status, self.gateway.grid_status))

    async def watch(self) -> None:
        """Poll on time, for as long as somebody listens and polling is not switched off."""
        clock = self.hass.loop.time
        due = clock()
        while True:
            due = max(due + GRID_INTERVAL, clock())
            await asyncio.sleep(due - clock())
            if self._listeners and not self.config_entry.pref_disable_polling:
                await self.async_refresh()


class SettingsCoordinator(GatewayCoordinator[SettingsData]):
    """What changes seldom, every minute."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="settings",
            interval=SETTINGS_INTERVAL,
            update_interval=timedelta(seconds=SETTINGS_INTERVAL),
            data=SettingsData(),
        )

    @override
    async def _async_update_data(self) -> SettingsData:
        return SettingsData(sitemaster=await self._ask(self.data.sitemaster, self.gateway.sitemaster))
