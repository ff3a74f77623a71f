"""The gateway's tests of its way to Tesla."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from ..exceptions import GatewayConnectionError, GatewayRateLimitError, GatewayUnfinishedError
from ..models import ConnectionTests, PingTest
from .caller import BaseClient
from .endpoint import Access, endpoint

_PATH = "system/networks/conn_tests"


class ConnectionTestsApi(BaseClient):
    """The endpoints of the connection tests."""

    @endpoint("POST", _PATH, Access.UNKNOWN, effect=True)
    async def start_connection_tests(self) -> None:
        """Start the tests, which interrupt nothing. Later firmware answers with all its diagnostics, unread here."""
        await self._send("POST", _PATH)

    @endpoint("GET", _PATH, Access.LOGIN)
    async def connection_tests(self) -> ConnectionTests:
        """Read how far the tests are, or how the last ones ended."""
        return await self._read(_PATH, ConnectionTests)

    async def run_connection_tests(
        self,
        *,
        progress: Callable[[ConnectionTests], object] | None = None,
        interval: float = 2.0,
        limit: float = 180.0,
    ) -> ConnectionTests:
        """Start the tests and wait for their end.

        Every `interval` seconds `progress` is handed what is known so far. A gateway that is
        out of reach or busy (429, 503) for a moment is waited for: its network is what is being tested.

        Raises `GatewayUnfinishedError` when there is no end after `limit` seconds.
        """
        await self.start_connection_tests()
        end = monotonic() + limit
        tests = ConnectionTests()
        while not tests.finished:
            if monotonic() + interval > end:
                raise GatewayUnfinishedError(
                    f"the connection tests did not end within {limit:g} s; read them again later", path=_PATH
                )
            await asyncio.sleep(interval)
            with suppress(GatewayConnectionError, GatewayRateLimitError):
                tests = await self.connection_tests()
            if progress:
                progress(tests)
        return tests

    @endpoint("GET", "system/networks/ping_test", Access.LOGIN)
    async def ping_test(self) -> PingTest:
        """Read a ping test. How one is started is not known."""
        return await self._read("system/networks/ping_test", PingTest)
