"""Waits that double after each failure, up to a limit."""

from collections.abc import Iterator
from itertools import count
from typing import Final

LONGEST_RETRY_AFTER: Final = 900.0
"""Seconds of a gateway's Retry-After that are honored at most, for polls, commands and logins alike."""

_DOUBLINGS: Final = 32
"""Enough to reach every limit. Without a bound the power leaves a float's range after 1,024 failures."""


def wait_after(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after this many failures in a row, 1 or more."""
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), longest)


def waits(first: float, longest: float) -> Iterator[float]:
    """Yield the seconds to wait after the first failure, the second one, and so on without an end."""
    return (wait_after(failures, first, longest) for failures in count(1))
