"""A request to the gateway and its response, independent of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
import json

from simulator.wire import Json, go_json


class Nothing(Enum):
    """A response without a body. The JSON value null is another one."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, with the parts that the gateway uses."""

    method: str
    path: str
    """Below /api/, or with its leading slash if it is elsewhere."""
    target: str
    """The same, still encoded."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The value of each `{name}` in the endpoint's path."""
    body: bytes = b""
    token: str | None = None
    role: str | None = None
    """Role of the valid token in the request."""

    def json(self) -> dict[str, object] | None:
        """Read the body as a JSON object; None if it is not one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, kw_only=True)
class Response:
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


def error(status: int, cause: str, message: str) -> Response:
    """Fill the gateway's error envelope: `error` is the detailed cause, `message` the general one."""
    return Response(status=status, payload={"code": status, "error": cause, "message": message})


def refusal(method: str, status: int = 403) -> Response:
    """Return the error for a request without the permission."""
    return error(status, f"Unable to {method} to resource", "User does not have adequate access rights")


NOT_FOUND = Response(status=404, payload=b"404 page not found\n", content_type="text/plain; charset=utf-8")
WRONG_METHOD = Response(status=405)
SITEMASTER_DOWN = Response(status=502)
ACCEPTED = Response(status=202)
GONE = Response(status=204)
