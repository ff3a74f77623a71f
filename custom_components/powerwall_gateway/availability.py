"""Log once when a gateway stops answering, and once when it answers again."""

import logging
from typing import Final

from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayError,
    GatewayNotFoundError,
    GatewayStoppedError,
)

_LOGGER = logging.getLogger(__name__)

_SILENCE: Final = ""
"""How a path fails that nobody answers while others are answered."""


class AvailabilityLog:
    """Log what is wrong with one gateway: all of it, the Powerwall behind it, or single paths."""

    def __init__(self) -> None:
        self._unreachable = False
        self._silent: set[str] = set()
        """What nobody answered while all of it seemed out of reach."""

        self._stopped: set[str] = set()
        self._failing: dict[str, str] = {}
        """How each path fails. It is told of the first that fails so: a refused login, say, fails them all."""

        self._open: set[str] = set()
        """What was answered before: to be denied it is news, to be denied anything else is the firmware's way."""

    def note(self, path: str, err: GatewayError | None) -> None:
        """Note the result of a read."""
        if err is None:
            self._note_success(path)
        else:
            self._note_failure(path, err)

    def _note_success(self, path: str) -> None:
        self._open.add(path)
        if self._unreachable:
            self._unreachable = False
            if path in self._silent | self._failing.keys():
                _LOGGER.info("The gateway answers again")
            else:  # it was there all along, and these are what failed
                self._failing |= dict.fromkeys(self._silent, _SILENCE)
            self._silent.clear()
        if path in self._stopped:
            self._stopped.discard(path)
            if not self._stopped:
                _LOGGER.info("The Powerwall runs again")
        if path in self._failing:
            over = self._failing[path]
            self._failing = {other: way for other, way in self._failing.items() if way != over}
            _LOGGER.info("%s answers again", path)

    def _note_failure(self, path: str, err: GatewayError) -> None:
        match err:
            case GatewayConnectionError() if path not in self._failing:
                if not self._unreachable:
                    self._unreachable = True
                    _LOGGER.warning("The gateway is not to be reached: %s", err)
                self._silent.add(path)
            case _ if self._unreachable:
                _LOGGER.debug("Still not as before: %s", err)  # what it says while it starts up is no news
            case GatewayStoppedError():
                if not self._stopped:
                    _LOGGER.warning("The Powerwall is stopped: the gateway has no live data")
                self._stopped.add(path)
            case GatewayNotFoundError():
                _LOGGER.debug("This firmware has no %s", path)
            case GatewayAuthenticationRequiredError() if path not in self._open:
                _LOGGER.debug("This login may not read %s", path)
            case _ if path not in self._failing:
                told = err.message in self._failing.values()
                self._failing[path] = err.message
                _LOGGER.log(logging.DEBUG if told else logging.WARNING, "Failed: %s", err)
