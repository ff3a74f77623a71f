"""A gateway's own figures: its raw JSON, read with nothing of the integration in between."""

import json
import re
from time import monotonic
from typing import Any, Self

import aiohttp

# From this firmware on the gateway demands a login, and a login has no effect on the Powerwall. Below it a login stops
# the Powerwall, and nothing has to be logged in to for reading.
FIRST_FIRMWARE_TO_LOG_IN = (20, 49)
SECONDS_BETWEEN_LOGINS = 60
# A gateway drops a TLS connection that asks for a name it does not know, such as the one in a home network.
TLS_NAME = "powerwall"
LIVE_PATHS = ("meters/aggregates", "system_status/soe", "system_status/grid_status", "sitemaster")

type Reading = dict[str, Any]
"""The decoded JSON by path, without paths that failed (stopped, or not on this firmware)."""


class GatewayError(Exception):
    """The gateway cannot be read. The text has the action to take."""


class Gateway:
    """Reads a gateway; never writes to it."""

    def __init__(self, url: str, password: str | None) -> None:
        self._url = url
        self._password = password
        self._logged_in_at: float | None = None
        self._session = aiohttp.ClientSession(
            # The certificate is the gateway's own. The cookies belong to a bare IP address.
            connector=aiohttp.TCPConnector(ssl=False, limit=1),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def needs_password(self) -> bool:
        """Return whether the figures are shown after a login alone, and a login is without effect."""
        status, _ = await self._get("system_status/grid_status")
        return status in {401, 403} and await self._may_log_in()

    async def read(self) -> Reading:
        """Return the live figures."""
        reading: Reading = {}
        for path in LIVE_PATHS:
            status, payload = await self._get(path)
            if status in {401, 403}:
                await self._log_in()
                status, payload = await self._get(path)
            if status == 200:
                reading[path] = payload
        return reading

    async def _get(self, path: str) -> tuple[int, Any]:
        status, body = await self._ask("GET", path)
        try:
            return status, json.loads(body) if status == 200 else None
        except ValueError as error:
            raise GatewayError(f"The gateway at {self._url} returned no JSON for {path}.") from error

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        url = f"{self._url}/api/{path}"
        try:
            async with self._session.request(
                method, url, json=body, allow_redirects=False, server_hostname=TLS_NAME
            ) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GatewayError(
                f"The gateway at {self._url} did not respond to {path}: {error or 'time-out'}"
            ) from error

    async def _log_in(self) -> None:
        if not await self._may_log_in():
            raise GatewayError(
                "This firmware is older than 20.49, where a login stops the Powerwall, so this tool does not log in. "
                "It cannot read these figures."
            )
        if self._password is None:
            raise GatewayError("This gateway demands a login: give its password with --password.")
        if self._logged_in_at is not None and monotonic() - self._logged_in_at < SECONDS_BETWEEN_LOGINS:
            raise GatewayError("The gateway ended our session; the next login is a minute after the last one.")
        self._logged_in_at = monotonic()
        body = {"username": "customer", "email": "", "password": self._password, "force_sm_off": False}
        status, reason = await self._ask("POST", "login/Basic", body)
        if status != 200:
            raise GatewayError(f"The gateway refused the password ({status}: {reason}).")

    async def _may_log_in(self) -> bool:
        status, payload = await self._get("status")
        if status == 404:  # A Powerwall 3: it has no such path and always demands a login.
            return True
        version = re.match(r"(\d+)\.(\d+)", str(payload["version"])) if status == 200 else None
        return version is not None and (int(version[1]), int(version[2])) >= FIRST_FIRMWARE_TO_LOG_IN


async def find_url(host: str) -> str:
    """Return the address of a gateway: HTTPS where it speaks that, plain HTTP as on firmware before 1.20."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False), timeout=timeout) as session:
        for url in (f"https://{host}", f"http://{host}"):
            try:
                async with session.get(f"{url}/api/status", allow_redirects=False, server_hostname=TLS_NAME):
                    return url
            except aiohttp.ClientError, TimeoutError:
                continue
    raise GatewayError(
        f"No gateway responds at {host}. Check the address, and that this computer is on the same network."
    )
