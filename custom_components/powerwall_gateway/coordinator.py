"""Coordinators: the endpoints to poll, their intervals, and the handling of failed polls."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import cached_property, wraps
import logging
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .const import (
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_SERIAL,
    CONF_ZERO_BELOW,
    DETAIL_INTERVAL,
    GRID_INTERVAL,
    GRID_SETTLES,
    INVENTORY_INTERVAL,
    KEPT_AT_LEAST,
    KEPT_INTERVALS,
    LIVE_INTERVAL,
    REFUSALS_BEFORE_REAUTH,
    SETTINGS_INTERVAL,
    TEMPERATURE_INTERVAL,
)
from .device_ids import inverter_ids
from .estimates import POWERWALL_ENERGY, BatteryEstimates, PowerAverage
from .flow_split import FlowCounters, FlowData
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayStoppedError,
    GatewayTimeoutError,
    IdentityCheck,
    LoginProblem,
    PowerwallGateway,
    Priority,
    WrongGatewayError,
    app_from_raw,
)
from .gateway.models import (
    BatteryBlock,
    BatteryTemperatures,
    ConfigFile,
    Controller,
    CustomerRegistration,
    DeviceComponents,
    FullBackup,
    GridFault,
    GridState,
    GridStatus,
    InstalledMeter,
    MeterReading,
    MetersAggregates,
    NetworkInterface,
    Operation,
    Powerwalls,
    SignedBlock,
    SiteInfo,
    Sitemaster,
    SiteMeter,
    SolarInverter,
    SolarMeter,
    SolarPowerwall,
    StateOfEnergy,
    Status,
    SystemStatus,
    SystemUpdate,
    TroubleshootingProblems,
)
from .grid_log import GridEvent, GridLog
from .lost_meters import LostMeterDetector, aggregates_in_contact, singles_in_contact
from .storage import TemporaryReserve

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

SERVICES_INTERVAL: Final = 60.0
"""Seconds between two requests to `grid_status` while `system_status` reports the grid's state."""

RESTART_PAUSE: Final = 1.0
"""Seconds after which the grid is polled again after an unexpected error."""

_GAP: Final = 1.5
"""Most intervals between two responses without a gap."""

_PUT_OFF: Final = 1.2
"""Intervals until the next request to `grid_status` after `system_status` reported the grid's state. It is more than 1,
so that the next `system_status` goes first if both are due."""

FIRST_RETRY: Final = 60.0
"""Seconds until the inventory is polled again if an endpoint has never succeeded. They double after each poll."""


@dataclass(frozen=True, kw_only=True)
class EndpointResult[T]:
    """Last value of an endpoint, and the error of the last request. Only the value counts in a comparison."""

    value: T | None = None
    error: GatewayError | None = field(default=None, compare=False)
    """Reason why there is no value, or why it is not fresh."""

    at: float = field(default=0.0, compare=False)
    """Monotonic time of the value, in seconds; 0 if there never was one."""

    not_before: float = field(default=0.0, compare=False)
    """Monotonic time of the next request, in seconds."""

    @property
    def fresh(self) -> T | None:
        """Return the value, unless the last request failed."""
        return None if self.error else self.value

    @property
    def stopped(self) -> bool:
        """Return whether there is no value because the Powerwall is stopped."""
        return isinstance(self.error, GatewayStoppedError)

    @property
    def unsupported(self) -> bool:
        """Return whether this firmware lacks the endpoint, or this login may not read it."""
        return self.value is None and isinstance(self.error, GatewayNotFoundError | GatewayAuthenticationRequiredError)

    @property
    def has_never_succeeded(self) -> bool:
        """Return whether the endpoint has not returned a value since the entry was loaded."""
        return self.at == 0.0

    def map[U](self, part_of: Callable[[T], U | None]) -> EndpointResult[U]:
        """Return the result for a part of the value."""
        value = None if self.value is None else part_of(self.value)
        return EndpointResult(value=value, error=self.error, at=self.at, not_before=self.not_before)


def endpoint_results(data: Any) -> dict[str, EndpointResult[Any]]:
    """Return the results in a coordinator's data by name."""
    values = {each.name: getattr(data, each.name) for each in fields(data)}
    return {name: value for name, value in values.items() if isinstance(value, EndpointResult)}


def start_time(last: EndpointResult[datetime], elapsed: EndpointResult[timedelta]) -> EndpointResult[datetime]:
    """Return the time at which a duration began.

    It differs a little from poll to poll. The device class `uptime` of its sensors ignores that.
    """
    return elapsed.map(lambda duration: last.value if elapsed.error else dt_util.utcnow() - duration)


class GatewayCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """Poll some endpoints at one interval.

    A poll never fails as a whole. Every endpoint has its own result: if it fails, only its entities are unavailable.
    """

    config_entry: ConfigEntry[GatewayCoordinators]
    priority: Priority
    interval: float
    """Seconds between two polls by default."""

    initial_data: DataT

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        gateway: PowerwallGateway,
        signed: SignedGateway | None = None,
        *,
        interval: float | None = None,
    ) -> None:
        interval = interval or self.interval
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"{entry.title} {self.priority.name.lower()}",
            update_interval=timedelta(seconds=interval),
        )
        self.gateway = gateway
        self._signed = signed
        self.data = self.initial_data
        self.schedule = gateway.scheduler.add_schedule(self.priority, interval)
        self._forced = 0
        """Number of callers that wait for a poll of all endpoints, due or not."""

        self._polling: asyncio.Task[DataT] | None = None
        self._logged_errors: set[tuple[str, type[Exception]]] = set()

    async def async_force_refresh(self) -> None:
        """Poll now, including endpoints that are not due: a login or a change may have made them respond."""
        self._forced += 1
        try:
            await self.async_refresh()
        finally:
            self._forced -= 1

    @override
    @callback
    def async_add_listener(self, update_callback: CALLBACK_TYPE, context: Any = None) -> CALLBACK_TYPE:
        """Call `update_callback` after every poll. Log an exception once: Home Assistant would log it at every poll."""

        @wraps(update_callback)
        def call() -> None:
            with self._log_errors(update_callback.__qualname__):
                update_callback()

        return super().async_add_listener(call, context)

    @contextmanager
    def _log_errors(self, name: str) -> Iterator[None]:
        """Log an unexpected exception instead of raising it."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - it is logged
            self._log_error(name, err)

    def _log_error(self, name: str, err: Exception) -> None:
        """Log an unexpected exception, with its traceback only the first time."""
        error = (name, type(err))
        level = logging.DEBUG if error in self._logged_errors else logging.ERROR
        self._logged_errors.add(error)
        _LOGGER.log(level, "Unexpected error in %s of %s", name, self.name, exc_info=err)

    @override
    async def async_shutdown(self) -> None:
        """Cancel the poll in flight, too. The connection closes next, and the poll would log a lost gateway."""
        await super().async_shutdown()
        if self._polling:
            self._polling.cancel()

    @override
    async def _async_update_data(self) -> DataT:
        self._polling = self.hass.async_create_background_task(self._poll_and_measure(), f"{self.name} poll")
        try:
            data = await self._polling
            if self.update_interval:
                self.update_interval = timedelta(seconds=self.schedule.interval)
        except Exception as err:
            self._log_error("the poll", err)
            raise UpdateFailed(f"unexpected {type(err).__name__}") from err
        return data

    async def _poll_and_measure(self) -> DataT:
        with self.schedule.round():
            return await self._poll()

    async def _poll(self) -> DataT:
        """Fetch the endpoints of one poll."""
        raise NotImplementedError

    async def _fetch[T](self, last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]) -> EndpointResult[T]:
        """Fetch one endpoint.

        If the Powerwall stopped or started, refresh the settings. If the endpoint responds again, refresh the
        coordinators that failed.
        """
        result = await self._fetch_result(last, endpoint)
        if self.config_entry.state is ConfigEntryState.LOADED:
            if result.stopped is not last.stopped:
                await self.config_entry.runtime_data.settings.async_request_refresh()
            if last.error and not result.error:
                self._refresh_failed()
        return result

    @property
    def has_failed(self) -> bool:
        """Return whether an endpoint failed at the last poll. One that the gateway never had does not count."""
        results = endpoint_results(self.data).values()
        return any(each.error and not (each.unsupported and each.has_never_succeeded) for each in results)

    @callback
    def _refresh_failed(self) -> None:
        """Refresh the other coordinators that failed. Their next poll may be minutes away."""
        data = self.config_entry.runtime_data
        others: tuple[GatewayCoordinator[Any], ...] = (data.live, data.settings, data.detail, data.inventory)
        for other in others:
            if other is not self and other.has_failed:
                self.config_entry.async_create_background_task(
                    self.hass, other.async_request_refresh(), f"{other.name} after a failure"
                )

    async def _fetch_result[T](
        self, last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]
    ) -> EndpointResult[T]:
        """Fetch one endpoint. If that fails, keep the last value for 3 intervals, and for at least 10 seconds."""
        clock = self.hass.loop.time
        error, not_before = last.error, last.not_before
        if not self._forced:
            await self.schedule.wait_for_budget()
        if (backoff := self.schedule.backoff_error) and not self._forced:
            error = backoff
        elif clock() >= not_before or self._forced:
            try:
                value = await _fetch_with_retry(last, endpoint)
                await self.config_entry.runtime_data.identity_check.check()
                return EndpointResult(value=value, at=clock())
            except (GatewayStoppedError, GatewayKeyError) as err:  # a valid response: there is no value
                return EndpointResult(error=err.bare(), at=last.at)
            except GatewayError as err:
                error = err.bare()
                not_before = clock() + self._retry_delay(err, last)
                self._handle_error(err)
            except Exception as err:  # noqa: BLE001 - an unexpected error fails this endpoint, not the whole poll
                self._log_error(f"reading {getattr(endpoint, '__name__', 'an endpoint')}", err)
                error = GatewayError(f"unexpected {type(err).__name__}")
        if last.unsupported and not isinstance(error, GatewayNotFoundError | GatewayAuthenticationRequiredError):
            # A gateway that cannot be reached says nothing about an endpoint that it lacks.
            error, not_before = last.error, last.not_before
        kept = last.value if clock() - last.at < max(KEPT_INTERVALS * self.schedule.interval, KEPT_AT_LEAST) else None
        return EndpointResult(value=kept, error=error, at=last.at, not_before=not_before)

    def _retry_delay(self, err: GatewayError, last: EndpointResult[object]) -> float:
        """Return the seconds until the endpoint may be requested again."""
        match err:
            case GatewayRateLimitError() if err.is_for_logins:
                return 0.0  # only the login waits
            case GatewayRateLimitError():
                # If the scheduler backs off from the whole gateway, no endpoint needs a wait of its own.
                return 0.0 if self.schedule.backoff_error else err.retry_after
            case GatewayNotFoundError() | GatewayAuthenticationRequiredError() if last.has_never_succeeded:
                return self.gateway.absent_for
            case _:
                return 0.0

    def _handle_error(self, err: GatewayError) -> None:
        """Start reauthentication if the password is wrong. Reload the entry if another device may have responded."""
        match err:
            case GatewayLoginError() if needs_reauth(err, self.gateway):
                self.config_entry.async_start_reauth(self.hass)
            case WrongGatewayError() | GatewayCertificateError():
                # Setup detects the other device or certificate, too, and creates the repair issue.
                if self.config_entry.state is ConfigEntryState.LOADED:
                    self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)


def needs_reauth(err: GatewayLoginError, gateway: PowerwallGateway) -> bool:
    """Return whether the password is wrong. A gateway that is starting refuses a correct password once."""
    return err.problem is LoginProblem.DEFAULT_PASSWORD or gateway.login_refusals >= REFUSALS_BEFORE_REAUTH


async def _fetch_with_retry[T](last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]) -> T:
    """Fetch an endpoint. If the response is lost or malformed, and the last one was good, fetch it again at once."""
    try:
        return await endpoint()
    except GatewayTimeoutError:
        raise  # an endpoint that takes 10 seconds gets no second request
    except GatewayConnectionError, GatewayInvalidResponseError:
        if last.error is not None or last.has_never_succeeded:
            raise
        return await endpoint()


@dataclass(frozen=True, kw_only=True)
class GridData:
    """State of the grid, and its log."""

    status: EndpointResult[GridStatus] = EndpointResult()
    log: EndpointResult[GridLog] = EndpointResult()

    intentional: bool = False
    """True if Home Assistant took the home off-grid. No firmware reports the reason: if you go off-grid in the Tesla
    app, it counts as an outage."""


class GridCoordinator(GatewayCoordinator[GridData]):
    """Poll the grid status, every second by default.

    Home Assistant schedules refreshes on whole seconds: an interval of 1 second would become 2. So `watch` polls, in a
    background task of the entry.
    """

    priority = Priority.GRID
    initial_data = GridData()

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, gateway: PowerwallGateway, log: GridLog) -> None:
        super().__init__(hass, entry, gateway, interval=entry.options.get(CONF_GRID_INTERVAL, GRID_INTERVAL))
        self.data = GridData(log=EndpointResult(value=log))
        self.update_interval = None
        self._due = 0.0
        self._requesting = False
        self._requested_at = 0.0
        self._is_stale = False
        self._refreshing: asyncio.Task[None] | None = None
        self._fires_events = False
        self._connected_since: float | None = None
        self.intentional = False
        """True if the home is going off-grid, or is off-grid, because Home Assistant requested it."""

    def connected_for(self) -> float:
        """Return for how many seconds the grid has been connected without a gap; 0 if that is not certain."""
        status, now = self.data.status, self.hass.loop.time()
        if self._connected_since is None or status.error or self._is_gap(now - status.at):
            return 0.0
        return now - self._connected_since

    def _is_gap(self, seconds: float) -> bool:
        """Return whether the grid may have changed unseen between two responses."""
        return seconds > max(KEPT_AT_LEAST, _GAP * self.schedule.interval)

    @override
    async def _poll(self) -> GridData:
        self._requesting, self._requested_at = True, self.hass.loop.time()
        try:
            status = await self._fetch(self.data.status, self.gateway.grid_status)
            return self._process(status, self.config_entry.runtime_data.live.data.battery.value)
        finally:
            self._requesting = False

    @callback
    def async_update_from(self, system: SystemStatus) -> None:
        """Update the grid's state from `system_status`, which postpones the next request to `grid_status`.

        Only `grid_status` reports grid services, so it is requested once a minute in any case.
        """
        state, last, now = system.system_island_state, self.data.status, self.hass.loop.time()
        if (
            state is None
            or last.has_never_succeeded
            or self._requesting
            or now - self._requested_at > SERVICES_INTERVAL
        ):
            return
        with self._log_errors("updating the grid's state from system_status"):
            self._due = max(self._due, now + _PUT_OFF * self.schedule.interval - self.schedule.cost)
            data = self._process(
                EndpointResult(value=replace(last.value or GridStatus(), grid_status=state), at=now), system
            )
            if data == self.data:
                self.data = data
            else:
                self.async_set_updated_data(data)

    def _process(self, status: EndpointResult[GridStatus], battery: SystemStatus | StateOfEnergy | None) -> GridData:
        """Return the new data for a grid state from either endpoint. `battery` has the charge at that time."""
        state, last = _state(status), _state(self.data.status)
        if state is not last and state is not None and last is not None:
            self._refresh_after_change()
        if state is not GridState.CONNECTED or self._is_gap(status.at - self.data.status.at):
            self._connected_since = None
        if state is GridState.CONNECTED and self._connected_since is None:
            self._connected_since = status.at
        intentional, charge = self.intentional, _charge(battery)
        settled = self._connected_since is not None and status.at - self._connected_since >= GRID_SETTLES
        log = self.data.log.map(
            lambda log: log.update(state, dt_util.utcnow(), settled=settled, charge=charge, intentional=intentional)
        )
        return GridData(status=status, log=log, intentional=intentional and state is not GridState.CONNECTED)

    @callback
    def async_fire_events(self, _: HomeAssistant) -> None:
        """Fire pending events from now on. Before Home Assistant has started, no automation receives them."""
        self._fires_events = True
        self.async_update_listeners()

    @property
    def pending(self) -> tuple[GridEvent, ...]:
        """Events to fire now; none while Home Assistant stops, because no automation receives them."""
        log, fires = self.data.log.value, self._fires_events and self.hass.state is CoreState.running
        return log.pending if log and fires else ()

    @override
    @callback
    def async_update_listeners(self) -> None:
        super().async_update_listeners()
        if self.pending:
            # The listeners have fired all events. Call them again, so that the log is stored at once: after a crash the
            # events would be fired again.
            self.data = replace(self.data, log=self.data.log.map(GridLog.fired))
            super().async_update_listeners()

    async def watch(self) -> None:
        """Poll on time until cancelled, also after an unexpected error."""
        while True:
            with self._log_errors("the grid watch"):
                await self._poll_on_time()
            await asyncio.sleep(RESTART_PAUSE)

    async def _poll_on_time(self) -> None:
        """Poll on time, unless polling is turned off for the entry."""
        clock = self.hass.loop.time
        self._due = clock() + self.schedule.interval
        while True:
            await asyncio.sleep(max(0.0, self._due - clock()))
            if clock() < (began := self._due):
                continue  # postponed
            if not self.config_entry.pref_disable_polling:
                await self.async_refresh()
            self._due = max(began + self.schedule.interval, clock())

    def _refresh_after_change(self) -> None:
        """Refresh live data and settings. If the grid changes again meanwhile, refresh them once more."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return
        self._is_stale = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = self.config_entry.async_create_background_task(
                self.hass, self._refresh_stale(), name=f"{self.config_entry.title} after the grid changed"
            )

    async def _refresh_stale(self) -> None:
        data = self.config_entry.runtime_data
        while self._is_stale:
            self._is_stale = False
            await data.live.async_refresh()
            await data.settings.async_refresh()


