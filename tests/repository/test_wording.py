"""Texts for owners use the words of Home Assistant and Tesla (the guide is in CONTRIBUTING.md)."""

from pathlib import Path
import re
from typing import Final

import pytest

from tools.translations import texts

ROOT: Final = Path(__file__).parents[2]
ENGLISH: Final = {f"en.json: {key}": text for key, text in texts("en").items()}
PAGES: Final = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "blueprints").rglob("*.yaml"),
]
"""The pages for owners; those in docs/dev are for developers."""

LONGEST: Final = 40
"""Words in a sentence of en.json. The aim is 15 to 20."""

REPLACEMENTS: Final = {
    "house": "home",
    "island": "off-grid",
    "on its own": "off-grid",
    "off the grid": "off-grid",
    "grid is gone": "grid outage",
    "grid is back": "grid restored",
    "anew": "again",
    "beside": "next to",
    "whoever": "anyone who",
    "somebody": "someone",
    "nobody": "no one",
    "anybody": "anyone",
    "whom": "a name",
    "is told": "is notified",
    "tells": "reports",
    "put right": "correct",
    "set right": "correct",
    "in peace": "pause",
    "asks to wait": "rate-limited",
    "stays as it is": "is not changed",
    "at present": "currently",
    "in the meanwhile": "in the meantime",
    "tick": "turn on",
    "figures": "values",
    "role": "permission",
    "stranger": "another device",
    "flip the switch": "turn off and on",
    "core's": "of the built-in integration",
}
"""By a phrase that is not used, what to write."""


@pytest.mark.parametrize("phrase", REPLACEMENTS)
def test_owners_texts_use_the_glossary(phrase: str) -> None:
    pattern = re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE)
    everything = ENGLISH | {str(page.relative_to(ROOT)): _prose(page.read_text(encoding="utf-8")) for page in PAGES}
    found = [place for place, text in everything.items() if pattern.search(text)]
    assert found == [], f"write {REPLACEMENTS[phrase]!r}"


def test_english_sentences_are_short() -> None:
    sentences = (sentence for text in ENGLISH.values() for sentence in re.split(r"(?<=[.!?])\s+|\n+", text))
    assert [sentence for sentence in sentences if len(sentence.split()) > LONGEST] == []


def _prose(text: str) -> str:
    """Return a page without code, link targets, comments and template expressions."""
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)|\{\{.*?\}\}|\{%.*?%\}|<!--.*?-->", " ", text, flags=re.DOTALL)
