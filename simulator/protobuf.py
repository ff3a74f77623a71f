"""Write protocol buffers, as far as the gateway's responses need them."""

import struct

VARINT, FIXED64, BYTES = 0, 1, 2


def message(*fields: bytes) -> bytes:
    """Join encoded fields."""
    return b"".join(fields)


def varint(number: int, value: int) -> bytes:
    """Encode a whole number or a truth."""
    return _key(number, VARINT) + _varint(value)


def double(number: int, value: float) -> bytes:
    """Encode a double."""
    return _key(number, FIXED64) + struct.pack("<d", value)


def text(number: int, value: str) -> bytes:
    """Encode a text."""
    return part(number, value.encode())


def part(number: int, value: bytes) -> bytes:
    """Encode a message within a message."""
    return _key(number, BYTES) + _varint(len(value)) + value


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
