"""What the gateway checks about itself: the diagnostics of `powerwalls`, and of connection tests on 21.x."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .base import Model
from .fields import key, raw_json, redacted


class CheckStatus(StrEnum):
    """How a check stands."""

    PASSED = "pass"

    FAILED = "fail"
    """Also while the Powerwall runs, for every check that needs it stopped: see `message`."""

    RUNNING = "running"
    NOT_RUN = "not_run"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, kw_only=True)
class DiagnosticCheck(Model):
    """One check; a large one has checks of its own. Firmware 1.4x and later."""

    name: str | None = None
    """For instance `CAN connectivity`, `Enable switch`, `Firmware up-to-date`."""

    status: CheckStatus | None = None

    start_time: datetime | None = key(compare=False)
    end_time: datetime | None = key(compare=False)

    message: str | None = redacted()
    """Why it failed; `Cannot perform this action with site controller running. …` is no fault."""

    progress: float | None = None
    """Of an update; 0 before it starts."""

    results: str | None = raw_json()
    """What it found, as JSON; for instance the firmware's hashes."""

    checks: tuple[DiagnosticCheck, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnostic(Model):
    """A set of checks. Firmware 1.4x and later."""

    name: str | None = None
    """For instance `Commissioning`, `Firmware Update`, `Network connection`."""

    category: str | None = None
    """`InternalComms`, `Network`, …"""

    disruptive: bool | None = None
    """Whether running it interrupts the Powerwall."""

    alert: bool | None = None
    checks: tuple[DiagnosticCheck, ...] | None = None
