"""The distribution's Chromium; `scripts/test --browser` and `scripts/screenshots` install it where they may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from shutil import which

from playwright.async_api import Browser, async_playwright

from tools.child_process import ProcessError

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",  # which root has none of; no page but this machine's own is opened
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--font-render-hinting=none",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser, and end it with everything that was opened in it."""
    if (program := next(filter(None, map(which, NAMES)), None)) is None:
        raise ProcessError("There is no Chromium (Debian and Ubuntu: apt-get install chromium fonts-noto-core).")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
        try:
            yield browser
        finally:
            await browser.close()
