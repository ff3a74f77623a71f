"""The transport: certificates, time limits, HTTP status, and requests that are sent once."""

import asyncio
from contextlib import suppress
from itertools import pairwise
import socket
from typing import Any, override

from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver
import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayResponseError,
    GatewayStoppedError,
    GatewayTimeoutError,
    Transport,
    find,
    open_session,
)
from tests.client.conftest import Connect
from tests.conftest import StartSimulator
from tests.helpers import address_of


async def test_find_prefers_tls_and_pins_the_certificate(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    assert connection.address.scheme == "https"
    assert connection.fingerprint == gateway.fingerprint
    assert gateway.requests == []  # nothing is sent to a device that is not trusted yet


async def test_find_without_tls_uses_http(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    connection = await connect(gateway)
    assert connection.address.scheme == "http"
    assert connection.fingerprint is None
    assert [request.path for request in gateway.requests] == ["status"]


class Router(AbstractResolver):
    """Resolve every name to this machine."""

    @override
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    @override
    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("host", ["powerwall.lan", "gateway", "teg"])
async def test_find_with_a_local_host_name_sends_a_known_server_name(simulator: StartSimulator, host: str) -> None:
    """A gateway ends a handshake with a local name. The client sends one of the gateway's names."""
    gateway = await simulator("21.44")
    async with ClientSession(connector=TCPConnector(resolver=Router())) as session:
        connection = await find(session, Address.parse(f"{host}:{gateway.port}"))
        assert connection.fingerprint == gateway.fingerprint
        assert (await connection.request("GET", "status")).status == 200


async def test_find_without_a_server_raises_connection_error(session: ClientSession, unused_tcp_port: int) -> None:
    with pytest.raises(GatewayConnectionError, match="no connection"):
        await find(session, Address.parse(f"127.0.0.1:{unused_tcp_port}"))


async def test_one_connection_serves_all_requests(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    before = gateway.connections
    for _ in range(5):
        await connection.request("GET", "status")
    assert gateway.connections - before == 1


async def test_requests_go_in_sequence(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.latency = 0.05
    await asyncio.gather(*(connection.request("GET", "status") for _ in range(3)))
    arrivals = [request.at for request in gateway.requests]
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(arrivals))


async def test_request_with_another_certificate_sends_nothing(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    await connection.request("GET", "status")
    before = len(gateway.requests)
    async with gateway.unreachable():
        gateway.renew_certificate()
    with pytest.raises(GatewayCertificateError) as raised:
        await connection.request("GET", "status")
    assert raised.value.fingerprint == gateway.fingerprint
    assert len(gateway.requests) == before


async def test_https_is_never_downgraded(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    port = gateway.port
    await gateway.stop()
    plain = await simulator("1.15.0")
    await plain.stop()
    await plain.start(port)
    with pytest.raises(GatewayConnectionError):
        await connection.request("GET", "status")
    assert plain.requests == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, GatewayResponseError),
        (400, GatewayRefusedError),
        (401, GatewayAuthenticationRequiredError),
        (403, GatewayAuthenticationRequiredError),
        (404, GatewayNotFoundError),
        (405, GatewayRefusedError),
        (409, GatewayRefusedError),
        (417, GatewayRefusedError),
        (418, GatewayResponseError),
        (429, GatewayRateLimitError),
        (500, GatewayRefusedError),
        (502, GatewayStoppedError),
        (503, GatewayRateLimitError),
    ],
)
async def test_request_raises_the_exception_of_each_status(
    simulator: StartSimulator, connect: Connect, status: int, error: type[GatewayResponseError]
) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.faults.add("status", status=status, body=b'{"code":1,"error":" its own words ","message":"generic"}')
    with pytest.raises(error) as raised:
        await connection.request("GET", "status")
    assert type(raised.value) is error
    assert (raised.value.path, raised.value.status, raised.value.reason) == ("status", status, "its own words")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", ""),
        (b"<html>no</html>", ""),
        (b"[]", ""),
        (b'{"error": 3}', ""),
        (b'{"message": "only this"}', "only this"),
        (b'{"error": "' + b"no " * 5000 + b'"}', ("no " * 67)[:200].strip()),
        (b'{"error": "user TG1234567890AB has session ' + b"aB3_" * 22 + b'== open"}', "user … has session … open"),
        (b'{"error": "1232100-00-E--TG1234567890AB is busy"}', "1232100-00-E--… is busy"),
    ],
)
async def test_response_error_has_a_short_redacted_reason(
    simulator: StartSimulator, connect: Connect, body: bytes, reason: str
) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.faults.add("status", status=500, body=body)
    with pytest.raises(GatewayResponseError) as raised:
        await connection.request("GET", "status")
    assert raised.value.reason == reason


