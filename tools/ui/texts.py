"""The texts of the frontend in one language: Home Assistant's own, and the integration's."""

from functools import cache
import json
import re
from typing import Any

import hass_frontend

from tools.hass_process.configuration import INTEGRATION

FRONTEND = hass_frontend.where() / "static" / "translations"


class Texts:
    """`texts("ui.common.ok")`, and `texts.ours("config.step.user.title")`."""

    def __init__(self, language: str) -> None:
        self._frontend = _frontend(language)
        self._ours = json.loads((INTEGRATION / "translations" / f"{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **placeholders: str) -> str:
        """Return a text of Home Assistant's frontend."""
        return _filled(self._frontend[key], placeholders)

    def ours(self, key: str, **placeholders: str) -> str:
        """Return a text of the integration."""
        value: Any = self._ours
        for part in key.split("."):
            value = value[part]
        return _filled(value, placeholders)


@cache
def _frontend(language: str) -> dict[str, str]:
    """Return the texts of all pages and of the settings."""
    texts: dict[str, str] = {}
    for folder in (FRONTEND, FRONTEND / "config"):
        (file,) = folder.glob(f"{language}-{'[0-9a-f]' * 32}.json")
        texts |= json.loads(file.read_text(encoding="utf-8"))
    return texts


def _filled(text: str, placeholders: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: placeholders[found[1]], text)
