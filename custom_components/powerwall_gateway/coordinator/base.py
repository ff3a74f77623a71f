"""What all coordinators share: an endpoint's reading, and what a failed poll means."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
import logging
from typing import TYPE_CHECKING, Any, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from ..const import KEPT_AT_LEAST, KEPT_INTERVALS, REFUSALS_BEFORE_REAUTH
from ..gateway import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayDefaultPasswordError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayLoginLimitError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayStoppedError,
    GatewayTimeoutError,
    PowerwallGateway,
    Priority,
    WrongGatewayError,
)
from ..reading import EndpointResult

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry

_LOGGER = logging.getLogger(__name__)


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
        rank: Priority,
        interval: float,
        data: DataT,
    ) -> None:
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"{entry.title} {name}",
            update_interval=timedelta(seconds=interval),
            always_update=False,
        )
        self.gateway = gateway
        self.data = data
        self.cadence = gateway.pacer.cadence(rank, interval)
        self._lookouts: list[CALLBACK_TYPE] = []
        self._forced_polls = 0
        self._polling: asyncio.Task[DataT] | None = None
        self._logged_faults: set[tuple[str, type[Exception]]] = set()

    @property
    def _asks_again(self) -> bool:
        """Whether endpoints are polled that are left alone otherwise."""
        return self._forced_polls > 0

    async def async_look_again(self) -> None:
        """Poll now, also what was left alone: a login or a change may have made it answer."""
        self._forced_polls += 1
        try:
            await self.async_refresh()
        finally:
            self._forced_polls -= 1
        self.async_update_listeners()  # what may be changed may itself have changed

    @callback
    def async_add_lookout(self, look: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call after every poll, also after one that changed nothing: Home Assistant skips its listeners then.

        A callback that raises is logged, and stops neither the entities nor the other callbacks.
        """
        self._lookouts.append(look)
        return lambda: self._lookouts.remove(look)

    @callback
    def async_follow_polls(self, look: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call now and after every poll, as `async_add_lookout` does."""
        with self._contained(look.__qualname__):
            look()
        return self.async_add_lookout(look)

    @contextmanager
    def _contained(self, name: str) -> Iterator[None]:
        """Keep an unexpected exception of one part from ending the others, and log it."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - it is logged
            self._log_fault(name, err)

    def _log_fault(self, name: str, err: Exception) -> None:
        """Log a fault of the integration, with its traceback only the first time."""
        fault = (name, type(err))
        level = logging.DEBUG if fault in self._logged_faults else logging.ERROR
        self._logged_faults.add(fault)
        _LOGGER.log(level, "Unexpected error in %s of %s", name, self.name, exc_info=err)

    @override
    @callback
    def _async_refresh_finished(self) -> None:
        self.async_have_lookouts_look()

    @callback
    def async_have_lookouts_look(self) -> None:
        """Call the lookouts, also for what was found out besides the polls."""
        for look in tuple(self._lookouts):
            with self._contained(look.__qualname__):
                look()

    @override
    async def async_shutdown(self) -> None:
        """End the polls, and the one under way: the connection closes next, which would look like a lost gateway."""
        await super().async_shutdown()
        if self._polling:
            self._polling.cancel()

    async def _paced_poll(self) -> DataT:
        with self.cadence.round():
            return await self._poll()

    @override
    async def _async_update_data(self) -> DataT:
        self._polling = self.hass.async_create_background_task(self._paced_poll(), f"{self.name} poll")
        try:
            data = await self._polling
            if self.update_interval:
                self.update_interval = timedelta(seconds=self.cadence.interval)
        except Exception as err:
            self._log_fault("the poll", err)
            raise UpdateFailed(f"unexpected {type(err).__name__}") from err
        return data

    async def _poll(self) -> DataT:
        """Read what belongs to one round."""
        raise NotImplementedError

    async def _ask[T](self, last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]) -> EndpointResult[T]:
        """Read one endpoint, and look at once whether the Powerwall runs when live data stop or come back."""
        reading = await self._read(last, endpoint)
        if self.config_entry.state is ConfigEntryState.LOADED:
            if reading.stopped is not last.stopped:
                await self.config_entry.runtime_data.settings.async_request_refresh()
            if last.error and not reading.error:
                self._refresh_what_failed()
        return reading

    @property
    def has_failed(self) -> bool:
        """Whether an endpoint failed at the last poll that answered before, or that the gateway did not deny."""
        readings = [each for each in vars(self.data).values() if isinstance(each, EndpointResult)]
        return any(each.error and not (each.absent and each.never_answered) for each in readings)

    @callback
    def _refresh_what_failed(self) -> None:
        """Poll the other coordinators that failed: the gateway answers again, and their turn may be minutes away."""
        data = self.config_entry.runtime_data
        others: tuple[GatewayCoordinator[Any], ...] = (data.live, data.settings, data.detail, data.inventory)
        for other in others:
            if other is not self and other.has_failed:
                self.config_entry.async_create_background_task(
                    self.hass, other.async_request_refresh(), f"{other.name} after a failure"
                )

    async def _read[T](self, last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]) -> EndpointResult[T]:
        """Read one endpoint. A failed poll keeps the last value while it is young."""
        clock = self.hass.loop.time
        error, not_before = last.error, last.not_before
        if not self._asks_again:
            await self.cadence.room()
        if (rest := self.cadence.rest) and not self._asks_again:
            error = rest
        elif clock() >= not_before or self._asks_again:
            try:
                value = await _once_more(last, endpoint)
                await self.config_entry.runtime_data.doorman.check()
                return EndpointResult(value=value, at=clock())
            except (GatewayStoppedError, GatewayKeyError) as err:  # answers, not lost polls: nothing is kept
                return EndpointResult(error=err.bare(), at=last.at)
            except GatewayError as err:
                error = err.bare()
                not_before = clock() + self._wait_after(err, last)
                self._report(err)
            except Exception as err:  # noqa: BLE001 - a fault of the integration costs this endpoint, not the whole poll
                self._log_fault(f"reading {getattr(endpoint, '__name__', 'an endpoint')}", err)
                error = GatewayError(f"unexpected {type(err).__name__}")
        kept = last.value if clock() - last.at < max(KEPT_INTERVALS * self.cadence.interval, KEPT_AT_LEAST) else None
        return EndpointResult(value=kept, error=error, at=last.at, not_before=not_before)

    def _wait_after(self, err: GatewayError, last: EndpointResult[object]) -> float:
        """Tell for how many seconds to leave the endpoint alone."""
        match err:
            case GatewayLoginLimitError():
                return 0.0  # the login waits, and whatever stands on it is there as soon as it is over
            case GatewayRateLimitError():
                # Where all of the gateway rests, that is wait enough: all is asked for as soon as it has rested.
                return 0.0 if self.cadence.rest else err.retry_after
            case GatewayNotFoundError() | GatewayAuthenticationRequiredError() if last.never_answered:
                return self.gateway.absent_for
            case _:
                return 0.0

    def _report(self, err: GatewayError) -> None:
        """Tell Home Assistant what only the owner can put right."""
        match err:
            case GatewayLoginError() if is_final(err, self.gateway):
                self.config_entry.async_start_reauth(self.hass)
            case WrongGatewayError() | GatewayCertificateError():
                # Whoever answers is not the gateway: setting up anew finds that out, too, and stops there.
                if self.config_entry.state is ConfigEntryState.LOADED:
                    self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)


def is_final(err: GatewayLoginError, gateway: PowerwallGateway) -> bool:
    """Tell whether a refused login means the password: once may be a gateway that is starting up."""
    return isinstance(err, GatewayDefaultPasswordError) or gateway.login_refusals >= REFUSALS_BEFORE_REAUTH


async def _once_more[T](last: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]) -> T:
    """Read an endpoint, and at once again when an answer that used to come got lost on the way."""
    try:
        return await endpoint()
    except GatewayTimeoutError:
        raise  # who takes ten seconds wants no second request
    except GatewayConnectionError, GatewayInvalidResponseError:
        if last.error is not None or last.never_answered:
            raise
        return await endpoint()
