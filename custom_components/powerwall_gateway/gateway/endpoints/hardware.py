"""What is wired to the gateway: solar inverters, generators, meters."""

from ..models import Generators, InstalledMeter, MeterReading, SiteMeter, SolarInverter, SolarMeter, SolarPowerwall
from ..transport import PathWithArguments
from .caller import BaseClient
from .endpoint import Access, endpoint


class HardwareApi(BaseClient):
    """The endpoints of the hardware."""

    @endpoint("GET", "solars", Access.LOGIN)
    async def solars(self) -> tuple[SolarInverter, ...]:
        """Read the solar inverters that are configured."""
        return await self._read_list("solars", SolarInverter)

    @endpoint("GET", "solars/brands", Access.LOGIN)
    async def solars_brands(self) -> tuple[str, ...]:
        """Read the brands that the wizard offers."""
        return await self._read_texts("solars/brands")

    @endpoint("GET", "solars/brands/{brand}", Access.LOGIN)
    async def solars_brand(self, brand: str) -> tuple[SolarInverter, ...]:
        """Read the inverters of a brand, `SolarEdge Technologies` for instance, that the wizard offers."""
        return await self._read_list(PathWithArguments("solars/brands/{brand}", brand=brand), SolarInverter)

    @endpoint("GET", "solar_powerwall", Access.CUSTOMER, since="20.49")
    async def solar_powerwall(self) -> SolarPowerwall:
        """Read inverter, strings and alerts of a Powerwall+ or a Tesla inverter; for these only."""
        return await self._read("solar_powerwall", SolarPowerwall)

    @endpoint("GET", "generators", Access.LOGIN)
    async def generators(self) -> Generators:
        """Read whether there is a generator, and how it is connected."""
        return await self._read("generators", Generators)

    @endpoint("GET", "generators/disconnect_types", Access.LOGIN)
    async def generators_disconnect_types(self) -> tuple[str, ...]:
        """Read how a generator may be connected: `DownstreamATS`."""
        return await self._read_texts("generators/disconnect_types")

    @endpoint("GET", "meters", Access.LOGIN)
    async def meters(self) -> tuple[InstalledMeter, ...]:
        """Read which meters there are, and what their inputs measure."""
        return await self._read_list("meters", InstalledMeter)

    @endpoint("POST", "meters/{serial}/verify", Access.INSTALLER, effect=True, verified=False)
    async def meters_verify(self, serial: str, short_id: str) -> None:
        """Have the gateway look for a meter, by its serial and the five digits of its short number.

        Blanks around them are left out. What is answered was never seen, so nothing is made of it.
        """
        serial, short_id = serial.strip(), short_id.strip()
        body = {"short_id": short_id, "serial": serial}
        await self._send("POST", PathWithArguments("meters/{serial}/verify", serial=serial), body)

    @endpoint("GET", "meters/readings", Access.LOGIN)
    async def meters_readings(self) -> dict[str, MeterReading]:
        """Read every input of every meter, by the meter's serial.

        From 20.49 on only while the Powerwall is stopped: `error` of each says so otherwise.
        """
        return await self._read_map("meters/readings", MeterReading)

    @endpoint("GET", "meters/site", Access.LOGIN, since="1.17")
    async def meters_site(self) -> tuple[SiteMeter, ...]:
        """Read the grid's meters phase by phase; empty where there is none.

        Not in the seed; the same document has it since June 2018, when 1.17 was current.
        """
        return await self._read_list("meters/site", SiteMeter)

    @endpoint("GET", "meters/solar", Access.LOGIN, since="1.17")
    async def meters_solar(self) -> tuple[SolarMeter, ...]:
        """Read the solar meters phase by phase, since June 2018; empty where there is none, as on a Powerwall+."""
        return await self._read_list("meters/solar", SolarMeter)
