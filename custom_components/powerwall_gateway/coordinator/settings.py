"""What is set, and whether the Powerwall runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, override

from homeassistant.core import HomeAssistant

from ..const import SETTINGS_INTERVAL
from ..gateway import PowerwallGateway, Rank
from ..gateway.models import GridFault, Operation, Sitemaster
from ..reading import Reading, since
from .base import GatewayCoordinator

if TYPE_CHECKING:
    from . import PowerwallGatewayConfigEntry


@dataclass(frozen=True, kw_only=True)
class SettingsData:
    """What changes seldom."""

    sitemaster: Reading[Sitemaster] = Reading()
    running_since: Reading[datetime] = Reading()
    operation: Reading[Operation] = Reading()

    grid_faults: Reading[tuple[GridFault, ...]] = Reading()
    """Where `system_status`, which is read anyway, does not tell them."""


class SettingsCoordinator(GatewayCoordinator[SettingsData]):
    """What changes seldom, every minute."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="settings",
            rank=Rank.SETTINGS,
            interval=SETTINGS_INTERVAL,
            data=SettingsData(),
        )

    @override
    async def _poll(self) -> SettingsData:
        last = self.data
        sitemaster = await self._ask(last.sitemaster, self.gateway.sitemaster)
        return SettingsData(
            sitemaster=sitemaster,
            running_since=since(last.running_since, sitemaster.map(lambda sitemaster: sitemaster.running_for)),
            operation=await self._ask(last.operation, self.gateway.operation),
            grid_faults=Reading()
            if self.gateway.capabilities.has_system_status
            else await self._ask(last.grid_faults, self.gateway.system_status_grid_faults),
        )
