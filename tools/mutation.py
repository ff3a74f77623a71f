"""Mutation testing with mutmut of the modules in which an error costs most, each with the tests that cover it.

mutmut changes functions: operators, numbers, texts, arguments. It leaves constants of modules and classes (see
`tests/repository/test_documented_limits.py`), properties, and functions with another decorator than `classmethod` as
they are. Log records are not changed.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]
FOLDER: Final = REPOSITORY / ".mutation"
CODE: Final = "custom_components/powerwall_gateway"

LEAST_KILLED: Final = 90
"""Percent of the mutants of a module. Those that survive are in docs/dev/mutation-testing.md with the reason."""

SEED: Final = 0
"""Of Hypothesis: the same inputs for every mutant."""


@dataclass(frozen=True)
class Subject:
    """A module, and the tests that cover it."""

    module: str
    tests: tuple[str, ...]
    keywords: str = ""
    """pytest's `-k`, to leave out tests that take seconds."""

    last_digits: str = "0123456789"
    """Test only the mutants whose number ends in one of these: a sample of a large module, the same at every run."""


SUBJECTS: Final = (
    Subject("estimates", ("tests/unit/test_estimates.py",)),
    Subject("gateway/backoff", ("tests/client/test_backoff.py",)),
    Subject("energy_filter", ("tests/unit/test_energy_filter.py",), keywords="not no_counter_makes"),
    Subject("response_redaction", ("tests/unit/test_response_redaction.py",), keywords="redactor"),
    Subject("flow_split", ("tests/unit/test_flow_split.py",), keywords="not day_with_outages", last_digits="05"),
)

CONFIG: Final = """
[tool.mutmut]
source_paths = ["custom_components"]
only_mutate = ["{path}"]
also_copy = ["simulator", "tools"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "--hypothesis-seed={seed}", "-k", "{keywords}"]
pytest_add_cli_args_test_selection = {tests}
do_not_mutate_patterns = ['_LOGGER\\.']
use_git_change_detection = false
timeout_multiplier = {timeout}
"""

TIMEOUT: Final = 5.0
"""A mutant is killed after this many times the duration of its tests plus a second: it may loop forever."""


@dataclass(frozen=True)
class Result:
    """Result of one module."""

    subject: Subject
    mutants: int
    """Number of all mutants."""

    by_status: Counter[str]
    survivors: list[str]

    @property
    def tested(self) -> int:
        """Return the number of tested mutants."""
        return self.by_status.total()

    @property
    def percent(self) -> float:
        """Return the percentage of killed mutants."""
        return 100 * (self.tested - len(self.survivors)) / self.tested


def run_mutants(subject: Subject) -> Result:
    """Test the mutants of a module in a copy of the repository."""
    copy = FOLDER / subject.module.replace("/", "_")
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("custom_components", "simulator", "tests", "tools"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = CONFIG.format(
        path=f"{CODE}/{subject.module}.py",
        tests=list(subject.tests),
        seed=SEED,
        keywords=subject.keywords,
        timeout=TIMEOUT,
    )
    (copy / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text() + config)

    mutmut(copy, "run", "--max-children", "1", f"*[{subject.last_digits}]")
    results = [line.strip().split(": ", 1) for line in mutmut(copy, "results", "--all", "true").splitlines()]
    tested = {name: status for name, status in results if name[-1] in subject.last_digits}
    return Result(
        subject,
        mutants=len(results),
        by_status=Counter(tested.values()),
        survivors=[
            mutmut(copy, "show", name) for name, status in tested.items() if status not in {"killed", "timeout"}
        ],
    )


def mutmut(copy: Path, *arguments: str) -> str:
    """Return what mutmut prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(FOLDER / "tools")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"mutmut {' '.join(arguments)} failed:\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
    return done.stdout


def main() -> int:
    """Test the mutants of all modules, or of some, and print one table and the survivors."""
    parser = ArgumentParser("scripts/mutate", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    modules = [subject.module for subject in SUBJECTS]
    parser.add_argument(
        "module", nargs="*", choices=modules, default=modules, metavar="MODULE", help=", ".join(modules)
    )
    wanted = parser.parse_args().module
    results = []
    for subject in SUBJECTS:
        if subject.module in wanted:
            print(f"{subject.module} ...", file=sys.stderr, flush=True)
            results.append(run_mutants(subject))
    for result in results:
        for survivor in result.survivors:
            print(survivor)
    print("| module | mutants | tested | killed | of these by timeout | survived | percent killed |")
    print("|---|---|---|---|---|---|---|")
    for result in results:
        survived = len(result.survivors)
        print(
            f"| `{result.subject.module}.py` | {result.mutants} | {result.tested} | {result.tested - survived}"
            f" | {result.by_status['timeout']} | {survived} | {result.percent:.1f} |"
        )
    if any(result.tested < result.mutants for result in results):
        print("Where not all mutants were tested, the tested ones are a sample by the last digit of their number.")
    return int(any(result.percent < LEAST_KILLED for result in results))


if __name__ == "__main__":
    sys.exit(main())