def _state(status: EndpointResult[GridStatus]) -> GridState | None:
    return status.value.grid_status if status.value else None


def _charge(battery: SystemStatus | StateOfEnergy | None) -> float | None:
    """Return the charge in app %."""
    percentage = battery.percentage if battery else None
    return None if percentage is None else round(app_from_raw(percentage), 1)


@dataclass(frozen=True, kw_only=True)
class LiveData:
    """Power flows, charge, and estimates from both."""

    meters: EndpointResult[MetersAggregates] = EndpointResult()

    shown_meters: EndpointResult[MetersAggregates] = EndpointResult()
    """The same, with powers that the owner wants to see as 0."""

    battery: EndpointResult[SystemStatus | StateOfEnergy] = EndpointResult()
    estimates: EndpointResult[BatteryEstimates] = EndpointResult()
    flows: EndpointResult[FlowData] = EndpointResult()

    grid_connected: bool = True
    """True if the grid was connected at the time of these meters; false if its state cannot be read."""

    @cached_property
    def system(self) -> EndpointResult[SystemStatus]:
        """Detailed battery status with energies and every battery block, on firmware that has it."""
        return self.battery.map(lambda battery: battery if isinstance(battery, SystemStatus) else None)


class LiveCoordinator(GatewayCoordinator[LiveData]):
    """Poll power flows and charge, every 5 seconds by default."""

    priority = Priority.LIVE
    initial_data = LiveData()

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(hass, entry, gateway, interval=entry.options.get(CONF_LIVE_INTERVAL, LIVE_INTERVAL))
        self._powerwalls = 0
        """Number of Powerwalls in the last list."""

        self._average = PowerAverage()
        self._lost_meters = LostMeterDetector[str](self.name)
        self._zero_below: float = entry.options.get(CONF_ZERO_BELOW, 0.0)
        self.flow_counters = FlowCounters()

    @override
    async def _poll(self) -> LiveData:
        meters = await self._fetch(self.data.meters, self.gateway.meters_aggregates)
        battery = await self._fetch(self.data.battery, self._fetch_battery)
        if meters.error is None and meters.value is not None:
            value = aggregates_in_contact(meters.value, self._lost_meters, meters.at)
            meters = replace(meters, value=value)
            self._average.update(value, meters.at)
        shown_meters = meters.map(lambda meters: meters.without_noise(self._zero_below))
        return LiveData(
            meters=meters,
            shown_meters=shown_meters,
            battery=battery,
            estimates=battery.map(self._estimate),
            flows=self._split(meters, shown_meters.value),
            grid_connected=self._is_grid_connected(battery),
        )

    def _split(
        self, meters: EndpointResult[MetersAggregates], shown: MetersAggregates | None
    ) -> EndpointResult[FlowData]:
        """Split power and energy by source and consumer, once per response."""
        if meters.error and meters.value is not None:
            return replace(self.data.flows, error=meters.error)
        now = dt_util.utcnow().timestamp()
        return meters.map(lambda value: self.flow_counters.update_from(value, now, shown=shown))

    @callback
    def restore_flows(self, stored: Mapping[str, Any]) -> None:
        """Continue the energies of flows that were stored before a restart."""
        if self.flow_counters.restore(stored):
            self.data = replace(self.data, flows=self._split(self.data.meters, self.data.shown_meters.value))

    def _is_grid_connected(self, battery: EndpointResult[SystemStatus | StateOfEnergy]) -> bool:
        """Return whether the grid is connected, by the newest response about it."""
        if not self.config_entry.runtime_data.has_battery:
            return True  # a solar inverter has no contactor, and reports off-grid while the grid is connected
        if battery.error is None and isinstance(battery.value, SystemStatus):
            return battery.value.system_island_state is GridState.CONNECTED
        status = self.config_entry.runtime_data.grid.data.status
        if status.has_never_succeeded and status.error is None:
            return True  # during setup: the grid is polled after this
        return status.value is not None and status.value.grid_status is GridState.CONNECTED

    async def _fetch_battery(self) -> SystemStatus | StateOfEnergy:
        """Fetch the most detailed battery status. Firmware 1.15 and a Powerwall 3 only have the state of energy."""
        if self.gateway.capabilities.has_system_status:
            try:
                system = await self.gateway.system_status()
            except GatewayNotFoundError:
                if self.data.system.value is not None:
                    raise  # it existed before, and `soe` has no battery blocks
            else:
                self.config_entry.runtime_data.grid.async_update_from(system)
                return system
        return await self.gateway.soe()

    def _estimate(self, battery: SystemStatus | StateOfEnergy) -> BatteryEstimates | None:
        """Return estimates. The reserve and the size of the battery come from the other coordinators."""
        data = self.config_entry.runtime_data
        settings, controller = data.settings.data.operation.value, data.detail.data.controller.value
        site, powerwalls = data.inventory.data.site_info.value, data.inventory.data.powerwalls.value
        if powerwalls:
            self._powerwalls = len(powerwalls.powerwalls or ())
        return BatteryEstimates.calculate(
            battery,
            self._average,
            # Up to 1.46 `site_info` has the energy of one Powerwall, whatever their number, later that of all (1.50.1).
            nominal_energy=max((site and site.nominal_system_energy_kwh) or 0.0, POWERWALL_ENERGY * self._powerwalls),
            full_energy=controller.nominal_full_pack_energy if controller else None,
            reserve=settings.backup_reserve_percent if settings else None,
        )


