"""One kept-alive connection to one gateway: address, TLS and its certificate, time limits, HTTP status to error.

Requests go in sequence, paced (see `scheduler`). Nothing is redirected, no cookie jar is kept,
and an answer is read up to a limit.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address
import re
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
from .redact import redact
from .scheduler import RequestScheduler
from .stats import RequestStats

type Scheme = Literal["http", "https"]

STANDARD_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
# The gateway ends a TLS handshake that names a server it does not know; these it knows
# (reference: go-powerwall, firmware 1.20 and later). An IP address names none, which it takes too.
_SERVER_NAMES = frozenset({"teg", "powerwall", "powerpack"})

TIMEOUT = 10.0
"""Seconds for one request, from the first byte sent to the last one read."""

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept; a new TLS handshake costs the gateway more than a request."""

_WAIT_WHEN_LIMITED = 60.0
"""Seconds to wait after a 429 or 503 that names no time of its own."""

NO_CERTIFICATE: Final = b"\0" * 32
"""A fingerprint that no certificate has: nothing is sent before `Transport.connect`."""

MAX_BYTES: Final = 4_000_000
"""Of one answer; the largest that was seen has 595 kB (`installer/companies`)."""

_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True)
class Address:
    """Host (name or IP address), an explicit port or None for the scheme's own, and the scheme."""

    host: str
    port: int | None = None
    scheme: Scheme = "https"

    @classmethod
    def parse(cls, text: str, scheme: Scheme = "https") -> Self:
        """Read `host`, `host:port` or `[ipv6]:port` as a person types it; a pasted URL is forgiven.

        Raises ValueError for what cannot be a host.
        """
        text = text.strip()
        if match := re.match(r"^(https?)://", text, re.IGNORECASE):
            text = text[match.end() :]
        text = text.split("/", 1)[0]
        if match := re.fullmatch(r"\[(?P<host>[^\]]+)\](?::(?P<port>\d{1,5}))?", text):
            host, port = str(ip_address(match["host"])), match["port"]
        elif text.count(":") > 1:
            host, port = str(ip_address(text)), None
        else:
            host, _, port = text.partition(":")
            if not _HOST_NAME.fullmatch(host):
                raise ValueError(f"{host!r} is no host name or IP address")
        if port is not None and port != "" and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is no port")
        return cls(host=host.lower(), port=int(port) if port else None, scheme=scheme)

    def over(self, scheme: Scheme) -> Self:
        """Give the same place by another scheme."""
        return replace(self, scheme=scheme)

    @cached_property
    def url(self) -> str:
        """The base URL, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in {None, STANDARD_PORTS[self.scheme]} else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @cached_property
    def server_name(self) -> str | None:
        """The name to ask for in the TLS handshake, None to leave it to the host."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.host if self.host in _SERVER_NAMES else "powerwall"
        return None

    @override
    def __str__(self) -> str:
        """Give what the person typed: the host, and the port where there was one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


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
    """Note at the `Transport` that requested it that it was opened again."""
    if isinstance(asked_by := context.trace_request_ctx, Transport):
        asked_by.opened += 1


_TRACE = TraceConfig()
_TRACE.on_connection_create_end.append(_count)
_TRACE.freeze()


class LimitedResponse(ClientResponse):
    """An answer that a library reads by itself, and would read and unpack to its end, however far that is."""

    @override
    async def read(self) -> bytes:
        if self._body is None:
            try:
                self._body = unpacked(await read_body(self, self.url.path), self.url.path)
            except BaseException:
                self.close()
                raise
        return await super().read()


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
        self.scheduler = RequestScheduler()
        self.opened = 0
        """How often it was opened anew: whoever answers now may be another than before."""

        self._session = session
        if _TRACE not in session.trace_configs:  # a session of somebody else's, for instance Home Assistant's own
            session.trace_configs.append(_TRACE)
        # One object for the connection's life: aiohttp shares a kept-alive connection only
        # among requests that ask for the very same check.
        self._certificate = Fingerprint(fingerprint) if fingerprint else False
        self._timeout = ClientTimeout(total=timeout)

    async def connect(self) -> None:
        """Detect the scheme and the certificate as `find` does, and trust this certificate from now on."""
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
        async with self.scheduler.turn(), _session_for_one_request() if once else nullcontext(self._session) as session:
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
        async with self.scheduler.turn():
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

    Raises `GatewayConnectionError` when the gateway answers in neither way.
    """
    looking = Transport(session, address.over("https"), fingerprint=NO_CERTIFICATE, timeout=timeout)
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
        raise GatewayInvalidResponseError(
            "the device that answered does not speak HTTP as a gateway does", path=path
        ) from err
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


async def read_body(response: ClientResponse, path: str) -> bytes:
    """Read an answer. Raises `GatewayInvalidResponseError` as soon as it is too long."""
    body = b""
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_BYTES:
            raise GatewayInvalidResponseError(
                "the answer is too long to be one of a gateway", path=path, status=response.status
            )
    return body


def unpacked(body: bytes, path: str) -> bytes:
    """Give what was compressed without a word of it, as firmware from 25.42.2 on answers outside of `/api/`.

    Raises `GatewayInvalidResponseError` where it is damaged, too much, or packed twice: a few kilobytes
    can be made of gigabytes.
    """
    if not body.startswith(_GZIP):
        return body
    opener = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        content = opener.decompress(body, MAX_BYTES)
    except zlib.error as err:
        raise GatewayInvalidResponseError("the answer is damaged", path=path) from err
    if not opener.eof or content.startswith(_GZIP):
        raise GatewayInvalidResponseError("the answer is torn, or too long to be one of a gateway", path=path)
    return content
