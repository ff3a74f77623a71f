"""Connections, certificates and redirects of the simulated gateway."""

import asyncio
import socket
import ssl

from aiohttp import ClientError, ClientSession, Fingerprint, ServerFingerprintMismatch, TCPConnector
import pytest

from simulator import PROFILES, Simulator
from tests.client.plain_http import Browser
from tests.conftest import StartSimulator
from tests.helpers import until


@pytest.mark.parametrize("firmware", PROFILES)
async def test_connections_are_counted(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware)
    async with Browser(gateway) as browser:
        for _ in range(5):
            await browser.get("status")
        assert gateway.connections == 1
    async with Browser(gateway) as browser:
        await browser.get("status")
    assert gateway.connections == 2
    assert len({request.connection for request in gateway.requests}) == 2


async def test_simulator_stops_during_requests_and_starts_again(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    port, fingerprint = gateway.port, gateway.fingerprint
    gateway.faults.add("status", delay=3600)
    async with Browser(gateway) as browser:
        await browser.login()
        waiting = asyncio.create_task(browser.get("status"))
        while [request.path for request in gateway.requests] != ["login/Basic", "status"]:
            await asyncio.sleep(0.01)
        await gateway.stop()
        with pytest.raises(ClientError):
            await waiting
        with pytest.raises(ClientError):
            await browser.get("status")
        gateway.faults.clear()
        await gateway.start(port)
        assert (await browser.get("operation")).status == 200  # sessions survive
    assert gateway.fingerprint == fingerprint
    with pytest.raises(RuntimeError, match="already listening"):
        await gateway.start()


async def test_disconnected_client_leaves_no_task(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    before = asyncio.all_tasks()
    gateway.faults.add("status", delay=3600)
    async with Browser(gateway) as browser:
        client = asyncio.create_task(browser.get("status"))
        await until(lambda: gateway.requests)
        client.cancel()
        await asyncio.wait({client})
    await gateway.stop()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_stop_does_not_wait_for_idle_clients(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def sit_down() -> socket.socket:
        connection = socket.create_connection((gateway.host, gateway.port))
        return context.wrap_socket(connection) if gateway.profile.tls else connection

    with await asyncio.to_thread(sit_down):
        while gateway.connections == 0:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            await gateway.stop()


async def test_used_port_raises(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    other = Simulator("1.15.0")
    with pytest.raises(OSError, match="address already in use"):
        await other.start(gateway.port)
    await other.start()
    await other.stop()


async def test_certificate_is_the_same_for_a_serial(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    assert gateway.fingerprint is not None
    assert len(gateway.fingerprint) == 32
    assert gateway.fingerprint == Simulator("21.44").fingerprint != Simulator("21.44", serial="TG0").fingerprint
    assert Simulator("1.15.0").fingerprint is None
    async with ClientSession(connector=TCPConnector(ssl=Fingerprint(gateway.fingerprint))) as session:
        async with session.get(f"{gateway.url}/api/status") as response:
            assert response.status == 200
        await gateway.stop()
        gateway.renew_certificate()
        await gateway.start(gateway.port)
        with pytest.raises(ServerFingerprintMismatch):
            await session.get(f"{gateway.url}/api/status")


@pytest.mark.parametrize(("name", "welcome"), [("powerwall", True), ("teg", True), ("powerwall.lan", False)])
async def test_handshake_requires_a_known_name(simulator: StartSimulator, name: str, *, welcome: bool) -> None:
    gateway = await simulator("21.44")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def shake_hands() -> None:
        _, writer = await asyncio.open_connection(gateway.host, gateway.port, ssl=context, server_hostname=name)
        writer.close()

    if welcome:
        await shake_hands()
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await shake_hands()


async def test_plain_http_redirects_to_https_on_1_50(simulator: StartSimulator) -> None:
    gateway = await simulator("1.50.1")
    assert gateway.http_port is not None
    plain = f"http://{gateway.host}:{gateway.http_port}/api/status"
    async with ClientSession(connector=TCPConnector(ssl=False)) as session:
        async with session.get(f"{plain}?a=1&b=2", allow_redirects=False) as response:
            assert response.status == 301
            assert response.headers["Location"] == f"{gateway.url}/api/status?a=1&b=2"
            assert response.content_type == "text/html"
            words = f'<a href="{gateway.url}/api/status?a=1&amp;b=2">Moved Permanently</a>.\n\n'
            assert await response.text() == words
        async with session.get(plain) as response:
            assert (response.status, response.content_type) == (200, "application/json")
        # a browser follows with a GET, which is how a login over plain HTTP ends
        async with session.post(plain.replace("status", "login/Basic"), json={}) as response:
            assert (response.status, gateway.requests[-1].method) == (405, "GET")
        await gateway.stop()
        with pytest.raises(ClientError):
            await session.get(plain)


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44", "24.36", "pw3"])
async def test_firmware_without_redirect_has_one_port(simulator: StartSimulator, firmware: str) -> None:
    assert (await simulator(firmware)).http_port is None


async def test_raw_bytes_are_sent_unchanged(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"
    gateway.faults.add("status", raw=head + b"all", times=1)
    gateway.faults.add("status", raw=head, again=b"few", pause=0.01, times=1)
    async with Browser(gateway) as browser:
        with pytest.raises(ClientError):
            await browser.get("status")
        assert (await browser.get("status")).body == b"fewfewfew"
        assert (await browser.get("status")).status == 200
