"""The login: never where it stops the Powerwall, once for parallel callers, and with waits."""

import asyncio
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayRateLimitError,
    login_stops_powerwall,
)
from custom_components.powerwall_gateway.gateway.auth import SessionManager
from custom_components.powerwall_gateway.gateway.models import Session, Status
from tests.client.conftest import Client, Connect
from tests.conftest import StartSimulator

OPEN_ON_1_15 = ["status", "meters_aggregates", "soe", "grid_status", "sitemaster", "powerwalls", "site_info"]
READS = [*OPEN_ON_1_15, "system_status", "config", "operation"]


@pytest.mark.parametrize("name", READS)
async def test_read_on_1_15_never_logs_in(simulator: StartSimulator, client: Client, name: str) -> None:
    """All reads and the login with a password: on 1.15 it would stop the Powerwall."""
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    if name in OPEN_ON_1_15:
        await getattr(powerwall, name)()
    else:
        with pytest.raises((GatewayAuthenticationRequiredError, GatewayNotFoundError)):
            await getattr(powerwall, name)()
    with pytest.raises(GatewayAuthenticationRequiredError, match="stops the Powerwall"):
        await powerwall.login()
    assert gateway.logins == 0
    assert gateway.running
    assert gateway.stopped_seconds == 0


@pytest.mark.parametrize(
    ("version", "stops"),
    [
        ("1.15.0\n", True),
        ("1.50.1 c58c2df3", True),
        ("20.40.3 b1d8a1a0", True),
        ("20.49.0 18dee2f7", False),
        ("21.44 223a56cd", False),
        ("26.18.3 aa", False),
        ("gibberish", True),
        (None, True),
    ],
)
def test_login_stops_powerwall_by_firmware(version: str | None, stops: bool) -> None:
    assert login_stops_powerwall(Status.from_dict({"version": version})) is stops


def test_login_does_not_stop_a_powerwall_3() -> None:
    assert login_stops_powerwall(None) is False


