"""Servers that respond at a gateway's address in its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
import socket
import struct
from typing import override

from simulator.listener import HOST

_NO_TLS = b"SSH-2.0-OpenSSH_9.6\r\n"
_RESET = struct.pack("ii", 1, 0)
"""Do not linger: a close resets the connection."""


class _Impostor(asyncio.Protocol):
    def __init__(self, connected: Callable[[asyncio.Transport], None]) -> None:
        self._connected = connected

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connected(transport)


def _reset(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def _never_respond(_: asyncio.Transport) -> None:
    pass


def _send_no_tls(transport: asyncio.Transport) -> None:
    transport.write(_NO_TLS)


@asynccontextmanager
async def _server(port: int, connected: Callable[[asyncio.Transport], None]) -> AsyncIterator[None]:
    server = await asyncio.get_running_loop().create_server(lambda: _Impostor(connected), HOST, port)
    yield
    server.close()
    server.abort_clients()
    await server.wait_closed()


@asynccontextmanager
async def resetting_server(port: int) -> AsyncIterator[None]:
    """Reset every connection at once."""
    async with _server(port, _reset):
        yield


@asynccontextmanager
async def silent_server(port: int) -> AsyncIterator[None]:
    """Accept every connection and never respond."""
    async with _server(port, _never_respond):
        yield


@asynccontextmanager
async def server_without_tls(port: int) -> AsyncIterator[None]:
    """Respond with bytes that are not TLS."""
    async with _server(port, _send_no_tls):
        yield


@asynccontextmanager
async def server_that_never_accepts(port: int) -> AsyncIterator[None]:
    """Let every attempt to connect hang: the queue of the listening socket is full."""
    with closing(socket.socket()) as listening, closing(socket.socket()) as first, closing(socket.socket()) as second:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex((HOST, port))
        yield
