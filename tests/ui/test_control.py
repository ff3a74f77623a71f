"""Control a gateway of 2018: allow it in the form, hold the charge, and set mode and reserve."""

import asyncio
from pathlib import Path

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tests.ui.conftest import OpenFrontend
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Frontend, Profile, desktop, phone

PROFILES = (desktop("de", dark=True), phone("en"))
LONGEST_STOP = 3.0
"""Seconds for which the Powerwall may be stopped in total."""

START_DELAY = 1.5
"""Start time of the Powerwall in seconds."""

LOGIN_LIMIT = 120.0
"""Seconds until mode and reserve are available: the login waits for a minute on the grid."""


@pytest.mark.parametrize("profile", PROFILES, ids=str)
async def test_gateway_follows_the_frontend(
    simulator: StartSimulator, open_frontend: OpenFrontend, tmp_path: Path, profile: Profile
) -> None:
    gateway = await simulator("1.15.0", speed=1.0)
    gateway.gateway.start_delay = START_DELAY
    async with HomeAssistant(tmp_path, free_port(), language=profile.language) as home:
        frontend = await open_frontend(home, profile, "control")
        await add_gateway(frontend, gateway)
        await frontend.open_device((await device_ids(home.api))[gateway.serial])
        texts = frontend.texts
        mode = texts.ours("entity.select.operation_mode.name")
        await frontend.expect_selected(
            mode, texts.ours("entity.select.operation_mode.state.self_consumption"), LOGIN_LIMIT
        )
        await frontend.page.screenshot("3-before", 1800)
        former, gateway.home.charge = gateway.home.reserve, 60.5
        hold = texts.ours("entity.switch.hold.name")
        for on, reserve in ((True, 60.0), (False, former)):
            await frontend.toggle(hold)
            await wait_for_operation(gateway, "self_consumption", reserve)
            await frontend.expect_on(hold, on=on)
        await frontend.slide(texts.ours("entity.number.backup_reserve.name"), 30)
        await frontend.select_option(mode, texts.ours("entity.select.operation_mode.state.backup"))
        await wait_for_operation(gateway, "backup", 33.5)
        await frontend.page.screenshot("4-after", 1800)
        assert frontend.page.errors == []
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.running
    assert gateway.stopped_seconds < LONGEST_STOP


async def add_gateway(frontend: Frontend, gateway: Simulator) -> None:
    """Add the gateway and allow control, which is off by default because a login stops the Powerwall."""
    page = frontend.page
    await frontend.add_integration()
    await frontend.enter_address(f"{gateway.host}:{gateway.port}", gateway.serial)
    await frontend.submit()
    await frontend.expect_text(frontend.texts.ours("config.step.control.title"))
    await page.screenshot("1-control")
    await frontend.check(frontend.texts.ours("config.step.control.data.allow_control"))
    await frontend.submit()
    await frontend.button(frontend.texts("ui.panel.config.integrations.config_flow.finish_skip")).wait_for()
    await page.screenshot("2-added")
    await frontend.skip_and_finish()


async def wait_for_operation(gateway: Simulator, mode: str, reserve: float) -> None:
    """Wait until the gateway has both values: 30 app percent are 33.5 of its own."""
    async with asyncio.timeout(30):
        while (gateway.home.mode, round(gateway.home.reserve, 3)) != (mode, reserve):
            await asyncio.sleep(0.1)