class Detail(Enum):
    """Endpoint of the detail coordinator. An entity passes its own as the context of its listener."""

    CT_READINGS = auto()
    SITE_METERS = auto()
    SOLAR_METERS = auto()
    SOLAR_POWERWALL = auto()
    CONFIG = auto()
    CONTROLLER = auto()
    COMPONENTS = auto()
    FULL_BACKUP = auto()
    TEMPERATURES = auto()


@dataclass(frozen=True, kw_only=True)
class DetailData:
    """Measurements of single meters, inputs and strings."""

    ct_readings: EndpointResult[dict[str, MeterReading]] = EndpointResult()
    """By the meter's serial, on firmware that reports them while the Powerwall runs."""

    site_meters: EndpointResult[tuple[SiteMeter, ...]] = EndpointResult()
    solar_meters: EndpointResult[tuple[SolarMeter, ...]] = EndpointResult()
    solar_powerwall: EndpointResult[SolarPowerwall] = EndpointResult()

    config: EndpointResult[ConfigFile] = EndpointResult()
    controller: EndpointResult[Controller] = EndpointResult()
    components: EndpointResult[DeviceComponents] = EndpointResult()
    full_backup: EndpointResult[FullBackup] = EndpointResult()
    """These four require a signing key that the gateway accepts. `controller` and `components` are requested only where
    nothing else reports the battery's energies."""

    temperatures: EndpointResult[BatteryTemperatures] = EndpointResult()
    """Of a Powerwall 2 with a signing key."""

    @cached_property
    def measured_packs(self) -> EndpointResult[tuple[SignedBlock, ...]]:
        """Battery blocks whose energies and temperatures are in the signed responses."""
        expansions = self.config.value.expansions if self.config.value else frozenset[str]()
        return self.components.map(lambda components: components.battery_blocks(self.controller.value, expansions))

    @cached_property
    def packs(self) -> EndpointResult[dict[str, BatteryBlock]]:
        """All battery blocks in the signed responses, by serial."""
        parts = self.measured_packs.value or ()
        return self.controller.map(
            lambda controller: {
                block.serial_number: block for block in (*parts, *controller.battery_blocks) if block.serial_number
            }
        )


