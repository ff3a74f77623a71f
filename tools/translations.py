"""List the missing, removed and outdated texts of each language.

A text is outdated if English says something else than when the language was last marked with `--done`.
"""

import argparse
from collections.abc import Iterator
from hashlib import sha256
import json
from pathlib import Path
import sys
from typing import Any

FOLDER = Path(__file__).parent.parent / "custom_components" / "powerwall_gateway" / "translations"
LANGUAGES = ("de", "es", "fr", "it", "ja", "nl", "pt-BR")
"""Beside English, as Home Assistant names them."""

DONE = Path(__file__).parent / "translated.json"
"""By language, the digests of the English texts that its translations were made of, in one line."""


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
    """Return a line for each text (~) that was translated from another English text."""
    english, done = texts("en"), json.loads(DONE.read_text())[language].split()
    yield from (f"~ {key} is now {english[key]!r}" for key, made in _digests(language).items() if made not in done)


def mark_done(language: str) -> None:
    """Record that all texts of a language are translations of the present English texts."""
    done = json.loads(DONE.read_text())
    done[language] = " ".join(sorted(_digests(language).values()))
    DONE.write_text(json.dumps(done, indent=2) + "\n")


def _digests(language: str) -> dict[str, str]:
    """Return the short digest of each key and its English text, for the keys that a language has."""
    theirs = texts(language)
    english = {key: text for key, text in texts("en").items() if key in theirs}
    return {key: sha256(f"{key}: {text}".encode()).hexdigest()[:6] for key, text in english.items()}


def _flat(below: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(below, str):
        yield path, below
        return
    for key, value in below.items():
        yield from _flat(value, f"{path}.{key}".lstrip("."))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--done", choices=LANGUAGES, help="record that this language follows the present English texts")
    if language := parser.parse_args().done:
        mark_done(language)
    needed = {language: sorted((*gaps(language), *changes(language))) for language in LANGUAGES}
    for of, lines in needed.items():
        print(f"{of}: {len(lines) or 'nothing'} to do", *lines, sep="\n  ")
    sys.exit(any(needed.values()))
