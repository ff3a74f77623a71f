"""Good bytes, spoiled: what everybody who throws them at the client has in common."""

from dataclasses import dataclass
import os
from random import Random
import re
from typing import Final

SEED: Final = int(os.environ.get("POWERWALL_SEED", "1"))
"""`POWERWALL_SEED=2 scripts/test --deep` throws others."""

AT_LEAST: Final = 1_000_000
"""Inputs in a deep run."""

_VALUE: Final = re.compile(rb"(?<=[:\[,])\s*[^,\[\]{}]+")
"""Of JSON; in a header it is as good a piece as any."""

JSON_WORDS: Final = (
    *(b"null", b"true", b"{}", b"[]", b"[[[[[[[[", b'{"":', b'""', b'"', b",", b":", b"\\", b"]", b"}"),
    *(b"0", b"-1", b"-0.0", b"1e308", b"1e999", b"NaN", b"-Infinity", b"18446744073709551616", b"9" * 400),
    *(b'"9999-12-31T23:59:59.999999999+14:00"', b'"0001-01-01T00:00:00Z"', b'"999999999999h"', b'"1e9"'),
    *(b'"\\u0000"', b'"\\ud800"', b"\\uDFFF", b"\xff", b"\xc3", b"\x00", b"\xef\xbb\xbf", b"\xf0\x9f\x94\x8b"),
)


@dataclass
class Thrown:
    """How much was thrown in a test."""

    inputs: int = 0


def spoiled(good: bytes, words: tuple[bytes, ...], chance: Random) -> bytes:
    """Spoil one to four places: bytes turned, removed, doubled or put in between, values replaced, the end cut off."""
    spoiled = bytearray(good)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        at = chance.randint(0, len(spoiled))
        end = min(len(spoiled), at + chance.choice((1, 1, 2, 4, 16, 64)))
        match chance.randrange(8):
            case 0:
                spoiled[at:end] = bytes(byte ^ (1 << chance.randrange(8)) for byte in spoiled[at:end])
            case 1:
                spoiled[at:end] = b""
            case 2:
                spoiled[at:at] = spoiled[at:end] * chance.choice((1, 1, 2, 50))
            case 3:
                spoiled[at:at] = chance.choice(words)
            case 4 if chance.random() < 0.3:
                spoiled[at:] = b""
            case _:
                if value := _VALUE.search(spoiled, at) or _VALUE.search(spoiled):
                    spoiled[value.start() : value.end()] = chance.choice(words)
    return bytes(spoiled)
