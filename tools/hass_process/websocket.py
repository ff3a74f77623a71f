"""One websocket connection to Home Assistant, with commands and subscriptions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp


class WebSocketError(Exception):
    """Home Assistant rejected a command, or the connection was lost."""


class WebSocket:
    """An authenticated connection; use `connect` to get one."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._responses: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    async def command(self, command: str, **fields: Any) -> Any:
        """Send a command and return its result."""
        return await self._send(next(self._ids), command, fields)

    async def subscribe(self, command: str, **fields: Any) -> asyncio.Queue[dict[str, Any]]:
        """Subscribe, and return the queue of the events. It shuts down with the connection."""
        number = next(self._ids)
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._events[number] = events
        await self._send(number, command, fields)
        return events

    async def _send(self, number: int, command: str, fields: dict[str, Any]) -> Any:
        response = asyncio.get_running_loop().create_future()
        self._responses[number] = response
        try:
            await self._socket.send_json({"id": number, "type": command} | fields)
            message = await response
        finally:
            self._responses.pop(number, None)
        if not message["success"]:
            raise WebSocketError(f"Home Assistant refused {command}: {message['error']['message']}")
        return message["result"]

    async def read(self) -> None:
        """Dispatch messages until the connection ends."""
        try:
            async for frame in self._socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._hand_out(frame.json())
        finally:
            for response in self._responses.values():
                if not response.done():
                    response.set_exception(WebSocketError("The connection to Home Assistant was lost."))
            for events in self._events.values():
                events.shutdown()

    def _hand_out(self, message: dict[str, Any]) -> None:
        if message["type"] == "result":
            if response := self._responses.get(message["id"]):
                response.set_result(message)
        elif message["type"] == "event" and (events := self._events.get(message["id"])):
            events.put_nowait(message["event"])


@asynccontextmanager
async def connect(session: aiohttp.ClientSession, url: str, token: str) -> AsyncIterator[WebSocket]:
    """Open a connection and authenticate it."""
    async with session.ws_connect(f"{url}/api/websocket", max_msg_size=0) as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        if (response := await socket.receive_json())["type"] != "auth_ok":
            raise WebSocketError(f"Home Assistant did not accept the token: {response.get('message')}")
        websocket = WebSocket(socket)
        reader = asyncio.create_task(websocket.read())
        try:
            yield websocket
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
