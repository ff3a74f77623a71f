"""Settings that the owner may change, for entities and actions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from math import floor, inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util import dt as dt_util

from .const import CONF_ALLOW_CONTROL, CONF_RETURN_CHARGE, RETURN_CHARGE, PercentScale
from .coordinator import EndpointResult, GatewayCoordinators
from .exceptions import action_error, error_text, translated_errors, validation_error
from .gateway import (
    LEASE,
    CommandError,
    CommandFailure,
    DispatchController,
    DispatchRequest,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GridPolicy,
    OperationSettings,
    SignedOperationController,
    app_from_raw,
)
from .gateway.models import ConfigFile, FullBackup, GridState, OperationMode
from .hub import PowerwallHub
from .storage import EntryStore, Purpose, TemporaryReserve

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

RETRY: Final = 60.0
"""Seconds between two attempts to reconnect to the grid, or to restore the backup reserve, automatically."""

DISPATCH_WATCH: Final = 2.0
DISPATCH_RENEW: Final = 45.0
"""Seconds between two checks of a power that was set for the battery, and after which it is renewed."""

_TEMPORARY: Final = (GatewayConnectionError, GatewayRateLimitError, GatewayInvalidResponseError)
"""Errors after which a renewal is tried again."""

_SHORTEST_BACKUP: Final = 60
"""Shortest full backup in seconds that the library schedules."""

TEMPORARY_FOR: Final = timedelta(hours=12)
LONGEST_TEMPORARY: Final = timedelta(hours=24)
"""Time limit of a temporary backup reserve: the default, and the longest."""


class Control:
    """Change settings of the Powerwall, if the owner allows it.

    Every method returns after the change was read back and the coordinators were refreshed. It raises a translated
    `HomeAssistantError` otherwise.
    """

    def __init__(
        self,
        hub: PowerwallHub,
        store: EntryStore,
        data: GatewayCoordinators,
        options: Mapping[str, Any],
        scale: PercentScale,
    ) -> None:
        self.consented: bool = options.get(CONF_ALLOW_CONTROL, False)
        """True if the owner turned on "Allow control"."""

        self.worked = False
        """True if mode and reserve were set since the entry was loaded."""

        self.dispatch = DispatchControl(hub, store, data, scale)
        self.off_grid = OffGrid(
            hub,
            store,
            data,
            scale,
            dispatch=self.dispatch,
            return_charge=options.get(CONF_RETURN_CHARGE, RETURN_CHARGE),
        )
        self.temporary = TemporaryReserveControl(
            hub, store, data, scale, dispatch=self.dispatch, allowed=self.consented
        )
        self._scale = scale
        self._data = data
        self._hub = hub
        self._store = store

    @property
    def can_set_operation(self) -> bool:
        """Return True if mode and reserve can be set: the owner, the login's permissions and the firmware allow it.

        A rejection lasts until the entry is reloaded or the firmware changes.
        """
        return self.consented and self._hub.operation.allowed

    @property
    def needs_key(self) -> bool:
        """Return True if setting mode and reserve requires the signing key, accepted or not."""
        return self.consented and isinstance(self._hub.operation, SignedOperationController)

    @property
    def can_go_off_grid(self) -> bool:
        """Return True if the home can go off-grid: the owner, the login's permissions and the firmware allow it."""
        return self.consented and self._hub.island.allowed

    @property
    def can_set_grid_policy(self) -> bool:
        """Return True if export and charging from the grid can be set: the owner allows it and added a key."""
        policy = self._hub.grid_policy
        return self.consented and policy is not None and policy.allowed

    @property
    def operation_withdrawn(self) -> bool:
        """Return True if the owner, the firmware or the login's permissions rule out setting mode and reserve."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and not capabilities.can_write_operation
        return not self.consented or (refused and not self._hub.has_key)

    @property
    def grid_policy_withdrawn(self) -> bool:
        """Return True if the owner rules out the grid policy, by the option or by removing the key."""
        return not (self.consented and self._hub.has_key)

    @property
    def off_grid_withdrawn(self) -> bool:
        """Return True if the owner rules out going off-grid, by the option or by removing a Powerwall 3's key."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and capabilities.is_restricted
        return not self.consented or (refused and not self._hub.has_key)

    def ends_for_good(self, options: Mapping[str, Any]) -> bool:
        """Return whether the entry is unloaded because control was turned off or the signing key was removed."""
        key_removed = self._hub.has_key and self._store.private_key is None
        return not options.get(CONF_ALLOW_CONTROL, False) or key_removed

    @property
    def modes(self) -> tuple[OperationMode, ...]:
        """Modes that can be set."""
        return self._hub.operation.modes

    @property
    def signed(self) -> SignedGateway | None:
        """Signed requests, if the owner added a key."""
        return self._hub.signed

    @property
    def busy(self) -> bool:
        """Return True if a login or a stop is in progress, which explains a stopped Powerwall."""
        return self._hub.supervisor.busy

    async def async_set(self, *, mode: str | None = None, reserve: float | None = None) -> OperationSettings:
        """Set mode, reserve (app %) or both in one write, and return the settings that were read back."""
        await self.dispatch.async_end()
        if mode is not None and mode not in self.modes:
            raise validation_error("mode_not_settable", mode=mode, modes=", ".join(self.modes))
        try:
            async with self.temporary.replaced(reserve) as reserve_to_set:
                settings = await self._do(
                    self._hub.operation.set(mode=None if mode is None else OperationMode(mode), reserve=reserve_to_set)
                )
        except ValueError as err:
            raise validation_error("operation_invalid") from err
        self.worked = True
        return settings

    async def async_change_grid_policy(self, change: Callable[[GridPolicy], Awaitable[None]]) -> None:
        """Change what may flow to and from the grid."""
        if (policy := self._hub.grid_policy) is None:
            # The key was removed, and the entry is being reloaded without it.
            raise action_error("key_missing")
        try:
            await self._do(change(policy))
        finally:
            await self._data.detail.async_force_refresh()

    async def async_start(self) -> None:
        """Start the Powerwall, and wait until it runs."""
        await self._do(self._hub.supervisor.start())

    async def async_stop(self, duration: timedelta) -> None:
        """Stop the Powerwall for a while. It starts again automatically, also after a crash."""
        await self.dispatch.async_end()
        await self._do(self._hub.supervisor.stop_for(duration.total_seconds()))

    async def async_log_in(self) -> None:
        """Log in. If that stops the Powerwall, start it again."""
        await self._do(self._hub.supervisor.log_in())
        await self._data.inventory.async_force_refresh()

    async def _do[T](self, change: Awaitable[T]) -> T:
        try:
            with translated_errors(self._scale):
                return await change
        finally:
            await self._data.settings.async_force_refresh()


