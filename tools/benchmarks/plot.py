"""Draw the results of the benchmarks."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from random import Random

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.benchmarks.report import percentile

INK, GRID = "#7d8690", "#7d869066"
"""Grays that are readable on white and on black: the background is transparent."""

CORE_COLOUR, OUR_COLOUR = "#e8833a", "#3b8fd6"
WIDTH, HEIGHT, DPI = 9.6, 3.6, 200


def draw_outages(core: Sequence[float], ours: Sequence[float], conditions: str, file: Path) -> None:
    """Draw each outage as a dot at its detection time in seconds; a missed one is not drawn."""
    chart = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    axes = chart.subplots()
    _strip(axes, 1, core, CORE_COLOUR)
    _strip(axes, 0, ours, OUR_COLOUR)
    axes.set_yticks([1, 0], ["Built-in\nintegration", "Tesla Powerwall\nGateway"], color=INK, fontsize=12)
    axes.set_ylim(-0.45, 1.6)
    axes.set_xlim(0, max(32, *(seconds for seconds in (*core, *ours) if isfinite(seconds))))
    axes.set_xlabel("Detection time (s)", color=INK, fontsize=11)
    title = "Time until Home Assistant detects an outage"
    axes.set_title(title, loc="left", color=INK, fontsize=15, fontweight="bold", pad=28)
    subtitle = f"Each dot is one of {len(core)} simulated outages, {conditions}"
    axes.text(0, 1.04, subtitle, transform=axes.transAxes, color=INK, fontsize=10.5)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=11)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    chart.savefig(file, transparent=True, metadata={"Software": None})


def _strip(axes: Axes, row: float, seconds: Sequence[float], colour: str) -> None:
    """Draw the dots of one integration, shifted up and down at random so that none hides another."""
    dice = Random(1)
    heights = [row + dice.uniform(-0.17, 0.17) for _ in seconds]
    axes.scatter(seconds, heights, s=40, color=colour, alpha=0.7, linewidths=0, zorder=3, clip_on=False)
    middle, longest = percentile(seconds, 50), percentile(seconds, 100)
    if isfinite(middle):
        axes.plot([middle, middle], [row - 0.26, row + 0.26], color=INK, linewidth=2, solid_capstyle="round", zorder=4)
    text = f"median {_seconds(middle)}, longest {_seconds(longest)}"
    axes.annotate(
        text,
        (middle if isfinite(middle) else 0, row + 0.26),
        xytext=(4, 4),
        textcoords="offset points",
        color=INK,
        fontsize=11.5,
        va="bottom",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if isfinite(seconds) else "never"
