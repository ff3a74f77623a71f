"""Watch Home Assistant and the gateway, and print whether they agree."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import NoReturn

import aiohttp
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.dev_server.comparison import WINDOW, Comparison, Figure, Row, Value
from tools.dev_server.gateway import Gateway, GatewayError
from tools.hass_process import Api, ApiError

PLAIN_INTERVAL = 60
PROGRESS_INTERVAL = 5


class Watch:
    """Read every value of Home Assistant and the gateway every second or two."""

    def __init__(self, api: Api, gateway: Gateway, ids: dict[str, str], console: Console, pause: float) -> None:
        self._pause = pause
        self._api = api
        self._gateway = gateway
        self._comparison = Comparison(ids)
        self._console = console
        self._rows: Sequence[Row] = ()
        self._note = ""

    async def forever(self) -> NoReturn:
        """Update a table in a terminal; elsewhere print one every minute."""
        if self._console.is_terminal:
            with Live(console=self._console, refresh_per_second=2) as live:
                while True:
                    await self._round()
                    live.update(table(self._rows, self._note or "Ctrl-C stops everything."))
                    await asyncio.sleep(self._pause)
        printed_at = -float(PLAIN_INTERVAL)
        while True:
            await self._round()
            if monotonic() - printed_at >= PLAIN_INTERVAL and self._rows:
                self._console.print(table(self._rows, self._note))
                printed_at = monotonic()
            await asyncio.sleep(self._pause)

    async def until_agreed(self, limit: float) -> bool:
        """Watch until all values agree, print them, and return whether they did within the limit.

        The first readings must have left the comparison by then: an integration that polls only once would agree with
        those.
        """
        started_at = told_at = monotonic()
        agreed = False
        while not agreed and monotonic() - started_at < limit:
            await self._round()
            watched = monotonic() - started_at > WINDOW + 2
            agreed = watched and bool(self._rows) and all(row.agrees for row in self._rows)
            if not agreed and monotonic() - told_at >= PROGRESS_INTERVAL:
                told_at = monotonic()
                self._console.print(f"After {told_at - started_at:.0f} s: {self._disagreement()}")
            if not agreed:
                await asyncio.sleep(self._pause)
        self._console.print(table(self._rows, self._note))
        if agreed:
            seconds = monotonic() - started_at
            self._console.print(f"All {len(self._rows)} figures agree, watched for {seconds:.0f} s.")
        else:
            self._console.print(f"Not agreed after {limit:.0f} s: {self._disagreement()}")
        return agreed

    def _disagreement(self) -> str:
        if self._note:
            return self._note
        if differing := [row.figure.name for row in self._rows if not row.agrees]:
            return f"{len(differing)} of {len(self._rows)} figures differ: {', '.join(differing)}."
        return f"all {len(self._rows)} figures agree so far."

    async def _round(self) -> None:
        """Read both once, with a failure in the note."""
        self._note = ""
        try:
            self._comparison.remember(await self._gateway.read())
            self._rows = self._comparison.rows(await self._api.states())
        except GatewayError as error:
            self._note = str(error)
        except aiohttp.ClientError, ApiError, TimeoutError:
            self._note = "Home Assistant does not respond at the moment."


def table(rows: Sequence[Row], note: str = "") -> Table:
    """Return a table of the rows."""
    figures = Table(box=box.ROUNDED, caption=note or None, caption_justify="left", header_style="bold")
    figures.add_column("Figure")
    figures.add_column("Home Assistant", justify="right")
    figures.add_column("Gateway", justify="right")
    figures.add_column("Result")
    for row in rows:
        result = "[green]agrees[/]" if row.agrees else "[red]differs[/]"
        figure = row.figure
        figures.add_row(figure.name, _text(figure, row.home_assistant), _text(figure, row.gateway), result)
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
