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

from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayClockError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayRefusedError,
    GatewayTimeoutError,
    KeyProblem,
)
from ..models import ConfigFile, Controller, DeviceComponents, Operation
from ..redact import strip_control_characters

PATH: Final = "/tedapi/v1r"

_PATIENCE: Final = 60.0
"""Seconds for one request, with its wait for a turn; the connection has the limit for the request alone."""

_FAULT: Final = "MESSAGEFAULT_ERROR_"
"""What the names of all faults begin with."""

_WRONG_TIME: Final = frozenset({f"{_FAULT}TIME_EXPIRED", f"{_FAULT}TIME_TO_LIVE_TOO_LONG"})

_KEY_FAULTS: Final = {
    "UNKNOWN_KEY_ID": KeyProblem.UNKNOWN,
    "INACTIVE_KEY": KeyProblem.INACTIVE,
    "INSUFFICIENT_PRIVILEGES": KeyProblem.NOT_PERMITTED,
    "INVALID_SIGNATURE": KeyProblem.BAD_SIGNATURE,
    "REMOTE_ACCESS_DISABLED": KeyProblem.REMOTE_ACCESS,
}
"""The faults that are about the key, as Tesla's message definitions name them. For some of them the library raises an
authentication error whose text has the name."""

_KEY_MESSAGES: Final = {
    KeyProblem.UNKNOWN: "the gateway does not know the signing key",
    KeyProblem.UNCONFIRMED: "nobody confirmed the signing key at the Powerwall",
    KeyProblem.INACTIVE: "the signing key was disabled",
    KeyProblem.NOT_PERMITTED: "the signing key may not do that",
    KeyProblem.BAD_SIGNATURE: "the gateway finds the signature wrong",
    KeyProblem.REMOTE_ACCESS: "remote access is turned off at the gateway",
}

_EMPTY: Final = "response is empty"
"""The library's words for a message without content and without a fault: some firmware answers so to a key that it does
not know (pypowerwall, issue 352)."""

