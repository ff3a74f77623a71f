"""Send signed requests, which firmware of 2026 accepts from the owner's key.

The library `aiopowerwall` implements the protocol. It never logs in: signed requests need no session. Only the
gateway's DIN does, and comes from the client's session. The gateway rejects a key that was not confirmed at the
Powerwall.

No other module of this package needs the library.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
import json
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
from aiopowerwall.queries import COMPONENTS_QUERY, CONTROLLER_QUERY
from tesla_protocol.energy_device import teg_api_pb2

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
    GatewayNotFoundError,
    GatewayRefusedError,
    GatewayTimeoutError,
    KeyProblem,
)
from ..models import AuthorizedKey, BatteryTemperatures, ConfigFile, Controller, DeviceComponents, FullBackup, Operation
from ..text_redaction import strip_control_characters
from .keys import public_part

PATH: Final = "/tedapi/v1r"

_TIMEOUT: Final = 60.0
"""Seconds for one request and its wait in the queue. The transport limits the request itself."""

_FAULT: Final = "MESSAGEFAULT_ERROR_"
"""Prefix of the names of all faults."""

_WRONG_TIME: Final = frozenset({f"{_FAULT}TIME_EXPIRED", f"{_FAULT}TIME_TO_LIVE_TOO_LONG"})

_KEY_FAULTS: Final = {
    "UNKNOWN_KEY_ID": KeyProblem.UNKNOWN,
    "INACTIVE_KEY": KeyProblem.INACTIVE,
    "INSUFFICIENT_PRIVILEGES": KeyProblem.NOT_PERMITTED,
    "INVALID_SIGNATURE": KeyProblem.BAD_SIGNATURE,
    "REMOTE_ACCESS_DISABLED": KeyProblem.REMOTE_ACCESS,
}
"""Faults of the key, by their names in Tesla's message definitions. For some of them the library raises an
authentication error that contains the name."""

_KEY_MESSAGES: Final = {
    KeyProblem.UNKNOWN: "the gateway does not know the signing key",
    KeyProblem.UNCONFIRMED: "the signing key was not confirmed at the Powerwall",
    KeyProblem.INACTIVE: "the signing key was disabled",
    KeyProblem.NOT_PERMITTED: "the signing key may not do that",
    KeyProblem.BAD_SIGNATURE: "the gateway finds the signature wrong",
    KeyProblem.REMOTE_ACCESS: "remote access is turned off at the gateway",
}

_EMPTY: Final = "response is empty"
"""The library's error for a message without content and without a fault. Some firmware responds to an unknown key like
that (pypowerwall, issue 352)."""

_NOT_WRITTEN: Final = "updateFile response missing"
"""The library's error for a rejected write: the file has changed since it was read."""

_NO_COMMAND: Final = ("teg response missing", "authorization response missing", "(status code 12)")
"""The library's errors for a command that the firmware does not support: of 0.4, and of 0.8 (UNIMPLEMENTED)."""

_UNCONVERTED: Final = (AttributeError, EOFError, LookupError, TypeError, ValueError, zlib.error)
"""Errors that the library does not convert for a malformed response, and those of incompatible newer versions."""

MORE_SIGNALS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    COMPONENTS_QUERY: {
        "bmsSignalNames": (
            "BMS_kwhDischargeTotal",
            "BMS_LOG_cacAvg",
            "BMS_LOG_numFullBattCycles",
            "BMS_LOG_selfDischargeRate",
        ),
        "hvpSignalNames": ("HVP_PackTempMax", "HVP_PackTempMin"),
        "pchSignalNames": ("PCH_AmbientTemp", "PCH_FanSpeed_A", "PCH_FanSpeed_B"),
    },
    CONTROLLER_QUERY: {"msaSignals": ("PINV_HeatsinkTemp",)},
}
"""Signals that the library does not request, by its query and the variable of that.

Tesla's signature covers the query but not its variables. A gateway leaves out the signals that it does not know
(pypowerwall: the first query on a Powerwall 3 with 26.18.1 and 26.26.11, the second on a Powerwall 2 with 26.18.3 and
26.34.0).
"""

_in_request: ContextVar[bool] = ContextVar("in_request", default=False)


