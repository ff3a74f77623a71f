"""Endpoints of later firmware on the simulated gateway: meters, networks, tests and lists."""

from base64 import b64decode
import csv
from ipaddress import ip_address
from itertools import pairwise
import math

import pytest

from tests.client.plain_http import Browser
from tests.client.simulated_gateways import JobControl, start
from tests.conftest import StartSimulator

BUSY = "run sitemanager flag enabled, sitemanager process is running"


@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_single_meters_are_listed(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    async with Browser(gateway) as browser:
        await browser.login()
        whole = (await browser.get("meters/aggregates")).json
        site = (await browser.get("meters/site")).json
        solar = (await browser.get("meters/solar")).json
    assert len(site) == whole["site"]["num_meters_aggregated"]
    assert len(solar) == whole["solar"]["num_meters_aggregated"]
    assert [meter["id"] for meter in site] == [0, 1]
    for name, meters in (("site", site), ("solar", solar)):
        assert {meter["location"] for meter in meters} == {name}
        readings = [meter["Cached_readings"] for meter in meters]
        for key in ("instant_power", "instant_reactive_power", "instant_total_current"):
            assert sum(reading[key] for reading in readings) == pytest.approx(whole[name][key])
        imported, exported = (sum(each[key] for each in readings) for key in ("energy_imported", "energy_exported"))
        if name == "solar":  # as the meter counts: solar production is imported
            imported, exported = exported, imported
        assert (imported, exported) == (whole[name]["energy_imported"], whole[name]["energy_exported"])
        for meter, reading in zip(meters, readings, strict=True):
            lines = [line for line, valid in zip("abc", meter["cts"], strict=False) if valid]
            assert meter["cts"][3] is False
            assert sum(reading[f"real_power_{line}"] for line in lines) == pytest.approx(reading["instant_power"])
            assert {key[-1] for key in reading if key.startswith("real_power_")} == set(lines)
            currents = [reading[f"i_{line}_current"] for line in lines]
            assert sum(currents) == pytest.approx(reading["instant_total_current"], abs=0.001)
            for line, number in zip("abc", (1, 2, 3), strict=True):
                voltage = reading.get(f"v_l{number}n")
                assert (voltage is None) is (line not in lines)
                assert voltage is None or 110 < voltage < 130
            assert reading["instant_apparent_power"] == math.hypot(
                reading["instant_power"], reading["instant_reactive_power"]
            )


async def test_solar_without_a_meter_is_null(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.solar_meter = False
    async with Browser(gateway) as browser:
        await browser.login()
        assert (await browser.get("meters/solar")).body == b"null"
        wirings = [wiring for meter in (await browser.get("meters")).json for wiring in meter["cts"]]
        assert {wiring["type"] for wiring in wirings} == {"site"}
        gateway.running = False
        readings = (await browser.get("meters/readings")).json
        assert readings["synchrometerY"]["data"]["cts"][2]["p_W"] == 0


async def test_readings_are_real_only_while_stopped(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.login()
        meters = (await browser.get("meters")).json
        running = (await browser.get("meters/readings")).json
        assert set(running) == {meter["serial"] for meter in meters}
        for reading in running.values():
            assert (reading["error"], reading["data"]["firmwareVersion"]) == (BUSY, "")
            assert {value for channel in reading["data"]["cts"] for value in channel.values()} == {0}
        options = await browser.get("synchrometer/ct_voltage_references/options")
        assert (options.status, options.json["error"]) == (400, BUSY)
        gateway.running = False
        stopped = (await browser.get("meters/readings")).json
        assert set(stopped) == {"synchrometerX", "synchrometerY"}
        lines = stopped["synchrometerX"]["data"]["cts"]
        assert sum(line["p_W"] for line in lines) == pytest.approx(gateway.home.grid_power, abs=2)
        sun = stopped["synchrometerY"]["data"]["cts"][2]["p_W"]
        assert 2 * sun == pytest.approx(gateway.home.solar_power, abs=2)
        assert {line["ct"] for line in lines} == {0, 1, 2, 3}
        options = await browser.get("synchrometer/ct_voltage_references/options")
        phases = (await browser.get("synchrometer/ct_voltage_references")).json
        assert all(phase in options.json[ct] for ct, phase in phases.items())


async def test_transformers_of_a_meter_are_listed(simulator: StartSimulator) -> None:
    async with Browser(await simulator("21.44")) as browser:
        await browser.login()
        for meter in (await browser.get("meters")).json:
            assert (await browser.get(f"meters/{meter['serial']}/cts")).json == meter["cts"]
            seen = await browser.get(f"meters/{meter['serial']}/ct_config")
            assert (seen.status, seen.json["error"]) == (500, f"meter type must be Neurio ({meter['type']})")
        assert (await browser.get("meters/OBB123/cts")).status == 400


async def test_connection_test_adds_one_check_after_another(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.connected_to_tesla = False
    job = JobControl(gateway.gateway.connection_test)
    async with Browser(gateway) as browser:
        await browser.login()
        (first,) = (await browser.get("system/networks/conn_tests")).json["checks"]
        assert (first["name"], first["status"], first["start_time"]) == ("Network device", "not_run", None)
        started = (await browser.post("system/networks/conn_tests")).json
        assert [check["status"] for diagnostic in started for check in diagnostic["checks"]] == [
            "not_run",
            "not_run",
            "scheduled",
        ]
        for expected in (["running"], ["pass", "running"], ["pass", "pass", "running"], ["pass", "pass", "fail"]):
            checks = (await browser.get("system/networks/conn_tests")).json["checks"]
            assert [check["status"] for check in checks] == expected
            job.move(0.34)
    assert all(before["end_time"] == after["start_time"] for before, after in pairwise(checks))
    assert all(check["start_time"] < check["end_time"] for check in checks)


async def test_wifi_scan_then_list_returns_access_points(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    job = JobControl(gateway.gateway.wifi_scan)
    async with Browser(gateway) as browser:
        assert (await browser.post("networks/request_scan_wifi")).status == 403
        await browser.login()
        assert [each["ssid"] for each in (await browser.get("networks/access_points")).json] == ["Home"]
        assert (await browser.post("networks/request_scan_wifi")).status == 200
        job.move(1)
        found = (await browser.get("networks/access_points")).json
    assert [each["ssid"] for each in found] == ["Home", "Café Zentrale", "Nachbars Netz / 2", ""]
    assert {each["security_type"] for each in found} == {"WPA2_Personal", "NONE"}


async def test_networks_are_printed_as_go_prints_them_on_24_36(simulator: StartSimulator) -> None:
    networks = {}
    for firmware in ("21.44", "24.36"):
        async with Browser(await start(simulator, firmware)) as browser:
            await browser.login()
            networks[firmware] = (await browser.get("networks")).json
    for old, new in zip(networks["21.44"], networks["24.36"], strict=True):
        assert old.keys() == new.keys()
        if "iface_network_info" in old:
            (before,) = old["iface_network_info"]["ip_networks"]
            (after,) = new["iface_network_info"]["ip_networks"]
            assert set(after) == {"IP", "Mask"}
            assert before["mask"] == str(ip_address(b64decode(after["Mask"])))


async def test_installer_lists_are_served(simulator: StartSimulator) -> None:
    async with Browser(await simulator("21.44")) as browser:
        await browser.login()
        brands = (await browser.get("solars/brands")).json
        assert any(not brand.isascii() for brand in brands)
        assert (await browser.get("solars/brands/シャープ (Sharp)")).json[0]["brand"] == "シャープ (Sharp)"
        companies = (await browser.get("installer/companies")).json
        assert {len(company["country"]) for company in companies} == {2}
        regions = (await browser.get("site_info/grid_regions")).json
        site = (await browser.get("site_info")).json["grid_code"]
        radios = (await browser.get("legal/radio")).json
    lines = list(csv.DictReader(regions["regions"].splitlines()))
    assert set(lines[0]) == {"grid_code", "country", "state", "distributor", "utility", "retailer", "standard"}
    assert {line["grid_code"] for line in lines} == regions["grid_code_settings"].keys()
    (here,) = [line for line in lines if line["state"] == site["state"]]
    assert here["standard"] == site["region"]
    assert all(here[name] == site[name] for name in ("grid_code", "country", "utility", "retailer"))
    settings = regions["grid_code_settings"][here["grid_code"]]
    assert settings == {name: site[name] for name in settings}
    assert {radio["manufacturer"] for radio in radios} == {"Telit", "Redpine"}


async def test_missing_fields_on_24_36(simulator: StartSimulator) -> None:
    async with Browser(await start(simulator, "24.36")) as browser:
        await browser.login()
        code = (await browser.get("site_info")).json["grid_code"]
        status = (await browser.get("status")).json
        sitemaster = (await browser.get("sitemaster")).json
    assert code.keys().isdisjoint({"distributor", "retailer", "region"})
    assert (status["can_reboot"], status["version"]) == (True, "24.36.2 46990655")
    assert isinstance(sitemaster["can_reboot"], str)
