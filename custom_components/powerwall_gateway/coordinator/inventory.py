"""What there is."""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, override

from homeassistant.core import HomeAssistant, callback

from ..const import CONF_SERIAL, INVENTORY_INTERVAL
from ..device import inverter_ids
from ..gateway import PowerwallGateway, Priority
from ..gateway.models import (
    CustomerRegistration,
    InstalledMeter,
    NetworkInterface,
    Powerwalls,
    SiteInfo,
    SolarInverter,
    Status,
    SystemUpdate,
    TroubleshootingProblems,
)
from ..reading import EndpointResult, since
from .base import GatewayCoordinator

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry
    from ..gateway.signed.client import SignedGateway


FIRST_RETRY: Final = 60.0
"""Seconds until the next poll where an endpoint failed that has never answered; they double until all has answered."""


@dataclass(frozen=True, kw_only=True)
class InventoryData:
    """What there is, and what is known of it."""

    status: EndpointResult[Status] = EndpointResult()

    firmware: EndpointResult[str] = EndpointResult()
    """What runs there where `status` does not tell and a signed request does: on a Powerwall 3, with a key."""

    started: EndpointResult[datetime] = EndpointResult()
    """When the gateway itself started, which is not when its `status` says: that lies about its zone."""

    site_info: EndpointResult[SiteInfo] = EndpointResult()
    powerwalls: EndpointResult[Powerwalls] = EndpointResult()
    meters: EndpointResult[tuple[InstalledMeter, ...]] = EndpointResult()
    solars: EndpointResult[tuple[SolarInverter, ...]] = EndpointResult()
    inverters: EndpointResult[dict[str, SolarInverter]] = EndpointResult()
    """The same by the ids of their devices."""

    networks: EndpointResult[tuple[NetworkInterface, ...]] = EndpointResult()
    registration: EndpointResult[CustomerRegistration] = EndpointResult()
    problems: EndpointResult[TroubleshootingProblems] = EndpointResult()
    update: EndpointResult[SystemUpdate] = EndpointResult()


class InventoryCoordinator(GatewayCoordinator[InventoryData]):
    """What there is, at start and every quarter of an hour."""

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
            name="inventory",
            rank=Priority.INVENTORY,
            interval=INVENTORY_INTERVAL,
            data=InventoryData(),
        )
        self._signed = signed
        self._inverters: dict[str, SolarInverter] = {}
        """As they were listed last."""
        self._retry = FIRST_RETRY

    @override
    async def _async_update_data(self) -> InventoryData:
        data = await super()._async_update_data()
        readings: list[EndpointResult[object]] = [getattr(data, field.name) for field in fields(data)]
        # A gateway that has just started denies for a moment what it has.
        denies = self.gateway.absent_for < self.cadence.interval
        if any(reading.error and reading.never_answered and (denies or not reading.absent) for reading in readings):
            # Without its answer there are devices and entities missing.
            self.update_interval = timedelta(seconds=min(self._retry, self.cadence.interval))
            self._retry = min(2 * self._retry, self.cadence.interval)
        return data

    @override
    async def _poll(self) -> InventoryData:
        last, gateway = self.data, self.gateway
        status = await self._ask(last.status, gateway.status)
        solars = await self._ask(last.solars, gateway.solars)
        return InventoryData(
            status=status,
            firmware=await self._ask(last.firmware, self._signed.read_firmware)
            if status.absent and self._signed and self._signed.verified
            else EndpointResult(),
            started=since(last.started, status.map(lambda status: status.up_time)),
            site_info=await self._ask(last.site_info, gateway.site_info),
            powerwalls=await self._ask(last.powerwalls, gateway.powerwalls),
            meters=await self._ask(last.meters, gateway.meters),
            solars=solars,
            inverters=solars.map(self._by_id),
            networks=await self._ask(last.networks, gateway.networks),
            registration=await self._ask(last.registration, gateway.customer_registration),
            problems=await self._ask(last.problems, gateway.troubleshooting_problems),
            # Below 20.49 this read may itself start a check for new firmware (seed). Without a status it is not there.
            update=last.update
            if gateway.capabilities.status is None or gateway.capabilities.login_stops_powerwall
            else await self._ask(last.update, gateway.system_update_status),
        )

    def _by_id(self, inverters: tuple[SolarInverter, ...]) -> dict[str, SolarInverter]:
        serial: str = self.config_entry.data[CONF_SERIAL]
        self._inverters = inverter_ids(self.hass, self.config_entry.entry_id, serial, self._inverters, inverters)
        return self._inverters

    @callback
    def async_take_update(self, update: SystemUpdate) -> None:
        """Take how far a check for new firmware is from whoever waits for its end, so that people see it, too."""
        self.async_set_updated_data(replace(self.data, update=EndpointResult(value=update, at=self.hass.loop.time())))
