"""Faults to inject: wrong responses, slow responses, dropped connections."""

from dataclasses import dataclass

from simulator.gateway.call import Response
from simulator.wire import Json, go_json


@dataclass
class Fault:
    """A fault of one path."""

    path: str
    """Below /api/; `*` stands for every path."""
    method: str | None = None
    """Hit this method alone; None: any."""
    status: int | None = None
    body: bytes = b""
    content_type: str | None = None
    retry_after: int | None = None
    """Seconds of the Retry-After header."""
    delay: float = 0.0
    drop: bool = False
    """Close the connection instead of responding."""
    after: bool = False
    """True if the gateway acts first, so that only its response is lost."""
    raw: bytes = b""
    """Bytes that are sent instead of an HTTP response. Then the connection is closed."""
    again: bytes = b""
    """Bytes that are sent repeatedly after `raw`, until the client disconnects."""
    pause: float = 0.0
    """Seconds between two of these."""
    times: int | None = None
    """Remaining number of requests; None: until cleared."""

    @property
    def harms(self) -> bool:
        """Return whether the fault has an effect."""
        return self.status is not None or self.drop or self.delay > 0 or bool(self.raw)

    def hits(self, method: str, path: str) -> bool:
        """Return whether the fault hits a request."""
        return self.path in (path, "*") and self.method in (method, None)

    @property
    def response(self) -> Response | None:
        """The wrong response, if the fault has one."""
        if self.status is None:
            return None
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Response(status=self.status, payload=self.body, content_type=self.content_type, headers=headers)


class Faults:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(
        self,
        path: str,
        *,
        method: str | None = None,
        status: int | None = None,
        body: bytes | Json = b"",
        content_type: str | None = None,
        retry_after: int | None = None,
        delay: float = 0.0,
        drop: bool = False,
        after: bool = False,
        raw: bytes = b"",
        again: bytes = b"",
        pause: float = 0.0,
        times: int | None = None,
    ) -> Fault:
        """Add a fault; a body that is not bytes is sent as JSON."""
        if not isinstance(body, bytes):
            body, content_type = go_json(body).encode(), content_type or "application/json"
        fault = Fault(
            path, method, status, body, content_type, retry_after, delay, drop, after, raw, again, pause, times
        )
        if not fault.harms:
            raise ValueError("A fault needs a status, a delay, raw bytes or drop=True.")
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self.active.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Find the fault that hits a request to a path, if one does, and count it."""
        for fault in self.active:
            if fault.hits(method, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.active.remove(fault)
                return fault
        return None
