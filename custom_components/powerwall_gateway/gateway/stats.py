"""Counts what was asked of a gateway and what became of it, path by path: for diagnostics."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from .exceptions import GatewayError, GatewayRateLimitError


@dataclass(slots=True)
class PathStats:
    """What became of the requests of one path since the connection was made."""

    requests: int = 0
    failures: int = 0
    """Requests without a 2xx: also what is not on this firmware, or not for this login."""

    waits: int = 0
    """Failures that asked to wait (429, 503)."""

    seconds: float = 0.0
    """From sending to the last byte, all requests together."""

    slowest: float = 0.0
    """Seconds of the one that took longest."""

    last_error: str = ""
    """As text: the exception itself would keep what was sent, tokens included."""

    last_error_at: float = 0.0
    """Monotonic, in seconds."""


class RequestStats:
    """The counts of one connection, logins among them."""

    def __init__(self) -> None:
        self.paths: dict[str, PathStats] = {}

    @contextmanager
    def counting(self, path: str) -> Iterator[None]:
        """Count one request, whatever becomes of it."""
        count = self.paths.setdefault(path.partition("?")[0], PathStats())
        count.requests += 1
        began = monotonic()
        try:
            yield
        except GatewayError as err:
            count.failures += 1
            count.waits += isinstance(err, GatewayRateLimitError)
            count.last_error, count.last_error_at = str(err), monotonic()
            raise
        finally:
            took = monotonic() - began
            count.seconds += took
            count.slowest = max(count.slowest, took)
