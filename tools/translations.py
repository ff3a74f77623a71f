"""List the missing, removed and outdated texts of each language.

A text counts as changed when English says something else than when the language's file was last committed.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

FOLDER = Path(__file__).parent.parent / "custom_components" / "powerwall_gateway" / "translations"
LANGUAGES = ("de", "es", "fr", "it", "ja", "nl", "pt-BR")
"""Beside English, as Home Assistant names them."""


def texts(language: str) -> dict[str, str]:
    """Return all texts of a language, each under the dotted keys that lead to it."""
    return dict(_flat(json.loads((FOLDER / f"{language}.json").read_text())))


def gaps(language: str) -> Iterator[str]:
    """Return a line for each text that is missing (+) or too many (-)."""
    english, theirs = texts("en"), texts(language)
    for key in english.keys() - theirs.keys():
        yield f"+ {key}: {english[key]!r}"
    for key in theirs.keys() - english.keys():
        yield f"- {key}"


def changes(language: str) -> Iterator[str]:
    """Return a line for each text (~) whose English changed since the language's file was last committed."""
    english, theirs = texts("en"), texts(language)
    commit = _git("log", "-1", "--format=%H", "--", f"{language}.json").strip()
    then = dict(_flat(json.loads(_git("show", f"{commit}:./en.json")))) if commit else {}
    for key in english.keys() & theirs.keys() & then.keys():
        if english[key] != then[key]:
            yield f"~ {key}: {then[key]!r} is now {english[key]!r}"


def _flat(below: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(below, str):
        yield path, below
        return
    for key, value in below.items():
        yield from _flat(value, f"{path}.{key}".lstrip("."))


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=FOLDER, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    needed = {language: sorted((*gaps(language), *changes(language))) for language in LANGUAGES}
    for of, lines in needed.items():
        print(f"{of}: {len(lines) or 'nothing'} to do", *lines, sep="\n  ")
    sys.exit(any(needed.values()))
