"""Serve the responses in an owner's diagnostics instead of simulated ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import json
import re
from typing import Self

from simulator.firmware import PROFILES
from simulator.simulator import Simulator
from simulator.wire import Json

_RESTRICTED = "pw3"

_TIME = "last_communication_time"
_IN_CONTACT = timedelta(minutes=1)
_METERS = {"meters/aggregates", "meters/site", "meters/solar"}


class NoRecordingError(ValueError):
    """The file has no responses of a gateway. The text says which file is required."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The recorded responses of one gateway, from its diagnostics."""

    firmware: str
    """The simulated firmware that is nearest to the recorded one."""

    serial: str
    payloads: Mapping[str, Json]
    failures: Mapping[str, int]
    """HTTP status by path, for failed requests."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the file that Home Assistant's "Download diagnostics" gives. Raises NoRecordingError."""
        try:
            content = json.loads(text)
            data = content.get("data", content)
            responses, serial = data["payloads"], str(data["entry"]["data"]["serial"])
            payloads = {path: response["payload"] for path, response in responses.items() if "payload" in response}
            failures = {path: int(response["status"]) for path, response in responses.items() if response.get("status")}
            version = payloads["status"]["version"] if "status" in payloads else None
        except (ValueError, LookupError, TypeError, AttributeError) as err:
            raise NoRecordingError(
                "The file has no responses to replay: download the diagnostics of a loaded entry."
            ) from err
        return cls(firmware=_nearest(version), serial=serial, payloads=payloads, failures=failures)

    def play(self, simulator: Simulator) -> None:
        """Replay the recorded responses. Access rules and requests with an effect stay simulated."""
        simulator.overrides.update(self.payloads)
        for path in _METERS & self.payloads.keys():
            simulator.overrides[path] = _Moving(self.payloads[path], simulator)
        for path, status in self.failures.items():
            if status >= 400:
                simulator.faults.add(path, method="GET", status=status)


class _Moving:
    """A response about meters whose times advance, except those of meters out of contact."""

    def __init__(self, payload: Json, simulator: Simulator) -> None:
        self._payload = payload
        self._simulator = simulator
        self._began = simulator.home.now
        self._newest = max(_times(payload), default=None)

    def __call__(self) -> Json:
        return self._moved(self._payload)

    def _moved(self, value: Json) -> Json:
        if isinstance(value, list):
            return [self._moved(item) for item in value]
        if not isinstance(value, dict):
            return value
        moved = {key: self._moved(item) for key, item in value.items()}
        if self._newest and (times := _times({_TIME: value.get(_TIME)})):
            behind = self._newest - times[0]
            moved[_TIME] = ((self._simulator.home.now if behind < _IN_CONTACT else self._began) - behind).isoformat()
        return moved


def _times(value: Json) -> list[datetime]:
    """Return the times of the last contact, without those of meters that never had one."""
    if isinstance(value, list):
        return [time for item in value for time in _times(item)]
    if not isinstance(value, dict):
        return []
    found = [time for item in value.values() for time in _times(item)]
    try:
        time = datetime.fromisoformat(str(value.get(_TIME)))
    except ValueError:
        return found
    return [*found, time] if time.year > 1 and time.tzinfo else found


def _nearest(version: object) -> str:
    """Return the newest simulated firmware that is no newer; a gateway without a `status` is a Powerwall 3's."""
    if version is None:
        return _RESTRICTED
    release = _release(str(version))
    known = sorted((_release(firmware), firmware) for firmware in PROFILES if firmware != _RESTRICTED)
    return max((known[0], *(one for one in known if one[0] <= release)))[1]


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    return tuple(map(int, found[0].split("."))) if found else ()
