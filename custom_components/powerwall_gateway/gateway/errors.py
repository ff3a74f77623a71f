"""What can go wrong between us and the gateway.

One base, few children. A child exists only where the caller does something
different about it; everything a gateway or a network can do ends in one of them,
so that no aiohttp, JSON or Python error leaves this package.
"""

from typing import override


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


class GatewayUnreachableError(GatewayError):
    """Nobody answered: check the address, the network, and that the gateway has power."""


class GatewayTimeoutError(GatewayUnreachableError):
    """The gateway took longer than we wait: it is busy or its Wi-Fi dropped out; ask again later."""


class GatewayCertificateError(GatewayError):
    """Another certificate than the one that was trusted: nothing was sent; the owner decides."""

    def __init__(self, message: str, *, fingerprint: bytes, path: str = "") -> None:
        super().__init__(message, path=path)
        self.fingerprint = fingerprint


class GatewayAnswerError(GatewayError):
    """The gateway answered, but not with what was asked for.

    `status` is the HTTP status; `reason` the gateway's own words, trimmed (`error` of
    its envelope `{"code", "error", "message"}`), or empty.
    """

    def __init__(self, message: str, *, path: str = "", status: int = 0, reason: str = "") -> None:
        super().__init__(message, path=path)
        self.status = status
        self.reason = reason


class GatewayDeniedError(GatewayAnswerError):
    """HTTP 401 or 403: a login is needed, or the session has ended."""


class GatewayNotAllowedError(GatewayDeniedError):
    """HTTP 401 or 403 with a session that is good: this login's role may not do that. Asking again will not help."""


class GatewayNotFoundError(GatewayAnswerError):
    """HTTP 404: this firmware has no such path. Do not ask again before it changes."""


class GatewayRefusedError(GatewayAnswerError):
    """HTTP 400, 405, 409, 417 or 500: the gateway will not do it, or not now; `reason` has its own words."""


class GatewayStoppedError(GatewayAnswerError):
    """HTTP 502: the Powerwall is stopped and has no live data. It is there, and everything else still answers."""


class GatewayBusyError(GatewayAnswerError):
    """HTTP 429 or 503: too many requests or too busy; wait `retry_after` seconds before asking again."""

    def __init__(
        self, message: str, *, path: str = "", status: int = 0, reason: str = "", retry_after: float = 60.0
    ) -> None:
        super().__init__(message, path=path, status=status, reason=reason)
        self.retry_after = retry_after


class GatewayLoginLimitError(GatewayBusyError):
    """HTTP 429 at a login: too many of them; wait `retry_after` seconds before the next."""


class GatewayPayloadError(GatewayAnswerError):
    """The answer is not the JSON that belongs to this path: other firmware, or not a gateway at all."""


class GatewayLoginError(GatewayAnswerError):
    """The login was refused: the password is wrong, or it is not this user's."""


class GatewayDefaultPasswordError(GatewayLoginError):
    """The password from the label is no longer taken (24.36 and later): the owner has to set one of their own first."""


class GatewaySwitchNeededError(GatewayLoginError):
    """The installer's login wants proof of presence (1.50 and later): somebody has to flip a Powerwall's switch."""