class _ControlPart:
    """Base of the parts of `Control`, which run one command at a time."""

    def __init__(self, hub: PowerwallHub, store: EntryStore, data: GatewayCoordinators, scale: PercentScale) -> None:
        self._hub = hub
        self._store = store
        self._grid = data.grid
        self._live = data.live
        self._detail = data.detail
        self._settings = data.settings
        self._scale = scale
        self._lock = asyncio.Lock()
        self._not_before = -inf
        """Monotonic time of the next automatic attempt, in seconds."""


class OffGrid(_ControlPart):
    """Take the home off-grid, and reconnect it on request or at a set charge.

    That charge is stored before the request is sent, so that it applies after a restart, too. The gateway's own
    failsafe stays on.
    """

    def __init__(
        self,
        hub: PowerwallHub,
        store: EntryStore,
        data: GatewayCoordinators,
        scale: PercentScale,
        *,
        dispatch: DispatchControl,
        return_charge: float,
    ) -> None:
        super().__init__(hub, store, data, scale)
        self._dispatch = dispatch
        self._return_charge = return_charge
        self.island = hub.island
        self._grid.intentional = store.return_charge is not None

    @property
    def is_due(self) -> bool:
        """Return True if the charge is low enough to reconnect."""
        due, battery = self._store.return_charge, self._live.data.battery.value
        percentage = None if battery is None else battery.percentage
        return (
            due is not None
            and percentage is not None
            and app_from_raw(percentage) <= due
            and self._is_off is True
            and not self._busy
            and monotonic() >= self._not_before
        )

    @property
    def is_over(self) -> bool:
        """Return True if the home is on the grid again, or never went off-grid."""
        return self._store.return_charge is not None and self._is_off is False and not self._busy

    @property
    def _busy(self) -> bool:
        """Return True if a command is in progress, so that `grid_status` may not show it yet."""
        return self._lock.locked() or self.island.busy

    @property
    def _is_off(self) -> bool | None:
        """Return True if the home is off-grid, None if that is unknown, also for the time of one failed poll."""
        status = self._grid.data.status.fresh
        if status is None or status.grid_status is None:
            return None
        return status.grid_status is not GridState.CONNECTED

    async def async_leave(self) -> None:
        """Go off-grid, and wait until that is done. Raises a translated `HomeAssistantError`."""
        await self._dispatch.async_end()
        async with self._command():
            if self._grid.data.intentional:
                return
            await self.island.check(self._return_charge)
            if not await self.async_set_return_charge(self._return_charge):
                await self.async_set_return_charge(None)
                raise action_error("return_not_kept")
            try:
                await self.island.go_off_grid(self._return_charge)
            except CommandError as err:
                if err.reason is not CommandFailure.ISLANDING_NOT_FOLLOWED:
                    await self.async_set_return_charge(None)  # no command was sent: off-grid now is an outage
                raise

    async def async_return(self) -> None:
        """Reconnect to the grid, and wait until that is done. Raises a translated `HomeAssistantError`."""
        async with self._command():
            if self._store.return_charge is None:
                return
            self._not_before = monotonic() + RETRY
            try:
                await self.island.reconnect()
            except CommandError:
                # The home is to reconnect, so being off-grid is an outage from now on.
                self._grid.intentional = False
                raise

    @asynccontextmanager
    async def _command(self) -> AsyncIterator[None]:
        """Run one command at a time, and refresh the grid status after each, also after a failure."""
        try:
            with translated_errors(self._scale):
                async with self._lock:
                    try:
                        yield
                    finally:
                        await self._grid.async_force_refresh()
        finally:
            self._grid.async_update_listeners()  # `is_over` is false while a command is in progress

    async def async_set_return_charge(self, return_charge: float | None) -> bool:
        """Store the charge at which to reconnect, None for never, and return whether it is on disk."""
        self._grid.intentional = return_charge is not None
        return await self._store.async_set_return_charge(return_charge)


