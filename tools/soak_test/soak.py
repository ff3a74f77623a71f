"""A soak: one trouble after the other, and a look at everything in the peace after each."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
import re
from time import monotonic
from typing import Any, Final

from rich import box
from rich.table import Table

from tools.dev_server.integration import DOMAIN
from tools.hass_process import errors_about
from tools.hass_process.log import records
from tools.soak_test.figures import Figure, energy_off, held_figures
from tools.soak_test.home import Condition, Home
from tools.soak_test.troubles import Scene, Trouble, troubles

BACK_WITHIN: Final = 120.0
"""Seconds after which everything has to be back, or two polling intervals of the settings where these are stretched.

An accelerated clock makes every response slow, and the settings are polled every 60 to 300 seconds then.
"""

SLOW_UPDATE: Final = 0.4
"""Seconds of processor time from which Home Assistant warns that an entity's update took long."""

PEACE: Final = 20.0
"""Seconds between two troubles, after which the process is looked at."""

LOOK_AGAIN: Final = 1.0
TELL_EVERY: Final = 30.0
SETTLED: Final = 90.0
"""Seconds until energies, which are written once a minute, are there."""

MOST_RECORDS: Final = 10
"""In the log, of one trouble, on an average: all of Home Assistant's."""

MOST_OFF: Final = 300.0
"""Wh: what flows in the minute between two states, and what the home's counter wavers by."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What became of one trouble."""

    kind: str
    detail: str
    seconds: float
    back_after: float | None
    """Seconds until everything was as before; None where it was not in time."""

    left: str
    """What was not."""

    records: int
    """What the log says about it."""


@dataclass
class Soak:
    """Everything that was seen."""

    home: Home
    tell: Callable[[str], None]
    rounds: list[Round] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    energies: dict[str, tuple[float, float]] = field(default_factory=dict)
    _doing: str = "waiting for all entities"

    async def run(self, hours: float, seed: int) -> None:
        """Make trouble for so long by Home Assistant's clock."""
        began = monotonic()
        teller = asyncio.create_task(self._tell(began))
        try:
            normal = await self._normal()
            end = monotonic() + hours * 3600 / self.home.speed
            for trouble in troubles(seed):
                self.samples.append(await self.home.read_probe())
                left = (end - monotonic()) * self.home.speed
                if left <= 0:
                    break
                self.rounds.append(await self._suffer(trouble, min(trouble.seconds, left), normal))
            self._doing = "waiting for the last energies"
            await self.home.wait(SETTLED)
            self.energies = await self.home.energies()
        finally:
            teller.cancel()

    async def _normal(self) -> Condition:
        """Wait until nothing changes any more, and give that."""
        last = await self.home.condition()
        while True:
            await self.home.wait(PEACE)
            now = await self.home.condition()
            if now == last:
                return now
            last = now

    async def _suffer(self, trouble: Trouble, seconds: float, normal: Condition) -> Round:
        """Make a trouble, end it, and wait until everything is back and for a while of peace."""
        self._doing = trouble.text
        before = self._records()
        async with trouble.happening(Scene(self.home.simulator, self.home.speed, self.home.reload)):
            await self.home.wait(seconds)
        self._doing = f"after {trouble.text}"
        back_after, left = await self._wait_until_back(normal)
        await self.home.wait(PEACE)
        return Round(
            kind=trouble.name,
            detail=trouble.detail,
            seconds=round(seconds, 1),
            back_after=back_after,
            left=left,
            records=self._records() - before,
        )

    async def _wait_until_back(self, normal: Condition) -> tuple[float | None, str]:
        began = monotonic()
        while left := (await self.home.condition()).beyond(normal):
            waited = (monotonic() - began) * self.home.speed
            if waited > BACK_WITHIN:
                limit = max(BACK_WITHIN, 2 * (await self.home.read_probe())["settings_interval"])
                if waited > limit:
                    self.tell(f"NOT BACK within {limit:g} s {self._doing}: {left}")
                    return None, left
            await self.home.wait(LOOK_AGAIN)
        return round((monotonic() - began) * self.home.speed, 1), ""

    def _records(self) -> int:
        return len(records(self.home.log))

    async def _tell(self, began: float) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY)
            last = self.samples[-1] if self.samples else None
            held = f"; {last['memory']:.0f} MiB, {last['tasks']} tasks, {last['sockets']} sockets" if last else ""
            hours = (monotonic() - began) * self.home.speed / 3600
            self.tell(f"{hours:.2f} h, {len(self.rounds)} troubles{held}; {self._doing}")

    def errors(self) -> list[str]:
        """Return what was logged as an error and names the integration.

        Home Assistant times an update by the accelerated clock: what it calls slow has to be slow in real time.
        """
        errors = errors_about(self.home.log, DOMAIN)
        took = {text: re.search(r"Updating state for .* took (\d+\.\d+) seconds", text) for text in errors}
        return [text for text in errors if not (slow := took[text]) or float(slow[1]) / self.home.speed > SLOW_UPDATE]

    def figures(self) -> list[Figure]:
        """Make figures of what was seen."""
        not_back = sum(each.back_after is None for each in self.rounds)
        records_each = sum(each.records for each in self.rounds) / len(self.rounds)
        return [
            *held_figures(self.samples),
            Figure(name="log records of a trouble", unit="", digits=1, value=records_each, limit=MOST_RECORDS),
            Figure(name="errors in the log", unit="", digits=0, value=len(self.errors()), limit=0),
            Figure(name="troubles with something not back", unit="", digits=0, value=not_back, limit=0),
            Figure(
                name="energies: the worst is off by",
                unit="Wh",
                digits=0,
                value=energy_off(self.energies),
                limit=MOST_OFF,
            ),
        ]


def rounds_table(rounds: Iterable[Round]) -> Table:
    """Lay the troubles out by kind: how many, and the worst of each."""
    kinds: dict[str, list[Round]] = {}
    for each in rounds:
        kinds.setdefault(each.kind, []).append(each)
    drawn = Table(title="After each trouble", title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for column in ("times", "minutes in all", "back after at most, s", "log records at most"):
        drawn.add_column(column, justify="right")
    for kind, of_kind in sorted(kinds.items()):
        times = [each.back_after for each in of_kind]
        worst = "NOT BACK" if None in times else f"{max(time for time in times if time is not None):.0f}"
        minutes = sum(each.seconds for each in of_kind) / 60
        drawn.add_row(kind, str(len(of_kind)), f"{minutes:.0f}", worst, str(max(each.records for each in of_kind)))
    return drawn
