"""Decode the value of one field, and declare the fields whose decoder does not follow from their annotation.

A decoder returns None where the gateway means "none". It raises TypeError or ValueError for a value that does not fit.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import islice
import logging
import math
import re
from typing import Any, Final, NamedTuple

import orjson

from ..text_redaction import MOST, redact, strip_control_characters

_LOGGER = logging.getLogger(__name__)

MAX_WARNINGS: Final = 200
"""A broken gateway must fill neither the log nor the memory."""

warned: Final[set[tuple[str, str]]] = set()
"""Key and found type of every warning of this process."""


def warn_once(key: str, expected: str, found: str) -> None:
    """Log that the field at `key` is ignored, once for each thing found in it."""
    warning = (key, redact(found)[:60])
    if warning in warned or len(warned) >= MAX_WARNINGS:
        return
    warned.add(warning)
    _LOGGER.warning("Ignoring field %s: expected %s, got %s", key, expected, warning[1])


# -- decoders ----------------------------------------------------------------------------------------------------------


def as_bool(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def as_float(value: Any) -> float:
    """Return a finite number. The gateway mixes ints and floats freely."""
    if isinstance(value, bool) or not isinstance(value, float | int) or not math.isfinite(value):
        raise TypeError
    return float(value)


def as_int(value: Any) -> int:
    """Return a whole number. A raw alert is an unsigned 64-bit number, more than a float can hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = as_float(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def as_str(value: Any) -> str:
    """Return a string as it is."""
    if not isinstance(value, str):
        raise TypeError
    return value


def as_text(value: Any) -> str:
    """Return a string without the blanks and newlines that old firmware leaves at its end."""
    return strip_control_characters(as_str(value)).strip()


def as_list(value: Any) -> list[Any]:
    """Return a JSON list."""
    if not isinstance(value, list):
        raise TypeError
    return value


def as_dict(value: Any) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise TypeError
    return value


def decode_items[T](key: str, decode: Callable[[Any], T | None], value: Any) -> tuple[T, ...]:
    """Decode the objects of a list. Anything else in it is left out."""
    decoded = []
    for item in as_list(value):
        if (model := decode(item)) is None:
            warn_once(f"{key}[]", "an object", type(item).__name__)
        else:
            decoded.append(model)
    return tuple(decoded)


def parse_timestamp(value: Any) -> datetime | None:
    """Parse an RFC 3339 timestamp with up to nine fractional digits; Go's zero date 0001-01-01 is None."""
    timestamp = datetime.fromisoformat(value)
    if timestamp.tzinfo is None:
        raise ValueError("a timestamp without a zone")
    return timestamp if timestamp.year > 1 else None


_GO_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")
_GO_DURATION: Final = re.compile(rf"-?(?:{_GO_PART.pattern})+")


def parse_duration(value: Any) -> timedelta:
    """Parse a Go duration: `402h8m19.937911668s`, `3m2.5s`, `850ms`, `0s`. It has no days."""
    text = as_str(value).strip()
    if not _GO_DURATION.fullmatch(text):
        raise ValueError("not a Go duration")
    seconds = sum(float(amount) * _GO_UNITS[unit] for amount, unit in _GO_PART.findall(text))
    try:
        return timedelta(seconds=-seconds if text.startswith("-") else seconds)
    except OverflowError as err:
        raise ValueError("more than a duration can hold") from err


class Decoder(NamedTuple):
    """A decoder, the type it makes, and the types of values that need none."""

    kind: Any
    expected: str
    decode: Callable[[Any], Any]
    as_is: tuple[type, ...] = ()


DECODERS: Final[dict[Any, Decoder]] = {
    decoder.kind | None: decoder
    for decoder in (
        Decoder(bool, "true or false", as_bool, (bool,)),
        Decoder(int, "a whole number", as_int, (int,)),
        Decoder(float, "a number", as_float, (float, int)),
        Decoder(str, "a string", as_text),
        Decoder(float | str, "a number or a string", lambda v: as_text(v) if isinstance(v, str) else as_float(v)),
        Decoder(datetime, "a timestamp", parse_timestamp),
        Decoder(timedelta, "a duration", parse_duration),
        # One wrong item costs the whole list where the position has a meaning.
        Decoder(tuple[bool, ...], "a list of true or false", lambda v: tuple(map(as_bool, as_list(v)))),
        Decoder(
            tuple[str, ...],
            "a list of strings",
            lambda v: tuple(redact(item) for item in as_list(v)[:MOST] if isinstance(item, str)),
        ),
        Decoder(
            Mapping[str, str],
            "an object of strings",
            lambda v: {name: item for name, item in as_dict(v).items() if isinstance(item, str)},
        ),
    )
}
"""By annotation. Enums and models follow from the annotation, too: see `base.py`."""


# -- declarations ------------------------------------------------------------------------------------------------------


def key(name: str | None = None, *, compare: bool = True) -> Any:
    """Declare a field that is called `name` in JSON. A value that changes with every response is not compared."""
    return field(default=None, compare=compare, metadata={"key": name})


def secret(name: str | None = None) -> Any:
    """Declare a field that `repr` does not show."""
    return field(default=None, repr=False, metadata={"key": name})


def redacted() -> str | None:
    """Declare a text for people, without serials, tokens and addresses."""
    return _explicit(None, str, "a string", lambda value: redact(as_str(value)).strip())


def raw_json_list() -> tuple[str, ...] | None:
    """Declare a list of values of unknown shape: a string as it is, anything else as JSON; both redacted.

    orjson reads more levels than it writes. A value that is nested too deeply is left out.
    """
    return _explicit(None, tuple[str, ...], "a list", _as_json_list)


def json_list[T](name: str, decode: Callable[[Any], T | None]) -> tuple[T, ...] | None:
    """Declare a list of objects that comes as JSON inside a string; an empty string is an empty list."""

    def decode_list(value: Any) -> tuple[T, ...]:
        return decode_items(name, decode, orjson.loads(value) if as_str(value).strip() else [])

    return _explicit(name, None, "a string with a JSON list of objects", decode_list)


def true_keys() -> tuple[str, ...] | None:
    """Declare the keys that are true in an object."""
    return _explicit(None, tuple[str, ...], "an object of true or false", _as_true_keys)


def epoch_ms(*, compare: bool = True) -> datetime | None:
    """Declare a point in time in milliseconds since 1970; 0 and what no calendar holds are None."""
    return _explicit(None, datetime, "milliseconds since 1970", _as_datetime, compare=compare)


def _explicit[T](
    name: str | None, kind: type[T] | None, expected: str, decode: Callable[[Any], T | None], *, compare: bool = True
) -> T | None:
    default: T | None = None
    return field(default=default, compare=compare, metadata={"key": name, "decoder": Decoder(kind, expected, decode)})


def _as_json_list(value: Any) -> tuple[str, ...]:
    texts = []
    for item in as_list(value)[:MOST]:
        with suppress(TypeError):
            texts.append(redact(item if isinstance(item, str) else orjson.dumps(item).decode()))
    return tuple(texts)


def _as_true_keys(value: Any) -> tuple[str, ...]:
    items = islice(as_dict(value).items(), MOST)
    return tuple(strip_control_characters(name) for name, is_set in items if is_set is True)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _as_datetime(value: Any) -> datetime | None:
    milliseconds = as_float(value)
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None
    except OverflowError:
        return None
