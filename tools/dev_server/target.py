"""The gateway that Home Assistant is to be connected to: a simulated one, or a person's own."""

import asyncio
from dataclasses import dataclass
from getpass import getpass

from tools.dev_server.gateway import Gateway, find_url
from tools.dev_server.past import Past


@dataclass(frozen=True, slots=True)
class Target:
    """Where a gateway is, and what a person types to reach it."""

    host: str
    serial: str
    url: str
    password: str | None
    past: Past | None = None
    """What a simulated home has lived through already."""


def own_gateway(host: str, serial: str, password: str | None) -> Target:
    """Find a person's own gateway, and ask for its password where it wants one."""
    url, needs_password = asyncio.run(_look(host))
    if needs_password and password is None:
        password = getpass("Password of the gateway's customer login: ")
    return Target(host, serial, url, password)


async def _look(host: str) -> tuple[str, bool]:
    url = await find_url(host)
    async with Gateway(url, password=None) as gateway:
        return url, await gateway.needs_password()
