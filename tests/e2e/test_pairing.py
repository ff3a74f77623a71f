"""Add a signing key in a real Home Assistant, change settings, go off-grid, and restart."""

import asyncio
from pathlib import Path

import pytest

from simulator import SimulatedHome
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


async def find(home: HomeAssistant, platform: str, key: str) -> str | None:
    """Return the entity id of a key, None where there is none; a sensor and what sets the same share their key."""
    entries = await home.api.command("config/entity_registry/list")
    found: list[str] = [entry["entity_id"] for entry in entries if entry["unique_id"].endswith(f"_{key}")]
    return next((entity_id for entity_id in found if entity_id.startswith(f"{platform}.")), None)


async def entity(home: HomeAssistant, platform: str, key: str) -> str:
    """Return the entity id of a key as soon as it has a state: some entities are added after the start."""
    async with asyncio.timeout(30):
        while not (entity_id := await find(home, platform, key)) or entity_id not in await home.api.states():
            await asyncio.sleep(0.1)
    return entity_id


async def value(home: HomeAssistant, key: str) -> float:
    """Return the state of a sensor."""
    entity_id = await entity(home, "sensor", key)
    return float((await home.api.states())[entity_id].state)


@pytest.mark.parametrize("firmware", SIGNED)
async def test_key_is_created_confirmed_and_used(simulator: StartSimulator, tmp_path: Path, firmware: str) -> None:
    gateway = await start(simulator, firmware, home=SimulatedHome(packs=1, charge=80), speed=SPEED)
    simulated = gateway.home
    simulated.solar_power, simulated.home_power = 0.0, 500.0
    port = free_port()
    async with HomeAssistant(tmp_path, port) as home:
        entry_id = await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        assert await find(home, "select", "operation_mode") is None
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
        mode, reserve = await entity(home, "select", "operation_mode"), await entity(home, "number", "backup_reserve")
        switch = await entity(home, "switch", "off_grid")
        await home.api.wait_for_state(mode, "self_consumption")

        assert await value(home, "home_power") == pytest.approx(500, abs=15)
        assert await value(home, f"{gateway.gateway.pack_serials[0]}_charge") > 0
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
        assert modes_of(tmp_path / ".storage", kept) == {kept: 0o600}
        assert errors_about(home.log, DOMAIN) == []
    logins = gateway.logins

    async with HomeAssistant(tmp_path, port) as home:
        await home.api.wait_for_state(mode, "autonomous")
        await home.api.call_service("number", "set_value", entity_id=reserve, value=40)
        await home.api.wait_for_state(reserve, "40.0")
        assert simulated.reserve == 43
        assert await value(home, "home_power") == pytest.approx(500, abs=15)
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.logins == logins
