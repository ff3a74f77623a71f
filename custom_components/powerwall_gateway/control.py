"""What may be changed here, and how: the one way to it for entities and actions."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .exceptions import translated
from .gateway import GatewayError, GridPolicy, PercentScale, SignedOperationController
from .gateway.control.operation import OperationController, OperationSettings
from .gateway.models import ExportRule, OperationMode
from .hub import PowerwallHub
from .off_grid import OffGrid

if TYPE_CHECKING:
    from .coordinator import DetailCoordinator, InventoryCoordinator, SettingsCoordinator
    from .gateway.signed.client import SignedGateway


class Control:
    """Changes the Powerwall for the owner who allowed it.

    Every method comes back when the change stands and the coordinators have read it, and
    raises `HomeAssistantError` with a translated text otherwise.
    """

    def __init__(
        self,
        settings: SettingsCoordinator,
        inventory: InventoryCoordinator,
        detail: DetailCoordinator,
        hub: PowerwallHub,
        off_grid: OffGrid,
        *,
        consented: bool,
        scale: PercentScale,
    ) -> None:
        self.consented = consented
        """Whether the owner ticked "Allow control"."""

        self.worked = False
        """Whether mode and reserve were set since the entry was loaded."""

        self.off_grid = off_grid
        """The way off the grid and back."""

        self._scale = scale
        self._settings = settings
        self._inventory = inventory
        self._detail = detail
        self._hub = hub
        self._supervisor = hub.supervisor

    @property
    def _operation(self) -> OperationController:
        """Who sets mode and reserve by now: that may change while the entry is loaded."""
        return self._hub.operation

    @property
    def allowed(self) -> bool:
        """Whether mode and reserve can be set: the owner said yes, and role and firmware do.

        A refusal stands until the entry is loaded again, or the firmware is another one.
        """
        return self.consented and self._operation.allowed

    @property
    def needs_key(self) -> bool:
        """Whether only the signing key lets mode and reserve be set, whether or not it is accepted now."""
        return self.consented and isinstance(self._operation, SignedOperationController)

    @property
    def islands(self) -> bool:
        """Whether the house can be taken off the grid: the owner said yes, and role and firmware do."""
        return self.consented and self.off_grid.allowed

    @property
    def rules_grid(self) -> bool:
        """Whether it can be set what may flow to and from the grid: the owner said yes and gave a key."""
        rules = self._hub.grid_rules
        return self.consented and rules is not None and rules.allowed

    @property
    def is_withdrawn(self) -> bool:
        """Whether the owner, the firmware or the login's role takes the setting of mode and reserve away for good."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and not capabilities.can_write_operation
        return not self.consented or (refused and not self._hub.has_key)

    @property
    def rules_withdrawn(self) -> bool:
        """Whether the owner takes the grid rules away, by the option or with the key."""
        return not (self.consented and self._hub.has_key)

    @property
    def islanding_withdrawn(self) -> bool:
        """Whether the owner takes going off-grid away, by the option or with a Powerwall 3's key."""
        capabilities = self._hub.gateway.capabilities
        refused = bool(capabilities.roles) and capabilities.is_restricted
        return not self.consented or (refused and not self._hub.has_key)

    @property
    def modes(self) -> tuple[OperationMode, ...]:
        """The modes that can be set."""
        return self._operation.modes

    @property
    def signed(self) -> SignedGateway | None:
        """The way of signed requests, where the owner gave a key."""
        return self._hub.signed

    @property
    def busy(self) -> bool:
        """Whether a login or a stop of ours is not over yet, so that a stopped Powerwall is ours."""
        return self._supervisor.busy

    async def async_set(self, *, mode: OperationMode | None = None, reserve: float | None = None) -> OperationSettings:
        """Set mode, reserve (app %) or both in one write, and give what was read back."""
        settings = await self._do(self._operation.set(mode=mode, reserve=reserve))
        self.worked = True
        return settings

    async def async_set_export(self, rule: ExportRule) -> None:
        """Say what may flow to the grid."""
        await self._do_by_rule(lambda rules: rules.set_export(rule))

    async def async_set_grid_charging(self, *, allowed: bool) -> None:
        """Say whether the battery may be charged from the grid."""
        await self._do_by_rule(lambda rules: rules.set_grid_charging(allowed=allowed))

    async def _do_by_rule(self, change: Callable[[GridPolicy], Awaitable[None]]) -> None:
        if (rules := self._hub.grid_rules) is None:
            # The key was removed, and the entry is being reloaded without it.
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="key_missing")
        try:
            await self._do(change(rules))
        finally:
            await self._detail.async_force_refresh()

    async def async_start(self) -> None:
        """Start the Powerwall, and wait until it runs."""
        await self._do(self._supervisor.start())

    async def async_stop(self, duration: timedelta) -> None:
        """Stop the Powerwall for a while; it starts again by itself, also after a crash."""
        await self._do(self._supervisor.stop_for(duration.total_seconds()))

    async def async_log_in(self) -> None:
        """Get a session for what is not read without one; where that stops the Powerwall, it is started again."""
        await self._do(self._supervisor.log_in())
        await self._inventory.async_force_refresh()

    async def _do[T](self, change: Awaitable[T]) -> T:
        try:
            return await change
        except GatewayError as err:
            raise translated(err, self._scale) from err
        finally:
            await self._settings.async_force_refresh()
