"""Go off-grid and reconnect with the client: nothing is requested without a check just before."""

from contextlib import suppress

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayError,
    IslandingController,
)
from custom_components.powerwall_gateway.gateway.backoff import Polling
from simulator import Simulator
from tests.client.expected_errors import raises_command_error
from tests.client.signing import Sign, powerwall_of
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.signing_keys import pair

QUICK = Polling(0.005, 0.01, 0.5)


@pytest.fixture(params=["26.18", "pw3"])
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts the login, or only a key, and follows at once."""
    gateway = await start(simulator, request.param, speed=1000.0)
    gateway.home.charge, gateway.home.solar_power, gateway.home.home_power = 80.0, 0.0, 100.0
    pair(gateway)
    return gateway


async def control_of(gateway: Simulator, sign: Sign) -> IslandingController:
    """Return the control of a gateway that has accepted the key."""
    signed = await sign(gateway)
    await signed.check_key()
    control = IslandingController(powerwall_of(signed), off_grid=QUICK, on_grid=QUICK)
    control.signed = signed
    await powerwall_of(signed).login()
    await control.detect()
    return control


def orders(gateway: Simulator) -> int:
    """Return the number of orders, by login or by key."""
    posts = [request for request in gateway.requests if (request.method, request.path) == ("POST", "v2/islanding/mode")]
    return len(posts) + len(gateway.gateway.signed_islanding.orders)


async def test_go_off_grid_and_reconnect_send_one_request_each(gateway: Simulator, sign: Sign) -> None:
    control = await control_of(gateway, sign)
    await control.go_off_grid()
    assert gateway.home.grid_status == "SystemIslandedActive"
    await control.reconnect()
    assert gateway.home.grid_status == "SystemGridConnected"
    assert orders(gateway) == 2


@pytest.mark.parametrize(("charge", "least"), [(3.0, 20.0), (23.9, 0.0), (52.0, 50.0)])
async def test_go_off_grid_requires_the_charge(gateway: Simulator, sign: Sign, charge: float, least: float) -> None:
    control = await control_of(gateway, sign)
    gateway.speed = 0.0
    gateway.home.charge = charge
    with raises_command_error(CommandFailure.CHARGE_TOO_LOW):
        await control.go_off_grid(least)
    assert orders(gateway) == 0


@pytest.mark.parametrize("silent", ["system_status/soe", "system_status/grid_status"])
async def test_go_off_grid_requires_known_values(gateway: Simulator, sign: Sign, silent: str) -> None:
    control = await control_of(gateway, sign)
    gateway.faults.add(silent, status=500)
    with raises_command_error(CommandFailure.ISLANDING_UNSURE):
        await control.go_off_grid()
    assert orders(gateway) == 0


async def test_go_off_grid_requires_a_grid(gateway: Simulator, sign: Sign) -> None:
    control = await control_of(gateway, sign)
    gateway.home.outage()
    gateway.requests.clear()
    with raises_command_error(CommandFailure.NO_GRID_TO_LEAVE):
        await control.go_off_grid()
    assert orders(gateway) == 0
    assert request_count(gateway, "system_status/grid_status") == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_reconnect_after_a_failed_login_uses_the_key(simulator: StartSimulator, sign: Sign, status: int) -> None:
    gateway = await start(simulator, "26.18", speed=1000.0)
    gateway.home.charge, gateway.home.solar_power, gateway.home.home_power = 80.0, 0.0, 100.0
    pair(gateway)
    control = await control_of(gateway, sign)
    await control.go_off_grid()
    gateway.tokens.clear()
    gateway.faults.add("login/Basic", status=status)
    with suppress(GatewayError):  # the grid cannot be read without a login
        await control.reconnect()
    assert gateway.home.grid_status == "SystemGridConnected"
