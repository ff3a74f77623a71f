"""The figures as a table in the terminal."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tools.dev_server.figures import Figure, Row, Value


def table(rows: Sequence[Row], note: str = "") -> Table:
    """Lay the rows out side by side."""
    figures = Table(box=box.ROUNDED, caption=note or None, caption_justify="left", header_style="bold")
    figures.add_column("Figure")
    figures.add_column("Home Assistant", justify="right")
    figures.add_column("Gateway", justify="right")
    figures.add_column("Verdict")
    for row in rows:
        verdict = "[green]agrees[/]" if row.agrees else "[red]differs[/]"
        figure = row.figure
        figures.add_row(figure.name, _text(figure, row.home_assistant), _text(figure, row.gateway), verdict)
    return figures


def _text(figure: Figure, value: Value | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if figure.unit == "Wh":
        return f"{value / 1000:,.3f} kWh"
    return f"{value:,.1f} %" if figure.unit == "%" else f"{value:,.0f} {figure.unit}"
