"""Requests with an effect on the simulated gateway."""

import json

import pytest

from tests.client.plain_http import Browser, bearer
from tests.client.simulated_gateways import JobControl
from tests.conftest import StartSimulator

NOT_ALLOWED = {
    "code": 403,
    "error": "Unable to POST to resource",
    "message": "User does not have adequate access rights",
}


async def test_operation_of_1_15_takes_effect_with_the_commit(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        order = {"mode": "backup", "backup_reserve_percent": 24.6}
        assert (await browser.post("operation", order)).status == 403
        await browser.login()
        # curl's own content type for a body
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        token = bearer(next(iter(gateway.tokens)))
        seen = await browser.post("operation", data=json.dumps(order).encode(), headers=headers | token)
        assert (seen.status, seen.json) == (200, order)
        assert (await browser.get("operation")).json == order
        assert gateway.home.mode == "self_consumption"
        seen = await browser.get("config/completed")
        assert (seen.status, seen.body) == (202, b"")
    assert (gateway.home.mode, gateway.home.reserve) == ("backup", 24.6)


async def test_the_export_limit_of_1_15_is_kept_only_when_sent(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        order = {"mode": "self_consumption", "backup_reserve_percent": 20}
        await browser.post("operation", order | {"max_pv_export_power_kW": 3.5})
        assert (await browser.get("operation")).json == order | {"max_pv_export_power_kW": 3.5}
        await browser.post("operation", order)
        assert (await browser.get("operation")).json == order


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"mode": "autonomous", "backup_reserve_percent": 20}, 500),
        ({"real_mode": "backup", "backup_reserve_percent": 20}, 500),
        ({"mode": "backup", "backup_reserve_percent": 101}, 400),
        ({"mode": "backup"}, 400),
        ([], 400),
    ],
)
async def test_operation_of_1_15_rejects_invalid_values(simulator: StartSimulator, order: object, status: int) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        assert (await browser.post("operation", order)).status == status
        assert (await browser.get("operation")).json == {"mode": "self_consumption", "backup_reserve_percent": 24}


@pytest.mark.parametrize("path", ["operation", "site_info/site_name"])
async def test_write_of_a_customer_is_rejected_on_21_44(simulator: StartSimulator, path: str) -> None:
    async with Browser(await simulator("21.44")) as browser:
        await browser.login()
        seen = await browser.post(path, {"real_mode": "backup", "backup_reserve_percent": 20, "site_name": "x"})
    assert (seen.status, seen.json) == (403, NOT_ALLOWED)


async def test_site_name_is_changed_on_1_15(simulator: StartSimulator) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        assert (await browser.post("site_info/site_name", {"site_name": "Cabin"})).status == 200
        assert (await browser.get("site_info")).json["site_name"] == "Cabin"
        assert (await browser.post("site_info/site_name", {})).status == 400


async def test_every_commit_counts_on_21_44(simulator: StartSimulator) -> None:
    async with Browser(await simulator("21.44")) as browser:
        assert (await browser.get("config/completed")).status == 403
        await browser.login()
        counts = [
            (await browser.get(path)).json["commission_count"] for path in ("status", "config/completed", "status")
        ]
    assert counts == [9, 10, 10]


