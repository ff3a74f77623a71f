"""What the gateway finds out about itself: its tests, and its problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from .base import Model
from .diagnostic import CheckStatus, DiagnosticCheck
from .fields import key, raw_json, raw_json_list, redacted


@dataclass(frozen=True, kw_only=True)
class MeterTestResult(Model):
    """What one current transformer read during one step of the charge test."""

    power: float | None = key("Power")
    """W."""

    transformer: int | None = key("CT")
    """1 to 4."""

    serial: str | None = key("Serial")
    """Of the meter, without the blank that 1.15 puts before it."""

    meter: str | None = key("Type")
    """`site`, `solar`."""


@dataclass(frozen=True, kw_only=True)
class SystemTesting(Model):
    """`GET /api/system/testing`: the installer's charge test. Seed, `system/testing`.

    `inverter_results`, `errors` and `tests` were only ever seen null and are left out.
    """

    running: bool | None = None

    status: str | None = None
    """`TestPassed`, `TestNotRun`."""

    charge_tests: tuple[float, ...] | None = None
    """W that the battery was told in each step, charging -: 0, -1000, -2000, -1000, 0. None before the test."""

    meter_results: tuple[tuple[MeterTestResult, ...], ...] | None = None
    """What the meters read in each step. None before the test."""

    hysteresis: float | None = None

    error: str | None = redacted()
    """Empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class ConnectionTest(DiagnosticCheck):
    """One test of the way to Tesla: `Google GET Test`, … (1.15), or `Network device`, … (21.x)."""

    @property
    def passed(self) -> bool | None:
        """Whether it passed; None before its end."""
        return {CheckStatus.PASSED: True, CheckStatus.FAILED: False}.get(self.status) if self.status else None

    @property
    def error(self) -> str:
        """What went wrong, empty where nothing did."""
        return self.message or ""


@dataclass(frozen=True, kw_only=True)
class ConnectionTests(Model):
    """`GET /api/system/networks/conn_tests`, the tests of the way to Tesla, in one form. Seed, "Others to document".

    1.15 tells nothing while they run, then all results at once. 21.x lists the tests, and
    adds the next one just before the last one ends. Three were seen: `Network device`,
    `IP address` and `Tesla and internet connectivity`.
    """

    tests: tuple[ConnectionTest, ...] | None = key("checks")
    """None while 1.15 runs them."""

    timestamp: datetime | None = key(compare=False)
    """When they ended; 1.15."""

    @property
    def finished(self) -> bool:
        """Whether there is a result and nothing more to come."""
        tests = self.tests or ()
        pending = {CheckStatus.SCHEDULED, CheckStatus.RUNNING}
        return any(test.passed is not None for test in tests) and not any(test.status in pending for test in tests)

    @property
    def passed(self) -> bool | None:
        """Whether all passed; None before the end."""
        return all(test.passed for test in self.tests or ()) if self.finished else None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the results by name of 1.15 into the later list."""
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
    """`GET /api/system/networks/ping_test`. Seed, "Also need to research"; 21.39 answers `{"Error": {}}`."""

    error: str | None = raw_json("Error")
    """As JSON, only ever seen `{}`: that is how Go prints an error, whose words it leaves out."""


@dataclass(frozen=True, kw_only=True)
class TroubleshootingProblems(Model):
    """`GET /api/troubleshooting/problems`; 21.39 and later."""

    problems: tuple[str, ...] | None = raw_json_list()
    """Only ever seen empty; each is a text, or JSON where the gateway says more."""
