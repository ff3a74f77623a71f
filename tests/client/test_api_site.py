"""Endpoints of the site: its name, grid codes and Powerwalls."""

from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayInvalidResponseError,
    GatewayPermissionDeniedError,
    GatewayRefusedError,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.models import (
    SiteInfo,
)
from simulator import Simulator
from tests.client.conftest import Client
from tests.conftest import StartSimulator


def session_of(gateway: Simulator) -> dict[str, Any]:
    """Return the session of an installer who is logged in already, where a login would stop the Powerwall."""
    gateway.tokens["installers"] = "Provider_Engineer"
    return {"session": {"token": "installers", "roles": ["Provider_Engineer"]}}


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_site_name_has_a_name_and_a_time_zone(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    site = await powerwall.call(endpoints.SITE_INFO_SITE_NAME)
    assert site == SiteInfo(site_name=gateway.gateway.site_name, timezone=gateway.gateway.time_zone)
    assert site.site_name
    assert site.timezone


async def test_set_site_name_of_an_installer_succeeds(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    powerwall.restore_login(session_of(gateway))
    named = await powerwall.call(endpoints.SET_SITE_NAME, {"site_name": "Håuse & Garden"})
    arrived = gateway.requests[-1]
    assert (arrived.method, arrived.path) == ("POST", "site_info/site_name")
    assert orjson.loads(arrived.body) == {"site_name": "Håuse & Garden"}
    assert named is not None
    assert named.site_name == "Håuse & Garden"
    assert (await powerwall.call(endpoints.SITE_INFO_SITE_NAME)).site_name == "Håuse & Garden"


async def test_set_site_name_of_a_customer_is_denied(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    before = gateway.gateway.site_name
    with pytest.raises(GatewayPermissionDeniedError):
        await powerwall.call(endpoints.SET_SITE_NAME, {"site_name": "Elsewhere"})
    assert gateway.gateway.site_name == before


async def test_set_site_name_without_a_body_returns_none(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("site_info/site_name", status=202)
    assert (
        await (await client(gateway, password=None)).call(endpoints.SET_SITE_NAME, {"site_name": "Elsewhere"}) is None
    )


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'"x"', b"\xff\xfe"])
async def test_set_site_name_rejects_a_malformed_response(
    simulator: StartSimulator, client: Client, body: bytes
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("site_info/site_name", status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError):
        await (await client(gateway, password=None)).call(endpoints.SET_SITE_NAME, {"site_name": "Elsewhere"})


# -- grid codes --------------------------------------------------------------------------------------------------------


def settings(code: str, voltage: int, frequency: int, phase: str) -> dict[str, Any]:
    """Return the settings of a grid code in the gateway's format."""
    return {
        "grid_code": code,
        "grid_voltage_setting": voltage,
        "grid_freq_setting": frequency,
        "grid_phase_setting": phase,
    }


async def test_grid_codes_are_listed_by_place(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    german = settings("50Hz_230V_1_VDE4105:2011_Germany", 230, 50, "Single")
    oahu = [settings(f"60Hz_240V_s_HI14H:{year}_Oahu", 240, 60, "Split") for year in (2016, 2017)]
    nested = {"Germany": {"*": {"VDE4105": [german]}}, "United States": {"Hawaii": {"HI14H": oahu}}}
    gateway.faults.add("site_info/grid_codes", status=200, body=nested)
    assert await (await client(gateway, password=None)).call(endpoints.SITE_INFO_GRID_CODES) == nested


def test_site_info_of_firmware_21_is_decoded() -> None:
    site = SiteInfo.from_dict(
        {
            "measured_frequency": 60.019999999999996,
            "max_system_energy_kWh": 13.5,
            "max_system_power_kW": 5.8,
            "panel_max_current": 100,
        }
    )
    assert (site.max_system_energy_kwh, site.max_system_power_kw) == (13.5, 5.8)
    assert (site.measured_frequency, site.panel_max_current) == (60.019999999999996, 100.0)


# -- packs -------------------------------------------------------------------------------------------------------------


async def test_powerwalls_status_of_1_15_is_refused_while_running(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    with pytest.raises(GatewayAuthenticationRequiredError):
        await powerwall.call(endpoints.POWERWALLS_STATUS)
    powerwall.restore_login(session_of(gateway))
    with pytest.raises(GatewayRefusedError) as raised:
        await powerwall.call(endpoints.POWERWALLS_STATUS)
    assert raised.value.status == 409
    assert raised.value.reason == "Sitemaster is current running"


@pytest.mark.parametrize("running", [True, False])
async def test_powerwalls_status_has_the_grid_check_only_if_stopped(
    simulator: StartSimulator, client: Client, running: bool
) -> None:
    gateway = await simulator("21.44")
    gateway.running = running
    status = await (await client(gateway)).call(endpoints.POWERWALLS_STATUS)
    assert status.is_on_grid is (None if running else True)
    assert bool(status.on_grid_check_error) is running
    for flag in (status.enumerating, status.updating, status.checking_if_offgrid, status.grid_qualifying):
        assert flag is False


async def test_powerwalls_of_firmware_21_are_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    packs = await (await client(gateway)).powerwalls()
    assert (packs.updating, packs.enumerating, packs.is_on_grid, packs.has_sync) == (False, False, None, None)
    assert packs.powerwalls is not None
    assert [unit.serial_number for unit in packs.powerwalls] == list(gateway.gateway.pack_serials)
    unit = packs.powerwalls[0]
    assert (unit.kind, unit.in_config, unit.updating, unit.under_phase_detection) == ("ACPW", True, False, False)


async def test_powerwalls_of_1_15_have_part_and_serial_numbers(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    packs = await (await client(gateway, password=None)).powerwalls()
    assert packs.has_sync is True
    assert packs.powerwalls is not None
    assert packs.powerwalls[0].serial_number == gateway.gateway.pack_serials[0]
    assert (packs.updating, packs.gateway_din) == (None, None)


async def test_deeply_nested_check_is_ignored(simulator: StartSimulator, client: Client) -> None:
    deep = b'{"name": "above", "checks": [' * 400 + b"]}" * 400
    unit = (
        b'{"PackageSerialNumber": "T1", "commissioning_diagnostic": {"name": "Commissioning", "checks": [%s]}}' % deep
    )
    gateway = await simulator("1.15.0")
    gateway.faults.add("powerwalls", status=200, body=b'{"powerwalls": [%s]}' % unit)
    packs = await (await client(gateway, password=None)).powerwalls()
    assert packs.powerwalls is not None
    assert packs.powerwalls[0].serial_number == "T1"
