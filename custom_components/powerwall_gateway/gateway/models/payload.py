"""How a payload of the gateway becomes frozen, comparable data, whatever it holds.

The field kinds below say what may stand where. A key that is missing or null is None, an
unknown key is ignored, and a value that does not fit costs its own field only: None, and
one log line for as long as the process lives.

No library reads it: those that are strict lose a payload over one field, and those that can
be told otherwise call Python for every value (`docs/performance.md`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import logging
import math
import re
from types import NoneType
from typing import Any, Self

import orjson

from ..words import discreet, legible

_LOGGER = logging.getLogger(__name__)

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")
_GO_DURATION = re.compile(rf"-?(?:{_GO_PART.pattern})+")

_HIGHEST = 16
"""Levels of a tree; two were seen."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Base of every model: a frozen dataclass whose fields are all optional, each made by a kind."""

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Read a JSON value; None for what is no object."""
        return cls.from_dict(value) if isinstance(value, dict) else None

    @classmethod
    def from_dict(cls, wire: dict[Any, Any]) -> Self:
        """Read a JSON object, whatever it holds.

        Every poll comes through here. Nearly every value is what it should be, and is taken
        as it is without another call.
        """
        tidy, entries = _plans.get(cls) or _plan(cls)
        get = (tidy(wire) if tidy else wire).get
        payload = object.__new__(cls)
        values = payload.__dict__
        for name, key, as_they_are, fit in entries:
            value = get(key)
            values[name] = value if value.__class__ in as_they_are else fit(value)
        return payload

    @classmethod
    def knows(cls, wire: dict[Any, Any]) -> bool:
        """Tell whether a JSON object has any of the fields: one without is another payload."""
        tidy, entries = _plans.get(cls) or _plan(cls)
        tidied = tidy(wire) if tidy else wire
        return any(key in tidied for _, key, _, _ in entries)

    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the forms that firmware has had into the one that the fields read, where there were several."""
        return wire


type _Tidy = Callable[[dict[Any, Any]], dict[Any, Any]]
type _Fit = Callable[[Any], Any]
type _Plan = tuple[_Tidy | None, tuple[tuple[str, str, frozenset[type], _Fit], ...]]

_plans: dict[type[Payload], _Plan] = {}


def _plan(model: type[Payload]) -> _Plan:
    """Note each field's name, its key on the wire, the types that need no fitting, and how the others are fitted."""
    entries = tuple(
        (each.name, each.metadata["key"], each.metadata["as_they_are"], each.metadata["fit"]) for each in fields(model)
    )
    _plans[model] = plan = (None if model.tidy is Payload.tidy else model.tidy, entries)
    return plan


class _Misfits:
    """Tells once about each thing a gateway sent that does not fit."""

    LIMIT = 200
    """A gateway gone mad must fill neither the log nor the memory."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Tell everything again."""
        self._told.clear()

    def tell(self, key: str, expected: str, found: str) -> None:
        """Log that `key` should be as `expected` but is as `found`."""
        told = (key, discreet(found)[:60])
        if told in self._told or len(self._told) >= self.LIMIT:
            return
        self._told.add(told)
        _LOGGER.warning("The gateway's %s should be %s and is %s: left out", key, expected, told[1])


misfits = _Misfits()


def _field(key: str, fit: _Fit, *as_they_are: type, compare: bool = True, show: bool = True) -> Any:
    """Make a field that reads `key`. null, and values of these types, are taken as they are."""
    metadata = {"key": key, "fit": fit, "as_they_are": frozenset((NoneType, *as_they_are))}
    return field(default=None, compare=compare, repr=show, metadata=metadata)


def _kind(key: str, expected: str, fit: _Fit, *as_they_are: type, compare: bool = True, show: bool = True) -> Any:
    """Make a field that reads `key` by `fit`, which answers None for what does not fit."""

    def tell(value: Any) -> Any:
        if (fitting := fit(value)) is None:
            misfits.tell(key, expected, f"a {type(value).__name__}")
        return fitting

    return _field(key, tell, *as_they_are, compare=compare, show=show)


