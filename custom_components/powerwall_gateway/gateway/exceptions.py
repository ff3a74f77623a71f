"""Exceptions of the client.

A class exists only where callers handle it differently. Everything that a gateway or a network
can do ends in one of them, so no error of aiohttp, JSON or the network leaves this package.
Wrong arguments raise `ValueError`.
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Self, override


@dataclass(eq=False, repr=False)
class GatewayError(Exception):
    """Base of all errors of a gateway."""

    message: str
    _: KW_ONLY
    path: str = ""
    """The requested path below `/api/`, empty if the error is not about a single one."""

    @override
    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def bare(self) -> Self:
        """Return a copy without traceback and causes, whose frames hold passwords and tokens."""
        bare = type(self).__new__(type(self), *self.args)
        bare.__dict__.update(self.__dict__)
        return bare


class GatewayConnectionError(GatewayError):
    """No response: check the address, the network, and that the gateway has power."""


class GatewayTimeoutError(GatewayConnectionError):
    """No response in time: the gateway is busy, or its Wi-Fi dropped out. Try again later."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayCertificateError(GatewayError):
    """The certificate is not the trusted one. Nothing was sent, and the owner has to decide."""

    fingerprint: bytes
    """The SHA-256 of the new certificate."""


class WrongGatewayError(GatewayError):
    """Another gateway responds at this address."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayResponseError(GatewayError):
    """The gateway responded with an error, or with something unexpected."""

    status: int = 0
    """The HTTP status, 0 if there was no response."""

    reason: str = ""
    """The gateway's own text, trimmed (`error` of its envelope `{"code", "error", "message"}`), or empty."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayAuthenticationRequiredError(GatewayResponseError):
    """HTTP 401 or 403: a login is needed, or the session has ended."""

    stops_powerwall: bool = False
    """True if no login was sent, because on this firmware it stops the Powerwall, or may.

    Only the stop-safety supervisor logs in there."""


class GatewayPermissionDeniedError(GatewayAuthenticationRequiredError):
    """HTTP 401 or 403 with a valid session: this login's role may not do that. Trying again does not help."""


class GatewayNotFoundError(GatewayResponseError):
    """HTTP 404: this firmware has no such path, or the gateway is starting. Wait for `absent_for` seconds."""


class GatewayRefusedError(GatewayResponseError):
    """HTTP 400, 405, 409, 417 or 500: the gateway does not do it, or not now; `reason` has its own text."""


