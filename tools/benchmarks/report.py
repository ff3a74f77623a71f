"""The results of both integrations: statistics, ratios, targets, and their table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import ceil, inf, isinf
import os
import platform
from typing import Any

from rich import box
from rich.table import Table

from homeassistant.const import __version__ as home_assistant_version

type Json = dict[str, Any]

NEVER = inf
"""The time of a missing event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The upper limit of a figure."""

    ratio: float | None = None
    """Relative to the built-in integration's figure."""

    value: float | None = None
    """In the figure's unit."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of both integrations, in one unit. Infinity stands for a missing event."""

    name: str
    unit: str
    digits: int
    core: float
    """The built-in integration's, or another client's that this integration is compared with."""

    ours: float
    target: Target | None = None
    idle: float | None = None
    """That of a Home Assistant with neither."""

    @property
    def ratio(self) -> float | None:
        """Return ours divided by core's."""
        return self.ours / self.core if self.core and not isinf(self.core) else None

    @property
    def reached(self) -> bool | None:
        """Return whether the target is reached; None without a target."""
        if self.target is None:
            return None
        limits = []
        if self.target.ratio is not None:
            limits.append(self.target.ratio * self.core)
        if self.target.value is not None:
            limits.append(self.target.value)
        return self.ours <= min(limits)

    def as_dict(self) -> Json:
        """Return the JSON object for `--json`; JSON has no infinity."""
        numbers = {"core": self.core, "ours": self.ours, "idle": self.idle, "ratio": self.ratio}
        target = self.target and {name: limit for name, limit in asdict(self.target).items() if limit is not None}
        return {
            "name": self.name,
            "unit": self.unit,
            **{name: None if number is None or isinf(number) else number for name, number in numbers.items()},
            "target": target,
            "reached": self.reached,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that this percentage of them does not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def table(title: str, figures: Iterable[Figure], compared: str = "core") -> Table:
    """Return a table of the figures, compared with those of `core`, or of a client with another name."""
    figures = list(figures)
    idle = any(figure.idle is not None for figure in figures)
    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for column in (*(("idle",) if idle else ()), compared, "ours", f"ours/{compared}", "target", ""):
        drawn.add_column(column, justify="right", no_wrap=True)
    for figure in figures:
        cells = [_number(figure, figure.core), _number(figure, figure.ours), _ratio(figure.ratio)]
        before = [_number(figure, figure.idle)] if idle else []
        drawn.add_row(f"{figure.name}, {figure.unit}", *before, *cells, _target(figure, compared), _result(figure))
    return drawn


def _number(figure: Figure, number: float | None) -> str:
    if number is None:
        return ""
    return "never" if isinf(number) else f"{number:,.{figure.digits}f}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else "never" if isinf(ratio) else f"{ratio:.3g}"


def _target(figure: Figure, compared: str) -> str:
    if figure.target is None:
        return ""
    limits = []
    if figure.target.ratio is not None:
        limits.append(f"≤ {figure.target.ratio:g} x {compared}")
    if figure.target.value is not None:
        limits.append(f"≤ {figure.target.value:g}")
    return ", ".join(limits)


def _result(figure: Figure) -> str:
    return {None: "", True: "[green]reached[/]", False: "[bold red]MISSED[/]"}[figure.reached]


def report(bench: str, options: Json, figures: Iterable[Figure], measured: Json) -> Json:
    """Return the JSON document for `--json`: the figures, the measurements, and the environment."""
    return {
        "bench": bench,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "home_assistant": home_assistant_version,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[2],
        "options": options,
        "figures": [figure.as_dict() for figure in figures],
        "measured": measured,
    }