def _as_number(value: Any) -> float | None:
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def number(key: str) -> Any:
    """Make a field of a finite number; the gateway mixes ints and floats freely, and JSON knows no infinite ones."""
    return _kind(key, "a number", _as_number, float, int)


def _as_whole(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a raw alert is an unsigned 64-bit number, more than a float can hold
    as_number = _as_number(value)
    return int(as_number) if as_number is not None and as_number.is_integer() else None


def whole(key: str) -> Any:
    """Make a field of a whole number."""
    return _kind(key, "a whole number", _as_whole, int)


def numbers(key: str) -> Any:
    """Make a field of a tuple of finite numbers, where the place says of what: one misfit costs them all."""

    def fit(value: Any) -> tuple[float, ...] | None:
        if not isinstance(value, list):
            return None
        fitting = tuple(number for item in value if (number := _as_number(item)) is not None)
        return fitting if len(fitting) == len(value) else None

    return _kind(key, "a list of numbers", fit)


def flag(key: str) -> Any:
    """Make a field of true or false."""
    return _kind(key, "true or false", lambda _: None, bool)


def _as_text(value: Any) -> str | None:
    return legible(value).strip() if isinstance(value, str) else None


def text(key: str) -> Any:
    """Make a field of text, without the blanks and newlines that old firmware leaves at its end."""
    return _kind(key, "a text", _as_text)


def words(key: str) -> Any:
    """Make a field of what the gateway says to people, without what tells whose it is."""

    def fit(value: Any) -> str | None:
        as_text = _as_text(value)
        return None if as_text is None else discreet(as_text)

    return _kind(key, "a text", fit)


def scalar(key: str) -> Any:
    """Make a field of a number or a text, whichever the gateway has for it."""

    def fit(value: Any) -> float | str | None:
        as_text = _as_text(value)
        return _as_number(value) if as_text is None else as_text

    return _kind(key, "a number or a text", fit)


def _as_shapeless(value: Any) -> str | None:
    if isinstance(value, str):
        return discreet(value)
    try:
        return discreet(orjson.dumps(value).decode())
    except orjson.JSONEncodeError:  # more levels than it can write, though not than it can read
        return None


def shapeless(key: str) -> Any:
    """Make a field of what no source shows the shape of: a text as it is, all else as its JSON; `words` both."""
    return _kind(key, "anything with a bottom", _as_shapeless)


def shapeless_items(key: str) -> Any:
    """Make a field of a list of what no source shows the shape of: a tuple of texts, as `shapeless` gives them."""

    def fit(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            return None
        return tuple(item for item in map(_as_shapeless, value) if item is not None)

    return _kind(key, "a list", fit)


def secret(key: str) -> Any:
    """Make a field of text that is never shown."""
    return _kind(key, "a text", _as_text, show=False)


def secrets(key: str) -> Any:
    """Make a field of named texts that are never shown."""

    def fit(value: Any) -> dict[str, str] | None:
        return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else None

    return _kind(key, "an object of texts", fit, show=False)


def texts(key: str) -> Any:
    """Make a field of a tuple of `words`; items that are none are left out."""

    def fit(value: Any) -> tuple[str, ...] | None:
        return tuple(discreet(item) for item in value if isinstance(item, str)) if isinstance(value, list) else None

    return _kind(key, "a list of texts", fit)


def flags(key: str) -> Any:
    """Make a field of a tuple of true or false, where the place says which: one misfit costs them all."""

    def fit(value: Any) -> tuple[bool, ...] | None:
        fitting = isinstance(value, list) and all(isinstance(item, bool) for item in value)
        return tuple(value) if fitting else None

    return _kind(key, "a list of true or false", fit)


def flagged(key: str) -> Any:
    """Make a field of the names that an object holds as true."""

    def fit(value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, dict):
            return None
        return tuple(legible(name) for name, raised in value.items() if raised is True)

    return _kind(key, "an object of true or false", fit)


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

    return _field(key, read)


def parse_moment(value: Any) -> datetime | None:
    """Read an RFC 3339 stamp with up to nine fractional digits; Go's zero date 0001-01-01 is None.

    Raises ValueError for another text, TypeError for what is none.
    """
    stamp = datetime.fromisoformat(value)
    if stamp.tzinfo is None:
        raise ValueError("a stamp without a zone")
    return stamp if stamp.year > 1 else None


def moment(key: str) -> Any:
    """Make a field of a point in time. It moves with every answer, so it takes no part in a comparison."""

    def read(value: Any) -> datetime | None:
        try:
            return parse_moment(value)
        except TypeError, ValueError:
            misfits.tell(key, "a time stamp", f"a {type(value).__name__}")
            return None

    return _field(key, read, compare=False)


def stamp(key: str) -> Any:
    """Make a field of a point in time as it is printed. It takes no part in a comparison."""
    return _kind(key, "a time stamp", lambda _: None, str, compare=False)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch(key: str, *, compare: bool = False) -> Any:
    """Make a field of a point in time that is counted in ms since 1970; 0, for never, is None."""

    def read(value: Any) -> datetime | None:
        if (milliseconds := _as_number(value)) is None:
            misfits.tell(key, "milliseconds since 1970", f"a {type(value).__name__}")
            return None
        try:
            return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None
        except OverflowError:
            return None

    return _field(key, read, compare=compare)


def parse_duration(value: str) -> timedelta | None:
    """Read a Go duration: `402h8m19.937911668s`, `3m2.5s`, `850ms`, `0s`. Hours never become days."""
    value = value.strip()
    if not _GO_DURATION.fullmatch(value):
        return None
    seconds = sum(float(amount) * _GO_UNITS[unit] for amount, unit in _GO_PART.findall(value))
    try:
        return timedelta(seconds=-seconds if value.startswith("-") else seconds)
    except OverflowError:
        return None


def duration(key: str) -> Any:
    """Make a field of a Go duration. It moves with every answer, so it takes no part in a comparison."""

    def fit(value: Any) -> timedelta | None:
        return parse_duration(value) if isinstance(value, str) else None

    return _kind(key, "a duration", fit, compare=False)


def part(key: str, model: type[Payload]) -> Any:
    """Make a field of a nested object."""
    return _kind(key, "an object", model.read)


def _as_parts[PayloadT: Payload](key: str, model: type[PayloadT], value: Any) -> tuple[PayloadT, ...] | None:
    if not isinstance(value, list):
        return None
    read = [model.read(item) for item in value]
    if None in read:
        misfits.tell(key, "a list of objects", "a list with other things in it")
    return tuple(item for item in read if item is not None)


def parts(key: str, model: type[Payload]) -> Any:
    """Make a field of a tuple of nested objects. An item that is none is left out; the others stay."""
    return _kind(key, "a list of objects", lambda value: _as_parts(key, model, value))


def branches(key: str, own: Callable[[], type[Payload]]) -> Any:
    """Make a field of a tuple of objects of the field's own class, which is not there yet while it is being made."""

    def fit(value: Any) -> tuple[Payload, ...] | None:
        return _as_parts(key, own(), value) if _height(key, value) <= _HIGHEST else None

    return _kind(key, f"a tree of at most {_HIGHEST} levels", fit)


def _height(key: str, value: Any) -> int:
    """Count the levels of a tree without climbing it: a gateway gone mad must not exhaust the stack."""
    height, boughs = 0, [value]
    while level := [item for bough in boughs if isinstance(bough, list) for item in bough]:
        height += 1
        boughs = [item.get(key) for item in level if isinstance(item, dict)]
    return height


def rows(key: str, model: type[Payload]) -> Any:
    """Make a field of a tuple of tuples of nested objects; a row that is none is empty, and so keeps its place."""

    def fit(value: Any) -> tuple[tuple[Payload, ...], ...] | None:
        return tuple(_as_parts(key, model, row) or () for row in value) if isinstance(value, list) else None

    return _kind(key, "a list of lists of objects", fit)


def parts_in_text(key: str, model: type[Payload]) -> Any:
    """Make a field of a tuple of nested objects that come as JSON inside a text; an empty text is an empty list."""

    def fit(value: Any) -> tuple[Payload, ...] | None:
        if not isinstance(value, str):
            return None
        try:
            return _as_parts(key, model, orjson.loads(value)) if value.strip() else ()
        except orjson.JSONDecodeError:
            return None

    return _kind(key, "a text with a JSON list of objects in it", fit)
