"""A plain HTTP client without any code of the integration, like curl."""

from dataclasses import dataclass
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, CookieJar, TCPConnector
from multidict import CIMultiDictProxy

from simulator import Simulator


@dataclass(frozen=True)
class Seen:
    """An answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Browser:
    """Talks to a simulator over real sockets, with cookies and without certificate checks."""

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

    async def call(self, method: str, path: str, **options: Any) -> Seen:
        """Make a request below /api/; a path with a leading slash is taken as it is."""
        assert self._session is not None
        url = self._simulator.url + (path if path.startswith("/") else f"/api/{path}")
        options = {"headers": self._headers} | options
        async with self._session.request(method, url, allow_redirects=False, **options) as response:
            return Seen(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Seen:
        """GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> Seen:
        """POST, as JSON unless told otherwise."""
        return await self.call("POST", path, **({"json": json} | options if "data" not in options else options))

    async def login(self, username: str = "customer", **more: object) -> Seen:
        """Log in with the simulator's password; without a cookie the token goes along as a header."""
        form = {"username": username, "password": self._simulator.password} | more
        seen = await self.post("login/Basic", form)
        if seen.status == 200 and "Set-Cookie" not in seen.headers:
            self._headers = bearer(seen.json["token"])
        return seen


def bearer(token: str) -> dict[str, str]:
    """Give the header that presents a token."""
    return {"Authorization": f"Bearer {token}"}
