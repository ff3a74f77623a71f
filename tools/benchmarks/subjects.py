"""The subjects of a comparison: integrations, each in its own Home Assistant with its own simulated gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

import aiohttp

from custom_components.powerwall_gateway.core_migration import CORE
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from simulator.home import SUMMER_NOON
from tools.child_process import ProcessError, free_port
from tools.dev_server import integration
from tools.dev_server.gateway import GatewayError
from tools.dev_server.integration import FlowError
from tools.dev_server.simulator import simulated_gateway
from tools.dev_server.target import Target
from tools.hass_process import Api, ApiError, HomeAssistant, Probe, SignInError, WebSocketError
from tools.hass_process.log import log_of

type Json = dict[str, Any]

FIRMWARE: Final = "21.44"
"""Of a Powerwall 2 that the built-in integration can log in to."""

MORNING: Final = SUMMER_NOON.replace(hour=9, minute=0)
"""The sun shines and charges the battery: no power is zero, which would hide a wrong sign."""

ERRORS: Final = (ApiError, FlowError, GatewayError, ProcessError, SignInError, WebSocketError)
"""Errors of a process or a setup, with a text for the caller."""

METRICS: Final = Probe(Path(__file__).resolve().parent / "probe", "bench_probe", watches=True)
NO_VALUE: Final = frozenset({STATE_UNAVAILABLE, STATE_UNKNOWN})
DAY: Final = 86_400.0
PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity in Home Assistant's registry."""

    entity_id: str
    key: str
    """Platform and key, for example `sensor.charge`."""

    part: str = ""
    """Serial number of the Powerwall or other hardware; empty for the gateway."""

    enabled: bool = True

    @classmethod
    def of(cls, entity: Json, devices: Mapping[str, Json]) -> Self:
        """Read it from Home Assistant's registries, as the websocket returns them.

        A device of the built-in integration is `<gateway>_<serial>`, one of this integration is
        `<gateway>_<kind>_<serial>`. The unique ids of both are `<gateway>_<serial>_<key>`.
        """
        device, entity_id, key = devices[entity["device_id"]], entity["entity_id"], entity["unique_id"]
        (domain, name), *_ = device["identifiers"]
        part = ""
        if above := devices.get(device["via_device_id"] or ""):
            gateway = above["identifiers"][0][1]
            part = name.removeprefix(f"{gateway}_")
            if domain != CORE:
                part = part.partition("_")[2]
            name = f"{gateway}_{part}"
        return cls(
            entity_id=entity_id,
            key=f"{entity_id.partition('.')[0]}.{key.removeprefix(f'{name}_')}",
            part=part,
            enabled=entity["disabled_by"] is None,
        )


class ControlApi:
    """The simulator's control API: it takes no time and counts as no request."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/simulator"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Open one connection and keep it, so that it never counts in a difference."""
        connector = aiohttp.TCPConnector(ssl=False, limit=1, keepalive_timeout=DAY)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(url, session)

    async def state(self) -> Json:
        """Return the state of the simulator."""
        return await self._request("GET")

    async def order(self, **orders: Any) -> Json:
        """Send orders and return the new state."""
        return await self._request("POST", orders)

    async def _request(self, method: str, orders: Json | None = None) -> Json:
        async with self._session.request(method, self._url, json=orders) as response:
            response.raise_for_status()
            state: Json = await response.json()
        return state


@dataclass(frozen=True, slots=True)
class Gateway:
    """A simulated gateway."""

    target: Target
    control_api: ControlApi


@asynccontextmanager
async def gateway(
    folder: Path, latency: float, *, lively: bool = False, packs: int = 2, serial: str | None = None
) -> AsyncIterator[Gateway]:
    """Start a gateway in its own process, with a latency in seconds for every response."""
    async with (
        simulated_gateway(
            FIRMWARE, 1, folder, lambda _: None, MORNING, lively=lively, packs=packs, serial=serial
        ) as target,
        ControlApi.open(target.url) as control_api,
    ):
        await control_api.order(latency=latency)
        yield Gateway(target, control_api)


async def set_clocks(gateways: list[Gateway]) -> None:
    """Set the simulated homes to the same second: they have the same sun, clouds and appliances."""
    for each in gateways:
        await each.control_api.order(time=MORNING.isoformat())


