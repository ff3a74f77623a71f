"""A gateway of 2018: control is allowed in the form, and mode and reserve follow the pages."""

import asyncio
from pathlib import Path

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tests.ui.conftest import Visit
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Look, Person, desktop, phone

LOOKS = (desktop("de", dark=True), phone("en"))
LONGEST_STOP = 3.0
"""Seconds for which the Powerwall may be stopped by all this."""

START_DELAY = 1.5
"""Seconds that it takes to start."""

LOGIN_LIMIT = 120.0
"""Seconds until mode and reserve can be read: the login waits for a minute on the grid."""


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_the_gateway_follows_the_page(
    simulator: StartSimulator, visit: Visit, tmp_path: Path, look: Look
) -> None:
    gateway = await simulator("1.15.0", speed=1.0)
    gateway.gateway.start_delay = START_DELAY
    async with HomeAssistant(tmp_path, free_port(), language=look.language) as home:
        person = await visit(home, look, "control")
        await adds(person, gateway)
        await person.look_at_device((await device_ids(home.api))[gateway.serial])
        words = person.words
        mode = words.ours("entity.select.operation_mode.name")
        await person.sees_chosen(mode, words.ours("entity.select.operation_mode.state.self_consumption"), LOGIN_LIMIT)
        await person.page.snap("3-before", 1800)
        await person.slide(words.ours("entity.number.backup_reserve.name"), 30)
        await person.choose(mode, words.ours("entity.select.operation_mode.state.backup"))
        await follows(gateway, "backup", 33.5)
        await person.page.snap("4-after", 1800)
        assert person.page.complaints == []
        assert errors_about(home.log, DOMAIN) == []
    assert gateway.running
    assert gateway.stopped_seconds < LONGEST_STOP


async def adds(person: Person, gateway: Simulator) -> None:
    """Tick the box that allows control: a login stops the Powerwall, so it is not ticked before."""
    page = person.page
    await person.begin_to_add()
    await person.say_where(f"{gateway.host}:{gateway.port}", gateway.serial)
    await person.submit()
    await person.reads(person.words.ours("config.step.control.title"))
    await page.snap("1-control")
    await person.tick(person.words.ours("config.step.control.data.allow_control"))
    await person.submit()
    await person.button(person.words("ui.panel.config.integrations.config_flow.finish_skip")).wait_for()
    await page.snap("2-added")
    await person.skip_and_finish()


async def follows(gateway: Simulator, mode: str, reserve: float) -> None:
    """Wait until the gateway has taken both, in its own words: 30 % are 33.5 of its own."""
    async with asyncio.timeout(30):
        while (gateway.home.mode, gateway.home.reserve) != (mode, reserve):
            await asyncio.sleep(0.1)
