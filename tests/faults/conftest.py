"""A clock that can be put forward, and the matrix as a table at the end."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from custom_components.powerwall_gateway.gateway import connection
from custom_components.powerwall_gateway.gateway.pacer import Pacer
from homeassistant.core import HomeAssistant
from tests.integration.conftest import (  # noqa: F401 -- fixtures
    all_enabled,
    auto_enable_custom_integrations,
    hass_config_dir,
    set_up,
)

from .walk import CELLS, Cell, Clock


@pytest.fixture
def clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put the event loop's clock forward instead of waiting; the pacer goes by the same."""
    clock = Clock(hass.loop)
    monkeypatch.setattr(hass.loop, "time", clock.time)
    monkeypatch.setattr(connection, "Pacer", lambda: Pacer(clock=clock.time))
    return clock


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the matrix, from whichever process its cells come."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    cells = [
        Cell(**cell) for report in reports for name, cells in report.user_properties if name == CELLS for cell in cells
    ]
    if cells:
        terminalreporter.ensure_newline()
        for line in _lines(cells):
            terminalreporter.write_line(line)


def _lines(cells: list[Cell]) -> Iterator[str]:
    table = Table("fault", "endpoint", "dark", "after", "back", "asked", "down", "up", "", title="Faults")
    for cell in cells:
        table.add_row(
            cell.fault,
            cell.endpoint,
            f"{cell.dark} of {cell.stand}",
            "never" if cell.dark_after is None else f"{cell.dark_after:.0f} s",
            f"{cell.back_after:.0f} s",
            str(cell.requests),
            str(cell.down),
            str(cell.up),
            "; ".join(cell.broken) or "good",
        )
    console = Console(width=150)
    with console.capture() as capture:
        console.print(table)
    yield from capture.get().splitlines()
    yield (
        f"{len(cells)} cells, {sum(bool(cell.broken) for cell in cells)} broken; longest way back"
        f" {max(cell.back_after for cell in cells):.0f} s, in polls {max(cell.back_polls for cell in cells)}"
    )
