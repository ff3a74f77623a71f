"""Kinds of fields: what may stand where in a payload, and what becomes of what does not fit."""

from collections.abc import Callable
from enum import StrEnum
from itertools import islice
import math
from typing import Any

import orjson

from ..redact import MOST, redact, strip_control_characters
from .base import Model, field_of, kind_of, misfits

_HIGHEST = 16
"""Levels of a tree; two were seen."""


def as_number(value: Any) -> float | None:
    """Give a finite number, None for whatever is none."""
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def number(key: str) -> Any:
    """Make a field of a finite number; the gateway mixes ints and floats freely, and JSON knows no infinite ones."""
    return kind_of(key, "a number", as_number, float, int)


def _as_whole(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a raw alert is an unsigned 64-bit number, more than a float can hold
    finite = as_number(value)
    return int(finite) if finite is not None and finite.is_integer() else None


def whole(key: str) -> Any:
    """Make a field of a whole number."""
    return kind_of(key, "a whole number", _as_whole, int)


def numbers(key: str) -> Any:
    """Make a field of a tuple of finite numbers, where the place says of what: one misfit costs them all."""

    def fit(value: Any) -> tuple[float, ...] | None:
        if not isinstance(value, list):
            return None
        fitting = tuple(number for item in value if (number := as_number(item)) is not None)
        return fitting if len(fitting) == len(value) else None

    return kind_of(key, "a list of numbers", fit)


def flag(key: str) -> Any:
    """Make a field of true or false."""
    return kind_of(key, "true or false", lambda _: None, bool)


def as_text(value: Any) -> str | None:
    """Give a text without the blanks at its ends, None for what is none."""
    return strip_control_characters(value).strip() if isinstance(value, str) else None


def text(key: str) -> Any:
    """Make a field of text, without the blanks and newlines that old firmware leaves at its end."""
    return kind_of(key, "a text", as_text)


def words(key: str) -> Any:
    """Make a field of what the gateway says to people, without what tells whose it is."""

    def fit(value: Any) -> str | None:
        return redact(value).strip() if isinstance(value, str) else None

    return kind_of(key, "a text", fit)


def scalar(key: str) -> Any:
    """Make a field of a number or a text, whichever the gateway has for it."""

    def fit(value: Any) -> float | str | None:
        return as_text(value) if isinstance(value, str) else as_number(value)

    return kind_of(key, "a number or a text", fit)


def _as_shapeless(value: Any) -> str | None:
    if isinstance(value, str):
        return redact(value)
    try:
        return redact(orjson.dumps(value).decode())
    except orjson.JSONEncodeError:  # more levels than it can write, though not than it can read
        return None


def shapeless(key: str) -> Any:
    """Make a field of what no source shows the shape of: a text as it is, all else as its JSON; `words` both."""
    return kind_of(key, "JSON that is not nested too deeply", _as_shapeless)


def shapeless_items(key: str) -> Any:
    """Make a field of a list of what no source shows the shape of: a tuple of texts, as `shapeless` gives them."""

    def fit(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            return None
        return tuple(item for item in map(_as_shapeless, value[:MOST]) if item is not None)

    return kind_of(key, "a list", fit)


def secret(key: str) -> Any:
    """Make a field of text that is never shown."""
    return kind_of(key, "a text", as_text, show=False)


def secrets(key: str) -> Any:
    """Make a field of named texts that are never shown."""

    def fit(value: Any) -> dict[str, str] | None:
        return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else None

    return kind_of(key, "an object of texts", fit, show=False)


def texts(key: str) -> Any:
    """Make a field of a tuple of `words`; items that are none are left out."""

    def fit(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            return None
        return tuple(redact(item) for item in value[:MOST] if isinstance(item, str))

    return kind_of(key, "a list of texts", fit)


def flags(key: str) -> Any:
    """Make a field of a tuple of true or false, where the place says which: one misfit costs them all."""

    def fit(value: Any) -> tuple[bool, ...] | None:
        fitting = isinstance(value, list) and all(isinstance(item, bool) for item in value)
        return tuple(value) if fitting else None

    return kind_of(key, "a list of true or false", fit)


def flagged(key: str) -> Any:
    """Make a field of the names that an object holds as true."""

    def fit(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, dict):
            return None
        return tuple(strip_control_characters(name) for name, raised in islice(value.items(), MOST) if raised is True)

    return kind_of(key, "an object of true or false", fit)


def one_of[EnumT: StrEnum](key: str, states: type[EnumT]) -> Any:
    """Make a field of a known state. One that Tesla added since is None, and named in the log."""
    known = {str(state): state for state in states}

    def read(value: Any) -> EnumT | None:
        if not isinstance(value, str):
            misfits.tell(key, "a known state", f"a {type(value).__name__}")
            return None
        if (state := known.get(value)) is None:
            misfits.tell(key, "a known state", repr(value))
        return state

    return field_of(key, read)


def part(key: str, model: type[Model]) -> Any:
    """Make a field of a nested object."""
    return kind_of(key, "an object", model.read)


def _as_parts[PayloadT: Model](key: str, model: type[PayloadT], value: Any) -> tuple[PayloadT, ...] | None:
    if not isinstance(value, list):
        return None
    read = [model.read(item) for item in value]
    if None in read:
        misfits.tell(key, "a list of objects", "a list with other things in it")
    return tuple(item for item in read if item is not None)


def parts(key: str, model: type[Model]) -> Any:
    """Make a field of a tuple of nested objects. An item that is none is left out; the others stay."""
    return kind_of(key, "a list of objects", lambda value: _as_parts(key, model, value))


def branches(key: str, own: Callable[[], type[Model]]) -> Any:
    """Make a field of a tuple of objects of the field's own class, which is not there yet while it is being made."""

    def fit(value: Any) -> tuple[Model, ...] | None:
        return _as_parts(key, own(), value) if _height(key, value) <= _HIGHEST else None

    return kind_of(key, f"a tree of at most {_HIGHEST} levels", fit)


def _height(key: str, value: Any) -> int:
    """Count the levels of a tree without climbing it: a gateway gone mad must not exhaust the stack."""
    height, boughs = 0, [value]
    while level := [item for bough in boughs if isinstance(bough, list) for item in bough]:
        height += 1
        boughs = [item.get(key) for item in level if isinstance(item, dict)]
    return height


def rows(key: str, model: type[Model]) -> Any:
    """Make a field of a tuple of tuples of nested objects; a row that is none is empty, and so keeps its place."""

    def fit(value: Any) -> tuple[tuple[Model, ...], ...] | None:
        return tuple(_as_parts(key, model, row) or () for row in value) if isinstance(value, list) else None

    return kind_of(key, "a list of lists of objects", fit)


def parts_in_text(key: str, model: type[Model]) -> Any:
    """Make a field of a tuple of nested objects that come as JSON inside a text; an empty text is an empty list."""

    def fit(value: Any) -> tuple[Model, ...] | None:
        if not isinstance(value, str):
            return None
        try:
            return _as_parts(key, model, orjson.loads(value)) if value.strip() else ()
        except orjson.JSONDecodeError:
            return None

    return kind_of(key, "a text with a JSON list of objects in it", fit)