class DetailCoordinator(GatewayCoordinator[DetailData]):
    """Poll details every 30 seconds, but only those that an enabled entity depends on.

    The first poll and forced refreshes request everything, to detect the hardware.
    """

    priority = Priority.DETAIL
    interval = DETAIL_INTERVAL
    initial_data = DetailData()

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, gateway: PowerwallGateway, signed: SignedGateway | None
    ) -> None:
        super().__init__(hass, entry, gateway, signed)
        self._lost_site_meters = LostMeterDetector[int](f"{self.name}, site")
        self._lost_solar_meters = LostMeterDetector[int](f"{self.name}, solar")
        self._next_temperatures = 0.0
        """Monotonic time in seconds."""

    @override
    async def _poll(self) -> DetailData:
        data, gateway = self.data, self.gateway
        if gateway.capabilities.reads_meter_inputs:
            readings = await self._fetch_detail(Detail.CT_READINGS, data.ct_readings, gateway.meters_readings)
            data = replace(data, ct_readings=readings)
        data = replace(
            data,
            site_meters=await self._fetch_meters(
                Detail.SITE_METERS, data.site_meters, gateway.meters_site, self._lost_site_meters
            ),
            solar_meters=await self._fetch_meters(
                Detail.SOLAR_METERS, data.solar_meters, gateway.meters_solar, self._lost_solar_meters
            ),
            solar_powerwall=await self._fetch_detail(
                Detail.SOLAR_POWERWALL, data.solar_powerwall, gateway.solar_powerwall
            ),
            config=await self._fetch_signed(Detail.CONFIG, data.config, lambda signed: signed.config()),
            full_backup=await self._fetch_signed(
                Detail.FULL_BACKUP, data.full_backup, lambda signed: signed.full_backup()
            ),
        )
        if gateway.capabilities.has_system_status:
            return replace(data, temperatures=await self._fetch_temperatures(data.temperatures))
        # Nothing else reports the battery's energies.
        return replace(
            data,
            controller=await self._fetch_signed(Detail.CONTROLLER, data.controller, lambda signed: signed.controller()),
            components=await self._fetch_signed(Detail.COMPONENTS, data.components, lambda signed: signed.components()),
        )

    async def _fetch_detail[T](
        self, detail: Detail, last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]
    ) -> EndpointResult[T]:
        """Fetch an endpoint if an enabled entity depends on it, or to detect the hardware."""
        if self._forced or last.has_never_succeeded or detail in self.async_contexts():
            return await self._fetch(last, endpoint)
        return last

    async def _fetch_signed[T](
        self, detail: Detail, last: EndpointResult[T], request: Callable[[SignedGateway], Awaitable[T]]
    ) -> EndpointResult[T]:
        """Fetch by a signed request. There is no value without a key that the gateway accepts."""
        signed = self._signed
        if signed is None or not signed.verified:
            return EndpointResult(error=last.error)
        return await self._fetch_detail(detail, last, lambda: request(signed))

    async def _fetch_temperatures(
        self, last: EndpointResult[BatteryTemperatures]
    ) -> EndpointResult[BatteryTemperatures]:
        """Fetch the temperatures every 10 minutes, if one is enabled. They are never requested to detect hardware."""
        if Detail.TEMPERATURES not in self.async_contexts():
            return last
        if self._signed is None or not self._signed.verified:
            self._next_temperatures = 0.0
            return EndpointResult(error=last.error)
        now = self.hass.loop.time()
        if now < self._next_temperatures:
            return last
        self._next_temperatures = now + TEMPERATURE_INTERVAL
        return await self._fetch(last, self._signed.temperatures)

    async def _fetch_meters[T: (SiteMeter, SolarMeter)](
        self,
        detail: Detail,
        last: EndpointResult[tuple[T, ...]],
        endpoint: Callable[[], Awaitable[tuple[T, ...]]],
        detector: LostMeterDetector[int],
    ) -> EndpointResult[tuple[T, ...]]:
        """Fetch single meters, and remove the live values of those out of contact."""
        result = await self._fetch_detail(detail, last, endpoint)
        if result.error or result.at == last.at:
            return result  # no new response
        return result.map(lambda meters: singles_in_contact(meters, detector, result.at))


