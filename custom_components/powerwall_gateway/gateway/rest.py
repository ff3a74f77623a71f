"""When a gateway is left in peace: because it asks for it, or because nobody answers."""

from collections.abc import Callable
import logging
from typing import Final

from .errors import GatewayBusyError, GatewayCertificateError, GatewayError, GatewayUnreachableError

FIRST_WHEN_BUSY: Final = 5.0
LONGEST_WHEN_BUSY: Final = 60.0
"""Seconds after a 503 that names no time, doubling from the first to the longest."""

LONGEST_WHEN_NAMED: Final = 900.0
"""Seconds that a gateway is believed to want: only polls show that it is back."""

FIRST_WHEN_SILENT: Final = 1.0
LONGEST_WHEN_SILENT: Final = 10.0
"""Seconds between two attempts while nobody answers, doubling; a gateway that restarts takes minutes."""

_LOGGER = logging.getLogger(__name__)


class Rest:
    """How long one gateway rests, and why. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reason: GatewayError | None = None
        self._until = 0.0
        self._busy = 0
        self._silent = 0

    @property
    def reason(self) -> GatewayError | None:
        """What the gateway rests for; None while it may be asked."""
        return self._reason if self._clock() < self._until else None

    def answered(self) -> None:
        """Note an answer. It ends a silence; what the gateway asked for lasts."""
        self._busy = 0
        self._end_silence()

    def failed(self, err: GatewayError, *, polled: bool) -> None:
        """Note a failure.

        Only what was `polled` can tell that the gateway is too busy for all: some calls refuse
        by a 503 of their own (`system/update/urgency`).
        """
        match err:
            case GatewayUnreachableError() | GatewayCertificateError():
                self._silent += 1
                if self._silent > 1:  # one answer gets lost, and is asked for again at once
                    wait = min(FIRST_WHEN_SILENT * 2 ** (self._silent - 2), LONGEST_WHEN_SILENT)
                    self._begin(wait, err)
            case GatewayBusyError() if polled and _is_meant_for_all(err):
                self._end_silence()
                self._busy += 1
                wait = min(FIRST_WHEN_BUSY * 2 ** (self._busy - 1), LONGEST_WHEN_BUSY)
                self._begin(min(err.retry_after, LONGEST_WHEN_NAMED) if err.named else wait, err)
                _LOGGER.debug("The gateway asks to wait for %.0f s", self._until - self._clock())
            case _:
                self.answered()

    def _begin(self, seconds: float, err: GatewayError) -> None:
        self._until, self._reason = max(self._until, self._clock() + seconds), err

    def _end_silence(self) -> None:
        self._silent = 0
        if isinstance(self._reason, GatewayUnreachableError | GatewayCertificateError):
            self._until = 0.0


def _is_meant_for_all(err: GatewayBusyError) -> bool:
    """Tell whether the whole gateway wants peace. A limit of logins is for them alone (see `login`)."""
    return err.status == 503 or (err.named and not err.path.startswith("login/"))
