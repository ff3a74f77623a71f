"""The lifecycle of a gateway in the frontend: add, monitor, fix, configure and remove it."""

import json
from pathlib import Path
import re

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tests.ui.conftest import OpenFrontend
from tests.unit.test_response_redaction import secrets_in, secrets_of
from tools.child_process import free_port
from tools.dev_server.integration import DOMAIN, device_ids
from tools.hass_process import HomeAssistant, errors_about
from tools.ui import Frontend, Profile, desktop, phone

PROFILES = (desktop("en"), phone("de", dark=True))
"""Each screen, color scheme and language once; `test_control.py` has the other combinations."""

LEAVING_SECONDS, RECONNECTING_SECONDS = 5, 60
"""Seconds of the simulated home, whose clock stands still otherwise."""

WATTS = 4321
PUBLIC_NAMES = {"Home Energy Gateway", '"Home"', "Tesla Timbuktu"}
"""Secrets in a response that are also common words."""


@pytest.mark.parametrize("profile", PROFILES, ids=str)
async def test_lifecycle_from_adding_to_removing(
    simulator: StartSimulator, open_frontend: OpenFrontend, tmp_path: Path, profile: Profile
) -> None:
    gateway = await simulator("21.44")
    folder = tmp_path / "home"
    async with HomeAssistant(folder, free_port(), language=profile.language) as home:
        frontend = await open_frontend(home, profile, "life")
        await add_gateway(frontend, gateway)
        await check_live_values(frontend, home, gateway)
        await check_outage(frontend, home, gateway)
        await fill_energy_dashboard(frontend, home)
        await fix_repair_issue(frontend, gateway)
        await change_options(frontend, home)
        secrets = {*secrets_of(gateway)} - PUBLIC_NAMES
        await download_diagnostics_of(frontend, tmp_path / "diagnostics.json", secrets)
        await remove_entry(frontend, home)
        assert frontend.page.errors == []
        assert errors_about(home.log, DOMAIN) == []
    assert remaining_files(folder, gateway) == []


async def add_gateway(frontend: Frontend, gateway: Simulator) -> None:
    """Add the gateway, first with a wrong password."""
    page, texts = frontend.page, frontend.texts
    await frontend.add_integration()
    await frontend.enter_address(f"{gateway.host}:{gateway.port}", gateway.serial)
    await page.screenshot("1-place")
    await frontend.submit()
    await frontend.field("password").wait_for()
    await page.screenshot("2-password")
    await frontend.enter_password("wrong")
    await frontend.submit()
    refused, _, _ = texts.ours("config.error.invalid_auth", reason="").partition(" (")
    await frontend.expect_text(refused)
    await page.screenshot("3-password-refused")
    await frontend.enter_password(gateway.password)
    await frontend.submit()
    await frontend.expect_text(texts.ours("config.step.confirm.title"))
    await page.screenshot("4-confirm")
    await frontend.submit()
    await frontend.button(texts("ui.panel.config.integrations.config_flow.finish_skip")).wait_for()
    await page.screenshot("5-added")
    await frontend.skip_and_finish()


async def check_live_values(frontend: Frontend, home: HomeAssistant, gateway: Simulator) -> None:
    """Check the pages of the gateway, a Powerwall and the grid meter."""
    devices = await device_ids(home.api)
    for name, device_id in devices.items():
        await frontend.open_device(device_id)
        await frontend.page.screenshot(
            f"6-device-{name.removeprefix(gateway.serial).strip('_').lower() or 'gateway'}", 1800
        )
    await frontend.open_device(devices[gateway.serial])
    gateway.home.home_power = WATTS
    name = frontend.texts.ours("entity.sensor.home_power.name")
    await frontend.expect_value(name, re.compile(r"4[.,]32\d"))


async def check_outage(frontend: Frontend, home: HomeAssistant, gateway: Simulator) -> None:
    """Check that the open page shows an outage and its end."""
    texts = frontend.texts
    status = texts.ours("entity.binary_sensor.grid.name")
    await frontend.expect_value(status, texts.ours("entity.binary_sensor.grid.state.on"))
    gateway.home.outage()
    gateway.home.advance(LEAVING_SECONDS)
    await frontend.expect_value(status, texts.ours("entity.binary_sensor.grid.state.off"))
    event = "entity.event.grid_event"
    await frontend.expect_value(
        texts.ours(f"{event}.name"), texts.ours(f"{event}.state_attributes.event_type.state.outage")
    )
    await frontend.page.screenshot("7-outage", 1800)
    gateway.home.restore()
    gateway.home.advance(RECONNECTING_SECONDS)
    await frontend.expect_value(status, texts.ours("entity.binary_sensor.grid.state.on"))


