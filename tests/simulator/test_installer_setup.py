"""Installer setup and tests of the simulated gateway of 2018."""

import json
import re
from typing import Any

import pytest

from simulator import Simulator
from tests.client.plain_http import Browser, Response
from tests.client.simulated_gateways import JobControl
from tests.conftest import StartSimulator

RUNNING = {"results": None, "timestamp": "0001-01-01T00:00:00Z"}


async def wifi(browser: Browser) -> dict[str, Any]:
    """Return the Wi-Fi interface."""
    interfaces: list[dict[str, Any]] = (await browser.get("networks")).json
    return next(interface for interface in interfaces if interface["name"] == "wifi0")


async def names(browser: Browser) -> list[str]:
    """List the networks that are set up."""
    return [network["network_name"] for network in (await browser.get("system/networks")).json]


async def test_inverters_are_listed_by_brand(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        brands = (await browser.get("solars/brands")).json
        assert len(brands) == 12
        assert all(brand.isascii() for brand in brands)
        for brand in brands:
            models = (await browser.get("solars/brands/" + brand.replace("/", "%2F").replace("&", "%26"))).json
            assert all(model["brand"] == brand for model in models)
            assert all(set(model) == {"brand", "model", "description", "power_rating_watts"} for model in models)
        seen = await browser.get("solars/brands/SolarEdge%20Technologies")
        (installed,) = (await browser.get("solars")).json
        assert installed["model"] in {model["model"] for model in seen.json}
        assert (await browser.get("solars/brands/Nobody")).status == 400
        assert (await browser.get("solars/brands/Sharp / Solaria")).status == 404  # a slash has to be encoded


async def test_grid_codes_are_grouped_by_country_state_and_region(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        countries = (await browser.get("site_info/grid_codes")).json
        site = (await browser.get("site_info")).json
    (code,) = countries[site["country"]][site["state"]][site["region"]]
    assert code == {name: site[name] for name in code}
    assert set(code) == {"grid_code", "grid_voltage_setting", "grid_freq_setting", "grid_phase_setting"}
    assert set(countries["Australia"]) == {"*"}


async def test_companies_are_listed(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        companies = (await browser.get("installer/companies")).json
        installer = (await browser.get("installer")).json
    assert all(set(company) == {"company", "customer_id"} for company in companies)
    assert {"company": installer["company"], "customer_id": installer["customer_id"]} in companies


async def test_consents_are_changed(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        before = (await browser.get("customer/registration")).json
        assert (before["grid_services"], before["skipped_registration"]) == (None, False)
        consents = {"marketing": False, "privacy_notice": True, "limited_warranty": True, "grid_services": True}
        assert (await browser.post("customer/registration/legal", consents)).status == 403
        await browser.login()
        assert (await browser.post("customer/registration/legal", consents)).json == consents
        seen = await browser.post("customer/registration/legal", {"marketing": None})
        assert seen.json == consents | {"marketing": None}
        assert (await browser.post("customer/registration/skip")).status == 202
        assert (await browser.post("customer/registration/emailed")).status == 202
        after = (await browser.get("customer/registration")).json
    assert after == before | consents | {"marketing": None, "skipped_registration": True}


@pytest.mark.parametrize("form", [[], {"marketing": "yes"}, {"newsletter": True}])
async def test_invalid_consents_are_rejected(simulator: StartSimulator, form: object) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        before = (await browser.get("customer/registration")).json
        assert (await browser.post("customer/registration/legal", form)).status == 400
        assert (await browser.get("customer/registration")).json == before


async def test_network_is_disabled_and_enabled(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        assert (await wifi(browser))["config"]["enabled"] is True
        assert (await browser.post("networks/Home/disable")).status == 202
        off = await wifi(browser)
        assert (off["connected"], off["ip_address"], off["config"]["enabled"]) == (False, "", False)
        assert (await browser.post("networks/Home/enable")).status == 202
        on = await wifi(browser)
        assert (on["connected"], on["ip_address"], on["config"]["enabled"]) == (True, "192.168.1.77", True)
        await browser.post("networks/default_eth/disable")
        (cable,) = [each for each in (await browser.get("networks")).json if each["name"] == "eth0"]
        assert cable["connected"] is False
        for verb in ("enable", "disable"):
            seen = await browser.post(f"networks/Nowhere/{verb}")
            assert (seen.status, seen.json["error"]) == (400, "no network named Nowhere")


async def test_another_network_replaces_the_active_one(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        found = (await browser.post("networks/wifi_scan")).json
        assert all(set(each) == {"ssid", "bssid", "channel", "signal_strength", "security_type"} for each in found)
        name, security = found[2]["ssid"], found[2]["security_type"]
        order = {"interface": "WifiType", "network_name": name, "security_type": security}
        seen = await browser.post("networks", order)
        assert seen.json == order | {"dhcp": True, "enabled": False}
        assert await names(browser) == ["default_gsm", "default_eth", "Home", name]
        assert (await wifi(browser))["config"]["network_name"] == "Home"
        assert (await browser.post(f"networks/{name.replace('/', '%2F')}/enable")).status == 202
        assert (await wifi(browser))["config"]["network_name"] == name
        assert (await browser.post("networks", order)).status == 200
        assert (await names(browser)).count(name) == 1


@pytest.mark.parametrize(
    "order",
    [
        [],
        {"interface": "WifiType", "network_name": "", "security_type": "NONE"},
        {"interface": "WifiType", "network_name": "x", "security_type": "WPA9"},
        {"interface": "Pigeon", "network_name": "x", "security_type": "NONE"},
    ],
)
async def test_network_requires_name_interface_and_security(simulator: StartSimulator, order: object) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        assert (await browser.post("networks", order)).status == 400
        assert await names(browser) == ["default_gsm", "default_eth", "Home"]


async def results(gateway: Simulator, browser: Browser) -> Response:
    """Run the connection test to its end."""
    job = JobControl(gateway.gateway.connection_test)
    assert (await browser.post("system/networks/conn_tests")).json == RUNNING
    job.move(0.9)
    assert (await browser.get("system/networks/conn_tests")).json == RUNNING
    job.move(0.2)
    return await browser.get("system/networks/conn_tests")


async def test_connection_test_takes_its_duration(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        await browser.login()
        assert (await browser.get("system/networks/conn_tests")).json == RUNNING
        done = (await results(gateway, browser)).json
        assert {test["pass"] for test in done["results"].values()} == {True}
        assert set(done["results"]) == {
            "Config Syncer Test",
            "Google GET Test",
            "Hermes Status Test",
            "Synergy Data Test",
        }
        assert re.fullmatch(r"2026-06-21T13:00:03\.\d+-07:00", done["timestamp"])
        gateway.gateway.connected_to_tesla = False
        again = (await results(gateway, browser)).json["results"]
        assert [name for name, test in again.items() if test["pass"]] == ["Google GET Test"]
        assert again["Hermes Status Test"]["error"] != ""
        assert (await browser.get("system/networks/ping_test")).json == {"Error": {}}


async def test_transformer_readings_add_up(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        await browser.login()
        gateway.running = True
        (meter,) = (await browser.get("meters")).json
        readings = (await browser.get("meters/readings")).json
        meters = (await browser.get("meters/aggregates")).json
    assert list(readings) == [meter["serial"]]
    reading = readings[meter["serial"]]
    assert (reading["error"], reading["data"]["IP"]) == ("", f"Neurio-{meter['short_id']}")
    channels = reading["data"]["cts"]
    assert [channel["ct"] for channel in channels] == [1, 2, 3, 4]
    for transformers in meter["cts"]:
        wired = [channel for channel, valid in zip(channels, transformers["valid"], strict=True) if valid]
        whole = meters[transformers["type"]]
        assert sum(channel["p_W"] for channel in wired) == pytest.approx(whole["instant_power"], abs=0.02)
        exported, imported = (sum(channel[key] for channel in wired) / 3600 for key in ("eExp_Ws", "eImp_Ws"))
        if transformers["type"] == "solar":  # a bare meter counts positive power as imported
            exported, imported = imported, exported
        assert exported == pytest.approx(whole["energy_exported"], abs=0.001)
        assert imported == pytest.approx(whole["energy_imported"], abs=0.001)


async def test_meter_is_verified(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        (meter,) = (await browser.get("meters")).json
        serial, short_id = meter["serial"], meter["short_id"]
        order = {"short_id": short_id, "serial": f" {serial} "}
        seen = await browser.post(f"meters/{serial}/verify", order)
        assert seen.json == {"serial": serial, "short_id": short_id, "connected": True}
        assert (await browser.post("meters/VAH123/verify", order)).status == 400
        assert (await browser.post(f"meters/{serial}/verify", order | {"short_id": "1"})).status == 400
        assert (await browser.post(f"meters/{serial}/verify", [])).status == 400


async def test_commissioning_test_has_results(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        test = (await browser.get("system/testing")).json
    assert (test["status"], test["running"], test["inverter_results"]) == ("TestPassed", False, None)
    totals = [sum(line["Power"] for line in step) for step in test["meter_results"]]
    for step, charged in zip(totals, test["charge_tests"], strict=True):
        assert step - totals[0] == pytest.approx(-charged, abs=0.1)


async def test_commissioning_starts_the_system(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        assert (await browser.post("sitemaster/run_for_commissioning")).status == 403
        await browser.login()
        assert not gateway.running
        assert (await browser.post("sitemaster/run_for_commissioning", {})).status == 202
    assert gateway.running


async def test_log_line_is_accepted(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        assert (await browser.post("logging", {"level": "info", "log": "hello"})).status == 403
        await browser.login()
        assert (await browser.post("logging", {"level": "info", "log": "hello"})).status == 202
        assert (await browser.post("logging", {"level": "info"})).status == 400
        assert (await browser.post("logging", data=json.dumps([]).encode())).status == 400
