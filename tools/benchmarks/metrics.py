"""The counters of each subject, and the values calculated from them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
import sqlite3
from statistics import median
from typing import Self

from tools.benchmarks.report import NEVER, Figure, Target
from tools.benchmarks.subjects import Subject

DEFAULT, CORE_CADENCE = "default", "core"
"""Polling of this integration: its defaults, or the built-in integration's 30 s."""

REFRESH = "meters/aggregates"
"""The endpoint that both request once in every refresh."""

TABLES = {"states": "last_updated_ts", "statistics_short_term": "created_ts", "statistics": "created_ts"}
"""Tables of the recorder, and their column with the time."""

TARGETS = {
    "TLS handshakes": Target(value=0),
    "gateway busy": Target(value=25),
    "longest loop block": Target(ratio=1),
}
TARGETS_BY_CADENCE = {
    DEFAULT: {"CPU above idle": Target(ratio=4), "recorder rows": Target(ratio=1.5)},
    CORE_CADENCE: {"requests of a refresh": Target(value=5), "CPU of a refresh": Target(ratio=0.45)},
}

HOUR = 3600.0
KIB_IN_MIB = 1024

type Amount = Callable[[Cost], float]


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters at one moment."""

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
    async def take(cls, subject: Subject, *, reset: bool = False) -> Self:
        """Read the probe and the gateway's counters, and reset the longest blocks if asked."""
        probe = await subject.probe(reset=reset)
        state = await subject.gateway.control_api.state() if subject.domain else {}
        return cls(
            at=probe["at"],
            process_cpu=probe["process_cpu"],
            loop_cpu=probe["loop_cpu"],
            blocks=probe["blocks"],
            blocks_cpu=probe["blocks_cpu"],
            pid=probe["pid"],
            requests=Counter(state.get("requests", {})),
            connections=state.get("connections", 0),
            busy_seconds=state.get("busy_seconds", 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The resources that one subject used between two samples."""

    seconds: float
    process_cpu: float
    loop_cpu: float
    """Seconds."""

    blocks: list[float]
    blocks_cpu: list[float]
    """The longest in seconds, by the clock and by the processor time of the loop's thread."""

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
        """Return the difference of two samples."""
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
        """Return how often the powers were read."""
        return self.requests.get(REFRESH, 0)

    def per_hour(self, amount: float) -> float:
        """Return the amount per hour."""
        return amount / self.seconds * HOUR

    def per_refresh(self, amount: float) -> float:
        """Return the amount per refresh."""
        return amount / self.refreshes if self.refreshes else NEVER

    @property
    def cpu_per_hour(self) -> float:
        """Return the CPU of the process in seconds per hour."""
        return self.per_hour(self.process_cpu)

    @property
    def requested(self) -> int:
        """Return the number of requests."""
        return sum(self.requests.values())

    def above(self, idle: Self) -> Self:
        """Return the cost beyond that of a Home Assistant without an integration, scaled to the same time."""
        share = self.seconds / idle.seconds
        return replace(
            self,
            process_cpu=self.process_cpu - idle.process_cpu * share,
            loop_cpu=self.loop_cpu - idle.loop_cpu * share,
            rows={name: rows - round(idle.rows[name] * share) for name, rows in self.rows.items()},
        )


def figures(idle: Cost, core: Cost, ours: Cost, cadence: str) -> list[Figure]:
    """Calculate the figures of three costs, with the targets for a interval."""
    targets = TARGETS | TARGETS_BY_CADENCE[cadence]
    core_alone, ours_alone = core.above(idle), ours.above(idle)

    def alone(name: str, unit: str, digits: int, amount: Amount) -> Figure:
        return Figure(name, unit, digits, amount(core_alone), amount(ours_alone), targets.get(name))

    def beside_idle(name: str, unit: str, digits: int, amount: Amount) -> Figure:
        return Figure(name, unit, digits, amount(core), amount(ours), targets.get(name), amount(idle))

    return [
        alone("requests", "an hour", 0, lambda cost: cost.per_hour(cost.requested)),
        alone("refreshes", "an hour", 0, lambda cost: cost.per_hour(cost.refreshes)),
        alone("requests of a refresh", "all in all", 1, lambda cost: cost.per_refresh(cost.requested)),
        alone("TLS handshakes", "an hour", 0, lambda cost: cost.per_hour(cost.connections)),
        alone("gateway busy", "% of the time", 1, lambda cost: cost.busy_seconds / cost.seconds * 100),
        alone("CPU above idle", "s an hour", 2, lambda cost: cost.cpu_per_hour),
        alone("  of the event loop", "s an hour", 2, lambda cost: cost.per_hour(cost.loop_cpu)),
        alone("CPU of a refresh", "ms above idle", 1, lambda cost: cost.per_refresh(cost.process_cpu * 1000)),
        beside_idle("longest loop block", "ms of CPU", 1, lambda cost: max(cost.blocks_cpu) * 1000),
        beside_idle("  by the clock", "ms", 1, lambda cost: max(cost.blocks) * 1000),
        alone("recorder rows", "an hour", 0, lambda cost: cost.per_hour(cost.rows["states"])),
        alone("launch to first state", "s", 1, lambda cost: median(cost.starts)),
        beside_idle("memory", "MiB", 0, lambda cost: cost.memory),
    ]


def count_rows(database: Path, begin: float, end: float) -> dict[str, int]:
    """Count the rows by table that the recorder wrote for a time span (seconds since 1970)."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {
            name: connection.execute(
                f"SELECT COUNT(*) FROM {name} WHERE {column} >= ? AND {column} < ?",  # noqa: S608 -- both from TABLES
                (begin, end),
            ).fetchone()[0]
            for name, column in TABLES.items()
        }


def resident_memory(status: str) -> float:
    """Return the resident memory in MiB from the text of `/proc/PID/status`."""
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / KIB_IN_MIB


async def memory_of(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return resident_memory(await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text, encoding="utf-8"))