class DispatchControl(_ControlPart):
    """Charge or discharge the battery at a power for a time.

    The gateway gets it for 2 minutes at a time. If Home Assistant or the network fails, the gateway ends it by itself.
    That something was sent is stored before, so that it is also ended after a restart.
    """

    def __init__(self, hub: PowerwallHub, store: EntryStore, data: GatewayCoordinators, scale: PercentScale) -> None:
        super().__init__(hub, store, data, scale)
        self._task: asyncio.Task[None] | None = None
        self._left_until = monotonic() + LEASE
        """Monotonic time in seconds until which the gateway may follow what an earlier process set."""

        self.until: datetime | None = None
        """Time at which the battery follows mode and reserve again (UTC), None if it does now."""

        self.ended_because: str | None = None
        """Reason why the last dispatch ended early, None if there was none since the entry was loaded."""

    @property
    def is_active(self) -> bool:
        """Return True if the battery may have a power that was set, which is to be ended."""
        return self._store.dispatched

    @property
    def is_left(self) -> bool:
        """Return True if a power that an earlier process set, or that could not be ended, is to be ended now."""
        return self.is_active and self._task is None and not self._lock.locked() and monotonic() >= self._not_before

    async def async_start(self, request: DispatchRequest, duration: timedelta) -> None:
        """Set the power, and return when the battery has it. Raises a translated `HomeAssistantError`.

        It replaces another one. If it is refused, the other one goes on.
        """
        with translated_errors(self._scale):
            async with self._lock:
                if (controller := self._hub.dispatch) is None:
                    raise action_error("key_missing")
                if self._store.temporary_reserve is not None:
                    raise validation_error("backup_in_progress")
                config, was_active = await controller.check(request), self.is_active
                if not await self._store.async_set_dispatched(dispatched=True):
                    await self._store.async_set_dispatched(dispatched=was_active)
                    raise action_error("dispatch_not_kept")
                self._not_before, sent = monotonic() + RETRY, monotonic()
                try:
                    await controller.start(request, _lease(duration.total_seconds()))
                except GatewayError:
                    if controller.may_follow(request):
                        self._stop_renewing()
                        with suppress(GatewayError):
                            await self._end()
                    else:
                        await self._store.async_set_dispatched(dispatched=was_active)
                    raise
                self._stop_renewing()
                self.until, self.ended_because = dt_util.utcnow() + duration, None
                entry = self._settings.config_entry
                self._task = entry.async_create_background_task(
                    self._settings.hass,
                    self._renew(controller, request, config, self.until, sent),
                    f"{entry.title} dispatch",
                )
                self._settings.async_update_listeners()

    async def async_end(self) -> None:
        """Let the battery follow mode and reserve again. Raises a translated `HomeAssistantError` if it does not.

        It is tried again after that, also after a restart.
        """
        with translated_errors(self._scale):
            async with self._lock:
                if self.is_active:
                    self._not_before = monotonic() + RETRY
                    self._stop_renewing()
                    await self._end()

    async def _end(self) -> None:
        if (controller := self._hub.dispatch) is not None:
            try:
                await controller.resume()
            except GatewayError:
                # After 2 minutes without a renewal, the gateway has ended it by itself.
                if controller.is_running or monotonic() < self._left_until:
                    raise
        await self._store.async_set_dispatched(dispatched=False)

    def _stop_renewing(self) -> None:
        """Stop renewing. No renewal is in progress, because that would hold the lock."""
        if self._task is not None:
            self._task.cancel()
        self._task = self.until = None
        self._settings.async_update_listeners()

    async def _renew(
        self,
        controller: DispatchController,
        request: DispatchRequest,
        config: ConfigFile,
        until: datetime,
        renewed: float,
    ) -> None:
        """Renew the power until its time is over, or until something speaks against it.

        `renewed` is the monotonic time of the last request, in seconds. A clock that is set back does not make it
        longer.
        """
        ends_at = monotonic() + (until - dt_util.utcnow()).total_seconds()
        try:
            while (left := min(ends_at - monotonic(), (until - dt_util.utcnow()).total_seconds())) > 0:
                await asyncio.sleep(min(DISPATCH_WATCH, left))
                self._watch(request, config, renewed)
                if monotonic() - renewed < DISPATCH_RENEW:
                    continue
                async with self._lock:
                    try:
                        config = await controller.renew(request, config, _lease(ends_at - monotonic()))
                    except _TEMPORARY:
                        if not controller.is_accepted:
                            raise
                    else:
                        renewed = monotonic()
        except GatewayError as err:
            self.ended_because = err.message
            _LOGGER.warning("Ending the dispatch of %s: %s", self._settings.config_entry.title, err)
        except Exception:
            self.ended_because = "unexpected error"
            _LOGGER.exception("Ending the dispatch of %s after an unexpected error", self._settings.config_entry.title)
        async with self._lock:
            self._task = None
            self._stop_renewing()
            try:
                await self._end()
            except GatewayError as err:
                _LOGGER.warning("Could not end the dispatch of %s yet: %s", self._settings.config_entry.title, err)

    def _watch(self, request: DispatchRequest, config: ConfigFile, checked_at: float) -> None:
        """Check with the last polls, which are more frequent than renewals. Raises `CommandError`."""
        live, polled = self._live.data, self._detail.data.config
        if polled.fresh is not None and polled.at > checked_at:
            config = polled.fresh
        grid, meters, battery = self._grid.data.status.fresh, live.meters.fresh, live.battery.fresh
        if grid is not None and meters is not None and battery is not None:
            request.check(config, grid, meters, battery.percentage)


