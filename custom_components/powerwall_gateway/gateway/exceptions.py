"""What can go wrong between us and the gateway.

One base, few children. A child exists only where the caller does something
different about it; everything a gateway or a network can do ends in one of them,
so that no aiohttp, JSON or Python error leaves this package.
"""

from enum import StrEnum
from typing import Self, override


class GatewayError(Exception):
    """Base of everything this package raises.

    `path` is the API path below `/api/` that was asked (empty when no single path was).
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    @override
    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def bare(self) -> Self:
        """Return a copy to keep: without traceback and causes, whose frames hold passwords and tokens."""
        bare = type(self).__new__(type(self), *self.args)
        bare.__dict__.update(self.__dict__)
        return bare


class GatewayConnectionError(GatewayError):
    """Nobody answered: check the address, the network, and that the gateway has power."""


class GatewayTimeoutError(GatewayConnectionError):
    """The gateway took longer than we wait: it is busy or its Wi-Fi dropped out; ask again later."""


class GatewayCertificateError(GatewayError):
    """Another certificate than the one that was trusted: nothing was sent; the owner decides."""

    def __init__(self, message: str, *, fingerprint: bytes, path: str = "") -> None:
        super().__init__(message, path=path)
        self.fingerprint = fingerprint


class WrongGatewayError(GatewayError):
    """Another gateway answers than the one that was met: its address has changed hands; the owner looks for it."""


class GatewayResponseError(GatewayError):
    """The gateway answered, but not with what was asked for.

    `status` is the HTTP status; `reason` the gateway's own words, trimmed (`error` of
    its envelope `{"code", "error", "message"}`), or empty.
    """

    def __init__(self, message: str, *, path: str = "", status: int = 0, reason: str = "") -> None:
        super().__init__(message, path=path)
        self.status = status
        self.reason = reason


class GatewayAuthenticationRequiredError(GatewayResponseError):
    """HTTP 401 or 403: a login is needed, or the session has ended.

    `stops_powerwall`: the login was not sent, because on this firmware it stops the Powerwall, or may.
    Only the stop-safety supervisor logs in there.
    """

    def __init__(
        self, message: str, *, path: str = "", status: int = 0, reason: str = "", stops_powerwall: bool = False
    ) -> None:
        super().__init__(message, path=path, status=status, reason=reason)
        self.stops_powerwall = stops_powerwall


class GatewayPermissionDeniedError(GatewayAuthenticationRequiredError):
    """HTTP 401 or 403 with a session that is good: this login's role may not do that. Asking again will not help."""


class GatewayNotFoundError(GatewayResponseError):
    """HTTP 404: this firmware has no such path, or the gateway starts up. Do not ask again for `absent_for` seconds."""


class GatewayRefusedError(GatewayResponseError):
    """HTTP 400, 405, 409, 417 or 500: the gateway will not do it, or not now; `reason` has its own words."""


class GatewayStoppedError(GatewayResponseError):
    """HTTP 502: the Powerwall is stopped and has no live data. It is there, and everything else still answers."""


class GatewayRateLimitError(GatewayResponseError):
    """HTTP 429 or 503: too many requests or too busy; wait `retry_after` seconds before asking again.

    `named` tells whether the gateway named that time itself.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        status: int = 0,
        reason: str = "",
        retry_after: float = 60.0,
        named: bool = False,
    ) -> None:
        super().__init__(message, path=path, status=status, reason=reason)
        self.retry_after = retry_after
        self.named = named

    @property
    def is_for_logins(self) -> bool:
        """Whether the limit is for logins alone."""
        return self.path.startswith("login/")


class GatewayInvalidResponseError(GatewayResponseError):
    """The answer is not the JSON that belongs to this path: other firmware, or not a gateway at all."""


class LoginProblem(StrEnum):
    """Why the gateway refused a login."""

    CREDENTIALS = "credentials"
    """The password is wrong, not this user's, or missing."""

    DEFAULT_PASSWORD = "default_password"  # noqa: S105 - the name of a problem
    """The password from the label is no longer accepted (24.36 and later): the owner has to set one first."""

    FORBIDDEN = "forbidden"
    """HTTP 403 for a reason that isn't the password.

    Seen: "unexpected request origin" (home-assistant/core#129440), and 403 since 2026 (evcc-io/evcc#32002).
    """

    SWITCH_NEEDED = "switch_needed"
    """The installer login requires proof of presence (1.50 and later): turn a Powerwall off and on."""


class GatewayLoginError(GatewayResponseError):
    """The gateway refused the login: `problem` says why, `reason` has its own words."""

    def __init__(
        self,
        message: str,
        *,
        problem: LoginProblem = LoginProblem.CREDENTIALS,
        path: str = "",
        status: int = 0,
        reason: str = "",
    ) -> None:
        super().__init__(message, path=path, status=status, reason=reason)
        self.problem = problem

    @property
    def about_password(self) -> bool:
        """Whether another password may help."""
        return self.problem in {LoginProblem.CREDENTIALS, LoginProblem.DEFAULT_PASSWORD}


