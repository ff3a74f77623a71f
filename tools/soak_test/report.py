"""The figures of a soak test: the growth of resources, and whether each is within its limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any, Final

from rich import box
from rich.table import Table

WARM_UP: Final = 0.3
"""Share of the samples that is left out: caches fill, and every path is used for the first time."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource of the process, and the most that a line through its samples may rise."""

    key: str
    name: str
    unit: str
    digits: int
    limit: float


RESOURCES: Final = (
    Resource("memory", "memory", "MiB", 1, 8.0),
    Resource("objects", "Python's blocks of memory", "thousand", 0, 20.0),
    Resource("tasks", "tasks", "", 0, 0.5),
    Resource("sockets", "sockets", "", 0, 0.5),
    Resource("threads", "threads", "", 0, 1.5),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure and its limit."""

    name: str
    unit: str
    digits: int
    value: float
    limit: float
    first: float | None = None
    last: float | None = None
    most: float | None = None
    """Of a resource: after the warm-up, at the end, and the maximum."""

    @property
    def is_good(self) -> bool:
        """Return whether it is within its limit."""
        return self.value <= self.limit

    def as_dict(self) -> Json:
        """Return the JSON object for `--json`."""
        return asdict(self) | {"good": self.is_good}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median slope of all pairs of points (Theil-Sen), which single outliers do not change."""
    pairs = combinations(sorted(points), 2)
    return median(
        [(end - start) / (later - sooner) for (sooner, start), (later, end) in pairs if later > sooner] or [0.0]
    )


def resource_figures(samples: Sequence[Json]) -> list[Figure]:
    """Fit a line to every resource, over the samples after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    seconds = warm[-1]["at"] - warm[0]["at"]
    return [
        Figure(
            name=f"{resource.name}: growth",
            unit=resource.unit,
            digits=resource.digits,
            value=slope([(sample["at"], sample[resource.key]) for sample in warm]) * seconds,
            limit=resource.limit,
            first=warm[0][resource.key],
            last=warm[-1][resource.key],
            most=max(sample[resource.key] for sample in warm),
        )
        for resource in RESOURCES
    ]


def energy_off(energies: Mapping[str, tuple[float, float]]) -> float:
    """Return the largest difference in Wh between an energy as shown and as it flowed."""
    return max(abs(shown - flowed) * 1000 for shown, flowed in energies.values())


def table(title: str, figures: Iterable[Figure]) -> Table:
    """Return a table of figures."""
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
