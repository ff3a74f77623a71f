"""Mode and reserve, changed on the device's page of a gateway of 2018 as its owner does."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tools.child_process import free_port
from tools.develop.integration import DOMAIN, device_ids, entity_ids
from tools.develop.simulator import simulated_gateway
from tools.develop.target import Target
from tools.home_assistant import Api, HomeAssistant

from .browser import BrowserError, chromium
from .camera import Camera, signed_in

LOGIN_LIMIT = 120
"""Seconds until mode and reserve can be read: the login waits for a minute on the grid."""
LONGEST_STOP = 3.0
"""Seconds for which the Powerwall may be stopped by all this."""
WANTED = {"mode": "backup", "reserve": 33.5}
"""In the gateway's own words; the page says "Backup only" and 30 %."""


async def take(folder: Path) -> None:
    """Take the pictures, and raise `BrowserError` where the gateway does not follow the page."""
    async with AsyncExitStack() as stack:
        temporary = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        to = await stack.enter_async_context(simulated_gateway("1.15.0", 1, temporary, print))
        home = await stack.enter_async_context(HomeAssistant(temporary / "home", free_port()))
        page = await stack.enter_async_context(chromium(temporary / "browser"))
        await page.run_before_every_page(signed_in(home.api))
        camera = Camera(page, home.url, folder)
        await _add_integration(camera, to)
        print("Waiting for the login, which wants a minute on the grid …")
        await _until_readable(home.api, to)
        await camera.open(f"/config/devices/device/{(await device_ids(home.api))[to.serial]}")
        await page.slide("HUI-NUMBER-ENTITY-ROW", 30)
        await page.choose("HUI-SELECT-ENTITY-ROW", "Backup only")
        await _until_followed(to)
        await camera.snap("control", 720)


async def _add_integration(camera: Camera, to: Target) -> None:
    page = camera.page
    await camera.open(f"/config/integrations/dashboard/add?domain={DOMAIN}")
    await page.click("OK", until="field('host')")
    await page.fill("host", to.host)
    await page.fill("serial", to.serial)
    await page.click("Submit", until="find((element) => element.tagName === 'HA-CHECKBOX')")
    await camera.snap("add-control", 720)
    await page.click("Submit", until="button('Skip and finish')")


async def _until_readable(api: Api, to: Target) -> None:
    ids = await entity_ids(api, to.serial)
    await api.wait_for_state(ids["backup_reserve"], "20.0", LOGIN_LIMIT)
    await api.wait_for_state(ids["operation_mode"], "self_consumption", LOGIN_LIMIT)


async def _until_followed(to: Target) -> None:
    truth: dict[str, Any] = {}
    async with aiohttp.ClientSession() as session:
        for _ in range(60):
            async with session.get(f"{to.url}/simulator") as answer:
                truth = await answer.json()
            if {key: truth[key] for key in WANTED} == WANTED:
                break
            await asyncio.sleep(0.5)
    told = ", ".join(f"{key} {truth[key]}" for key in (*WANTED, "running", "stopped_seconds", "logins"))
    print(f"The gateway says: {told}")
    if {key: truth[key] for key in WANTED} != WANTED or not truth["running"]:
        raise BrowserError("The gateway did not follow the page.")
    if truth["stopped_seconds"] > LONGEST_STOP:
        raise BrowserError(f"The Powerwall was stopped for more than {LONGEST_STOP} s.")