_NOT_WRITTEN: Final = "updateFile response missing"
"""The library's words for a write that the gateway answered with an error: the file is not what was read any more."""

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
    where the gateway does not accept the key, `GatewayNotFoundError` where it has no signed
    requests, and `GatewayRateLimitError` where it asks to wait.
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
        self._closed = False
        self._accepted = False
        """Whether the gateway accepted a signed request since the last `look`."""

    async def look(self) -> bool:
        """Check that the gateway accepts the key, by a request of its own unless another one was accepted meanwhile.

        Raises `GatewayKeyError` where it does not, and what kept it from being asked.
        """
        if not self._accepted or self.firmware is None:
            await self.read_firmware()
        self._accepted = False
        return True

    async def read_firmware(self) -> str:
        """Read what runs there; empty where the answer does not say."""
        system = (await self._ask(lambda client: client.get_firmware_details())).get("system", {})
        version: str = system.get("version", {}).get("text", "")
        self.firmware = next(iter(strip_control_characters(version).split()), None)
        return self.firmware or ""

    async def config(self) -> ConfigFile:
        """Read what is set."""
        config = await self._ask(lambda client: client.get_config())
        if not ConfigFile.has_known_key(config):
            raise GatewayInvalidResponseError("what is set is not in the answer", path=PATH)
        return ConfigFile.from_dict(config)

    async def controller(self) -> Controller:
        """Read what the device controller tells of the battery."""
        status = await self._ask(lambda client: client.get_status())
        if not Controller.has_known_key(status):
            raise GatewayInvalidResponseError("the controller tells nothing", path=PATH)
        return Controller.from_dict(status)

    async def components(self) -> DeviceComponents:
        """Read what the Powerwall that leads tells of its parts, its own energies among them."""
        components = DeviceComponents.from_dict(await self._ask(lambda client: client.get_components()))
        if components.slots is None:
            raise GatewayInvalidResponseError("the parts tell nothing", path=PATH)
        return components

    async def operation(self) -> Operation:
        """Read mode and reserve."""
        return (await self.config()).operation

    async def write(self, values: Mapping[str, Any]) -> None:
        """Set some values, each by its dotted path, and leave all others as they are; sent once.

        Raises `CommandError` (CONFLICT) where something else wrote in between.
        """
        await self._ask(lambda client: client.write_config(values))

    async def island(self, *, off_grid: bool) -> None:
        """Leave the grid with the gateway's own failsafe to reconnect, or reconnect to it.

        Leaving is forced: several firmwares accept an unforced order and stay on the grid (26.2.1
        on a Powerwall 3, 26.10.0 on a Powerwall 2: python-tesla-fleet-api, pull 33). Forcing may
        override the gateway's own refusals, such as too little energy. The caller checks the grid
        and the state of charge first.
        """
        await self._ask(lambda client: client.set_island_mode(off_grid=off_grid, force=off_grid))

    async def close(self) -> None:
        """Close the connection for good, also one that is just being opened."""
        self._closed = True
        if self._client is not None:
            await self._client.session.close()

    async def _ask[T](self, request: Callable[[_Client], Awaitable[T]]) -> T:
        """Make a request, and note what it tells of the key."""
        asks_for_us = _asks_for_us.set(True)
        try:
            answer = await self._signed_in_time(request)
        except PowerwallAuthenticationError as err:
            raise self._rejected(_key_problem(str(err)) or KeyProblem.UNCONFIRMED) from err
        except PowerwallFaultError as err:
            if err.fault in _WRONG_TIME:
                raise GatewayClockError("the clocks of gateway and Home Assistant differ", path=PATH) from err
            if problem := _key_problem(err.fault):
                raise self._rejected(problem) from err
            raise GatewayRefusedError("the gateway refused the message", path=PATH, reason=_plain(err.fault)) from err
        except GatewayAuthenticationRequiredError as err:
            if err.path != PATH:
                raise
            raise self._rejected(KeyProblem.NOT_PERMITTED) from err  # nobody is logged in for it, so it is the key
        except PowerwallConnectionError as err:
            raise GatewayTimeoutError("the gateway did not answer in time", path=PATH) from err
        except PowerwallError as err:
            raise self._unexpected(str(err)) from err
        except _NOT_CAUGHT as err:
            raise GatewayInvalidResponseError("the answer is no signed message", path=PATH) from err
        finally:
            _asks_for_us.reset(asks_for_us)
        self.verified = self._accepted = True
        return answer

    def _rejected(self, problem: KeyProblem) -> GatewayKeyError:
        """Note that the gateway does not accept the key, and give the error that says why."""
        self.verified = self._accepted = False
        return GatewayKeyError(_KEY_MESSAGES[problem], problem=problem, path=PATH)

    def _unexpected(self, message: str) -> GatewayError:
        """Give the error for an answer that the library could not use, by the library's words."""
        if _EMPTY in message:
            return self._rejected(KeyProblem.UNKNOWN)
        if _NOT_WRITTEN in message:
            self.verified = self._accepted = True
            return CommandError(
                "something else changed the settings at the same time", reason=CommandFailure.CONFLICT, path=PATH
            )
        return GatewayInvalidResponseError("the answer does not belong to the request", path=PATH)

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
        except PowerwallFaultError:
            client.forget_din()  # it may be another gateway by now
            raise
        except RuntimeError as err:
            if not client.session.closed:
                raise
            raise GatewayConnectionError("the connection was closed by ourselves", path=PATH) from err

    async def _opened(self) -> _Client:
        """Give the client; whatever reads the key is slow, and does not hold up the event loop."""
        async with self._opening:
            if self._client is None:
                connection = self._gateway.connection
                session = connection.open_library_session()
                try:
                    self._client = await asyncio.to_thread(_Client, self._gateway, self._private_key, session)
                except BaseException:
                    await session.close()
                    raise
            client = self._client
        if self._closed:
            await client.session.close()
            raise GatewayConnectionError("the connection was closed by ourselves", path=PATH)
        return client


class _Client(PowerwallClient):
    """The library's client, which is told the gateway's DIN instead of logging in for it."""

    def __init__(self, gateway: PowerwallGateway, private_key: bytes, session: ClientSession) -> None:
        place = gateway.connection.address.url.removeprefix("https://")
        super().__init__(
            host=place, gateway_password="", rsa_private_key_pem=private_key, session=session, timeout=_PATIENCE
        )
        self.session = session
        self._powerwall = gateway
        self._number: str | None = None
        self._reading = asyncio.Lock()

    @override
    async def connect(self) -> str:
        async with self._reading:
            if self._number is None:
                self._number = await self._powerwall.signing_din()
            return self._number

    def forget_din(self) -> None:
        """Read the DIN again before the next request."""
        self._number = None

    @override
    async def get_components(self) -> dict[str, Any]:
        """Add whose parts they are, which the answer does not say."""
        return {**await super().get_components(), "din": await self.connect()}


def _key_problem(text: str) -> KeyProblem | None:
    """Tell from a fault, or a text that names one, what is wrong with the key; None where it is not about the key."""
    return next((problem for fault, problem in _KEY_FAULTS.items() if fault in text), None)


def _plain(fault: str) -> str:
    """Give the name of a fault in words."""
    return fault.removeprefix(_FAULT).replace("_", " ").lower()
