"""The sides of a comparison: each integration in a Home Assistant of its own, beside a gateway of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path
from time import monotonic
from typing import Any, Self

import aiohttp

from custom_components.powerwall_gateway.migration import CORE
from homeassistant.util import dt as dt_util
from simulator.home import SUMMER_NOON
from tools.benchmarks.facts import Shown
from tools.child_process import ProcessError, free_port
from tools.dev_server import integration
from tools.dev_server.gateway import GatewayError
from tools.dev_server.integration import FlowError
from tools.dev_server.simulator import simulated_gateway
from tools.dev_server.target import Target
from tools.hass_process import Api, ApiError, HomeAssistant, Probe, SignInError, WebSocketError
from tools.hass_process.log import log_of

type Json = dict[str, Any]

FIRMWARE = "21.44"
"""Of a Powerwall 2 that core can log in to."""

HOME_TIME = timedelta(hours=9)
"""By then the sun shines and charges the battery: all powers move, and none is zero, which would hide a wrong sign."""

ERRORS = (ApiError, FlowError, GatewayError, ProcessError, SignInError, WebSocketError)
"""What goes wrong with a process or a set-up, with a text for the person who called."""

SPENDING = Probe(Path(__file__).resolve().parent / "probe", "bench_probe", watches=True)
DAY = 86_400.0
PAUSE = 1.0


class BackDoor:
    """The simulator's own way in: it takes no time and counts as no request."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/simulator"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Keep one connection for good, so that it is in no difference of two counts."""
        connector = aiohttp.TCPConnector(ssl=False, limit=1, keepalive_timeout=DAY)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(url, session)

    async def look(self) -> Json:
        """Give all there is to know."""
        return await self._ask("GET")

    async def order(self, **orders: Any) -> Json:
        """Push the gateway around, and give what it became."""
        return await self._ask("POST", orders)

    async def _ask(self, method: str, orders: Json | None = None) -> Json:
        async with self._session.request(method, self._url, json=orders) as response:
            response.raise_for_status()
            truth: Json = await response.json()
        return truth


@dataclass(frozen=True, slots=True)
class Gateway:
    """A simulated gateway."""

    target: Target
    back_door: BackDoor


@asynccontextmanager
async def gateway(folder: Path, latency: float) -> AsyncIterator[Gateway]:
    """Start a gateway in a process of its own, which takes so many seconds for every answer."""
    async with (
        simulated_gateway(FIRMWARE, 1, folder, lambda _: None, morning()) as target,
        BackDoor.open(target.url) as back_door,
    ):
        await back_door.order(latency=latency)
        yield Gateway(target, back_door)


async def set_clocks(gateways: list[Gateway]) -> None:
    """Make the homes the same to the second: the same sun, clouds and people."""
    time = SUMMER_NOON.replace(hour=0, minute=0) + HOME_TIME
    for each in gateways:
        await each.back_door.order(time=time.isoformat())


def morning() -> timezone:
    """Give the zone where it is late morning now."""
    now = dt_util.utcnow()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return timezone(HOME_TIME - (now - midnight))


