"""What a soak has shown: what grew, what stayed, and whether that is too much."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any, Final

from rich import box
from rich.table import Table

WARM_UP: Final = 0.3
"""The share of the samples that is left out: caches fill, and every path is walked for the first time."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """One thing that a process holds, and by how much a line through its samples may rise in all."""

    key: str
    name: str
    unit: str
    digits: int
    limit: float


HELD: Final = (
    Held("memory", "memory", "MiB", 1, 8.0),
    Held("objects", "Python's blocks of memory", "thousand", 0, 20.0),
    Held("tasks", "tasks", "", 0, 0.5),
    Held("sockets", "sockets", "", 0, 0.5),
    Held("threads", "threads", "", 0, 1.5),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure, and the most that it may be."""

    name: str
    unit: str
    digits: int
    value: float
    limit: float
    first: float | None = None
    last: float | None = None
    most: float | None = None
    """Of what is held: after the warm-up, at the end, and the most in between."""

    @property
    def is_good(self) -> bool:
        """Whether it is within its limit."""
        return self.value <= self.limit

    def as_dict(self) -> Json:
        """Give what `--json` writes."""
        return asdict(self) | {"good": self.is_good}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give the rise of the line through points that is the median of all pairs': single odd ones do not tilt it."""
    pairs = combinations(sorted(points), 2)
    return median(
        [(end - start) / (later - sooner) for (sooner, start), (later, end) in pairs if later > sooner] or [0.0]
    )


def held_figures(samples: Sequence[Json]) -> list[Figure]:
    """Fit a line to everything that is held, over the samples after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    seconds = warm[-1]["at"] - warm[0]["at"]
    return [
        Figure(
            name=f"{held.name}: growth",
            unit=held.unit,
            digits=held.digits,
            value=slope([(sample["at"], sample[held.key]) for sample in warm]) * seconds,
            limit=held.limit,
            first=warm[0][held.key],
            last=warm[-1][held.key],
            most=max(sample[held.key] for sample in warm),
        )
        for held in HELD
    ]


def energy_off(energies: Mapping[str, tuple[float, float]]) -> float:
    """Give by how many Wh the worst of the energies differs from what has flowed."""
    return max(abs(shown - flowed) * 1000 for shown, flowed in energies.values())


def table(title: str, figures: Iterable[Figure]) -> Table:
    """Lay them out."""
    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for column in ("first", "last", "most", "measured", "at most", ""):
        drawn.add_column(column, justify="right", no_wrap=True)
    for figure in figures:
        numbers = [figure.first, figure.last, figure.most, figure.value]
        cells = ["" if number is None else f"{number:,.{figure.digits}f}" for number in numbers]
        name = f"{figure.name}, {figure.unit}" if figure.unit else figure.name
        drawn.add_row(
            name, *cells, f"{figure.limit:g}", "[green]good[/]" if figure.is_good else "[bold red]TOO MUCH[/]"
        )
    return drawn
