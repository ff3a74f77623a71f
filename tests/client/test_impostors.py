"""Another device at the gateway's address: the client follows, reads and unpacks only what a gateway sends."""

import gzip
from typing import Final

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayError,
    GatewayInvalidResponseError,
    GatewayResponseError,
)
from custom_components.powerwall_gateway.gateway.signed.client import PATH, SignedGateway
from custom_components.powerwall_gateway.gateway.text_redaction import LONGEST
from custom_components.powerwall_gateway.gateway.transport import MAX_BYTES, unpacked
from tests.client.conftest import Client, Connect
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import pair, pem

REDIRECTS: Final = (301, 302, 303, 307, 308)
DIN: Final = "/tedapi/din"


def redirect(status: int, where: str) -> bytes:
    """Return a redirect."""
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("place", ["another host", "plain HTTP", "another path"])
async def test_client_follows_no_redirect(
    simulator: StartSimulator, connect: Connect, client: Client, status: int, place: str
) -> None:
    gateway, other = await simulator("21.44"), await simulator("1.15.0" if place == "plain HTTP" else "21.44")
    scheme = "http" if place == "plain HTTP" else "https"
    where = "/api/sitemaster" if place == "another path" else f"{scheme}://{other.host}:{other.port}/api/status"
    powerwall = await client(gateway)
    gateway.faults.add("status", raw=redirect(status, where), times=1)
    with pytest.raises(GatewayResponseError) as raised:
        await powerwall.connection.request("GET", "status")
    assert raised.value.status == status
    gateway.faults.add("login/Basic", raw=redirect(status, where))
    with pytest.raises(GatewayError):
        await powerwall.login()
    assert other.requests == []
    assert "sitemaster" not in {request.path for request in gateway.requests}


@pytest.mark.parametrize("status", REDIRECTS)
async def test_signed_client_follows_no_redirect(simulator: StartSimulator, client: Client, status: int) -> None:
    gateway, other = await start(simulator, "pw3"), await simulator("21.44")
    pair(gateway)
    signed = SignedGateway(await client(gateway), pem())
    gateway.faults.add(PATH, raw=redirect(status, f"https://{other.host}:{other.port}/tedapi/v1r"))
    with pytest.raises(GatewayResponseError):
        await signed.config()
    await signed.close()
    assert other.requests == []


# -- size limits -------------------------------------------------------------------------------------------------------


BOMB: Final = gzip.compress(b"1" * (MAX_BYTES + 1), 9)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"1" * (MAX_BYTES + 1), id="too long"),
        pytest.param(BOMB, id="bomb"),
        pytest.param(gzip.compress(BOMB), id="bomb in a parcel"),
        pytest.param(BOMB[:-9], id="torn"),
    ],
)
async def test_signed_response_has_the_size_limit(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """The library would read and decompress all of it."""
    gateway = await start(simulator, "pw3")
    pair(gateway)
    signed = SignedGateway(await client(gateway), pem())
    longest = 0

    def unpack(packed: bytes) -> bytes:
        nonlocal longest
        longest = max(longest, len(content := gzip.decompress(packed)))
        return content

    monkeypatch.setattr("aiopowerwall.transport.gzip.decompress", unpack)
    gateway.faults.add(PATH, status=200, body=body, times=1)
    with pytest.raises(GatewayResponseError):
        await signed.config()
    assert longest == 0
    gateway.faults.add(PATH, status=200, body=body, times=1)
    with pytest.raises(GatewayResponseError):
        await signed.config()
    assert await signed.config()
    await signed.close()


async def test_compressed_din_is_decompressed_up_to_the_limit(simulator: StartSimulator, client: Client) -> None:
    gateway = await start(simulator, "pw3")
    powerwall = await client(gateway)
    number = await powerwall.tedapi_din()
    gateway.faults.add(DIN, status=200, body=gzip.compress(number.encode()), times=1)
    assert await powerwall.tedapi_din() == number
    gateway.faults.add(DIN, status=200, body=BOMB, times=1)
    with pytest.raises(GatewayInvalidResponseError):
        await powerwall.tedapi_din()


def test_unpacked_has_the_size_limit() -> None:
    most = b"1" * MAX_BYTES
    assert unpacked(gzip.compress(most), DIN) == most
    assert unpacked(most, DIN) == most
    for much in (BOMB, gzip.compress(BOMB), BOMB[:-9], BOMB[:9] + b"1" + BOMB[10:]):
        with pytest.raises(GatewayInvalidResponseError):
            unpacked(much, DIN)


# -- invalid characters in headers, logs and terminals -----------------------------------------------------------------


@pytest.mark.parametrize("token", ["a\\r\\nX-Evil: 1", "a\\u0000b", "\\u001b[2J"])
async def test_token_that_is_no_valid_header_is_ignored(simulator: StartSimulator, client: Client, token: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    body = f'{{"token": "{token}", "roles": ["Home_Owner"]}}'.encode()
    gateway.faults.add("login/Basic", status=200, body=body, times=1)
    session = await powerwall.login()
    assert all(value.isprintable() for value in session.headers.values())
    assert await powerwall.meters_aggregates()  # with a session that is good, after one that is not


@pytest.mark.parametrize(
    "version", ["9" * 5000 + ".1", "1." + "9" * 5000, "٣.٤"], ids=["long", "long behind", "arabic"]
)
async def test_version_that_no_firmware_has_is_ignored(simulator: StartSimulator, client: Client, version: str) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": version}
    status = await (await client(gateway)).status()
    assert status.version == (version if len(version) <= LONGEST else "…")
    assert status.release is None