@dataclass(frozen=True, kw_only=True)
class SettingsData:
    """Settings and the state of the Powerwall."""

    sitemaster: EndpointResult[Sitemaster] = EndpointResult()
    running_since: EndpointResult[datetime] = EndpointResult()
    operation: EndpointResult[Operation] = EndpointResult()

    key: EndpointResult[bool] = EndpointResult()
    """True if the gateway accepts the signing key; no value without a key."""

    grid_faults: EndpointResult[tuple[GridFault, ...]] = EndpointResult()
    """Requested only where `system_status` does not report them."""

    temporary: TemporaryReserve | None = None
    """Backup reserve that Home Assistant has set for a limited time."""


class SettingsCoordinator(GatewayCoordinator[SettingsData]):
    """Poll the settings every minute."""

    priority = Priority.SETTINGS
    interval = SETTINGS_INTERVAL
    initial_data = SettingsData()
    temporary: TemporaryReserve | None = None
    """Current temporary reserve. `Control` sets it."""

    @callback
    def async_set_temporary(self, temporary: TemporaryReserve | None) -> None:
        """Show that the backup reserve is set for a limited time, or no longer."""
        self.temporary = temporary
        self.data = replace(self.data, temporary=temporary)
        self.async_update_listeners()

    @override
    async def _poll(self) -> SettingsData:
        last = self.data
        sitemaster = await self._fetch(last.sitemaster, self.gateway.sitemaster)
        key = await self._fetch(last.key, self._signed.check_key) if self._signed else EndpointResult[bool]()
        return SettingsData(
            sitemaster=sitemaster,
            running_since=start_time(last.running_since, sitemaster.map(lambda sitemaster: sitemaster.running_for)),
            key=key,
            operation=await self._fetch_operation(last.operation),
            grid_faults=EndpointResult()
            if self.gateway.capabilities.has_system_status
            else await self._fetch(last.grid_faults, self.gateway.system_status_grid_faults),
            temporary=self.temporary,
        )

    async def _fetch_operation(self, last: EndpointResult[Operation]) -> EndpointResult[Operation]:
        """Fetch mode and reserve, with a signed request only where there is no other way."""
        if self._signed is None:
            return await self._fetch(last, self.gateway.operation)
        if self.gateway.capabilities.has("operation"):
            result = await self._fetch(last, self.gateway.operation)
            if not isinstance(result.error, GatewayNotFoundError):
                return result
            last = EndpointResult()
        if not self._signed.verified:
            return EndpointResult(error=last.error)  # this poll has just checked the key, and it was rejected
        return await self._fetch(last, self._signed.operation)