class Side:
    """One integration, or none, in a Home Assistant that can be started again and again."""

    def __init__(
        self,
        name: str,
        domain: str,
        gateway: Gateway | None,
        folder: Path,
        tell: Callable[[str], None],
        *,
        probe: Probe = SPENDING,
    ) -> None:
        self.name = name
        self.domain = domain
        """Empty for a Home Assistant that has nothing to do."""

        self.folder = folder / name
        self.entry_id = ""
        self.launched_at = 0.0
        self._gateway = gateway
        self._port = free_port()
        self._tell = tell
        self._probe = probe
        self._api: Api | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway beside it."""
        assert self._gateway is not None
        return self._gateway

    @property
    def api(self) -> Api:
        """Home Assistant's, while it runs."""
        assert self._api is not None
        return self._api

    @property
    def log(self) -> Path:
        """What its Home Assistant says."""
        return log_of(self.folder)

    @property
    def database(self) -> Path:
        """What the recorder writes."""
        return self.folder / "home-assistant_v2.db"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start its Home Assistant with the probe in it, and stop it at the end."""
        self._probe.put_into(self.folder, self.domain)
        home = HomeAssistant(
            self.folder,
            self._port,
            path=self._probe.path(self.folder),
            tell=lambda text: self._tell(f"[{self.name}] {text}"),
        )
        self.launched_at = monotonic()
        async with home:
            self._api = home.api
            yield
        self._api = None

    async def add_integration(self) -> None:
        """Walk through the integration's config flow."""
        to = self.gateway.target
        if self.domain == CORE:
            self.entry_id = await add_core(self.api, to)
        else:
            self.entry_id = await integration.add(self.api, to.host, to.serial, to.password)

    async def reload(self) -> None:
        """Load the integration anew."""
        await self.api.reload_entry(self.entry_id)

    async def probe(self, *, afresh: bool = False) -> Json:
        """Read the probe."""
        reading: Json = await self.api.request("POST" if afresh else "GET", self._probe.url)
        return reading

    async def registered(self) -> list[Shown]:
        """Give the integration's entities; `on_by_default` tells whether they are enabled now."""
        devices = {device["id"]: device for device in await self.api.command("config/device_registry/list")}
        return [
            Shown.of(entity, devices, None, on_by_default=entity["disabled_by"] is None)
            for entity in await self.api.command("config/entity_registry/list")
            if entity["platform"] == self.domain
        ]

    async def wait_for_entities(self, still: float) -> list[Shown]:
        """Wait until no more entities came for so many seconds, and give them all: what is polled late comes late."""
        entities, since = await self.registered(), monotonic()
        while monotonic() - since < still:
            await asyncio.sleep(PAUSE)
            if len(now := await self.registered()) != len(entities):
                entities, since = now, monotonic()
        return entities

    async def entity_id(self, key: str) -> str:
        """Give the id of an entity of the gateway's own."""
        return next(entity.entity_id for entity in await self.registered() if entity.key == key and not entity.part)

    async def enable_only(self, wanted: set[str]) -> None:
        """Enable these entities and disable all others; the next start makes it so."""
        async with self.api.websocket() as home:
            for entity in await self.registered():
                if entity.on_by_default != (entity.entity_id in wanted):
                    disabled_by = None if entity.entity_id in wanted else "user"
                    await home.command(
                        "config/entity_registry/update", entity_id=entity.entity_id, disabled_by=disabled_by
                    )

    async def set_options(self, **options: float) -> None:
        """Go through the options flow and change these alone."""
        step = await self.api.start_options(self.entry_id)
        answers = {field["name"]: _present(field) for field in step["data_schema"]}
        if unknown := options.keys() - answers.keys():
            raise FlowError(f"There is no such option: {', '.join(sorted(unknown))}")
        step = await self.api.continue_options(step["flow_id"], answers | options)
        if step["type"] != "create_entry":
            raise FlowError(f"The options were not taken: {step['errors']}")


def _present(field: Json) -> Any:
    return (field.get("description") or {}).get("suggested_value", field.get("default"))


async def add_core(api: Api, to: Target) -> str:
    """Walk through the config flow of core's `powerwall` and give the id of the entry it made."""
    step = await api.start_flow(CORE)
    step = await api.continue_flow(step["flow_id"], {"ip_address": to.host, "password": to.password})
    if step["type"] != "create_entry":
        raise FlowError(f"Core's powerwall cannot be set up: {step}")
    entry_id: str = step["result"]["entry_id"]
    return entry_id


@asynccontextmanager
async def both_sides(folder: Path, latency: float, tell: Callable[[str], None]) -> AsyncIterator[tuple[Side, Side]]:
    """Give core's side and ours, each with a gateway that runs; their Home Assistants do not yet."""
    async with AsyncExitStack() as stack:
        tell(f"Starting two simulated gateways with firmware {FIRMWARE}, {latency * 1000:.0f} ms an answer …")
        sides = []
        for name, domain in (("core", CORE), ("ours", integration.DOMAIN)):
            place = folder / f"{name}-gateway"
            sides.append(Side(name, domain, await stack.enter_async_context(gateway(place, latency)), folder, tell))
        core, ours = sides
        yield core, ours
