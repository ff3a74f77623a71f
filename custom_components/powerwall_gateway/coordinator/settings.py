"""What is set, and whether the Powerwall runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, override

from homeassistant.core import HomeAssistant

from ..const import SETTINGS_INTERVAL
from ..gateway import GatewayNotFoundError, PowerwallGateway, Priority
from ..gateway.models import GridFault, Operation, Sitemaster
from ..reading import EndpointResult, since
from .base import GatewayCoordinator

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry
    from ..gateway.signed.client import SignedGateway


@dataclass(frozen=True, kw_only=True)
class SettingsData:
    """What changes seldom."""

    sitemaster: EndpointResult[Sitemaster] = EndpointResult()
    running_since: EndpointResult[datetime] = EndpointResult()
    operation: EndpointResult[Operation] = EndpointResult()

    key: EndpointResult[bool] = EndpointResult()
    """Whether the gateway takes what is signed with the owner's key; nothing where there is no key."""

    grid_faults: EndpointResult[tuple[GridFault, ...]] = EndpointResult()
    """Where `system_status`, which is read anyway, does not tell them."""


class SettingsCoordinator(GatewayCoordinator[SettingsData]):
    """What changes seldom, every minute."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PowerwallGatewayConfigEntry,
        gateway: PowerwallGateway,
        signed: SignedGateway | None,
    ) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="settings",
            rank=Priority.SETTINGS,
            interval=SETTINGS_INTERVAL,
            data=SettingsData(),
        )
        self._signed = signed

    @override
    async def _poll(self) -> SettingsData:
        last = self.data
        sitemaster = await self._ask(last.sitemaster, self.gateway.sitemaster)
        key = await self._ask(last.key, self._signed.look) if self._signed else EndpointResult[bool]()
        return SettingsData(
            sitemaster=sitemaster,
            running_since=since(last.running_since, sitemaster.map(lambda sitemaster: sitemaster.running_for)),
            key=key,
            operation=await self._operation(last.operation),
            grid_faults=EndpointResult()
            if self.gateway.capabilities.has_system_status
            else await self._ask(last.grid_faults, self.gateway.system_status_grid_faults),
        )

    async def _operation(self, last: EndpointResult[Operation]) -> EndpointResult[Operation]:
        """Read mode and reserve, with a signed request only where there is no other way."""
        if self.gateway.capabilities.has("operation") or self._signed is None:
            last = await self._ask(last, self.gateway.operation)
            if self._signed is None or not isinstance(last.error, GatewayNotFoundError):
                return last
            last = EndpointResult()
        if not self._signed.verified:
            return EndpointResult(error=last.error)  # the key was looked at a moment ago, and is not taken
        return await self._ask(last, self._signed.operation)
