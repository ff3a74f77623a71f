"""Kinds of fields that tell a time: moments and durations, as the gateway writes them."""

from datetime import UTC, datetime, timedelta
import re
from typing import Any

from .base import field_of, kind_of, misfits
from .fields import as_number, as_text

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")
_GO_DURATION = re.compile(rf"-?(?:{_GO_PART.pattern})+")


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

    return field_of(key, read, compare=False)


def stamp(key: str) -> Any:
    """Make a field of a point in time as it is printed. It takes no part in a comparison."""
    return kind_of(key, "a time stamp", as_text, compare=False)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch(key: str, *, compare: bool = False) -> Any:
    """Make a field of a point in time that is counted in ms since 1970; 0, for never, is None."""

    def read(value: Any) -> datetime | None:
        if (milliseconds := as_number(value)) is None:
            misfits.tell(key, "milliseconds since 1970", f"a {type(value).__name__}")
            return None
        try:
            return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None
        except OverflowError:
            return None

    return field_of(key, read, compare=compare)


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

    return kind_of(key, "a duration", fit, compare=False)
