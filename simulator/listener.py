"""Listen on one port of 127.0.0.1, and accept and count connections.

All simulated gateways of a process share one event loop in a thread of its own, as a real gateway shares none with
Home Assistant: a client that leaves during a TLS handshake is no error of the client's loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
import ssl
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HOST = "127.0.0.1"
IDLE_SECONDS = 3600.0
"""Go keeps an idle connection for ever."""
SHUTDOWN_SECONDS = 0.05
"""Seconds for which a request may continue when the simulator stops."""
_BUFFER = 1_000_000
"""Bytes that may wait for a slow reader."""
UNTYPED = web.ResponseKey("untyped", bool)
"""Marks a response that has no content type."""

type Handler = Callable[[web.Request, int], Awaitable[web.Response]]


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that serves every simulated gateway of this process, and start it at the first call."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="simulator", daemon=True).start()
    return loop


async def _served[T](work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the simulators' loop and return its result to the caller's."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, event_loop()))


class Listener:
    """Serve HTTP on one port until it is closed."""

    def __init__(self, handler: Handler) -> None:
        self.connections = 0
        """TCP connections accepted so far."""
        self._handler = handler
        self._numbers: WeakKeyDictionary[asyncio.Transport, int] = WeakKeyDictionary()
        self._numbered = 0
        self._busy: set[asyncio.Task[object]] = set()
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    async def open(self, port: int, context: ssl.SSLContext | None) -> int:
        """Listen on a port (0: any free one) and return its number."""
        return await _served(self._open(port, context))

    async def close(self) -> None:
        """Stop listening and close every connection."""
        await _served(self._close())

    async def _open(self, port: int, context: ssl.SSLContext | None) -> int:
        if self._runner is not None:
            raise RuntimeError("The simulator is already listening; stop it first.")
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(_as_go_does)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=IDLE_SECONDS, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(self._accept, HOST, port, ssl=context)
        except OSError:
            await self._close()
            raise
        return int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._end_orphans()
        if self._server is not None:
            # an idle client never closes, and TLS would wait half a minute for it
            self._server.abort_clients()
            await self._server.wait_closed()
        self._runner = self._server = None

    @contextmanager
    def forgetting_connections(self) -> Iterator[None]:
        """Read nothing from the open connections for a while."""
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("The simulator is not listening; start it first.")
        connections = self._runner.server.connections
        transports = [connection.transport for connection in connections if connection.transport]
        for transport in transports:
            event_loop().call_soon_threadsafe(transport.pause_reading)
        yield
        for transport in transports:
            event_loop().call_soon_threadsafe(transport.resume_reading)

    async def _end_orphans(self) -> None:
        """End the requests whose clients left without waiting; aiohttp has forgotten these."""
        orphans = list(self._busy)
        for task in orphans:
            task.cancel()
        await asyncio.gather(*orphans, return_exceptions=True)
        await asyncio.sleep(0)  # the connections' own tasks see the end of their requests

    def _accept(self) -> RequestHandler:
        self.connections += 1
        if self._runner is None or self._runner.server is None:
            raise ConnectionAbortedError("The simulator is closing.")
        return self._runner.server()

    async def _handle(self, request: web.Request) -> web.Response:
        transport, task = request.transport, asyncio.current_task()
        if transport is None or task is None:
            return web.Response()
        if transport not in self._numbers:
            self._numbered += 1
            self._numbers[transport] = self._numbered
        self._busy.add(task)
        try:
            return await self._handler(request, self._numbers[transport])
        finally:
            self._busy.discard(task)


async def _as_go_does(_: web.Request, response: web.StreamResponse) -> None:
    """Remove headers that Go's server does not send: its name, and the type of an empty body."""
    response.headers.popall("Server", None)
    if response.get(UNTYPED):
        response.headers.popall("Content-Type", None)


def close_connection(request: web.Request) -> web.Response:
    """Close the connection without a response."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def send_raw(request: web.Request, first: bytes, again: bytes, pause: float) -> web.Response:
    """Send bytes instead of a response, the second ones repeatedly until the client disconnects, and close."""
    transport = request.transport
    if transport is None:
        return web.Response()
    transport.write(first)
    while again and not transport.is_closing():
        if transport.get_write_buffer_size() < _BUFFER:
            transport.write(again)
        await asyncio.sleep(pause)
    transport.close()
    return web.Response()
