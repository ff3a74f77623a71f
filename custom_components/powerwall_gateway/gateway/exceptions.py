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


class GatewayUnfinishedError(GatewayTimeoutError):
    """What the gateway began took longer than we wait: it may still come to its end; look again later."""


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
    """HTTP 401 or 403: a login is needed, or the session has ended."""


class GatewayLoginStopsError(GatewayAuthenticationRequiredError):
    """A login is needed, and was not sent: it stops the Powerwall on this firmware. Only the guard may."""


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


class GatewayLoginLimitError(GatewayRateLimitError):
    """HTTP 429 at a login: too many of them; wait `retry_after` seconds before the next."""


class GatewayInvalidResponseError(GatewayResponseError):
    """The answer is not the JSON that belongs to this path: other firmware, or not a gateway at all."""


class GatewayLoginError(GatewayResponseError):
    """The login was refused: the password is wrong, or it is not this user's."""

    about_password = True
    """Whether another password may help."""


class GatewayDefaultPasswordError(GatewayLoginError):
    """The password from the label is no longer taken (24.36 and later): the owner has to set one of their own first."""


class GatewayLoginForbiddenError(GatewayLoginError):
    """HTTP 403 to a login, for a reason that isn't the password; `reason` has the gateway's own words.

    Seen: "unexpected request origin" (home-assistant/core#129440), and 403 since 2026 (evcc-io/evcc#32002).
    """

    about_password = False


class GatewaySwitchNeededError(GatewayLoginError):
    """The installer's login wants proof of presence (1.50 and later): somebody has to flip a Powerwall's switch."""

    about_password = False


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


class GatewayConflictError(GatewayRefusedError):
    """Something else changed the settings between reading and writing them, so the write was not stored."""


class GatewayClockError(GatewayResponseError):
    """The gateway takes a signature that was just made for one of another time: one of the two clocks is wrong."""


class OperationError(GatewayError):
    """Mode and reserve are not known to be as they were asked for; the child says how far it came.

    `mode` and `reserve` (app %, 0 to 100) are what was asked for, completed by what stood
    before as soon as that was read; None before, where nothing was asked.
    """

    def __init__(self, message: str, *, mode: str | None, reserve: float | None) -> None:
        super().__init__(message, path="operation")
        self.mode = mode
        self.reserve = reserve


class OperationInvalidError(OperationError):
    """No gateway takes that: a reserve outside 0 to 100, an unknown mode, or neither. Nothing was sent."""


class OperationRefusedError(OperationError):
    """The gateway refused the write or the commit, or it was not tried: the battery goes on as before.

    `status` is the HTTP status and `reason` the gateway's own words, 0 and empty where it was
    not asked. `stored` says that the write went through, but not the commit: the gateway
    keeps the values and does not follow them, until somebody commits.
    """

    def __init__(
        self,
        message: str,
        *,
        mode: str | None,
        reserve: float | None,
        status: int = 0,
        reason: str = "",
        stored: bool = False,
    ) -> None:
        super().__init__(message, mode=mode, reserve=reserve)
        self.status = status
        self.reason = reason
        self.stored = stored


class OperationNotAllowedError(OperationRefusedError):
    """Not with this login's role, or not on this firmware. Asking again will not help."""


class OperationStoppedError(OperationRefusedError):
    """The Powerwall is stopped, or is not known to run: a commit now would commit somebody's half-done set-up, too."""


class OperationNotAppliedError(OperationError):
    """The gateway accepted write and commit, and shows something else all the same.

    `standing_mode` and `standing_reserve` (app %) are what it shows; None where it shows none.
    """

    def __init__(
        self,
        message: str,
        *,
        mode: str | None,
        reserve: float | None,
        standing_mode: str | None,
        standing_reserve: float | None,
    ) -> None:
        super().__init__(message, mode=mode, reserve=reserve)
        self.standing_mode = standing_mode
        self.standing_reserve = standing_reserve


class OperationNotFollowedError(OperationError):
    """The gateway stored mode and reserve and shows them, and the battery does something else.

    `firmware` is what runs there, empty where it is not told: some of it only stores what is signed.
    """

    def __init__(self, message: str, *, mode: str | None, reserve: float | None, firmware: str) -> None:
        super().__init__(message, mode=mode, reserve=reserve)
        self.firmware = firmware


class OperationUnknownError(OperationError):
    """An answer was lost, and reading back could not tell what became of the write. Setting it again is safe."""


class RuleNotAppliedError(GatewayError):
    """The gateway accepted what may flow to or from the grid, and shows something else all the same."""


class GuardError(GatewayError):
    """The guard did not dare it. Nothing was sent that changes anything; the children say what stood in the way."""


class GuardGridError(GuardError):
    """The grid is not there, or not for a minute yet: stopping the Powerwall now could black out the house."""


class GuardNotRunningError(GuardError):
    """The Powerwall is stopped already, by somebody else: starting it again is not for us to decide."""


class GuardUnsureError(GuardError):
    """The gateway did not say for sure that all is well, which counts as no."""


class GuardBusyError(GuardError):
    """An earlier login or stop of ours is not over yet: ask again in a minute or two."""


class GuardLoginLimitError(GuardError):
    """There were three logins in the last 24 hours."""


class GuardJournalError(GuardError):
    """The journal could not be written or read, or does not hold what was written: the storage is full or broken."""


class IslandError(GatewayError):
    """The house did not leave the grid, or did not come back to it; the children say why."""


class IslandGridError(IslandError):
    """There is no grid to leave: an outage, or it was left already."""


class IslandUnsureError(IslandError):
    """The gateway did not say for sure whether there is a grid and how full the battery is, which counts as no."""


class IslandChargeError(IslandError):
    """The battery is too low to live from. `charge` and `least` are in app %."""

    def __init__(self, message: str, *, charge: float, least: float) -> None:
        super().__init__(message, path="v2/islanding/mode")
        self.charge = charge
        self.least = least


class IslandNotFollowedError(IslandError):
    """The gateway accepted the order, and `grid_status` does not show it; it may still follow."""
