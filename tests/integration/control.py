"""A loaded entry with control allowed, and the requests that it sends."""

import asyncio
import json
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway.stop_safety.supervisor import SafetyTimings
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from simulator import Simulator
from tests.helpers import until

FAST_TIMINGS = SafetyTimings(
    connected=0.01, steady=0.05, check=0.005, first_pause=0.01, longest_pause=0.05, patience=10.0
)


async def poll(hass: HomeAssistant, entry: MockConfigEntry, *coordinators: str) -> None:
    """Poll with these coordinators in this order, then wait for what follows."""
    for name in coordinators:
        await getattr(entry.runtime_data, name).async_refresh()
    await hass.async_block_till_done()


def let_pass(hass: HomeAssistant, seconds: float) -> None:
    """Move the clock of Home Assistant's event loop forward: what is due meanwhile runs at the next opportunity."""
    time = hass.loop.time
    vars(hass.loop)["time"] = lambda: time() + seconds


async def steady_grid(entry: MockConfigEntry) -> None:
    """Poll the grid until it has been connected for as long as the supervisor requires."""
    watch = entry.runtime_data.grid
    await watch.async_refresh()
    await asyncio.sleep(2 * FAST_TIMINGS.connected)
    await watch.async_refresh()


async def logged_in(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll the grid until the entry logs in by itself, and wait until the login is over.

    A poll of the grid during the login may find the Powerwall stopped, so the grid is polled again.
    """
    await steady_grid(entry)
    await until(lambda: entry.runtime_data.gateway.has_session)
    await until(lambda: entry.runtime_data.settings.data.operation.value)  # the controls are available
    await wait_until_idle(hass, entry)
    await steady_grid(entry)


async def wait_until_idle(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Wait until no login or stop is in progress."""
    await until(lambda: not entry.runtime_data.control.busy)
    await hass.async_block_till_done()


def entity_of(hass: HomeAssistant, simulator: Simulator, platform: str, key: str) -> str:
    """Return the entity id of a key."""
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, f"{simulator.serial}_{key}")
    assert entity_id, f"there is no {platform} {key}"
    return entity_id


async def call(hass: HomeAssistant, simulator: Simulator, platform: str, key: str, action: str, **data: Any) -> None:
    """Call an action on the entity of a key, as an automation does."""
    entity_id = entity_of(hass, simulator, platform, key)
    await hass.services.async_call(platform, action, {"entity_id": entity_id, **data}, blocking=True)


def writes(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of all writes of mode and reserve."""
    return [
        json.loads(request.body)
        for request in simulator.requests
        if request.path == "operation" and request.method == "POST"
    ]


def follows(simulator: Simulator) -> tuple[str, float]:
    """Return the mode and the reserve that the battery follows."""
    return str(simulator.home.mode), round(simulator.home.reserve, 6)
