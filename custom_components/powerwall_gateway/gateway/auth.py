"""Credentials to session, with manners.

A gateway that is logged in to too often answers 429 for minutes, and one below 20.49 stops
the Powerwall at every login. So: one login in flight however many callers want it, a wait
that grows after each failure and outlives a restart, and none at all where it would stop
the Powerwall, or may: what was known once about the firmware stands until another is read.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from time import monotonic, time
from typing import Any, Final, Self

import orjson

from .backoff import LONGEST_RETRY_AFTER, wait_after
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
from .models import LoginMemory, LoginRecord, Status
from .transport import Answer, Transport

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
"""How a Powerwall 3 answers without a login (reference, 1 and 3.2)."""

FIRST_WHEN_LOST: Final = 2.0
LONGEST_WHEN_LOST: Final = 60.0
"""Seconds before the next login when an answer was lost, or nothing was sent: nobody refused anything."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who logs in. The password is never shown."""

    password: str = field(repr=False)
    username: str = "customer"
    """Owners are `customer` since 1.37; 1.15 ignores it."""

    email: str = "home.assistant@example.invalid"
    """Wanted by some firmware, checked by none; echoed back."""

    @classmethod
    def of_customer(cls, serial: str) -> Self:
        """Give the owner's as the first gateways came with them: the last five of the serial."""
        return cls(password=serial[-5:])

    @classmethod
    def of_installer(cls, serial: str) -> Self:
        """Give the installer's, which are the gateway's serial behind an S, up to 1.4x. Seed, "Wizard"."""
        return cls(username="installer", password=f"S{serial}")


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a login gave. Several live side by side on one gateway, for hours or longer."""

    token: str = field(repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    roles: tuple[str, ...] = ()
    """`Home_Owner`, `Provider_Engineer`, …"""

    @cached_property
    def headers(self) -> dict[str, str]:
        """Present the session: as a Bearer, and by the cookies where the gateway set them (1.37 and later).

        Some firmware of early 2021 accepts the cookies only, other firmware the Bearer only (reference, 3.2).
        """
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return self.bearer | ({"Cookie": cookies} if cookies else {})

    @cached_property
    def bearer(self) -> dict[str, str]:
        """Present the session by its token."""
        return {"Authorization": f"Bearer {self.token}"}


class SessionManager:
    """Keeps a session with one gateway, or none where there are no credentials."""

    FIRST_WAIT = 30.0
    LONGEST_WAIT = 1800.0

    def __init__(self, connection: Transport, credentials: Credentials | None = None) -> None:
        self.session: Session | None = None
        self.refusals = 0
        """How many logins in a row the gateway refused."""

        self.status: Status | None = None
        """The gateway's, as it was last read with a version in it; None where it never answered."""

        self._is_powerwall_3 = False
        """Whether that was proven."""

        self._denied: set[str] = set()
        """Paths that were denied to the session, with no other to be had. It is kept all the same: a gateway that
        starts up denies everything to everybody for a while."""

        self._connection = connection
        self._credentials = credentials
        self._turn = asyncio.Lock()
        self._failures = 0
        self._lost = 0
        self._not_before = 0.0
        self._last_error: GatewayError | None = None
        """Without what it was raised from: that holds the password."""

        self._forbidden: dict[str, tuple[int, float]] = {}
        """By path that was denied to a new session, too: how often in a row, and until when no login is made for it."""

        self._in_vain = 0
        """Logins in a row after which the path that needed them was denied all the same."""

        self._is_new = False
        """Whether nothing is known yet of what the last login was good for."""

    @property
    def is_good(self) -> bool:
        """Whether there is a session, as far as is known: the gateway may have dropped it."""
        return self.session is not None and not self._denied

    @property
    def possible(self) -> bool:
        """Whether there is anything to log in with."""
        return self._credentials is not None

    @property
    def headers(self) -> dict[str, str]:
        """What to send along with a request."""
        return self.session.headers if self.session else {}

    @property
    def bearer(self) -> dict[str, str]:
        """What to send along with a request outside of `/api/`, where no client was seen to send cookies."""
        return self.session.bearer if self.session else {}

    async def renew(
        self,
        spent: Session | None = None,
        *,
        denied: GatewayAuthenticationRequiredError | None = None,
        although_it_stops: bool = False,
        status: Status | None = None,
    ) -> Session:
        """Log in, unless somebody replaced the `spent` session meanwhile, which was `denied` something.

        Raises `GatewayAuthenticationRequiredError` (`stops_powerwall`) where it would stop the Powerwall or
        may, but for a caller who knows and starts it again, `GatewayLoginError` when it is refused, and
        `GatewayPermissionDeniedError` for a path that another session was denied a while ago. After a
        failed login the same error comes back, without asking, until the wait is over.

        The gateway's `status` is read first, unless the caller has just done so: then nothing
        comes between what it looked at last and the login.
        """
        async with self._turn:
            if self.session is not None and self.session is not spent and (spent is not None or self.is_good):
                return self.session
            if denied:
                if monotonic() < self._forbidden.get(denied.path, (0, 0.0))[1]:
                    raise _not_allowed(denied)
                self._denied.add(denied.path)
            if self._last_error is not None and monotonic() < self._not_before:
                raise self._last_error.bare()  # the one that is kept would gather a traceback with every poll
            starting = False
            try:
                known = self.status
                status = status or await self._read_status()
                starting = _is_starting(status)
                if although_it_stops or not await self._may_stop(known, status):
                    self.session = await self._log_in(force=login_wants_force(status or known))
                    self.refusals = 0
                    self._is_new = True
                    self._denied.clear()
                    return self.session
            except GatewayError as err:
                self.failed(err, starting=starting)
                raise
            # Nothing was sent, so there is nothing to wait for.
            why = "the firmware is not known, and a login may stop the Powerwall"
            if self.status is not None:
                why = "on this firmware a login stops the Powerwall"
            raise GatewayAuthenticationRequiredError(f"not logged in: {why}", path=_PATH, stops_powerwall=True)

    def note(self, status: Status) -> None:
        """Note what the gateway's `status` answered. What was known stands where no version is told."""
        self._is_powerwall_3 = False
        if self.status is None or status.release is not None:
            self.status = status

    async def _may_stop(self, known: Status | None, status: Status | None) -> bool:
        """Tell whether a login may stop the Powerwall, by what was known before or by what was just read.

        Firmware that was just updated is believed at the next login. A 404 of `status` proves nothing.
        """
        told = [each for each in (known, status) if each is not None]
        if not told and not self._is_powerwall_3:
            self._is_powerwall_3 = await is_powerwall_3(self._connection)
            return not self._is_powerwall_3
        return any(login_stops_powerwall(each) for each in told)

    def failed(self, err: GatewayError, *, starting: bool = False) -> None:
        """Wait before the next login, longer after each failure: 30 s doubling to 30 min.

        Seconds are enough where the gateway did not answer, or no login was sent yet. A refusal by
        a gateway that is `starting` says nothing of the password, nor does one for another reason.
        """
        self.refusals += isinstance(err, GatewayLoginError) and err.about_password and not starting
        if err.path != _PATH or isinstance(err, GatewayConnectionError | GatewayCertificateError):
            self._lost += 1
            wait = wait_after(self._lost, FIRST_WHEN_LOST, LONGEST_WHEN_LOST)
        else:
            self._failures += 1
            self._lost = 0
            wait = wait_after(self._failures, self.FIRST_WAIT, self.LONGEST_WAIT)
        if isinstance(err, GatewayRateLimitError):
            wait = max(wait, min(err.retry_after, LONGEST_RETRY_AFTER))
        self._not_before = monotonic() + wait
        self._last_error = err.bare()

    def still_denied(self, err: GatewayAuthenticationRequiredError) -> GatewayPermissionDeniedError:
        """Note that a path is denied to a new session, too, and give the error that says so.

        It is the role that is too low: the path waits before it costs another login, longer each
        time, and nothing else does. Where one path after the other is denied, with nothing
        answered in between, the gateway starts up, and all logins wait.
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
        return _not_allowed(err)

    def accepted(self, path: str, *, renewed: bool = False) -> None:
        """Note an answer: one that was denied before tells that the session is as good as ever.

        So does any while logins are in vain, but for `status`, which is open to everybody.
        """
        self._forbidden.pop(path, None)
        if renewed or path in self._denied or (self._in_vain and path != "status"):
            self._denied.clear()
            self._failures = self._lost = self._in_vain = 0
            self._last_error = None

    async def end(self) -> None:
        """Give the session back: `GET /api/logout`, 204. The gateway ends the one that is sent along."""
        if self.session is not None:
            headers, self.session = self.session.headers, None
            self._denied.clear()
            await self._connection.request("GET", "logout", headers=headers, once=True)

    def export(self) -> dict[str, Any]:
        """Give the session, and how long to wait after failures, as JSON to keep over a restart. It is a secret."""
        session = self.session
        waits = self._last_error is not None
        return {
            "session": {"token": session.token, "cookies": dict(session.cookies), "roles": list(session.roles)}
            if session
            else None,
            "failures": self._failures if waits else 0,
            "refusals": self.refusals if waits else 0,
            "not_before": time() + self._not_before - monotonic() if waits else 0.0,
            "firmware": self.status.version if self.status else None,
        }

    def restore(self, exported: object) -> None:
        """Take up what `export` gave; what makes no sense is left out. The clock may have been set meanwhile."""
        memory = LoginMemory.read(exported) or LoginMemory()
        if (record := memory.session) and record.token:
            cookies = record.cookies or {}
            self.session = Session(token=record.token, cookies=cookies, roles=record.roles or ())
        if memory.firmware and self.status is None:
            self.status = Status.read({"version": memory.firmware})
        if memory.failures and memory.failures > 0 and memory.not_before:
            self._failures = memory.failures
            self.refusals = max(0, memory.refusals or 0)
            self._not_before = monotonic() + min(self.LONGEST_WAIT, memory.not_before - time())
            self._last_error = GatewayRateLimitError("still waiting after the last failed login", path=_PATH)

    async def _read_status(self) -> Status | None:
        try:
            answer = await self._connection.request("GET", "status")
        except GatewayNotFoundError:
            return None
        status = Status.read(_json(answer)) or Status()
        self.note(status)
        return status

    async def _log_in(self, *, force: bool) -> Session:
        if self._credentials is None:
            raise GatewayLoginError("the gateway wants a login and there is no password", path=_PATH)
        try:
            answer = await self._connection.request(
                "POST",
                _PATH,
                json={
                    "username": self._credentials.username,
                    "password": self._credentials.password,
                    "email": self._credentials.email,
                    "force_sm_off": force,
                },
                once=True,
            )
        except GatewayAuthenticationRequiredError as err:
            raise _refusal(err) from err
        except GatewayNotFoundError as err:
            # Not a `GatewayNotFoundError`: it would be taken for that of the path that needed the login.
            raise GatewayResponseError("the gateway has no login (404)", path=_PATH, status=err.status) from err
        record = LoginRecord.read(_json(answer)) or LoginRecord()
        if not record.token:
            raise GatewayInvalidResponseError(
                "the login was answered without a token", path=_PATH, status=answer.status
            )
        return Session(
            token=record.token,
            cookies={name: answer.cookies[name] for name in _SESSION_COOKIES if answer.cookies.get(name)},
            roles=record.roles or (),
        )


async def is_powerwall_3(connection: Transport) -> bool:
    """Return whether it answers as a Powerwall 3 does to somebody without a login.

    A 404 of `status` alone may come from any gateway that starts up. But below 20.49, where a login
    stops the Powerwall, live data are read without one. A Powerwall 3 always encrypts.
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


