"""What one endpoint said last."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from .gateway import GatewayAuthenticationRequiredError, GatewayError, GatewayNotFoundError, GatewayStoppedError

_JITTER: Final = timedelta(minutes=1)
"""By how much a start may seem to move between two polls without having moved."""


@dataclass(frozen=True, kw_only=True)
class EndpointResult[T]:
    """What one endpoint said last, and how the asking went. Only the value makes two readings differ."""

    value: T | None = None
    error: GatewayError | None = field(default=None, compare=False)
    """Why there is no value, or why it is not fresh; diagnostics show it."""

    at: float = field(default=0.0, compare=False)
    """Monotonic time of the value, in seconds; 0 where there never was one."""

    not_before: float = field(default=0.0, compare=False)
    """Monotonic time until which the endpoint is left alone."""

    @property
    def stopped(self) -> bool:
        """Whether there was no value because the Powerwall is stopped."""
        return isinstance(self.error, GatewayStoppedError)

    @property
    def absent(self) -> bool:
        """Whether this firmware lacks the endpoint, or this login may not read it."""
        return self.value is None and isinstance(self.error, GatewayNotFoundError | GatewayAuthenticationRequiredError)

    @property
    def never_answered(self) -> bool:
        """Whether the endpoint has not answered since the entry was loaded."""
        return self.at == 0.0

    def map[U](self, part_of: Callable[[T], U | None]) -> EndpointResult[U]:
        """Give the reading of a part of the answer."""
        value = None if self.value is None else part_of(self.value)
        return EndpointResult(value=value, error=self.error, at=self.at, not_before=self.not_before)


def since(last: EndpointResult[datetime], elapsed: EndpointResult[timedelta]) -> EndpointResult[datetime]:
    """Give the moment from which a gateway counts; the last one given, while it is the same but for jitter."""
    if elapsed.error is not None:
        return elapsed.map(lambda _: last.value)
    started = elapsed.map(lambda duration: dt_util.utcnow() - duration)
    if last.value and started.value and abs(started.value - last.value) < _JITTER:
        return elapsed.map(lambda _: last.value)
    return started
