"""Fuzz HTTP on a real socket: status lines, headers, lengths, chunks and compressed bodies.

300 responses, 20,000 with `scripts/test --deep`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import gzip
from random import Random
from typing import Any, Final, override
import zlib

from aiohttp import ClientSession
import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    Address,
    Credentials,
    GatewayError,
    PowerwallGateway,
    Transport,
)
from custom_components.powerwall_gateway.gateway.models import MetersAggregates
from tests.client.example_payloads import example
from tests.conftest import is_deep
from tests.fuzz.inputs import JSON_WORDS, SEED, InputCounter, mutate

RESPONSES: Final = 5_000 if is_deep() else 75
"""For each kind of call."""

LIMIT: Final = 60.0
"""Time limit of a call in seconds: the server closes every connection at once."""

HOST: Final = "127.0.0.1"
BODY: Final = orjson.dumps({"version": "21.44.1 c58c2df3", "up_time_seconds": "402h8m19s"} | example(MetersAggregates))


def http_response(status: str, body: bytes, *headers: bytes) -> bytes:
    """Return a response in the gateway's format."""
    return b"\r\n".join((b"HTTP/1.1 " + status.encode(), b"Content-Type: application/json", *headers, b"", body))


def with_length(status: str, body: bytes, *headers: bytes) -> bytes:
    """Return a response with its length."""
    return http_response(status, body, b"Content-Length: %d" % len(body), *headers)


def in_chunks(body: bytes, size: int = 40) -> bytes:
    """Cut a body into chunks."""
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


GOOD: Final = with_length("200 OK", BODY)
GZIPPED: Final = gzip.compress(BODY)
EXAMPLES: Final = [
    GOOD,
    http_response("200 OK", BODY),
    http_response("200 OK", in_chunks(BODY), b"Transfer-Encoding: chunked"),
    http_response("200 OK", in_chunks(GZIPPED), b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"),
    with_length("200 OK", GZIPPED, b"Content-Encoding: gzip"),
    with_length("200 OK", zlib.compress(BODY), b"Content-Encoding: deflate"),
    with_length("200 OK", GZIPPED),
    with_length(
        "200 OK", b'{"token": "aB3_", "roles": ["Home_Owner"]}', b"Set-Cookie: AuthCookie=aB3_; Path=/; Secure"
    ),
    with_length("200 OK", b"<html>no</html>"),
    with_length("200 OK", BODY) + with_length("403 Forbidden", b"{}"),
    http_response("100 Continue", b"") + GOOD,
    with_length("202 Accepted", b""),
    http_response("204 No Content", b""),
    with_length("301 Moved Permanently", b"", b"Location: http://127.0.0.1:1/api/status"),
    with_length("401 Unauthorized", b'{"code":401,"error":"bad credentials","message":"Login Error"}'),
    with_length("429 Too Many Requests", b"", b"Retry-After: 3"),
    with_length("502 Bad Gateway", b"<html>502</html>"),
]
FUZZ_TEXTS: Final = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b"=", b'"', b"\xff", b"HTTP/1.1 200 OK\r\n\r\n"),
    *(b"HTTP/9.9", b"HTTP/1.0", b"ICY", b" 000 ", b" 99999 ", b" -1 ", b" 101 ", b" 304 ", b"SSH-2.0-OpenSSH_9.2\r\n"),
    *(
        b"\r\nContent-Length: ",
        b"\r\nContent-Length: -1",
        b"\r\nContent-Length: 99999999999999999999",
        b"7fffffffffffffff",
    ),
    *(b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: gzip, chunked", b"\r\nTransfer-Encoding: nonsense"),
    *(
        b"\r\nContent-Encoding: br",
        b"\r\nContent-Encoding: zstd",
        b"\r\nContent-Encoding: deflate",
        b"\r\nContent-Encoding: x",
    ),
    *(b"\r\nSet-Cookie: AuthCookie", b"\r\nSet-Cookie: =;;,\x01", b"\r\nSet-Cookie: UserRecord=\xe4\xf6\r\n"),
    *(
        b"\r\nContent-Type: \xff/\xff; charset=nonsense",
        b"\r\nConnection: keep-alive",
        b"\r\nConnection: upgrade\r\nUpgrade: x",
    ),
    *(
        b"\r\nRetry-After: 99999",
        "\r\nRetry-After: ²".encode(),
        b"\r\nLocation: \xff://[",
        b"\r\nX: " + b"x" * 9000,
        b"0\r\n\r\n",
    ),
    *JSON_WORDS,
)

CALLS: Final[dict[str, dict[str, Any]]] = {
    "status": {},
    "meters_aggregates": {},
    "config_completed": {},
    "login": {"allow_stop": True},
}
"""Cached, not cached, with an effect, and with cookies."""


class Responder(asyncio.Protocol):
    """Respond to every request with the same bytes, and close the connection."""

    response = GOOD

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._transport.write(Responder.response)
        self._transport.close()


@asynccontextmanager
async def responding() -> AsyncIterator[Address]:
    """Start a server that responds with `Responder.response`."""
    server = await asyncio.get_running_loop().create_server(Responder, HOST, 0)
    yield Address.parse(f"{HOST}:{server.sockets[0].getsockname()[1]}", "http")
    server.close()
    server.abort_clients()
    await server.wait_closed()


def mutated_response(random: Random) -> bytes:
    """Mutate a response, its head more often than its body, or combine the head and body of two responses."""
    good = random.choice(EXAMPLES)
    head, end, body = good.partition(b"\r\n\r\n")
    match random.randrange(4):
        case 0:
            return mutate(good, FUZZ_TEXTS, random)
        case 1:
            return head + end + mutate(body, FUZZ_TEXTS, random)
        case 2:
            return head + end + random.choice(EXAMPLES).partition(b"\r\n\r\n")[2]
        case _:
            return mutate(head, FUZZ_TEXTS, random) + end + body


@pytest.mark.parametrize("name", CALLS)
async def test_any_response_is_a_model_or_a_gateway_error(
    session: ClientSession, counter: InputCounter, name: str
) -> None:
    random = Random(f"{SEED} {name}")
    read = refused = 0
    async with responding() as address:
        connection = Transport(session, address)
        tasks = asyncio.all_tasks()
        for number in range(RESPONSES):
            Responder.response = mutated_response(random)
            powerwall = PowerwallGateway(connection, Credentials(password="12345"))
            counter.inputs += 1
            try:
                async with asyncio.timeout(LIMIT):
                    await getattr(powerwall, name)(**CALLS[name])
                read += 1
            except GatewayError:
                refused += 1
            except Exception as err:
                err.add_note(f"{name}, received {Responder.response!r}")
                raise
            if number % 5 == 0:
                Responder.response = GOOD
                assert (await powerwall.status()).release == (21, 44, 1)
        assert asyncio.all_tasks() == tasks
    assert read
    assert refused
