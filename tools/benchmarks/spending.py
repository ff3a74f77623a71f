"""What was counted on each side, and the figures that are made of it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
import sqlite3
from statistics import median
from typing import Self

from tools.benchmarks.figures import NEVER, Figure, Target
from tools.benchmarks.sides import Side

DEFAULT, CORE_CADENCE = "default", "core"
"""How often ours polls."""

REFRESH = "meters/aggregates"
"""What both ask for once in every refresh."""

TABLES = {"states": "last_updated_ts", "statistics_short_term": "created_ts", "statistics": "created_ts"}
"""What the recorder writes to, and the column that says when."""

TARGETS = {
    "TLS handshakes": Target(value=0),
    "gateway busy": Target(value=25),
    "longest loop block": Target(ratio=1),
}
TARGETS_BY_CADENCE = {
    DEFAULT: {"CPU above idle": Target(ratio=4), "recorder rows": Target(ratio=2)},
    CORE_CADENCE: {"requests of a refresh": Target(value=5), "CPU of a refresh": Target(ratio=0.45)},
}

HOUR = 3600.0
KIB_IN_MIB = 1024

type Amount = Callable[[Cost], float]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted up to a moment."""

    at: float
    process_cpu: float
    loop_cpu: float
    blocks: list[float]
    blocks_cpu: list[float]
    pid: int
    requests: Counter[str]
    connections: int
    busy_seconds: float

    @classmethod
    async def take(cls, side: Side, *, afresh: bool = False) -> Self:
        """Read the probe and the gateway's counters; afresh, the blocks so far are forgotten."""
        probe = await side.probe(afresh=afresh)
        truth = await side.gateway.back_door.look() if side.domain else {}
        return cls(
            at=probe["at"],
            process_cpu=probe["process_cpu"],
            loop_cpu=probe["loop_cpu"],
            blocks=probe["blocks"],
            blocks_cpu=probe["blocks_cpu"],
            pid=probe["pid"],
            requests=Counter(truth.get("requests", {})),
            connections=truth.get("connections", 0),
            busy_seconds=truth.get("busy_seconds", 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one side took in the time between two samples."""

    seconds: float
    process_cpu: float
    loop_cpu: float
    """Seconds."""

    blocks: list[float]
    blocks_cpu: list[float]
    """The longest in seconds, by the clock and by what the loop's thread spent."""

    requests: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    busy_seconds: float = 0.0
    rows: dict[str, int]
    """By the recorder's table."""

    memory: float
    """MiB."""

    starts: list[float]
    """Seconds from launch to the first state."""

    @classmethod
    def between(cls, first: Sample, last: Sample, *, rows: dict[str, int], starts: list[float], memory: float) -> Self:
        """Take the difference."""
        return cls(
            seconds=last.at - first.at,
            process_cpu=last.process_cpu - first.process_cpu,
            loop_cpu=last.loop_cpu - first.loop_cpu,
            blocks=last.blocks,
            blocks_cpu=last.blocks_cpu,
            requests=dict(last.requests - first.requests),
            connections=last.connections - first.connections,
            busy_seconds=last.busy_seconds - first.busy_seconds,
            rows=rows,
            memory=memory,
            starts=starts,
        )

    @property
    def refreshes(self) -> int:
        """How often the powers were read."""
        return self.requests.get(REFRESH, 0)

    def an_hour(self, amount: float) -> float:
        """Give what would have been in an hour."""
        return amount / self.seconds * HOUR

    def a_refresh(self, amount: float) -> float:
        """Give the share of one refresh."""
        return amount / self.refreshes if self.refreshes else NEVER

    @property
    def requested(self) -> int:
        """How many requests there were."""
        return sum(self.requests.values())

    def above(self, idle: Self) -> Self:
        """Give what was spent beyond a Home Assistant that has nothing to do, in the time of this one."""
        share = self.seconds / idle.seconds
        return replace(
            self,
            process_cpu=self.process_cpu - idle.process_cpu * share,
            loop_cpu=self.loop_cpu - idle.loop_cpu * share,
            rows={name: rows - round(idle.rows[name] * share) for name, rows in self.rows.items()},
        )


def figures(idle: Cost, core: Cost, ours: Cost, cadence: str) -> list[Figure]:
    """Make figures of three costs; which targets there are is a matter of how often ours polled."""
    targets = TARGETS | TARGETS_BY_CADENCE[cadence]
    core_alone, ours_alone = core.above(idle), ours.above(idle)

    def alone(name: str, unit: str, digits: int, amount: Amount) -> Figure:
        return Figure(name, unit, digits, amount(core_alone), amount(ours_alone), targets.get(name))

    def beside_idle(name: str, unit: str, digits: int, amount: Amount) -> Figure:
        return Figure(name, unit, digits, amount(core), amount(ours), targets.get(name), amount(idle))

    return [
        alone("requests", "an hour", 0, lambda cost: cost.an_hour(cost.requested)),
        alone("refreshes", "an hour", 0, lambda cost: cost.an_hour(cost.refreshes)),
        alone("requests of a refresh", "all in all", 1, lambda cost: cost.a_refresh(cost.requested)),
        alone("TLS handshakes", "an hour", 0, lambda cost: cost.an_hour(cost.connections)),
        alone("gateway busy", "% of the time", 1, lambda cost: cost.busy_seconds / cost.seconds * 100),
        alone("CPU above idle", "s an hour", 2, lambda cost: cost.an_hour(cost.process_cpu)),
        alone("  of the event loop", "s an hour", 2, lambda cost: cost.an_hour(cost.loop_cpu)),
        alone("CPU of a refresh", "ms above idle", 1, lambda cost: cost.a_refresh(cost.process_cpu * 1000)),
        beside_idle("longest loop block", "ms of CPU", 1, lambda cost: max(cost.blocks_cpu) * 1000),
        beside_idle("  by the clock", "ms", 1, lambda cost: max(cost.blocks) * 1000),
        alone("recorder rows", "an hour", 0, lambda cost: cost.an_hour(cost.rows["states"])),
        alone("launch to first state", "s", 1, lambda cost: median(cost.starts)),
        beside_idle("memory", "MiB", 0, lambda cost: cost.memory),
    ]


def count_rows(database: Path, begin: float, end: float) -> dict[str, int]:
    """Count by table what the recorder wrote about a span of the clock (seconds since 1970)."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {
            name: connection.execute(
                f"SELECT COUNT(*) FROM {name} WHERE {column} >= ? AND {column} < ?",  # noqa: S608 -- both from TABLES
                (begin, end),
            ).fetchone()[0]
            for name, column in TABLES.items()
        }


def resident_memory(status: str) -> float:
    """Give the resident memory in MiB that `/proc/PID/status` tells."""
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / KIB_IN_MIB


async def memory_of(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    return resident_memory(await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text, encoding="utf-8"))
