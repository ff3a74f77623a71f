"""`scripts/screenshots`: take the screenshots of the docs, of a real Home Assistant with a simulated gateway."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
import re
import shutil
import sys
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import aiohttp
from playwright.async_api import Error as BrowserError, Locator

from homeassistant.util.yaml import parse_yaml
from simulator.home.home import LOS_ANGELES
from tools.child_process import ProcessError, free_port
from tools.dev_server import dashboard, energy, history
from tools.dev_server.integration import add, device_ids, entity_ids
from tools.dev_server.simulator import simulated_gateway
from tools.dev_server.target import Target
from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY, as_yaml
from tools.ui import Frontend, PageError, Profile, chromium, desktop, phone, signed_in_page

PICTURES = REPOSITORY / "docs" / "images"
BLUEPRINTS = REPOSITORY / "blueprints"
EXAMPLES = REPOSITORY / "docs" / "automations.md"
SCALE = 2
"""Pixels of a picture for each pixel of the page: text stays sharp on phones and laptops."""

HOUR, DAY = 15, date(2026, 8, 27)
"""Of the simulated home in the pictures: the sun shines, and the Powerwalls charge."""

HOME_POWER = 1140
"""Consumption of the home in W at that time."""

ADDRESS = "192.168.1.50"
"""Address of the gateway in the pictures."""

OUTAGE = 20
"""Seconds that the outage in the pictures lasts."""

COLUMN, PAGE, WIDE = 480, 860, 1100
"""Widths of a window: for one column of cards, for two, and for forms that are narrower without the sidebar."""

ENERGY_CARDS = ", ".join(
    f"hui-energy-{name}-card" for name in ("usage-graph", "solar-graph", "distribution", "grid-balance")
)
OTHER_ENERGY_CARDS = ", ".join(
    f"hui-energy-{name}-card"
    for name in ("sources-table", "grid-neutrality-gauge", "solar-consumed-gauge", "self-sufficiency-gauge")
)
"""On the Energy dashboard."""

TALL = 2400
"""Height of a window that shows a whole page."""

LIMIT = 120
"""Seconds until a change of the gateway shows."""


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Takes the pictures of docs/images.")
    parser.add_argument(
        "--minutes",
        type=float,
        default=1,
        help="to wait before the pictures of values, which averages need (default: 1)",
    )
    parser.add_argument("--folder", type=Path, default=PICTURES, help="for the pictures (default: docs/images)")
    arguments = parser.parse_args()
    try:
        asyncio.run(_take(arguments.folder, arguments.minutes))
    except KeyboardInterrupt:
        return 1
    except (BrowserError, PageError, ProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _take(folder: Path, minutes: float) -> None:
    async with _home("1.15.0") as (home, to), _frontend(home, to, folder) as frontend:
        await _take_login_warning(frontend, to)
    async with _home("26.18") as (home, to), _frontend(home, to, folder) as frontend:
        await _take_control(frontend, home, to)
    async with _home("21.44") as (home, to):
        async with _frontend(home, to, folder) as frontend:
            await _take_setup(frontend, home, to)
            await _take_outage(frontend, home, to)
            await _wait(minutes)
            await _take_pages(frontend, home, to)
        async with _frontend(home, to, folder, desktop("en", dark=True, scale=SCALE)) as frontend:
            await _take_overview(frontend, "overview-dark")
        async with _frontend(home, to, folder, phone("en", scale=SCALE)) as frontend:
            await _take_example(frontend, home)


@asynccontextmanager
async def _home(firmware: str) -> AsyncIterator[tuple[HomeAssistant, Target]]:
    """Start a gateway, and a Home Assistant with the blueprints that does not know the gateway."""
    zone = _zone_where_it_is(HOUR)
    async with AsyncExitStack() as stack:
        temporary = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        now = datetime.combine(DAY, datetime.now(ZoneInfo(zone)).time(), LOS_ANGELES)
        to = await stack.enter_async_context(simulated_gateway(firmware, 1, temporary, print, now))
        await _order(to, home_power=HOME_POWER)
        folder = temporary / "home"
        shutil.copytree(BLUEPRINTS, folder / "blueprints")
        (folder / "configuration.yaml").write_text(f"{as_yaml(zone)}\nautomation:\n", encoding="utf-8")
        yield await stack.enter_async_context(HomeAssistant(folder, free_port(), time_zone=zone)), to


@asynccontextmanager
async def _frontend(
    home: HomeAssistant, to: Target, folder: Path, profile: Profile | None = None
) -> AsyncIterator[Frontend]:
    """Open a browser as the owner, whose gateway has an ordinary address."""
    profile = profile or desktop("en", scale=SCALE)
    zone = (await home.api.core_config())["time_zone"]
    async with chromium() as browser, signed_in_page(browser, home.api, profile, folder, zone) as page:
        page.replacements[to.host] = ADDRESS
        yield Frontend(page)


async def _take_login_warning(frontend: Frontend, to: Target) -> None:
    """Take the form of a gateway of 2018, where a login stops the Powerwall."""
    await frontend.add_integration()
    await frontend.enter_address(to.host, to.serial)
    await frontend.submit()
    await frontend.expect_text(frontend.texts.ours("config.step.control.title"))
    await _take_dialog(frontend, "add-control")


async def _take_control(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Create and confirm a key for a gateway of 2026, and take the screenshot of its controls."""
    texts = frontend.texts
    await add(home.api, to.host, to.serial, to.password)
    await frontend.open_entry()
    key = await frontend.create_key()
    await _take_dialog(frontend, "key")
    await _order(to, register_key=key)
    await _order(to, switch=True)
    await frontend.submit()
    await frontend.close_dialog()
    await frontend.open_device((await device_ids(home.api))[to.serial])
    mode, modes = texts.ours("entity.select.operation_mode.name"), "entity.select.operation_mode.state"
    await frontend.expect_selected(mode, texts.ours(f"{modes}.self_consumption"), LIMIT)
    export = (await entity_ids(home.api, to.serial))["export_rule"]
    await home.api.call_service("select", "select_option", entity_id=export, option="pv_only")
    await home.api.wait_for_state(export, "pv_only", LIMIT)
    cards = _cards(frontend, "control", "config")
    await _take_parts(frontend, "control", cards, COLUMN, _cards(frontend, "sensor", "event"))


