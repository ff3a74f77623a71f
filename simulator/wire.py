"""JSON, times and durations as the gateway's Go program prints them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
import json
import math
import struct

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None

NANOSECONDS = 1_000_000_000
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: a meter that never communicated."""

_HTML_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def go_json(value: Json) -> str:
    """Print a value as Go's encoding/json does."""
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_string(key)}:{go_json(item)}" for key, item in value.items()) + "}"
    return "[" + ",".join(go_json(item) for item in value) + "]"


def _string(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    for character, escaped in _HTML_UNSAFE.items():
        text = text.replace(character, escaped)
    return text


def _number(value: float) -> str:
    """Print a double: no trailing `.0`, and an exponent only below 1e-6 and from 1e21 on."""
    if not math.isfinite(value):
        raise ValueError(f"JSON cannot carry {value}; Go refuses to encode it too.")
    size = abs(value)
    if size != 0 and (size < 1e-6 or size >= 1e21):
        mantissa, exponent = repr(value).split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    if value.is_integer():
        return f"{value:.0f}"
    text = repr(value)
    return f"{value:.{_decimals(text)}f}" if "e" in text else text


def _decimals(text: str) -> int:
    """Return the decimals of a number that Python prints with a negative exponent."""
    mantissa, exponent = text.split("e")
    return len(mantissa.partition(".")[2].rstrip("0")) - int(exponent)


def float32(value: float) -> float:
    """Widen a Neurio meter's 32-bit reading to the double the gateway prints."""
    narrow: float = struct.unpack("f", struct.pack("f", value))[0]
    return narrow


def go_time(nanoseconds: int, zone: tzinfo) -> str:
    """Print a moment (nanoseconds since 1970) as RFC 3339 with the zone's offset; trailing zeros are dropped."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    digits = f"{fraction:09d}".rstrip("0")
    offset = local.strftime("%:z")
    return f"{local:%Y-%m-%dT%H:%M:%S}{'.' + digits if digits else ''}{'Z' if offset == '+00:00' else offset}"


def go_duration(nanoseconds: int) -> str:
    """Print a duration as Go does: `402h8m19.937911668s`; hours never roll into days."""
    if nanoseconds < NANOSECONDS:
        return _short_duration(nanoseconds)
    minutes, rest = divmod(nanoseconds, 60 * NANOSECONDS)
    hours, minutes = divmod(minutes, 60)
    whole, fraction = divmod(rest, NANOSECONDS)
    digits = f"{fraction:09d}".rstrip("0")
    seconds = f"{whole}.{digits}s" if digits else f"{whole}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _short_duration(nanoseconds: int) -> str:
    for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:g}{unit}" if size == 1 else _fraction(nanoseconds, size) + unit
    return "0s"


def _fraction(nanoseconds: int, size: int) -> str:
    whole, rest = divmod(nanoseconds, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