def _lease(left: float) -> int:
    """Return for how many seconds to request a power that is set for so many seconds."""
    return max(1, min(LEASE, round(left)))


class TemporaryReserveControl(_ControlPart):
    """Set the backup reserve for a limited time, and restore the former one.

    The former reserve is stored before the write, so that it is restored after a restart, too. If something else
    changes mode or reserve, that change stays: nothing is restored.
    """

    def __init__(
        self,
        hub: PowerwallHub,
        store: EntryStore,
        data: GatewayCoordinators,
        scale: PercentScale,
        *,
        dispatch: DispatchControl,
        allowed: bool,
    ) -> None:
        super().__init__(hub, store, data, scale)
        self._dispatch = dispatch
        self._allowed = allowed
        self._plain_changes = 0
        """Changes of mode or reserve in progress that end nothing. Together they hold the lock."""

        self._set_at = -inf
        """Time of the event loop at which the gateway last showed what was set."""

        self._settings.async_set_temporary(store.temporary_reserve)

    @property
    def current(self) -> TemporaryReserve | None:
        """Return the reserve that is set for a limited time, or is to be restored."""
        return self._store.temporary_reserve

    @property
    def is_due(self) -> bool:
        """Return True if the former reserve is to be restored now: the time is over, or control was turned off."""
        return (
            (current := self.current) is not None
            and (not self._allowed or current.is_over)
            and not self._lock.locked()
            and monotonic() >= self._not_before
        )

    @property
    def may_be_replaced(self) -> bool:
        """Return True if the last poll shows that something else has changed the settings, or the full backup."""
        if (current := self.current) is None or self._lock.locked():
            return False
        if current.event_end is not None:
            event = self._detail.data.full_backup
            return event.fresh is not None and event.at > self._set_at and not current.is_event(event.fresh)
        polled = self._settings.data.operation
        return (
            polled.fresh is not None
            and polled.at > self._set_at
            and current.is_replaced_by(OperationSettings.of(polled.fresh))
        )

    async def async_hold(self, duration: timedelta) -> None:
        """Keep the battery from discharging and from charging from the grid. Raises a translated `HomeAssistantError`.

        Solar that the home does not use still charges it.
        """
        await self._dispatch.async_end()
        async with self._command():
            settings = await self._hub.operation.read()
            if settings.mode is OperationMode.BACKUP:
                raise validation_error("hold_in_backup_mode")
            if (charge := (await self._hub.gateway.soe()).percentage) is None:
                raise action_error("island_not_sure")
            if self.current and self.current.event_end is not None:
                await self._end(Purpose.BACKUP)
            await self._set(Purpose.HOLD, settings, held_reserve(charge), duration)

    async def async_back_up(self, duration: timedelta) -> None:
        """Charge the battery to 100% and keep it there. Raises a translated `HomeAssistantError`.

        If the gateway accepts the signing key and its firmware supports it, the gateway does that by itself.
        """
        await self._dispatch.async_end()
        async with self._command():
            if not await self._schedule_event(duration):
                await self._set(Purpose.BACKUP, await self._hub.operation.read(), 100.0, duration)

    async def async_cancel_backup(self) -> None:
        """End the full backup, also one that was started in Tesla's app. Raises a translated `HomeAssistantError`."""
        async with self._command():
            await self._end(Purpose.BACKUP)
            signed = self._hub.signed
            if signed is not None and signed.verified:
                with suppress(GatewayNotFoundError):
                    if (await signed.full_backup()).until is not None:
                        await async_cancel_event(signed)
                        self._show_event(FullBackup(until=None))

    async def async_reapply(self) -> None:
        """Schedule a full backup and cancel it at once. Raises a translated `HomeAssistantError`.

        Firmware that has stored mode and reserve without following them may follow them then (one owner, Powerwall 3
        with 26.18.1: pypowerwall, issue 321).
        """
        await self._dispatch.async_end()
        async with self._command():
            if (signed := self._hub.signed) is None:
                raise action_error("key_missing")
            if self.current is not None or (await signed.full_backup()).until is not None:
                raise validation_error("backup_in_progress")
            try:
                await signed.schedule_full_backup(_SHORTEST_BACKUP)
            finally:
                await async_cancel_event(signed)

    async def async_end(self, *purposes: Purpose) -> None:
        """Restore the former reserve, if it was replaced for one of these purposes.

        Raises a translated `HomeAssistantError` if that fails. It is tried again after that, also after a restart.
        """
        async with self._command():
            await self._end(*purposes)

    async def _end(self, *purposes: Purpose) -> None:
        if (current := self.current) is None or current.purpose not in purposes:
            return
        if (ended := current.ended()) != current:
            current = ended
            await self._keep(current)
        try:
            await async_restore(self._hub, current)
        except GatewayError as err:
            if isinstance(err, CommandError) and err.reason is CommandFailure.NOT_FOLLOWED:
                await self._keep(None)  # the gateway has stored the former reserve
                raise
            if current.event_end is not None:
                raise action_error("backup_not_canceled", reason=error_text(err)) from err
            reserve = f"{self._scale.from_app(current.before):.0f}"
            if isinstance(err, GatewayConnectionError):
                raise action_error("reserve_restored_later", reserve=reserve) from err
            raise action_error("reserve_not_restored", reserve=reserve, reason=error_text(err)) from err
        if current.event_end is not None:
            self._show_event(FullBackup(until=None))
        await self._keep(None)

    async def async_check(self) -> None:
        """Forget the former reserve if something else has changed what was set. Raises `GatewayError`."""
        async with self._lock:
            if (current := self.current) is None:
                return
            if current.event_end is None:
                is_replaced = current.is_replaced_by(await self._hub.operation.read())
            elif (signed := self._hub.signed) is not None:
                is_replaced = not current.is_event(await signed.full_backup())
            else:
                return
            if is_replaced:
                await self._keep(None)
            else:
                self._note_set()

    @asynccontextmanager
    async def replaced(self, reserve: float | None) -> AsyncIterator[float | None]:
        """End the temporary reserve by a change of mode or reserve. Return the reserve to set, None to keep it.

        A change of the mode only restores the former reserve in the same write.
        """
        if not self._plain_changes:
            await self._lock.acquire()
        if self._plain_changes or (current := self.current) is None or current.event_end is not None:
            # Simultaneous changes share the lock, so that the controller can join their writes.
            self._plain_changes += 1
            try:
                yield reserve
            finally:
                self._plain_changes -= 1
                if not self._plain_changes:
                    self._lock.release()
            return
        try:
            if reserve is None:
                with translated_errors(self._scale):
                    settings = await self._hub.operation.read()
                if not current.is_replaced_by(settings):
                    reserve = current.before
            yield reserve
            await self._keep(None)
        finally:
            self._lock.release()

    async def _set(self, purpose: Purpose, settings: OperationSettings, reserve: float, duration: timedelta) -> None:
        """Set a temporary reserve. `settings` are those that the gateway shows now."""
        if settings.mode is None or settings.reserve is None:
            raise action_error("operation_unread")
        former = self.current
        if former and former.is_replaced_by(settings):
            former = None
        temporary = TemporaryReserve(
            purpose=purpose,
            until=dt_util.utcnow() + duration,
            mode=settings.mode,
            before=former.before if former else settings.reserve,
            reserves=(settings.reserve, reserve) if former else (reserve,),
        )
        await self._store_first(temporary)
        try:
            await self._hub.operation.set(reserve=reserve)
        except GatewayError:
            await self._keep(former if await self._shows(settings) else temporary.ended())
            raise
        self._note_set()
        await self._keep(replace(temporary, reserves=(reserve,)))

    async def _schedule_event(self, duration: timedelta) -> bool:
        """Let the gateway do a full backup by itself. Return False if it does not: then the reserve has to be set."""
        signed = self._hub.signed
        if signed is None or not signed.verified:
            return False
        try:
            await signed.full_backup()
        except GatewayNotFoundError:
            return False
        if self.current and self.current.event_end is None:
            await self._end(*Purpose)
        settings = await self._hub.operation.read()
        if settings.mode is None or settings.reserve is None:
            return False
        former, end = self.current, dt_util.utcnow() + duration
        event = TemporaryReserve(
            purpose=Purpose.BACKUP, until=end, mode=settings.mode, before=settings.reserve, reserves=(), event_end=end
        )
        await self._store_first(event)
        try:
            await signed.schedule_full_backup(round(duration.total_seconds()))
            shown = await signed.full_backup()
        except GatewayNotFoundError:
            await self._keep(None)
            return False
        except GatewayError:
            with suppress(GatewayError):
                await async_restore(self._hub, event.ended())
                goes_on = former is not None and former.is_event(await signed.full_backup())
                await self._keep(former if goes_on else None)
            raise
        self._show_event(shown)
        if not event.is_event(shown):
            await async_cancel_event(signed)  # it was accepted and is not shown
            await self._keep(None)
            return False
        self._note_set()
        await self._keep(event)
        return True

    async def _store_first(self, temporary: TemporaryReserve) -> None:
        """Store what is going to be set. It is stored as over: if Home Assistant ends in between, it is undone."""
        former = self.current
        if not await self._store.async_set_temporary_reserve(temporary.ended()):
            await self._keep(former)
            raise action_error("reserve_not_kept")

    async def _shows(self, settings: OperationSettings) -> bool:
        """Return whether the gateway still shows these settings, after a write that failed."""
        try:
            return await self._hub.operation.read() == settings
        except GatewayError:
            return False

    @asynccontextmanager
    async def _command(self) -> AsyncIterator[None]:
        """Run one command at a time, and refresh the settings after each, also after a failure."""
        try:
            with translated_errors(self._scale):
                async with self._lock:
                    self._not_before = monotonic() + RETRY
                    yield
        finally:
            await self._settings.async_force_refresh()

    def _note_set(self) -> None:
        self._set_at = self._settings.hass.loop.time()

    def _show_event(self, shown: FullBackup) -> None:
        result = EndpointResult(value=shown, at=self._detail.hass.loop.time())
        self._detail.async_set_updated_data(replace(self._detail.data, full_backup=result))

    async def _keep(self, temporary: TemporaryReserve | None) -> bool:
        """Store the temporary reserve, None for none, and return whether it is on disk."""
        self._settings.async_set_temporary(temporary)
        self._detail.async_update_listeners()  # the sensor of the full backup
        return await self._store.async_set_temporary_reserve(temporary)


