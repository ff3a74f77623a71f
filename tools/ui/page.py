"""A tab of the browser, signed in to Home Assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
import json
from pathlib import Path
import re
from time import monotonic

from PIL import Image
from playwright.async_api import Browser, ConsoleMessage, Error, FloatRect, Locator, Page as Tab

from tools.dev_server.integration import DOMAIN
from tools.hass_process import Api
from tools.ui.profile import Profile
from tools.ui.texts import Texts

STILL_LIMIT = 15.0
"""Seconds after which a screenshot is taken although the page still changes."""

MARGIN = 16
"""Pixels around the parts of a page that a screenshot shows."""

BRANDS = "/api/brands/"
"""Home Assistant's endpoint of brand images."""

# Home Assistant's page is a tree of shadow roots: return the visible text, with slots.
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

# Replace texts and the values of fields, which Home Assistant's page does not notice.
REPLACE = """
(replacements) => {
  const replaced = (text) => Object.entries(replacements).reduce((all, [old, now]) => all.replaceAll(old, now), text);
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      if (replaced(node.data) !== node.data) node.data = replaced(node.data);
    } else if (node instanceof HTMLInputElement && replaced(node.value) !== node.value) {
      node.value = replaced(node.value);
    }
    for (const root of [node.shadowRoot, node]) root?.childNodes.forEach(walk);
  };
  walk(document.body);
}
"""

# Charts take the height of a line from the width of this character, which fonts-noto-core lacks.
MEASURE = """
const measureText = CanvasRenderingContext2D.prototype.measureText;
CanvasRenderingContext2D.prototype.measureText = function (text) {
  return text === "国" ? { width: parseFloat(this.font.match(/[\\d.]+px/)) } : measureText.call(this, text);
};
"""

UNTRANSLATED = re.compile(
    rf"\bcomponent\.\w+|\bui\.(?:panel|common|card|dialogs)\.\S+|\b{DOMAIN}\.\w+|{{\w+}}|\bundefined\b|\[object"
)
"""Text that must never be visible: a translation key, or a placeholder without a value."""


class PageError(Exception):
    """The page shows something that it must not."""


class Page:
    """A tab and its visible content."""

    def __init__(self, tab: Tab, url: str, profile: Profile, pictures: Path) -> None:
        self.tab = tab
        self.profile = profile
        self.texts = Texts(profile.language)
        self.errors: list[str] = []
        """JavaScript errors of the page."""

        self.replacements: dict[str, str] = {}
        """Texts that screenshots show differently, as the address of a simulated gateway."""

        self.ids: set[str] = set()
        """Ids that a page shows on purpose, and that are no untranslated texts."""

        self._url = url
        self._pictures = pictures
        tab.on("pageerror", self._add_error)
        tab.on("console", self._add_console_error)

    def _add_error(self, error: Error) -> None:
        """Record an uncaught error, except the lost connection of a page that is closed."""
        if error.message != "disconnected":
            self.errors.append(str(error))

    def _add_console_error(self, message: ConsoleMessage) -> None:
        """Record an error, except missing brand images of other integrations."""
        url = message.location.get("url", "")
        if message.type == "error" and (BRANDS not in url or DOMAIN in url):
            self.errors.append(f"{message.text} ({url})")

    async def open(self, path: str) -> None:
        """Open a page and wait until the launch screen closes."""
        await self.tab.goto(f"{self._url}{path}")
        await self.tab.wait_for_selector("#ha-launch-screen", state="detached")

    async def text(self) -> str:
        """Return the visible text, line by line."""
        text: str = await self.tab.evaluate(READ)
        return "\n".join(line for raw in text.splitlines() if (line := " ".join(raw.split())))

    async def screenshot(
        self, name: str, height: int | None = None, width: int | None = None, of: Locator | None = None
    ) -> None:
        """Take a screenshot of the page at rest, or of parts of it.

        Raises `PageError` for untranslated text or overflow.
        """
        width = width or self.profile.width
        await self.tab.set_viewport_size({"width": width, "height": height or self.profile.height})
        await self.tab.evaluate("window.scrollTo(0, 0)")
        picture = await self._still_screenshot(of)
        self._pictures.mkdir(parents=True, exist_ok=True)
        (self._pictures / f"{name}.png").write_bytes(_small(picture))
        text = await self.text()
        if raw := [found for found in UNTRANSLATED.findall(text) if found not in self.ids]:
            raise PageError(f"{name} shows {', '.join(raw)}:\n{text}")
        wide: int = await self.tab.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            raise PageError(f"{name} is {wide} wide on a screen of {width}.")

    async def _still_screenshot(self, of: Locator | None) -> bytes:
        """Take screenshots until two are equal: cards and graphs appear one by one."""
        until, last = monotonic() + STILL_LIMIT, b""
        while True:
            await self.tab.wait_for_timeout(500)
            await self.tab.evaluate(REPLACE, self.replacements)
            picture = await self.tab.screenshot(animations="disabled", clip=await _clip(of))
            if picture == last or monotonic() > until:
                return picture
            last = picture


async def _clip(of: Locator | None) -> FloatRect | None:
    """Return the rectangle around these parts of a page."""
    if of is None:
        return None
    boxes = [box for part in await of.all() if (box := await part.bounding_box())]
    left, top = (min(box[side] for box in boxes) - MARGIN for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def _small(picture: bytes) -> bytes:
    """Return the picture with 256 colors, which has less than half the size."""
    small = BytesIO()
    image = Image.open(BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


@asynccontextmanager
async def signed_in_page(
    browser: Browser, api: Api, profile: Profile, pictures: Path, time_zone: str = "UTC"
) -> AsyncIterator[Page]:
    """Open a tab that is signed in as the owner."""
    context = await browser.new_context(
        viewport={"width": profile.width, "height": profile.height},
        device_scale_factor=profile.scale,
        color_scheme="dark" if profile.dark else "light",
        locale=profile.language,
        timezone_id=time_zone,
        reduced_motion="reduce",
    )
    await context.add_init_script(_sign_in(api, profile.language))
    await context.add_init_script(MEASURE)
    try:
        yield Page(await context.new_page(), api.url, profile, pictures)
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
