"""What can go wrong with an endpoint's answer, and what that may cost."""

from dataclasses import dataclass, field
from typing import Any, Final

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Fault:
    """A fault by its name in the matrix; `how` is what the simulator's `faults.add` takes."""

    name: str
    how: dict[str, Any] = field(default_factory=dict)
    readable: bool = False
    """Whether the answer is JSON that an endpoint may have, so that some of its entities may go on."""

    at_once: bool = False
    """Whether the first such answer is told at once: a stopped Powerwall."""

    is_cut: bool = False
    """Whether the connection is gone with it: first the gateway seems to be, and a new one wants to be known."""

    peace: float = 0.0
    """For how many seconds after such an answer the gateway asked not to be asked."""


def _status(status: int, name: str = "", **how: Any) -> Fault:
    return Fault(f"{status}{name}", {"status": status, **how}, at_once=status == 502)


def _body(name: str, body: bytes, *, readable: bool = False, **how: Any) -> Fault:
    return Fault(name, {"status": 200, "body": body, **how}, readable=readable)


# A 503, and a 429 that names a time, are left out: they hold back all polls, so that they are of no endpoint alone.
FAULTS: Final = (
    *(_status(status) for status in (400, 401, 403, 405, 409, 417, 500, 502, 504)),
    Fault("404", {"status": 404}, readable=True),  # the charge then comes from the poorer endpoint
    _status(502, " in HTML", body=HTML, content_type="text/html"),
    Fault("429", {"status": 429}, peace=60.0),
    Fault("redirect", {"status": 302}),
    _body("nothing", b""),
    _body("half an answer", b'{"site": {"instant_power": 12'),
    _body("HTML", HTML, content_type="text/html"),
    _body("null", b"null", readable=True),
    _body("[]", b"[]", readable=True),
    _body("{}", b"{}", readable=True),
    _body("a text", b'"busy"'),
    _body("other fields", b'{"wrong": true}', readable=True),
    _body("no UTF-8", b'{"percentage": "\xff\xfe"}'),
    _body("NaN", b'{"percentage": NaN, "site": {"instant_power": NaN}}'),
    _body("deep nesting", b'{"site":' * 5000),
    Fault("connection cut", {"drop": True}, is_cut=True),
)

SLICE: Final = ("401", "502", "half an answer")
"""What the plain test walks through."""
