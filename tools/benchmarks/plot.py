"""Draw the results of the benchmarks."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from random import Random

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.benchmarks.report import percentile

INK, FAINT = "#1f2933", "#9aa5b1"
CORE_COLOUR, OUR_COLOUR = "#e07a3f", "#1f77b4"
WIDTH, HEIGHT, DPI = 9.6, 3.4, 150


def draw_outages(core: Sequence[float], ours: Sequence[float], conditions: str, file: Path) -> None:
    """Draw each outage as a dot, at the seconds after which it was seen; one never seen is not drawn."""
    picture = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
    axes = picture.subplots()
    _strip(axes, 1, core, CORE_COLOUR)
    _strip(axes, 0, ours, OUR_COLOUR)
    axes.set_yticks([1, 0], ["Home Assistant's\npowerwall", "Tesla Powerwall\nGateway"], color=INK, fontsize=11)
    axes.set_ylim(-0.6, 1.65)
    axes.set_xlim(0, max(31.5, *(seconds * 1.04 for seconds in (*core, *ours) if isfinite(seconds))))
    axes.set_xlabel("seconds", color=INK)
    axes.set_title(
        "The grid fails: how long until Home Assistant knows", loc="left", color=INK, fontsize=13, fontweight="bold"
    )
    axes.text(
        1,
        1.03,
        f"{len(core)} outages each, {conditions}",
        transform=axes.transAxes,
        ha="right",
        color=FAINT,
        fontsize=9,
    )
    axes.grid(visible=True, axis="x", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    picture.savefig(file, metadata={"Software": None})


def _strip(axes: Axes, row: float, seconds: Sequence[float], colour: str) -> None:
    dice = Random(1)
    heights = [row + dice.uniform(-0.17, 0.17) for _ in seconds]
    axes.scatter(seconds, heights, s=34, color=colour, alpha=0.6, linewidths=0, zorder=3)
    middle, longest = percentile(seconds, 50), percentile(seconds, 100)
    if isfinite(middle):
        axes.plot([middle, middle], [row - 0.3, row + 0.3], color=INK, linewidth=2, solid_capstyle="round", zorder=4)
    text = f"median {_seconds(middle)}, longest {_seconds(longest)}"
    right_of = middle if isfinite(middle) else 0
    axes.annotate(
        text, (right_of, row + 0.3), xytext=(4, 4), textcoords="offset points", color=INK, fontsize=10, va="bottom"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if isfinite(seconds) else "never"