@pytest.mark.parametrize("status", [{"version": "1.15.0\n"}, {}, {"version": "?"}, b"<html>", b"[]"])
async def test_login_is_refused_if_the_version_is_unknown(
    simulator: StartSimulator, client: Client, status: dict[str, str] | bytes
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = status
    with pytest.raises(GatewayAuthenticationRequiredError, match="stops the Powerwall"):
        await (await client(gateway)).meters_aggregates()
    assert gateway.logins == 0


async def test_read_without_a_password_raises_authentication_required(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayAuthenticationRequiredError):
        await (await client(gateway, password=None)).meters_aggregates()
    assert gateway.logins == 0


async def test_lost_session_is_renewed_by_one_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.meters_aggregates()
    gateway.tokens.clear()
    await powerwall.meters_aggregates()
    await powerwall.grid_status()
    assert gateway.logins == 2


async def test_read_without_permission_logs_in_once(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.faults.add("system_status", status=403)
    for _ in range(3):
        with pytest.raises(GatewayPermissionDeniedError):
            await powerwall.system_status()
    assert gateway.logins == 2


async def test_login_waits_longer_after_each_wrong_password(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", lambda: now)
    gateway = await simulator("21.44")
    gateway.gateway.desk.failures_allowed = 100  # otherwise 429: this test is about our own waits
    powerwall = await client(gateway, password="wrong")
    waits = []
    for attempt in range(1, 9):
        began = now
        while gateway.logins < attempt:
            with pytest.raises(GatewayLoginError) as raised:
                await powerwall.meters_aggregates()
            assert "wrong" not in str(raised.value)
            now += 15
        waits.append(now - began)
    assert waits[1:] == sorted(waits[1:])
    assert waits[1] == pytest.approx(30, abs=15)
    assert waits[-1] == pytest.approx(1800, abs=15)
    assert powerwall.login_refusals == 8


async def test_repeated_login_error_keeps_its_traceback_short(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password="wrong")
    depths = []
    for _ in range(5):
        with pytest.raises(GatewayLoginError) as raised:
            await powerwall.meters_aggregates()
        depths.append(len(raised.traceback))
    assert len(set(depths[1:])) == 1


async def test_login_waits_after_a_rate_limit(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", lambda: now)
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("login/Basic", status=429, times=1)
    for moment in (0.0, 31.0, 59.0):
        now = moment
        with pytest.raises(GatewayRateLimitError):
            await powerwall.meters_aggregates()
    assert gateway.logins == 1
    now = 61.0
    await powerwall.meters_aggregates()
    assert gateway.logins == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": 7}'])
async def test_login_response_without_a_token_is_rejected(
    simulator: StartSimulator, client: Client, body: bytes
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError, match="has no token"):
        await (await client(gateway)).login()


async def test_login_without_a_response_raises_connection_error(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", drop=True)
    with pytest.raises(GatewayConnectionError):
        await (await client(gateway)).login()
    assert gateway.logins == 1


async def test_login_not_found_is_not_reported_for_the_polled_path(simulator: StartSimulator, client: Client) -> None:
    """A gateway that is starting may return 404 to the login, which is no 404 of the requested path."""
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("login/Basic", status=404)
    with pytest.raises(GatewayError, match="404") as raised:
        await powerwall.system_status()
    assert raised.value.path == "login/Basic"
    assert not isinstance(raised.value, GatewayNotFoundError)
    assert powerwall.capabilities.has_system_status


async def test_logout_ends_the_session(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    session = await powerwall.login()
    assert session.roles == ("Home_Owner",)
    assert gateway.tokens
    await powerwall.logout()
    assert not gateway.tokens


async def test_late_caller_shares_the_new_session(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    login = SessionManager(await connect(gateway), Credentials(password=gateway.password))
    spent = await login.renew()
    renewed = await login.renew(spent=spent)
    assert await login.renew(spent=spent) is renewed
    assert gateway.logins == 2


async def test_many_callers_share_one_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await asyncio.gather(*(powerwall.grid_status() for _ in range(5)))
    gateway.tokens.clear()
    await asyncio.gather(*(powerwall.meters_aggregates() for _ in range(5)))
    assert gateway.logins == 2


async def test_login_without_a_password_is_refused(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayLoginError, match="no password"):
        await (await client(gateway, password=None)).login()
    assert gateway.logins == 0


def test_session_headers_have_the_bearer_and_the_cookies_there_are() -> None:
    assert Session(token="t").headers == {"Authorization": "Bearer t"}
    assert Session(token="t", cookies={"AuthCookie": "a", "UserRecord": "b"}).headers == {
        "Authorization": "Bearer t",
        "Cookie": "AuthCookie=a; UserRecord=b",
    }


async def test_repr_shows_no_secret(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    session = await powerwall.login()
    shown = repr([session, Credentials(password=gateway.password), powerwall, vars(powerwall)])
    assert session.token
    assert session.token not in shown
    assert gateway.password not in shown


# -- over a restart ----------------------------------------------------------------------------------------------------


async def test_session_is_restored_after_a_restart(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    before = await client(gateway)
    await before.meters_aggregates()
    after = await client(gateway)
    after.restore_login(before.export_login())
    await after.meters_aggregates()
    assert gateway.logins == 1
    assert after.roles == ("Home_Owner",)


async def test_restored_session_that_ended_is_renewed_by_one_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    before = await client(gateway)
    await before.meters_aggregates()
    gateway.tokens.clear()
    after = await client(gateway)
    after.restore_login(before.export_login())
    await after.meters_aggregates()
    assert gateway.logins == 2


async def test_wait_after_a_failed_login_is_restored(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await simulator("21.44")
    before = await client(gateway, password="wrong")
    with pytest.raises(GatewayLoginError):
        await before.login()
    exported = before.export_login()

    after = await client(gateway)
    after.restore_login(exported)
    with pytest.raises(GatewayRateLimitError, match="still waiting"):
        await after.login()
    assert gateway.logins == 1
    assert after.login_refusals == 1

    later = await client(gateway)
    later.restore_login(exported | {"not_before": exported["not_before"] - 31})
    await later.login()
    assert gateway.logins == 2


async def test_wait_ends_if_the_clock_was_set(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", lambda: now)
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    powerwall.restore_login({"failures": 1, "not_before": 1e12})
    now = SessionManager.LONGEST_WAIT + 1
    await powerwall.login()


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "x",
        {},
        {"session": 3},
        {"session": {"token": 4, "cookies": [], "roles": "x"}},
        {"failures": "many", "not_before": None},
        {"failures": -3, "refusals": -1, "not_before": 9e12},
    ],
)
async def test_invalid_stored_login_is_ignored(simulator: StartSimulator, client: Client, stored: Any) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    powerwall.restore_login(stored)
    await powerwall.meters_aggregates()
    assert gateway.logins == 1
