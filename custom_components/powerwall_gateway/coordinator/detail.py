"""What is measured behind the sums: input by input, phase by phase, string by string."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import TYPE_CHECKING, override

from homeassistant.core import HomeAssistant

from ..const import DETAIL_INTERVAL
from ..gateway import PowerwallGateway, Priority
from ..gateway.models import (
    BatteryBlock,
    ConfigFile,
    Controller,
    DeviceComponents,
    MeterReading,
    SiteMeter,
    SolarMeter,
    SolarPowerwall,
)
from ..reading import EndpointResult
from .base import GatewayCoordinator
from .contact import ContactWatch, singles_in_contact

if TYPE_CHECKING:
    from ..data import PowerwallGatewayConfigEntry
    from ..gateway.signed.client import SignedGateway


class Detail(Enum):
    """What an entity stands on; the context it listens with."""

    CT_READINGS = auto()
    SITE_METERS = auto()
    SOLAR_METERS = auto()
    SOLAR_POWERWALL = auto()
    CONFIG = auto()
    CONTROLLER = auto()
    COMPONENTS = auto()


@dataclass(frozen=True, kw_only=True)
class DetailData:
    """What is measured behind the sums."""

    ct_readings: EndpointResult[dict[str, MeterReading]] = EndpointResult()
    """By the meter's serial, where every input is read while the Powerwall runs."""

    site_meters: EndpointResult[tuple[SiteMeter, ...]] = EndpointResult()
    solar_meters: EndpointResult[tuple[SolarMeter, ...]] = EndpointResult()
    solar_powerwall: EndpointResult[SolarPowerwall] = EndpointResult()

    config: EndpointResult[ConfigFile] = EndpointResult()
    controller: EndpointResult[Controller] = EndpointResult()
    components: EndpointResult[DeviceComponents] = EndpointResult()
    """What only a signed request tells; nothing without a key that the gateway takes. The last two are asked where
    there is no other way to the battery's energies."""

    @cached_property
    def measured_packs(self) -> EndpointResult[tuple[BatteryBlock, ...]]:
        """The packs whose energies signed requests tell."""
        expansions = self.config.value.expansions if self.config.value else frozenset[str]()
        return self.components.map(lambda components: components.battery_blocks(self.controller.value, expansions))

    @cached_property
    def packs(self) -> EndpointResult[dict[str, BatteryBlock]]:
        """Every pack that signed requests tell of, by its serial: whether it works, or that it is there."""
        parts = self.measured_packs.value or ()
        return self.controller.map(
            lambda controller: {
                block.serial_number: block for block in (*parts, *controller.battery_blocks) if block.serial_number
            }
        )


class DetailCoordinator(GatewayCoordinator[DetailData]):
    """Every half minute, and only what an enabled entity stands on.

    The first poll asks for everything, to find out what there is, and so does whoever has it look again.
    """

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
            name="detail",
            rank=Priority.DETAIL,
            interval=DETAIL_INTERVAL,
            data=DetailData(),
        )
        self._signed = signed
        self._site_contact = ContactWatch[int](f"{self.name}, site")
        self._solar_contact = ContactWatch[int](f"{self.name}, solar")

    @override
    async def _poll(self) -> DetailData:
        last = self.data
        wanted = set(self.async_contexts())

        async def ask[T](
            detail: Detail, reading: EndpointResult[T], endpoint: Callable[[], Awaitable[T]]
        ) -> EndpointResult[T]:
            if self._asks_again or reading.never_answered or detail in wanted:
                return await self._ask(reading, endpoint)
            return reading

        async def ask_signed[T](
            detail: Detail, reading: EndpointResult[T], request: Callable[[SignedGateway], Awaitable[T]]
        ) -> EndpointResult[T]:
            if (signed := self._signed) is None or not signed.verified:
                return EndpointResult(error=reading.error)  # what a key told goes with it
            return await ask(detail, reading, lambda: request(signed))

        async def ask_meters[T: (SiteMeter, SolarMeter)](
            detail: Detail,
            last: EndpointResult[tuple[T, ...]],
            endpoint: Callable[[], Awaitable[tuple[T, ...]]],
            watch: ContactWatch[int],
        ) -> EndpointResult[tuple[T, ...]]:
            reading = await ask(detail, last, endpoint)
            if reading.error or reading.at == last.at:
                return reading  # no new answer
            return reading.map(lambda meters: singles_in_contact(meters, watch, reading.at))

        tells_energies = self.gateway.capabilities.has_system_status
        return DetailData(
            ct_readings=await ask(Detail.CT_READINGS, last.ct_readings, self.gateway.meters_readings)
            if self.gateway.capabilities.reads_meter_inputs
            else last.ct_readings,
            site_meters=await ask_meters(
                Detail.SITE_METERS, last.site_meters, self.gateway.meters_site, self._site_contact
            ),
            solar_meters=await ask_meters(
                Detail.SOLAR_METERS, last.solar_meters, self.gateway.meters_solar, self._solar_contact
            ),
            solar_powerwall=await ask(Detail.SOLAR_POWERWALL, last.solar_powerwall, self.gateway.solar_powerwall),
            config=await ask_signed(Detail.CONFIG, last.config, lambda signed: signed.config()),
            controller=last.controller
            if tells_energies
            else await ask_signed(Detail.CONTROLLER, last.controller, lambda signed: signed.controller()),
            components=last.components
            if tells_energies
            else await ask_signed(Detail.COMPONENTS, last.components, lambda signed: signed.components()),
        )
