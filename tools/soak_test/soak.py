"""Inject one fault after the other, and check after each that everything has recovered."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
import re
from time import monotonic
from typing import Any, Final

from rich import box
from rich.table import Table

from custom_components.powerwall_gateway.energy_filter import LASTING_SECONDS
from tools.dev_server.integration import DOMAIN
from tools.hass_process import errors_about
from tools.hass_process.log import records
from tools.soak_test.environment import Condition, Environment
from tools.soak_test.faults import Fault, faults
from tools.soak_test.report import Figure, energy_off, resource_figures

BACK_WITHIN: Final = 120.0
"""Seconds after which everything has to be back, or two polling intervals of the settings where these are stretched.

An accelerated clock makes every response slow, and the settings are polled every 60 to 300 seconds then.
"""

SLOW_UPDATE: Final = 0.4
"""Seconds of processor time from which Home Assistant warns that an entity's update took long."""

PAUSE: Final = 20.0
"""Seconds between two faults, after which the resources are read."""

CHECK_INTERVAL: Final = 1.0
PROGRESS_INTERVAL: Final = 30.0
SETTLED: Final = LASTING_SECONDS + 120.0
"""Seconds until the last energies are there: they are written once a minute, and a counter that a fault shifted is
accepted after 15 minutes."""

LONGEST_SHARE: Final = 0.1
"""Share of the test that one fault lasts at most, so that a test of a few hours sees many kinds."""

MOST_RECORDS: Final = 10
"""Average log records per fault, of all of Home Assistant."""

MOST_OFF: Final = 300.0
"""Wh: the energy of the minute between two states, and the tolerance of the home's counter."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """The result of one fault."""

    kind: str
    detail: str
    seconds: float
    back_after: float | None
    """Seconds until everything had recovered; None where it did not in time."""

    left: str
    """Description of the values that had not recovered."""

    records: int
    """Number of log records."""


@dataclass
class Soak:
    """A soak test and its results."""

    environment: Environment
    notify: Callable[[str], None]
    rounds: list[Round] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    energies: dict[str, tuple[float, float]] = field(default_factory=dict)
    _doing: str = "waiting for all entities"

    async def run(self, hours: float, seed: int) -> None:
        """Inject faults for so many hours of Home Assistant's clock."""
        began = monotonic()
        progress = asyncio.create_task(self._report_progress(began))
        try:
            normal = await self._normal()
            end = monotonic() + hours * 3600 / self.environment.speed
            for fault in faults(seed):
                self.samples.append(await self.environment.read_probe())
                left = (end - monotonic()) * self.environment.speed
                if left <= 0:
                    break
                seconds = min(fault.seconds, left, LONGEST_SHARE * hours * 3600)
                self.rounds.append(await self._inject(fault, seconds, normal))
            self._doing = "waiting for the last energies"
            await self.environment.wait(SETTLED)
            self.energies = await self.environment.energies()
        finally:
            progress.cancel()

    async def _normal(self) -> Condition:
        """Wait until the condition no longer changes, and return it."""
        last = await self.environment.condition()
        while True:
            await self.environment.wait(PAUSE)
            now = await self.environment.condition()
            if now == last:
                return now
            last = now

    async def _inject(self, fault: Fault, seconds: float, normal: Condition) -> Round:
        """Inject a fault, end it, and wait until everything has recovered."""
        self._doing = fault.text
        before = self._records()
        async with fault.inject(self.environment):
            await self.environment.wait(seconds)
        self._doing = f"after {fault.text}"
        back_after, left = await self._wait_until_back(normal)
        await self.environment.wait(PAUSE)
        return Round(
            kind=fault.name,
            detail=fault.detail,
            seconds=round(seconds, 1),
            back_after=back_after,
            left=left,
            records=self._records() - before,
        )

    async def _wait_until_back(self, normal: Condition) -> tuple[float | None, str]:
        began = monotonic()
        while left := (await self.environment.condition()).beyond(normal):
            waited = (monotonic() - began) * self.environment.speed
            if waited > BACK_WITHIN:
                limit = max(BACK_WITHIN, 2 * (await self.environment.read_probe())["settings_interval"])
                if waited > limit:
                    self.notify(f"NOT BACK within {limit:g} s {self._doing}: {left}")
                    return None, left
            await self.environment.wait(CHECK_INTERVAL)
        return round((monotonic() - began) * self.environment.speed, 1), ""

    def _records(self) -> int:
        return len(records(self.environment.log))

    async def _report_progress(self, began: float) -> None:
        while True:
            await asyncio.sleep(PROGRESS_INTERVAL)
            last = self.samples[-1] if self.samples else None
            held = f"; {last['memory']:.0f} MiB, {last['tasks']} tasks, {last['sockets']} sockets" if last else ""
            hours = (monotonic() - began) * self.environment.speed / 3600
            self.notify(f"{hours:.2f} h, {len(self.rounds)} faults{held}; {self._doing}")

    def errors(self) -> list[str]:
        """Return the logged errors that name the integration.

        Home Assistant times an update by the accelerated clock: what it calls slow has to be slow in real time.
        """
        errors = errors_about(self.environment.log, DOMAIN)
        took = {text: re.search(r"Updating state for .* took (\d+\.\d+) seconds", text) for text in errors}
        return [
            text for text in errors if not (slow := took[text]) or float(slow[1]) / self.environment.speed > SLOW_UPDATE
        ]

    def figures(self) -> list[Figure]:
        """Return the figures of the result."""
        not_back = sum(each.back_after is None for each in self.rounds)
        records_each = sum(each.records for each in self.rounds) / len(self.rounds)
        return [
            *resource_figures(self.samples),
            Figure(name="log records per fault", unit="", digits=1, value=records_each, limit=MOST_RECORDS),
            Figure(name="errors in the log", unit="", digits=0, value=len(self.errors()), limit=0),
            Figure(name="faults without recovery", unit="", digits=0, value=not_back, limit=0),
            Figure(
                name="energies: the worst is off by",
                unit="Wh",
                digits=0,
                value=energy_off(self.energies),
                limit=MOST_OFF,
            ),
        ]


def rounds_table(rounds: Iterable[Round]) -> Table:
    """Return a table of the faults by kind: how many, and the worst of each."""
    kinds: dict[str, list[Round]] = {}
    for each in rounds:
        kinds.setdefault(each.kind, []).append(each)
    drawn = Table(title="After each fault", title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for column in ("times", "minutes in all", "back after at most, s", "log records at most"):
        drawn.add_column(column, justify="right")
    for kind, of_kind in sorted(kinds.items()):
        times = [each.back_after for each in of_kind]
        worst = "NOT BACK" if None in times else f"{max(time for time in times if time is not None):.0f}"
        minutes = sum(each.seconds for each in of_kind) / 60
        drawn.add_row(kind, str(len(of_kind)), f"{minutes:.0f}", worst, str(max(each.records for each in of_kind)))
    return drawn
