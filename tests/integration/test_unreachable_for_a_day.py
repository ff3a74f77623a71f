"""A gateway that is unreachable for 24 hours: Home Assistant's log stays short, and everything recovers."""

import logging

import pytest

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant

from .conftest import Loaded, state_of

DAY = 86400.0
POLLS = 1_150
"""More failures than a float can be doubled."""


async def test_polls_for_a_day_without_gateway_log_twice(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture, loaded: Loaded
) -> None:
    gateway, entry = loaded
    data = entry.runtime_data
    scheduler = data.gateway.scheduler
    began = now = scheduler.clock()
    scheduler.clock = scheduler.backoff._clock = lambda: now
    await gateway.stop()
    caplog.clear()
    caplog.set_level(logging.INFO)
    hass.loop.set_debug(False)  # which takes most of the time
    for poll in range(POLLS):
        now = began + DAY * poll / POLLS
        await (data.live if poll % 2 else data.grid).async_refresh()
    await gateway.start(gateway.port)
    now += 60.0
    for coordinator in (data.live, data.grid):
        await coordinator.async_refresh()
        assert coordinator.last_update_success
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    assert state_of(hass, gateway, "sensor", "charge") != STATE_UNAVAILABLE
    records = [record for record in caplog.records if record.levelno >= logging.INFO and "powerwall" in record.name]
    assert [record.levelname for record in records] == ["WARNING", "INFO"]
