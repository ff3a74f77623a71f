"""Go off-grid with a signing key: the requests, and that none is sent if it could do harm."""

from functools import partial
from typing import Literal

import pytest

from custom_components.powerwall_gateway import control, hub
from custom_components.powerwall_gateway.const import CONF_RETURN_CHARGE, DOMAIN
from custom_components.powerwall_gateway.gateway import DispatchController, IslandingController
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.gateway.signed.client import PATH
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count, until
from tests.integration.control import call, poll
from tests.signing_keys import pair, public_key

from .conftest import Loaded, SetUp, state_of
from .signing import ALLOWED, SHORT, keep_key

LEAVE, RETURN = (True, True), (False, False)
"""Signed orders: whether to go off-grid, and whether it is forced."""

ISLANDING = "v2/islanding/mode"


@pytest.fixture(autouse=True)
def hurry(quick_signing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second instead of up to 2 minutes. Safety checks are unchanged."""
    quick = Polling(0.005, 0.01, 0.5)
    monkeypatch.setattr(hub, "IslandingController", partial(IslandingController, off_grid=quick, on_grid=quick))


async def _set_up(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str, **options: float
) -> Loaded:
    """Set up a gateway with an accepted key, whose home uses almost no power and follows at once."""
    gateway = await start(simulator, firmware, speed=1000.0)
    simulated = gateway.home
    simulated.charge, simulated.solar_power, simulated.home_power = 80.0, 0.0, 100.0
    pair(gateway)
    entry = await set_up(gateway, options={**ALLOWED, **options})
    await keep_key(hass, entry)
    return gateway, entry


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Return a Powerwall 3, which goes off-grid only by a signed request."""
    return await _set_up(hass, simulator, set_up, "pw3")


@pytest.mark.parametrize("follows", ["forced", "always"])
async def test_powerwall_3_goes_off_grid_and_reconnects(
    hass: HomeAssistant, loaded: Loaded, follows: Literal["forced", "always"]
) -> None:
    gateway, _ = loaded
    gateway.gateway.signed_islanding.follows = follows
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.home.grid_status == "SystemIslandedActive"
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert gateway.home.grid_status == "SystemGridConnected"
    assert gateway.gateway.signed_islanding.orders == [LEAVE, RETURN]


async def test_dispatch_ends_before_going_off_grid(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "DispatchController", partial(DispatchController, follow=SHORT))
    gateway, _ = await _set_up(hass, simulator, set_up, "pw3")
    await hass.services.async_call(DOMAIN, "dispatch", {"direction": "charge", "power": 1000}, blocking=True)
    assert gateway.gateway.dispatch.power == -1000
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.home.grid_status == "SystemIslandedActive"
    assert gateway.gateway.dispatch.orders == [(-1000, 120), None]


async def test_accepted_request_without_effect_is_reverted(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.gateway.signed_islanding.follows = "never"
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert raised.value.translation_key == "island_not_followed"
    assert gateway.gateway.signed_islanding.orders == [LEAVE, RETURN]
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert entry.runtime_data.control.off_grid._store.return_charge is None


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("outage", "no_grid_to_leave"),
        ("19.9 %", "charge_too_low"),
        ("no charge", "island_not_sure"),
        ("no grid state", "island_not_sure"),
        ("stopped", "powerwall_stopped"),
    ],
)
async def test_forced_request_is_not_sent_if_unsafe(hass: HomeAssistant, loaded: Loaded, fault: str, key: str) -> None:
    gateway, entry = loaded
    gateway.speed = 0.0
    match fault:
        case "outage":
            gateway.home.outage()
        case "19.9 %":
            gateway.home.charge = 23.9
        case "no charge":
            gateway.faults.add("system_status/soe", status=500)
        case "no grid state":
            gateway.faults.add("system_status/grid_status", status=500)
        case "stopped":
            gateway.running = False
    with pytest.raises(HomeAssistantError) as raised:
        await entry.runtime_data.control.off_grid.async_leave()
    assert raised.value.translation_key == key
    assert gateway.gateway.signed_islanding.orders == []


async def test_off_grid_requires_more_than_the_return_charge(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway, _ = await _set_up(hass, simulator, set_up, "pw3", **{CONF_RETURN_CHARGE: 50.0})
    gateway.speed = 0.0
    gateway.home.charge = 52.0  # app 49 %
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert raised.value.translation_key == "charge_too_low"
    assert gateway.gateway.signed_islanding.orders == []


async def test_off_grid_ends_at_20_percent_also_after_a_restart(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    gateway.home.charge = 25.0  # app 21 %
    await poll(hass, entry, "live", "grid")
    assert gateway.gateway.signed_islanding.orders == [LEAVE]
    gateway.home.charge = 23.9  # app 19.9 %
    await poll(hass, entry, "live", "grid")
    await until(lambda: gateway.home.grid_status == "SystemGridConnected")
    assert gateway.gateway.signed_islanding.orders == [LEAVE, RETURN]


async def test_reconnect_is_tried_with_a_rejected_key(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "RETRY", 0.0)
    gateway, entry = loaded
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    gateway.gateway.keyring.reject(public_key(), "INACTIVE_KEY")
    await entry.runtime_data.settings.async_refresh()
    with pytest.raises(HomeAssistantError) as raised:
        await entry.runtime_data.control.off_grid.async_return()
    assert raised.value.translation_key == "key_inactive"
    gateway.gateway.keyring.reject(public_key(), None)
    await entry.runtime_data.control.off_grid.async_return()
    assert gateway.home.grid_status == "SystemGridConnected"


async def test_no_request_is_signed_if_the_login_is_enough(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway, _ = await _set_up(hass, simulator, set_up, "26.18")
    before = request_count(gateway, PATH)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.home.grid_status == "SystemIslandedActive"
    assert request_count(gateway, PATH) == before


@pytest.mark.parametrize("status", [403, 404])
async def test_request_denied_to_the_login_is_signed_at_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, status: int
) -> None:
    gateway, _ = await _set_up(hass, simulator, set_up, "26.18")
    gateway.faults.add(ISLANDING, method="POST", status=status)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.home.grid_status == "SystemIslandedActive"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert gateway.home.grid_status == "SystemGridConnected"
    assert gateway.gateway.signed_islanding.orders == [LEAVE, RETURN]
