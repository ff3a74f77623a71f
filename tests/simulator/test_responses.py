"""The simulated gateway's responses have the same keys as those of real gateways."""

from datetime import UTC, datetime, timedelta
import json
import math
import re
from typing import Any

import pytest

from simulator import PROFILES, SimulatedHome, Simulator
from simulator.home import LOS_ANGELES
from simulator.wire import float32, go_json
from tests.client.access_matrix import LOGIN, OPEN, REFUSED
from tests.client.plain_http import Browser, Response
from tests.client.response_keys import BLOCK, GRID_CODE, KEYS, MEASURED, METER_1_15, METER_21_44
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator

NEVER = "0001-01-01T00:00:00Z"
LIVE = {
    "meters/aggregates",
    "system_status",
    "system_status/soe",
    "system_status/grid_status",
    "system_status/grid_faults",
}


def live_meters(seen: Response) -> dict[str, dict[str, Any]]:
    """Return the meters that ever communicated."""
    return {name: meter for name, meter in seen.json.items() if meter["last_communication_time"] != NEVER}


async def everything(gateway: Simulator, browser: Browser) -> dict[str, Response]:
    """Read all JSON that an owner of this firmware gets."""
    paths = (OPEN[gateway.profile.firmware] | LOGIN[gateway.profile.firmware]) - {"devices/vitals"}
    return {path: await browser.get(path) for path in sorted(paths)}


@pytest.mark.parametrize(("firmware", "path"), KEYS)
async def test_responses_have_the_keys_of_real_ones(simulator: StartSimulator, firmware: str, path: str) -> None:
    async with Browser(gateway := await start(simulator, firmware)) as browser:
        await browser.login()
        gateway.running = True
        seen = await browser.get(path)
    assert seen.status == 200
    assert set(seen.json) == KEYS[firmware, path]


