"""What takes the pictures."""

import json
from pathlib import Path

from tools.home_assistant import Api
from tools.home_assistant.configuration import REPOSITORY

from .browser import Page

PICTURES = REPOSITORY / "docs" / "images"


class Camera:
    """Takes pictures of Home Assistant's pages."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page = page
        self._url = url
        self._folder = folder

    async def open(self, path: str) -> None:
        """Open a page and wait until Home Assistant's own picture is gone."""
        await self.page.open(f"{self._url}{path}")
        await self.page.wait_for("!document.querySelector('#ha-launch-screen')")

    async def take(self, name: str, path: str, height: int) -> None:
        """Open a page and take its picture."""
        await self.open(path)
        await self.snap(name, height)

    async def snap(self, name: str, height: int) -> None:
        """Take a picture of what is there."""
        picture = await self.page.picture(height)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{name}.png"
        file.write_bytes(picture)
        print(f"{file} ({len(picture) // 1024} KiB)")


def signed_in(api: Api) -> str:
    """Give the script that signs the browser in."""
    tokens = {
        "access_token": api.token,
        "token_type": "Bearer",
        "expires_in": 10**9,
        "expires": 4 * 10**12,
        "hassUrl": api.url,
        "clientId": f"{api.url}/",
        "refresh_token": "",
    }
    return f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"
