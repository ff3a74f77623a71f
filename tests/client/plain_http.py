"""A plain HTTP client without any code of the integration, like curl."""

from dataclasses import dataclass
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, CookieJar, TCPConnector
from multidict import CIMultiDictProxy

from simulator import Simulator


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded JSON of the body."""
        return json.loads(self.body)


class Browser:
    """Send requests to a simulator over real sockets, with cookies and without certificate checks."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._session: ClientSession | None = None
        self._headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            connector=TCPConnector(ssl=False), cookie_jar=CookieJar(unsafe=True, quote_cookie=False)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, **options: Any) -> Response:
        """Send a request below /api/. A path with a leading slash is complete."""
        assert self._session is not None
        url = self._simulator.url + (path if path.startswith("/") else f"/api/{path}")
        options = {"headers": self._headers} | options
        async with self._session.request(method, url, allow_redirects=False, **options) as response:
            return Response(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Response:
        """Send a GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> Response:
        """Send a POST, with JSON unless `data` is given."""
        return await self.call("POST", path, **({"json": json} | options if "data" not in options else options))

    async def login(self, username: str = "customer", **more: object) -> Response:
        """Log in with the simulator's password. Without a cookie, later requests send the token as a header."""
        form = {"username": username, "password": self._simulator.password} | more
        seen = await self.post("login/Basic", form)
        if seen.status == 200 and "Set-Cookie" not in seen.headers:
            self._headers = bearer(seen.json["token"])
        return seen


def bearer(token: str) -> dict[str, str]:
    """Return the header with a token."""
    return {"Authorization": f"Bearer {token}"}
