"""A home that Home Assistant took off-grid reconnects, even if Home Assistant was killed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

from simulator import Simulator
from simulator.gateway.call import Call
from tests.conftest import StartSimulator
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add, entity_ids
from tools.hass_process import HomeAssistant, errors_about

RECONNECTING_SECONDS = 60


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something."""
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.1)


async def shows(home: HomeAssistant, entity_id: str, wanted: str) -> bool:
    """Return whether an entity has a state."""
    state = (await home.api.states()).get(entity_id)
    return state is not None and state.state == wanted


async def is_kept(folder: Path) -> bool:
    """Return whether the new entry is on disk: Home Assistant writes it a second later."""
    entries = folder / ".storage" / "core.config_entries"
    return entries.exists() and DOMAIN in entries.read_text()


async def is_connected(gateway: Simulator) -> bool:
    """Return whether the gateway was ordered to reconnect."""
    return not gateway.home.off_grid_on_purpose


async def test_off_grid_recovers_after_a_crash_at_any_step(simulator: StartSimulator, tmp_path: Path) -> None:
    gateway = await simulator("21.44")
    gateway.home.charge = 80.0
    port = free_port()
    async with HomeAssistant(tmp_path, port) as home:
        await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        async with asyncio.timeout(20):  # the switch appears at the first grid poll after the hardware was read
            while not (switch := (await entity_ids(home.api, gateway.serial)).get("off_grid")):
                await asyncio.sleep(0.1)
        await until(lambda: is_kept(tmp_path))

        def kill_when_done(step: str, call: Call) -> None:
            if (step, call.method, call.path) == ("acted", "POST", "v2/islanding/mode"):
                home.kill()

        gateway.server.observer = kill_when_done
        with suppress(aiohttp.ClientError):
            await home.api.call_service("switch", "turn_on", entity_id=switch)
        async with asyncio.timeout(10):
            assert await home.wait() == -9
    gateway.server.observer = lambda *_: None
    gateway.home.advance(5)
    assert gateway.home.grid_status == "SystemIslandedActive"

    async with HomeAssistant(tmp_path, port) as home:
        await until(lambda: shows(home, switch, "on"))
        event = (await home.api.states())["event.home_energy_gateway_grid_event"]
        assert event.attributes.get("event_type") != "outage"
        gateway.home.charge = 23.0  # app 19 %
        await until(lambda: is_connected(gateway))
        gateway.home.advance(RECONNECTING_SECONDS)
        await until(lambda: shows(home, switch, "off"))
        assert errors_about(home.log, DOMAIN) == []