class GatewayStoppedError(GatewayResponseError):
    """HTTP 502: the Powerwall is stopped and has no live data. Everything else still responds."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayRateLimitError(GatewayResponseError):
    """HTTP 429 or 503: too many requests or too busy."""

    retry_after: float = 60.0
    """Seconds to wait before the next request."""

    named: bool = False
    """True if the gateway named that time itself."""

    @property
    def is_for_logins(self) -> bool:
        """Return whether the limit is for logins alone."""
        return self.path.startswith("login/")


class GatewayInvalidResponseError(GatewayResponseError):
    """The response is not the JSON of this path: other firmware, or not a gateway at all."""


class LoginProblem(StrEnum):
    """Reasons of a gateway to refuse a login."""

    CREDENTIALS = "credentials"
    """The password is wrong, of another user, or missing."""

    DEFAULT_PASSWORD = "default_password"  # noqa: S105 - the name of a problem
    """The password from the label is no longer accepted (24.36 and later): the owner has to set one first."""

    FORBIDDEN = "forbidden"
    """HTTP 403 for a reason that isn't the password.

    Seen: "unexpected request origin" (home-assistant/core#129440), and 403 since 2026 (evcc-io/evcc#32002).
    """

    SWITCH_NEEDED = "switch_needed"
    """The installer login requires proof of presence (1.50 and later): turn a Powerwall off and on."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayLoginError(GatewayResponseError):
    """The gateway refused the login: `problem` says why, `reason` has its own text."""

    problem: LoginProblem = LoginProblem.CREDENTIALS

    @property
    def about_password(self) -> bool:
        """Return whether another password may help."""
        return self.problem in {LoginProblem.CREDENTIALS, LoginProblem.DEFAULT_PASSWORD}


class KeyProblem(StrEnum):
    """Reasons of a gateway not to accept a signing key."""

    UNKNOWN = "unknown"
    """The key was never registered for this gateway, or it was removed."""

    UNCONFIRMED = "unconfirmed"
    """The key is registered, but was not confirmed at the Powerwall, or not in time."""

    INACTIVE = "inactive"
    """The key is registered, and was disabled."""

    NOT_PERMITTED = "not_permitted"
    """The key is accepted, but not for what was requested."""

    BAD_SIGNATURE = "bad_signature"
    """The signature does not fit the key or the gateway."""

    REMOTE_ACCESS = "remote_access"
    """The owner turned off remote access, and signed requests with it."""


@dataclass(eq=False, repr=False, kw_only=True)
class GatewayKeyError(GatewayResponseError):
    """The gateway does not accept requests signed with the key; `problem` says why. Nothing was changed."""

    problem: KeyProblem


class GatewayClockError(GatewayResponseError):
    """The gateway rejects the time of a new signature: its clock or Home Assistant's is wrong."""


class CommandFailure(StrEnum):
    """Reasons why a command was not sent, not accepted or not carried out."""

    NOT_ALLOWED = "not_allowed"
    """This login or this firmware may not set mode and reserve. Trying again does not help."""

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

    BACKUP_NOT_CANCELED = "backup_not_canceled"
    """The gateway accepted to cancel the full backup, and still shows it."""

    GRID_POLICY_NOT_APPLIED = "grid_policy_not_applied"
    """The gateway accepted what may flow to or from the grid, and shows something else."""

    NOT_ON_GRID = "not_on_grid"
    """The home has not been on the grid for a minute, so stopping the Powerwall could black it out."""

    UNSURE = "unsure"
    """Not everything could be read that says whether stopping the Powerwall is safe, so nothing was sent."""

    BUSY = "busy"
    """An earlier login or stop is still in progress. Try again in a minute or two."""

    TOO_MANY_LOGINS = "too_many_logins"
    """The logins of the last 24 hours that stop the Powerwall have reached their limit."""

    NO_GRID_TO_LEAVE = "no_grid_to_leave"
    """The home is off-grid already, by an outage or on purpose."""

    CHARGE_TOO_LOW = "charge_too_low"
    """The state of charge is too low to go off-grid. `charge` and `least` are in app %."""

    ISLANDING_UNSURE = "islanding_unsure"
    """The grid status or the state of charge could not be read, so nothing was sent."""

    ISLANDING_NOT_FOLLOWED = "islanding_not_followed"
    """The gateway accepted to go off-grid or to reconnect, and does not show it. It may still follow."""

    DISPATCH_UNSURE = "dispatch_unsure"
    """Grid, charge or reserve could not be read, so the power of the battery was not set."""

    DISPATCH_OFF_GRID = "dispatch_off_grid"
    """The home is off-grid, so the power of the battery is not set."""

    DISPATCH_GRID_SERVICES = "dispatch_grid_services"
    """The utility uses the battery, so its power is not set."""

    DISPATCH_BELOW_RESERVE = "dispatch_below_reserve"
    """The battery may not discharge: `charge` is not above `least`, both in app %."""

    DISPATCH_EXPORTS = "dispatch_exports"
    """A discharge would export to the grid, or more than may be exported."""

    DISPATCH_IMPORTS = "dispatch_imports"
    """A charge would import from the grid, or more than may be imported."""

    DISPATCH_DURING_BACKUP = "dispatch_during_backup"
    """The gateway does a full backup by itself, so the power of the battery is not set."""

    DISPATCH_REPLACED = "dispatch_replaced"
    """Someone changed mode or reserve while the power of the battery was set."""

    DISPATCH_NOT_FOLLOWED = "dispatch_not_followed"
    """The gateway accepted a power of the battery, which has `power` instead."""

    DISPATCH_NOT_ENDED = "dispatch_not_ended"
    """The gateway accepted to end a power of the battery, which still has it. It ends by itself."""

    UNFINISHED = "unfinished"
    """The gateway accepted, and was still at work when the time to wait was over. It may still finish."""


@dataclass(eq=False, repr=False, kw_only=True)
class CommandError(GatewayError):
    """A command was not sent, not accepted or not carried out: `reason` says which.

    The other attributes are None, or an empty text, unless the reason's description names them.
    """

    reason: CommandFailure
    response: GatewayResponseError | None = None
    mode: str | None = None
    reserve: float | None = None
    """App %, 0 to 100."""

    firmware: str = ""
    charge: float | None = None
    least: float | None = None
    power: float | None = None
    """W, above zero to discharge."""


class JournalError(GatewayError):
    """The recovery journal could not be written or read, or is corrupt: the storage is full or broken."""
