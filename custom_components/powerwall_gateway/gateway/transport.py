"""One kept-alive connection to one gateway: TLS and its certificate, time limits, HTTP status to error.

Requests go in sequence, paced (see `pacer`). Nothing is redirected, no cookie jar is kept,
and an answer is read up to a limit.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import quote

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    Fingerprint,
    ServerFingerprintMismatch,
    TCPConnector,
    TraceConfig,
    TraceConnectionCreateEndParams,
)
import orjson

from .address import Address
from .backoff import LONGEST_RETRY_AFTER
from .body import LimitedResponse, read_body
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayResponseError,
    GatewayStoppedError,
    GatewayTimeoutError,
)
from .redact import redact
from .scheduler import RequestScheduler
from .stats import RequestStats

TIMEOUT = 10.0
"""Seconds for one request, from the first byte sent to the last one read."""

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; a new TLS handshake costs the gateway more than a request."""

_WAIT_WHEN_LIMITED = 60.0
"""Seconds to wait after a 429 or 503 that names no time of its own."""

_NO_CERTIFICATE = b"\0" * 32


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A successful answer: its body, and the cookies that it set."""

    status: int
    body: bytes
    cookies: Mapping[str, str]


class PathWithArguments(str):
    """A path such as `meters/{serial}/verify`, which errors, logs and counts show like that: a serial is personal.

    `on_the_wire` has the arguments in it. Raises `GatewayError` for an empty one and for dots, which would lead
    to another endpoint.
    """

    __slots__ = ("on_the_wire",)

    on_the_wire: str

    def __new__(cls, path: str, **arguments: str) -> Self:
        """Fill in the path's `{name}`s."""
        if wrong := [name for name, value in arguments.items() if value in {"", ".", ".."}]:
            raise GatewayError(f"this {wrong[0]} is not valid in a path: nothing was sent", path=path)
        made = super().__new__(cls, path)
        made.on_the_wire = path.format_map({name: quote(value, safe="") for name, value in arguments.items()})
        return made


def open_session() -> ClientSession:
    """Open an HTTP session for a `Transport`, with a kept-alive connection and no cookies. The caller closes it."""
    return ClientSession(connector=TCPConnector(limit=2, keepalive_timeout=KEEP_ALIVE), cookie_jar=DummyCookieJar())


async def _count(_: ClientSession, context: SimpleNamespace, __: TraceConnectionCreateEndParams) -> None:
    """Note at the `Transport` that asked for it that it was opened anew."""
    if isinstance(asked_by := context.trace_request_ctx, Transport):
        asked_by.opened += 1


_TRACE = TraceConfig()
_TRACE.on_connection_create_end.append(_count)
_TRACE.freeze()


