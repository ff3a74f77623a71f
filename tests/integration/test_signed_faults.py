"""Problems of a signing key: the errors of actions, and the state of entities."""

from collections.abc import Callable
from dataclasses import replace
import gzip
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tesla_protocol.energy_device.signed_message_pb2 import RoutableMessage

from custom_components.powerwall_gateway import issues
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.gateway.signed.client import PATH
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from simulator import SimulatedHome, Simulator
from simulator.gateway import signed
from simulator.gateway.call import Response
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.integration.control import call, poll
from tests.signing_keys import SIGNED, pair, public_key

from .conftest import SetUp, state_of
from .signing import ALLOWED, feeding, keep_key

pytestmark = pytest.mark.usefixtures("quick_signing")

type Injection = Callable[[Simulator], object]


@pytest.fixture(params=SIGNED)
async def gateway(simulator: StartSimulator, request: pytest.FixtureRequest) -> Simulator:
    """Start a gateway that accepts signed requests and has accepted the key."""
    gateway = await feeding(simulator, request.param)
    pair(gateway)
    return gateway


@pytest.fixture
async def entry(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> MockConfigEntry:
    """Set up the gateway with the key and with control allowed."""
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    return entry


def _unverified(gateway: Simulator) -> None:
    """Remove the key and register it again: it is unconfirmed."""
    gateway.gateway.keyring.forget(public_key())
    gateway.gateway.keyring.register(public_key())


def _too_late(gateway: Simulator) -> None:
    _unverified(gateway)
    gateway.gateway.keyring.clock = lambda: 1e12


def _clock(gateway: Simulator) -> None:
    gateway.gateway.clock_ahead = 60.0


def _fault(**fault: Any) -> Injection:
    return lambda gateway: gateway.faults.add(PATH, **fault)


def _rejecting(fault: str) -> Injection:
    return lambda gateway: gateway.gateway.keyring.reject(public_key(), fault)


FAULTS = [
    pytest.param(lambda gateway: gateway.gateway.keyring.forget(public_key()), "key_unknown", id="wrong key"),
    pytest.param(_unverified, "key_unconfirmed", id="key pending"),
    pytest.param(_too_late, "key_unconfirmed", id="window expired"),
    pytest.param(_clock, "clocks_differ", id="signature expired"),
    pytest.param(_fault(status=429, retry_after=7), "gateway_busy", id="rate limit"),
    pytest.param(_fault(status=200, body=gzip.compress(b"no message")[:12]), "unexpected_answer", id="half a gzip"),
    pytest.param(_fault(status=200, body=gzip.compress(b"<html>")), "unexpected_answer", id="gzip of something else"),
    pytest.param(_rejecting("INACTIVE_KEY"), "key_inactive", id="key disabled"),
    pytest.param(_rejecting("INSUFFICIENT_PRIVILEGES"), "key_not_permitted", id="key without permission"),
    pytest.param(_rejecting("REMOTE_ACCESS_DISABLED"), "key_remote_access", id="remote access off"),
    pytest.param(_rejecting("INVALID_SIGNATURE"), "key_bad_signature", id="wrong signature"),
]


@pytest.mark.parametrize(("inject", "error_key"), FAULTS)
async def test_signed_fault_is_shown_and_other_values_continue(
    hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, inject: Injection, error_key: str
) -> None:
    before = (gateway.home.mode, gateway.home.reserve)
    inject(gateway)
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert refused.value.translation_key == error_key
    assert (gateway.home.mode, gateway.home.reserve) == before
    data = entry.runtime_data
    for coordinator in (data.settings, data.detail, data.inventory, data.live, data.grid):
        await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    assert state_of(hass, gateway, "sensor", "home_power") == "2000.0"
    assert float(state_of(hass, gateway, "sensor", "charge") or 0) == pytest.approx((60 - 5) / 0.95, abs=0.1)
    assert entry.state.name == "LOADED"
    assert gateway.logins == 1


async def test_signed_responses_are_read_compressed_or_not(
    hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since 25.42.2 the DIN is compressed without a header. Signed responses may be, too."""
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    response_of = signed._response

    def packed(message: RoutableMessage) -> Response:
        return replace(response_of(message), payload=gzip.compress(message.SerializeToString()))

    monkeypatch.setattr(signed, "_response", packed)
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=40)
    assert gateway.home.reserve == pytest.approx(43)


async def test_rate_limited_gateway_gets_no_signed_request(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "pw3", home=SimulatedHome(charge=60))
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    gateway.faults.add(PATH, status=429, retry_after=600)
    await entry.runtime_data.detail.async_refresh()
    before = request_count(gateway, PATH)
    for _ in range(3):
        await entry.runtime_data.detail.async_refresh()
        await entry.runtime_data.settings.async_refresh()
    assert request_count(gateway, PATH) == before


# -- a key that is rejected --------------------------------------------------------------------------------------------

CONTROLS = {
    "operation_mode": "select",
    "backup_reserve": "number",
    "export_rule": "select",
    "grid_charging": "switch",
    "off_grid": "switch",
}


def repairs(hass: HomeAssistant) -> set[str]:
    """Return the keys of the repairs that are shown."""
    return {issue.translation_key or "" for issue in ir.async_get(hass).issues.values() if issue.active}


def unavailable(hass: HomeAssistant, gateway: Simulator) -> set[str]:
    """Return the controls that are unavailable."""
    return {key for key, platform in CONTROLS.items() if state_of(hass, gateway, platform, key) == "unavailable"}


async def _poll_settings_twice(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    for _ in range(2):
        await entry.runtime_data.settings.async_refresh()
    await hass.async_block_till_done()


REJECTIONS = [
    pytest.param(_rejecting("INACTIVE_KEY"), "key_inactive", id="disabled"),
    pytest.param(_rejecting("INSUFFICIENT_PRIVILEGES"), "key_not_permitted", id="permission"),
    pytest.param(lambda gateway: gateway.gateway.keyring.forget(public_key()), "key_unknown", id="removed"),
    pytest.param(_unverified, "key_unconfirmed", id="unconfirmed"),
]


@pytest.mark.parametrize(("inject", "error_key"), REJECTIONS)
async def test_rejected_key_is_repaired_without_a_reload(
    hass: HomeAssistant,
    gateway: Simulator,
    entry: MockConfigEntry,
    short_backoff: None,
    inject: Injection,
    error_key: str,
) -> None:
    assert repairs(hass) & set(issues.KEY) == set()
    by_login = {"off_grid"} if gateway.profile.firmware == "26.18" else set()
    inject(gateway)
    await _poll_settings_twice(hass, entry)
    assert repairs(hass) & set(issues.KEY) == {error_key}
    assert unavailable(hass, gateway) == set(CONTROLS) - by_login
    assert state_of(hass, gateway, "sensor", "home_power") == "2000.0"
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    with pytest.raises(HomeAssistantError) as refused:
        await hass.services.async_call(DOMAIN, "set_operation", {"reserve": 40}, blocking=True, return_response=True)
    assert refused.value.translation_key == error_key

    gateway.faults.add("*", drop=True)
    await entry.runtime_data.settings.async_refresh()
    gateway.faults.clear()
    assert repairs(hass) & set(issues.KEY) == {error_key}

    pair(gateway)
    gateway.gateway.keyring.reject(public_key(), None)
    await _poll_settings_twice(hass, entry)
    await poll(hass, entry, "detail")
    assert repairs(hass) & set(issues.KEY) == set()
    assert unavailable(hass, gateway) == set()
    await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert gateway.home.reserve == pytest.approx(33.5)


async def test_denied_din_without_another_source_creates_an_issue(
    hass: HomeAssistant, gateway: Simulator, set_up: SetUp
) -> None:
    gateway.faults.add("/tedapi/din", status=403)
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    await _poll_settings_twice(hass, entry)
    has_status = gateway.profile.firmware == "26.18"
    assert repairs(hass) & set(issues.KEY) == (set() if has_status else {"key_din_denied"})
    assert (state_of(hass, gateway, "number", "backup_reserve") is not None) is has_status


async def test_different_clocks_create_an_issue(hass: HomeAssistant, gateway: Simulator, set_up: SetUp) -> None:
    gateway.gateway.clock_ahead = 60.0
    entry = await set_up(gateway, options=ALLOWED)
    await keep_key(hass, entry)
    entry.runtime_data.settings.async_update_listeners()  # as after an action: no poll
    assert repairs(hass) & set(issues.KEY) == set()
    await _poll_settings_twice(hass, entry)
    assert repairs(hass) & set(issues.KEY) == {"key_clocks_differ"}
    gateway.gateway.clock_ahead = 0.0
    await entry.runtime_data.settings.async_refresh()
    assert repairs(hass) & set(issues.KEY) == set()


async def test_conflicting_write_raises_its_reason(
    hass: HomeAssistant, gateway: Simulator, entry: MockConfigEntry
) -> None:
    before = request_count(gateway, PATH)

    def interfere(step: str, _: object) -> None:
        if step == "acted" and request_count(gateway, PATH) == before + 2:
            gateway.gateway.operation.reserve = 50

    gateway.server.observer = interfere
    with pytest.raises(HomeAssistantError) as refused:
        await call(hass, gateway, "number", "backup_reserve", "set_value", value=30)
    assert refused.value.translation_key == "settings_conflict"
    assert gateway.gateway.operation.reserve == 50
