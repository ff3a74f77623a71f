"""A key for control, made and confirmed for a Powerwall 3 as its owner does."""

from contextlib import AsyncExitStack
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tools.child_process import free_port
from tools.develop.integration import DOMAIN, add
from tools.develop.simulator import simulated_gateway
from tools.home_assistant import HomeAssistant

from .browser import Page, chromium
from .camera import Camera, signed_in

OPTIONS = "find((element) => element.tagName === 'HA-ICON-BUTTON' && element.label === 'Configure')"
"""The button that opens the options on the integration's page."""
KEY = "find((element) => element.tagName === 'CODE' && element.innerText.startsWith('MII'))"
"""The public part of the key, as the form shows it."""


async def take(folder: Path) -> None:
    """Take the picture of the key's form, and raise `BrowserError` where the gateway does not take the key."""
    async with AsyncExitStack() as stack:
        temporary = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        to = await stack.enter_async_context(simulated_gateway("pw3", 1, temporary, print))
        home = await stack.enter_async_context(HomeAssistant(temporary / "home", free_port()))
        page = await stack.enter_async_context(chromium(temporary / "browser"))
        await page.run_before_every_page(signed_in(home.api))
        await add(home.api, to.host, to.serial, to.password)
        camera = Camera(page, home.url, folder)
        await camera.open(f"/config/integrations/integration/{DOMAIN}")
        await page.press(OPTIONS)
        await _choose(page, "Control on current firmware")
        await _choose(page, "Make a new key")
        await page.wait_for(KEY)
        await camera.snap("key", 900)
        await _order(to.url, {"register_key": await page.evaluate(f"{KEY}.innerText")})
        await page.click("Submit", until="find((element) => element.tagName === 'HA-ALERT')")
        await _order(to.url, {"switch": True})
        await page.click("Submit", until=f"!{KEY}")


async def _choose(page: Page, text: str) -> None:
    """Choose from a menu."""
    is_it = f"element.tagName === 'HA-LIST-ITEM' && element.innerText.trim() === {json.dumps(text)}"
    await page.press(f"find((element) => {is_it})")


async def _order(url: str | None, order: dict[str, Any]) -> None:
    """Do at the gateway what the owner does at the Powerwall and at Tesla's."""
    async with aiohttp.ClientSession() as session, session.post(f"{url}/simulator", json=order, ssl=False) as answer:
        answer.raise_for_status()
