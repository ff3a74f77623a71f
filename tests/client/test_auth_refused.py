"""The reasons why a gateway rejects a login."""

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayLoginError,
    GatewayRateLimitError,
    LoginProblem,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator


@pytest.mark.parametrize(
    ("status", "words", "problem"),
    [
        (401, "bad credentials", LoginProblem.CREDENTIALS),
        (403, "bad credentials", LoginProblem.CREDENTIALS),
        (401, "default password not supported", LoginProblem.DEFAULT_PASSWORD),
        (403, "default password not supported", LoginProblem.DEFAULT_PASSWORD),
        (401, "roles [Provider_Engineer] require physical access", LoginProblem.SWITCH_NEEDED),
        (403, "unexpected request origin", LoginProblem.FORBIDDEN),
        (403, "", LoginProblem.FORBIDDEN),
    ],
)
async def test_login_error_has_the_problem(
    simulator: StartSimulator, client: Client, status: int, words: str, problem: LoginProblem
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=status, body=f'{{"code":{status},"error":"{words}"}}'.encode())
    powerwall = await client(gateway)
    with pytest.raises(GatewayLoginError) as raised:
        await powerwall.login()
    assert (raised.value.problem, raised.value.reason) == (problem, words)
    assert raised.value.about_password is (problem not in {LoginProblem.SWITCH_NEEDED, LoginProblem.FORBIDDEN})
    assert powerwall.login_refusals == raised.value.about_password


async def test_login_of_a_busy_gateway_raises_its_response(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=503)
    with pytest.raises(GatewayRateLimitError) as raised:
        await (await client(gateway)).login()
    assert raised.value.status == 503
