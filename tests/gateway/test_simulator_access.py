"""Who gets what from the simulated gateway, and how one becomes somebody."""

import asyncio
from base64 import b64decode, urlsafe_b64decode
import json
import re

import pytest

from tests.conftest import StartSimulator
from tests.simulator import PROFILES, Simulator

from .browser import Browser, bearer

OPEN_1_15 = {
    "status",
    "meters/aggregates",
    "system_status/soe",
    "system_status/grid_status",
    "system_status/grid_faults",
    "sitemaster",
    "powerwalls",
    "customer/registration",
    "site_info",
    "site_info/site_name",
    "system/update/status",
}
CLOSED_1_15 = {
    "operation",
    "config",
    "powerwalls/status",
    "solars",
    "generators",
    "generators/disconnect_types",
    "customer",
    "meters",
    "installer",
    "networks",
    "networks/wifi_security_types",
    "system/networks",
}
OPEN_21_44 = {"status", "auth/toggle/supported"}
CLOSED_21_44 = (OPEN_1_15 | CLOSED_1_15 | {"system_status", "meters/status"}) - OPEN_21_44
CLOSED_21_44 -= {"networks/wifi_security_types", "system/networks"}
DENIED = {
    "code": 403,
    "error": "Unable to GET to resource",
    "message": "User does not have adequate access rights",
}


def matrix() -> list[tuple[str, str, bool]]:
    """List firmware, path and whether it is open."""
    return [
        *(("1.15.0", path, True) for path in sorted(OPEN_1_15)),
        *(("1.15.0", path, False) for path in sorted(CLOSED_1_15)),
        *(("21.44", path, True) for path in sorted(OPEN_21_44)),
        *(("21.44", path, False) for path in sorted(CLOSED_21_44)),
    ]


@pytest.mark.parametrize(("firmware", "path", "is_open"), matrix())
async def test_who_may_read(simulator: StartSimulator, firmware: str, path: str, *, is_open: bool) -> None:
    gateway = await simulator(firmware)
    async with Browser(gateway) as browser:
        stranger = await browser.get(path)
        await browser.login()
        gateway.running = True
        owner = await browser.get(path)
    assert owner.status == (409 if (firmware, path) == ("1.15.0", "powerwalls/status") else 200)
    if is_open:
        assert stranger.status == 200
    else:
        assert (stranger.status, stranger.json) == (403, DENIED)
    assert [request.authenticated for request in gateway.requests if request.path == path] == [False, True]


async def test_nothing_else_is_simulated_unnoticed() -> None:
    for firmware, expected in (("1.15.0", OPEN_1_15 | CLOSED_1_15), ("21.44", OPEN_21_44 | CLOSED_21_44)):
        endpoints = PROFILES[firmware].endpoints
        reads = {path for path, verbs in endpoints.items() if "GET" in verbs}
        effects = {"logout", "sitemaster/run", "sitemaster/stop", "config/completed"}
        assert reads - effects - {"troubleshooting/problems", "autoconfig/status"} == expected