async def test_start_and_stop_on_1_15(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        seen = await browser.get("sitemaster/stop")
        assert (seen.status, seen.body, gateway.running) == (202, b"", False)
        assert (await browser.post("sitemaster/run")).status == 405
        seen = await browser.get("sitemaster/run")
        assert (seen.status, seen.body, gateway.home.running) == (202, b"", True)
        assert (await browser.get("sitemaster")).json["uptime"] == "0s,"


async def test_start_and_stop_on_21_44(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        assert (await browser.post("sitemaster/stop", {"force": True})).status == 403
        await browser.login()
        assert (await browser.get("sitemaster/stop")).status == 405
        gateway.home.solar_power = gateway.home.home_power = 3000
        assert (await browser.post("sitemaster/stop", [])).status == 400
        gateway.home.home_power = 0
        seen = await browser.post("sitemaster/stop", {})
        assert (seen.status, seen.json["message"], gateway.running) == (500, "Unable to stop sitemaster", True)
        assert (await browser.get("sitemaster")).json["can_reboot"] == "Power flow is too high"
        seen = await browser.post("sitemaster/stop", {"force": True})
        assert (seen.status, seen.body, gateway.running) == (202, b"", False)
        seen = await browser.get("sitemaster/run")
        assert (seen.status, seen.body, gateway.running) == (202, b"", True)


async def test_islanding_mode_goes_off_grid_and_reconnects(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        order = {"island_mode": "intentional_reconnect_failsafe"}
        assert (await browser.post("v2/islanding/mode", order)).status == 403
        await browser.login()
        seen = await browser.post("v2/islanding/mode", order)
        assert (seen.status, seen.json) == (200, order)
        gateway.home.advance(5)
        assert (await browser.get("system_status/grid_status")).json["grid_status"] == "SystemIslandedActive"
        assert (await browser.post("v2/islanding/mode", {"island_mode": "nonsense"})).status == 400
        assert (await browser.post("v2/islanding/mode", {"island_mode": "backup"})).status == 200
        gateway.home.advance(20)
        assert (await browser.get("system_status/grid_status")).json["grid_status"] == "SystemGridConnected"


async def test_installer_sets_the_operation_on_21_44(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        await browser.post("/simulator", {"switch": True})
        await browser.login(username="installer")
        order = {"real_mode": "backup", "backup_reserve_percent": 24.6}
        seen = await browser.post("operation", order)
        assert (seen.status, seen.json) == (200, order)
        stored = (await browser.get("operation")).json
        assert {name: stored[name] for name in order} == order
        assert gateway.home.mode == "self_consumption"
        assert (await browser.get("config/completed")).status == 200
        assert (gateway.home.mode, gateway.home.reserve) == ("backup", 24.6)


@pytest.mark.parametrize("order", [{"mode": "backup"}, {"real_mode": "autonomous"}, {"real_mode": None}])
async def test_operation_of_21_44_rejects_invalid_values(simulator: StartSimulator, order: dict[str, object]) -> None:
    async with Browser(await simulator("21.44")) as browser:
        await browser.post("/simulator", {"switch": True})
        await browser.login(username="installer")
        seen = await browser.post("operation", order | {"backup_reserve_percent": 20})
    assert (seen.status, seen.json) == (
        500,
        {
            "code": 500,
            "error": "RealMode must be either self_consumption or backup",
            "message": "Unable to set operational mode",
        },
    )


@pytest.mark.parametrize(
    ("found", "online", "states"),
    [
        (True, True, ["/clear_update_status", "/download", "/update_downloaded", "/update_staged nonactionable"]),
        (False, True, ["/clear_update_status"] * 3 + ["/update_failed nonactionable"]),
        (True, False, ["/clear_update_status"] * 3 + ["/update_failed error"]),
    ],
)
async def test_update_passes_each_state(
    simulator: StartSimulator, *, found: bool, online: bool, states: list[str]
) -> None:
    gateway = await simulator("21.44")
    job = JobControl(gateway.gateway.update)
    gateway.gateway.new_firmware, gateway.gateway.connected_to_tesla = found, online
    async with Browser(gateway) as browser:
        assert (await browser.post("system/update?force=true")).status == 403
        await browser.login()
        before = (await browser.get("system/update/status")).json
        assert (before["state"], before["info"]) == ("/update_unknown", {"status": ["nonactionable"]})
        assert (await browser.post("system/update?force=true")).status == 202
        for state in states:
            status = (await browser.get("system/update/status")).json
            (word,) = status["info"]["status"]
            assert f"{status['state']} {word}" == (state if " " in state else f"{state} ignoring")
            assert (status["estimated_bytes_per_second"] is None) is (status["state"] != "/download")
            job.move(0.34)
