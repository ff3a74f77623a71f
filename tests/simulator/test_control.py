"""Faults, time, and the control API of the simulated gateway."""

import asyncio
from base64 import b64encode
import time

from aiohttp import ClientError
import pytest

from simulator import PROFILES, SimulatedHome, Simulator
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import public_key


async def test_requests_are_recorded(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("*", drop=True)
    async with Browser(gateway) as browser:
        with pytest.raises(ClientError):
            await browser.post("operation?x=1", {"mode": "backup"})
        gateway.faults.clear()
        await browser.get("solars/brands/SolarEdge%20Technologies")
        await browser.get("/elsewhere")
    first, second, third = gateway.requests
    assert (first.method, first.path, first.authenticated) == ("POST", "operation", False)
    assert first.body == b'{"mode": "backup"}'
    assert second.path == "solars/brands/SolarEdge Technologies"
    assert third.path == "/elsewhere"
    assert first.at <= second.at <= third.at <= time.monotonic()
    assert first.connection != second.connection == third.connection


async def test_fault_replaces_a_number_of_responses(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", status=503, body=b"<busy>", content_type="text/html", times=2)
    async with Browser(gateway) as browser:
        for _ in range(2):
            seen = await browser.get("status")
            assert (seen.status, seen.body, seen.headers["Content-Type"]) == (503, b"<busy>", "text/html")
            assert (await browser.get("sitemaster")).status == 200
        assert (await browser.get("status")).status == 200


async def test_fault_body_has_its_content_type(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", status=200, body=b"{broken", times=1)
    gateway.faults.add("status", status=429, body={"code": 429})
    async with Browser(gateway) as browser:
        seen = await browser.get("status")
        assert (seen.status, seen.body) == (200, b"{broken")
        assert "Content-Type" not in seen.headers
        seen = await browser.get("status")
        assert (seen.status, seen.json, seen.headers["Content-Type"]) == (429, {"code": 429}, "application/json")


@pytest.mark.parametrize(("after", "running"), [(False, True), (True, False)])
async def test_connection_is_closed_before_or_after_the_effect(
    simulator: StartSimulator, *, after: bool, running: bool
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("sitemaster/stop", drop=True, after=after)
    async with Browser(gateway) as browser:
        with pytest.raises(ClientError):
            await browser.get("sitemaster/stop")
    assert gateway.running is running


async def test_rejected_login_can_stop_the_powerwall(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("login/Basic", status=500, after=True)
    async with Browser(gateway) as browser:
        assert (await browser.login()).status == 500
    assert not gateway.running
    assert gateway.logins == 1


async def test_response_is_delayed(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", delay=0.1, times=1)
    async with Browser(gateway) as browser:
        begin = time.monotonic()
        assert (await browser.get("status")).status == 200
        assert time.monotonic() - begin >= 0.1
        gateway.latency = 0.05
        begin = time.monotonic()
        await browser.get("status")
        assert time.monotonic() - begin >= 0.05


async def test_fault_without_an_effect_is_rejected(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    with pytest.raises(ValueError, match="needs a status"):
        gateway.faults.add("status")


async def test_override_replaces_the_payload(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["system_status/soe"] = {"percentage": 12.0}
    gateway.overrides["status"] = b"{not json"
    gateway.overrides["new/path"] = [None]
    async with Browser(gateway) as browser:
        assert (await browser.get("system_status/soe")).body == b'{"percentage":12}'
        assert (await browser.get("status")).body == b"{not json"
        assert (await browser.get("new/path")).json == [None]
        gateway.overrides["operation"] = {"mode": "backup"}
        assert (await browser.get("operation")).status == 403
        gateway.running = False
        assert (await browser.get("system_status/soe")).status == 502


async def test_home_advances_with_the_clock(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0", speed=3600)
    start = gateway.home.now
    async with Browser(gateway) as browser:
        await asyncio.sleep(0.05)
        await browser.get("status")
        moved = (gateway.home.now - start).total_seconds()
        assert moved >= 0.05 * 3600
        gateway.speed = 0
        still = gateway.home.now
        await asyncio.sleep(0.01)
        await browser.get("status")
    assert gateway.home.now == still
    with pytest.raises(ValueError, match="0 or more"):
        gateway.speed = -1


async def test_home_at_speed_0_does_not_advance(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        first, second = [(await browser.get("meters/aggregates")).body for _ in range(2)]
    assert first == second


async def test_stopped_time_is_real_time(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    assert gateway.stopped_seconds == 0
    gateway.running = False
    await asyncio.sleep(0.05)
    assert gateway.stopped_seconds >= 0.05
    gateway.running = True
    stopped = gateway.stopped_seconds
    await asyncio.sleep(0.02)
    assert gateway.stopped_seconds == stopped
    gateway.running = False
    await asyncio.sleep(0.02)
    assert gateway.stopped_seconds >= stopped + 0.02


async def test_start_takes_its_duration(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        for seconds, running in ((3600.0, False), (0.05, True)):
            gateway.gateway.start_delay = seconds
            await browser.get("sitemaster/stop")
            await browser.get("sitemaster/run")
            await asyncio.sleep(0.06)
            assert (await browser.get("sitemaster")).json["running"] is running
        await browser.get("sitemaster/stop")
        await browser.get("sitemaster/run")
        await browser.get("sitemaster/stop")
        await asyncio.sleep(0.06)
        assert (await browser.get("sitemaster")).json["running"] is False
        assert (await browser.post("/simulator", {"running": True})).json["running"] is True


async def test_unknown_firmware_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"9\.9 is not simulated; choose one of 1\.15\.0, 1\.50\.1, 21\.44, "):
        Simulator("9.9")


@pytest.mark.parametrize("firmware", PROFILES)
async def test_control_api_returns_the_state_without_a_login(simulator: StartSimulator, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    gateway.latency = 0.02
    async with Browser(gateway) as browser:
        await browser.login()
        truth = (await browser.get("/simulator")).json
    home = gateway.home
    assert (truth["firmware"], truth["serial"]) == (firmware, gateway.serial)
    assert (truth["grid"], truth["grid_status"]) == ("up", "SystemGridConnected")
    assert truth["charge"] == home.charge
    for name in ("solar_power", "home_power", "battery_power", "grid_power", "home_energy", "battery_charge_energy"):
        assert truth[name] == getattr(home, name)
    assert truth["requests"] == {"login/Basic": 1}  # looking behind is no request to the gateway
    assert (truth["logins"], truth["connections"], truth["sessions"]) == (1, 1, 1)
    assert truth["busy_seconds"] >= 0.02
    assert truth["running"] is (firmware != "1.15.0")


async def test_control_api_changes_everything(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    home = gateway.home
    async with Browser(gateway) as browser:
        await browser.login()
        orders = {
            "grid": "down",
            "running": False,
            "latency": 0.001,
            "time": "2026-12-24T18:30",
            "solar_power": 3000,
            "home_power": 800,
            "charge": 50,
            "connected_to_tesla": False,
            "lose_sessions": True,
            "switch": True,
            "new_firmware": True,
            "fault": {"path": "api/status", "status": 503, "times": 3, "body": {"code": 503}},
        }
        truth = (await browser.post("/simulator", orders)).json
        assert truth["switch"] is truth["new_firmware"] is gateway.gateway.new_firmware is True
        assert (truth["grid"], truth["running"], truth["latency"], truth["charge"]) == ("down", False, 0.001, 50)
        assert home.now.isoformat() == "2026-12-24T18:30:00-08:00"
        assert (gateway.tokens, gateway.gateway.connected_to_tesla) == ({}, False)
        assert (await browser.get("status")).json == {"code": 503}
        seen = await browser.post("/simulator", {"clear_faults": True, "running": True, "grid": "up", "latency": 0})
        assert seen.json["faults"] == []
        assert (await browser.get("status")).status == 200
        home.advance(30)
        assert (home.solar_power, home.home_power, home.battery_power) == (3000, 800, -2200)
        truth = (await browser.post("/simulator", {"solar_power": None, "home_power": None, "speed": 60})).json
        assert truth["solar_power"] < 0  # it is night
        assert (truth["speed"], gateway.speed) == (60, 60)


async def test_control_api_registers_keys(simulator: StartSimulator) -> None:
    gateway = await simulator("pw3")
    async with Browser(gateway) as browser:
        key = b64encode(public_key()).decode()
        truth = (await browser.post("/simulator", {"register_key": key, "follows_config": False})).json
        assert (truth["keys"], truth["follows_config"]) == (["PENDING"], gateway.gateway.follows_config)
        assert (await browser.post("/simulator", {"switch": True})).json["keys"] == ["VERIFIED"]
        await browser.post("/simulator", {"fault": {"path": "/tedapi/v1r", "status": 429}})
        assert (await browser.post("/tedapi/v1r")).status == 429


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON object"),
        (b"[]", "JSON object"),
        (b'{"grids": "up"}', "Unknown: grids. Known: grid, running"),
        (b'{"grid": "off"}', '"grid" is "up" or "down".'),
        (b'{"grid": []}', '"grid" is'),
        (b'{"running": 1}', '"running" is true or false.'),
        (b'{"latency": -1}', '"latency" is a number from 0 to 3600.'),
        (b'{"latency": true}', '"latency" is a number'),
        (b'{"speed": NaN}', '"speed" is a number'),
        (b'{"charge": 101}', "from 0 to 100"),
        (b'{"charge": null}', "from 0 to 100"),
        (b'{"solar_power": "much"}', '"solar_power" is a number'),
        (b'{"time": "noon"}', "2026-06-21T13:00"),
        (b'{"register_key": "AAAA"}', "a public RSA key"),
        (b'{"fault": "status"}', '"fault" is an object'),
        (b'{"fault": {"status": 500}}', '"path"'),
        (b'{"fault": {"path": 3}}', '"path" is a text.'),
        (b'{"fault": {"path": "status"}}', '"status", a "delay" or "drop"'),
        (b'{"fault": {"path": "status", "status": 42}}', "from 100 to 599"),
        (b'{"fault": {"path": "status", "drop": true, "time": 3}}', "Unknown: time"),
        (b'{"grid": "down", "speed": "fast"}', '"speed"'),
    ],
)
async def test_control_api_rejects_invalid_requests_without_a_change(
    simulator: StartSimulator, body: bytes, words: str
) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        before = (await browser.get("/simulator")).json
        seen = await browser.post("/simulator", data=body)
        assert seen.status == 400
        assert words in seen.json["error"]
        assert (await browser.get("/simulator")).json == before
        assert (await browser.call("DELETE", "/simulator")).status == 405


async def test_home_is_passed_in(simulator: StartSimulator) -> None:
    home = SimulatedHome(packs=1, charge=20)
    gateway = await simulator("21.44", home=home, serial="TG1212340000B8")
    assert gateway.home is home
    assert gateway.din == "1232100-00-E--TG1212340000B8"
    gateway.serial = "TG1212340000C9"
    assert gateway.din.endswith("C9")
