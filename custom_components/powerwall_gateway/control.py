"""Settings that the owner may change, for entities and actions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from .const import CONF_ALLOW_CONTROL, CONF_RETURN_CHARGE, RETURN_CHARGE, PercentScale
from .coordinator import GatewayCoordinators
from .exceptions import action_error, translated_errors, validation_error
from .gateway import (
    LEAST_CHARGE,
    CommandError,
    CommandFailure,
    GridPolicy,
    OperationSettings,
    SignedOperationController,
    app_from_raw,
)
from .gateway.models import ExportRule, GridState, OperationMode
from .hub import PowerwallHub
from .storage import EntryStore

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

RETRY: Final = 60.0
"""Seconds between two attempts to reconnect to the grid automatically."""


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
        """Whether the owner turned on "Allow control"."""

        self.worked = False
        """Whether mode and reserve were set since the entry was loaded."""

        self.off_grid = OffGrid(hub, store, data, options.get(CONF_RETURN_CHARGE, RETURN_CHARGE), scale)
        self._scale = scale
        self._data = data
        self._hub = hub

    @property
    def can_set_operation(self) -> bool:
        """Whether mode and reserve can be set: the owner, the login's permissions and the firmware allow it.

        A rejection lasts until the entry is reloaded or the firmware changes.
        """
        return self.consented and self._hub.operation.allowed

    @property
    def needs_key(self) -> bool:
        """Whether setting mode and reserve requires the signing key, accepted or not."""
        return self.consented and isinstance(self._hub.operation, SignedOperationController)

    @property
    def can_go_off_grid(self) -> bool:
        """Whether the home can go off-grid: the owner, the login's permissions and the firmware allow it."""
        return self.consented and self._hub.island.allowed

    @property
    def can_set_grid_policy(self) -> bool:
        """Whether export and charging from the grid can be set: the owner allows it and added a key."""
        policy = self._hub.grid_policy
        return self.consented and policy is not None and policy.allowed

    @property
    def operation_withdrawn(self) -> bool:
        """Whether the owner, the firmware or the login's permissions rule out setting mode and reserve."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and not capabilities.can_write_operation
        return not self.consented or (refused and not self._hub.has_key)

    @property
    def grid_policy_withdrawn(self) -> bool:
        """Whether the owner rules out the grid policy, by the option or by removing the key."""
        return not (self.consented and self._hub.has_key)

    @property
    def off_grid_withdrawn(self) -> bool:
        """Whether the owner rules out going off-grid, by the option or by removing a Powerwall 3's key."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and capabilities.is_restricted
        return not self.consented or (refused and not self._hub.has_key)

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
        """Whether a login or a stop is in progress, which explains a stopped Powerwall."""
        return self._hub.supervisor.busy

    async def async_set(self, *, mode: str | None = None, reserve: float | None = None) -> OperationSettings:
        """Set mode, reserve (app %) or both in one write, and return the settings that were read back."""
        if mode is not None and mode not in self.modes:
            raise validation_error("mode_not_settable", mode=mode, modes=", ".join(self.modes))
        try:
            settings = await self._do(
                self._hub.operation.set(mode=None if mode is None else OperationMode(mode), reserve=reserve)
            )
        except ValueError as err:
            raise validation_error("operation_invalid") from err
        self.worked = True
        return settings

    async def async_set_export(self, rule: ExportRule) -> None:
        """Set the allowed export."""
        await self._change_grid_policy(lambda policy: policy.set_export(rule))

    async def async_set_grid_charging(self, *, allowed: bool) -> None:
        """Allow or forbid charging from the grid."""
        await self._change_grid_policy(lambda policy: policy.set_grid_charging(allowed=allowed))

    async def _change_grid_policy(self, change: Callable[[GridPolicy], Awaitable[None]]) -> None:
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


class OffGrid:
    """Take the home off-grid, and reconnect it on request or at a set charge.

    That charge is stored before the request is sent, so that it applies after a restart, too. The gateway's own
    failsafe stays on.
    """

    def __init__(
        self, hub: PowerwallHub, store: EntryStore, data: GatewayCoordinators, return_charge: float, scale: PercentScale
    ) -> None:
        self._island = hub.island
        self._grid = data.grid
        self._live = data.live
        self._store = store
        self._return_charge = return_charge
        self._scale = scale
        self._not_before = 0.0
        self._lock = asyncio.Lock()
        self._grid.intentional = store.return_charge is not None

    @property
    def is_unknown(self) -> bool:
        """Whether a check would find out if the login is enough."""
        return self._island.is_unknown

    @property
    def is_due(self) -> bool:
        """Whether the charge is low enough to reconnect."""
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
        """Whether the home is on the grid again, or never went off-grid."""
        return self._store.return_charge is not None and self._is_off is False and not self._busy

    @property
    def _busy(self) -> bool:
        """Whether a command is in progress, so that `grid_status` may not show it yet."""
        return self._lock.locked() or self._island.busy

    @property
    def _is_off(self) -> bool | None:
        """Whether the home is off-grid, None if that is unknown."""
        status = self._grid.data.status.value
        if status is None or status.grid_status is None:
            return None
        return status.grid_status is not GridState.CONNECTED

    async def async_look(self) -> None:
        """Check whether going off-grid is possible, without an effect. Raises a subclass of `GatewayError`."""
        await self._island.detect()

    async def async_leave(self) -> None:
        """Go off-grid, and wait until that is done. Raises a translated `HomeAssistantError`."""
        async with self._command():
            if self._grid.data.intentional:
                return
            least = max(LEAST_CHARGE, self._return_charge)
            await self._island.check(least)
            if not await self._keep(self._return_charge):
                await self._keep(None)
                raise action_error("return_not_kept")
            try:
                await self._island.go_off_grid(least)
            except CommandError as err:
                if err.reason is not CommandFailure.ISLANDING_NOT_FOLLOWED:
                    await self._keep(None)  # no command was sent: off-grid now is an outage
                raise

    async def async_return(self) -> None:
        """Reconnect to the grid, and wait until that is done. Raises a translated `HomeAssistantError`."""
        async with self._command():
            if self._store.return_charge is None:
                return
            self._not_before = monotonic() + RETRY
            try:
                await self._island.reconnect()
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

    async def async_forget(self) -> None:
        """Store that the home is not off-grid intentionally any more."""
        await self._keep(None)

    async def _keep(self, return_charge: float | None) -> bool:
        """Store the charge at which to reconnect, None for never, and return whether it is on disk."""
        self._grid.intentional = return_charge is not None
        return await self._store.async_set_return_charge(return_charge)