def held_reserve(percentage: float) -> float:
    """Return the reserve (app %) that holds a state of charge (gateway's %).

    Rounded down to a whole percent of the gateway: the Powerwall charges toward a reserve that is above its charge.
    """
    return app_from_raw(floor(percentage))


async def async_restore(hub: PowerwallHub, temporary: TemporaryReserve) -> None:
    """Restore the former reserve, unless something else has changed mode or reserve. Raises `GatewayError`.

    After a `CommandError` (NOT_FOLLOWED) the gateway has stored it. A full backup that the gateway does by itself is
    canceled.
    """
    if temporary.event_end is None:
        if not temporary.is_replaced_by(await hub.operation.read()):
            await hub.operation.set(reserve=temporary.before)
    elif (
        hub.signed is not None
        and dt_util.utcnow() < temporary.event_end
        and temporary.is_event(await hub.signed.full_backup())
    ):
        await async_cancel_event(hub.signed)


async def async_cancel_event(signed: SignedGateway) -> None:
    """Cancel a full backup that the gateway does by itself, and read back that there is none. Raises `GatewayError`."""
    await signed.cancel_full_backup()
    if (await signed.full_backup()).until is not None:
        raise CommandError("the full backup was not canceled", reason=CommandFailure.BACKUP_NOT_CANCELED)
