"""Go off-grid, by an outage or on request: the state that the simulated gateway reports at each step."""

from typing import Any

import pytest

from simulator import SimulatedHome, Simulator, protobuf
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator

LEAVE = {"island_mode": "intentional_reconnect_failsafe"}
RETURN = {"island_mode": "backup"}
FIRMWARES = ["21.44", "24.36"]

CONNECTED = ("SystemGridConnected", "PINV_GridFollowing", "Grid_Compliant", False)
LEAVING = ("SystemTransitionToIsland", "PINV_GridForming", "Grid_Uncompliant", True)
ISLANDED = ("SystemIslandedActive", "PINV_GridForming", "Grid_Uncompliant", True)
RETURNING = ("SystemTransitionToGrid", "PINV_GridForming", "Grid_Qualifying", True)


async def grid_reports(browser: Browser) -> tuple[str, str, str, bool]:
    """Return the grid state, which two endpoints must agree on, and the state of the inverters."""
    system = (await browser.get("system_status")).json
    status = (await browser.get("system_status/grid_status")).json
    assert status == {"grid_status": system["system_island_state"], "grid_services_active": False}
    (pack, *others) = system["battery_blocks"]
    keys = ("pinv_state", "pinv_grid_state", "off_grid", "vf_mode")
    assert all(other[key] == pack[key] for other in others for key in keys)
    assert pack["off_grid"] is pack["vf_mode"]
    return system["system_island_state"], pack["pinv_state"], pack["pinv_grid_state"], pack["off_grid"]


async def faults(browser: Browser) -> list[Any]:
    """Return the grid faults. Both endpoints must agree."""
    listed: list[Any] = (await browser.get("system_status/grid_faults")).json
    assert (await browser.get("system_status")).json["grid_faults"] == listed
    return listed


def steady(gateway: Simulator) -> SimulatedHome:
    """Fix the solar power and the home's power."""
    home = gateway.home
    home.solar_power, home.home_power = 500, 1_500
    return home


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_intentional_off_grid_ends_with_a_reconnect(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    home = steady(gateway)
    async with Browser(gateway) as browser:
        await browser.login()
        assert await grid_reports(browser) == CONNECTED
        seen = await browser.post("v2/islanding/mode", LEAVE)
        assert (seen.status, seen.json) == (200, LEAVE)
        assert await grid_reports(browser) == LEAVING
        home.advance(1.5)
        assert await grid_reports(browser) == LEAVING
        home.advance(0.5)
        assert await grid_reports(browser) == ISLANDED
        home.advance(3600)
        assert await grid_reports(browser) == ISLANDED
        meters = (await browser.get("meters/aggregates")).json
        assert (meters["site"]["instant_power"], meters["battery"]["instant_power"]) == (0, 1_000)
        assert await faults(browser) == []  # nothing is wrong with the grid
        seen = await browser.post("v2/islanding/mode", RETURN)
        assert (seen.status, seen.json) == (200, RETURN)
        assert await grid_reports(browser) == RETURNING
        home.advance(19.5)
        assert await grid_reports(browser) == RETURNING
        home.advance(0.5)
        assert await grid_reports(browser) == CONNECTED
        assert await faults(browser) == []


async def test_outage_and_intentional_off_grid_have_their_own_states(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    home = steady(gateway)

    async def alerts(browser: Browser) -> set[str]:
        body = (await browser.get("devices/vitals")).body
        known = ("SystemConnectedToGrid", "ScheduledIslandContactorOpen", "UnscheduledIslandContactorOpen")
        return {name for name in known if protobuf.text(3, name) in body}

    async with Browser(gateway) as browser:
        await browser.login()
        assert await alerts(browser) == {"SystemConnectedToGrid"}
        await browser.post("v2/islanding/mode", LEAVE)
        home.advance(5)
        assert await alerts(browser) == {"ScheduledIslandContactorOpen"}
        await browser.post("v2/islanding/mode", RETURN)
        home.advance(20)
        home.outage()
        home.advance(5)
        assert await alerts(browser) == {"UnscheduledIslandContactorOpen"}
        assert len(await faults(browser)) == 1


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_outage_fault_is_listed_until_its_end(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    home = steady(gateway)
    async with Browser(gateway) as browser:
        await browser.login()
        noticed = home.clock // 1_000_000
        home.outage()
        assert await grid_reports(browser) == LEAVING
        home.advance(600)
        assert await grid_reports(browser) == ISLANDED
        (fault,) = await faults(browser)
        assert (fault["timestamp"], fault["ecu_type"]) == (noticed, "TEPINV")
        home.restore()
        assert await grid_reports(browser) == RETURNING
        assert await faults(browser) == []


async def test_outage_while_off_grid_prevents_the_reconnect(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    home = steady(gateway)
    async with Browser(gateway) as browser:
        await browser.login()
        await browser.post("v2/islanding/mode", LEAVE)
        home.advance(10)
        home.outage()
        home.advance(60)
        assert (await grid_reports(browser), await faults(browser)) == (ISLANDED, [])
        await browser.post("v2/islanding/mode", RETURN)
        assert await grid_reports(browser) == ISLANDED  # there is no grid to reconnect to
        assert len(await faults(browser)) == 1
        home.restore()
        home.advance(20)
        assert (await grid_reports(browser), await faults(browser)) == (CONNECTED, [])


async def test_failsafe_reconnects_before_the_battery_is_empty(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", home=SimulatedHome(charge=11))
    home = gateway.home
    home.solar_power, home.home_power = 0, 3_000
    async with Browser(gateway) as browser:
        await browser.login()
        await browser.post("v2/islanding/mode", LEAVE)
        states = []
        for _ in range(60):
            states += [state] if (state := home.grid_status) not in states else []
            home.advance(10)
        assert states == [state for state, *_ in (LEAVING, ISLANDED, RETURNING, CONNECTED)]
        assert home.charge > 9
        assert (await browser.get("/simulator")).json["off_grid"] is False


async def test_failsafe_reconnects_after_a_collapse() -> None:
    home = SimulatedHome(packs=1)
    home.solar_power, home.home_power = 0, 3_000
    home.off_grid_on_purpose = True
    home.advance(10)
    home.home_power = 9_000
    assert home.home_power == 0
    home.advance(1)
    assert (home.grid_status, home.home_power) == ("SystemGridConnected", 9_000)


async def test_control_api_goes_off_grid(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    home = steady(gateway)
    async with Browser(gateway) as browser:
        truth = (await browser.post("/simulator", {"off_grid": True})).json
        assert (truth["off_grid"], truth["grid"], truth["grid_status"]) == (True, "up", "SystemTransitionToIsland")
        home.advance(2)
        truth = (await browser.post("/simulator", {"off_grid": False})).json
        assert (truth["off_grid"], truth["grid_status"]) == (False, "SystemTransitionToGrid")


@pytest.mark.parametrize("body", [{"island_mode": "sideways"}, {"island_mode": None}, {}, [], b"{"])
async def test_invalid_islanding_request_changes_nothing(simulator: StartSimulator, body: object) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        options = {"data": body} if isinstance(body, bytes) else {"json": body}
        assert (await browser.post("v2/islanding/mode", **options)).status == 400
        assert await grid_reports(browser) == CONNECTED
