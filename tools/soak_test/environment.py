"""The environment of a soak test: a real Home Assistant and a simulated gateway."""

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

RESOURCES = Probe(Path(__file__).resolve().parent / "probe", "soak_probe", imports_repository=True)
FIRMWARE = "21.44"
"""After a lost session it recovers by itself: a login stops nothing."""

LATENCY = 0.02
"""Seconds per response."""

FEW = 3
"""Number of entities that are named."""

GRID = "grid"
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)
"""Keys of entities; the simulated home has the same names."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """The state of the entry, as an owner sees it."""

    entry: str
    unavailable: frozenset[str]
    """Keys of entities without a value."""

    open: frozenset[str]
    """Repair issues and flows that wait for the owner."""

    def beyond(self, normal: Self) -> str:
        """Return the differences from normal that are worse; empty without one."""
        worse = [f"the entry is {self.entry}"] if self.entry != normal.entry else []
        if unavailable := sorted(self.unavailable - normal.unavailable):
            more = f" and {len(unavailable) - FEW} more" if len(unavailable) > FEW else ""
            worse.append(f"unavailable: {', '.join(unavailable[:FEW])}{more}")
        if waiting := sorted(self.open - normal.open):
            worse.append(f"waiting for a person: {', '.join(waiting)}")
        return "; ".join(worse)


@dataclass(frozen=True)
class Environment:
    """Home Assistant with the integration loaded, and its gateway."""

    api: Api
    log: Path
    simulator: Simulator
    entry_id: str
    speed: float

    async def read_probe(self) -> Json:
        """Return the resources that the process holds."""
        reading: Json = await self.api.request("GET", RESOURCES.url)
        return reading

    async def wait(self, seconds: float) -> None:
        """Wait, in seconds of Home Assistant's clock."""
        await asyncio.sleep(seconds / self.speed)

    async def reload(self) -> None:
        """Reload the entry."""
        await self.api.reload_entry(self.entry_id)

    async def condition(self) -> Condition:
        """Return the current condition."""
        ids, states = await entity_ids(self.api, self.simulator.serial), await self.api.states()
        (entry,) = await self.api.entries(DOMAIN)
        issues = await self.api.command("repairs/list_issues")
        flows = await self.api.command("config_entries/flow/progress")
        return Condition(
            entry=entry["state"],
            unavailable=frozenset(key for key, entity_id in ids.items() if _is_unavailable(key, states.get(entity_id))),
            open=frozenset(
                [issue["translation_key"] for issue in issues["issues"] if issue["domain"] == DOMAIN]
                + [flow["context"]["source"] for flow in flows if flow["handler"] == DOMAIN]
            ),
        )

    async def energies(self) -> dict[str, tuple[float, float]]:
        """Return each energy as shown and as it flowed, in kWh."""
        ids, states = await entity_ids(self.api, self.simulator.serial), await self.api.states()
        self.simulator.timing.catch_up()
        return {key: (float(states[ids[key]].state), getattr(self.simulator.home, key) / 1000) for key in ENERGIES}


def _is_unavailable(key: str, state: State | None) -> bool:
    """Return whether an entity has no value. Some are unknown without a fault, but never the grid."""
    return state is None or state.state == STATE_UNAVAILABLE or (key == GRID and state.state == STATE_UNKNOWN)


@asynccontextmanager
async def environment(folder: Path, speed: float, notify: Callable[[str], None]) -> AsyncIterator[Environment]:
    """Start both, add the integration, and set the speed of the clock."""
    simulator = Simulator(FIRMWARE, latency=LATENCY / speed)
    async with simulator, _home_assistant(folder, notify) as home:
        host = f"{simulator.host}:{simulator.port}"
        entry_id = await add(home.api, host, simulator.serial, simulator.password)
        await home.api.request("POST", RESOURCES.url, {"speed": speed})
        simulator.speed = speed
        yield Environment(home.api, home.log, simulator, entry_id, speed)


def _home_assistant(folder: Path, notify: Callable[[str], None]) -> HomeAssistant:
    RESOURCES.put_into(folder)
    return HomeAssistant(
        folder,
        free_port(),
        program=("-m", "tools.soak_test.child", "0"),
        path=RESOURCES.path(folder),
        notify=notify,
    )