async def test_login_of_1_15_stops_the_powerwall(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0", serial="T17G7654321")
    assert gateway.password == "ST17G7654321"
    async with Browser(gateway) as browser:
        seen = await browser.login(username="")
        assert not gateway.running
        assert (await browser.get("meters/aggregates")).status == 502
    assert "Set-Cookie" not in seen.headers
    token = seen.json.pop("token")
    assert (len(token), len(urlsafe_b64decode(token))) == (88, 64)
    assert seen.json | {"token": ""} == {
        "email": None,
        "firstname": "Tesla",
        "lastname": "Energy",
        "roles": ["Provider_Engineer"],
        "token": "",
        "provider": "Basic",
    }


@pytest.mark.parametrize("as_form", [True, False])
async def test_login_of_21_44_sets_cookies_and_stops_nothing(simulator: StartSimulator, *, as_form: bool) -> None:
    gateway = await simulator("21.44")
    form = {"username": "customer", "password": gateway.password, "email": "owner@example.com"}
    async with Browser(gateway) as browser:
        seen = await browser.post("login/Basic", **({"data": form} if as_form else {"json": form}))
        assert (await browser.get("operation")).status == 200
    assert gateway.running
    record = seen.json
    assert (record["email"], record["roles"]) == ("owner@example.com", ["Home_Owner"])
    assert re.fullmatch(r"2026-06-21T1[23]:\d\d:\d\d\.\d{7,9}-07:00", record["loginTime"])
    auth, user = seen.headers.getall("Set-Cookie")
    assert auth == f"AuthCookie={record['token']}; Path=/"
    packed = re.fullmatch(r"UserRecord=(\S+); Path=/", user)
    assert packed is not None
    assert json.loads(b64decode(packed[1])) == record


async def test_the_default_password_is_the_end_of_the_serial() -> None:
    assert Simulator("21.44", serial="TG1212340000Z9").password == "000Z9"
    assert Simulator("21.44", password="mine").password == "mine"


@pytest.mark.parametrize(("firmware", "words"), [("1.15.0", "Invalid Credentials"), ("21.44", "bad credentials")])
async def test_wrong_passwords_are_refused_and_then_ignored(
    simulator: StartSimulator, firmware: str, words: str
) -> None:
    gateway = await simulator(firmware)
    async with Browser(gateway) as browser:
        for _ in range(gateway.gateway.desk.failures_allowed):
            seen = await browser.login(password="wrong")
            assert (seen.status, seen.json) == (401, {"code": 401, "error": words, "message": "Login Error"})
        locked = await browser.login()
        assert (locked.status, locked.json) == (
            429,
            {"code": 429, "error": "Api Limit reached for this endpoint", "message": "API Limit Reached"},
        )
        assert gateway.running
    assert gateway.logins == gateway.gateway.desk.failures_allowed + 1


async def test_a_good_login_forgives_the_bad_ones(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        for _ in range(gateway.gateway.desk.failures_allowed):
            assert (await browser.login(password="wrong")).status == 401
            assert (await browser.login()).status == 200


async def test_a_lock_ends(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.desk.locked_seconds = 0.05
    async with Browser(gateway) as browser:
        for _ in range(gateway.gateway.desk.failures_allowed):
            await browser.login(password="wrong")
        assert (await browser.login()).status == 429
        await asyncio.sleep(0.06)
        assert (await browser.login()).status == 200


@pytest.mark.parametrize(("username", "words"), [("admin", "bad"), ("", "bad"), ("installer", "physical access")])
async def test_only_the_customer_comes_in_on_21_44(simulator: StartSimulator, username: str, words: str) -> None:
    async with Browser(await simulator("21.44")) as browser:
        seen = await browser.login(username=username)
    assert seen.status == 401
    assert words in seen.json["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"3"])
async def test_a_login_that_is_none(simulator: StartSimulator, body: bytes) -> None:
    async with Browser(await simulator("21.44")) as browser:
        assert (await browser.post("login/Basic", data=body)).status == 400


async def test_a_token_comes_as_cookie_or_bearer_and_several_live(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as first, Browser(gateway) as second, Browser(gateway) as third:
        token = (await first.login()).json["token"]
        await second.login()
        assert len(gateway.tokens) == 2
        assert (await third.get("config")).status == 403
        for headers in (bearer(token), {"Cookie": f"AuthCookie={token}"}, {"Cookie": f'AuthCookie="{token}"'}):
            assert (await third.get("config", headers=headers)).status == 200
        assert (await first.get("logout")).status == 204
        assert (await first.get("config")).status == 403
        assert (await second.get("config")).status == 200
        gateway.tokens.clear()
        assert (await second.get("config")).status == 403
        assert (await third.get("logout")).status == 204


@pytest.mark.parametrize(("firmware", "status"), [("1.15.0", 401), ("21.44", 403)])
async def test_an_unknown_token(simulator: StartSimulator, firmware: str, status: int) -> None:
    async with Browser(await simulator(firmware)) as browser:
        seen = await browser.get("operation", headers=bearer("strange"))
        assert (seen.status, seen.json["code"]) == (status, status)
        assert (await browser.get("status", headers=bearer("strange"))).status == 200


async def test_operation_of_1_15_takes_effect_when_committed(simulator: StartSimulator) -> None:
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
        assert gateway.house.mode == "self_consumption"
        seen = await browser.get("config/completed")
        assert (seen.status, seen.body) == (202, b"")
    assert (gateway.house.mode, gateway.house.reserve) == ("backup", 24.6)


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
async def test_operation_of_1_15_refuses(simulator: StartSimulator, order: object, status: int) -> None:
    async with Browser(await simulator("1.15.0")) as browser:
        await browser.login()
        assert (await browser.post("operation", order)).status == status
        assert (await browser.get("operation")).json == {"mode": "self_consumption", "backup_reserve_percent": 24}


@pytest.mark.parametrize("path", ["operation", "site_info/site_name"])
async def test_a_customer_writes_nothing_on_21_44(simulator: StartSimulator, path: str) -> None:
    async with Browser(await simulator("21.44")) as browser:
        await browser.login()
        seen = await browser.post(path, {"real_mode": "backup", "backup_reserve_percent": 20, "site_name": "x"})
    assert (seen.status, seen.json) == (403, DENIED | {"error": "Unable to POST to resource"})


async def test_the_sites_name_can_be_changed_on_1_15(simulator: StartSimulator) -> None:
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


async def test_start_and_stop_of_1_15(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    async with Browser(gateway) as browser:
        seen = await browser.get("sitemaster/stop")
        assert (seen.status, seen.body, gateway.running) == (202, b"", False)
        assert (await browser.post("sitemaster/run")).status == 405
        seen = await browser.get("sitemaster/run")
        assert (seen.status, seen.body, gateway.house.running) == (202, b"", True)
        assert (await browser.get("sitemaster")).json["uptime"] == "0s,"


async def test_start_and_stop_of_21_44(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        assert (await browser.post("sitemaster/stop", {"force": True})).status == 403
        await browser.login()
        assert (await browser.get("sitemaster/stop")).status == 405
        gateway.house.solar_power = gateway.house.home_power = 3000
        assert (await browser.post("sitemaster/stop", [])).status == 400
        gateway.house.home_power = 0
        seen = await browser.post("sitemaster/stop", {})
        assert (seen.status, seen.json["message"], gateway.running) == (500, "Unable to stop sitemaster", True)
        assert (await browser.get("sitemaster")).json["can_reboot"] == "Power flow is too high"
        seen = await browser.post("sitemaster/stop", {"force": True})
        assert (seen.status, seen.body, gateway.running) == (202, b"", False)
        seen = await browser.get("sitemaster/run")
        assert (seen.status, seen.body, gateway.running) == (202, b"", True)


async def test_off_grid_on_purpose(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        order = {"island_mode": "intentional_reconnect_failsafe"}
        assert (await browser.post("v2/islanding/mode", order)).status == 403
        await browser.login()
        seen = await browser.post("v2/islanding/mode", order)
        assert (seen.status, seen.json) == (200, order)
        gateway.house.advance(5)
        assert (await browser.get("system_status/grid_status")).json["grid_status"] == "SystemIslandedActive"
        assert (await browser.post("v2/islanding/mode", {"island_mode": "nonsense"})).status == 400
        assert (await browser.post("v2/islanding/mode", {"island_mode": "backup"})).status == 200
        gateway.house.advance(20)
        assert (await browser.get("system_status/grid_status")).json["grid_status"] == "SystemGridConnected"
        assert (await browser.post("system/update", {})).status == 202
