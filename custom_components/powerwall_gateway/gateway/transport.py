"""HTTP to one gateway: address, pinned certificate, limits of time and size, status to exception.

Requests go in sequence over one kept-alive connection (see `scheduler`). Redirects are not followed,
and there is no cookie jar.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
import re
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final, Literal, Self, override
from urllib.parse import quote
import zlib

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

from .backoff import LONGEST_RETRY_AFTER
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
from .scheduler import RequestScheduler
from .text_redaction import redact

type Scheme = Literal["http", "https"]

STANDARD_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
# The gateway ends a TLS handshake that names any other server (go-powerwall, firmware 1.20 and later).
# A handshake with an IP address names none, which it accepts.
_SERVER_NAMES = frozenset({"teg", "powerwall", "powerpack"})

TIMEOUT = 10.0
"""Seconds for one request, from the first byte sent to the last one read."""

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; a new TLS handshake costs the gateway more than a request."""

_WAIT_WHEN_LIMITED = 60.0
"""Seconds to wait after a 429 or 503 without Retry-After."""

NO_CERTIFICATE: Final = b"\0" * 32
"""A fingerprint that no certificate has: nothing is sent before `Transport.connect`."""

MAX_BYTES: Final = 4_000_000
"""Limit of one response; the largest that was seen has 595 kB (`installer/companies`)."""

_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS


_ZONE: Final = re.compile(r"[\w.~-]+", re.ASCII)
"""Name of an interface after the `%` of an IPv6 address."""


def _parse_ip(text: str) -> str:
    """Return an IP address in its usual form. Raises ValueError for any other text, and a zone that no URL can have."""
    _, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError(f"{zone!r} is no interface")
    return str(ip_address(text))


@dataclass(frozen=True, kw_only=True)
class Address:
    """Host (name or IP address), an explicit port or None for the scheme's own, and the scheme."""

    host: str
    port: int | None = None
    scheme: Scheme = "https"

    @classmethod
    def parse(cls, text: str, scheme: Scheme = "https") -> Self:
        """Parse `host`, `host:port`, `[ipv6]:port` or a URL. Raises ValueError if it cannot be a host."""
        text = text.strip()
        if match := re.match(r"^(https?)://", text, re.IGNORECASE):
            text = text[match.end() :]
        text = text.split("/", 1)[0]
        if match := re.fullmatch(r"\[(?P<host>[^\]]+)\](?::(?P<port>\d{1,5}))?", text):
            host, port = _parse_ip(match["host"]), match["port"]
        elif text.count(":") > 1:
            host, port = _parse_ip(text), None
        else:
            host, _, port = text.partition(":")
            if not _HOST_NAME.fullmatch(host):
                raise ValueError(f"{host!r} is no host name or IP address")
        if port is not None and port != "" and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is no port")
        return cls(host=host.lower(), port=int(port) if port else None, scheme=scheme)

    def over(self, scheme: Scheme) -> Self:
        """Return the same address with another scheme."""
        return replace(self, scheme=scheme)

    @cached_property
    def url(self) -> str:
        """Return the base URL, without a path."""
        has_standard_port = self.port == STANDARD_PORTS[self.scheme]
        return f"{self.scheme}://{replace(self, port=None) if has_standard_port else self}"

    @cached_property
    def server_name(self) -> str | None:
        """Return the server name for the TLS handshake, None for an IP address."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.host if self.host in _SERVER_NAMES else "powerwall"
        return None

    @override
    def __str__(self) -> str:
        """Return host and port as they were entered."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response with a 2xx."""

    status: int
    body: bytes
    cookies: Mapping[str, str]


class PathWithArguments(str):
    """A path such as `meters/{serial}/verify`. Errors, logs and stats show it like that: a serial is personal.

    `on_the_wire` is the path with its arguments.
    """

    __slots__ = ("on_the_wire",)

    on_the_wire: str

    def __new__(cls, path: str, **arguments: str) -> Self:
        """Fill in the arguments. Raises ValueError for an empty one and for dots: they lead to another endpoint."""
        if wrong := [name for name, value in arguments.items() if value in {"", ".", ".."}]:
            raise ValueError(f"this {wrong[0]} is not valid in a path: nothing was sent")
        made = super().__new__(cls, path)
        made.on_the_wire = path.format_map({name: quote(value, safe="") for name, value in arguments.items()})
        return made


def open_session() -> ClientSession:
    """Open an HTTP session for a `Transport`. The caller closes it."""
    return ClientSession(connector=TCPConnector(limit=2, keepalive_timeout=KEEP_ALIVE), cookie_jar=DummyCookieJar())


async def _count_connection(_: ClientSession, context: SimpleNamespace, __: TraceConnectionCreateEndParams) -> None:
    """Count a new connection at the `Transport` whose request opened it."""
    if isinstance(context.trace_request_ctx, Transport):
        context.trace_request_ctx.opened += 1


