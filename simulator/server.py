"""Respond to HTTP requests with the gateway's responses, and inject faults."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
import logging
import time

from aiohttp import web

from simulator.faults import Fault, Faults
from simulator.gateway import Gateway, Profile
from simulator.gateway.call import NOT_FOUND, SITEMASTER_DOWN, WRONG_METHOD, Call, Response, refusal
from simulator.gateway.routes import Routes
from simulator.listener import UNTYPED, close_connection, send_raw
from simulator.timing import Timing
from simulator.wire import Json

LOGGER = logging.getLogger(__name__)
API = "/api/"


@dataclass(frozen=True)
class Request:
    """A request as it arrived, before any fault."""

    method: str
    path: str
    """Below /api/, or with its leading slash if it is elsewhere."""
    at: float
    """`time.monotonic()`"""
    connection: int
    """The same for all requests of one connection."""
    authenticated: bool
    """True if it had a valid token."""
    body: bytes


def _no_observer(_step: str, _call: Call) -> None:
    """Ignore every request."""


class GatewayServer:
    """The gateway's HTTP."""

    def __init__(self, profile: Profile, gateway: Gateway, timing: Timing) -> None:
        self.faults = Faults()
        self.overrides: dict[str, Json | bytes | Callable[[], Json]] = {}
        self.requests: list[Request] = []
        self.logins = 0
        self.busy_seconds = 0.0
        """Total time of all responses, also of those whose client disconnected."""

        self.observer: Callable[[str, Call], None] = _no_observer
        """Called for every request when it has arrived ("sent"), and when the gateway has acted on it ("acted")."""

        self.observer_loop: asyncio.AbstractEventLoop | None = None
        """The loop that started the simulator: the observer is called there."""

        self._gateway = gateway
        self._timing = timing
        self.serve(profile)

    def serve(self, profile: Profile) -> None:
        """Serve this firmware from now on."""
        plus = profile.powerwall_plus if self._gateway.home.powerwall_plus else {}
        self.profile = profile
        self._routes = Routes({**profile.endpoints, **plus})

    async def handle(self, request: web.Request, connection: int) -> web.Response:
        """Respond to a request."""
        began = time.monotonic()
        try:
            return await self._handle(request, connection)
        finally:
            self.busy_seconds += time.monotonic() - began

    async def _handle(self, request: web.Request, connection: int) -> web.Response:
        call = self._call(request, await request.read())
        self._record(call, connection)
        await self._call_observer("sent", call)
        fault = self.faults.take(call.method, call.path)
        await asyncio.sleep(self._timing.latency)
        if fault and fault.raw:
            LOGGER.info("%s %s -> raw bytes", call.method, request.path_qs)
            return await send_raw(request, fault.raw, fault.again, fault.pause)
        response = await self._faulty_response(call, fault)
        await self._call_observer("acted", call)
        if response is None:
            LOGGER.info("%s %s -> connection cut", call.method, request.path_qs)
            return close_connection(request)
        LOGGER.info("%s %s -> %s", call.method, request.path_qs, response.status)
        return self._as_http(response)

    async def _call_observer(self, step: str, call: Call) -> None:
        """Call the observer on its own loop, and continue when it has returned."""

        async def tell() -> None:
            self.observer(step, call)

        if self.observer is not _no_observer and self.observer_loop is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(tell(), self.observer_loop))

    def _call(self, request: web.Request, body: bytes) -> Call:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        ways = {"cookie": request.cookies.get("AuthCookie"), "bearer": bearer}
        presented = [token for way, token in ways.items() if token and way in self._gateway.desk.rules.presented]
        tokens = self._gateway.desk.tokens
        live = next((token for token in presented if token in tokens), None)
        return Call(
            method=request.method,
            path=request.path.removeprefix(API),
            target=request.rel_url.raw_path.removeprefix(API),
            body=body,
            token=live or next(iter(presented), None),
            role=tokens[live] if live else None,
        )

    def _record(self, call: Call, connection: int) -> None:
        if call.path == "login/Basic" and call.method == "POST":
            self.logins += 1
        known = call.role is not None
        self.requests.append(Request(call.method, call.path, time.monotonic(), connection, known, call.body))

    async def _faulty_response(self, call: Call, fault: Fault | None) -> Response | None:
        """Return the response, with the fault if there is one; None closes the connection."""
        if fault is None:
            return self._gateway_response(call)
        response = self._gateway_response(call) if fault.after else None
        await asyncio.sleep(fault.delay)
        if fault.drop:
            return None
        return fault.response or response or self._gateway_response(call)

    def _gateway_response(self, call: Call) -> Response:
        response = self._endpoint_response(call)
        replaceable = call.method == "GET" and (response.status == 200 or response is NOT_FOUND)
        if replaceable and call.path in self.overrides:
            payload = self.overrides[call.path]
            return Response(payload=payload() if callable(payload) else payload)
        return response

    def _endpoint_response(self, call: Call) -> Response:
        route = self._routes.find(call.target)
        if route is None:
            return NOT_FOUND
        endpoint = route.verbs.get(call.method)
        if endpoint is None:
            return WRONG_METHOD
        if not endpoint.admits(call.role):
            unknown = call.token is not None and call.role is None
            return refusal(call.method, self.profile.login.unknown_token if unknown else 403)
        if endpoint.live and not self._gateway.running:
            return SITEMASTER_DOWN
        return endpoint.response(self._gateway, replace(call, arguments=route.arguments))

    def _as_http(self, response: Response) -> web.Response:
        body, headers = response.body, {**self.profile.headers, **response.headers}
        http = web.Response(status=response.status, body=body, headers=headers)
        if response.content_type is None or not body:
            http[UNTYPED] = True
        else:
            http.headers["Content-Type"] = response.content_type
            if response.is_error:
                http.headers.update(self.profile.error_headers)
        for cookie in response.cookies:
            http.headers.add("Set-Cookie", cookie)
        return http
