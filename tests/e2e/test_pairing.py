"""Add a signing key in a real Home Assistant, change settings, go off-grid, and restart."""

import asyncio
from pathlib import Path

import pytest

from simulator import SimulatedHome, Simulator
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.signing_keys import SIGNED
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add
from tools.hass_process import HomeAssistant, errors_about

SPEED = 30.0
"""So that the minute for which a gateway watches the grid before it reconnects is two seconds."""


def modes_of(storage: Path, name: str) -> dict[str, int]:
    """Return the permissions of the files of an entry."""
    return {path.name: path.stat().st_mode & 0o777 for path in storage.glob(f"{name}*")}


class Entities:
    """The entities of one gateway, by platform and key: a sensor and what sets the same share their key."""

    def __init__(self, home: HomeAssistant, gateway: Simulator) -> None:
        self._home = home
        self._gateway = gateway

    async def find(self, platform: str, key: str) -> str | None:
        """Return an entity id, None if there is none."""
        entries = await self._home.api.command("config/entity_registry/list")
        unique_id = f"{self._gateway.serial}_{key}"
        found: list[str] = [entry["entity_id"] for entry in entries if entry["unique_id"] == unique_id]
        return next((entity_id for entity_id in found if entity_id.startswith(f"{platform}.")), None)

    async def id(self, platform: str, key: str) -> str:
        """Return an entity id as soon as the entity has a state: some entities are added after the start."""
        async with asyncio.timeout(30):
            while not (entity_id := await self.find(platform, key)) or entity_id not in await self._home.api.states():
                await asyncio.sleep(0.1)
        return entity_id

    async def value(self, key: str) -> float:
        """Return the state of a sensor."""
        entity_id = await self.id("sensor", key)
        return float((await self._home.api.states())[entity_id].state)


async def test_key_is_created_confirmed_and_used(simulator: StartSimulator, tmp_path: Path) -> None:
    """One Home Assistant for all firmware versions: its two starts take longer than the test."""
    gateways = [
        await start(
            simulator, firmware, home=SimulatedHome(packs=1, charge=80), speed=SPEED, serial=f"TG12345670{number}000"
        )
        for number, firmware in enumerate(SIGNED)
    ]
    port = free_port()
    async with HomeAssistant(tmp_path, port) as home:
        for gateway in gateways:
            await pair_and_control(home, gateway)
        assert errors_about(home.log, DOMAIN) == []
    logins = [gateway.logins for gateway in gateways]

    async with HomeAssistant(tmp_path, port) as home:
        for gateway in gateways:
            await control_after_a_restart(home, gateway)
        assert errors_about(home.log, DOMAIN) == []
    assert [gateway.logins for gateway in gateways] == logins


async def pair_and_control(home: HomeAssistant, gateway: Simulator) -> None:
    """Add a gateway and a signing key, change mode and reserve, and go off-grid."""
    simulated, entities = gateway.home, Entities(home, gateway)
    simulated.solar_power, simulated.home_power = 0.0, 500.0
    entry_id = await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
    assert await entities.find("select", "operation_mode") is None
    step = await home.api.start_options(entry_id)
    for choice in ("pairing", "make_key"):
        step = await home.api.continue_options(step["flow_id"], {"next_step_id": choice})
    async with Browser(gateway) as tesla:
        await tesla.post("/simulator", {"register_key": step["description_placeholders"]["public_key"]})
    step = await home.api.continue_options(step["flow_id"], {})
    assert (step["step_id"], step["errors"]) == ("check_key", {"base": "key_unconfirmed"})
    gateway.flip_switch()
    step = await home.api.continue_options(step["flow_id"], {})
    assert step["type"] == "create_entry"
    mode, reserve = await entities.id("select", "operation_mode"), await entities.id("number", "backup_reserve")
    switch = await entities.id("switch", "off_grid")
    await home.api.wait_for_state(mode, "self_consumption")

    assert await entities.value("home_power") == pytest.approx(500, abs=15)
    assert await entities.value(f"{gateway.gateway.pack_serials[0]}_charge") > 0
    await home.api.call_service("select", "select_option", entity_id=mode, option="autonomous")
    await home.api.wait_for_state(mode, "autonomous")
    await home.api.call_service("number", "set_value", entity_id=reserve, value=30)
    await home.api.wait_for_state(reserve, "30.0")
    assert (simulated.mode, simulated.reserve) == ("autonomous", 33.5)
    await home.api.call_service("switch", "turn_on", entity_id=switch)
    assert simulated.grid_status == "SystemIslandedActive"
    await home.api.wait_for_state(switch, "on")
    await home.api.call_service("switch", "turn_off", entity_id=switch)
    assert simulated.grid_status == "SystemGridConnected"
    await home.api.wait_for_state(switch, "off")
    kept = f"{DOMAIN}.{entry_id}"  # the session, and the key; no other user of the machine may read them
    assert modes_of(home.folder / ".storage", kept) == {kept: 0o600}


async def control_after_a_restart(home: HomeAssistant, gateway: Simulator) -> None:
    """Read the mode, and change the reserve."""
    entities = Entities(home, gateway)
    await home.api.wait_for_state(await entities.id("select", "operation_mode"), "autonomous")
    reserve = await entities.id("number", "backup_reserve")
    await home.api.call_service("number", "set_value", entity_id=reserve, value=40)
    await home.api.wait_for_state(reserve, "40.0")
    assert gateway.home.reserve == 43
    assert await entities.value("home_power") == pytest.approx(500, abs=15)
