"""Login and sessions of the simulated gateway."""

import asyncio
from base64 import b64decode, urlsafe_b64decode
import json
import re

import pytest

from simulator import Simulator
from tests.client.plain_http import Browser, bearer
from tests.conftest import StartSimulator


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


async def test_default_password_is_the_end_of_the_serial() -> None:
    assert Simulator("21.44", serial="TG1212340000Z9").password == "000Z9"
    assert Simulator("21.44", password="mine").password == "mine"


@pytest.mark.parametrize(("firmware", "words"), [("1.15.0", "Invalid Credentials"), ("21.44", "bad credentials")])
async def test_wrong_passwords_lock_the_login(simulator: StartSimulator, firmware: str, words: str) -> None:
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


async def test_successful_login_resets_the_failures(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        for _ in range(gateway.gateway.desk.failures_allowed):
            assert (await browser.login(password="wrong")).status == 401
            assert (await browser.login()).status == 200


async def test_login_lock_expires(simulator: StartSimulator) -> None:
    for seconds, status in ((3600.0, 429), (0.05, 200)):
        gateway = await simulator("21.44")
        gateway.gateway.desk.locked_seconds = seconds
        async with Browser(gateway) as browser:
            for _ in range(gateway.gateway.desk.failures_allowed):
                await browser.login(password="wrong")
            await asyncio.sleep(0.06)
            assert (await browser.login()).status == status


@pytest.mark.parametrize(("username", "words"), [("admin", "bad"), ("", "bad"), ("installer", "physical access")])
async def test_only_the_customer_logs_in_on_21_44(simulator: StartSimulator, username: str, words: str) -> None:
    async with Browser(await simulator("21.44")) as browser:
        seen = await browser.login(username=username)
    assert seen.status == 401
    assert words in seen.json["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"3"])
async def test_malformed_login_is_rejected(simulator: StartSimulator, body: bytes) -> None:
    async with Browser(await simulator("21.44")) as browser:
        assert (await browser.post("login/Basic", data=body)).status == 400


async def test_token_is_accepted_as_cookie_or_bearer(simulator: StartSimulator) -> None:
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
async def test_unknown_token_is_rejected(simulator: StartSimulator, firmware: str, status: int) -> None:
    async with Browser(await simulator(firmware)) as browser:
        seen = await browser.get("operation", headers=bearer("strange"))
        assert (seen.status, seen.json["code"]) == (status, status)
        assert (await browser.get("status", headers=bearer("strange"))).status == 200


async def test_default_password_is_rejected_on_24_36(simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    assert gateway.password == gateway.serial[-5:]
    async with Browser(gateway) as browser:
        seen = await browser.login()
        assert (seen.status, seen.json) == (
            401,
            {"code": 401, "error": "default password not supported", "message": "Login Error"},
        )
        assert (await browser.login(password="wrong")).json["error"] == "bad credentials"
        order = {"old_password": gateway.password, "new_password": "the owner's own"}
        assert (await browser.post("password/change", order)).json == {"password": "the owner's own"}
        assert (await browser.login()).status == 200
        assert (await browser.get("operation")).status == 200


async def test_powerwall_3_password_does_not_depend_on_the_serial() -> None:
    gateway = Simulator("pw3")
    assert re.fullmatch(r"[A-Z2-9]{5}", gateway.password)
    assert not gateway.serial.endswith(gateway.password)
    assert gateway.password == Simulator("pw3").password != Simulator("pw3", serial="TG1250620004QY").password


@pytest.mark.parametrize("presents", ["cookie", "bearer"])
async def test_powerwall_3_accepts_cookie_and_bearer(simulator: StartSimulator, presents: str) -> None:
    gateway = await simulator("pw3")
    async with Browser(gateway) as browser, Browser(gateway) as other:
        token = (await browser.login()).json["token"]
        headers = {"Cookie": f"AuthCookie={token}"} if presents == "cookie" else bearer(token)
        assert (await other.get("system_status/soe")).status == 403
        assert (await other.get("system_status/soe", headers=headers)).status == 200


@pytest.mark.parametrize(("firmware", "stops"), [("1.50.1", True), ("21.44", False)])
async def test_installer_login_requires_the_switch(simulator: StartSimulator, firmware: str, *, stops: bool) -> None:
    gateway = await simulator(firmware)
    async with Browser(gateway) as browser:
        await browser.login()
        assert gateway.running  # an owner's login stops nothing
        seen = await browser.login(username="installer")
        assert seen.json["error"] == "roles [Provider_Engineer] require physical access"
        assert gateway.running
        assert (await browser.post("/simulator", {"switch": True})).json["switch"] is True
        assert (await browser.login(username="installer", password="wrong")).json["error"] == "bad credentials"
        assert gateway.running
        seen = await browser.login(username="installer")
        assert (seen.status, seen.json["roles"]) == (200, ["Provider_Engineer"])
        assert gateway.running is not stops
        assert (await browser.post("/simulator", {"switch": False})).json["switch"] is False
        assert (await browser.login(username="installer")).status == 401


async def test_switch_logs_in_without_a_password(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        assert (await browser.post("auth/toggle/login", {})).status == 400
        await browser.post("/simulator", {"switch": True})  # too early: not requested yet
        assert (await browser.post("auth/toggle/start")).status == 202
        assert (await browser.post("auth/toggle/login", {})).status == 417
        await browser.post("/simulator", {"switch": True})
        assert (await browser.post("auth/toggle/login", {"username": "nobody"})).status == 400
        seen = await browser.post("auth/toggle/login", {})
        assert (seen.status, seen.json["roles"]) == (200, ["Provider_Engineer"])
        assert (await browser.post("site_info/site_name", {"site_name": "Cabin"})).status == 200
        assert (await browser.call("DELETE", "auth/toggle/login")).status == 200
        assert (await browser.call("DELETE", "auth/toggle/login")).status == 404
        assert (await browser.post("auth/toggle/login", {})).status == 400


async def test_wait_for_the_switch_expires(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.desk.presence.seconds = 0.05
    async with Browser(gateway) as browser:
        await browser.post("auth/toggle/start")
        await browser.post("/simulator", {"switch": True})
        await asyncio.sleep(0.06)
        assert (await browser.post("auth/toggle/login", {})).status == 400
        assert (await browser.login(username="installer")).status == 401


async def test_switch_is_ignored_while_stopped(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    gateway.running = False
    async with Browser(gateway) as browser:
        assert (await browser.get("auth/toggle/supported")).json == {"toggle_auth_supported": False}
        assert (await browser.post("auth/toggle/start")).status == 400


async def test_password_change_requires_the_old_one_or_the_switch(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with Browser(gateway) as browser:
        orders: list[object] = [
            [],
            {"old_password": "wrong", "new_password": "new"},
            {"old_password": gateway.password, "new_password": ""},
            {"old_password": gateway.password, "new_password": "new", "toggled_pw": True},
        ]
        for order in orders:
            assert (await browser.post("password/change", order)).status == 400
        gateway.flip_switch()
        seen = await browser.post("password/change", {"new_password": "new", "toggled_pw": True})
        assert (seen.json, gateway.password) == ({"password": "new"}, "new")
        seen = await browser.post("password/change", {"old_password": "new", "new_password": "newer"})
        assert (seen.json, gateway.password) == ({"password": "newer"}, "newer")
