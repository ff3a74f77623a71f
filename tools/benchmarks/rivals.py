"""The clients that are measured: each gives the same facts, by its own way of asking and decoding."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
import json
from tempfile import TemporaryDirectory
from typing import Any, Protocol, Self

from aiohttp import ClientSession
import orjson
from pypowerwall import Powerwall as PyPowerwall
from tesla_powerwall.const import GridStatus as TheirGridStatus
from tesla_powerwall.powerwall import Powerwall as TeslaPowerwall
from tesla_powerwall.responses import MetersAggregatesResponse

from custom_components.powerwall_gateway.gateway import Address, Credentials, PowerwallGateway, find, open_session
from custom_components.powerwall_gateway.gateway.models import GridState, GridStatus, MetersAggregates, StateOfEnergy
from tools.dev_server.target import Target

type Bodies = Mapping[str, bytes]
"""What the gateway answered, by path."""

type Facts = tuple[float | None, float | None, float | None, float | None, float | None, bool]
"""Grid, battery, home and solar in W, charge in raw %, and whether the grid is connected."""

METERS, CHARGE, GRID = "meters/aggregates", "system_status/soe", "system_status/grid_status"


class Client(Protocol):
    """A client that is logged in."""

    async def refresh(self) -> Facts:
        """Ask the gateway for all facts."""

    async def close(self) -> None:
        """Let go of the connection."""


@dataclass(frozen=True)
class Rival:
    """One way to read a gateway."""

    name: str
    decodes_by: str
    connect: Callable[[Target], Any]
    decode: Callable[[Bodies], Facts]
    """From bytes to the facts, as this client does it."""


class Ours:
    """The client of this project."""

    def __init__(self, session: ClientSession, gateway: PowerwallGateway) -> None:
        self._session = session
        self._gateway = gateway

    @classmethod
    async def connect(cls, to: Target) -> Self:
        """Log in."""
        session = open_session()
        connection = await find(session, Address.parse(to.host))
        return cls(session, PowerwallGateway(connection, Credentials(password=to.password or "")))

    async def refresh(self) -> Facts:
        """Ask for all facts."""
        return _our_facts(
            await self._gateway.meters_aggregates(), await self._gateway.soe(), await self._gateway.grid_status()
        )

    async def close(self) -> None:
        """Let go of the connection."""
        await self._session.close()


def _our_facts(meters: MetersAggregates, charge: StateOfEnergy, grid: GridStatus) -> Facts:
    return (
        meters.site.instant_power if meters.site else None,
        meters.battery.instant_power if meters.battery else None,
        meters.load.instant_power if meters.load else None,
        meters.solar.instant_power if meters.solar else None,
        charge.percentage,
        grid.grid_status is GridState.CONNECTED,
    )


def _our_decode(bodies: Bodies) -> Facts:
    return _our_facts(
        MetersAggregates.from_dict(orjson.loads(bodies[METERS])),
        StateOfEnergy.from_dict(orjson.loads(bodies[CHARGE])),
        GridStatus.from_dict(orjson.loads(bodies[GRID])),
    )


class Theirs:
    """tesla-powerwall, the library of Home Assistant's own integration."""

    def __init__(self, powerwall: TeslaPowerwall) -> None:
        self._powerwall = powerwall

    @classmethod
    async def connect(cls, to: Target) -> Self:
        """Log in."""
        powerwall = TeslaPowerwall(to.url)
        await powerwall.login(to.password or "")
        return cls(powerwall)

    async def refresh(self) -> Facts:
        """Ask for all facts."""
        meters = await self._powerwall.get_meters()
        charge = await self._powerwall.get_charge()
        return _their_facts(meters, charge, await self._powerwall.get_grid_status())

    async def close(self) -> None:
        """Let go of the connection."""
        await self._powerwall.close()


def _their_facts(meters: MetersAggregatesResponse, charge: float, grid: TheirGridStatus) -> Facts:
    return (
        meters.site.instant_power,
        meters.battery.instant_power,
        meters.load.instant_power,
        meters.solar.instant_power,
        charge,
        grid is TheirGridStatus.CONNECTED,
    )


def _their_decode(loads: Callable[[str], Any]) -> Callable[[Bodies], Facts]:
    def decode(bodies: Bodies) -> Facts:
        return _their_facts(
            MetersAggregatesResponse.from_dict(loads(bodies[METERS].decode())),
            loads(bodies[CHARGE].decode())["percentage"],
            TheirGridStatus(loads(bodies[GRID].decode())["grid_status"]),
        )

    return decode


class Blocking:
    """pypowerwall, which blocks; its cache of five seconds is switched off."""

    def __init__(self, powerwall: PyPowerwall, folder: TemporaryDirectory[str]) -> None:
        self._powerwall = powerwall
        self._folder = folder

    @classmethod
    async def connect(cls, to: Target) -> Self:
        """Log in."""
        folder = TemporaryDirectory()

        def log_in() -> PyPowerwall:
            return PyPowerwall(
                to.host,
                to.password or "",
                timezone="America/Los_Angeles",
                pwcacheexpire=0,
                cachefile=f"{folder.name}/session",
            )

        return cls(await asyncio.to_thread(log_in), folder)

    async def refresh(self) -> Facts:
        """Ask for all facts."""
        return self._refresh()

    def _refresh(self) -> Facts:
        power = self._powerwall.power()
        return (
            power["site"],
            power["battery"],
            power["load"],
            power["solar"],
            self._powerwall.level(),
            self._powerwall.grid_status() == "UP",
        )

    async def close(self) -> None:
        """Let go of the connection."""
        self._folder.cleanup()


def _blocking_decode(bodies: Bodies) -> Facts:
    meters = json.loads(bodies[METERS].decode())
    return (
        meters["site"]["instant_power"],
        meters["battery"]["instant_power"],
        meters["load"]["instant_power"],
        meters["solar"]["instant_power"],
        json.loads(bodies[CHARGE].decode())["percentage"],
        json.loads(bodies[GRID].decode())["grid_status"] == "SystemGridConnected",
    )


RIVALS = (
    Rival("this client", "orjson, models", Ours.connect, _our_decode),
    Rival(
        f"tesla-powerwall {version('tesla-powerwall')}", "orjson, classes", Theirs.connect, _their_decode(orjson.loads)
    ),
    Rival("  the same", "json, classes", Theirs.connect, _their_decode(json.loads)),
    Rival(f"pypowerwall {version('pypowerwall')}", "json, keys", Blocking.connect, _blocking_decode),
)