def _is_of_others(_: logging.LogRecord) -> bool:
    """Return False for the library's log of our requests: it contains whole responses with personal data."""
    return not _in_request.get()


for _name in ("aiopowerwall.client", "aiopowerwall.transport"):
    logging.getLogger(_name).addFilter(_is_of_others)


class SignedGateway:
    """Signed requests to one gateway. `private_key` is an RSA key, PEM.

    Every method raises a child of `GatewayError` and nothing else: `GatewayKeyError` if the gateway does not accept the
    key, `GatewayNotFoundError` if it has no signed requests, `GatewayRateLimitError` if it is busy, and others.
    """

    def __init__(self, gateway: PowerwallGateway, private_key: bytes) -> None:
        self.verified: bool | None = None
        """True if the gateway accepted the key in the last request, None before the first."""

        self.firmware: str | None = None
        """Firmware version. A Powerwall 3 reports it in no other way."""

        self.private_key = private_key
        """PEM."""

        self._gateway = gateway
        self._client: _Client | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._accepted = False
        """True if the gateway accepted a signed request since the last `check_key`."""

    async def check_key(self) -> bool:
        """Check that the gateway accepts the key, by a request unless another one was accepted meanwhile.

        Raises `GatewayKeyError` if it does not, or the error of the request.
        """
        if not self._accepted or self.firmware is None:
            await self.read_firmware()
        self._accepted = False
        return True

    async def read_firmware(self) -> str:
        """Return the firmware version, empty if the response has none."""
        system = (await self._ask(lambda client: client.get_firmware_details())).get("system", {})
        version: str = system.get("version", {}).get("text", "")
        self.firmware = next(iter(strip_control_characters(version).split()), None)
        return self.firmware or ""

    async def config(self) -> ConfigFile:
        """Return the settings."""
        config = await self._ask(lambda client: client.get_config())
        if not ConfigFile.has_known_key(config):
            raise GatewayInvalidResponseError("the response has no settings", path=PATH)
        return ConfigFile.from_dict(config)

    async def controller(self) -> Controller:
        """Return the state of the battery by the device controller."""
        status = await self._ask(lambda client: client.get_status())
        if not Controller.has_known_key(status):
            raise GatewayInvalidResponseError("the response has no data of the controller", path=PATH)
        return Controller.from_dict(status)

    async def components(self) -> DeviceComponents:
        """Return the components of the leader, with their energies."""
        components = DeviceComponents.from_dict(await self._ask(lambda client: client.get_components()))
        if components.slots is None:
            raise GatewayInvalidResponseError("the response has no components", path=PATH)
        return components

    async def temperatures(self) -> BatteryTemperatures:
        """Return the temperatures of the Powerwall 2. No other request needs this long response."""
        controller = await self._ask(lambda client: client.get_device_controller())
        if not BatteryTemperatures.has_known_key(controller):
            raise GatewayInvalidResponseError("the response has no components", path=PATH)
        return BatteryTemperatures.from_dict(controller)

    async def operation(self) -> Operation:
        """Return operation mode and backup reserve."""
        return (await self.config()).operation

    async def write(self, values: Mapping[str, Any]) -> None:
        """Set some values by their dotted paths, and keep all others. Sent once.

        Raises `CommandError` (CONFLICT) if the file was changed at the same time.
        """
        await self._ask(lambda client: client.write_config(values))

    async def island(self, *, off_grid: bool) -> None:
        """Go off-grid with the gateway's own failsafe to reconnect, or reconnect to the grid.

        Going off-grid is forced: several firmwares accept an unforced command and stay on the grid (26.2.1 on a
        Powerwall 3, 26.10.0 on a Powerwall 2: python-tesla-fleet-api, pull 33). Forcing may override the gateway's own
        refusals, such as too little energy. The caller checks the grid and the state of charge first.
        """
        await self._ask(lambda client: client.set_island_mode(off_grid=off_grid, force=off_grid))

    async def full_backup(self) -> FullBackup:
        """Return the full backup, scheduled by anyone. One that is over is left out, which the gateway still lists."""
        manual = (await self._ask(lambda client: client.get_backup_events()))["manual_backup"]
        end = manual["end_time"] if manual else 0
        try:
            until = datetime.fromtimestamp(end, UTC)
        except (OverflowError, OSError, ValueError) as err:
            raise GatewayInvalidResponseError("the full backup has no valid end", path=PATH) from err
        return FullBackup(until=until if until > datetime.now(UTC) else None)

    async def schedule_full_backup(self, seconds: int) -> None:
        """Start a full backup, which replaces another one. Sent once.

        Raises `GatewayNotFoundError` if the firmware does not support it.
        """
        await self._ask(lambda client: client.schedule_max_backup(seconds))

    async def cancel_full_backup(self) -> None:
        """Cancel the full backup, if there is one. The library ignores a rejection: read `full_backup` afterwards."""
        await self._ask(lambda client: client.cancel_max_backup())

    async def dispatch(self, power: float, seconds: int) -> None:
        """Set the power of the battery in W, above zero to discharge, for a while. Sent once.

        The gateway ends it by itself. Its response is empty: read the meters afterwards. Raises `GatewayNotFoundError`
        if the firmware does not support it.
        """
        await self._ask(lambda client: client.dispatch(power, seconds))

    async def resume(self) -> None:
        """End what `dispatch` set. The gateway accepts this also if nothing is set."""
        await self._ask(lambda client: client.dispatch(None))

    async def authorized_keys(self) -> tuple[AuthorizedKey, ...]:
        """Return the keys that are registered at the gateway.

        Raises `GatewayNotFoundError` if the firmware does not list them.
        """
        clients = (await self._ask(lambda client: client.list_authorized_clients()))["clients"]
        return tuple(AuthorizedKey.from_dict({**client}) for client in clients)

    async def remove_key(self) -> None:
        """Remove the key from the gateway, which rejects it from then on.

        Raises `GatewayNotFoundError` if the gateway still accepts it afterwards. Its response does not say so, and the
        library ignores a rejection.
        """
        public_key = await asyncio.to_thread(public_part, self.private_key)
        await self._ask(lambda client: client.remove_authorized_client(public_key))
        try:
            await self.read_firmware()
        except GatewayKeyError as err:
            if err.problem is not KeyProblem.UNKNOWN:
                raise
        else:
            raise GatewayNotFoundError("the gateway still accepts the key", path=PATH)

    async def close(self) -> None:
        """Close the connection, also one that is being opened."""
        self._closed = True
        if self._client is not None:
            await self._client.session.close()

    async def _ask[T](self, request: Callable[[_Client], Awaitable[T]]) -> T:
        """Make a request, convert its errors, and note if the key was accepted."""
        token = _in_request.set(True)
        try:
            response = await self._signed_in_time(request)
        except PowerwallAuthenticationError as err:
            raise self._rejected(_key_problem(str(err)) or KeyProblem.UNCONFIRMED) from err
        except PowerwallFaultError as err:
            if err.fault in _WRONG_TIME:
                raise GatewayClockError("the clocks of gateway and Home Assistant differ", path=PATH) from err
            if problem := _key_problem(err.fault):
                raise self._rejected(problem) from err
            raise GatewayRefusedError(
                "the gateway refused the message", path=PATH, reason=_fault_name(err.fault)
            ) from err
        except GatewayAuthenticationRequiredError as err:
            if err.path != PATH:
                raise
            raise self._rejected(KeyProblem.NOT_PERMITTED) from err  # no login is involved, so it is the key
        except PowerwallConnectionError as err:
            raise GatewayTimeoutError("the gateway did not respond in time", path=PATH) from err
        except PowerwallError as err:
            raise self._unexpected(str(err)) from err
        except _UNCONVERTED as err:
            raise GatewayInvalidResponseError("the response is no signed message", path=PATH) from err
        finally:
            _in_request.reset(token)
        self.verified = self._accepted = True
        return response

    def _rejected(self, problem: KeyProblem) -> GatewayKeyError:
        """Note that the key was rejected, and return the error."""
        self.verified = self._accepted = False
        return GatewayKeyError(_KEY_MESSAGES[problem], problem=problem, path=PATH)

    def _unexpected(self, message: str) -> GatewayError:
        """Return the error for a response that the library rejected, by the library's message."""
        if _EMPTY in message:
            return self._rejected(KeyProblem.UNKNOWN)
        if _NOT_WRITTEN in message:
            self.verified = self._accepted = True
            return CommandError(
                "something else changed the settings at the same time", reason=CommandFailure.CONFLICT, path=PATH
            )
        if any(text in message for text in _NO_COMMAND):
            self.verified = self._accepted = True
            return GatewayNotFoundError("the firmware does not support the command", path=PATH)
        return GatewayInvalidResponseError("the response does not belong to the request", path=PATH)

    async def _signed_in_time[T](self, request: Callable[[_Client], Awaitable[T]]) -> T:
        """Make a request, and repeat it once if the signature expired while it was queued."""
        client = await self._opened()
        try:
            try:
                return await request(client)
            except PowerwallFaultError as err:
                if err.fault not in _WRONG_TIME:
                    raise
            return await request(client)
        except PowerwallFaultError:
            client.forget_din()  # it may be another gateway
            raise
        except RuntimeError as err:
            if not client.session.closed:
                raise
            raise GatewayConnectionError("the connection was closed by ourselves", path=PATH) from err

    async def _opened(self) -> _Client:
        """Return the client. It parses the key, which is slow, in a thread."""
        async with self._opening:
            if self._client is None:
                session = self._gateway.connection.open_library_session()
                try:
                    self._client = await asyncio.to_thread(_Client, self._gateway, self.private_key, session)
                except BaseException:
                    await session.close()
                    raise
            client = self._client
        if self._closed:
            await client.session.close()
            raise GatewayConnectionError("the connection was closed by ourselves", path=PATH)
        return client


