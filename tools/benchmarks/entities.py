"""Home Assistant's own `powerwall` integration and this one on the same simulated gateway, entity by entity."""

import argparse
import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from rich import box
from rich.console import Console
from rich.table import Table

from custom_components.powerwall_gateway.migration import CORE
from homeassistant.const import __version__ as home_assistant_version
from homeassistant.util import slugify
from tools.benchmarks.facts import Comparison, Fact, Json, Shown, Verdict, compare
from tools.benchmarks.sides import ERRORS, add_core, morning
from tools.child_process import free_port
from tools.dev_server import integration
from tools.dev_server.integration import FlowError
from tools.dev_server.simulator import simulated_gateway
from tools.hass_process import Api, HomeAssistant

FIRMWARES = ("21.44", "24.36")
"""Those with a Powerwall 2 that core can log in to."""

STILL = 10
"""Seconds without a change after which both integrations have shown all they have: the home stands still."""
LIMIT = 90
PROGRESS_INTERVAL = 5
WIDTH = 132


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be chosen."""
    parser.add_argument("--firmware", choices=FIRMWARES, default=FIRMWARES[0], help=f"default: {FIRMWARES[0]}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there, too")


async def run(arguments: argparse.Namespace) -> int:
    """Set up both, compare, print, and fail where a fact of core's is missing or told otherwise."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    try:
        comparison = await _compare(arguments.firmware, console)
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    _print(comparison, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(_report(arguments.firmware, comparison), indent=2) + "\n", "utf-8")
    return int(any(fact.failed for fact in comparison.facts))


async def _compare(firmware: str, console: Console) -> Comparison:
    tell = partial(console.print, soft_wrap=True)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        tell(f"Starting a simulated gateway with firmware {firmware} …")
        to = await stack.enter_async_context(simulated_gateway(firmware, 0, folder, lambda _: None, morning()))
        home = await stack.enter_async_context(HomeAssistant(folder / "home", free_port(), tell=tell))
        tell("Setting up core's powerwall …")
        core = await add_core(home.api, to)
        tell("Setting up this integration …")
        ours = await integration.add(home.api, to.host, to.serial, to.password)
        return await Both(home.api, to.serial, {CORE: core, integration.DOMAIN: ours}, console).compare()


class Both:
    """Both integrations in one Home Assistant."""

    def __init__(self, api: Api, serial: str, entries: dict[str, str], console: Console) -> None:
        self._api = api
        self._serial = serial
        self._entries = entries
        self._console = console
        self._off_by_default: set[str] = set()

    async def compare(self) -> Comparison:
        """Show everything there is, wait until it stands still, and compare."""
        await self._enable_all()
        shown = await self._stand_still()
        return compare(shown[CORE], shown[integration.DOMAIN])

    async def _enable_all(self) -> None:
        """Enable what is off by default, and load both anew."""
        registered = await self._registered()
        off = [entity["entity_id"] for entity in registered if entity["disabled_by"]]
        self._off_by_default = set(off)
        self._console.print(f"Switching on {len(off)} entities that are off by default …")
        async with self._api.websocket() as home:
            for entity_id in off:
                await home.command("config/entity_registry/update", entity_id=entity_id, disabled_by=None)
        for entry in self._entries.values():
            await self._api.reload_entry(entry)

    async def _stand_still(self) -> dict[str, list[Shown]]:
        """Wait until nothing changes any more.

        Home Assistant loads the entries once more on its own, half a minute after entities were enabled. It does no
        harm: what is unavailable meanwhile is a change.
        """
        self._console.print("Waiting until both have shown all they have …")
        started = changed = told = monotonic()
        last: dict[str, list[Shown]] = {}
        while (now := monotonic()) - changed < STILL or not all(last.values()):
            if now - started > LIMIT:
                raise FlowError(f"The entities still change after {LIMIT} s.")
            shown = await self._shown()
            if shown != last:
                last, changed = shown, now
            if now - told >= PROGRESS_INTERVAL:
                told = now
                counts = " and ".join(f"{len(entities)} entities of {domain}" for domain, entities in last.items())
                self._console.print(f"After {now - started:.0f} s: {counts}.")
            await asyncio.sleep(1)
        return last

    async def _registered(self) -> list[Json]:
        """Give what Home Assistant's entity registry holds of both."""
        entities = await self._api.command("config/entity_registry/list")
        return [entity for entity in entities if entity["platform"] in self._entries]

    async def _shown(self) -> dict[str, list[Shown]]:
        """Give the entities of both as they are now, by integration."""
        devices = {device["id"]: device for device in await self._api.command("config/device_registry/list")}
        states = await self._api.states()
        shown: dict[str, list[Shown]] = {domain: [] for domain in self._entries}
        for entity in await self._registered():
            entity_id = entity["entity_id"]
            on_by_default = entity_id not in self._off_by_default
            shown[entity["platform"]].append(
                Shown.of(entity, devices, states.get(entity_id), on_by_default=on_by_default)
            )
        return shown


