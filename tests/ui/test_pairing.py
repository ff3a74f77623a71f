"""Create and confirm a signing key for a Powerwall 3 and a Powerwall 2, and control them, also after a restart."""

from base64 import b64decode
from pathlib import Path
import re

import pytest

from simulator import SimulatedHome, Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.ui.conftest import OpenFrontend
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, add, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Frontend, Profile, desktop, phone

CASES = [("pw3", phone("en")), ("26.18", desktop("de", dark=True))]
SPEED = 30.0
"""A gateway reconnects after a minute on the grid, which takes 2 seconds at this speed."""

MODE, RESERVE, OFF_GRID = "entity.select.operation_mode", "entity.number.backup_reserve", "entity.switch.off_grid"


@pytest.mark.parametrize(("firmware", "profile"), CASES, ids=str)
async def test_signing_key_allows_control(
    simulator: StartSimulator, open_frontend: OpenFrontend, tmp_path: Path, firmware: str, profile: Profile
) -> None:
    gateway = await start(simulator, firmware, home=SimulatedHome(packs=1, charge=80), speed=SPEED)
    gateway.home.solar_power, gateway.home.home_power = 0.0, 500.0
    port = free_port()
    async with HomeAssistant(tmp_path, port, language=profile.language) as home:
        frontend = await open_frontend(home, profile, "pairing")
        await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
        await pair(frontend, gateway)
        await open_gateway(frontend, home, gateway)
        await frontend.expect_value(
            frontend.texts.ours("entity.sensor.home_power.name"), re.compile(r"\b(49\d|50\d)\b")
        )
        await set_operation(frontend, gateway)
        await go_off_grid_and_back(frontend, gateway)
        await frontend.page.screenshot("4-control", 1800)
        assert frontend.page.errors == []
        assert errors_about(home.log, DOMAIN) == []
    logins = gateway.logins

    async with HomeAssistant(tmp_path, port, language=profile.language) as home:
        frontend = await open_frontend(home, profile, "paired")
        await open_gateway(frontend, home, gateway)
        await frontend.expect_selected(
            frontend.texts.ours(f"{MODE}.name"), frontend.texts.ours(f"{MODE}.state.autonomous")
        )
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.logins == logins


async def pair(frontend: Frontend, gateway: Simulator) -> None:
    """Create a key step by step, and check that each missing step is visible without scrolling."""
    texts = frontend.texts
    await frontend.open_entry()
    key = await frontend.create_key()
    await frontend.page.screenshot("1-key")
    await frontend.submit()
    await frontend.expect_in_viewport(texts.ours("options.error.key_unknown"))
    gateway.gateway.keyring.register(b64decode(key))
    await frontend.submit()
    await frontend.expect_in_viewport(texts.ours("options.error.key_unconfirmed"))
    await frontend.page.screenshot("2-unconfirmed")
    gateway.flip_switch()
    await frontend.submit()
    await frontend.close_dialog()


async def open_gateway(frontend: Frontend, home: HomeAssistant, gateway: Simulator) -> None:
    """Open the gateway's device page."""
    await frontend.open_device((await device_ids(home.api))[gateway.serial])


async def set_operation(frontend: Frontend, gateway: Simulator) -> None:
    """Set mode and reserve, and check that the gateway follows."""
    texts = frontend.texts
    mode = texts.ours(f"{MODE}.name")
    await frontend.expect_selected(mode, texts.ours(f"{MODE}.state.self_consumption"))
    await frontend.select_option(mode, texts.ours(f"{MODE}.state.autonomous"))
    await until(lambda: gateway.home.mode == "autonomous", seconds=60)
    await frontend.expect_selected(mode, texts.ours(f"{MODE}.state.autonomous"))
    await frontend.slide(texts.ours(f"{RESERVE}.name"), 30)
    await until(lambda: gateway.home.reserve == 33.5, seconds=60)
    await frontend.page.screenshot("3-set", 1800)


async def go_off_grid_and_back(frontend: Frontend, gateway: Simulator) -> None:
    """Go off-grid and back with the switch."""
    off_grid = frontend.texts.ours(f"{OFF_GRID}.name")
    await frontend.toggle(off_grid)
    await until(lambda: gateway.home.grid_status == "SystemIslandedActive", seconds=60)
    await frontend.expect_on(off_grid)
    await frontend.toggle(off_grid)
    await until(lambda: gateway.home.grid_status == "SystemGridConnected", seconds=60)
