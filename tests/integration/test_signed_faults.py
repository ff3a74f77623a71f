"""What goes wrong with a key: what the owner reads who sets something, and what is shown of what was only read."""

from collections.abc import Callable
import gzip
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.gateway.signed import PATH
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from tests.conftest import StartSimulator
from tests.gateway.profiles import start
from tests.pairing import SIGNED, pair, public_key
from tests.simulator import House, Simulator
from tests.simulator.gateway import signed

from .conftest import SetUp, state_of
from .controlling import asked_for, call
from .signing import ALLOWED, feeding, keep_key, quicken

type Trouble = Callable[[Simulator], object]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds where it is minutes."""
    quicken(monkeypatch)


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that takes signed requests, and has taken the key."""
    gateway = await feeding(simulator, request.param)
    pair(gateway)
    return gateway


@pytest.fixture
async def entry(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> MockConfigEntry:
    """Set it up with the key, and with control allowed."""
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    return entry


def _unverified(gateway: Simulator) -> None:
    """Have the key registered anew, by somebody who took it away before: it waits again."""
    gateway.gateway.keyring.forget(public_key())
    gateway.gateway.keyring.register(public_key())


def _too_late(gateway: Simulator) -> None:
    _unverified(gateway)
    gateway.gateway.keyring.clock = lambda: 1e12


def _clock(gateway: Simulator) -> None:
    gateway.gateway.clock_ahead = 60.0


def _fault(**fault: Any) -> Trouble:
    return lambda gateway: gateway.faults.add(PATH, **fault)


TROUBLES = [
    pytest.param(lambda gateway: gateway.gateway.keyring.forget(public_key()), "key_unknown", id="wrong key"),
    pytest.param(_unverified, "key_unconfirmed", id="key pending"),
    pytest.param(_too_late, "key_unconfirmed", id="window expired"),
    pytest.param(_clock, "clocks_differ", id="signature expired"),
    pytest.param(_fault(status=429, retry_after=7), "gateway_busy", id="rate limit"),
    pytest.param(_fault(status=200, body=gzip.compress(b"no message")[:12]), "unexpected_answer", id="half a gzip"),
    pytest.param(_fault(status=200, body=gzip.compress(b"<html>")), "gateway_refused", id="gzip of something else"),
]


@pytest.mark.parametrize(("trouble", "said"), TROUBLES)
async def test_the_owner_reads_what_is_wrong_and_all_else_goes_on(
    hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, trouble: Trouble, said: str
) -> None:
    before = (gateway.house.mode, gateway.house.reserve)
    trouble(gateway)
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert refused.value.translation_key == said
    assert (gateway.house.mode, gateway.house.reserve) == before
    data = entry.runtime_data
    for coordinator in (data.settings, data.detail, data.inventory, data.live, data.grid):
        await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    assert state_of(hass, gateway, "sensor", "home_power") == "2000.0"
    assert float(state_of(hass, gateway, "sensor", "charge") or 0) == pytest.approx((60 - 5) / 0.95, abs=0.1)
    assert entry.state.name == "LOADED"
    assert gateway.logins == 1


async def test_answers_are_read_packed_or_not(
    hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firmware packs them since 25.42.2, and says so in no header."""
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    monkeypatch.setattr(signed, "_packed", lambda body: body)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=40)
    assert gateway.house.reserve == pytest.approx(43)


async def test_a_gateway_that_asks_to_wait_is_left_alone(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3", house=House(charge=60))
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    gateway.faults.add(PATH, status=429, retry_after=600)
    await entry.runtime_data.detail.async_refresh()
    before = asked_for(gateway, PATH)
    for _ in range(3):
        await entry.runtime_data.detail.async_refresh()
        await entry.runtime_data.settings.async_refresh()
    assert asked_for(gateway, PATH) == before
