"""Signed requests: what firmware of 2026 takes from an owner's key, beside the API that everybody knows.

The library `aiopowerwall` speaks the protocol. It logs in nowhere: what it asks needs no
session, but for the gateway's number, which comes from the session there is. What is not
signed with a key that somebody at the Powerwall confirmed is refused.

Nothing else in this package needs the library, so that it is there only for owners with a key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
import logging
from typing import Any, Final, override
import zlib

from aiohttp import ClientSession
from aiopowerwall import (
    PowerwallAuthenticationError,
    PowerwallClient,
    PowerwallConnectionError,
    PowerwallError,
    PowerwallFaultError,
)

from .client import PowerwallGateway
from .errors import (
    GatewayAnswerError,
    GatewayClockError,
    GatewayKeyUnconfirmedError,
    GatewayKeyUnknownError,
    GatewayPayloadError,
    GatewayRefusedError,
    GatewayTimeoutError,
    GatewayUnreachableError,
)
from .models import ConfigFile, Controller, DeviceComponents, Operation
from .words import discreet, legible

PATH: Final = "/tedapi/v1r"

_PATIENCE: Final = 60.0
"""Seconds for one request, with its wait for a turn; the connection has the limit for the request alone."""

_UNKNOWN_KEY: Final = "UNKNOWN_KEY_ID"
_WRONG_TIME: Final = frozenset({"MESSAGEFAULT_ERROR_TIME_EXPIRED", "MESSAGEFAULT_ERROR_TIME_TO_LIVE_TOO_LONG"})

_NOT_CAUGHT: Final = (AttributeError, EOFError, LookupError, TypeError, ValueError, zlib.error)
"""What the library lets pass of an answer that is nonsense, and what it comes to where its newer versions differ."""

_asks_for_us: ContextVar[bool] = ContextVar("asks_for_us", default=False)


def _is_not_about_us(_: logging.LogRecord) -> bool:
    """Let the library log for others alone: it writes down whole answers, which tell whose they are."""
    return not _asks_for_us.get()


for _name in ("aiopowerwall.client", "aiopowerwall.transport"):
    logging.getLogger(_name).addFilter(_is_not_about_us)


class SignedGateway:
    """One gateway, asked with signed requests. `private_key` is an RSA key, PEM.

    Every method raises a child of `GatewayError` and nothing else: among them `GatewayKeyError`
    where the gateway does not take the key, `GatewayNotFoundError` where it takes no signed
    requests, and `GatewayBusyError` where it asks to wait.
    """

    def __init__(self, gateway: PowerwallGateway, private_key: bytes) -> None:
        self.verified: bool | None = None
        """Whether the gateway took the key the last time it looked at it; None before it has."""

        self.firmware: str | None = None
        """What runs there, which a Powerwall 3 tells by no other way."""

        self._gateway = gateway
        self._private_key = private_key
        self._client: _Client | None = None
        self._opening = asyncio.Lock()

    async def look(self) -> bool:
        """See whether the gateway takes the key, unless it is known to. Raises `GatewayKeyError` where it does not."""
        if self.verified is not True:
            await self.read_firmware()
        return True

    async def read_firmware(self) -> str:
        """Read what runs there; empty where the answer does not say."""
        system = (await self._ask(lambda client: client.get_firmware_details())).get("system", {})
        version: str = system.get("version", {}).get("text", "")
        self.firmware = next(iter(legible(version).split()), None)
        return self.firmware or ""

    async def config(self) -> ConfigFile:
        """Read what is set."""
        config = await self._ask(lambda client: client.get_config())
        if not ConfigFile.knows(config):
            raise GatewayPayloadError("what is set is not in the answer", path=PATH)
        return ConfigFile.from_dict(config)

    async def controller(self) -> Controller:
        """Read what the device controller tells of the battery."""
        status = await self._ask(lambda client: client.get_status())
        if not Controller.knows(status):
            raise GatewayPayloadError("the controller tells nothing", path=PATH)
        return Controller.from_dict(status)

    async def components(self) -> DeviceComponents:
        """Read what the Powerwall that leads tells of its parts, its own energies among them."""
        components = DeviceComponents.from_dict(await self._ask(lambda client: client.get_components()))
        if components.components is None:
            raise GatewayPayloadError("the parts tell nothing", path=PATH)
        return components

    async def operation(self) -> Operation:
        """Read mode and reserve."""
        return (await self.config()).operation

    async def write(self, values: Mapping[str, Any]) -> None:
        """Set some values, each by its dotted path, and leave all others as they are; sent once.

        The gateway refuses it where somebody else wrote in between.
        """
        await self._ask(lambda client: client.write_config(values))

    async def island(self, *, off_grid: bool) -> None:
        """Leave the grid, with the gateway's own failsafe to come back, or come back to it. Nothing is forced."""
        await self._ask(lambda client: client.set_island_mode(off_grid=off_grid))

    async def close(self) -> None:
        """Close the connection; the next request opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.session.close()

    async def _ask[T](self, request: Callable[[_Client], Awaitable[T]]) -> T:
        """Make a request, and note what it tells of the key."""
        asks_for_us = _asks_for_us.set(True)
        try:
            answer = await self._signed_in_time(request)
        except PowerwallAuthenticationError as err:
            self.verified = False
            if _UNKNOWN_KEY in str(err):
                raise GatewayKeyUnknownError("the gateway does not know the key", path=PATH) from err
            raise GatewayKeyUnconfirmedError("nobody confirmed the key at the Powerwall", path=PATH) from err
        except PowerwallFaultError as err:
            await self.close()  # it may be another gateway by now, whose number is not known yet
            if err.fault in _WRONG_TIME:
                raise GatewayClockError("the clocks of gateway and Home Assistant differ", path=PATH) from err
            raise GatewayRefusedError("the gateway refused the message", path=PATH, reason=err.fault) from err
        except PowerwallConnectionError as err:
            raise GatewayTimeoutError("the gateway did not answer in time", path=PATH) from err
        except PowerwallError as err:
            raise GatewayAnswerError("the gateway answered something else", path=PATH, reason=_reason(err)) from err
        except _NOT_CAUGHT as err:
            raise GatewayPayloadError("the answer is no signed message", path=PATH) from err
        finally:
            _asks_for_us.reset(asks_for_us)
        self.verified = True
        return answer

    async def _signed_in_time[T](self, request: Callable[[_Client], Awaitable[T]]) -> T:
        """Make a request, and once more where it waited for its turn until the signature was too old."""
        client = await self._opened()
        try:
            try:
                return await request(client)
            except PowerwallFaultError as err:
                if err.fault not in _WRONG_TIME:
                    raise
            return await request(client)
        except RuntimeError as err:
            if not client.session.closed:
                raise
            raise GatewayUnreachableError("the connection was closed by ourselves", path=PATH) from err

    async def _opened(self) -> _Client:
        """Give the client; whatever reads the key is slow, and does not hold up the event loop."""
        async with self._opening:
            if self._client is None:
                din = await self._gateway.tedapi_din()
                connection = self._gateway.connection
                place = connection.address.url.removeprefix("https://")
                session = connection.open_library_session()
                try:
                    self._client = await asyncio.to_thread(_Client, din, place, self._private_key, session)
                except BaseException:
                    await session.close()
                    raise
            return self._client


class _Client(PowerwallClient):
    """The library's client, which is told the gateway's number instead of logging in for it."""

    def __init__(self, din: str, place: str, private_key: bytes, session: ClientSession) -> None:
        super().__init__(
            host=place, gateway_password="", rsa_private_key_pem=private_key, session=session, timeout=_PATIENCE
        )
        self.session = session
        self._number = din

    @override
    async def connect(self) -> str:
        return self._number

    @override
    async def get_components(self) -> dict[str, Any]:
        """Add whose parts they are, which the answer does not say."""
        return {**await super().get_components(), "din": self._number}


def _reason(err: PowerwallError) -> str:
    return discreet(str(err)).strip()[:200]