@dataclass(frozen=True, kw_only=True)
class InventoryData:
    """Hardware, firmware and networks."""

    status: EndpointResult[Status] = EndpointResult()

    firmware: EndpointResult[str] = EndpointResult()
    """Version from a signed request, on a Powerwall 3 with a key: it has no `status`."""

    started: EndpointResult[datetime] = EndpointResult()
    """Start of the gateway, from its uptime: the start time in `status` has the wrong time zone."""

    site_info: EndpointResult[SiteInfo] = EndpointResult()
    powerwalls: EndpointResult[Powerwalls] = EndpointResult()
    meters: EndpointResult[tuple[InstalledMeter, ...]] = EndpointResult()
    solars: EndpointResult[tuple[SolarInverter, ...]] = EndpointResult()
    inverters: EndpointResult[dict[str, SolarInverter]] = EndpointResult()
    """The same inverters by the ids of their devices."""

    networks: EndpointResult[tuple[NetworkInterface, ...]] = EndpointResult()
    registration: EndpointResult[CustomerRegistration] = EndpointResult()
    problems: EndpointResult[TroubleshootingProblems] = EndpointResult()
    update: EndpointResult[SystemUpdate] = EndpointResult()


class InventoryCoordinator(GatewayCoordinator[InventoryData]):
    """Poll the hardware at startup and every 15 minutes."""

    priority = Priority.INVENTORY
    interval = INVENTORY_INTERVAL
    initial_data = InventoryData()

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, gateway: PowerwallGateway, signed: SignedGateway | None
    ) -> None:
        super().__init__(hass, entry, gateway, signed)
        self._inverters: dict[str, SolarInverter] = {}
        """Inverters in the last list."""
        self._retry = FIRST_RETRY

    @override
    async def _async_update_data(self) -> InventoryData:
        data = await super()._async_update_data()
        # A gateway that has just started may reject endpoints that it has.
        may_be_wrong = self.gateway.absent_for < self.schedule.interval
        if any(
            result.error and result.has_never_succeeded and (may_be_wrong or not result.unsupported)
            for result in endpoint_results(data).values()
        ):
            # Poll again soon: without the response, devices and entities are missing.
            self.update_interval = timedelta(seconds=min(self._retry, self.schedule.interval))
            self._retry = min(2 * self._retry, self.schedule.interval)
        return data

    @override
    async def _poll(self) -> InventoryData:
        last, gateway = self.data, self.gateway
        status = await self._fetch(last.status, gateway.status)
        solars = await self._fetch(last.solars, gateway.solars)
        return InventoryData(
            status=status,
            firmware=await self._fetch(last.firmware, self._signed.read_firmware)
            if status.unsupported and self._signed and self._signed.verified
            else EndpointResult(),
            started=start_time(last.started, status.map(lambda status: status.up_time)),
            site_info=await self._fetch(last.site_info, gateway.site_info),
            powerwalls=await self._fetch(last.powerwalls, gateway.powerwalls),
            meters=await self._fetch(last.meters, gateway.meters),
            solars=solars,
            inverters=solars.map(self._inverters_by_id),
            networks=await self._fetch(last.networks, gateway.networks),
            registration=await self._fetch(last.registration, gateway.customer_registration),
            problems=await self._fetch(last.problems, gateway.troubleshooting_problems),
            # Below 20.49 this request may start a check for new firmware (seed). Without `status` it does not exist.
            update=last.update
            if gateway.capabilities.status is None or gateway.capabilities.login_stops_powerwall
            else await self._fetch(last.update, gateway.system_update_status),
        )

    def _inverters_by_id(self, inverters: tuple[SolarInverter, ...]) -> dict[str, SolarInverter]:
        serial: str = self.config_entry.data[CONF_SERIAL]
        self._inverters = inverter_ids(self.hass, self.config_entry.entry_id, serial, self._inverters, inverters)
        return self._inverters

    @callback
    def async_set_update(self, update: SystemUpdate) -> None:
        """Show the progress of a check for new firmware that an action waits for."""
        self.async_set_updated_data(replace(self.data, update=EndpointResult(value=update, at=self.hass.loop.time())))


@dataclass(kw_only=True)
class GatewayCoordinators:
    """Coordinators of a loaded entry, and what they share."""

    gateway: PowerwallGateway

    identity_check: IdentityCheck
    """Check that the same gateway still responds at this address."""

    has_battery: bool
    """True if there is a Powerwall. A solar inverter that is a gateway itself has none."""

    grid: GridCoordinator
    live: LiveCoordinator
    detail: DetailCoordinator
    settings: SettingsCoordinator
    inventory: InventoryCoordinator
