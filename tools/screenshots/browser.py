"""A headless Chromium, spoken to over its own DevTools protocol: aiohttp is all it takes."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
import json
from pathlib import Path
from shutil import which
from time import monotonic
from typing import Any

import aiohttp

from tools.child_process import ChildProcess, ProcessError

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
LIMIT = 60
CLICK_INTERVAL = 5
WIDTH = 1280

# Home Assistant's page is a tree of shadow roots, which an ordinary selector does not enter.
FIND = """
const all = function* (root) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* all(element.shadowRoot);
  }
};
window.find = (test) => all(document).find(test);
window.button = (text) => find((element) =>
  element.tagName === "HA-BUTTON" && element.innerText.trim() === text && element.checkVisibility());
window.field = (name) => find((element) =>
  element.tagName === "INPUT" && element.name === name && element.checkVisibility());
window.row = (tag, part) => {
  const element = find((element) => element.tagName === tag);
  return element && [...all(element.shadowRoot)].find((inside) => inside.tagName === part);
};
window.option = (text) => find((element) =>
  element.tagName === "HA-DROPDOWN-ITEM" && element.innerText.trim() === text && element.checkVisibility());
"""


class BrowserError(Exception):
    """The page did not do what was asked."""


class Page:
    """The one tab of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command of the protocol and give its result."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json(timeout=LIMIT)).get("id") != number:
            pass  # an event; nobody here listens to those
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def evaluate(self, expression: str) -> Any:
        """Give the value of a JavaScript expression."""
        answer = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']['exception']['description']}")
        return answer["result"].get("value")

    async def wait_for(self, expression: str, limit: float = LIMIT) -> None:
        """Wait until a JavaScript expression is true."""
        until = monotonic() + limit
        while not await self.evaluate(f"!!({expression})"):
            if monotonic() > until:
                raise BrowserError(f"Waited {limit} s in vain for {expression}")
            await asyncio.sleep(0.2)

    async def run_before_every_page(self, script: str) -> None:
        """Run a script before a page's own."""
        await self.send("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def open(self, url: str) -> None:
        """Open a page."""
        await self.send("Page.navigate", url=url)
        await self.wait_for("document.readyState === 'complete'")

    async def click(self, text: str, *, until: str) -> None:
        """Click the button with this text, and again where that was too early, until an expression is true."""
        for _ in range(LIMIT // CLICK_INTERVAL):
            await self.wait_for(f"button({json.dumps(text)}) || {until}")
            await self.evaluate(f"{until} || button({json.dumps(text)}).click()")
            try:
                await self.wait_for(until, CLICK_INTERVAL)
            except BrowserError:
                continue
            return
        raise BrowserError(f"Clicked {text} in vain: {until} did not come true.")

    async def press(self, element: str) -> None:
        """Click on what an expression finds, as soon as it is there."""
        await self.wait_for(element)
        await self.evaluate(f"{element}.click()")

    async def fill(self, name: str, text: str) -> None:
        """Type into the field with this name."""
        await self.wait_for(f"field({json.dumps(name)})")
        await self.evaluate(f"field({json.dumps(name)}).focus()")
        await self.send("Input.insertText", text=text)

    async def slide(self, row: str, value: float) -> None:
        """Let go of the slider in an entity's row at a value."""
        await self.wait_for(f"row({json.dumps(row)}, 'HA-SLIDER')")
        await self.evaluate(
            f"slider = row({json.dumps(row)}, 'HA-SLIDER'); slider.value = {value};"
            "slider.dispatchEvent(new Event('change', {bubbles: true, composed: true}))"
        )

    async def choose(self, row: str, text: str) -> None:
        """Open the list in an entity's row and click on one of it."""
        await self.wait_for(f"row({json.dumps(row)}, 'HA-PICKER-FIELD')")
        await self.evaluate(f"row({json.dumps(row)}, 'HA-PICKER-FIELD').click()")
        await self.wait_for(f"option({json.dumps(text)})")
        await self.evaluate(f"option({json.dumps(text)}).click()")

    async def picture(self, height: int) -> bytes:
        """Give a PNG of the page, as wide as a desktop's window."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=WIDTH, height=height, deviceScaleFactor=1, mobile=False
        )
        await asyncio.sleep(3)  # cards animate, and graphs fetch what they draw
        return b64decode((await self.send("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """Start a browser with a profile of its own."""
    if (program := next(filter(None, map(which, NAMES)), None)) is None:
        raise ProcessError("Pictures need Chromium (Debian and Ubuntu: apt-get install chromium).")
    process = ChildProcess(
        "Chromium", [program, *OPTIONS, f"--user-data-dir={folder}"], log=folder / "chromium.log", folder=folder
    )
    await process.start()
    try:
        port = await _port(process, folder / "DevToolsActivePort")
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with session.get("/json/list") as response:
                tab = next(tab for tab in await response.json() if tab["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                await page.send("Page.enable")
                await page.run_before_every_page(FIND)
                yield page
    finally:
        await process.stop()


async def _port(process: ChildProcess, file: Path) -> int:
    """Wait until the browser tells the port that it listens on."""
    for _ in range(10 * LIMIT):
        process.check()
        if text := await asyncio.to_thread(lambda: file.read_text(encoding="utf-8") if file.exists() else ""):
            return int(text.split()[0])
        await asyncio.sleep(0.1)
    raise ProcessError(f"Chromium did not start. Its last lines:\n{process.tail()}")
