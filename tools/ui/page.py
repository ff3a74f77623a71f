"""One tab of the browser, with a look of its own, signed in to Home Assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
import json
from pathlib import Path
import re
from time import monotonic

from PIL import Image
from playwright.async_api import Browser, ConsoleMessage, Error, Page as Tab

from tools.dev_server.integration import DOMAIN
from tools.hass_process import Api
from tools.ui.look import Look
from tools.ui.words import Words

STILL_LIMIT = 15.0
"""Seconds after which a picture is taken of a page that does not come to rest."""

BRANDS = "/api/brands/"
"""Where Home Assistant has the pictures of integrations."""

# Home Assistant's page is a tree of shadow roots: this reads it as it is seen, slots and all.
READ = """
() => {
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.textContent;
    if (node instanceof Element) {
      if (["STYLE", "SCRIPT", "TEMPLATE", "SVG"].includes(node.tagName.toUpperCase())) return "";
      const isBox = node.tagName !== "SLOT" && getComputedStyle(node).display !== "contents";
      if (isBox && !node.checkVisibility()) return "";
      if (node.tagName === "SLOT") {
        const assigned = node.assignedNodes();
        return [...(assigned.length ? assigned : node.childNodes)].map(read).join("");
      }
    }
    const inside = [...(node.shadowRoot || node).childNodes].map(read).join("");
    const inline = node instanceof Element && getComputedStyle(node).display.startsWith("inline");
    return inline ? inside : `${inside}\\n`;
  };
  return read(document.body);
}
"""

RAW = re.compile(
    rf"\bcomponent\.\w+|\bui\.(?:panel|common|card|dialogs)\.\S+|\b{DOMAIN}\.\w+|{{\w+}}|\bundefined\b|\[object"
)
"""What a person must never read: the name of a text in its place, or a hole that was not filled."""


class PageError(Exception):
    """The page shows what it must not."""


class Page:
    """A tab, and what a person sees in it."""

    def __init__(self, tab: Tab, url: str, look: Look, pictures: Path) -> None:
        self.tab = tab
        self.look = look
        self.words = Words(look.language)
        self.complaints: list[str] = []
        """What the page's own programs complained of."""

        self._url = url
        self._pictures = pictures
        tab.on("pageerror", self._hear_error)
        tab.on("console", self._hear)

    def _hear_error(self, error: Error) -> None:
        """Note what nobody caught, but for the end of the connection of a page that is left."""
        if error.message != "disconnected":
            self.complaints.append(str(error))

    def _hear(self, message: ConsoleMessage) -> None:
        """Note an error, but for pictures of other integrations, which the internet has."""
        url = message.location.get("url", "")
        if message.type == "error" and (BRANDS not in url or DOMAIN in url):
            self.complaints.append(f"{message.text} ({url})")

    async def open(self, path: str) -> None:
        """Open a page and wait until Home Assistant's own picture is gone."""
        await self.tab.goto(f"{self._url}{path}")
        await self.tab.wait_for_selector("#ha-launch-screen", state="detached")

    async def text(self) -> str:
        """Give what is written on the page, line by line."""
        text: str = await self.tab.evaluate(READ)
        return "\n".join(line for raw in text.splitlines() if (line := " ".join(raw.split())))

    async def snap(self, name: str, height: int | None = None, width: int | None = None) -> None:
        """Take a picture of what is there, as soon as it stands still, and raise `PageError` where it looks wrong."""
        width = width or self.look.width
        await self.tab.set_viewport_size({"width": width, "height": height or self.look.height})
        await self.tab.evaluate("window.scrollTo(0, 0)")
        picture = await self._still()
        self._pictures.mkdir(parents=True, exist_ok=True)
        (self._pictures / f"{name}.png").write_bytes(_small(picture))
        if raw := RAW.findall(text := await self.text()):
            raise PageError(f"{name} shows {', '.join(raw)}:\n{text}")
        wide: int = await self.tab.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            raise PageError(f"{name} is {wide} wide on a screen of {width}.")

    async def _still(self) -> bytes:
        """Take pictures until two are the same: cards come one by one, and graphs fetch what they draw."""
        until = monotonic() + STILL_LIMIT
        await self.tab.wait_for_timeout(500)
        last = await self.tab.screenshot(animations="disabled")
        while monotonic() < until:
            await self.tab.wait_for_timeout(500)
            picture = await self.tab.screenshot(animations="disabled")
            if picture == last:
                break
            last = picture
        return last


def _small(picture: bytes) -> bytes:
    """Give the same picture with 256 colours, which takes less than half the room."""
    small = BytesIO()
    image = Image.open(BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


@asynccontextmanager
async def signed_in(
    browser: Browser, api: Api, look: Look, pictures: Path, time_zone: str = "UTC"
) -> AsyncIterator[Page]:
    """Open a tab that its owner has signed in to."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.dark else "light",
        locale=look.language,
        timezone_id=time_zone,
        reduced_motion="reduce",
    )
    await context.add_init_script(_sign_in(api, look.language))
    try:
        yield Page(await context.new_page(), api.url, look, pictures)
    finally:
        await context.close()


def _sign_in(api: Api, language: str) -> str:
    tokens = {
        "access_token": api.token,
        "token_type": "Bearer",
        "expires_in": 10**9,
        "expires": 4 * 10**12,
        "hassUrl": api.url,
        "clientId": f"{api.url}/",
        "refresh_token": "",
    }
    stored = {"hassTokens": json.dumps(tokens), "selectedLanguage": json.dumps(language)}
    return "".join(f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)});" for key, value in stored.items())