def _report(firmware: str, comparison: Comparison) -> Json:
    """Give what `--json` writes."""
    return {
        "firmware": firmware,
        "home_assistant": home_assistant_version,
        "facts": [fact.as_dict() for fact in comparison.facts],
        "only_ours": [asdict(entity) for entity in comparison.only_ours],
    }


STYLES = {
    Verdict.AGREES: "green",
    Verdict.NO_READING: "green",
    Verdict.CONTROL: "yellow",
    Verdict.DIFFERS: "bold red",
    Verdict.MISSING: "bold red",
}


def _print(comparison: Comparison, console: Console) -> None:
    console.print(_facts_table(comparison.facts), _only_ours_table(comparison.only_ours), sep="\n")
    counts = ", ".join(f"{count} {verdict}" for verdict in Verdict if (count := comparison.count(verdict)))
    console.print(
        f"Core shows {len(comparison.facts)} facts: {counts}. Only ours shows {len(comparison.only_ours)} more.\n"
        "*: off by default. Core shows the gateway's own percent, this integration that of Tesla's app.",
        soft_wrap=True,
    )


def _facts_table(facts: Iterable[Fact]) -> Table:
    table = Table(title="What core's powerwall shows", title_justify="left", box=box.SIMPLE_HEAD)
    for title in ("core", "", "this integration", "", ""):
        table.add_column(title, no_wrap=True, justify="left" if title else "right")
    for device, group in _grouped(facts, lambda fact: fact.core.part or fact.core.device):
        table.add_row(f"[bold]{device}[/]")
        for fact in group:
            core, ours = fact.core, fact.ours
            verdict = f"[{STYLES[fact.verdict]}]{fact.verdict}[/]"
            name = core.entity_id.replace(f"{slugify(core.device)}_", "")
            table.add_row(f"  {name}{_star(core)}", _value(core), *_name_and_value(ours), verdict)
    return table


def _only_ours_table(entities: Iterable[Shown]) -> Table:
    table = Table(title="What only this integration shows", title_justify="left", box=box.SIMPLE_HEAD)
    for title in ("this integration", ""):
        table.add_column(title, no_wrap=True, justify="left" if title else "right")
    for device, group in _grouped(sorted(entities, key=lambda entity: entity.part), lambda entity: entity.device):
        table.add_row(f"[bold]{device}[/]")
        for entity in group:
            name, value = _name_and_value(entity)
            table.add_row(f"  {name}", value)
    return table


def _grouped[T](rows: Iterable[T], name_of: Callable[[T], str]) -> Iterator[tuple[str, list[T]]]:
    """Group by name, in the order in which the names come first."""
    groups: dict[str, list[T]] = {}
    for row in rows:
        groups.setdefault(name_of(row), []).append(row)
    yield from groups.items()


def _name_and_value(ours: Shown | None) -> tuple[str, str]:
    """Give an entity of this integration by its key: its id may carry a number, as core was there first."""
    return (f"{ours.key}{_star(ours)}", _value(ours)) if ours else ("-", "-")


def _star(entity: Shown) -> str:
    return "" if entity.on_by_default else " *"


def _value(entity: Shown) -> str:
    if entity.value is None:
        return "-"
    if entity.unit is None:
        return entity.value
    number = f"{float(entity.value):.3f}".rstrip("0").rstrip(".")
    return f"{number} {entity.unit}"
