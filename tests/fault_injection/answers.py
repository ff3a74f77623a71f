"""The wrong answers: each is what `Faults.add` of the simulated gateway takes."""

import gzip
import json
from typing import Any, Final

HUGE: Final = 50_000_000
"""Bytes; the client reads four million of them at most."""

HANGS: Final = 2.0
"""Seconds, which is longer than anybody waits here."""

_JSON: Final = "application/json"
_HTML: Final = b"<html><body><h1>It works!</h1></body></html>"

_STATUSES: Final = (400, 401, 403, 404, 405, 409, 417, 429, 500, 502, 503)


def _head(*headers: str) -> bytes:
    """Give the head of a good answer with these headers, and the empty line after it."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {_JSON}", *headers, "", ""]).encode()


def _bomb() -> bytes:
    """Give some kilobytes that become 50 MB when they are unpacked."""
    body = gzip.compress(b"[" + b" " * HUGE + b"]", 9)
    return _head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body


def _many_meters() -> bytes:
    """Give an answer of the right kind that is far too much of it."""
    meter = {"id": 0, "location": "site", "type": "neurio_tcp", "cts": [True] * 4, "connection": {"device_serial": "X"}}
    return json.dumps([meter | {"id": number} for number in range(10_000)]).encode()


STATUS_FAULTS: Final[dict[str, dict[str, Any]]] = {
    **{str(status): {"status": status} for status in _STATUSES},
    "429, come again": {"status": 429, "retry_after": 1},
    "502 with HTML": {"status": 502, "body": _HTML, "content_type": "text/html"},
    "503, come again": {"status": 503, "retry_after": 1},
}

BODY_FAULTS: Final[dict[str, dict[str, Any]]] = {
    "empty": {"status": 200},
    "truncated": {"status": 200, "body": b'{"percentage": 6', "content_type": _JSON},
    "HTML": {"status": 200, "body": _HTML, "content_type": "text/html"},
    "null": {"status": 200, "body": b"null", "content_type": _JSON},
    "a text": {"status": 200, "body": b'"up"', "content_type": _JSON},
    "a number": {"status": 200, "body": b"17", "content_type": _JSON},
    "NaN": {"status": 200, "body": b'{"percentage": NaN}', "content_type": _JSON},
    "invalid UTF-8": {"status": 200, "body": b'{"percentage": "\xff\xfe"}', "content_type": _JSON},
    "nested too deep": {"status": 200, "body": b"[" * 100_000, "content_type": _JSON},
}

WIRE_FAULTS: Final[dict[str, dict[str, Any]]] = {
    "cut": {"drop": True},
    "hangs": {"delay": HANGS, "drop": True},
    "no HTTP": {"raw": b"SSH-2.0-OpenSSH_9.6\r\n"},
    "bad chunks": {"raw": _head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n"},
    "shorter than it says": {"raw": _head("Content-Length: 500") + b"{}"},
    "huge": {"raw": _head(f"Content-Length: {HUGE}"), "again": b" " * 65536},
    "endless": {"raw": _head("Transfer-Encoding: chunked"), "again": b"10000\r\n" + b" " * 65536 + b"\r\n"},
    "drips": {"raw": _head("Transfer-Encoding: chunked"), "again": b"1\r\n \r\n", "pause": 0.02},
    "endless headers": {"raw": b"HTTP/1.1 200 OK\r\n", "again": b"X-More: " + b"x" * 4000 + b"\r\n"},
    "gzip bomb": {"raw": _bomb()},
    "no gzip": {"raw": _head("Content-Encoding: gzip", "Content-Length: 2") + b"{}"},
}

NEVER_END: Final = {"hangs", "drips"}
"""What only the time limit ends."""

FAULTS: Final = STATUS_FAULTS | BODY_FAULTS | WIRE_FAULTS
"""By name. None of them is an answer that belongs to any endpoint, so each costs that endpoint's entities."""

KINDS: Final[dict[str, bytes]] = {
    "{}": b"{}",
    "[]": b"[]",
    "wrong types": json.dumps(
        {"percentage": "many", "site": [], "battery_blocks": {}, "grid_status": 7, "running": "yes", "version": []}
    ).encode(),
    "unknown words": json.dumps(
        {"grid_status": "SystemOnFire", "real_mode": "party", "mode": "party", "system_island_state": "x"}
    ).encode(),
    "twice the same": b'{"percentage": 1, "percentage": 62}',
    "10,000 meters": _many_meters(),
}
"""JSON that may be of the right kind: what it lacks is unknown or unavailable, and the rest goes on."""
