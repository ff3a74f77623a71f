"""Start, stop, commit and islanding: their effect on a home."""

from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayRefusedError,
    GatewayStoppedError,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.models import GridState, IslandMode
from tests.client.conftest import Client
from tests.conftest import StartSimulator


async def test_stop_and_run_on_1_15_need_no_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.requests.clear()
    await powerwall.sitemaster_stop()
    with pytest.raises(GatewayStoppedError):
        await powerwall.soe()
    await powerwall.sitemaster_run()
    assert (await powerwall.soe()).percentage == gateway.home.charge
    assert [(request.method, request.path) for request in gateway.requests] == [
        ("GET", "sitemaster/stop"),
        ("GET", "system_status/soe"),
        ("GET", "sitemaster/run"),
        ("GET", "system_status/soe"),
    ]


@pytest.mark.parametrize("force", [False, True])
async def test_sitemaster_stop_on_later_firmware_is_a_post(
    simulator: StartSimulator, client: Client, force: bool
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    gateway.home.solar_power = gateway.home.home_power = 1000
    await powerwall.sitemaster_stop(force=force)
    assert [(request.method, request.path) for request in gateway.requests] == [
        ("GET", "sitemaster/stop"),
        ("POST", "sitemaster/stop"),
    ]
    assert orjson.loads(gateway.requests[-1].body) == {"force": force}
    assert not gateway.running
    await powerwall.sitemaster_run()
    assert (await powerwall.sitemaster()).running


async def test_sitemaster_stop_under_load_needs_force(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.home.solar_power, gateway.home.home_power = 0, 3000
    with pytest.raises(GatewayRefusedError, match="Cannot Start Wizard"):
        await powerwall.sitemaster_stop()
    assert (await powerwall.sitemaster()).running
    await powerwall.sitemaster_stop(force=True)
    assert not (await powerwall.sitemaster()).running


@pytest.mark.parametrize(("firmware", "method"), [("1.15.0", "GET"), ("21.44", "POST")])
async def test_sitemaster_stop_that_is_refused_raises_the_reason(
    simulator: StartSimulator, client: Client, firmware: str, method: str
) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    refusal: dict[str, Any] = {"code": 500, "error": "Cannot Start Wizard", "message": "Unable to stop sitemaster"}
    if method == "POST":
        await powerwall.login()
        gateway.faults.add("sitemaster/stop", status=405, times=1)
    gateway.faults.add("sitemaster/stop", status=500, body=refusal)
    with pytest.raises(GatewayRefusedError) as raised:
        await powerwall.sitemaster_stop()
    assert (raised.value.status, raised.value.reason) == (500, "Cannot Start Wizard")
    assert gateway.requests[-1].method == method
    assert gateway.running


@pytest.mark.parametrize("status", [400, 409, 500])
async def test_sitemaster_stop_is_posted_only_after_405(simulator: StartSimulator, client: Client, status: int) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    gateway.faults.add("sitemaster/stop", status=status)
    with pytest.raises(GatewayRefusedError):
        await powerwall.sitemaster_stop(force=True)
    assert [request.method for request in gateway.requests] == ["GET"]
    assert gateway.running


async def test_sitemaster_stop_is_not_posted_if_the_response_is_lost(simulator: StartSimulator, client: Client) -> None:
    """It may have stopped: the caller has to check."""
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.requests.clear()
    gateway.faults.add("sitemaster/stop", drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await powerwall.sitemaster_stop()
    assert [request.method for request in gateway.requests] == ["GET"]
    assert not gateway.running


async def test_sitemaster_stop_is_posted_once_if_the_response_is_lost(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    gateway.faults.add("sitemaster/stop", status=405, times=1)
    gateway.faults.add("sitemaster/stop", drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await powerwall.sitemaster_stop(force=True)
    assert [request.method for request in gateway.requests] == ["GET", "POST"]


async def test_sitemaster_run_on_later_firmware_needs_a_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password=None)
    with pytest.raises(GatewayAuthenticationRequiredError):
        await powerwall.sitemaster_run()
    assert gateway.running


async def test_run_for_commissioning_is_a_post(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("sitemaster/run_for_commissioning", status=202)
    await (await client(gateway, password=None)).call(endpoints.SITEMASTER_RUN_FOR_COMMISSIONING, {})
    assert (gateway.requests[-1].method, gateway.requests[-1].body) == ("POST", b"{}")


# -- committing --------------------------------------------------------------------------------------------------------


async def test_config_completed_on_1_15_returns_none(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.gateway.operation.reserve = 33.0
    assert await (await client(gateway, password=None)).config_completed() is None
    assert gateway.home.reserve == 33.0


async def test_config_completed_on_later_firmware_returns_the_status(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    before = (await powerwall.status()).commission_count
    assert before is not None
    committed = await powerwall.config_completed()
    assert committed is not None
    assert committed.firmware == "21.44"
    assert committed.commission_count == before + 1


@pytest.mark.parametrize("body", [b"[]", b"null", b"3"])
async def test_config_completed_rejects_another_type(simulator: StartSimulator, client: Client, body: bytes) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("config/completed", status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError):
        await (await client(gateway)).config_completed()


# -- islanding ---------------------------------------------------------------------------------------------------------


async def test_islanding_mode_goes_off_grid_and_back(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    assert await powerwall.v2_islanding_mode(off_grid=True) == {"island_mode": IslandMode.OFF_GRID}
    assert orjson.loads(gateway.requests[-1].body) == {"island_mode": "intentional_reconnect_failsafe"}
    gateway.home.advance(30)
    assert (await powerwall.grid_status()).grid_status is GridState.ISLANDED
    assert await powerwall.v2_islanding_mode(off_grid=False) == {"island_mode": IslandMode.ON_GRID}
    gateway.home.advance(600)
    assert (await powerwall.grid_status()).grid_status is GridState.CONNECTED


async def test_islanding_mode_without_a_body_returns_none(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("v2/islanding/mode", status=202)
    assert await (await client(gateway)).v2_islanding_mode(off_grid=True) is None


async def test_islanding_mode_on_1_15_raises_not_found(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    with pytest.raises(GatewayNotFoundError):
        await (await client(gateway, password=None)).v2_islanding_mode(off_grid=True)
