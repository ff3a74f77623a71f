"""A gateway's whole life on the pages: added, watched, put right, configured, and gone without a trace."""

import json
from pathlib import Path
import re

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tests.ui.conftest import Visit
from tests.unit.test_redaction import secrets_of
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Look, Person, desktop, phone

LOOKS = (desktop("en"), phone("de", dark=True))
"""Each screen, each colour and each language once; the other way round in `test_control.py`."""

LEAVING_SECONDS, RECONNECTING_SECONDS = 5, 60
"""Of the home, whose clock stands still but for them."""

WATTS = 4321
ANYBODYS = {"Home Energy Gateway", '"Home"', "Tesla Timbuktu"}
"""What is a secret where it stands in an answer, and a word elsewhere."""


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_from_adding_to_removing(simulator: StartSimulator, visit: Visit, tmp_path: Path, look: Look) -> None:
    gateway = await simulator("21.44")
    folder = tmp_path / "home"
    async with HomeAssistant(folder, free_port(), language=look.language) as home:
        person = await visit(home, look, "life")
        await adds(person, gateway)
        await sees_the_home_live(person, home, gateway)
        await sees_an_outage(person, home, gateway)
        await fills_the_energy_dashboard(person, home)
        await puts_it_right(person, gateway)
        await chooses(person, home)
        secrets = {*secrets_of(gateway)} - ANYBODYS
        await downloads_diagnostics(person, tmp_path / "diagnostics.json", secrets)
        await removes(person, home)
        assert person.page.complaints == []
        assert errors_about(home.log, DOMAIN) == []
    assert left_behind(folder, gateway) == []


async def adds(person: Person, gateway: Simulator) -> None:
    """With a password that is wrong, and then with the right one."""
    page, words = person.page, person.words
    await person.begin_to_add()
    await person.say_where(f"{gateway.host}:{gateway.port}", gateway.serial)
    await page.snap("1-place")
    await person.submit()
    await person.field("password").wait_for()
    await page.snap("2-password")
    await person.say_password("wrong")
    await person.submit()
    await person.reads(words.ours("config.error.invalid_auth"))
    await page.snap("3-password-refused")
    await person.say_password(gateway.password)
    await person.submit()
    await person.reads(words.ours("config.step.confirm.title"))
    await page.snap("4-confirm")
    await person.submit()
    await person.button(words("ui.panel.config.integrations.config_flow.finish_skip")).wait_for()
    await page.snap("5-added")
    await person.skip_and_finish()


async def sees_the_home_live(person: Person, home: HomeAssistant, gateway: Simulator) -> None:
    """On the pages of the gateway, of a Powerwall and of the grid's meter."""
    devices = await device_ids(home.api)
    for name, device_id in devices.items():
        await person.look_at_device(device_id)
        await person.page.snap(f"6-device-{name.removeprefix(gateway.serial).strip('_').lower() or 'gateway'}", 1800)
    await person.look_at_device(devices[gateway.serial])
    gateway.home.home_power = WATTS
    name = person.words.ours("entity.sensor.home_power.name")
    await person.sees(name, re.compile(r"4[.,]32\d"))


async def sees_an_outage(person: Person, home: HomeAssistant, gateway: Simulator) -> None:
    """Where it is looked at, without loading the page again."""
    words = person.words
    status = words.ours("entity.binary_sensor.grid.name")
    await person.sees(status, words.ours("entity.binary_sensor.grid.state.on"))
    gateway.home.outage()
    gateway.home.advance(LEAVING_SECONDS)
    await person.sees(status, words.ours("entity.binary_sensor.grid.state.off"))
    event = "entity.event.grid_event"
    await person.sees(words.ours(f"{event}.name"), words.ours(f"{event}.state_attributes.event_type.state.outage"))
    await person.page.snap("7-outage", 1800)
    gateway.home.restore()
    gateway.home.advance(RECONNECTING_SECONDS)
    await person.sees(status, words.ours("entity.binary_sensor.grid.state.on"))


async def fills_the_energy_dashboard(person: Person, home: HomeAssistant) -> None:
    """By the button that offers it."""
    words, issue = person.words, "issues.energy_dashboard"
    await person.look_at_repairs()
    await person.open_repair(words.ours(f"{issue}.title"))
    add = words.ours(f"{issue}.fix_flow.step.init.menu_options.add")
    await person.reads(add)
    await person.page.snap("8-energy")
    await person.take(add)
    await person.reads(words("ui.dialogs.repair_flow.success.description"))
    sources = (await home.api.command("energy/get_prefs"))["energy_sources"]
    assert {source["type"] for source in sources} >= {"grid", "solar", "battery"}


async def puts_it_right(person: Person, gateway: Simulator) -> None:
    """By the button of a repair."""
    title = person.words.ours("issues.stopped.title")
    gateway.running = False
    await person.look_at_repairs()
    await person.reads(title)
    await person.page.snap("9-repairs")
    await person.open_repair(title)
    await person.button(person.words("ui.panel.config.integrations.config_flow.submit")).wait_for()
    await person.page.snap("10-repair")
    await person.submit()
    await person.reads(person.words("ui.dialogs.repair_flow.success.description"))
    assert gateway.running
    await person.page.snap("11-repaired")


async def chooses(person: Person, home: HomeAssistant) -> None:
    """Have power read every ten seconds."""
    await person.look_at_entry()
    await person.page.snap("12-entry")
    await person.configure()
    interval = person.number(person.words.ours("options.step.settings.data.live_interval"))
    await interval.wait_for()
    await person.page.snap("13-options", 1100)
    await interval.fill("10")
    await person.submit()
    await person.close_dialog()
    (entry,) = await home.api.entries(DOMAIN)
    step = await home.api.start_options(entry["entry_id"])
    shown = {field["name"]: field["description"]["suggested_value"] for field in step["data_schema"]}
    assert shown["live_interval"] == 10


async def downloads_diagnostics(person: Person, file: Path, secrets: set[str]) -> None:
    """And find nothing in them that tells whose system it is."""
    await person.look_at_entry()
    await person.download_diagnostics(file)
    assert told(file, secrets) == []


def told(file: Path, secrets: set[str]) -> list[str]:
    """Give the secrets that a file of diagnostics tells."""
    text = file.read_text(encoding="utf-8")
    assert json.loads(text)["data"]
    return sorted(secret for secret in secrets if secret in text)


async def removes(person: Person, home: HomeAssistant) -> None:
    """And finds nothing of it any more."""
    await person.remove()
    await person.reads(person.words("ui.panel.config.integrations.integration_page.no_entries"))
    await person.page.snap("14-removed")
    assert await home.api.entries(DOMAIN) == []
    registered = await home.api.command("config/entity_registry/list")
    assert [entity["entity_id"] for entity in registered if entity["platform"] == DOMAIN] == []
    assert await device_ids(home.api) == {}
    issues = await home.api.command("repairs/list_issues")
    assert [issue for issue in issues["issues"] if issue["domain"] == DOMAIN] == []


def left_behind(folder: Path, gateway: Simulator) -> list[str]:
    """Give the files that are still there of the integration, and those in which a door to the gateway stands."""
    files = [file for file in (folder / ".storage").rglob("*") if file.is_file()]
    keys = {gateway.password, *gateway.tokens}
    return [
        file.name
        for file in files
        if DOMAIN in file.name or any(f'"{key}"' in file.read_text(encoding="utf-8") for key in keys)
    ]
