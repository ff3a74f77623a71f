"""Mutate valid bytes, and count the inputs of a run."""

from dataclasses import dataclass
import os
from random import Random
import re
from typing import Final

SEED: Final = int(os.environ.get("POWERWALL_SEED", "1"))
"""`POWERWALL_SEED=2 scripts/test --deep` generates other inputs."""

AT_LEAST: Final = 1_000_000
"""Inputs in a deep run."""

_VALUE: Final = re.compile(rb"(?<=[:\[,])\s*[^,\[\]{}]+")
"""Matches a value of JSON, or some bytes of a header."""

JSON_WORDS: Final = (
    *(b"null", b"true", b"{}", b"[]", b"[[[[[[[[", b'{"":', b'""', b'"', b",", b":", b"\\", b"]", b"}"),
    *(b"0", b"-1", b"-0.0", b"1e308", b"1e999", b"NaN", b"-Infinity", b"18446744073709551616", b"9" * 400),
    *(b'"9999-12-31T23:59:59.999999999+14:00"', b'"0001-01-01T00:00:00Z"', b'"999999999999h"', b'"1e9"'),
    *(b'"\\u0000"', b'"\\ud800"', b"\\uDFFF", b"\xff", b"\xc3", b"\x00", b"\xef\xbb\xbf", b"\xf0\x9f\x94\x8b"),
)


@dataclass
class InputCounter:
    """The number of inputs of a test."""

    inputs: int = 0


def mutate(good: bytes, words: tuple[bytes, ...], random: Random) -> bytes:
    """Mutate one to four places: flip, remove, repeat or insert bytes, replace values, or cut off the end."""
    mutated = bytearray(good)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        at = random.randint(0, len(mutated))
        end = min(len(mutated), at + random.choice((1, 1, 2, 4, 16, 64)))
        match random.randrange(8):
            case 0:
                mutated[at:end] = bytes(byte ^ (1 << random.randrange(8)) for byte in mutated[at:end])
            case 1:
                mutated[at:end] = b""
            case 2:
                mutated[at:at] = mutated[at:end] * random.choice((1, 1, 2, 50))
            case 3:
                mutated[at:at] = random.choice(words)
            case 4 if random.random() < 0.3:
                mutated[at:] = b""
            case _:
                if value := _VALUE.search(mutated, at) or _VALUE.search(mutated):
                    mutated[value.start() : value.end()] = random.choice(words)
    return bytes(mutated)
