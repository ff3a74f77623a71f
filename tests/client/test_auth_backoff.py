"""The wait before the next login, and the errors that are kept during it."""

from collections.abc import Iterator
from dataclasses import replace
import gc
from types import FunctionType, ModuleType
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayError,
    GatewayLoginError,
    GatewayPermissionDeniedError,
    GatewayRateLimitError,
)
from custom_components.powerwall_gateway.gateway.auth import LONGEST_WHEN_LOST, SessionManager
from custom_components.powerwall_gateway.gateway.backoff import LONGEST_RETRY_AFTER
from custom_components.powerwall_gateway.gateway.scheduler import Priority
from tests.client.conftest import Client
from tests.conftest import StartSimulator

FORBIDDEN = "installer"
PATHS = ["meters/aggregates", "system_status/soe", "system_status/grid_status", "system_status", "powerwalls"]


class Clock:
    """The clock of the login's waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the monotonic time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Control the time of the waits."""
    clock = Clock()
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", clock)
    return clock


# -- a path that the role may not read ---------------------------------------------------------------------------------


async def test_forbidden_path_blocks_no_login_and_no_other_path(
    simulator: StartSimulator, client: Client, clock: Clock
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(FORBIDDEN, status=403)
    powerwall = await client(gateway)
    await powerwall.soe()
    for _ in range(7):
        clock.now += SessionManager.LONGEST_WAIT
        with pytest.raises(GatewayPermissionDeniedError) as raised:
            await powerwall.get(FORBIDDEN)
        assert raised.value.path == FORBIDDEN
        await powerwall.soe()
    gateway.tokens.clear()  # the gateway restarts
    logins = gateway.logins
    await powerwall.soe()
    await powerwall.grid_status()
    assert gateway.logins == logins + 1
    assert powerwall.has_session


async def test_forbidden_path_costs_fewer_and_fewer_logins(
    simulator: StartSimulator, client: Client, clock: Clock
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(FORBIDDEN, status=403)
    powerwall = await client(gateway)
    await powerwall.soe()
    for _ in range(360):  # an hour
        with pytest.raises(GatewayPermissionDeniedError):
            await powerwall.get(FORBIDDEN)
        await powerwall.soe()
        clock.now += 10
    assert gateway.logins == 1 + 7  # after 0, 30, 90, 210, 450, 930 and 1890 s
    gateway.faults.clear()
    await powerwall.get(FORBIDDEN)  # it is still requested at once
    assert gateway.logins == 8


@pytest.mark.parametrize("restored", [False, True])
async def test_two_forbidden_paths_block_no_login(
    simulator: StartSimulator, client: Client, clock: Clock, restored: bool
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.soe()
    if restored:
        before, powerwall = powerwall, await client(gateway)
        powerwall.restore_login(before.export_login())
    for path in (FORBIDDEN, "customer"):
        gateway.faults.add(path, status=403)
        with pytest.raises(GatewayPermissionDeniedError):
            await powerwall.get(path)
        await powerwall.soe()
    gateway.tokens.clear()
    await powerwall.soe()


async def test_login_is_rare_if_every_path_is_denied(simulator: StartSimulator, client: Client, clock: Clock) -> None:
    """As on a gateway that is starting: the paths do not each cause a login."""
    gateway = await simulator("21.44")
    for path in PATHS:
        gateway.faults.add(path, status=403)
    powerwall = await client(gateway)
    for _ in range(180):  # a quarter of an hour
        for path in PATHS:
            with pytest.raises((GatewayAuthenticationRequiredError, GatewayRateLimitError)) as raised:
                await powerwall.get(path)
            assert raised.value.path in {path, "login/Basic"}
        clock.now += 5
    assert gateway.logins <= 10
    assert powerwall.export_login()["failures"]
    logins = gateway.logins
    gateway.faults.clear()
    for path in PATHS:
        await powerwall.get(path)
    assert powerwall.has_session
    assert gateway.logins == logins


# -- lost responses, and rate limits ---------------------------------------------------------------------------------


async def test_lost_logins_wait_seconds(simulator: StartSimulator, client: Client, clock: Clock) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("login/Basic", drop=True)
    for _ in range(20):
        with pytest.raises(GatewayConnectionError):
            await powerwall.soe()
        clock.now += LONGEST_WHEN_LOST
    assert gateway.logins == 20
    assert powerwall.export_login()["failures"] == 0
    gateway.faults.clear()
    await powerwall.soe()


async def test_status_that_fails_before_a_login_waits_seconds(
    simulator: StartSimulator, client: Client, clock: Clock
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("status", status=500)
    for _ in range(10):
        with pytest.raises(GatewayError):
            await powerwall.soe()
        clock.now += LONGEST_WHEN_LOST
    gateway.faults.clear()
    await powerwall.soe()
    assert gateway.logins == 1


@pytest.mark.parametrize("seconds", [86_399, 999_999_999])
async def test_retry_after_of_a_login_is_capped(
    simulator: StartSimulator, client: Client, clock: Clock, seconds: int
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("login/Basic", status=429, retry_after=seconds, times=1)
    with pytest.raises(GatewayRateLimitError) as raised:
        await powerwall.soe()
    assert raised.value.retry_after == LONGEST_RETRY_AFTER
    clock.now += LONGEST_RETRY_AFTER - 1
    with pytest.raises(GatewayRateLimitError):
        await powerwall.soe()
    assert gateway.logins == 1
    clock.now += 2
    await powerwall.soe()
    assert gateway.logins == 2


# -- session headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["cookie", "bearer"])
@pytest.mark.parametrize("firmware", ["21.44", "24.36", "26.18", "pw3"])
async def test_session_is_accepted_whichever_way_the_firmware_reads(
    simulator: StartSimulator, client: Client, firmware: str, way: str
) -> None:
    gateway = await simulator(firmware)
    desk = gateway.gateway.desk
    desk.rules = replace(desk.rules, presented=frozenset({way}))
    desk.password = "a password of their own"
    powerwall = await client(gateway)
    await powerwall.soe()
    await powerwall.meters_aggregates()
    assert gateway.logins == 1


# -- kept errors -------------------------------------------------------------------------------------------------------


def reachable(*kept: object) -> Iterator[object]:
    """Return everything that these objects and the frames of their exceptions keep alive."""
    seen: set[int] = set()
    ahead = list(kept)
    while ahead:
        each = ahead.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen.add(id(each))
        yield each
        ahead += gc.get_referents(each)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"status": 503}, {"drop": True}, {"status": 429}])
async def test_kept_errors_hold_no_secret(simulator: StartSimulator, client: Client, fault: dict[str, Any]) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    token = (await powerwall.login()).token
    assert token
    with powerwall.scheduler.add_schedule(Priority.DETAIL, 1.0).round():
        for path in ("system_status", "login/Basic"):
            gateway.faults.add(path, **fault)
        for _ in range(3):
            with pytest.raises(GatewayError):
                await powerwall.system_status()
        gateway.tokens.clear()
        with pytest.raises(GatewayError):
            await powerwall.soe()
    login, backoff = powerwall._login, powerwall.scheduler.backoff
    kept = [powerwall.connection.stats, login._last_error, login._forbidden, backoff._limited, backoff._silence]
    for each in reachable(*kept):
        if isinstance(each, str | bytes):
            text = each if isinstance(each, str) else each.decode("latin-1")
            assert token not in text
            assert gateway.password not in text


async def test_error_that_comes_back_is_a_new_one(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password="wrong")
    for _ in range(3):
        with pytest.raises(GatewayLoginError, match="refused the login"):
            await powerwall.login()
    assert powerwall._login._last_error
    assert powerwall._login._last_error.__traceback__ is None
    assert powerwall._login._last_error.__cause__ is None
