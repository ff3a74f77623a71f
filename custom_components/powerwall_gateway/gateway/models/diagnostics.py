"""Diagnostics, tests and problems that the gateway reports about itself.

`powerwalls` has diagnostics, `system/networks/conn_tests` has from 21.x on. Tests and problems have endpoints of their
own: `system/testing`, `system/networks/ping_test` and `troubleshooting/problems`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, override

from .base import Model
from .fields import key, raw_json, raw_json_list, redacted


class CheckStatus(StrEnum):
    """State of a check."""

    PASSED = "pass"

    FAILED = "fail"
    """Also for a check that requires a stopped Powerwall while it runs: see `message`."""

    RUNNING = "running"
    NOT_RUN = "not_run"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, kw_only=True)
class DiagnosticCheck(Model):
    """One check, which may consist of other checks. Firmware 1.4x and later."""

    name: str | None = None
    """For instance `CAN connectivity`, `Enable switch`, `Firmware up-to-date`."""

    status: CheckStatus | None = None

    start_time: datetime | None = key(compare=False)
    end_time: datetime | None = key(compare=False)

    message: str | None = redacted()
    """Reason for a failure; `Cannot perform this action with site controller running. …` is no fault."""

    progress: float | None = None
    """Progress of an update; 0 before it starts."""

    results: str | None = raw_json()
    """Results as JSON, for instance hashes of the firmware."""

    checks: tuple[DiagnosticCheck, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnostic(Model):
    """A set of checks. Firmware 1.4x and later."""

    name: str | None = None
    """For instance `Commissioning`, `Firmware Update`, `Network connection`."""

    category: str | None = None
    """`InternalComms`, `Network`, …"""

    disruptive: bool | None = None
    """True if running it interrupts the Powerwall."""

    alert: bool | None = None
    checks: tuple[DiagnosticCheck, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class MeterTestResult(Model):
    """Reading of one current transformer in one step of the charge test."""

    power: float | None = key("Power")
    """W."""

    transformer: int | None = key("CT")
    """1 to 4."""

    serial: str | None = key("Serial")
    """Serial of the meter, without the leading blank of 1.15."""

    meter: str | None = key("Type")
    """`site`, `solar`."""


@dataclass(frozen=True, kw_only=True)
class SystemTesting(Model):
    """`GET /api/system/testing`: the installer's charge test. Seed, `system/testing`.

    `inverter_results`, `errors` and `tests` were only ever seen null and are not read.
    """

    running: bool | None = None

    status: str | None = None
    """`TestPassed`, `TestNotRun`."""

    charge_tests: tuple[float, ...] | None = None
    """W of the setpoint in each step, charging -: 0, -1000, -2000, -1000, 0. None before the test."""

    meter_results: tuple[tuple[MeterTestResult, ...], ...] | None = None
    """Readings of the meters in each step. None before the test."""

    hysteresis: float | None = None

    error: str | None = redacted()


@dataclass(frozen=True, kw_only=True)
class ConnectionTest(DiagnosticCheck):
    """One test of the connection to Tesla: `Google GET Test`, … (1.15), or `Network device`, … (21.x)."""

    @property
    def passed(self) -> bool | None:
        """Return True if it passed, None before its end."""
        return {CheckStatus.PASSED: True, CheckStatus.FAILED: False}.get(self.status) if self.status else None

    @property
    def error(self) -> str:
        """Return the error, empty if there was none."""
        return self.message or ""


@dataclass(frozen=True, kw_only=True)
class ConnectionTests(Model):
    """`GET /api/system/networks/conn_tests`: tests of the connection to Tesla. Seed, "Others to document".

    1.15 reports nothing while they run, then all results at once. 21.x lists the tests, and adds the next one just
    before the last one ends. Three were seen: `Network device`, `IP address` and `Tesla and internet connectivity`.
    """

    tests: tuple[ConnectionTest, ...] | None = key("checks")
    """None while 1.15 runs them."""

    timestamp: datetime | None = key(compare=False)
    """End of the tests; 1.15."""

    @property
    def finished(self) -> bool:
        """Return True if there is a result and no test is scheduled or running."""
        tests = self.tests or ()
        pending = {CheckStatus.SCHEDULED, CheckStatus.RUNNING}
        return any(test.passed is not None for test in tests) and not any(test.status in pending for test in tests)

    @property
    def passed(self) -> bool | None:
        """Return True if all passed, None before the end."""
        return all(test.passed for test in self.tests or ()) if self.finished else None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the results by name of 1.15 into the later list."""
        results = wire.get("results")
        if not isinstance(results, dict):
            return wire
        return wire | {"checks": [_test_of_1_15(name, result) for name, result in results.items()]}


def _test_of_1_15(name: str, result: Any) -> Any:
    if not isinstance(result, Mapping):
        return result
    passed = result.get("pass")
    status = (CheckStatus.PASSED if passed else CheckStatus.FAILED) if isinstance(passed, bool) else None
    return {"name": name, "status": status, "message": result.get("error")}


@dataclass(frozen=True, kw_only=True)
class PingTest(Model):
    """`GET /api/system/networks/ping_test`. Seed, "Also need to research"; 21.39 returns `{"Error": {}}`."""

    error: str | None = raw_json("Error")
    """JSON, only ever seen `{}`: Go encodes an error like that, without its message."""


@dataclass(frozen=True, kw_only=True)
class TroubleshootingProblems(Model):
    """`GET /api/troubleshooting/problems`; 21.39 and later."""

    problems: tuple[str, ...] | None = raw_json_list()
    """Only ever seen empty; each is a text, or JSON for anything else."""
