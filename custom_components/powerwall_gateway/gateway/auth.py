"""Log in and keep the session: one login at a time, and longer waits after each failed one.

A gateway with too many logins returns 429 for minutes, and one below 20.49 stops the Powerwall at every login.
So there is no login where it stops the Powerwall, or may. The last known firmware counts until another is read.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from time import monotonic, time
from typing import Any, Final, Self

import orjson

from .backoff import wait_after
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayRateLimitError,
    GatewayResponseError,
    LoginProblem,
)
from .firmware import login_stops_powerwall, login_wants_force
from .models import LoginMemory, Session, Status
from .transport import Response, Transport

_PATH = "login/Basic"
_STARTING = timedelta(minutes=5)
_SESSION_COOKIES = ("AuthCookie", "UserRecord")

_OF_POWERWALL_3: Final[Mapping[str, type[GatewayResponseError]]] = {
    "meters/aggregates": GatewayAuthenticationRequiredError,
    "system_status/soe": GatewayAuthenticationRequiredError,
    "system_status/grid_status": GatewayAuthenticationRequiredError,
    "sitemaster": GatewayNotFoundError,
    "status": GatewayNotFoundError,
}
"""Responses of a Powerwall 3 without a login (reference, 1 and 3.2)."""

FIRST_WHEN_LOST: Final = 2.0
LONGEST_WHEN_LOST: Final = 60.0
"""Seconds until the next login after a lost response, or where no login was sent yet."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """User and password of a login."""

    password: str = field(repr=False)
    username: str = "customer"
    """Owners are `customer` since 1.37; 1.15 ignores it."""

    email: str = "home.assistant@example.invalid"
    """Required by some firmware, checked by none."""

    @classmethod
    def of_customer(cls, serial: str) -> Self:
        """Return the customer's default on the first gateways: the last five characters of the serial."""
        return cls(password=serial[-5:])

    @classmethod
    def of_installer(cls, serial: str) -> Self:
        """Return the installer's default up to 1.4x: the gateway's serial after an S. Seed, "Wizard"."""
        return cls(username="installer", password=f"S{serial}")


