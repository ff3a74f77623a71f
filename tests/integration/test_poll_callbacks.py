"""An exception in a poll, or in a listener after it, affects neither the values nor the detection of outages."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.powerwall_gateway import coordinator as coordinator_module
from custom_components.powerwall_gateway.after_poll import EntryMonitor
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_GRID_INTERVAL
from custom_components.powerwall_gateway.coordinator import GatewayCoordinator
from custom_components.powerwall_gateway.data import PowerwallGatewayData
from custom_components.powerwall_gateway.gateway import PowerwallGateway
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.update_coordinator import REQUEST_REFRESH_DEFAULT_COOLDOWN
from homeassistant.util import dt as dt_util
from tests.conftest import StartSimulator
from tests.helpers import until

from .conftest import Loaded, SetUp, entry_for, state_of
from .test_solar import TESLA, plus

COORDINATORS = ("grid", "live", "detail", "settings", "inventory")


def fail(*_: Any, **__: Any) -> Any:
    """Raise an unexpected error."""
    raise ValueError("a fault of the integration")


def coordinators(data: PowerwallGatewayData) -> list[GatewayCoordinator[Any]]:
    """Return all coordinators of an entry."""
    return [getattr(data, name) for name in COORDINATORS]


def break_callbacks(monkeypatch: pytest.MonkeyPatch, coordinator: GatewayCoordinator[Any]) -> None:
    """Make every listener of a coordinator fail except the entities."""
    monitors = [
        key
        for key, (listener, _) in coordinator._listeners.items()
        if not isinstance(getattr(listener.__wrapped__, "__self__", None), Entity)  # type: ignore[attr-defined]  # set by wraps
    ]
    assert monitors, coordinator.name
    remove = coordinator.async_add_listener(fail)
    *_, failing = coordinator._listeners.values()
    remove()
    for key in monitors:
        monkeypatch.setitem(coordinator._listeners, key, failing)


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the errors that were logged with their traceback."""
    return [record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll the grid only in the test."""
    monkeypatch.setattr(coordinator_module, "GRID_INTERVAL", 60.0)


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, patient: None) -> Loaded:
    """Return a gateway and its entry."""
    gateway = await simulator("21.44")
    return gateway, await set_up(gateway, options={CONF_ALLOW_CONTROL: True})


@pytest.mark.parametrize("name", COORDINATORS)
async def test_failing_callback_stops_no_other_callback_and_no_entity(
    hass: HomeAssistant, loaded: Loaded, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    _, entry = loaded
    coordinator: GatewayCoordinator[Any] = getattr(entry.runtime_data, name)
    calls: list[str] = []
    coordinator.async_add_listener(fail)
    coordinator.async_add_listener(lambda: calls.append("callback"))
    coordinator.async_add_listener(lambda: calls.append("listener"))
    for _ in range(3):
        coordinator.data = replace(coordinator.data)
        await coordinator.async_refresh()
    assert calls.count("callback") >= 3
    assert calls.count("listener") >= 3
    (logged,) = tracebacks(caplog)
    assert "Unexpected error in fail" in logged.message


async def test_values_are_updated_if_every_callback_fails(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    data = entry.runtime_data
    for coordinator in coordinators(data):
        break_callbacks(monkeypatch, coordinator)
    gateway.home.charge = 43.0
    gateway.home.outage()
    gateway.home.advance(10)
    for coordinator in coordinators(data):
        await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "binary_sensor", "grid") == "off"
    assert state_of(hass, gateway, "sensor", "charge") == "40.0"
    gateway.home.restore()
    gateway.home.advance(60)
    await data.grid.async_refresh()
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    monkeypatch.undo()


@pytest.mark.parametrize("name", [f"_check_{of}" for of in ("grid", "off_grid", "session", "settings", "live")])
async def test_callback_that_fails_from_the_start_leaves_the_entry_loaded(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
    patient: None,
    name: str,
) -> None:
    monkeypatch.setattr(EntryMonitor, name, fail)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    assert entry.state is ConfigEntryState.LOADED
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"


# -- the grid watch ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def watched(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Return a gateway whose grid is polled by the background task, many times per second."""
    gateway = await simulator("1.15.0")  # its live data do not have the grid's state
    return gateway, await set_up(gateway, options={CONF_GRID_INTERVAL: 0.02})


def in_callbacks(entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail in the callbacks after the poll."""
    break_callbacks(monkeypatch, entry.runtime_data.grid)


def in_the_request(_: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail in the client."""
    monkeypatch.setattr(PowerwallGateway, "grid_status", fail)


def in_the_poll(entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail while the response is processed."""
    monkeypatch.setattr(entry.runtime_data.grid, "_process", fail)


def in_the_refresh(entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail outside of Home Assistant's error handling."""
    monkeypatch.setattr(entry.runtime_data.grid, "_async_refresh_finished", fail)


def in_the_schedule(entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail in the computation of the next poll's time."""
    monkeypatch.setattr(type(entry.runtime_data.grid.schedule), "interval", property(fail))


@pytest.mark.parametrize("where", [in_callbacks, in_the_request, in_the_poll, in_the_refresh, in_the_schedule])
async def test_grid_watch_continues_after_any_error(
    hass: HomeAssistant,
    watched: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: Callable[[MockConfigEntry, pytest.MonkeyPatch], None],
) -> None:
    gateway, entry = watched
    await until(lambda: state_of(hass, gateway, "binary_sensor", "grid") == "on")
    with monkeypatch.context() as broken:
        where(entry, broken)
        await asyncio.sleep(0.3)
    gateway.home.outage()
    gateway.home.advance(10)
    await until(lambda: state_of(hass, gateway, "binary_sensor", "grid") == "off")
    assert len(tracebacks(caplog)) <= 3
    assert sum(record.levelno >= logging.ERROR for record in caplog.records) <= 4


async def test_endpoint_with_an_unexpected_error_affects_only_its_entities(
    hass: HomeAssistant,
    loaded: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway, entry = loaded
    live = entry.runtime_data.live
    monkeypatch.setattr(PowerwallGateway, "meters_aggregates", fail)
    gateway.home.charge = 43.0
    for _ in range(3):
        await live.async_refresh()
    assert state_of(hass, gateway, "sensor", "charge") == "40.0"
    assert live.last_update_success
    assert len(tracebacks(caplog)) == 1


async def test_error_of_the_grid_update_affects_no_live_value(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    monkeypatch.setattr(entry.runtime_data.grid, "_process", fail)
    gateway.home.charge = 43.0
    await entry.runtime_data.live.async_refresh()
    assert state_of(hass, gateway, "sensor", "charge") == "40.0"


# -- endpoints that are always polled ----------------------------------------------------------------------------------


async def test_polls_continue_if_every_entity_is_disabled(hass: HomeAssistant, loaded: Loaded) -> None:
    _, entry = loaded
    registry = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_entity(entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    for coordinator in coordinators(entry.runtime_data):
        assert coordinator.update_interval is None or coordinator._unsub_refresh, coordinator.name


def pass_time(hass: HomeAssistant, seconds: float) -> None:
    """Run all timers of Home Assistant that are due within some seconds."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
async def test_details_appear_after_a_failed_first_poll(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    patient: None,
    short_backoff: None,
    fault: dict[str, Any],
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides.update({"solars": [TESLA], "solar_powerwall": plus()})
    gateway.faults.add("solar_powerwall", **fault)
    await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "inverter_1_power") is None
    gateway.faults.clear()
    pass_time(hass, 45)
    await until(lambda: state_of(hass, gateway, "sensor", "inverter_1_power") == "1360")


@pytest.mark.parametrize("path", ["powerwalls", "meters", "networks"])
async def test_hardware_appears_soon_after_a_failed_first_poll(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, patient: None, path: str
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add(path, status=500)
    entry = await set_up(gateway)
    before = len(er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id))
    inventory = entry.runtime_data.inventory
    assert inventory.update_interval == timedelta(seconds=60)
    await inventory.async_refresh()
    assert inventory.update_interval == timedelta(seconds=120)
    for _ in range(9):
        await inventory.async_refresh()
    assert inventory.update_interval == timedelta(seconds=900)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    gateway.faults.clear()
    pass_time(hass, 75)
    await until(lambda: len(er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)) > before)
    await until(lambda: entry.runtime_data.inventory.update_interval == timedelta(seconds=900))
    assert entry.runtime_data.inventory.update_interval == timedelta(seconds=900)


@pytest.mark.parametrize(("up_time", "seconds"), [("61.2s", 60), ("5h1m", 900)])
async def test_hardware_denied_by_a_starting_gateway_appears_soon(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, patient: None, up_time: str, seconds: int
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "21.44 223a56cd", "din": gateway.din, "up_time_seconds": up_time}
    gateway.faults.add("powerwalls", status=404)
    entry = await set_up(gateway)
    assert entry.runtime_data.inventory.update_interval == timedelta(seconds=seconds)


async def test_reload_during_a_poll_logs_no_error(
    hass: HomeAssistant,
    simulator: StartSimulator,
    patient: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = await simulator("21.44")
    entry = entry_for(gateway)
    entry.add_to_hass(hass)
    asked: list[str] = []
    gateway.server.observer = lambda step, call: asked.append(call.path) if step == "sent" else None
    gateway.faults.add("powerwalls", delay=8.0)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: "powerwalls" in asked)
    gateway.faults.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert "Could not connect" not in caplog.text
    assert "did not complete in time" not in caplog.text
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"


async def test_forced_poll_that_ends_leaves_another_one_forced(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entry = loaded
    detail = entry.runtime_data.detail
    poll, turns = detail._poll, [asyncio.Event(), asyncio.Event()]
    forced: list[bool] = []

    async def slow_poll() -> Any:
        await turns[len(forced)].wait()
        forced.append(bool(detail._forced))
        return await poll()

    monkeypatch.setattr(detail, "_poll", slow_poll)
    both = [asyncio.ensure_future(detail.async_force_refresh()) for _ in turns]
    for turn in turns:
        turn.set()
        await asyncio.sleep(0.05)
    await asyncio.gather(*both)
    assert forced == [True, True]
    assert not detail._forced


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 502}, {"status": 503}], ids=["cut", "502", "503"])
async def test_failed_coordinators_are_polled_when_the_gateway_responds(
    hass: HomeAssistant, loaded: Loaded, short_backoff: None, fault: dict[str, Any]
) -> None:
    gateway, entry = loaded
    data = entry.runtime_data
    gateway.faults.add("*", **fault)
    for coordinator in coordinators(data):
        await coordinator.async_refresh()
    assert data.inventory.data.networks.error
    assert data.settings.data.sitemaster.error
    gateway.faults.clear()
    while data.grid.data.status.error:
        await asyncio.sleep(0.05)
        await data.grid.async_refresh()
    pass_time(hass, REQUEST_REFRESH_DEFAULT_COOLDOWN + 1)
    await until(lambda: data.inventory.data.networks.error is None)
    await until(lambda: data.settings.data.sitemaster.error is None)