class Transport:
    """The way to one gateway.

    `fingerprint` is the SHA-256 of the certificate that is trusted; any other one ends
    the handshake before anything is sent. None trusts whoever answers: for finding out only.
    """

    def __init__(
        self,
        session: ClientSession,
        address: Address,
        *,
        fingerprint: bytes | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.address = address
        self.fingerprint = fingerprint
        self.tally = RequestStats()
        self.pacer = RequestScheduler()
        self.opened = 0
        """How often it was opened anew: whoever answers now may be another than before."""

        self._session = session
        if _TRACE not in session.trace_configs:  # a session of somebody else's, for instance Home Assistant's own
            session.trace_configs.append(_TRACE)
        # One object for the connection's life: aiohttp shares a kept-alive connection only
        # among requests that ask for the very same check.
        self._certificate = Fingerprint(fingerprint) if fingerprint else False
        self._timeout = ClientTimeout(total=timeout)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Answer:
        """Ask for `path` (below `/api/`, unless it begins with a slash) and give the answer of a 2xx.

        `once` is for a call with an effect: it goes over a fresh connection, so that a dead
        kept-alive one cannot lose it, and is never repeated.

        Raises a child of `GatewayError` for everything else.
        """
        where = path.on_the_wire if isinstance(path, PathWithArguments) else path
        body = None if json is None else orjson.dumps(json)
        headers = dict(headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        self._make_sure_it_is_open(path)
        async with self.pacer.turn(), _session_for_one_request() if once else nullcontext(self._session) as session:
            self._make_sure_it_is_open(path)
            with self.tally.counting(path), _as_gateway_error(path):
                async with session.request(
                    method,
                    self.address.url + (where if where.startswith("/") else f"/api/{where}"),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=self._timeout,
                    ssl=self._certificate,
                    server_hostname=self.address.server_name,
                    trace_request_ctx=self,
                ) as response:
                    return await _read(response, path)

    def _make_sure_it_is_open(self, path: str) -> None:
        """Raise in place of aiohttp's RuntimeError. A session may also be closed while a request waits for its turn."""
        if self._session.closed:
            raise GatewayConnectionError("the connection was closed by ourselves", path=path)

    def open_library_session(self) -> ClientSession:
        """Open a session for a library that asks this gateway by itself; whoever opens it closes it.

        What the library asks goes the way of everything else: to the trusted certificate alone, in
        its turn, counted, and with our own errors for whatever is no 2xx.
        """
        return ClientSession(
            # A request's own `ssl=False` leaves the connector's fingerprint in force.
            connector=TCPConnector(limit=1, keepalive_timeout=KEEP_ALIVE, ssl=self._certificate),
            cookie_jar=DummyCookieJar(),
            middlewares=(self._pass_on,),
            response_class=LimitedResponse,
        )

    async def _pass_on(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Let a library's request through in its turn, and take its time like that of any other."""
        path = request.url.path
        request.server_hostname = self.address.server_name
        async with self.pacer.turn():
            with self.tally.counting(path), _as_gateway_error(path):
                async with asyncio.timeout(self._timeout.total):
                    response = await handler(request)
                    body = await response.read()
                if not 200 <= response.status < 300:
                    raise _error_for(response, body, path)
                if not body:
                    raise GatewayInvalidResponseError("the answer is empty", path=path, status=response.status)
                return response


async def find(session: ClientSession, address: Address, *, timeout: float = TIMEOUT) -> Transport:
    """Find out how a gateway speaks at this address: TLS first, then plain HTTP (before 1.20).

    With TLS the connection that comes back trusts the certificate found, and no other.
    The handshake that looks for it demands one that cannot be, so nothing is sent yet.

    Raises `GatewayConnectionError` when nobody answers either way.
    """
    looking = Transport(session, address.over("https"), fingerprint=_NO_CERTIFICATE, timeout=timeout)
    try:
        await looking.request("GET", "status")
    except GatewayCertificateError as found:
        return Transport(session, looking.address, fingerprint=found.fingerprint, timeout=timeout)
    except GatewayConnectionError:
        pass
    plain = Transport(session, address.over("http"), timeout=timeout)
    with suppress(GatewayResponseError):
        await plain.request("GET", "status")
    return plain


def _session_for_one_request() -> ClientSession:
    return ClientSession(
        connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar(), middlewares=(_SentOnce(),)
    )


class _SentOnce:
    """Lets one attempt pass: aiohttp repeats a GET by itself when the connection drops, even a fresh one."""

    def __init__(self) -> None:
        self._sent = False

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if self._sent:
            raise ClientConnectionError("the connection dropped")
        self._sent = True
        return await handler(request)


@contextmanager
def _as_gateway_error(path: str) -> Iterator[None]:
    """Turn whatever the network or aiohttp raises into our own errors."""
    try:
        yield
    except ServerFingerprintMismatch as err:
        raise GatewayCertificateError(
            "the gateway shows another certificate than the trusted one", fingerprint=err.got, path=path
        ) from err
    except TimeoutError as err:
        raise GatewayTimeoutError("the gateway did not answer in time", path=path) from err
    except ClientResponseError as err:
        raise GatewayInvalidResponseError("whoever answered does not speak HTTP as a gateway does", path=path) from err
    except (ClientError, OSError) as err:
        raise GatewayConnectionError(f"no connection to the gateway ({type(err).__name__})", path=path) from err


async def _read(response: ClientResponse, path: str) -> Answer:
    body = await read_body(response, path)
    if not 200 <= response.status < 300:
        raise _error_for(response, body, path)
    return Answer(
        status=response.status, body=body, cookies={name: morsel.value for name, morsel in response.cookies.items()}
    )


def _error_for(response: ClientResponse, body: bytes, path: str) -> GatewayResponseError:
    """Say by the HTTP status what the caller can do about it (reference: error envelope and status codes)."""
    status, reason = response.status, _reason(body)
    match status:
        case 401 | 403:
            return GatewayAuthenticationRequiredError(
                f"the gateway wants a login, or this login may not do that ({status})",
                path=path,
                status=status,
                reason=reason,
            )
        case 404:
            return GatewayNotFoundError("this firmware does not have it (404)", path=path, status=status, reason=reason)
        case 502:
            return GatewayStoppedError("the Powerwall is stopped (502)", path=path, status=status, reason=reason)
        case 429 | 503:
            return GatewayRateLimitError(
                f"the gateway asks to wait ({status})",
                path=path,
                status=status,
                reason=reason,
                retry_after=_WAIT_WHEN_LIMITED if (named := _retry_after(response)) is None else named,
                named=named is not None,
            )
        case 400 | 405 | 409 | 417 | 500:
            return GatewayRefusedError(
                f"the gateway will not do that ({reason or status})", path=path, status=status, reason=reason
            )
        case _:
            return GatewayResponseError(f"the gateway answered {status}", path=path, status=status, reason=reason)


def _reason(body: bytes) -> str:
    """Take the gateway's own words out of its envelope; `error` is the cause, `message` what failed."""
    try:
        envelope = orjson.loads(body)
    except ValueError:
        return ""
    if not isinstance(envelope, dict):
        return ""
    words = envelope.get("error") or envelope.get("message")
    return redact(words).strip()[:200] if isinstance(words, str) else ""


def _retry_after(response: ClientResponse) -> float | None:
    seconds = response.headers.get("Retry-After", "")
    return min(float(seconds), LONGEST_RETRY_AFTER) if seconds.isdecimal() else None
