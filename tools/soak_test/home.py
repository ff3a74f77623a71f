"""The Home Assistant that is soaked, and the simulated gateway beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from simulator import Simulator
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add, entity_ids
from tools.hass_process import Api, HomeAssistant, Probe, State

HOLDING = Probe(Path(__file__).resolve().parent / "probe", "soak_probe", imports_repository=True)
FIRMWARE = "21.44"
"""Where a lost session is no question to a person: a login stops nothing."""

LATENCY = 0.02
"""Seconds every answer takes."""

FEW = 3
"""Entities that are named."""

GRID = "grid"
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)
"""Keys of entities; the home calls its energies the same."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """What an owner sees of the gateway."""

    entry: str
    dark: frozenset[str]
    """Entities that show nothing."""

    asks: frozenset[str]
    """Repairs and flows that wait for a person."""

    def beyond(self, normal: Self) -> str:
        """Say what is worse than normal; nothing where all is well."""
        worse = [f"the entry is {self.entry}"] if self.entry != normal.entry else []
        if dark := sorted(self.dark - normal.dark):
            more = f" and {len(dark) - FEW} more" if len(dark) > FEW else ""
            worse.append(f"nothing is shown of {', '.join(dark[:FEW])}{more}")
        if asks := sorted(self.asks - normal.asks):
            worse.append(f"a person is asked for {', '.join(asks)}")
        return "; ".join(worse)


@dataclass(frozen=True)
class Home:
    """Home Assistant with the integration loaded, and its gateway."""

    api: Api
    log: Path
    simulator: Simulator
    entry_id: str
    speed: float

    async def read_probe(self) -> Json:
        """Give what the process holds, by its own clock."""
        reading: Json = await self.api.request("GET", HOLDING.url)
        return reading

    async def wait(self, seconds: float) -> None:
        """Let time pass by Home Assistant's clock."""
        await asyncio.sleep(seconds / self.speed)

    async def reload(self) -> None:
        """Load the entry anew."""
        await self.api.reload_entry(self.entry_id)

    async def condition(self) -> Condition:
        """Look at it as an owner does."""
        ids, states = await entity_ids(self.api, self.simulator.serial), await self.api.states()
        (entry,) = await self.api.entries(DOMAIN)
        issues = await self.api.command("repairs/list_issues")
        flows = await self.api.command("config_entries/flow/progress")
        return Condition(
            entry=entry["state"],
            dark=frozenset(key for key, entity_id in ids.items() if _is_dark(key, states.get(entity_id))),
            asks=frozenset(
                [issue["translation_key"] for issue in issues["issues"] if issue["domain"] == DOMAIN]
                + [flow["context"]["source"] for flow in flows if flow["handler"] == DOMAIN]
            ),
        )

    async def energies(self) -> dict[str, tuple[float, float]]:
        """Give what is shown and what has flowed, in kWh."""
        ids, states = await entity_ids(self.api, self.simulator.serial), await self.api.states()
        self.simulator.pace.catch_up()
        return {key: (float(states[ids[key]].state), getattr(self.simulator.home, key) / 1000) for key in ENERGIES}


def _is_dark(key: str, state: State | None) -> bool:
    """Tell whether an entity shows nothing; some have nothing to show, but the grid is always there or not."""
    return state is None or state.state == STATE_UNAVAILABLE or (key == GRID and state.state == STATE_UNKNOWN)


@asynccontextmanager
async def soaked(folder: Path, speed: float, tell: Callable[[str], None]) -> AsyncIterator[Home]:
    """Start both, add the integration, and let the clock run."""
    simulator = Simulator(FIRMWARE, latency=LATENCY / speed)
    async with simulator, _home_assistant(folder, tell) as home:
        host = f"{simulator.host}:{simulator.port}"
        entry_id = await add(home.api, host, simulator.serial, simulator.password)
        await home.api.request("POST", HOLDING.url, {"speed": speed})
        simulator.speed = speed
        yield Home(home.api, home.log, simulator, entry_id, speed)


def _home_assistant(folder: Path, tell: Callable[[str], None]) -> HomeAssistant:
    HOLDING.put_into(folder)
    return HomeAssistant(
        folder,
        free_port(),
        program=("-m", "tools.soak_test.child"),
        path=HOLDING.path(folder),
        tell=tell,
    )
