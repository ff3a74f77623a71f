"""Match very long texts with every pattern of the client, to find slow ones: `test_text_redaction.py` runs it.

The process may use `SECONDS` of processor time; then the system ends it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
import logging
import resource
import sys
from typing import Any, Final

from custom_components.powerwall_gateway.gateway.models import Din
from custom_components.powerwall_gateway.gateway.models.fields import parse_duration, warn_once
from custom_components.powerwall_gateway.gateway.text_redaction import LONGEST, MOST, redact, strip_control_characters
from custom_components.powerwall_gateway.response_redaction import Redactor
from tests.client.example_payloads import MODELS, example

SECONDS: Final = 40
"""Several times what all of it takes; one text and one pattern that goes over it again and again take more."""

LENGTH: Final = 200_000

PIECES: Final = (
    *("a", "1", "T", "S", "-", ":", ".", "@", "%", " ", "\0", "ä"),
    *("a.", "a@", "a@a.", "1.", "1.1.1.", "T1", "TG1", "T1234", "T1111a", "12:", "::", "ab:", "ab-"),
    *("1234567-00-A--", "T12345678synchrometer", "fe80::1%", "::ffff:1.", "1s", "1h", "1.5ms", "abcdefgh "),
    "a" * 31 + "!",
)
"""Repeated, each is the beginning of a match that never ends."""

SOME: Final = ("a.", ":", "\0")
"""For the models, which have many fields and match none of them by themselves."""

REDACTED: Final = ("a", "a.", "1", "-", "a@", "T1", "ab:", "::", "1.", "abcdefgh ")
"""For diagnostics, which are not cut and take longer."""


def main() -> None:
    """Read every text at every place."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    logging.disable()
    for piece in PIECES:
        _print_progress(piece)
        text = (piece * (LENGTH // len(piece) + 1))[:LENGTH]
        for longest in (text, text + "!"):
            for read in READERS:
                read(longest)
            if piece in SOME:
                _read_models(longest)
    for piece in REDACTED:
        _print_progress(f"{piece} redacted")
        text = (piece * (LENGTH // len(piece) + 1))[:LENGTH]
        Redactor((text, "TG1234567890AB")).redact(
            {"serial": text[:-1], "error": f"{text}?", text: [text], "ssid": text}
        )
    _print_progress("done")


def _print_progress(where: str) -> None:
    """Print the progress."""
    sys.stdout.write(f"{where[:20]!r}\n")
    sys.stdout.flush()


def _bounded(make: Callable[[str], str]) -> Callable[[str], None]:
    def read(text: str) -> None:
        assert len(make(text)) <= LONGEST + 1

    return read


def _refused(parse: Callable[[str], object]) -> Callable[[str], None]:
    def read(text: str) -> None:
        with suppress(ValueError):
            parse(text)

    return read


READERS: Final[tuple[Callable[[str], object], ...]] = (
    _bounded(redact),
    _bounded(strip_control_characters),
    Din.parse,
    _refused(parse_duration),
    lambda text: warn_once(text[:10], "a string", text),
)


def _read_models(text: str) -> None:
    """Put the text into every field of every model: as it is, in a list, as a key, and as a list of many."""
    for model in MODELS:
        good = example(model)
        for value in (text, [text] * 3, {text: True}):
            read = model.from_dict(dict.fromkeys(model.wire_keys(), value))
            assert all(len(found) <= LONGEST + 1 for found in _shown(read)), model
            if value is text:
                model.from_dict({key: value if isinstance(known, str) else known for key, known in good.items()})
        for name in dir(model):
            if isinstance(getattr(model, name), property):
                getattr(read, name)


def _shown(model: Any) -> Iterator[str]:
    """Return the texts of a model that are shown."""
    for field in fields(model):
        if field.repr:
            value = getattr(model, field.name)
            values = value if isinstance(value, tuple) else (value,)
            assert len(values) <= MOST
            yield from (item for item in values if isinstance(item, str))


if __name__ == "__main__":
    main()
