"""A clock for Home Assistant and the gateway that a test moves."""

from datetime import UTC, datetime
import sys
import time

import pytest

from custom_components.powerwall_gateway.gateway.scheduler import RequestScheduler
from homeassistant.util import dt as dt_util
from tests.fault_injection.harness import OURS


class Clock:
    """The real time plus what a test added to it.

    Timers, time limits and intervals depend on it: an hour passes when a test says so, and everything that was due
    within it runs then.
    """

    def __init__(self) -> None:
        self._real_time, self._real_monotonic = time.time, time.monotonic
        self._passed = 0.0
        self._set = 0.0
        self.schedulers: list[RequestScheduler] = []
        """Schedulers on this clock: time passes between their requests, not during one."""

    def real(self) -> float:
        """Return the real monotonic time in seconds."""
        return self._real_monotonic()

    def monotonic(self) -> float:
        """Return the monotonic time in seconds."""
        return self._real_monotonic() + self._passed

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self._real_time() + self._passed + self._set

    def utcnow(self) -> datetime:
        """Return the current date and time."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._passed += seconds

    def put(self, seconds: float) -> None:
        """Set the wall clock forward or back; the monotonic time stays."""
        self._set += seconds

    def put_to(self, moment: datetime) -> None:
        """Set the wall clock to a moment; the monotonic time stays."""
        self.put(moment.timestamp() - self.time())

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the system's clock."""
        ours = [module for name, module in sys.modules.items() if name.startswith(OURS)]
        for name, real, moved in (
            ("time", self._real_time, self.time),
            ("monotonic", self._real_monotonic, self.monotonic),
        ):
            monkeypatch.setattr(time, name, moved)
            for module in ours:
                if getattr(module, name, None) is real:
                    monkeypatch.setattr(module, name, moved)
        monkeypatch.setattr(dt_util, "utcnow", self.utcnow)
