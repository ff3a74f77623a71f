"""`scripts/screenshots`: take the screenshots of the docs, of a real Home Assistant with a simulated gateway."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
import re
import sys
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import aiohttp
from playwright.async_api import Error as BrowserError

from tools.child_process import ProcessError, free_port
from tools.dev_server import dashboard, energy, history
from tools.dev_server.integration import add, device_ids, entity_ids
from tools.dev_server.simulator import simulated_gateway
from tools.dev_server.target import Target
from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY
from tools.ui import Frontend, PageError, chromium, desktop, signed_in_page

PICTURES = REPOSITORY / "docs" / "images"

HOUR = 19
"""Of the day in the pictures: the sun still shines, the Powerwall helps out, and a day is in the graphs."""

OUTAGE = 20
"""Seconds that the outage in the pictures lasts."""

FORM, LONG_FORM = 720, 860
"""Height of the window for a form."""

PAGE, SHORT_PAGE = 1000, 900
"""For pages that are next to each other in the README."""

WIDE = 1600
"""Width of the window for sliders next to their names."""

LOGIN_LIMIT = 120
"""Seconds until mode and reserve of a gateway of 2018 can be read: the login waits for a minute on the grid."""

FOLLOWED_LIMIT = 30
"""Seconds until a Powerwall in backup mode no longer supplies the home."""

RETURN_LIMIT = 120
"""Seconds until the gateway is back on the grid, and until the event of it."""


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Takes the pictures of docs/images.")
    parser.add_argument(
        "--minutes",
        type=float,
        default=16,
        help="to wait first, so that the graphs have lines (default: 16)",
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
    async with _home("1.15.0", folder) as (frontend, home, to):
        await _take_control(frontend, home, to)
    async with _home("21.44", folder) as (frontend, home, to):
        await _take_pages(frontend, home, to, minutes)
    async with _home("pw3", folder) as (frontend, home, to):
        await _take_key(frontend, home, to)


@asynccontextmanager
async def _home(firmware: str, folder: Path) -> AsyncIterator[tuple[Frontend, HomeAssistant, Target]]:
    """Return a gateway, a Home Assistant that does not know it yet, and its owner at a desk."""
    zone = _zone_where_it_is(HOUR)
    async with AsyncExitStack() as stack:
        temporary = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        to = await stack.enter_async_context(simulated_gateway(firmware, 1, temporary, print, ZoneInfo(zone)))
        home = await stack.enter_async_context(HomeAssistant(temporary / "home", free_port(), time_zone=zone))
        browser = await stack.enter_async_context(chromium())
        page = await stack.enter_async_context(signed_in_page(browser, home.api, desktop("en"), folder, zone))
        yield Frontend(page), home, to


async def _take_control(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Mode and reserve of a gateway of 2018, allowed in the form and changed on its page."""
    texts, page = frontend.texts, frontend.page
    await frontend.add_integration()
    await frontend.enter_address(to.host, to.serial)
    await frontend.submit()
    await frontend.expect_text(texts.ours("config.step.control.title"))
    await page.screenshot("add-control", FORM)
    await frontend.submit()
    await frontend.skip_and_finish()
    print("Waiting for the login, which wants a minute on the grid …")
    await frontend.open_device((await device_ids(home.api))[to.serial])
    mode, modes = texts.ours("entity.select.operation_mode.name"), "entity.select.operation_mode.state"
    await frontend.expect_selected(mode, texts.ours(f"{modes}.self_consumption"), LOGIN_LIMIT)
    await frontend.slide(texts.ours("entity.number.backup_reserve.name"), 30)
    await frontend.select_option(mode, texts.ours(f"{modes}.backup"))
    await home.api.wait_for_state((await entity_ids(home.api, to.serial))["backup_reserve"], "30.0")
    await frontend.expect_selected(mode, texts.ours(f"{modes}.backup"), LOGIN_LIMIT)
    battery, states = texts.ours("entity.sensor.battery_state.name"), "entity.sensor.battery_state.state"
    kept = "|".join(texts.ours(f"{states}.{state}") for state in ("charging", "idle"))
    await frontend.expect_value(battery, re.compile(kept), FOLLOWED_LIMIT)
    await page.screenshot("control", LONG_FORM, WIDE)


async def _take_pages(frontend: Frontend, home: HomeAssistant, to: Target, minutes: float) -> None:
    """From the first form to the dashboards, with a gateway of 2021 that wants a password."""
    texts, page = frontend.texts, frontend.page
    await frontend.add_integration()
    await frontend.enter_address(to.host, to.serial)
    await page.screenshot("add-gateway", FORM)
    await frontend.submit()
    await frontend.enter_password(to.password or "")
    await page.screenshot("add-password", LONG_FORM)
    await frontend.submit()
    await frontend.expect_text(texts.ours("config.step.confirm.title"))
    await page.screenshot("add-confirm", FORM)
    await frontend.submit()
    await frontend.skip_and_finish()
    ids = await entity_ids(home.api, to.serial)
    await dashboard.set_up(home.api, ids)
    await energy.set_up(home.api, ids)
    if to.history:
        await history.write(home.api, ids, to.history)
    await _wait(minutes)
    for name, path, height in (
        ("overview", f"/{dashboard.URL_PATH}", LONG_FORM),
        ("energy", "/energy", PAGE),
        ("energy-now", "/energy/now", 620),
    ):
        await page.open(path)
        await page.screenshot(name, height)
    await frontend.open_entry()
    await page.screenshot("integration", LONG_FORM)
    devices = await device_ids(home.api)
    await frontend.open_device(devices[to.serial])
    await page.screenshot("device", PAGE)
    await frontend.open_device(devices[min(name for name in devices if name.startswith(f"{to.serial}_powerwall_"))])
    await page.screenshot("powerwall", SHORT_PAGE)
    await _take_outage(frontend, to, devices[to.serial])


async def _take_outage(frontend: Frontend, to: Target, device_id: str) -> None:
    """Simulate an outage, and take a screenshot of the logbook after it."""
    texts, states = frontend.texts, "entity.binary_sensor.grid.state"
    status = texts.ours("entity.binary_sensor.grid.name")
    await frontend.open_device(device_id)
    await _order(to, grid="down")
    await frontend.expect_value(status, texts.ours(f"{states}.off"))
    await asyncio.sleep(OUTAGE)
    await _order(to, grid="up")
    await frontend.expect_value(status, texts.ours(f"{states}.on"), RETURN_LIMIT)
    await frontend.page.open(f"/logbook?device_id={device_id}")
    await frontend.expect_text(
        texts.ours("entity.event.grid_event.state_attributes.event_type.state.restored"), RETURN_LIMIT
    )
    await frontend.page.screenshot("outage-logbook", SHORT_PAGE)


async def _take_key(frontend: Frontend, home: HomeAssistant, to: Target) -> None:
    """Make a key for control of a Powerwall 3."""
    await add(home.api, to.host, to.serial, to.password)
    await frontend.open_entry()
    await frontend.create_key()
    await frontend.page.screenshot("key", LONG_FORM)


async def _order(to: Target, **order: str) -> None:
    """Push the simulated home around."""
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
    """Return the time zone where it is this hour of the day now, so that the sun in the pictures stands right."""
    ahead = (hour - datetime.now(UTC).hour) % 24
    return f"Etc/GMT{-(ahead if ahead <= 14 else ahead - 24):+d}"  # these names count the other way round


if __name__ == "__main__":
    sys.exit(main())