class SessionManager:
    """Hold the session with one gateway."""

    FIRST_WAIT = 30.0
    LONGEST_WAIT = 1800.0

    def __init__(self, connection: Transport, credentials: Credentials | None = None) -> None:
        self.session: Session | None = None
        self.refusals = 0
        """Number of logins in a row that the gateway refused."""

        self.status: Status | None = None
        """The last `status` with a version; None if the gateway never returned one."""

        self._is_powerwall_3 = False
        """True if it is proven to be one."""

        self._denied: set[str] = set()
        """Paths that were denied to the session, with no other session available. It is kept: a gateway that
        starts denies everything for a while."""

        self._connection = connection
        self._credentials = credentials
        self._turn = asyncio.Lock()
        self._failures = 0
        self._lost = 0
        self._not_before = 0.0
        self._last_error: GatewayError | None = None
        """Without its cause, which holds the password."""

        self._forbidden: dict[str, tuple[int, float]] = {}
        """By path that was denied to a new session, too: how often in a row, and until when it causes no login."""

        self._in_vain = 0
        """Logins in a row after which the path that required them was denied again."""

        self._is_new = False
        """True until the last login was counted as one in vain."""

    @property
    def is_good(self) -> bool:
        """Return whether there is a session that was not denied anything. The gateway may have ended it."""
        return self.session is not None and not self._denied

    @property
    def possible(self) -> bool:
        """Return whether there are credentials."""
        return self._credentials is not None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers for a request below `/api/`."""
        return self.session.headers if self.session else {}

    @property
    def bearer(self) -> dict[str, str]:
        """Return the headers for a request outside `/api/`, where no client was seen to send cookies."""
        return self.session.bearer if self.session else {}

    async def renew(
        self,
        spent: Session | None = None,
        *,
        denied: GatewayAuthenticationRequiredError | None = None,
        allow_stop: bool = False,
        status: Status | None = None,
    ) -> Session:
        """Return a valid session, logging in if needed.

        `spent` is the session that was `denied` something. If another task has replaced it, there is no login.
        `status` is read before a login, unless the caller has just read it.

        Raises `GatewayLoginError` if the login is refused, `GatewayAuthenticationRequiredError` (`stops_powerwall`)
        if it may stop the Powerwall and `allow_stop` is not set, and `GatewayPermissionDeniedError` for a path
        that a new session was denied a while ago. Until the wait after a failed login is over, raises its error again.
        """
        async with self._turn:
            if self.session is not None and self.session is not spent and (spent is not None or self.is_good):
                return self.session
            if denied:
                if monotonic() < self._forbidden.get(denied.path, (0, 0.0))[1]:
                    raise permission_denied(denied)
                self._denied.add(denied.path)
            if self._last_error is not None and monotonic() < self._not_before:
                raise self._last_error.bare()  # the one that is kept would collect a traceback at every poll
            try:
                known = self.status
                status = status or await self._read_status()
                if allow_stop or not await self._may_stop(known, status):
                    self.session = await self._log_in(force=login_wants_force(status or known))
                    self.refusals = 0
                    self._is_new = True
                    self._denied.clear()
                    return self.session
            except GatewayError as err:
                self.failed(err, status)
                raise
            # Nothing was sent, so there is nothing to wait for.
            why = "the firmware is not known, and a login may stop the Powerwall"
            if self.status is not None:
                why = "on this firmware a login stops the Powerwall"
            raise GatewayAuthenticationRequiredError(f"not logged in: {why}", path=_PATH, stops_powerwall=True)

    def note(self, status: Status) -> None:
        """Note what `status` returned. One without a version replaces none that has one."""
        self._is_powerwall_3 = False
        if self.status is None or status.release is not None:
            self.status = status

    async def _may_stop(self, known: Status | None, status: Status | None) -> bool:
        """Return whether a login may stop the Powerwall, by the status before or the one that was just read.

        New firmware counts from the second login on. A 404 of `status` proves nothing.
        """
        if known is None and status is None and not self._is_powerwall_3:
            self._is_powerwall_3 = await is_powerwall_3(self._connection)
            return not self._is_powerwall_3
        return login_stops_powerwall(known) or login_stops_powerwall(status)

    def failed(self, err: GatewayError, status: Status | None = None) -> None:
        """Wait before the next login, longer after each failure: 30 s doubling to 30 min.

        Seconds are enough if the response was lost, or no login was sent yet. `refusals` does not count refusals
        of a gateway that is starting, which refuses good passwords, or for reasons other than the password.
        """
        self.refusals += isinstance(err, GatewayLoginError) and err.about_password and not _is_starting(status)
        if err.path != _PATH or isinstance(err, GatewayConnectionError | GatewayCertificateError):
            self._lost += 1
            wait = wait_after(self._lost, FIRST_WHEN_LOST, LONGEST_WHEN_LOST)
        else:
            self._failures += 1
            self._lost = 0
            wait = wait_after(self._failures, self.FIRST_WAIT, self.LONGEST_WAIT)
        if isinstance(err, GatewayRateLimitError):
            wait = max(wait, err.retry_after)
        self._not_before = monotonic() + wait
        self._last_error = err.bare()

    def still_denied(self, err: GatewayAuthenticationRequiredError) -> GatewayPermissionDeniedError:
        """Note that a path is denied to a new session, too, and return the error for it.

        The role lacks the permission: the path waits before it causes another login, longer each time. If one path
        after the other is denied, and none responds in between, the gateway is starting, and all logins wait.
        """
        failures = self._forbidden.get(err.path, (0, 0.0))[0] + 1
        wait = wait_after(failures, self.FIRST_WAIT, self.LONGEST_WAIT)
        self._forbidden[err.path] = failures, monotonic() + wait
        if self._is_new:
            self._is_new = False
            self._in_vain += 1
            if self._in_vain > 1:
                wait = wait_after(self._in_vain - 1, self.FIRST_WAIT, self.LONGEST_WAIT)
                message = "the gateway denies everything to a new session"
                self.failed(GatewayRateLimitError(message, path=_PATH, retry_after=wait))
        return permission_denied(err)

    def accepted(self, path: str, *, renewed: bool = False) -> None:
        """Note a response to `path`. The session is good if the path was denied before.

        While logins are in vain, any path proves it but `status`, which requires no login.
        """
        self._forbidden.pop(path, None)
        if renewed or path in self._denied or (self._in_vain and path != "status"):
            self._denied.clear()
            self._failures = self._lost = self._in_vain = 0
            self._last_error = None

    async def end(self) -> None:
        """End the session at the gateway: `GET /api/logout`, 204."""
        if self.session is not None:
            headers, self.session = self.session.headers, None
            self._denied.clear()
            await self._connection.request("GET", "logout", headers=headers, once=True)

    def export(self) -> dict[str, Any]:
        """Return the session and the wait after failures, as JSON to keep over a restart. It is a secret."""
        session = self.session
        waits = self._last_error is not None
        return {
            "session": session
            and {
                "token": session.token,
                "cookies": dict(session.cookies or {}),
                "roles": list(session.roles or ()),
            },
            "failures": self._failures if waits else 0,
            "refusals": self.refusals if waits else 0,
            "not_before": time() + self._not_before - monotonic() if waits else 0.0,
            "firmware": self.status.version if self.status else None,
        }

    def restore(self, exported: object) -> None:
        """Restore what `export` returned, without invalid values. The clock may have been set meanwhile."""
        memory = LoginMemory.read(exported) or LoginMemory()
        if memory.session and memory.session.token:
            self.session = memory.session
        if memory.firmware and self.status is None:
            self.status = Status.read({"version": memory.firmware})
        if memory.failures and memory.failures > 0 and memory.not_before:
            self._failures = memory.failures
            self.refusals = max(0, memory.refusals or 0)
            self._not_before = monotonic() + min(self.LONGEST_WAIT, memory.not_before - time())
            self._last_error = GatewayRateLimitError("still waiting after the last failed login", path=_PATH)

    async def _read_status(self) -> Status | None:
        try:
            response = await self._connection.request("GET", "status")
        except GatewayNotFoundError:
            return None
        status = Status.read(_json(response)) or Status()
        self.note(status)
        return status

    async def _log_in(self, *, force: bool) -> Session:
        if self._credentials is None:
            raise GatewayLoginError("a login is required and there is no password", path=_PATH)
        payload = asdict(self._credentials) | {"force_sm_off": force}
        try:
            response = await self._connection.request("POST", _PATH, json=payload, once=True)
        except GatewayAuthenticationRequiredError as err:
            raise _refusal(err) from err
        except GatewayNotFoundError as err:
            # Not a `GatewayNotFoundError`, which callers would take for that of the path that required the login.
            raise GatewayResponseError("the gateway has no login (404)", path=_PATH, status=err.status) from err
        session = Session.read(_json(response))
        if not session or not session.token:
            raise GatewayInvalidResponseError(
                "the response to the login has no token", path=_PATH, status=response.status
            )
        cookies = {name: response.cookies[name] for name in _SESSION_COOKIES if response.cookies.get(name)}
        return replace(session, cookies=cookies)


async def is_powerwall_3(connection: Transport) -> bool:
    """Return whether a gateway responds as a Powerwall 3 does without a login.

    Any gateway that starts may return 404 for `status`. But below 20.49, where a login stops the Powerwall,
    live data require no login. A Powerwall 3 always uses TLS.
    """
    if connection.fingerprint is None:
        return False
    for path, expected in _OF_POWERWALL_3.items():
        try:
            await connection.request("GET", path)
        except expected:
            continue
        except GatewayRateLimitError:
            raise
        except GatewayResponseError:
            pass
        return False
    return True


def permission_denied(err: GatewayAuthenticationRequiredError) -> GatewayPermissionDeniedError:
    """Return the error for a request that is denied to a new session, too."""
    return GatewayPermissionDeniedError(
        "this login may not do that", path=err.path, status=err.status, reason=err.reason
    )


def _is_starting(status: Status | None) -> bool:
    return status is not None and status.up_time is not None and status.up_time < _STARTING


def _refusal(err: GatewayAuthenticationRequiredError) -> GatewayLoginError:
    """Return the error for a refused login, by the gateway's own text (seen on 1.15 to 24.36)."""
    problem, message = LoginProblem.CREDENTIALS, "the gateway refused the login"
    if "default password" in err.reason:
        problem, message = LoginProblem.DEFAULT_PASSWORD, "the gateway requires a new password first"
    elif "physical access" in err.reason:
        problem, message = (
            LoginProblem.SWITCH_NEEDED,
            "turn a Powerwall off and on first",
        )
    elif err.status == 403 and "credential" not in err.reason.lower():  # a wrong password is 401, "bad credentials"
        problem, message = LoginProblem.FORBIDDEN, "the gateway forbids the login, whatever the password"
    return GatewayLoginError(message, problem=problem, path=_PATH, status=err.status, reason=err.reason)


def _json(response: Response) -> Any:
    try:
        return orjson.loads(response.body)
    except ValueError:
        return None
