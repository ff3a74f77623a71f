"""Add the gateway, show the home's values, and show an outage."""

import asyncio

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tools.dev_server.integration import DOMAIN, add, entity_ids
from tools.hass_process import HomeAssistant, errors_about

RECONNECTING_SECONDS = 60
MAY_BE_UNKNOWN = {
    "backup_time_remaining",
    "backup_until",
    "grid_event",
}
"""Entities that may be unknown: without an outage or a full backup, or while the battery charges."""
WAITS_FOR_LOGIN = {"1.15.0": {"backup_reserve", "operation_mode", "hold"}, "21.44": set[str]()}
"""Entities that require a login that stops the Powerwall, which waits for a minute on the grid."""


async def test_gateways_are_added_polled_and_removed(simulator: StartSimulator, home: HomeAssistant) -> None:
    """One Home Assistant for both firmware versions: its start takes longer than the test."""
    for firmware, waits_for_login in WAITS_FOR_LOGIN.items():
        await add_and_remove(home, await simulator(firmware), waits_for_login)
    assert errors_about(home.log, DOMAIN) == []


async def add_and_remove(home: HomeAssistant, gateway: Simulator, waits_for_login: set[str]) -> None:
    """Add a gateway, check its values before, during and after an outage, and remove it."""
    entry_id = await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
    ids = await entity_ids(home.api, gateway.serial)
    states = await home.api.states()
    enabled = {key: states[entity_id].state for key, entity_id in ids.items() if entity_id in states}
    assert {key for key, state in enabled.items() if state == "unavailable"} == waits_for_login
    assert {key for key, state in enabled.items() if state == "unknown"} <= MAY_BE_UNKNOWN
    assert float(states[ids["home_power"]].state) == pytest.approx(gateway.home.home_power, abs=15)
    assert states[ids["grid"]].state == "on"
    assert states[ids["running"]].state == "on"

    gateway.home.outage()
    await home.api.wait_for_state(ids["grid"], "off", limit=10)
    gateway.home.restore()
    gateway.home.advance(RECONNECTING_SECONDS)
    await home.api.wait_for_state(ids["grid"], "on", limit=10)

    await home.api.remove_entry(entry_id)
    assert await entity_ids(home.api, gateway.serial) == {}
    assert await home.api.entries(DOMAIN) == []
    requests = len(gateway.requests)
    await asyncio.sleep(1.5)  # longer than the grid watch waits between two polls
    assert len(gateway.requests) == requests

    assert gateway.stopped_seconds == 0
