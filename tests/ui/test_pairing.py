"""A Powerwall 3, and a Powerwall 2 of today: a key is made and confirmed and brings control, also after a restart."""

from base64 import b64decode
from pathlib import Path
import re

import pytest

from simulator import SimulatedHome, Simulator
from tests.client.profiles import start
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.ui.conftest import Visit
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Look, Person, desktop, phone

SPEED = 30.0
"""So that the minute for which a gateway watches the grid before it reconnects is two seconds."""

MODE, RESERVE, OFF_GRID = "entity.select.operation_mode", "entity.number.backup_reserve", "entity.switch.off_grid"


@pytest.mark.parametrize(("firmware", "look"), [("pw3", phone("en")), ("26.18", desktop("de", dark=True))], ids=str)
async def test_a_key_brings_control(
    simulator: StartSimulator, visit: Visit, tmp_path: Path, firmware: str, look: Look
) -> None:
    gateway = await start(simulator, firmware, home=SimulatedHome(packs=1, charge=80), speed=SPEED)
    gateway.home.solar_power, gateway.home.home_power = 0.0, 500.0
    port = free_port()
    async with HomeAssistant(tmp_path, port, language=look.language) as home:
        person = await visit(home, look, "pairing")
        await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        await pairs(person, gateway)
        await looks_at_gateway(person, home, gateway)
        await person.sees(person.words.ours("entity.sensor.home_power.name"), re.compile(r"\b(49\d|50\d)\b"))
        await sets(person, gateway)
        await leaves_the_grid_and_comes_back(person, gateway)
        await person.page.snap("4-control", 1800)
        assert person.page.complaints == []
        assert errors_about(home.log, DOMAIN) == []
    logins = gateway.logins

    async with HomeAssistant(tmp_path, port, language=look.language) as home:
        person = await visit(home, look, "paired")
        await looks_at_gateway(person, home, gateway)
        await person.sees_chosen(person.words.ours(f"{MODE}.name"), person.words.ours(f"{MODE}.state.autonomous"))
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.logins == logins


async def pairs(person: Person, gateway: Simulator) -> None:
    """Step by step, and reads what is missing where no scrolling is needed."""
    words = person.words
    await person.look_at_entry()
    key = await person.make_key()
    await person.page.snap("1-key")
    await person.submit()
    await person.reads_at_once(words.ours("options.error.key_unknown"))
    gateway.gateway.keyring.register(b64decode(key))
    await person.submit()
    await person.reads_at_once(words.ours("options.error.key_unconfirmed"))
    await person.page.snap("2-unconfirmed")
    gateway.flip_switch()
    await person.submit()
    await person.close_dialog()


async def looks_at_gateway(person: Person, home: HomeAssistant, gateway: Simulator) -> None:
    """Where mode, reserve and the way off the grid are."""
    await person.look_at_device((await device_ids(home.api))[gateway.serial])


async def sets(person: Person, gateway: Simulator) -> None:
    """Mode and reserve, which the gateway follows."""
    words = person.words
    mode = words.ours(f"{MODE}.name")
    await person.sees_chosen(mode, words.ours(f"{MODE}.state.self_consumption"))
    await person.choose(mode, words.ours(f"{MODE}.state.autonomous"))
    await until(lambda: gateway.home.mode == "autonomous", seconds=60)
    await person.sees_chosen(mode, words.ours(f"{MODE}.state.autonomous"))
    await person.slide(words.ours(f"{RESERVE}.name"), 30)
    await until(lambda: gateway.home.reserve == 33.5, seconds=60)
    await person.page.snap("3-set", 1800)


async def leaves_the_grid_and_comes_back(person: Person, gateway: Simulator) -> None:
    """By the switch."""
    off_grid = person.words.ours(f"{OFF_GRID}.name")
    await person.flip(off_grid)
    await until(lambda: gateway.home.grid_status == "SystemIslandedActive", seconds=60)
    await person.sees_on(off_grid)
    await person.flip(off_grid)
    await until(lambda: gateway.home.grid_status == "SystemGridConnected", seconds=60)
