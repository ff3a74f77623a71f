"""The gateway to connect to: a simulated one, or your own."""

import asyncio
from dataclasses import dataclass
from getpass import getpass

from tools.dev_server.gateway import Gateway, find_url
from tools.dev_server.history import History


@dataclass(frozen=True, slots=True)
class Target:
    """Address and credentials of a gateway."""

    host: str
    serial: str
    url: str
    password: str | None
    history: History | None = None
    """Statistics of a simulated home."""


def own_gateway(host: str, serial: str, password: str | None) -> Target:
    """Find your own gateway, and prompt for its password where it requires one."""
    url, needs_password = asyncio.run(_look(host))
    if needs_password and password is None:
        password = getpass("Password of the gateway's customer login: ")
    return Target(host, serial, url, password)


async def _look(host: str) -> tuple[str, bool]:
    url = await find_url(host)
    async with Gateway(url, password=None) as gateway:
        return url, await gateway.needs_password()
