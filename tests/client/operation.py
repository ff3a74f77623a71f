"""Set mode and reserve on a simulated gateway, and read what it received."""

import asyncio
from collections.abc import Awaitable, Callable
import json
from typing import Any

from aiohttp import ClientSession

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    LocalOperationController,
    OperationSettings,
    PowerwallGateway,
    Transport,
    find,
)
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.models import OperationMode
from simulator import Simulator
from tests.helpers import address_of, limit_hanging_requests

SELF_POWERED, BACKUP = OperationMode.SELF_CONSUMPTION, OperationMode.BACKUP
INSTALLER = "Provider_Engineer"

WRITE, COMMIT = "POST operation", "GET config/completed"
LOOK, CHECK, FIRMWARE = "GET operation", "GET sitemaster", "GET status"
BEFORE = [FIRMWARE, CHECK, LOOK]
"""Requests before a write."""
CHANGE = [*BEFORE, WRITE, CHECK, COMMIT, LOOK]
"""Requests of a successful change."""

NEW_SETTINGS = ("backup", 33.5)
"""The settings after `set(mode=BACKUP, reserve=30)`: app 30% is raw 33.5%."""
OLD_SETTINGS = ("self_consumption", 24)
"""The settings at the start: app 20%."""

ERRORS = {
    400: "invalid request body",
    401: "Invalid Token",
    403: "Unable to POST to resource",
    409: "Sitemaster is current running",
    417: "waiting",
    429: "Api Limit reached for this endpoint",
    500: "Cannot Start Wizard",
    503: "current config mode is busy",
}

STATUSES = [400, 401, 403, 409, 417, 429, 500, 502, 503]
DENIED = [401, 403]
NOT_DENIED = [status for status in STATUSES if status not in DENIED]

NO_JSON: dict[str, dict[str, Any]] = {
    "HTML": {"status": 200, "body": b"<html>busy</html>", "content_type": "text/html"},
    "half a JSON": {"status": 200, "body": b'{"mode": "bac'},
    "null": {"status": 200, "body": b"null"},
    "a list": {"status": 200, "body": b"[]"},
    "something else": {"status": 200, "body": {"percentage": 50}},
}
"""Malformed responses, which do not show whether the request succeeded."""

LOST: dict[str, dict[str, Any]] = {"closed during the response": {"drop": True}, "hangs": {"delay": 30.0}, **NO_JSON}


HURRIED, PATIENT = 0.1, 10.0
"""Seconds to read back. A change that is in effect only later needs the second, which a busy machine keeps."""


