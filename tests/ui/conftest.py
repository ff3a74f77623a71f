"""Fixtures for tests in the browser."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tools.hass_process import HomeAssistant
from tools.hass_process.configuration import REPOSITORY
from tools.ui import Frontend, Profile, chromium, signed_in_page

PICTURES = REPOSITORY / ".pictures"
"""Screenshots of every page of the tests."""

type OpenFrontend = Callable[[HomeAssistant, Profile, str], Awaitable[Frontend]]


@pytest.fixture
async def open_frontend(socket_enabled: None) -> AsyncIterator[OpenFrontend]:
    """Open the frontend of a Home Assistant; the screenshots of each name have their own folder."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())

        async def open_frontend(home: HomeAssistant, profile: Profile, name: str) -> Frontend:
            folder = PICTURES / f"{name}-{profile}"
            page = await stack.enter_async_context(signed_in_page(browser, home.api, profile, folder))
            stack.push_async_callback(page.tab.screenshot, path=folder / "last.png")
            return Frontend(page)

        yield open_frontend
