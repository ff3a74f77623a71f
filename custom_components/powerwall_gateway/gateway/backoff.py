"""Waits that double after each failure, and the backoff of one gateway that asks for it or does not answer."""

from asyncio import sleep
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
import logging
from time import monotonic
from typing import Final

from .exceptions import GatewayCertificateError, GatewayConnectionError, GatewayError, GatewayRateLimitError

LONGEST_RETRY_AFTER: Final = 900.0
"""Seconds of a gateway's Retry-After that are honored at most, for polls, commands and logins alike."""

FIRST_WHEN_BUSY: Final = 5.0
LONGEST_WHEN_BUSY: Final = 60.0
"""Seconds after a 503 that names no time, doubling from the first to the longest."""

FIRST_WHEN_SILENT: Final = 1.0
LONGEST_WHEN_SILENT: Final = 10.0
"""Seconds between two attempts while the gateway does not answer, doubling; a gateway that restarts takes minutes."""

_DOUBLINGS: Final = 32
"""Enough to reach every limit. Without a bound the power leaves a float's range after 1,024 failures."""

_LOGGER = logging.getLogger(__name__)


def wait_after(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after this many failures in a row, 1 or more."""
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), longest)


def waits(first: float, longest: float) -> Iterator[float]:
    """Yield the seconds to wait after the first failure, the second one, and so on without an end."""
    return (wait_after(failures, first, longest) for failures in count(1))


@dataclass(frozen=True)
class Polling:
    """Seconds of `poll_until`: the pauses double from the first to the longest, until the limit."""

    first_pause: float
    longest_pause: float
    limit: float


async def poll_until[T](
    read: Callable[[], Awaitable[T]],
    is_done: Callable[[T], bool],
    polling: Polling,
    *,
    retry_on: type[Exception] | tuple[type[Exception], ...] = GatewayError,
) -> T:
    """Return the first value that is done, or else the last one. Raises what the last read raised."""
    end, pauses = monotonic() + polling.limit, waits(polling.first_pause, polling.longest_pause)
    while True:
        pause = next(pauses)
        is_last = monotonic() + pause > end
        try:
            value = await read()
            if is_last or is_done(value):
                return value
        except retry_on:
            if is_last:
                raise
        await sleep(pause)


class GatewayBackoff:
    """How long one gateway rests, and why. `clock` is monotonic, in seconds.

    What the gateway asked for and its silence are two waits: an answer ends the second alone.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked: tuple[float, GatewayError | None] = (0.0, None)
        """Until when the gateway asked to wait, and by which answer."""

        self._silence: tuple[float, GatewayError | None] = (0.0, None)
        self._busy = 0
        self._silent = 0

    @property
    def reason(self) -> GatewayError | None:
        """What the gateway rests for; None while it may be asked."""
        now = self._clock()
        return next((err for until, err in (self._asked, self._silence) if now < until), None)

    def answered(self) -> None:
        """Note an answer. It ends a silence; what the gateway asked for lasts."""
        self._busy = self._silent = 0
        self._silence = (0.0, None)

    def failed(self, err: GatewayError, *, polled: bool) -> None:
        """Note a failure.

        Only what was `polled` can tell that the gateway is too busy for all: some calls refuse
        by a 503 of their own (`system/update/urgency`).
        """
        now = self._clock()
        match err:
            case GatewayConnectionError() | GatewayCertificateError():
                self._silent += 1
                if self._silent > 1:  # one answer gets lost, and is asked for again at once
                    wait = wait_after(self._silent - 1, FIRST_WHEN_SILENT, LONGEST_WHEN_SILENT)
                    self._silence = (now + wait, err.bare())
            case GatewayRateLimitError() if polled and _is_meant_for_all(err):
                busy = self._busy + 1
                self.answered()
                self._busy = busy
                wait = wait_after(busy, FIRST_WHEN_BUSY, LONGEST_WHEN_BUSY)
                if err.named:
                    wait = min(err.retry_after, LONGEST_RETRY_AFTER)
                if now + wait > self._asked[0]:
                    self._asked = (now + wait, err.bare())
                _LOGGER.debug("The gateway asks to wait for %.0f s", self._asked[0] - now)
            case _:
                self.answered()


def _is_meant_for_all(err: GatewayRateLimitError) -> bool:
    """Tell whether the whole gateway wants peace. A limit of logins is for them alone (see `login`)."""
    return err.status == 503 or (err.named and not err.is_for_logins)
