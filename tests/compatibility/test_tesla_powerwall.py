"""The client library of the built-in integration works with the simulated gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tesla_powerwall.const import DeviceType, GridState, GridStatus, IslandMode, MeterType, OperationMode, Roles
from tesla_powerwall.error import AccessDeniedError, ApiError, MeterNotAvailableError
from tesla_powerwall.powerwall import Powerwall

from simulator import SimulatedHome, Simulator
from tests.conftest import StartSimulator


@asynccontextmanager
async def logged_in(gateway: Simulator) -> AsyncIterator[Powerwall]:
    """Talk to a gateway as its owner."""
    async with Powerwall(gateway.url) as powerwall:
        await powerwall.login(gateway.password)
        yield powerwall


async def test_tesla_powerwall_logs_in(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Powerwall(gateway.url) as powerwall:
        with pytest.raises(AccessDeniedError, match="adequate access rights"):
            await powerwall.get_charge()
        with pytest.raises(AccessDeniedError, match="Login Error"):
            await powerwall.login("wrong")
        login = await powerwall.login(gateway.password)
        assert (login.roles, login.token) == ([Roles.HOME_OWNER], next(iter(gateway.tokens)))
        assert powerwall.is_authenticated()
        assert await powerwall.get_charge() == gateway.home.charge
        await powerwall.logout()
        with pytest.raises(AccessDeniedError):
            await powerwall.get_charge()


@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_tesla_powerwall_reads_every_endpoint(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware, password="own")
    home = gateway.home
    home.advance(3600)
    async with logged_in(gateway) as powerwall:
        meters = await powerwall.get_meters()
        assert meters.site.instant_power == pytest.approx(home.grid_power, abs=1)
        assert meters.battery.instant_power == pytest.approx(home.battery_power, abs=5)
        assert meters.load.get_energy_imported(3) == pytest.approx(home.home_energy / 1000, abs=0.05)
        assert meters.battery.is_sending_to()
        with pytest.raises(MeterNotAvailableError):
            assert meters.generator
        status = await powerwall.get_status()
        assert (status.device_type, status.version) == (DeviceType.GW2, gateway.profile.nameplate.version)
        assert await powerwall.get_version() == gateway.profile.nameplate.version.split()[0]
        assert await powerwall.get_gateway_din() == await powerwall.get_vin() == gateway.din
        assert (await powerwall.get_site_info()).site_name == "Home Energy Gateway"
        sitemaster = await powerwall.get_sitemaster()
        assert (sitemaster.is_running, sitemaster.is_connected_to_tesla) == (True, True)
        assert await powerwall.get_operation_mode() is OperationMode.SELF_CONSUMPTION
        assert await powerwall.get_backup_reserve_percentage() == home.reserve
        assert await powerwall.get_capacity() == home.battery.capacity
        assert await powerwall.get_energy() == home.battery.remaining
        assert len(await powerwall.get_serial_numbers()) == len(home.packs)
        assert (await powerwall.get_solars())[0].power_rating_watts > 0


async def test_tesla_powerwall_reads_meters_and_battery_blocks(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", home=SimulatedHome(packs=3))
    gateway.home.packs[2].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    async with logged_in(gateway) as powerwall:
        solar = await powerwall.get_meter_solar()
        assert solar.location is MeterType.SOLAR
        assert solar.readings.real_power_c == pytest.approx(gateway.home.solar_power, abs=1)
        assert solar.readings.energy_imported == gateway.home.solar_energy
        assert (await powerwall.get_meter_site()).location is MeterType.SITE
        batteries = await powerwall.get_batteries()
        states = [battery.grid_state for battery in batteries]
        assert states == [GridState.COMPLIANT, GridState.COMPLIANT, GridState.DISABLED]
        assert [battery.p_out is None for battery in batteries] == [False, False, True]
        gateway.gateway.solar_meter = False
        with pytest.raises(ApiError, match="no values for the solar meter"):
            await powerwall.get_meter_solar()


async def test_tesla_powerwall_goes_off_grid(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with logged_in(gateway) as powerwall:
        assert await powerwall.get_grid_status() is GridStatus.CONNECTED
        assert await powerwall.is_grid_services_active() is False
        assert await powerwall.set_island_mode(IslandMode.OFFGRID) is IslandMode.OFFGRID
        gateway.home.advance(5)
        assert await powerwall.get_grid_status() is GridStatus.ISLANDED
        await powerwall.set_island_mode(IslandMode.ONGRID)
        assert await powerwall.get_grid_status() is GridStatus.TRANSITION_TO_GRID


async def test_tesla_powerwall_reads_a_stopped_powerwall(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with logged_in(gateway) as powerwall:
        with pytest.raises(ApiError, match="405"):  # it still uses GET, as in 2018
            await powerwall.stop()
        gateway.running = False
        with pytest.raises(ApiError, match="502"):
            await powerwall.get_meters()
        assert (await powerwall.get_sitemaster()).is_running is False
        await powerwall.run()
        assert (await powerwall.get_sitemaster()).is_running is True


async def test_tesla_powerwall_reads_a_powerwall_3(simulator: StartSimulator) -> None:
    gateway = await simulator("pw3")
    async with logged_in(gateway) as powerwall:
        assert await powerwall.get_charge() == gateway.home.charge
        assert await powerwall.get_grid_status() is GridStatus.CONNECTED
        with pytest.raises(ApiError, match="404"):
            await powerwall.get_status()


async def test_tesla_powerwall_default_password_is_rejected_on_24_36(simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    async with Powerwall(gateway.url) as powerwall:
        with pytest.raises(AccessDeniedError, match="default password not supported"):
            await powerwall.login(gateway.password)
