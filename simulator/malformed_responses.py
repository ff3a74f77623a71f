"""Malformed responses, each with the fields of `Faults.add` of the simulated gateway."""

import gzip
import json
from typing import Any, Final

HUGE: Final = 50_000_000
"""Bytes; the client reads four million of them at most."""

HANGS: Final = 2.0
"""Seconds, longer than the time limit of the tests."""

_JSON: Final = "application/json"
HTML: Final = b"<html><body><h1>It works!</h1></body></html>"

STATUSES: Final = (400, 401, 403, 404, 405, 409, 417, 429, 500, 502, 503, 504)


def _head(*headers: str) -> bytes:
    """Return the head of a successful response with these headers."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {_JSON}", *headers, "", ""]).encode()


def _bomb() -> bytes:
    """Return some kilobytes that decompress to 50 MB."""
    body = gzip.compress(b"[" + b" " * HUGE + b"]", 9)
    return _head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body


def _many_meters() -> bytes:
    """Return a valid response of 10,000 meters."""
    meter = {"id": 0, "location": "site", "type": "neurio_tcp", "cts": [True] * 4, "connection": {"device_serial": "X"}}
    return json.dumps([meter | {"id": number} for number in range(10_000)]).encode()


STATUS_FAULTS: Final[dict[str, dict[str, Any]]] = {
    **{str(status): {"status": status} for status in STATUSES},
    "429, come again": {"status": 429, "retry_after": 1},
    "502 with HTML": {"status": 502, "body": HTML, "content_type": "text/html"},
    "503, come again": {"status": 503, "retry_after": 1},
}

_WRONG_BODIES: Final = {
    "empty": b"",
    "truncated": b'{"percentage": 6',
    "HTML": HTML,
    "null": b"null",
    "a text": b'"up"',
    "a number": b"17",
    "NaN": b'{"percentage": NaN}',
    "invalid UTF-8": b'{"percentage": "\xff\xfe"}',
    "nested too deep": b"[" * 100_000,
}

BODY_FAULTS: Final[dict[str, dict[str, Any]]] = {
    name: {"status": 200, "body": body, "content_type": "text/html" if body is HTML else _JSON if body else None}
    for name, body in _WRONG_BODIES.items()
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
"""Responses that only the time limit ends."""

FAULTS: Final = STATUS_FAULTS | BODY_FAULTS | WIRE_FAULTS
"""By name. None of them is a valid response of any endpoint, so each hides the entities of that endpoint."""

POSSIBLE_BODIES: Final[dict[str, bytes]] = {
    "{}": b"{}",
    "[]": b"[]",
    "wrong types": json.dumps(
        {"percentage": "many", "site": [], "battery_blocks": {}, "grid_status": 7, "running": "yes", "version": []}
    ).encode(),
    "null fields": json.dumps(
        dict.fromkeys(("percentage", "site", "battery", "grid_status", "battery_blocks", "running", "version"))
    ).encode(),
    "unknown words": json.dumps(
        {"grid_status": "SystemOnFire", "real_mode": "party", "mode": "party", "system_island_state": "x"}
    ).encode(),
    "twice the same": b'{"percentage": 1, "percentage": 62}',
    "10,000 meters": _many_meters(),
}
"""JSON that an endpoint may return: missing values are unknown or unavailable, and the rest stays."""

BODIES: Final = _WRONG_BODIES | POSSIBLE_BODIES