class Operator:
    """A client that sets mode and reserve with the installer's credentials, and its gateway."""

    def __init__(self, simulator: Simulator, powerwall: PowerwallGateway, *, may_log_in: bool, patience: float) -> None:
        self.simulator = simulator
        self.powerwall = powerwall
        self.logins = 0
        """Number of safe logins."""
        self.operation = LocalOperationController(
            powerwall, log_in=self._log_in if may_log_in else None, read_back=read_back(patience)
        )

    async def _log_in(self) -> None:
        """Log in like the supervisor: the login stops the Powerwall, so start it again."""
        self.logins += 1
        assert self.simulator.running
        await self.powerwall.login(allow_stop=True)
        await self.powerwall.sitemaster_run()
        assert (await self.powerwall.sitemaster()).running

    @property
    def asked(self) -> list[str]:
        """All requests so far, without those of logins."""
        requests = [f"{request.method} {request.path}" for request in self.simulator.requests]
        assert not [request for request in requests if "stop" in request]
        return [request for request in requests if request not in ("POST login/Basic", "GET sitemaster/run")]

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The bodies of all writes with a session."""
        return [
            json.loads(request.body)
            for request in self.simulator.requests
            if request.method == "POST" and request.path == "operation" and request.authenticated
        ]

    @property
    def commits(self) -> int:
        """The number of commits."""
        return self.asked.count(COMMIT)

    @property
    def follows(self) -> tuple[str, float]:
        """The mode and the reserve that the battery follows."""
        return (self.simulator.home.mode, self.simulator.home.reserve)

    @property
    def stored(self) -> tuple[str, float]:
        """The mode and the reserve that the gateway stores, committed or not."""
        return (self.simulator.gateway.operation.mode, self.simulator.gateway.operation.reserve)

    def may(self) -> bool:
        """Return whether setting is allowed now."""
        return self.operation.allowed

    async def set(self, **wish: Any) -> OperationSettings:
        """Set values, and return the rounded result."""
        return rounded(await self.operation.set(**wish))

    def lose_session(self) -> None:
        """End all sessions at the gateway."""
        self.simulator.tokens.clear()

    def fail_at_write(self, **fault: Any) -> None:
        """Inject a fault into the write. The read before it succeeds."""
        self._let_pass(1)
        self.simulator.faults.add("operation", times=1, **fault)

    def fail_at_read_back(self, **fault: Any) -> None:
        """Inject a fault into the reads after the write. The read before it and the write succeed."""
        self._let_pass(2)
        self.simulator.faults.add("operation", **fault)

    def fail_at_commit(self, **fault: Any) -> None:
        """Inject a fault into the commit."""
        self.simulator.faults.add("config/completed", times=1, **fault)

    def hurry_after_the_commit(self) -> None:
        """Soon give up reading back, however long the gateway took before the commit."""

        async def hurry() -> None:
            self.operation.read_back = read_back(HURRIED)

        self.after("config_completed", hurry)

    def after(self, call: str, happens: Callable[[], Awaitable[None]]) -> None:
        """Call `happens` once, right after the next call of a method of the client returns."""
        original = getattr(self.powerwall, call)

        async def both(*args: Any, **options: Any) -> Any:
            setattr(self.powerwall, call, original)
            response = await original(*args, **options)
            await happens()
            return response

        setattr(self.powerwall, call, both)

    def _let_pass(self, times: int) -> None:
        self.simulator.faults.add("operation", delay=1e-6, times=times)


class HeldWrite:
    """Hold the next write after its check that the Powerwall runs, until `let_go`."""

    def __init__(self, operator: Operator) -> None:
        self.begun, self._go = asyncio.Event(), asyncio.Event()
        operator.after("sitemaster", self._wait)

    async def _wait(self) -> None:
        self.begun.set()
        await self._go.wait()

    def let_go(self) -> None:
        """Continue the write."""
        self._go.set()


def read_back(patience: float) -> Polling:
    """Return short pauses for reading back, up to `patience` seconds."""
    return Polling(0.005, 0.02, patience)


def rounded(settings: OperationSettings) -> OperationSettings:
    """Return the settings with a rounded reserve."""
    reserve = settings.reserve
    return OperationSettings(mode=settings.mode, reserve=None if reserve is None else round(reserve, 6))


def installer(simulator: Simulator) -> Credentials:
    """Return the credentials of an installer."""
    return Credentials(username="installer", password=simulator.password)


def with_session(
    simulator: Simulator,
    connection: Transport,
    *,
    role: str = INSTALLER,
    may_log_in: bool = False,
    patience: float = HURRIED,
) -> Operator:
    """Return an operator that has a session already."""
    simulator.tokens["from-before"] = role
    operator = without_session(simulator, connection, may_log_in=may_log_in, patience=patience)
    operator.powerwall.restore_login({"session": {"token": "from-before", "roles": [role]}})
    return operator


def without_session(
    simulator: Simulator, connection: Transport, *, may_log_in: bool = True, patience: float = HURRIED
) -> Operator:
    """Return an operator that has to log in first."""
    powerwall = PowerwallGateway(connection, installer(simulator))
    return Operator(simulator, powerwall, may_log_in=may_log_in, patience=patience)


def error_response(status: int) -> dict[str, Any]:
    """Return a fault for an HTTP status with the gateway's error text."""
    if status not in ERRORS:
        return {"status": status}
    return {"status": status, "body": {"code": status, "error": ERRORS[status], "message": "it failed"}}


async def impatient_operator(gateway: Simulator, session: ClientSession, **options: Any) -> Operator:
    """Return an operator that soon gives up a request without a response, and reading back."""
    if gateway.profile.tls:
        gateway.flip_switch()
    connection = await find(session, address_of(gateway))
    limit_hanging_requests(gateway, connection)
    operator = with_session(gateway, connection, **options)
    gateway.requests.clear()
    return operator


async def set_again(operator: Operator) -> None:
    """Set the values again: settings that are possibly not in effect are written again."""
    operator.simulator.faults.clear()
    assert await operator.set(mode=BACKUP, reserve=30) == OperationSettings(mode=BACKUP, reserve=30)
    assert operator.follows == operator.stored == NEW_SETTINGS
