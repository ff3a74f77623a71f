"""Problems of a signing key, a write or a DIN, and where the DIN is read."""

import socket
from typing import Any, override

from aiohttp import connector
from aiohttp.abc import AbstractResolver
import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    CommandFailure,
    Credentials,
    GatewayAuthenticationRequiredError,
    GatewayKeyError,
    GatewayRefusedError,
    KeyProblem,
    PowerwallGateway,
    find,
    open_session,
)
from custom_components.powerwall_gateway.gateway.signed.client import PATH, SignedGateway
from simulator import Simulator
from tests.client.expected_errors import raises_command_error
from tests.client.signing import DIN, Sign, verified
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.signing_keys import pair, pem, public_key


@pytest.fixture(params=["pw3"])
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests."""
    return await start(simulator, request.param)


@pytest.mark.parametrize("names", [True, False])
async def test_unregistered_key_is_unknown(gateway: Simulator, sign: Sign, names: bool) -> None:
    gateway.gateway.keyring.names_unknown = names
    pair(gateway)
    unknown = await sign(gateway, 1)
    with pytest.raises(GatewayKeyError) as refused:
        await unknown.check_key()
    assert refused.value.problem is KeyProblem.UNKNOWN
    assert verified(unknown) is False


async def test_unconfirmed_key_is_refused_until_it_is_confirmed(gateway: Simulator, sign: Sign) -> None:
    gateway.gateway.keyring.register(public_key())
    signed = await sign(gateway)
    with pytest.raises(GatewayKeyError) as refused:
        await signed.check_key()
    assert refused.value.problem is KeyProblem.UNCONFIRMED
    assert verified(signed) is False
    gateway.flip_switch()
    assert await signed.check_key()
    assert verified(signed) is True
    gateway.gateway.keyring.forget(public_key())
    with pytest.raises(GatewayKeyError) as refused:
        await signed.config()
    assert refused.value.problem is KeyProblem.UNKNOWN
    assert verified(signed) is False


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("UNKNOWN_KEY_ID", KeyProblem.UNKNOWN),
        ("INACTIVE_KEY", KeyProblem.INACTIVE),
        ("INSUFFICIENT_PRIVILEGES", KeyProblem.NOT_PERMITTED),
        ("INVALID_SIGNATURE", KeyProblem.BAD_SIGNATURE),
        ("REMOTE_ACCESS_DISABLED", KeyProblem.REMOTE_ACCESS),
    ],
)
async def test_key_fault_raises_its_problem(gateway: Simulator, sign: Sign, fault: str, problem: KeyProblem) -> None:
    pair(gateway)
    signed = await sign(gateway)
    await signed.check_key()
    gateway.gateway.keyring.reject(public_key(), fault)
    with pytest.raises(GatewayKeyError) as refused:
        await signed.config()
    assert refused.value.problem is problem
    assert fault not in f"{refused.value} {refused.value.reason}"
    assert verified(signed) is False
    gateway.gateway.keyring.reject(public_key(), None)
    assert await signed.check_key()
    assert verified(signed) is True


async def test_other_fault_raises_its_text(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    signed = await sign(gateway)
    gateway.gateway.keyring.reject(public_key(), "INVALID_COMMAND")
    with pytest.raises(GatewayRefusedError) as refused:
        await signed.config()
    assert refused.value.reason == "invalid command"
    assert verified(signed) is None


async def test_denied_signed_request_raises_key_error(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    gateway.faults.add(PATH, status=403)
    signed = await sign(gateway)
    with pytest.raises(GatewayKeyError) as refused:
        await signed.config()
    assert refused.value.problem is KeyProblem.NOT_PERMITTED


async def test_conflicting_signed_write_raises(gateway: Simulator, sign: Sign) -> None:
    def interfere(step: str, _: object) -> None:
        if step == "acted" and request_count(gateway, PATH) == 1:
            gateway.gateway.operation.reserve = 50

    pair(gateway)
    signed = await sign(gateway)
    gateway.server.observer = interfere
    with raises_command_error(CommandFailure.CONFLICT):
        await signed.write({"default_real_mode": "backup"})
    assert (gateway.home.mode, gateway.gateway.operation.reserve) == ("self_consumption", 50)
    assert verified(signed) is True


@pytest.mark.parametrize("firmware", ["26.18"])
async def test_denied_din_is_read_from_status_or_config(simulator: StartSimulator, sign: Sign, firmware: str) -> None:
    gateway = await start(simulator, firmware)
    pair(gateway)
    gateway.faults.add(DIN, status=403)
    signed = await sign(gateway)
    assert await signed.check_key()
    gateway.overrides["status"] = {"version": gateway.gateway.nameplate.version}
    assert await (await sign(gateway)).check_key()
    assert request_count(gateway, "config") == 1


async def test_denied_din_without_another_source_raises(gateway: Simulator, sign: Sign) -> None:
    pair(gateway)
    gateway.faults.add(DIN, status=403)
    signed = await sign(gateway)
    with pytest.raises(GatewayAuthenticationRequiredError):
        await signed.check_key()
    assert verified(signed) is None


class _Here(AbstractResolver):
    """Resolve every host to this machine."""

    @override
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    @override
    async def close(self) -> None:
        pass


async def test_signed_request_by_host_name_sends_a_known_server_name(
    gateway: Simulator, monkeypatch: pytest.MonkeyPatch, socket_enabled: None
) -> None:
    monkeypatch.setattr(connector, "DefaultResolver", lambda **_: _Here())
    pair(gateway)
    async with open_session() as session:
        connection = await find(session, Address.parse(f"powerwall.lan:{gateway.port}"))
        signed = SignedGateway(PowerwallGateway(connection, Credentials(password=gateway.password)), pem())
        assert await signed.check_key()
        await signed.close()
