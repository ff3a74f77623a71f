"""`scripts/screenshots`: the documentation's pictures, taken of a real Home Assistant beside a simulated gateway."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from tools.child_process import ProcessError, free_port
from tools.develop import dashboard, energy, past
from tools.develop.integration import DOMAIN, device_ids, entity_ids
from tools.develop.simulator import simulated_gateway
from tools.develop.target import Target
from tools.home_assistant import HomeAssistant

from . import control, pairing
from .browser import BrowserError, chromium
from .camera import PICTURES, Camera, signed_in

HOUR = 18
"""Of the day in the pictures: the sun still shines, the Powerwall helps out, and a day is in the graphs."""


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Takes the pictures of docs/images.")
    parser.add_argument(
        "--minutes",
        type=float,
        default=16,
        help="to watch the house first, so that the graphs have lines (default: 16)",
    )
    parser.add_argument("--folder", type=Path, default=PICTURES, help="for the pictures (default: docs/images)")
    arguments = parser.parse_args()
    try:
        asyncio.run(_take(arguments.folder, arguments.minutes))
        asyncio.run(control.take(arguments.folder))
        asyncio.run(pairing.take(arguments.folder))
    except KeyboardInterrupt:
        return 1
    except (BrowserError, ProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _take(folder: Path, minutes: float) -> None:
    zone = _zone_where_it_is(HOUR)
    async with AsyncExitStack() as stack:
        temporary = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        to = await stack.enter_async_context(simulated_gateway("21.44", 1, temporary, print, ZoneInfo(zone)))
        home = await stack.enter_async_context(HomeAssistant(temporary / "home", free_port(), time_zone=zone))
        page = await stack.enter_async_context(chromium(temporary / "browser"))
        await page.send("Emulation.setTimezoneOverride", timezoneId=zone)
        await page.run_before_every_page(signed_in(home.api))
        camera = Camera(page, home.url, folder)
        await _add_integration(camera, to)
        ids = await entity_ids(home.api, to.serial)
        await dashboard.set_up(home.api, ids)
        await energy.set_up(home.api, ids)
        if to.past:
            await past.write(home.api, ids, to.past)
        await _wait(minutes)
        await camera.take("overview", f"/{dashboard.URL_PATH}", 1310)
        await camera.take("energy", "/energy", 1000)
        await camera.take("energy-now", "/energy/now", 1000)
        await camera.take("integration", f"/config/integrations/integration/{DOMAIN}", 620)
        devices = await device_ids(home.api)
        await camera.take("device", f"/config/devices/device/{devices[to.serial]}", 1830)
        await camera.take("powerwall", f"/config/devices/device/{_first_powerwall(devices, to.serial)}", 900)


async def _add_integration(camera: Camera, to: Target) -> None:
    """Go through the config flow as a person does."""
    page = camera.page
    await camera.open(f"/config/integrations/dashboard/add?domain={DOMAIN}")
    await page.click("OK", until="field('host')")
    await page.fill("host", to.host)
    await page.fill("serial", to.serial)
    await camera.snap("add-gateway", 720)
    await page.click("Submit", until="field('password')")
    await page.fill("password", to.password or "")
    await camera.snap("add-password", 720)
    await page.click("Submit", until="button('Submit') && !field('password')")
    await page.click("Submit", until="button('Skip and finish')")
    await camera.snap("added", 720)


def _first_powerwall(devices: dict[str, str], serial: str) -> str:
    return devices[min(name for name in devices if name.startswith(f"{serial}_powerwall_"))]


async def _wait(minutes: float) -> None:
    for left in range(round(minutes * 60), 0, -30):
        print(f"Watching the house for {left} s more …")
        await asyncio.sleep(min(left, 30))


def _zone_where_it_is(hour: int) -> str:
    """Give the time zone where it is this hour of the day now, so that the sun in the pictures stands right."""
    ahead = (hour - datetime.now(UTC).hour) % 24
    return f"Etc/GMT{-(ahead if ahead <= 14 else ahead - 24):+d}"  # these names count the other way round


if __name__ == "__main__":
    sys.exit(main())