async def fill_energy_dashboard(frontend: Frontend, home: HomeAssistant) -> None:
    """Fill the Energy dashboard through its repair issue."""
    texts, issue = frontend.texts, "issues.energy_dashboard"
    await frontend.open_repairs()
    await frontend.open_repair(texts.ours(f"{issue}.title"))
    add = texts.ours(f"{issue}.fix_flow.step.init.menu_options.add")
    await frontend.expect_text(add)
    await frontend.page.screenshot("8-energy")
    await frontend.choose_menu_option(add)
    await frontend.expect_text(texts("ui.dialogs.repair_flow.success.description"))
    sources = (await home.api.command("energy/get_prefs"))["energy_sources"]
    assert {source["type"] for source in sources} >= {"grid", "solar", "battery"}


async def fix_repair_issue(frontend: Frontend, gateway: Simulator) -> None:
    """Start the stopped Powerwall through its repair issue."""
    title = frontend.texts.ours("issues.stopped.title")
    gateway.running = False
    await frontend.open_repairs()
    await frontend.expect_text(title)
    await frontend.page.screenshot("9-repairs")
    await frontend.open_repair(title)
    await frontend.button(frontend.texts("ui.panel.config.integrations.config_flow.submit")).wait_for()
    await frontend.page.screenshot("10-repair")
    await frontend.submit()
    await frontend.expect_text(frontend.texts("ui.dialogs.repair_flow.success.description"))
    assert gateway.running
    await frontend.page.screenshot("11-repaired")


async def change_options(frontend: Frontend, home: HomeAssistant) -> None:
    """Change the live interval to 10 seconds."""
    await frontend.open_entry()
    await frontend.page.screenshot("12-entry")
    await frontend.configure()
    interval = frontend.number(frontend.texts.ours("options.step.settings.data.live_interval"))
    await interval.wait_for()
    await frontend.page.screenshot("13-options", 1100)
    await interval.fill("10")
    await frontend.submit()
    await frontend.close_dialog()
    (entry,) = await home.api.entries(DOMAIN)
    step = await home.api.start_options(entry["entry_id"])
    shown = {field["name"]: field["description"]["suggested_value"] for field in step["data_schema"]}
    assert shown["live_interval"] == 10


async def download_diagnostics_of(frontend: Frontend, file: Path, secrets: set[str]) -> None:
    """Download the diagnostics, and check that they have no secrets."""
    await frontend.open_entry()
    await frontend.download_diagnostics(file)
    assert secrets_in(read_diagnostics(file), secrets) == []


def read_diagnostics(file: Path) -> str:
    """Return the text of a diagnostics file that has data."""
    text = file.read_text(encoding="utf-8")
    assert json.loads(text)["data"]
    return text


async def remove_entry(frontend: Frontend, home: HomeAssistant) -> None:
    """Remove the entry, and check that nothing of it remains in Home Assistant."""
    await frontend.remove()
    await frontend.expect_text(frontend.texts("ui.panel.config.integrations.integration_page.no_entries"))
    await frontend.page.screenshot("14-removed")
    assert await home.api.entries(DOMAIN) == []
    registered = await home.api.command("config/entity_registry/list")
    assert [entity["entity_id"] for entity in registered if entity["platform"] == DOMAIN] == []
    assert await device_ids(home.api) == {}
    issues = await home.api.command("repairs/list_issues")
    assert [issue for issue in issues["issues"] if issue["domain"] == DOMAIN] == []


def remaining_files(folder: Path, gateway: Simulator) -> list[str]:
    """Return the remaining files of the integration, and files with a password or session."""
    files = [file for file in (folder / ".storage").rglob("*") if file.is_file()]
    keys = {gateway.password, *gateway.tokens}
    return [
        file.name
        for file in files
        if DOMAIN in file.name or any(f'"{key}"' in file.read_text(encoding="utf-8") for key in keys)
    ]
