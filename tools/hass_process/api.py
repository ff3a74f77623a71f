"""Home Assistant's REST and websocket API, as far as this repository's tools and tests need it."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from tools.hass_process import websocket
from tools.hass_process.websocket import WebSocket

type Json = dict[str, Any]

_LOOK_AGAIN = 0.2


class ApiError(Exception):
    """Home Assistant returned an error."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of one entity."""

    entity_id: str
    state: str
    attributes: Json


class Api:
    """One Home Assistant, seen by its owner."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self._session = session

    async def request(self, method: Literal["GET", "POST", "DELETE"], path: str, body: Json | None = None) -> Any:
        """Send one REST request and return the JSON of the response."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.request(method, f"{self.url}{path}", json=body, headers=headers) as response:
            if not response.ok:
                raise ApiError(f"Home Assistant returned {response.status} to {method} {path}: {await response.text()}")
            return await response.json()

    def websocket(self) -> AbstractAsyncContextManager[WebSocket]:
        """Open a websocket connection: `async with api.websocket() as home:`."""
        return websocket.connect(self._session, self.url, self.token)

    async def command(self, command: str, **fields: Any) -> Any:
        """Send one websocket command over a connection of its own."""
        async with self.websocket() as home:
            return await home.command(command, **fields)

    async def core_config(self) -> Json:
        """Return Home Assistant's configuration. Its `state` becomes `RUNNING`."""
        config: Json = await self.request("GET", "/api/config")
        return config

    async def states(self) -> dict[str, State]:
        """Return all states by entity id."""
        states = await self.request("GET", "/api/states")
        return {state["entity_id"]: State(state["entity_id"], state["state"], state["attributes"]) for state in states}

    async def entity_ids(self, platform: str) -> dict[str, str]:
        """Return the entity ids of an integration by unique id, disabled entities left out."""
        entries = await self.command("config/entity_registry/list")
        return {
            entry["unique_id"]: entry["entity_id"]
            for entry in entries
            if entry["platform"] == platform and entry["disabled_by"] is None
        }

    async def call_service(self, domain: str, service: str, **data: Any) -> None:
        """Call an action."""
        await self.request("POST", f"/api/services/{domain}/{service}", data)

    async def start_flow(self, domain: str) -> Json:
        """Start the config flow of an integration and return its first step."""
        step: Json = await self.request("POST", "/api/config/config_entries/flow", {"handler": domain})
        return step

    async def continue_flow(self, flow_id: str, values: Json) -> Json:
        """Submit the form of a config flow and return the next step after any progress."""
        path = f"/api/config/config_entries/flow/{flow_id}"
        step: Json = await self.request("POST", path, values)
        while step["type"] == "progress":
            await asyncio.sleep(_LOOK_AGAIN)
            step = await self.request("GET", path)
        return step

    async def start_options(self, entry_id: str) -> Json:
        """Start the options flow of a config entry and return its first step with a form."""
        return await self._options_step("", {"handler": entry_id})

    async def continue_options(self, flow_id: str, values: Json) -> Json:
        """Submit the form of an options flow and return the next step with a form."""
        return await self._options_step(f"/{flow_id}", values)

    async def _options_step(self, path: str, values: Json) -> Json:
        flows = "/api/config/config_entries/options/flow"
        step: Json = await self.request("POST", flows + path, values)
        while step["type"] == "progress":
            await asyncio.sleep(_LOOK_AGAIN)
            step = await self.request("GET", f"{flows}/{step['flow_id']}")
        return step

    async def entries(self, domain: str) -> list[Json]:
        """Return the config entries of an integration."""
        entries: list[Json] = await self.command("config_entries/get", domain=domain)
        return entries

    async def remove_entry(self, entry_id: str) -> None:
        """Remove a config entry."""
        await self.request("DELETE", f"/api/config/config_entries/entry/{entry_id}")

    async def reload_entry(self, entry_id: str) -> None:
        """Reload a config entry."""
        await self.request("POST", f"/api/config/config_entries/entry/{entry_id}/reload")

    async def translations(self, domain: str, category: str) -> dict[str, str]:
        """Return an integration's English texts of a category, such as `config`."""
        result = await self.command("frontend/get_translations", language="en", category=category, integration=[domain])
        texts: dict[str, str] = result["resources"]
        return texts

    async def save_dashboard(self, config: Json, url_path: str | None = None) -> None:
        """Replace a dashboard, the default one without a path."""
        await self.command("lovelace/config/save", config=config, url_path=url_path)

    async def save_energy_sources(self, sources: list[Json]) -> None:
        """Set up the Energy dashboard."""
        await self.command("energy/save_prefs", energy_sources=sources)

    async def wait_for_state(self, entity_id: str, state: str, limit: float = 30) -> None:
        """Wait until an entity has a state."""
        async with self.websocket() as home, asyncio.timeout(limit):
            changes = await home.subscribe(
                "subscribe_trigger", trigger={"platform": "state", "entity_id": entity_id, "to": state}
            )
            present = (await self.states()).get(entity_id)
            if present is None or present.state != state:
                await changes.get()
