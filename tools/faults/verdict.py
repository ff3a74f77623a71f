"""Whether a side holds under a fault, and the table of both sides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from rich import box
from rich.table import Table

from .suffering import Suffered

MOST_POLLS: Final = 1
"""From the end of a fault until all is back."""

COLUMNS: Final = ("hidden", "after", "back after", "polls", "requests", "log records")


def complaints(cost: Suffered) -> Iterator[str]:
    """Say what a fault should not have cost."""
    if not cost.met:
        yield "did not ask any more"
    if cost.beyond:
        yield f"hidden without need: {', '.join(cost.beyond)}"
    if cost.back_after is None:
        yield "not back until loaded anew"
    elif cost.polls > MOST_POLLS and cost.hidden:
        yield f"back after {cost.polls} polls"
    if cost.records > cost.most_records:
        yield f"{cost.records} log records"
    if cost.tracebacks:
        yield f"{cost.tracebacks} tracebacks"
    if cost.tasks_left:
        yield f"{cost.tasks_left} tasks stay"
    if cost.sockets_left:
        yield f"{cost.sockets_left} sockets stay"


def table(sides: Mapping[str, Sequence[Suffered]]) -> Table:
    """Lay the sides out beside each other."""
    drawn = Table(title="Under the same faults", title_justify="left", box=box.SIMPLE_HEAD)
    drawn.add_column("", no_wrap=True)
    for name in sides:
        for column in COLUMNS:
            drawn.add_column(f"{name}:\n{column}", justify="right", no_wrap=True)
    for row in zip_longest(*sides.values()):
        drawn.add_row(row[0].fault, *(cell for cost in row for cell in cells(cost)))
    return drawn


def cells(cost: Suffered) -> tuple[str, ...]:
    """Give a side's part of a row."""
    if not cost.met:
        return ("did not ask", *[""] * (len(COLUMNS) - 1))
    hidden = f"{cost.hidden} of {cost.of}" if cost.hidden else "none"
    after = "" if cost.hidden_after is None else f"{cost.hidden_after:.1f} s"
    back = "STOPPED" if cost.back_after is None else f"{cost.back_after:.1f} s" if cost.hidden else ""
    log = f"{cost.records}, {cost.tracebacks} tracebacks" if cost.tracebacks else str(cost.records)
    return hidden, after, back, str(cost.polls) if cost.hidden else "", str(cost.requests), log


def sums(costs: Iterable[Suffered]) -> str:
    """Say a side's in a line."""
    costs = list(costs)
    stopped = sum(cost.back_after is None for cost in costs)
    hidden = sum(cost.hidden > 0 for cost in costs)
    records, tracebacks = sum(cost.records for cost in costs), sum(cost.tracebacks for cost in costs)
    return (
        f"{hidden} of {len(costs)} faults hid something, {stopped} stopped it for good;"
        f" {records} log records, {tracebacks} of them with a traceback"
    )
