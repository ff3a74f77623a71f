"""The login that is confirmed by turning a Powerwall off and on."""

import pytest

from custom_components.powerwall_gateway.gateway import GatewayNotFoundError, GatewayRefusedError, endpoints
from custom_components.powerwall_gateway.gateway.models import Session
from tests.client.conftest import Client
from tests.conftest import StartSimulator

TOKEN = "OgiGHjoNvwx17SRIaYFIOWPJSaKBYwmMGc5K4tTz57EziltPYsdtjU_DJ08tJqaWbWjTuI3fa_8QW32ED5zg1A=="


@pytest.mark.parametrize("running", [True, False])
async def test_toggle_is_watched_while_the_powerwall_runs(
    simulator: StartSimulator, client: Client, running: bool
) -> None:
    gateway = await simulator("21.44")
    gateway.running = running
    toggle = await (await client(gateway, password=None)).call(endpoints.AUTH_TOGGLE_SUPPORTED)
    assert toggle == {"toggle_auth_supported": running}
    assert gateway.logins == 0


async def test_toggle_watch_is_started_and_ended(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password=None)
    await powerwall.call(endpoints.AUTH_TOGGLE_START)
    await powerwall.call(endpoints.AUTH_TOGGLE_CANCEL)
    assert [(request.method, request.path, request.body) for request in gateway.requests[-2:]] == [
        ("POST", "auth/toggle/start", b""),
        ("DELETE", "auth/toggle/login", b""),
    ]


@pytest.mark.parametrize("status", [400, 417])
async def test_toggle_login_without_the_switch_is_refused(
    simulator: StartSimulator, client: Client, status: int
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("auth/toggle/login", status=status)
    with pytest.raises(GatewayRefusedError) as raised:
        await (await client(gateway, password=None)).call(endpoints.AUTH_TOGGLE_LOGIN)
    assert raised.value.status == status
    assert gateway.requests[-1].method == "POST"


async def test_toggle_login_after_the_switch_succeeds(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password=None)
    gateway.faults.add("auth/toggle/login", status=200, body={"token": TOKEN, "roles": ["Provider_Engineer"]})
    record = await powerwall.call(endpoints.AUTH_TOGGLE_LOGIN)
    assert record == Session(token=TOKEN, roles=("Provider_Engineer",))
    assert TOKEN not in repr(record)
    assert powerwall.roles == ()


async def test_toggle_login_without_a_response_raises(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("auth/toggle/login", status=202)
    assert await (await client(gateway, password=None)).call(endpoints.AUTH_TOGGLE_LOGIN) is None


async def test_toggle_watch_that_was_not_started_ends_with_an_error(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayNotFoundError):
        await (await client(gateway, password=None)).call(endpoints.AUTH_TOGGLE_CANCEL)
