"""What the gateway checks about itself: the diagnostics of `powerwalls`, and of connection tests on 21.x."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .base import Model
from .fields import branches, flag, number, one_of, parts, shapeless, text, words
from .times import moment


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

    name: str | None = text("name")
    """For instance `CAN connectivity`, `Enable switch`, `Firmware up-to-date`."""

    status: CheckStatus | None = one_of("status", CheckStatus)

    start_time: datetime | None = moment("start_time")
    end_time: datetime | None = moment("end_time")

    message: str | None = words("message")
    """Why it failed; `Cannot perform this action with site controller running. …` is no fault."""

    progress: float | None = number("progress")
    """Of an update; 0 before it starts."""

    results: str | None = shapeless("results")
    """What it found, as JSON; for instance the firmware's hashes."""

    checks: tuple[DiagnosticCheck, ...] | None = branches("checks", lambda: DiagnosticCheck)


@dataclass(frozen=True, kw_only=True)
class Diagnostic(Model):
    """A set of checks. Firmware 1.4x and later."""

    name: str | None = text("name")
    """For instance `Commissioning`, `Firmware Update`, `Network connection`."""

    category: str | None = text("category")
    """`InternalComms`, `Network`, …"""

    disruptive: bool | None = flag("disruptive")
    """Whether running it interrupts the Powerwall."""

    alert: bool | None = flag("alert")
    checks: tuple[DiagnosticCheck, ...] | None = parts("checks", DiagnosticCheck)
