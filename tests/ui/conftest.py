"""What a test in the browser stands on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY
from tools.ui import Look, Person, chromium, signed_in

PICTURES = REPOSITORY / ".pictures"
"""Of every page that the tests come by, for people to look at."""

type Visit = Callable[[HomeAssistant, Look, str], Awaitable[Person]]


@pytest.fixture
async def visit(socket_enabled: None) -> AsyncIterator[Visit]:
    """Sit down before a screen; every walk has a folder for its pictures, and the last is of where it ended."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())

        async def visit(home: HomeAssistant, look: Look, walk: str) -> Person:
            folder = PICTURES / f"{walk}-{look}"
            page = await stack.enter_async_context(signed_in(browser, home.api, look, folder))
            stack.push_async_callback(page.tab.screenshot, path=folder / "last.png")
            return Person(page)

        yield visit
