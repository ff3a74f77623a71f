"""Waits that double after each failure, polling until a condition is true, and the backoff of one gateway."""

from asyncio import sleep
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
import logging
from time import monotonic
from typing import Final

from .exceptions import GatewayCertificateError, GatewayConnectionError, GatewayError, GatewayRateLimitError

LONGEST_RETRY_AFTER: Final = 900.0
"""Limit of a Retry-After in seconds."""

FIRST_WHEN_BUSY: Final = 5.0
LONGEST_WHEN_BUSY: Final = 60.0
"""Seconds after a 503 without Retry-After, doubling."""

FIRST_WHEN_SILENT: Final = 1.0
LONGEST_WHEN_SILENT: Final = 10.0
"""Seconds between two attempts while the gateway does not respond, doubling. A restart takes minutes."""

_DOUBLINGS: Final = 32
"""Enough to reach every limit. After 1,024 doublings a float overflows."""

_LOGGER = logging.getLogger(__name__)


def wait_after(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after this many failures in a row, 1 or more."""
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), longest)


def waits(first: float, longest: float) -> Iterator[float]:
    """Yield the seconds to wait after the first failure, the second one, and so on."""
    return (wait_after(failures, first, longest) for failures in count(1))


@dataclass(frozen=True)
class Polling:
    """Seconds of `poll_until`: the pauses double from the first to the longest, until the limit."""

    first_pause: float
    longest_pause: float
    limit: float


async def poll_until[T](read: Callable[[], Awaitable[T]], is_done: Callable[[T], bool], polling: Polling) -> T:
    """Return the first value that is done, or else the last one. Raises the `GatewayError` of the last read."""
    end, pauses = monotonic() + polling.limit, waits(polling.first_pause, polling.longest_pause)
    while True:
        pause = next(pauses)
        is_last = monotonic() + pause > end
        try:
            value = await read()
            if is_last or is_done(value):
                return value
        except GatewayError:
            if is_last:
                raise
        await sleep(pause)


class GatewayBackoff:
    """Tell when one gateway may be requested again. `clock` is monotonic, in seconds.

    A rate limit and a gateway that does not respond are two waits: a response ends the second alone.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limited: tuple[float, GatewayError | None] = (0.0, None)
        """End of the wait after a rate limit, and its error."""

        self._silence: tuple[float, GatewayError | None] = (0.0, None)
        self._busy = 0
        self._silent = 0

    @property
    def error(self) -> GatewayError | None:
        """Return the error that the present wait is for, None if there is no wait."""
        now = self._clock()
        return next((err for until, err in (self._limited, self._silence) if now < until), None)

    def responded(self) -> None:
        """Note a response."""
        self._busy = self._silent = 0
        self._silence = (0.0, None)

    def failed(self, err: GatewayError, *, polled: bool) -> None:
        """Note a failure. Only a poll's 503 is about all requests: some calls refuse by one of their own."""
        now = self._clock()
        match err:
            case GatewayConnectionError() | GatewayCertificateError():
                self._silent += 1
                if self._silent > 1:  # one lost response is requested again at once
                    wait = wait_after(self._silent - 1, FIRST_WHEN_SILENT, LONGEST_WHEN_SILENT)
                    self._silence = (now + wait, err.bare())
            case GatewayRateLimitError(status=503) | GatewayRateLimitError(named=True, is_for_logins=False) if polled:
                busy = self._busy + 1
                self.responded()
                self._busy = busy
                wait = wait_after(busy, FIRST_WHEN_BUSY, LONGEST_WHEN_BUSY)
                if err.named:
                    wait = min(err.retry_after, LONGEST_RETRY_AFTER)
                if now + wait > self._limited[0]:
                    self._limited = (now + wait, err.bare())
                _LOGGER.debug("No poll for %.0f s: the gateway is busy", self._limited[0] - now)
            case _:
                self.responded()