_TRACE = TraceConfig()
_TRACE.on_connection_create_end.append(_count_connection)
_TRACE.freeze()


class LimitedResponse(ClientResponse):
    """A response that is read and decompressed up to the limit, also by a library that sets none."""

    @override
    async def read(self) -> bytes:
        if self._body is None:
            try:
                self._body = unpacked(await read_body(self, self.url.path), self.url.path)
            except BaseException:
                self.close()
                raise
        return await super().read()


@dataclass(slots=True)
class PathStats:
    """Requests of one path since the connection was made."""

    requests: int = 0

    failures: int = 0
    """Requests without a 2xx, also for a path that this firmware or this login does not have."""

    waits: int = 0
    """Failures by rate limiting (429, 503)."""

    seconds: float = 0.0
    """Time from sending to the last byte, of all requests together."""

    slowest: float = 0.0
    """Seconds of the slowest request."""

    last_error: str = ""
    """As text: the exception itself would keep what was sent, tokens included."""

    last_error_at: float = 0.0
    """Monotonic, in seconds."""


class Transport:
    """The connection to one gateway.

    `fingerprint` is the SHA-256 of the trusted certificate. Any other one ends the handshake before anything is
    sent. None accepts every certificate, for detection only.
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
        self.stats: dict[str, PathStats] = {}
        """Requests by path, without a query."""

        self.scheduler = RequestScheduler()
        self.opened = 0
        """Number of connections so far. After a new one, another gateway may respond."""

        self._session = session
        if _TRACE not in session.trace_configs:
            session.trace_configs.append(_TRACE)
        # Keep one object: aiohttp reuses a kept-alive connection only for requests with the same one.
        self._certificate = Fingerprint(fingerprint) if fingerprint else False
        self._timeout = ClientTimeout(total=timeout)

    @contextmanager
    def _counting(self, path: str) -> Iterator[None]:
        """Count one request in `stats`."""
        stats = self.stats.setdefault(path.partition("?")[0], PathStats())
        stats.requests += 1
        sent_at = monotonic()
        try:
            yield
        except GatewayError as err:
            stats.failures += 1
            stats.waits += isinstance(err, GatewayRateLimitError)
            stats.last_error, stats.last_error_at = str(err), monotonic()
            raise
        finally:
            seconds = monotonic() - sent_at
            stats.seconds += seconds
            stats.slowest = max(stats.slowest, seconds)

    async def connect(self) -> None:
        """Detect the scheme and the certificate as `find` does, and trust only this certificate from now on."""
        found = await find(self._session, self.address, timeout=self._timeout.total or TIMEOUT)
        self.address, self.fingerprint, self.opened = found.address, found.fingerprint, found.opened
        self._certificate = Fingerprint(found.fingerprint) if found.fingerprint else False

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Response:
        """Send a request and return the response if it is a 2xx. Raises a child of `GatewayError` for all others.

        `path` is below `/api/` unless it begins with a slash. `once` is for a call with an effect. It is sent over a
        connection of its own, because a dropped kept-alive one may lose it, and never sent again.
        """
        where = path.on_the_wire if isinstance(path, PathWithArguments) else path
        body = None if json is None else orjson.dumps(json)
        headers = dict(headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        async with self.scheduler.turn(), _single_use_session() if once else nullcontext(self._session) as session:
            # It may have been closed during the wait for the turn. aiohttp would raise RuntimeError.
            if self._session.closed:
                raise GatewayConnectionError("the connection was closed by ourselves", path=path)
            with self._counting(path), _as_gateway_error(path):
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
                    body = await read_body(response, path)
                    _raise_for_status(response, body, path)
                    cookies = {name: morsel.value for name, morsel in response.cookies.items()}
                    return Response(status=response.status, body=body, cookies=cookies)

    def open_library_session(self) -> ClientSession:
        """Open a session for a library. Its requests are scheduled, counted, pinned and limited like all others.

        They raise the exceptions of this package. The caller closes the session.
        """
        return ClientSession(
            # A request's own `ssl=False` leaves the connector's fingerprint in force.
            connector=TCPConnector(limit=1, keepalive_timeout=KEEP_ALIVE, ssl=self._certificate),
            cookie_jar=DummyCookieJar(),
            middlewares=(self._send_for_library,),
            response_class=LimitedResponse,
        )

    async def _send_for_library(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        path = request.url.path
        request.server_hostname = self.address.server_name
        async with self.scheduler.turn():
            with self._counting(path), _as_gateway_error(path):
                async with asyncio.timeout(self._timeout.total):
                    response = await handler(request)
                    body = await response.read()
                _raise_for_status(response, body, path)
                if not body:
                    raise GatewayInvalidResponseError("the response is empty", path=path, status=response.status)
                return response


async def find(session: ClientSession, address: Address, *, timeout: float = TIMEOUT) -> Transport:
    """Detect TLS, or else plain HTTP (before 1.20), and return a transport for it.

    With TLS it trusts the certificate that was found, and no other. It is read in a handshake that
    cannot succeed, so nothing is sent yet.

    Raises `GatewayConnectionError` when the gateway responds in neither way.
    """
    encrypted = Transport(session, address.over("https"), fingerprint=NO_CERTIFICATE, timeout=timeout)
    try:
        await encrypted.request("GET", "status")
    except GatewayCertificateError as found:
        return Transport(session, encrypted.address, fingerprint=found.fingerprint, timeout=timeout)
    except GatewayConnectionError:
        pass
    plain = Transport(session, address.over("http"), timeout=timeout)
    with suppress(GatewayResponseError):
        await plain.request("GET", "status")
    return plain


def _single_use_session() -> ClientSession:
    """Open a session that sends one request, once: aiohttp repeats a GET when even a new connection drops."""
    sent = False

    async def send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        nonlocal sent
        if sent:
            raise ClientConnectionError("the connection dropped")
        sent = True
        return await handler(request)

    return ClientSession(
        connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar(), middlewares=(send_once,)
    )


@contextmanager
def _as_gateway_error(path: str) -> Iterator[None]:
    """Convert exceptions of the network and of aiohttp."""
    try:
        yield
    except ServerFingerprintMismatch as err:
        raise GatewayCertificateError(
            "the gateway shows another certificate than the trusted one", fingerprint=err.got, path=path
        ) from err
    except TimeoutError as err:
        raise GatewayTimeoutError("the gateway did not respond in time", path=path) from err
    except ClientResponseError as err:
        raise GatewayInvalidResponseError(
            "the device that responded does not speak HTTP as a gateway does", path=path
        ) from err
    except (ClientError, OSError) as err:
        raise GatewayConnectionError(f"no connection to the gateway ({type(err).__name__})", path=path) from err


def _raise_for_status(response: ClientResponse, body: bytes, path: str) -> None:
    """Raise the exception of an HTTP status that is no 2xx (reference: error envelope and status codes)."""
    if 200 <= response.status < 300:
        return
    status, reason = response.status, _reason(body)
    error, message = GatewayResponseError, f"the gateway returned {status}"
    match status:
        case 401 | 403:
            error = GatewayAuthenticationRequiredError
            message = f"a login is required, or this login lacks the permission ({status})"
        case 404:
            error, message = GatewayNotFoundError, "this firmware does not have it (404)"
        case 502:
            error, message = GatewayStoppedError, "the Powerwall is stopped (502)"
        case 400 | 405 | 409 | 417 | 500:
            error, message = GatewayRefusedError, f"the gateway refused the request ({reason or status})"
        case 429 | 503:
            seconds = response.headers.get("Retry-After", "")
            named = seconds.isdecimal()
            raise GatewayRateLimitError(
                f"too many requests, or the gateway is busy ({status})",
                path=path,
                status=status,
                reason=reason,
                retry_after=min(float(seconds), LONGEST_RETRY_AFTER) if named else _WAIT_WHEN_LIMITED,
                named=named,
            )
    raise error(message, path=path, status=status, reason=reason)


def _reason(body: bytes) -> str:
    """Return the gateway's own text from its envelope: `error` is the cause, `message` what failed."""
    try:
        envelope = orjson.loads(body)
    except ValueError:
        return ""
    words = envelope.get("error") or envelope.get("message") if isinstance(envelope, dict) else None
    return redact(words).strip()[:200] if isinstance(words, str) else ""


async def read_body(response: ClientResponse, path: str) -> bytes:
    """Return the body. Raises `GatewayInvalidResponseError` as soon as it is too long."""
    body = b""
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_BYTES:
            raise GatewayInvalidResponseError(
                "the response is too long to be one of a gateway", path=path, status=response.status
            )
    return body


def unpacked(body: bytes, path: str) -> bytes:
    """Decompress a gzip body without a Content-Encoding header (firmware 25.42.2 and later, outside `/api/`).

    Raises `GatewayInvalidResponseError` where it is damaged, too long, or compressed twice: a few
    kilobytes can become gigabytes.
    """
    if not body.startswith(_GZIP):
        return body
    opener = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        content = opener.decompress(body, MAX_BYTES)
    except zlib.error as err:
        raise GatewayInvalidResponseError("the response is damaged", path=path) from err
    if not opener.eof or content.startswith(_GZIP):
        raise GatewayInvalidResponseError("the response is truncated, or too long to be one of a gateway", path=path)
    return content