def _not_allowed(err: GatewayAuthenticationRequiredError) -> GatewayPermissionDeniedError:
    return GatewayPermissionDeniedError(
        "this login may not do that", path=err.path, status=err.status, reason=err.reason
    )


def _is_starting(status: Status | None) -> bool:
    """Tell whether the gateway has just started: it refuses good passwords until it is ready."""
    return status is not None and status.up_time is not None and status.up_time < _STARTING


def _refusal(err: GatewayAuthenticationRequiredError) -> GatewayLoginError:
    """Tell by the gateway's words why it refused a login (seen on 1.15 to 24.36)."""
    problem, message = LoginProblem.CREDENTIALS, "the gateway refused the login"
    if "default password" in err.reason:
        problem, message = LoginProblem.DEFAULT_PASSWORD, "the gateway wants a password of the owner's own first"
    elif "physical access" in err.reason:
        problem, message = LoginProblem.SWITCH_NEEDED, "the gateway wants a Powerwall's switch flipped first"
    elif err.status == 403 and "credential" not in err.reason.lower():  # a wrong password is 401, "bad credentials"
        problem, message = LoginProblem.FORBIDDEN, "the gateway forbids the login, whatever the password"
    return GatewayLoginError(message, problem=problem, path=_PATH, status=err.status, reason=err.reason)


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except ValueError:
        return None