@pytest.mark.parametrize("firmware", PROFILES)
async def test_responses_are_printed_like_go(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    async with Browser(gateway) as browser:
        await browser.login()
        gateway.running = True
        for path, seen in (await everything(gateway, browser)).items():
            if path.startswith("/"):
                continue  # not below /api/, where everything is JSON
            assert seen.headers["Content-Type"] == "application/json"
            negative_zero = seen.body.replace(b":-0,", b":0,")  # Python reads it as 0
            assert negative_zero == go_json(seen.json).encode(), path
            assert (seen.status < 400) is (path not in REFUSED and (firmware, path) != ("1.15.0", "powerwalls/status"))


@pytest.mark.parametrize(
    ("firmware", "keys"),
    [
        ("1.15.0", METER_1_15),
        ("1.50.1", METER_1_15 | {"timeout"}),
        ("21.44", METER_21_44),
        ("24.36", METER_21_44),
        ("pw3", METER_21_44),
    ],
)
async def test_meters_have_the_values_of_the_home(simulator: StartSimulator, firmware: str, keys: set[str]) -> None:
    async with Browser(gateway := await start(simulator, firmware)) as browser:
        await browser.login()
        gateway.running = True
        seen = await browser.get("meters/aggregates")
    for name, meter in seen.json.items():
        assert set(meter) == keys - ({"num_meters_aggregated"} if name == "load" else set())
    assert live_meters(seen).keys() == {"site", "battery", "load", "solar"}
    unused = [meter for name, meter in seen.json.items() if name not in live_meters(seen)]
    assert all(value in (0, NEVER) for meter in unused for value in meter.values())


@pytest.mark.parametrize("firmware", PROFILES)
@pytest.mark.parametrize("hours", [0, 1, 7, 24])
async def test_meter_values_are_consistent(simulator: StartSimulator, firmware: str, hours: int) -> None:
    gateway = await start(simulator, firmware, home=SimulatedHome(seed=3))
    home = gateway.home
    home.advance(hours * 3600 + 17.3)
    async with Browser(gateway) as browser:
        await browser.login()
        gateway.running = True
        seen = await browser.get("meters/aggregates")
        soe = (await browser.get("system_status/soe")).json["percentage"]
    site, battery, load, solar = (seen.json[name] for name in ("site", "battery", "load", "solar"))
    assert load["energy_imported"] - load["energy_exported"] == pytest.approx(
        (site["energy_imported"] - site["energy_exported"])
        + (solar["energy_exported"] - solar["energy_imported"])
        + (battery["energy_exported"] - battery["energy_imported"]),
        abs=1e-8,
    )
    assert load["energy_imported"] == pytest.approx(home.home_energy, abs=40)
    assert load["instant_power"] == pytest.approx(
        site["instant_power"] + battery["instant_power"] + solar["instant_power"], abs=12
    )
    assert load["instant_power"] == pytest.approx(home.home_power, abs=2)
    assert site["instant_power"] == pytest.approx(home.grid_power, abs=1)
    assert solar["instant_power"] == pytest.approx(home.solar_power, abs=1)
    assert battery["instant_power"] == pytest.approx(home.battery_power, abs=5)
    for value in (battery["instant_power"], battery["energy_imported"], battery["energy_exported"]):
        assert value % 10 == 0
    assert battery["instant_total_current"] == pytest.approx(-battery["instant_power"] / 50, abs=0.11)
    assert load["instant_total_current"] == load["instant_power"] / load["instant_average_voltage"]
    for meter in (site, battery, load, solar):
        power, reactive = meter["instant_power"], meter["instant_reactive_power"]
        assert meter["instant_apparent_power"] == math.sqrt(power**2 + reactive**2)
    assert soe == home.charge


async def test_readings_of_each_generation(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        old = (await browser.get("meters/aggregates")).json
    for name in ("site", "load", "solar"):
        assert old[name]["frequency"] == float32(old[name]["frequency"])
        assert 59.9 < old[name]["frequency"] < 60.1
        assert 230 < old[name]["instant_average_voltage"] < 250
    assert old["site"]["instant_power"] == float32(old["site"]["instant_power"])
    async with Browser(await simulator("21.44")) as browser:
        await browser.login()
        new = (await browser.get("meters/aggregates")).json
    for name in ("site", "load", "solar"):
        assert new[name]["frequency"] == 0  # a synchrometer measures none
        assert 200 < new[name]["instant_average_voltage"] < 220
        assert new[name]["instant_power"] % 0.25 == 0
        assert new[name]["instant_average_current"] == new[name]["instant_total_current"] != 0
    assert 59.9 < new["battery"]["frequency"] < 60.1
    assert new["battery"]["timeout"] == 1_500_000_000


async def test_times_have_the_sites_offset_and_nanoseconds(simulator: StartSimulator) -> None:
    home = SimulatedHome(datetime.fromisoformat("2026-01-15T12:00-08:00").astimezone(LOS_ANGELES))
    async with Browser(await simulator("1.15.0", home=home)) as browser:
        seen = await browser.get("meters/aggregates")
    times = {meter["last_communication_time"] for meter in live_meters(seen).values()}
    assert len(times) == 4
    for time in times:
        match = re.fullmatch(r"2026-01-15T(12:00:00|11:59:59)\.(\d{7,9})-08:00", time)
        assert match is not None, time
        assert not match[2].endswith("0")


@pytest.mark.parametrize("firmware", [firmware for firmware in PROFILES if firmware != "pw3"])
async def test_boot_time_is_local_with_a_wrong_offset(simulator: StartSimulator, firmware: str) -> None:
    home = SimulatedHome(datetime.fromisoformat("2026-03-10T12:00-07:00").astimezone(LOS_ANGELES))
    async with Browser(await simulator(firmware, home=home)) as browser:
        home.advance(90)
        status = (await browser.get("status")).json
    started, offset = status["start_time"].rsplit(" ", 1)
    assert offset == "+0800"
    match = re.fullmatch(r"(\d+)h(\d+)m([\d.]+)s", status["up_time_seconds"])
    assert match is not None
    uptime = timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=float(match[3]))
    assert (home.now.astimezone(UTC) - uptime).astimezone(LOS_ANGELES).strftime("%F %T") == started


async def test_status_of_1_15(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        status = (await browser.get("status")).json
        powerwalls = (await browser.get("powerwalls")).json
        site = (await browser.get("site_info")).json
        sitemaster = (await browser.get("sitemaster")).json
        gateway.home.advance(61)
        later = (await browser.get("sitemaster")).json
    assert status["version"] == "1.15.0\n"
    assert re.fullmatch(r"[0-9a-f]{40}\n", status["git_hash"])
    assert [pack["PackagePartNumber"] for pack in powerwalls["powerwalls"]] == ["1092170-03-E"] * 2
    assert len({pack["PackageSerialNumber"] for pack in powerwalls["powerwalls"]}) == 2
    assert site["grid_code"] == "60Hz_240V_s_UL1741SA:2016_California"
    assert (sitemaster["uptime"], later["uptime"]) == ("166594s,", "166655s,")


async def test_status_of_21_44(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44", home=SimulatedHome(packs=3))
    async with Browser(gateway) as browser:
        await browser.login()
        status = (await browser.get("status")).json
        powerwalls = (await browser.get("powerwalls")).json
        site = (await browser.get("site_info")).json
        vin = (await browser.get("config")).json["vin"]
    assert re.fullmatch(r"\d+\.\d+ [0-9a-f]{8}", status["version"])
    assert status["git_hash"].startswith(status["version"].split()[1])
    assert re.fullmatch(r"\d{7}-\d{2}-[A-Z]--TG[0-9A-Z]{12}", gateway.din)
    assert gateway.din == status["din"] == vin == powerwalls["gateway_din"]
    assert (status["device_type"], status["followers"]) == ("teg", None)
    assert [pack["type"] for pack in powerwalls["powerwalls"]] == ["ACPW"] * 3
    checks = powerwalls["powerwalls"][0]["commissioning_diagnostic"]["checks"]
    assert {check["status"] for check in checks} == {"fail"}  # which is normal while running
    assert set(site["grid_code"]) == GRID_CODE | {"distributor", "utility", "retailer"}
    assert (site["nominal_system_energy_kWh"], site["nominal_system_power_kW"]) == (40.5, 15)


async def test_system_status_is_the_sum_of_its_powerwalls(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.home.advance(4321)
    async with Browser(gateway) as browser:
        await browser.login()
        system = (await browser.get("system_status")).json
        battery = (await browser.get("meters/aggregates")).json["battery"]
        powerwalls = (await browser.get("powerwalls")).json["powerwalls"]
    blocks = system["battery_blocks"]
    assert all(set(block) == BLOCK for block in blocks)
    for whole, part in (
        (battery["instant_power"], "p_out"),
        (battery["energy_imported"], "energy_charged"),
        (battery["energy_exported"], "energy_discharged"),
        (system["nominal_energy_remaining"], "nominal_energy_remaining"),
        (system["nominal_full_pack_energy"], "nominal_full_pack_energy"),
    ):
        assert whole == sum(block[part] for block in blocks) != 0
    remaining, full = system["nominal_energy_remaining"], system["nominal_full_pack_energy"]
    assert gateway.home.charge == 100 * remaining / full
    assert all(block["i_out"] * block["p_out"] < 0 for block in blocks)
    serials = [block["PackageSerialNumber"] for block in blocks]
    assert serials == [pack["PackageSerialNumber"] for pack in powerwalls]


async def test_disabled_powerwall_has_no_measurements(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.home.packs[1].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    async with Browser(gateway) as browser:
        await browser.login()
        system = (await browser.get("system_status")).json
        battery = (await browser.get("meters/aggregates")).json["battery"]
    block = system["battery_blocks"][1]
    assert {block[name] for name in MEASURED} == {None}
    assert (block["pinv_state"], block["pinv_grid_state"]) == ("", "")
    assert block["disabled_reasons"] == ["DisabledExcessiveVoltageDrop"]
    assert (system["available_blocks"], system["nominal_full_pack_energy"]) == (1, 13_500)
    assert battery["instant_power"] == system["battery_blocks"][0]["p_out"]


async def test_outage_changes_the_responses(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        assert (await browser.get("system_status/grid_faults")).json == []
        gateway.home.outage()
        gateway.home.advance(10)
        system = (await browser.get("system_status")).json
        status = (await browser.get("system_status/grid_status")).json
        faults = (await browser.get("system_status/grid_faults")).json
        site = (await browser.get("meters/aggregates")).json["site"]
        gateway.home.restore()
        assert (await browser.get("system_status/grid_faults")).json == []
    assert status == {"grid_status": "SystemIslandedActive", "grid_services_active": False}
    assert system["system_island_state"] == "SystemIslandedActive"
    assert [block["pinv_state"] for block in system["battery_blocks"]] == ["PINV_GridForming"] * 2
    assert site["instant_power"] == 0
    assert faults == system["grid_faults"]
    assert {item["name"] for item in json.loads(faults[0]["decoded_alert"])} >= {"PINV_alertID"}
    assert faults[0]["alert_raw"] > 2**53


async def test_stopped_powerwall_of_1_15(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        await browser.login()
        responses = await everything(gateway, browser)
    assert {path for path, seen in responses.items() if seen.status == 502} == LIVE - {"system_status"}
    assert responses["sitemaster"].json == {"running": False, "uptime": "log:", "connected_to_tesla": False}


async def test_stopped_powerwall_of_21_44(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        before = await everything(gateway, browser)
        assert (await browser.post("sitemaster/stop", {"force": True})).status == 202
        responses = await everything(gateway, browser)
    assert {path for path, seen in responses.items() if seen.status == 502} == LIVE
    for path in LIVE:
        assert responses[path].body == b""
        assert responses[path].headers["Content-Length"] == "0"
        assert "Content-Type" not in responses[path].headers
    assert {path for path in responses.keys() - LIVE if responses[path].json != before[path].json} == {
        "sitemaster",
        "site_info",
        "powerwalls",
        "powerwalls/status",
        "auth/toggle/supported",
        "meters",
        "meters/readings",
        "meters/site",  # the home runs on the grid now
        "installer",
        "synchrometer/ct_voltage_references/options",
    }
    assert responses["sitemaster"].json == {
        "status": "StatusDown",
        "running": False,
        "connected_to_tesla": True,
        "power_supply_mode": False,
        "can_reboot": "",
    }
    assert responses["powerwalls/status"].json["is_on_grid"] is True
    assert responses["site_info"].json["nominal_system_power_kW"] == 11.6
    assert "run_sitemaster" not in responses["installer"].json


@pytest.mark.parametrize("firmware", PROFILES)
async def test_responses_have_the_headers_of_the_firmware(simulator: StartSimulator, firmware: str) -> None:
    async with Browser(await simulator(firmware)) as browser:
        fine = await browser.login() if firmware == "pw3" else await browser.get("status")
        unknown = await browser.get("nope")
        denied = await browser.post("login/Basic", {"username": "customer", "password": "wrong"})
    assert all("Server" not in seen.headers for seen in (fine, unknown, denied))
    assert "X-Content-Type-Options" not in fine.headers
    assert denied.headers["X-Content-Type-Options"] == "nosniff"
    old = firmware == "1.15.0"
    assert fine.headers.get("Access-Control-Allow-Origin") == ("*" if old else None)
    assert fine.headers.get("Cache-Control") == (None if old else "no-cache, no-store")
    assert (unknown.status, unknown.body) == (404, b"404 page not found\n")
    assert unknown.headers["Content-Type"].startswith("text/plain")
