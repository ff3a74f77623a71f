"""What flows, and how full the battery is."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, override

from homeassistant.core import HomeAssistant

from ..const import CONF_LIVE_INTERVAL, LIVE_INTERVAL
from ..estimates import POWERWALL_ENERGY, BatteryEstimates, PowerAverage
from ..gateway import GatewayNotFoundError, PowerwallGateway, Priority
from ..gateway.models import GridState, MetersAggregates, StateOfEnergy, SystemStatus
from ..reading import EndpointResult
from .base import GatewayCoordinator
from .contact import ContactWatch, aggregates_in_contact

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry


@dataclass(frozen=True, kw_only=True)
class LiveData:
    """What flows, how full the battery is, and how long that will last."""

    meters: EndpointResult[MetersAggregates] = EndpointResult()
    battery: EndpointResult[SystemStatus | StateOfEnergy] = EndpointResult()
    outlook: EndpointResult[BatteryEstimates] = EndpointResult()

    grid_connected: bool = True
    """Whether the grid is connected, as far as known with these meters; no if its state cannot be read."""

    @cached_property
    def system(self) -> EndpointResult[SystemStatus]:
        """The richer answer about the battery, where this firmware has it: energies, and every pack."""
        return self.battery.map(lambda battery: battery if isinstance(battery, SystemStatus) else None)


class LiveCoordinator(GatewayCoordinator[LiveData]):
    """What flows, every five seconds, unless the owner chose another interval."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway) -> None:
        super().__init__(
            hass,
            entry,
            gateway,
            name="live",
            rank=Priority.LIVE,
            interval=entry.options.get(CONF_LIVE_INTERVAL, LIVE_INTERVAL),
            data=LiveData(),
        )
        self._powerwalls = 0
        """How many were listed last: a list that fails takes none away."""

        self._trend = PowerAverage()
        self._contact = ContactWatch[str](self.name)

    @override
    async def _poll(self) -> LiveData:
        meters = await self._ask(self.data.meters, self.gateway.meters_aggregates)
        battery = await self._ask(self.data.battery, self._battery)
        if meters.error is None and meters.value is not None:
            value = aggregates_in_contact(meters.value, self._contact, meters.at)
            meters = replace(meters, value=value)
            self._trend.take(value, meters.at)
        return LiveData(
            meters=meters,
            battery=battery,
            outlook=battery.map(self._outlook),
            grid_connected=self._is_grid_connected(battery),
        )

    def _is_grid_connected(self, battery: EndpointResult[SystemStatus | StateOfEnergy]) -> bool:
        """Return whether the grid is connected, by the newest answer about it."""
        if not self.config_entry.runtime_data.has_battery:
            return True  # a solar inverter has no contactor, and says off-grid while the grid is there
        if battery.error is None and isinstance(battery.value, SystemStatus):
            return battery.value.system_island_state is GridState.CONNECTED
        status = self.config_entry.runtime_data.grid.data.status
        if status.never_answered and status.error is None:
            return True  # during setup: the grid watch starts after this poll
        return status.value is not None and status.value.grid_status is GridState.CONNECTED

    async def _battery(self) -> SystemStatus | StateOfEnergy:
        """Read the charge from the richest answer this firmware has; 1.15 and a Powerwall 3 have the plain one only."""
        if self.gateway.capabilities.has_system_status:
            try:
                system = await self.gateway.system_status()
            except GatewayNotFoundError:
                if self.data.system.value is not None:
                    raise  # it was there a moment ago: the poorer answer would hide every pack at once
            else:
                self.config_entry.runtime_data.grid.async_take(system)
                return system
        return await self.gateway.soe()

    def _outlook(self, battery: SystemStatus | StateOfEnergy) -> BatteryEstimates | None:
        """Tell how long the energy lasts; the reserve and the packs' size come from slower polls."""
        data = self.config_entry.runtime_data
        settings, controller = data.settings.data.operation.value, data.detail.data.controller.value
        site, powerwalls = data.inventory.data.site_info.value, data.inventory.data.powerwalls.value
        if powerwalls:
            self._powerwalls = len(powerwalls.powerwalls or ())
        return BatteryEstimates.of(
            battery,
            self._trend,
            # Up to 1.46 it is the energy of one Powerwall, whatever their number; later that of all (1.50.1).
            nominal_energy=max(
                (site and site.nominal_system_energy_kwh) or 0.0,
                POWERWALL_ENERGY * self._powerwalls,
            ),
            full_energy=controller.stored.full if controller else None,
            reserve=settings.backup_reserve_percent if settings else None,
        )
