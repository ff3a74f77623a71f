"""The names and the examples in the client's README exist and work."""

import re

import pytest

from custom_components.powerwall_gateway import gateway as package
from custom_components.powerwall_gateway.gateway import (
    GatewayCertificateError,
    GatewayConnectionError,
    PowerwallGateway,
    open_session,
)
from tests.client.test_cli import INTEGRATION, host
from tests.conftest import StartSimulator

README = (INTEGRATION / "gateway" / "README.md").read_text(encoding="utf-8")


def test_every_public_name_exists() -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_every_class_of_the_table_is_public() -> None:
    rows = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 10
    assert named <= set(package.__all__)


async def test_session_that_was_passed_in_stays_open(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with open_session() as session:
        async with PowerwallGateway(host(gateway), gateway.password, session=session) as powerwall:
            assert (await powerwall.soe()).percentage is not None
        assert not session.closed


async def test_own_session_is_closed(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with PowerwallGateway(host(gateway), gateway.password) as powerwall:
        assert (await powerwall.soe()).percentage is not None
    with pytest.raises(GatewayConnectionError, match="closed"):
        await powerwall.soe()
    assert gateway.tokens == {}


async def test_fingerprint_is_the_only_certificate_that_is_trusted(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    async with PowerwallGateway(host(gateway)) as powerwall:
        fingerprint = powerwall.connection.fingerprint
    gateway.requests.clear()
    async with PowerwallGateway(host(gateway), gateway.password, fingerprint=fingerprint) as powerwall:
        assert [request.path for request in gateway.requests] == []
        await powerwall.soe()
    gateway.requests.clear()
    async with PowerwallGateway(host(gateway), gateway.password, fingerprint=b"\1" * 32) as powerwall:
        with pytest.raises(GatewayCertificateError):
            await powerwall.soe()
    assert gateway.requests == []


async def test_nothing_is_sent_before_connect(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    powerwall = PowerwallGateway(host(gateway), gateway.password)
    with pytest.raises(GatewayCertificateError):
        await powerwall.soe()
    assert gateway.requests == []
    await powerwall.connect()
    assert (await powerwall.soe()).percentage is not None
    await powerwall.close()


async def test_no_gateway_is_a_connection_error(socket_enabled: None) -> None:
    with pytest.raises(GatewayConnectionError):
        async with PowerwallGateway("127.0.0.1:1"):
            pass