class KeyProblem(StrEnum):
    """Why a gateway does not accept a signing key."""

    UNKNOWN = "unknown"
    """The key was never registered for this gateway, or it was removed."""

    UNCONFIRMED = "unconfirmed"
    """The key is registered, and nobody confirmed it at the Powerwall, or not in time."""

    INACTIVE = "inactive"
    """The key is registered, and was disabled."""

    NOT_PERMITTED = "not_permitted"
    """The key is accepted, but not for what was requested."""

    BAD_SIGNATURE = "bad_signature"
    """The signature does not fit the key or the gateway."""

    REMOTE_ACCESS = "remote_access"
    """The owner turned off remote access, and signed requests with it."""


class GatewayKeyError(GatewayResponseError):
    """The gateway does not accept requests signed with the key; `problem` says why. Nothing was changed."""

    def __init__(self, message: str, *, problem: KeyProblem, path: str = "") -> None:
        super().__init__(message, path=path)
        self.problem = problem


class GatewayClockError(GatewayResponseError):
    """The gateway takes a signature that was just made for one of another time: one of the two clocks is wrong."""


class CommandFailure(StrEnum):
    """Why a command was not sent, not accepted or not carried out."""

    NOT_ALLOWED = "not_allowed"
    """This login or this firmware may not set mode and reserve. Asking again will not help."""

    REFUSED = "refused"
    """The gateway refused mode and reserve, and the battery goes on as before. `response` is how."""

    STOPPED = "stopped"
    """The Powerwall is stopped, or not known to run, so nothing was sent: a commit would also apply other changes."""

    UNREADABLE = "unreadable"
    """A write sets both mode and reserve, and the one that is to stay could not be read. Nothing was sent."""

    STORED_ONLY = "stored_only"
    """The gateway stored mode and reserve and refused the commit, so it does not follow them. `response` is how."""

    STORED_STOPPED = "stored_stopped"
    """The gateway stored mode and reserve, and the Powerwall stopped before the commit."""

    NOT_APPLIED = "not_applied"
    """The gateway accepted mode and reserve, and shows the error's `mode` and `reserve`."""

    NOT_FOLLOWED = "not_followed"
    """The gateway shows the new mode and reserve, and the battery does not follow. `firmware` is what it runs."""

    CONFLICT = "conflict"
    """Something else changed the settings between reading and writing them, so the write was not stored."""

    UNKNOWN = "unknown"
    """A response was lost, and mode and reserve could not be read back. Setting them again is safe."""

    GRID_POLICY_NOT_APPLIED = "grid_policy_not_applied"
    """The gateway accepted what may flow to or from the grid, and shows something else."""

    NOT_ON_GRID = "not_on_grid"
    """The home has not been on the grid for a minute, so stopping the Powerwall could black it out."""

    UNSURE = "unsure"
    """It could not be read that stopping the Powerwall does no harm, which counts as no."""

    BUSY = "busy"
    """An earlier login or stop is still in progress. Try again in a minute or two."""

    TOO_MANY_LOGINS = "too_many_logins"
    """The logins of the last 24 hours that stop the Powerwall have reached their limit."""

    NO_GRID_TO_LEAVE = "no_grid_to_leave"
    """The home is off-grid already, by an outage or on purpose."""

    CHARGE_TOO_LOW = "charge_too_low"
    """The state of charge is too low to go off-grid. `charge` and `least` are in app %."""

    ISLANDING_UNSURE = "islanding_unsure"
    """The grid status or the state of charge could not be read, which counts as no."""

    ISLANDING_NOT_FOLLOWED = "islanding_not_followed"
    """The gateway accepted to go off-grid or to reconnect, and does not show it. It may still follow."""

    UNFINISHED = "unfinished"
    """The gateway accepted, and was still at work when the time to wait was over. It may still finish."""


class CommandError(GatewayError):
    """A command was not sent, not accepted or not carried out: `reason` says which.

    The other attributes are None, or an empty text, unless the reason's description names them.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: CommandFailure,
        path: str = "",
        response: GatewayResponseError | None = None,
        mode: str | None = None,
        reserve: float | None = None,
        firmware: str = "",
        charge: float | None = None,
        least: float | None = None,
    ) -> None:
        super().__init__(message, path=path)
        self.reason = reason
        self.response = response
        self.mode = mode
        self.reserve = reserve
        """App %, 0 to 100."""

        self.firmware = firmware
        self.charge = charge
        self.least = least


class JournalError(GatewayError):
    """The recovery journal could not be written or read, or is corrupt: the storage is full or broken."""