class Subject:
    """One integration, or none, in a Home Assistant that can be started repeatedly."""

    def __init__(
        self,
        name: str,
        domain: str,
        gateway: Gateway | None,
        folder: Path,
        notify: Callable[[str], None],
        *,
        probe: Probe = METRICS,
    ) -> None:
        self.name = name
        self.domain = domain
        """Empty for a Home Assistant without an integration."""

        self.folder = folder / name
        self.database = self.folder / "home-assistant_v2.db"
        """Of the recorder."""

        self.log = log_of(self.folder)
        self.entry_id = ""
        self.launched_at = 0.0
        self._gateway = gateway
        self._port = free_port()
        self._notify = notify
        self._probe = probe
        self._api: Api | None = None

    @property
    def gateway(self) -> Gateway:
        """Return its gateway."""
        assert self._gateway is not None
        return self._gateway

    @property
    def api(self) -> Api:
        """Return Home Assistant's API, while it runs."""
        assert self._api is not None
        return self._api

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start its Home Assistant with the probe, and stop it at the end."""
        self._probe.put_into(self.folder, self.domain)
        home = HomeAssistant(
            self.folder,
            self._port,
            path=self._probe.path(self.folder),
            notify=lambda text: self._notify(f"[{self.name}] {text}"),
        )
        self.launched_at = monotonic()
        async with home:
            self._api = home.api
            yield
        self._api = None

    async def add_integration(self) -> None:
        """Complete the integration's config flow."""
        to = self.gateway.target
        if self.domain == CORE:
            self.entry_id = await add_core(self.api, to)
        else:
            self.entry_id = await integration.add(self.api, to.host, to.serial, to.password)

    async def reload(self) -> None:
        """Reload the integration."""
        await self.api.reload_entry(self.entry_id)

    async def probe(self, *, reset: bool = False) -> Json:
        """Read the probe, and reset it first if asked."""
        reading: Json = await self.api.request("POST" if reset else "GET", self._probe.url)
        return reading

    async def entities(self) -> list[Entity]:
        """Return the integration's entities."""
        devices = {device["id"]: device for device in await self.api.command("config/device_registry/list")}
        return [
            Entity.of(entity, devices)
            for entity in await self.api.command("config/entity_registry/list")
            if entity["platform"] == self.domain
        ]

    async def wait_for_entities(self, still: float) -> list[Entity]:
        """Return all entities as soon as none was added for `still` seconds: some depend on slow polls."""
        entities, since = await self.entities(), monotonic()
        while monotonic() - since < still:
            await asyncio.sleep(PAUSE)
            if len(now := await self.entities()) != len(entities):
                entities, since = now, monotonic()
        return entities

    async def entity_id(self, key: str) -> str:
        """Return the id of an entity of the gateway."""
        return next(entity.entity_id for entity in await self.entities() if entity.key == key and not entity.part)

    async def enable_only(self, wanted: set[str]) -> None:
        """Enable these entities and disable all others, from the next start on."""
        async with self.api.websocket() as home:
            for entity in await self.entities():
                if entity.enabled != (entity.entity_id in wanted):
                    disabled_by = None if entity.entity_id in wanted else "user"
                    await home.command(
                        "config/entity_registry/update", entity_id=entity.entity_id, disabled_by=disabled_by
                    )

    async def set_options(self, **options: float) -> None:
        """Change these options alone, through the options flow."""
        step = await self.api.start_options(self.entry_id)
        values = {field["name"]: _current(field) for field in step["data_schema"]}
        if unknown := options.keys() - values.keys():
            raise FlowError(f"There is no such option: {', '.join(sorted(unknown))}")
        step = await self.api.continue_options(step["flow_id"], values | options)
        if step["type"] != "create_entry":
            raise FlowError(f"The options were rejected: {step['errors']}")


def _current(field: Json) -> Any:
    return (field.get("description") or {}).get("suggested_value", field.get("default"))


async def add_core(api: Api, to: Target) -> str:
    """Complete the config flow of the built-in integration and return the id of the entry."""
    step = await api.start_flow(CORE)
    step = await api.continue_flow(step["flow_id"], {"ip_address": to.host, "password": to.password})
    if step["type"] != "create_entry":
        raise FlowError(f"The built-in powerwall integration cannot be set up: {step}")
    entry_id: str = step["result"]["entry_id"]
    return entry_id


@asynccontextmanager
async def both_subjects(
    folder: Path, latency: float, notify: Callable[[str], None], *, lively: bool = False
) -> AsyncIterator[tuple[Subject, Subject]]:
    """Start the gateways of both integrations; their Home Assistants are started later."""
    async with AsyncExitStack() as stack:
        notify(f"Starting two simulated gateways with firmware {FIRMWARE}, {latency * 1000:.0f} ms per response …")
        core, ours = [
            Subject(
                name,
                domain,
                await stack.enter_async_context(gateway(folder / f"{name}-gateway", latency, lively=lively)),
                folder,
                notify,
            )
            for name, domain in (("core", CORE), ("ours", integration.DOMAIN))
        ]
        yield core, ours