async def test_request_without_a_response_raises_timeout_error(
    simulator: StartSimulator, session: ClientSession
) -> None:
    gateway = await simulator("1.15.0")
    connection = Transport(session, address_of(gateway).over("http"), timeout=0.2)
    gateway.faults.add("status", delay=5)
    with pytest.raises(GatewayTimeoutError, match="in time"):
        await connection.request("GET", "status")


async def test_request_on_a_closed_connection_raises_connection_error(
    simulator: StartSimulator, connect: Connect
) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.faults.add("status", drop=True)
    with pytest.raises(GatewayConnectionError):
        await connection.request("GET", "status")


async def test_response_that_is_too_long_is_rejected(
    simulator: StartSimulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.transport.MAX_BYTES", 1000)
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.overrides["status"] = b"x" * 1001
    with pytest.raises(GatewayInvalidResponseError, match="too long"):
        await connection.request("GET", "status")


@pytest.mark.parametrize("path", ["logout", "config/completed"])
async def test_request_once_is_sent_once_if_the_response_is_lost(
    simulator: StartSimulator, connect: Connect, path: str
) -> None:
    """No request is repeated, although the gateway acted and its response was lost."""
    gateway = await simulator("1.15.0")
    connection = await connect(gateway)
    await connection.request("GET", "status")
    gateway.requests.clear()
    gateway.faults.add(path, drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await connection.request("GET", path, once=True)
    assert [request.path for request in gateway.requests] == [path]


async def test_aiohttp_repeats_a_request_without_once(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    connection = await connect(gateway)
    await connection.request("GET", "status")
    gateway.requests.clear()
    gateway.faults.add("logout", drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await connection.request("GET", "logout")
    assert [request.path for request in gateway.requests] == ["logout", "logout"]


async def test_request_to_another_protocol_raises_gateway_error(session: ClientSession) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = Transport(session, Address.parse(f"127.0.0.1:{port}", "http"))
        with pytest.raises(GatewayError):
            await connection.request("GET", "status")


async def test_request_after_the_session_is_closed_raises_connection_error(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    session = open_session()
    connection = Transport(session, address_of(gateway).over("http"))
    await session.close()
    with pytest.raises(GatewayConnectionError, match="closed"):
        await connection.request("GET", "status")


@pytest.mark.parametrize("once", [False, True])
async def test_request_that_waits_while_the_session_is_closed_is_unreachable(
    simulator: StartSimulator, once: bool
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", delay=30.0)
    session = open_session()
    connection = Transport(session, address_of(gateway).over("http"))
    first, waiting = (
        asyncio.create_task(connection.request("GET", path, once=once)) for path in ("status", "sitemaster")
    )
    while not gateway.requests:
        await asyncio.sleep(0.01)
    await session.close()
    first.cancel()
    await asyncio.wait([first, waiting])
    assert isinstance(waiting.exception(), GatewayConnectionError)
    assert [request.path for request in gateway.requests] == ["status"]


async def test_connections_are_counted_with_any_session(simulator: StartSimulator) -> None:
    gateway, other = await simulator("1.15.0"), await simulator("1.15.0")
    async with ClientSession() as session:
        connection = Transport(session, address_of(gateway).over("http"))
        another = Transport(session, address_of(other).over("http"))
        await connection.request("GET", "status")
        await connection.request("GET", "status")
        assert (connection.opened, another.opened) == (1, 0)
        async with session.get(f"{another.address.url}/api/status") as response:
            await response.read()  # a request of another client
        assert (connection.opened, another.opened) == (1, 0)


async def test_rate_limit_error_has_the_retry_after(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    connection = await connect(gateway)
    gateway.faults.add("status", status=429)
    with pytest.raises(GatewayRateLimitError) as raised:
        await connection.request("GET", "status")
    assert raised.value.retry_after == 60
