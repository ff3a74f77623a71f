"""A request to the gateway and its response, independent of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
import json

from simulator.wire import Json, go_json


class Nothing(Enum):
    """An answer without a body, which is not the same as the JSON value null."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, as far as the gateway's logic cares."""

    method: str
    path: str
    """Below /api/, or with its leading slash where it is elsewhere."""
    target: str
    """The same, still encoded as it came."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The value of each `{name}` in the endpoint's path."""
    body: bytes = b""
    token: str | None = None
    role: str | None = None
    """Role of the live token that came with the request."""

    def json(self) -> dict[str, object] | None:
        """Read the body as a JSON object; None when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response."""

    status: int = 200
    payload: Json | bytes | Nothing = NOTHING
    content_type: str | None = "application/json"
    cookies: tuple[str, ...] = field(default=())
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes on the wire."""
        if isinstance(self.payload, Nothing):
            return b""
        return self.payload if isinstance(self.payload, bytes) else go_json(self.payload).encode()

    @property
    def is_error(self) -> bool:
        """Return whether this is an error."""
        return self.status >= 400


def error(status: int, cause: str, message: str) -> Answer:
    """Fill the gateway's error envelope: `error` is the detailed cause, `message` the general one."""
    return Answer(status=status, payload={"code": status, "error": cause, "message": message})


def refusal(method: str, status: int = 403) -> Answer:
    """Turn away a caller without the rights."""
    return error(status, f"Unable to {method} to resource", "User does not have adequate access rights")


NOT_FOUND = Answer(status=404, payload=b"404 page not found\n", content_type="text/plain; charset=utf-8")
WRONG_METHOD = Answer(status=405)
SITEMASTER_DOWN = Answer(status=502)
ACCEPTED = Answer(status=202)
GONE = Answer(status=204)
