"""Tests and problems that the gateway reports: `system/networks/conn_tests` and `troubleshooting/problems`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, override

from .base import Model
from .fields import key, raw_json_list, redacted


class CheckStatus(StrEnum):
    """State of a check."""

    PASSED = "pass"
    FAILED = "fail"
    RUNNING = "running"
    NOT_RUN = "not_run"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, kw_only=True)
class ConnectionTest(Model):
    """One test of the connection to Tesla: `Google GET Test`, … (1.15), or `Network device`, … (21.x)."""

    name: str | None = None
    status: CheckStatus | None = None
    start_time: datetime | None = key(compare=False)
    end_time: datetime | None = key(compare=False)
    message: str | None = redacted()  #: Reason for a failure

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

    tests: tuple[ConnectionTest, ...] | None = key("checks")  #: None while 1.15 runs them
    timestamp: datetime | None = key(compare=False)  #: End of the tests; 1.15

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
class TroubleshootingProblems(Model):
    """`GET /api/troubleshooting/problems`; 21.39 and later."""

    problems: tuple[str, ...] | None = raw_json_list()
    """Only ever seen empty; each is a text, or JSON for anything else."""
