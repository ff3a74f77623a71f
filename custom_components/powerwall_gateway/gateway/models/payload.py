"""How a payload of the gateway becomes frozen, comparable data, whatever it holds.

`mashumaro` builds the dataclasses; the field kinds below say what may stand where. A key
that is missing or null is None, an unknown key is ignored, and a value that does not fit
costs its own field only: None, and one log line for as long as the process lives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
import logging
import math
import re
from typing import Any, Self

from mashumaro import DataClassDictMixin, field_options

_LOGGER = logging.getLogger(__name__)

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")
_GO_DURATION = re.compile(rf"-?(?:{_GO_PART.pattern})+")
_FRACTION = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True, kw_only=True)
class Payload(DataClassDictMixin):
    """Base of every model: a frozen dataclass whose fields are all optional."""

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Read a JSON object; None for anything else."""
        return cls.from_dict(value) if isinstance(value, dict) else None


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
        told = (key, found[:60])
        if told in self._told or len(self._told) >= self.LIMIT:
            return
        self._told.add(told)
        _LOGGER.warning("The gateway's %s should be %s and is %s: left out", key, expected, told[1])


misfits = _Misfits()


def _kind(key: str, expected: str, fit: Callable[[Any], Any], *, compare: bool = True, show: bool = True) -> Any:
    """Make a field that reads `key` by `fit`, which answers None for what does not fit."""

    def read(value: Any) -> Any:
        if (fitting := fit(value)) is None:
            misfits.tell(key, expected, f"a {type(value).__name__}")
        return fitting

    return field(default=None, compare=compare, repr=show, metadata=field_options(alias=key, deserialize=read))


def _as_number(value: Any) -> float | None:
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return value + 0.0  # also turns -0.0, which a gateway prints, into 0.0


def number(key: str) -> Any:
    """Make a field of a finite number, as a float; the gateway mixes ints and floats freely."""
    return _kind(key, "a number", _as_number)


def _as_whole(value: Any) -> int | None:
    as_number = _as_number(value)
    return int(as_number) if as_number is not None and as_number.is_integer() else None


def whole(key: str) -> Any:
    """Make a field of a whole number."""
    return _kind(key, "a whole number", _as_whole)


def flag(key: str) -> Any:
    """Make a field of true or false."""
    return _kind(key, "true or false", lambda value: value if isinstance(value, bool) else None)


def _as_text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) else None


def text(key: str) -> Any:
    """Make a field of text, without the blanks and newlines that old firmware leaves at its end."""
    return _kind(key, "a text", _as_text)


def secret(key: str) -> Any:
    """Make a field of text that is never shown."""
    return _kind(key, "a text", _as_text, show=False)


def secrets(key: str) -> Any:
    """Make a field of named texts that are never shown."""

    def fit(value: Any) -> dict[str, str] | None:
        return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else None

    return _kind(key, "an object of texts", fit, show=False)


def texts(key: str) -> Any:
    """Make a field of a tuple of texts; items that are none are left out."""

    def fit(value: Any) -> tuple[str, ...] | None:
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else None

    return _kind(key, "a list of texts", fit)


def one_of[EnumT: StrEnum](key: str, states: type[EnumT]) -> Any:
    """Make a field of a known state. One that Tesla added since is None, and named in the log."""

    def read(value: Any) -> EnumT | None:
        try:
            return states(value)
        except ValueError:
            misfits.tell(key, "a known state", repr(value) if isinstance(value, str) else f"a {type(value).__name__}")
            return None

    return field(default=None, metadata=field_options(alias=key, deserialize=read))


def parse_moment(value: str) -> datetime | None:
    """Read an RFC 3339 stamp with up to nine fractional digits; Go's zero date 0001-01-01 is None."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", value))
    except ValueError:
        return None
    return moment if moment.year > 1 and moment.tzinfo is not None else None


def moment(key: str) -> Any:
    """Make a field of a point in time. It moves with every answer, so it takes no part in a comparison."""

    def read(value: Any) -> datetime | None:
        if not isinstance(value, str):
            misfits.tell(key, "a time stamp", f"a {type(value).__name__}")
            return None
        return parse_moment(value)

    return field(default=None, compare=False, metadata=field_options(alias=key, deserialize=read))


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


def parts(key: str, model: type[Payload]) -> Any:
    """Make a field of a tuple of nested objects. An item that is none is left out; the others stay."""

    def fit(value: Any) -> tuple[Payload, ...] | None:
        if not isinstance(value, list):
            return None
        read = [model.read(item) for item in value]
        if None in read:
            misfits.tell(key, "a list of objects", "a list with other things in it")
        return tuple(item for item in read if item is not None)

    return _kind(key, "a list of objects", fit)
