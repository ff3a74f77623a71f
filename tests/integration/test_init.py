"""Set up and unload an entry: errors, a stopped Powerwall, a lost gateway."""

import asyncio
from typing import Any

import pytest

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, DOMAIN
from custom_components.powerwall_gateway.gateway import client as client_module
from custom_components.powerwall_gateway.gateway.control import islanding
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from tests.conftest import StartSimulator
from tests.helpers import until
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of

FIRMWARES = ["1.15.0", "21.44"]


@pytest.fixture
def fast_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll the grid 50 times per second."""
    monkeypatch.setattr("custom_components.powerwall_gateway.coordinator.GRID_INTERVAL", 0.02)


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch, short_backoff: None) -> None:
    """Keep a value for 0.2 seconds instead of 10."""
    monkeypatch.setattr("custom_components.powerwall_gateway.coordinator.KEPT_INTERVALS", 0)
    monkeypatch.setattr("custom_components.powerwall_gateway.coordinator.KEPT_AT_LEAST", 0.2)


async def test_home_assistant_starts_without_waiting_for_a_slow_gateway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    """Home Assistant waits for the tasks of its entries. A dozen responses of a second each would take minutes."""
    gateway = await simulator("21.44")
    gateway.faults.add("site_info", delay=2.0)
    hass.set_state(CoreState.not_running)
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON
    assert entry.runtime_data.inventory.data.site_info.has_never_succeeded
    await until(lambda: not entry.runtime_data.inventory.data.site_info.has_never_succeeded)
    hass.set_state(CoreState.running)


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_entry_is_loaded_and_unloaded(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, fast_watch: None, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    assert entry.state.name == "LOADED"
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state.name == "NOT_LOADED"
    await asyncio.sleep(0.1)  # a cancelled request may still arrive
    asked = len(gateway.requests)
    await asyncio.sleep(0.1)
    assert len(gateway.requests) == asked
    assert gateway.running
    assert gateway.stopped_seconds == 0


async def test_gateway_has_a_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device is not None
    assert (device.manufacturer, device.model, device.model_id) == ("Tesla", "Backup Gateway 2", "1232100-00-E")
    assert (device.name, device.serial_number, device.sw_version) == ("Home Energy Gateway", gateway.serial, "21.44")
    assert device.configuration_url == gateway.url


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_setup_needs_one_connection_and_few_requests(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    before = gateway.connections
    gateway.requests.clear()
    await entry.runtime_data.live.async_refresh()
    charge = "system_status/soe" if firmware == "1.15.0" else "system_status"
    assert [request.path for request in gateway.requests] == ["meters/aggregates", charge]
    gateway.requests.clear()
    await entry.runtime_data.settings.async_refresh()
    asked = ["system_status/grid_faults"] if firmware == "1.15.0" else ["operation"]  # 1.15 has denied the latter
    assert [request.path for request in gateway.requests] == ["sitemaster", *asked]
    gateway.requests.clear()
    await entry.runtime_data.detail.async_refresh()
    assert gateway.requests == []  # no enabled entity depends on it
    assert gateway.connections == before


async def test_unchanged_poll_writes_no_state(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    written: list[Event[Any]] = []
    for event_type in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED):
        hass.bus.async_listen(event_type, written.append, event_filter=callback(lambda _: True))
    await poll(hass, entry, "live", "grid", "settings")
    assert written == []
    gateway.home.advance(60)
    await poll(hass, entry, "live", "grid", "settings")
    assert written


# -- not set up --------------------------------------------------------------------------------------------------------


async def test_setup_without_a_gateway_retries(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    await gateway.stop()
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "unreachable"


async def test_setup_without_a_gateway_logs_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await simulator("21.44")
    async with gateway.unreachable():
        entry = await set_up(gateway)
        await hass.config_entries.async_reload(entry.entry_id)
        assert caplog.text.count("Could not connect to the gateway") == 1
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state.name == "LOADED"
    assert caplog.text.count("The gateway responds again") == 1


@pytest.mark.parametrize("path", ["status", "meters/aggregates"])
async def test_setup_with_an_unexpected_response_retries(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, path: str
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=500)
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "unexpected_answer"


# -- stopped and unreachable -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.usefixtures("all_enabled")
async def test_stopped_powerwall_is_set_up_and_starts(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    gateway.running = False
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.LOADED
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_OFF
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_UNKNOWN
    for key in ("grid_power", "solar_energy", "charge", "grid_status"):
        assert state_of(hass, gateway, "sensor", key) == STATE_UNAVAILABLE
    gateway.running = True
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_ON
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON
    for key in ("grid_power", "solar_energy", "charge", "grid_status"):
        assert state_of(hass, gateway, "sensor", key) not in {STATE_UNAVAILABLE, STATE_UNKNOWN}


async def test_stop_shows_at_once(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.running = False
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_OFF  # at once instead of after a minute
    await entry.runtime_data.grid.async_refresh()
    assert state_of(hass, gateway, "sensor", "grid_power") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_UNKNOWN
    assert state_of(hass, gateway, "binary_sensor", "connected_to_tesla") == STATE_ON


async def test_one_lost_poll_keeps_every_state(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    power = state_of(hass, gateway, "sensor", "grid_power")
    gateway.faults.add("*", status=500)
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "grid_power") == power
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON


@pytest.mark.usefixtures("all_enabled")
async def test_unreachable_gateway_becomes_unavailable_and_recovers(
    hass: HomeAssistant, short_memory: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    gateway.faults.add("*", drop=True)
    await asyncio.sleep(0.25)
    await poll(hass, entry, "live", "grid", "settings")
    for key in ("grid_power", "solar_energy", "charge", "grid_status"):
        assert state_of(hass, gateway, "sensor", key) == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "binary_sensor", "running") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_UNKNOWN
    gateway.faults.clear()
    await poll(hass, entry, "live", "grid", "settings")
    for key in ("grid_power", "solar_energy", "charge", "grid_status"):
        assert state_of(hass, gateway, "sensor", key) not in {STATE_UNAVAILABLE, STATE_UNKNOWN}
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON


async def test_failing_endpoint_affects_only_its_entities(
    hass: HomeAssistant, short_memory: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    gateway.faults.add("system_status", status=500)
    await asyncio.sleep(0.25)
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "charge") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "sensor", "grid_power") != STATE_UNAVAILABLE


async def test_rate_limited_endpoint_is_not_requested(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("meters/aggregates", status=429)
    gateway.requests.clear()
    for _ in range(5):
        await entry.runtime_data.live.async_refresh()
    assert [request.path for request in gateway.requests].count("meters/aggregates") == 1
    assert [request.path for request in gateway.requests].count("system_status") == 5


async def test_missing_endpoint_has_no_entity(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    for path in ("status", "config", "sitemaster", "system_status"):
        gateway.faults.add(path, status=404, body=b"404 page not found\n")
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.LOADED
    assert state_of(hass, gateway, "binary_sensor", "running") is None
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON
    assert state_of(hass, gateway, "sensor", "charge") not in {None, STATE_UNAVAILABLE}


async def test_lost_session_keeps_every_state(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.tokens.clear()
    gateway.home.advance(600)
    before = state_of(hass, gateway, "sensor", "grid_power")
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "grid_power") not in {before, STATE_UNAVAILABLE}
    assert gateway.logins == 2


async def test_changed_password_starts_reauth_after_two_refusals(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", lambda: now)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    gateway.tokens.clear()
    gateway.password = "new one"
    await poll(hass, entry, "live", "grid", "settings")
    assert hass.config_entries.flow.async_progress() == []  # a gateway that is starting rejects once
    assert gateway.logins == 2
    now = 31.0
    await poll(hass, entry, "live", "grid", "settings")
    await poll(hass, entry, "live", "grid", "settings")
    assert gateway.logins == 3
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]


async def test_accepted_password_ends_reauth(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.monotonic", lambda: now)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    gateway.tokens.clear()
    gateway.faults.add("login/Basic", status=401)
    await poll(hass, entry, "live", "grid", "settings")
    now = 31.0
    await poll(hass, entry, "live", "grid", "settings")
    await poll(hass, entry, "live", "grid", "settings")
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]
    gateway.faults.clear()
    now = 92.0
    await poll(hass, entry, "live", "grid", "settings")
    assert hass.config_entries.flow.async_progress() == []


# -- the grid watch ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.usefixtures("all_enabled")
async def test_grid_poll_shows_an_outage(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, fast_watch: None, firmware: str
) -> None:
    gateway = await simulator(firmware)
    await set_up(gateway)
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON
    gateway.home.outage()
    gateway.home.advance(10)
    await until(lambda: state_of(hass, gateway, "sensor", "grid_status") == "islanded")
    assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_OFF
    gateway.home.restore()
    await until(lambda: state_of(hass, gateway, "sensor", "grid_status") != "islanded")
    # While reconnecting the home is still off-grid: the binary sensor waits for the grid.
    while state_of(hass, gateway, "sensor", "grid_status") == "transition_to_grid":
        assert state_of(hass, gateway, "binary_sensor", "grid") == STATE_OFF
        gateway.home.advance(1)
        await asyncio.sleep(0.1)
    await until(lambda: state_of(hass, gateway, "binary_sensor", "grid") == STATE_ON)
    assert state_of(hass, gateway, "sensor", "grid_status") == "connected"


@pytest.mark.usefixtures("all_enabled")
async def test_unknown_grid_state_is_unknown(hass: HomeAssistant, fast_watch: None, loaded: Loaded) -> None:
    gateway, _ = loaded
    gateway.overrides["system_status/grid_status"] = {"grid_status": "SystemOnMars", "grid_services_active": False}
    await until(lambda: state_of(hass, gateway, "binary_sensor", "grid") == STATE_UNKNOWN)
    assert state_of(hass, gateway, "sensor", "grid_status") == STATE_UNKNOWN


async def test_disabled_polling_sends_no_request(hass: HomeAssistant, fast_watch: None, loaded: Loaded) -> None:
    gateway, entry = loaded
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    await asyncio.sleep(0.1)
    asked = len(gateway.requests)
    await asyncio.sleep(0.1)
    assert len(gateway.requests) == asked


# -- log records -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_system_status_recovers_after_a_404(hass: HomeAssistant, short_memory: None, loaded: Loaded) -> None:
    gateway, entry = loaded
    energy = state_of(hass, gateway, "sensor", "energy_remaining")
    gateway.faults.add("system_status", status=404)
    await asyncio.sleep(0.25)
    await poll(hass, entry, "live", "grid", "settings")
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "energy_remaining") == STATE_UNAVAILABLE
    assert state_of(hass, gateway, "sensor", "charge") != STATE_UNAVAILABLE  # `soe` has it
    gateway.faults.clear()
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "energy_remaining") == energy


@pytest.mark.usefixtures("all_enabled")
async def test_endpoints_of_a_starting_gateway_appear_without_a_reload(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 404 of a gateway that has just started counts for a minute, here for 0.2 seconds."""
    monkeypatch.setattr(client_module, "ABSENT_WHILE_STARTING", 0.2)
    monkeypatch.setattr(islanding, "DETECTION_INTERVAL", 0.2)
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "21.44 223a56cd", "din": gateway.din, "up_time_seconds": "61.2s"}
    for path in ("system_status", "powerwalls", "operation", "v2/islanding/mode"):
        gateway.faults.add(path, status=404)
    entry = await set_up(gateway, options={CONF_ALLOW_CONTROL: True})

    def powerwalls() -> int:
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        return sum(device.serial_number in gateway.gateway.pack_serials for device in devices)

    come = (("sensor", "energy_remaining"), ("sensor", "backup_reserve"), ("switch", "off_grid"))
    for platform, key in come:
        assert state_of(hass, gateway, platform, key) is None
    assert powerwalls() == 0
    gateway.faults.clear()
    await asyncio.sleep(0.3)
    await poll(hass, entry, "live", "grid", "settings")
    await poll(hass, entry, "live", "grid", "settings")
    for platform, key in come:
        assert state_of(hass, gateway, platform, key) not in {None, STATE_UNAVAILABLE}
    assert powerwalls() == len(gateway.gateway.pack_serials)
