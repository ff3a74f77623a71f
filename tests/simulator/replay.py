"""Serves the answers that an owner's diagnostics hold, in place of the gateway's own."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import re
from typing import Self

from .firmware import PROFILES
from .simulator import Simulator
from .wire import Json

_RESTRICTED = "pw3"


class NoRecordingError(ValueError):
    """The file holds no answers of a gateway; the text says what it wants."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What one gateway answered when its diagnostics were downloaded."""

    firmware: str
    """The simulated one that is nearest to the recorded."""

    serial: str
    payloads: Mapping[str, Json]
    failures: Mapping[str, int]
    """HTTP status by path, of what was not answered."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the file that Home Assistant's "Download diagnostics" gives. Raises NoRecordingError."""
        try:
            content = json.loads(text)
            data = content.get("data", content)
            answers, serial = data["payloads"], str(data["entry"]["data"]["serial"])
            payloads = {path: answer["payload"] for path, answer in answers.items() if "payload" in answer}
            failures = {path: int(answer["status"]) for path, answer in answers.items() if answer.get("status")}
            version = payloads["status"]["version"] if "status" in payloads else None
        except (ValueError, LookupError, TypeError, AttributeError) as err:
            raise NoRecordingError(
                "There are no answers to replay in it: download the diagnostics of an entry that is loaded."
            ) from err
        return cls(firmware=_nearest(version), serial=serial, payloads=payloads, failures=failures)

    def play(self, simulator: Simulator) -> None:
        """Let the simulator answer as recorded. Who is let in stays its own affair, and so does all that acts."""
        simulator.overrides.update(self.payloads)
        for path, status in self.failures.items():
            if status >= 400:
                simulator.faults.add(path, method="GET", status=status)


def _nearest(version: object) -> str:
    """Give the newest simulated firmware that is no newer; a gateway without a `status` is a Powerwall 3's."""
    if version is None:
        return _RESTRICTED
    release = _release(str(version))
    known = sorted((_release(firmware), firmware) for firmware in PROFILES if firmware != _RESTRICTED)
    return max((known[0], *(one for one in known if one[0] <= release)))[1]


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    return tuple(map(int, found[0].split("."))) if found else ()
