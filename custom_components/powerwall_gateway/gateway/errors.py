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
    """HTTP 401 or 403: a login is needed, the session ended, or this login may not do that."""


class GatewayNotFoundError(GatewayAnswerError):
    """HTTP 404: this firmware has no such path. Do not ask again before it changes."""


class GatewayStoppedError(GatewayAnswerError):
    """HTTP 502: the Powerwall is stopped and has no live data. It is there, and everything else still answers."""


class GatewayBusyError(GatewayAnswerError):
    """HTTP 429 or 503: too many requests or too busy; wait `retry_after` seconds before asking again."""

    def __init__(
        self, message: str, *, path: str = "", status: int = 0, reason: str = "", retry_after: float = 60.0
    ) -> None:
        super().__init__(message, path=path, status=status, reason=reason)
        self.retry_after = retry_after


class GatewayPayloadError(GatewayAnswerError):
    """The answer is not the JSON that belongs to this path: other firmware, or not a gateway at all."""


class GatewayLoginError(GatewayAnswerError):
    """The login was refused: the password is wrong, or the gateway wants something else first (see `reason`)."""
