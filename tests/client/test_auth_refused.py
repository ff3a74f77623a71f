"""Why a gateway refuses a login, by its own words."""

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayDefaultPasswordError,
    GatewayLoginError,
    GatewayLoginForbiddenError,
    GatewayLoginLimitError,
    GatewayRateLimitError,
    GatewaySwitchNeededError,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator


@pytest.mark.parametrize(
    ("status", "words", "error"),
    [
        (401, "bad credentials", GatewayLoginError),
        (403, "bad credentials", GatewayLoginError),
        (401, "default password not supported", GatewayDefaultPasswordError),
        (403, "default password not supported", GatewayDefaultPasswordError),
        (401, "roles [Provider_Engineer] require physical access", GatewaySwitchNeededError),
        (403, "unexpected request origin", GatewayLoginForbiddenError),
        (403, "", GatewayLoginForbiddenError),
    ],
)
async def test_why_a_login_was_refused(
    simulator: StartSimulator, client: Client, status: int, words: str, error: type[GatewayLoginError]
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=status, body=f'{{"code":{status},"error":"{words}"}}'.encode())
    powerwall = await client(gateway)
    with pytest.raises(error) as raised:
        await powerwall.login()
    assert type(raised.value) is error
    assert raised.value.reason == words
    assert raised.value.about_password is (error not in {GatewaySwitchNeededError, GatewayLoginForbiddenError})
    assert powerwall.login_refusals == raised.value.about_password


async def test_a_busy_gateway_is_not_a_login_limit(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=503)
    with pytest.raises(GatewayRateLimitError) as raised:
        await (await client(gateway)).login()
    assert not isinstance(raised.value, GatewayLoginLimitError)