async def _take_setup(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Add a gateway of 2021, which requires a password, and set up the Energy dashboard."""
    texts = frontend.texts
    await frontend.add_integration()
    await frontend.enter_address(to.host, to.serial)
    await _take_dialog(frontend, "add-gateway")
    await frontend.submit()
    await frontend.enter_password(to.password or "")
    await _take_dialog(frontend, "add-password")
    await frontend.submit()
    await frontend.expect_text(texts.ours("config.step.confirm.title"))
    await _take_dialog(frontend, "add-confirm")
    await frontend.submit()
    await frontend.skip_and_finish()
    await frontend.open_repairs()
    await frontend.open_repair(texts.ours("issues.energy_dashboard.title"))
    await frontend.expect_text(texts.ours("issues.energy_dashboard.fix_flow.step.init.menu_options.add"))
    await _take_dialog(frontend, "energy-repair")
    ids = await entity_ids(home.api, to.serial)
    await dashboard.set_up(home.api, ids)
    await energy.set_up(home.api, ids)
    assert to.history
    await history.write(home.api, ids, to.history, home.folder / "home-assistant_v2.db")
    await frontend.open_entry()
    await frontend.configure()
    await frontend.number(texts.ours("options.step.settings.data.live_interval")).wait_for()
    await _take_dialog(frontend, "options")


async def _take_outage(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Simulate an outage, and take its events."""
    texts, states = frontend.texts, "entity.binary_sensor.grid.state"
    status = texts.ours("entity.binary_sensor.grid.name")
    await frontend.open_device((await device_ids(home.api))[to.serial])
    await _order(to, grid="down")
    await frontend.expect_value(status, texts.ours(f"{states}.off"))
    await asyncio.sleep(OUTAGE)
    await _order(to, grid="up")
    await frontend.expect_value(status, texts.ours(f"{states}.on"), LIMIT)
    ids = await entity_ids(home.api, to.serial)
    await frontend.page.open(f"/logbook?entity_id={ids['grid_event']},{ids['grid']}")
    await frontend.expect_text(texts.ours("entity.event.grid_event.state_attributes.event_type.state.restored"), LIMIT)
    tab = frontend.page.tab
    await tab.set_viewport_size({"width": COLUMN, "height": TALL})
    await tab.locator("ha-logbook .date").evaluate_all(
        "(dates) => dates.forEach((date) => { date.style.visibility = 'hidden'; })"
    )
    await _take_parts(frontend, "outage-logbook", tab.locator("ha-logbook-entry"), COLUMN)


async def _take_pages(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Take the dashboards, the pages of the devices, and the form of a blueprint."""
    page, tab = frontend.page, frontend.page.tab
    await _take_overview(frontend, "overview")
    await page.open("/energy/electricity")
    await _take_parts(frontend, "energy", tab.locator(ENERGY_CARDS), PAGE, tab.locator(OTHER_ENERGY_CARDS))
    await page.open("/energy/now")
    await _take_parts(frontend, "energy-now", tab.locator("hui-view-badges, hui-power-sources-graph-card"), PAGE)
    await frontend.open_entry()
    entry = tab.locator("ha-config-integration-page .header, ha-config-entry-row")
    await _take_parts(frontend, "integration", entry, page.profile.width)
    devices = await device_ids(home.api)
    await frontend.open_device(devices[to.serial])
    await _take_parts(frontend, "device", _cards(frontend, "sensor"), COLUMN)
    await frontend.open_device(devices[min(name for name in devices if name.startswith(f"{to.serial}_powerwall_"))])
    await _take_parts(frontend, "powerwall", tab.locator("ha-device-info-card, ha-device-entities-card"), COLUMN)
    await _take_blueprint(frontend, home, await entity_ids(home.api, to.serial))


async def _take_blueprint(frontend: Frontend, home: HomeAssistant, ids: dict[str, str]) -> None:
    """Take the form of a blueprint that is filled in."""
    inputs = {"grid_event": ids["grid_event"], "charge": ids["charge"], "time_remaining": ids["backup_time_remaining"]}
    use = {"path": "powerwall_gateway/outage.yaml", "input": inputs}
    await home.api.request("POST", "/api/config/automation/config/outage", {"alias": "Outage", "use_blueprint": use})
    await frontend.page.open("/config/automation/edit/outage")
    await _take_parts(frontend, "blueprint", frontend.page.tab.locator("ha-card:has(ha-blueprint-picker)"), WIDE)


async def _take_example(frontend: Frontend, home: HomeAssistant) -> None:
    """Take the dashboard of the docs on a phone."""
    _, _, page = EXAMPLES.read_text(encoding="utf-8").partition("### Dashboard: power and state of charge")
    _, _, example = page.partition("```yaml")
    section = parse_yaml(example.partition("```")[0])
    path = "powerwall-example"
    await home.api.command("lovelace/dashboards/create", url_path=path, title=dashboard.TITLE, show_in_sidebar=True)
    view = {"title": dashboard.TITLE, "type": "sections", "sections": [section]}
    await home.api.command("lovelace/config/save", url_path=path, config={"views": [view]})
    await frontend.page.open(f"/{path}")
    await frontend.expect_text("kWh")
    await frontend.page.screenshot("dashboard-phone")


async def _take_overview(frontend: Frontend, name: str) -> None:
    await frontend.page.open(f"/{dashboard.URL_PATH}")
    view = frontend.page.tab.locator("hui-view-badges, hui-sections-view .content")
    await _take_parts(frontend, name, view, PAGE)


async def _take_dialog(frontend: Frontend, name: str) -> None:
    """Take a dialog, without the page behind it."""
    main = frontend.page.tab.locator("home-assistant-main")
    await main.evaluate("(main) => { main.style.visibility = 'hidden'; }")
    dialog = frontend.page.tab.locator("wa-dialog dialog:visible")
    await _take_parts(frontend, name, dialog, frontend.page.profile.width)
    await main.evaluate("(main) => { main.style.visibility = ''; }")


def _cards(frontend: Frontend, *names: str) -> Locator:
    """Return the cards of a device's page with these titles."""
    titles = "|".join(frontend.texts(f"ui.panel.config.devices.entities.{name}") for name in names)
    title = frontend.page.tab.locator("h1").filter(has_text=re.compile(rf"^\s*({titles})\s*$"))
    return frontend.page.tab.locator("ha-device-entities-card").filter(has=title)


async def _take_parts(frontend: Frontend, name: str, parts: Locator, width: int, hidden: Locator | None = None) -> None:
    """Take parts of a page, without the hidden parts between them."""
    await frontend.page.tab.set_viewport_size({"width": width, "height": TALL})
    parts = parts.filter(visible=True)
    await parts.first.wait_for()
    if hidden:
        await hidden.filter(visible=True).first.wait_for()
        await hidden.evaluate_all("(parts) => parts.forEach((part) => { part.style.display = 'none'; })")
    await frontend.page.screenshot(name, TALL, width, parts)


async def _order(to: Target, **order: object) -> None:
    """Control the simulated gateway."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False), raise_for_status=True) as session,
        session.post(f"{to.url}/simulator", json=order),
    ):
        pass


async def _wait(minutes: float) -> None:
    for left in range(round(minutes * 60), 0, -30):
        print(f"Watching the home for {left} s more …")
        await asyncio.sleep(min(left, 30))


def _zone_where_it_is(hour: int) -> str:
    """Return the time zone where it is this hour of the day now."""
    ahead = (hour - datetime.now(UTC).hour) % 24
    return f"Etc/GMT{-(ahead if ahead <= 14 else ahead - 24):+d}"  # these names count the other way round


if __name__ == "__main__":
    sys.exit(main())
