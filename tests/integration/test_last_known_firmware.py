"""The last known firmware counts while `status` returns 404, also after a restart."""

import gc
from types import FunctionType, ModuleType
from typing import Any

import pytest

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp


async def test_firmware_of_a_gateway_without_status_outlives_a_reload(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None
) -> None:
    gateway = await simulator("1.50.1")
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: False})
    await poll(hass, entry, "settings")
    gateway.faults.add("status", status=404)
    gateway.requests.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.gateway.capabilities.login_stops_powerwall
    assert gateway.logins == 0


async def test_update_status_is_not_requested_while_the_firmware_is_unknown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_timings: None
) -> None:
    """Below 20.49 the read may start a check, which installs new firmware."""
    gateway = await simulator("1.15.0")
    gateway.faults.add("status", status=404)
    entry = await set_up(gateway)
    await entry.runtime_data.inventory.async_refresh()
    assert "system/update/status" not in [request.path for request in gateway.requests]


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"status": 502}, {"drop": True}])
async def test_kept_errors_hold_no_token(
    hass: HomeAssistant, short_timings: None, fault: dict[str, Any], loaded: Loaded
) -> None:
    gateway, entry = loaded
    secrets = (*gateway.tokens, gateway.password)
    gateway.faults.add("*", **fault)
    live = entry.runtime_data.live
    await live.async_refresh()
    ahead: list[object] = [live.data.meters.error]
    assert ahead[0]
    seen: set[int] = set()
    while ahead:
        each = ahead.pop()
        if id(each) not in seen and not isinstance(each, type | ModuleType | FunctionType):
            seen.add(id(each))
            ahead += gc.get_referents(each)
            assert not isinstance(each, str) or not any(secret in each for secret in secrets)
