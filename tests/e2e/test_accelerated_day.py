"""Split energies of a real Home Assistant over a day of the simulated home, with two outages and a restart.

Runs with `--deep` only, because it takes 25 minutes.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Final

from custom_components.powerwall_gateway.flow_split import Flows
from simulator import Simulator
from simulator.wire import NANOSECONDS
from tests.accelerated_day import COUNTERS, expect_flows, home_of_the_day, pass_day
from tests.conftest import StartSimulator
from tools.child_process import free_port
from tools.dev_server.integration import add, entity_ids
from tools.hass_process import HomeAssistant
from tools.soak_test.environment import RESOURCES

SPEED: Final = 60.0
"""Times the speed of the clock: a time limit of 10 s is 167 ms."""

POLLED: Final = 6.0
"""Seconds within which the meters are polled."""

LONGEST_INTERVAL: Final = 45.0
"""Seconds between polls of the meters on average. It is 5 at the normal speed."""

WRITTEN: Final = 0.1
"""Hours within which the last energies are written: once a minute."""


async def enable_energies(running: HomeAssistant, gateway: Simulator, entry_id: str) -> None:
    """Enable all energies of flows and meters, like the owner."""
    keys = {f"{gateway.serial}_{key}_energy" for key in (*COUNTERS, *asdict(Flows()))}
    for entity in await running.api.command("config/entity_registry/list"):
        if entity["unique_id"] in keys:
            entity_id = entity["entity_id"]
            await running.api.command("config/entity_registry/update", entity_id=entity_id, disabled_by=None)
    await running.api.reload_entry(entry_id)


async def test_flows_of_an_accelerated_day_follow_the_home(simulator: StartSimulator, tmp_path: Path) -> None:
    home = home_of_the_day()
    home.solar_power = home.home_power = 0.0
    gateway = await simulator("21.44", home=home, speed=1.0)
    start, started = home.clock, monotonic()
    RESOURCES.put_into(tmp_path)
    async with AsyncExitStack() as stack:
        running: HomeAssistant

        async def restart(hours: float) -> None:
            """Start Home Assistant at the time of the home."""
            nonlocal running
            await stack.aclose()
            home.advance(hours * 3600)
            ahead = (home.clock - start) / NANOSECONDS - (monotonic() - started)
            program = ("-m", "tools.soak_test.child", str(ahead))
            path = RESOURCES.path(tmp_path)
            running = await stack.enter_async_context(HomeAssistant(tmp_path, free_port(), program=program, path=path))

        async def energies(keys: Iterable[str]) -> dict[str, float]:
            """Return energy sensors in Wh, once they are available: at this speed, responses are late."""
            ids, found = await entity_ids(running.api, gateway.serial), dict[str, float]()
            async with asyncio.timeout(60):
                while not found:
                    states = await running.api.states()
                    with suppress(ValueError):
                        found = {key: 1000 * float(states[ids[f"{key}_energy"]].state) for key in keys}
                    await asyncio.sleep(0.1)
            return found

        async def watch(hours: float) -> None:
            """Accelerate both clocks, but not around changes: polls are late at this speed."""
            await asyncio.sleep(POLLED)
            await running.api.request("POST", RESOURCES.url, {"speed": SPEED})
            gateway.speed = SPEED
            await asyncio.sleep(hours * 3600 / SPEED)
            gateway.speed = 1.0
            await running.api.request("POST", RESOURCES.url, {"speed": 1.0})
            await asyncio.sleep(POLLED)

        await restart(0)
        entry_id = await add(running.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        await enable_energies(running, gateway, entry_id)
        await watch(WRITTEN)
        before = await energies(COUNTERS)
        home.solar_power = home.home_power = None
        await pass_day(home, watch, restart)
        home.solar_power = home.home_power = 0.0
        await watch(WRITTEN)
        flows, counted = await energies(asdict(Flows())), await energies(COUNTERS)
    polls = sum(request.path == "meters/aggregates" for request in gateway.requests)
    interval = (home.clock - start) / NANOSECONDS / polls
    assert interval < LONGEST_INTERVAL
    expect_flows(flows, {key: counted[key] - before[key] for key in COUNTERS}, home.energies.flows)