class _Client(PowerwallClient):
    """The library's client, with the DIN from our client instead of a login."""

    def __init__(self, gateway: PowerwallGateway, private_key: bytes, session: ClientSession) -> None:
        host = gateway.connection.address.url.removeprefix("https://")
        super().__init__(
            host=host, gateway_password="", rsa_private_key_pem=private_key, session=session, timeout=_TIMEOUT
        )
        self.session = session
        self._gateway = gateway
        self._din: str | None = None
        self._reading = asyncio.Lock()

    @override
    async def connect(self) -> str:
        async with self._reading:
            if self._din is None:
                self._din = await self._gateway.signing_din()
            return self._din

    async def dispatch(self, power: float | None, seconds: int = 0) -> None:
        """Set the power of the battery in W for a while, or end that. Version 0.8 of the library has methods for it."""
        if power is None and (resume := getattr(self, "resume_battery_operation", None)):
            await resume()
            return
        if power is not None and (dispatch := getattr(self, "dispatch_battery_power", None)):
            await dispatch(power, seconds)
            return

        def populate(request: teg_api_pb2.TEGAPIDispatchBatteryPowerRequest) -> None:
            if power is None:
                request.resume_device_mode.SetInParent()
            else:
                request.real_power.power_watts, request.real_power.duration_seconds = power, seconds

        await self._send_command_request(
            await self.connect(),
            category="teg",
            message_cls=teg_api_pb2.TEGMessages,
            request_field="dispatch_battery_power_request",
            response_field="dispatch_battery_power_response",
            populate=populate,
        )

    def forget_din(self) -> None:
        """Read the DIN again before the next request."""
        self._din = None

    @override
    async def get_components(self) -> dict[str, Any]:
        """Add the DIN, which the response does not contain."""
        return {**await super().get_components(), "din": await self.connect()}

    @override
    async def _query_graphql(self, query_text: str, code: bytes, variables: str, *args: Any, **kwargs: Any) -> str:
        """Request more signals in the same request.

        A version of the library without this private method requests its own signals only.
        """
        if added := MORE_SIGNALS.get(query_text):
            names = json.loads(variables)
            more = {variable: [*names.get(variable, ()), *signals] for variable, signals in added.items()}
            variables = json.dumps(names | more)
        return await super()._query_graphql(query_text, code, variables, *args, **kwargs)


def _key_problem(text: str) -> KeyProblem | None:
    """Return the problem of the key by the name of a fault in a text; None for other faults."""
    return next((problem for fault, problem in _KEY_FAULTS.items() if fault in text), None)


def _fault_name(fault: str) -> str:
    return fault.removeprefix(_FAULT).replace("_", " ").lower()
