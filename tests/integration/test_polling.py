"""Few requests, few states in the database, and important changes shown at once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from custom_components.powerwall_gateway import coordinator as coordinators, entity
from custom_components.powerwall_gateway.const import CONF_GRID_INTERVAL, CONF_LIVE_INTERVAL
from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS
from custom_components.powerwall_gateway.entity import (
    ENERGY_THROTTLE,
    ON_CHANGE,
    POWER_THROTTLE,
    POWERWALL_POWER_THROTTLE,
    StateThrottle,
)
from custom_components.powerwall_gateway.gateway import backoff
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from simulator import Simulator
from simulator.wire import Json
from tests.conftest import StartSimulator
from tests.helpers import request_count, until
from tests.integration.control import entity_of, let_pass, poll

from .conftest import Loaded, SetUp, state_of


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll the grid only in the test."""
    monkeypatch.setattr(coordinators, "GRID_INTERVAL", 60.0)


@contextmanager
def written(hass: HomeAssistant) -> Iterator[Counter[str]]:
    """Count the state writes by entity, also unchanged ones."""
    count: Counter[str] = Counter()

    @callback
    def note(event: Event[Any]) -> None:
        count[event.data["entity_id"]] += 1

    stops = [
        hass.bus.async_listen(EVENT_STATE_CHANGED, note),
        hass.bus.async_listen(EVENT_STATE_REPORTED, note, event_filter=callback(lambda _: True)),
    ]
    yield count
    for stop in stops:
        stop()


def at(simulator: Simulator, **site: float) -> None:
    """Set the grid's meter to fixed values."""
    payload: Json = {"site": {"instant_power": 500, "energy_imported": 5000, **site}}
    simulator.overrides["meters/aggregates"] = payload


# -- state writes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_throttle_writes_nothing_without_a_change(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, firmware: str
) -> None:
    gateway = await simulator(firmware)
    entry = await set_up(gateway)
    for _ in range(LASTING_POLLS):  # until a first 0 is certain
        await poll(hass, entry, "live", "grid", "settings")
    with written(hass) as count:
        for _ in range(3):
            await poll(hass, entry, "live", "grid", "settings")
    assert count == {}


async def test_throttle_writes_only_changed_entities(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    at(gateway)
    entry = await set_up(gateway)
    power = entity_of(hass, gateway, "sensor", "grid_power")
    with written(hass) as count:
        for watts in (550, 599, 600, 650, 699.9, 700):
            at(gateway, instant_power=watts)
            await poll(hass, entry, "live", "grid", "settings")
    assert count == {power: 2}
    assert state_of(hass, gateway, "sensor", "grid_power") == "700.0"


async def test_throttle_writes_energy_once_a_minute(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(entity, "monotonic", lambda: now)
    gateway = await simulator("21.44")
    at(gateway)
    entry = await set_up(gateway)
    energy = entity_of(hass, gateway, "sensor", "grid_import_energy")
    with written(hass) as count:
        for second in range(5, 125, 5):
            now = 1000.0 + second
            at(gateway, energy_imported=5000 + second / 10)
            await poll(hass, entry, "live", "grid", "settings")
    assert count == {energy: 2}
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "5.012"


async def test_energy_filter_sees_energies_that_are_not_written(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await simulator("21.44")
    at(gateway)
    entry = await set_up(gateway)
    at(gateway, energy_imported=0)
    await poll(hass, entry, "live", "grid", "settings")
    assert "grid_import_energy fell from 5000 to 0 Wh: held back" in caplog.text


async def test_throttle_writes_zero_and_unknown_at_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_life: None
) -> None:
    gateway = await simulator("21.44")
    at(gateway, instant_power=4)
    entry = await set_up(gateway)
    for watts in (0, 3, -3, -9):  # idle power varies around zero
        at(gateway, instant_power=watts)
        await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "grid_power") == "-9.0"
    gateway.faults.add("meters/aggregates", status=500)
    await poll(hass, entry, "live", "grid", "settings")
    for key in ("grid_power", "grid_import_energy"):
        assert state_of(hass, gateway, "sensor", key) == STATE_UNAVAILABLE
    gateway.faults.clear()
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "grid_power") == "-9.0"
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "5.0"


@pytest.mark.parametrize(
    ("throttle", "last", "value", "elapsed", "worth"),
    [
        (ON_CHANGE, "idle", "charging", 0, True),
        (ON_CHANGE, 5, 5, 3600, False),
        (POWER_THROTTLE, None, 4, 0, True),
        (POWER_THROTTLE, 4, None, 0, True),
        (POWER_THROTTLE, 4, 13.9, 3600, False),
        (POWER_THROTTLE, 4, 14, 29, False),
        (POWER_THROTTLE, 4, 14, 30, True),
        (POWER_THROTTLE, 4, 103, 0, False),
        (POWER_THROTTLE, 4, 104, 0, True),
        (POWER_THROTTLE, 3000, 3149, 0, False),
        (POWER_THROTTLE, 3000, 3150, 0, True),
        (POWER_THROTTLE, 4, 0, 0, True),
        (POWER_THROTTLE, 0, -4, 0, True),
        (POWER_THROTTLE, 4, -5.9, 3600, False),
        (POWER_THROTTLE, 4, -6, 0, True),
        (ENERGY_THROTTLE, 100, 100.001, 59, False),
        (ENERGY_THROTTLE, 100, 100.001, 60, True),
        (ENERGY_THROTTLE, 0, 1, 1, True),
        (POWERWALL_POWER_THROTTLE, 100, 200, 29, False),
        (POWERWALL_POWER_THROTTLE, 100, 109, 30, False),
        (POWERWALL_POWER_THROTTLE, 100, 200, 30, True),
        (POWERWALL_POWER_THROTTLE, 100, -100, 1, True),
    ],
)
def test_throttle_decides_by_value_and_time(
    throttle: StateThrottle, last: object, value: object, elapsed: float, worth: bool
) -> None:
    assert throttle.should_write(value, last, elapsed) is worth


async def test_throttle_writes_unavailable_after_unknown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, short_life: None
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {"site": {"instant_power": "many", "energy_imported": 5000}}
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_power") == STATE_UNKNOWN
    gateway.faults.add("meters/aggregates", status=500)
    await poll(hass, entry, "live", "grid", "settings")
    assert state_of(hass, gateway, "sensor", "grid_power") == STATE_UNAVAILABLE


@pytest.fixture
def short_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no value after a failed poll."""
    monkeypatch.setattr("custom_components.powerwall_gateway.coordinator.KEPT_INTERVALS", 0)
    monkeypatch.setattr("custom_components.powerwall_gateway.coordinator.KEPT_AT_LEAST", 0.0)


@pytest.mark.usefixtures("all_enabled")
async def test_throttle_writes_a_powerwall_twice_a_minute(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(entity, "monotonic", lambda: now)
    gateway = await simulator("21.44")
    home = gateway.home
    home.charge, home.solar_power, home.home_power = 80.0, 0.0, 3000.0
    entry = await set_up(gateway)
    serial = entry.runtime_data.live.data.system.value.battery_blocks[0].serial_number
    remaining = entity_of(hass, gateway, "sensor", f"{serial}_energy_remaining")
    with written(hass) as count:
        for second in range(5, 65, 5):
            now = 1000.0 + second
            home.advance(5)
            await poll(hass, entry, "live", "grid", "settings")
    assert count[remaining] == 2


# -- polling intervals -------------------------------------------------------------------------------------------------


async def test_polls_use_the_intervals_of_the_options(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, options={CONF_GRID_INTERVAL: 3.0, CONF_LIVE_INTERVAL: 20.0})
    assert entry.runtime_data.grid.schedule.interval == 3
    assert entry.runtime_data.live.update_interval.total_seconds() == 20


async def test_polls_use_the_documented_intervals(hass: HomeAssistant, loaded: Loaded) -> None:
    data = loaded[1].runtime_data
    intervals = [
        coordinator.update_interval.total_seconds()
        for coordinator in (data.live, data.detail, data.settings, data.inventory)
    ]
    assert intervals == [5, 30, 60, 15 * 60]


async def test_slow_gateway_is_polled_less_often_and_its_values_are_kept_longer(
    hass: HomeAssistant, loaded: Loaded
) -> None:
    gateway, entry = loaded
    live = entry.runtime_data.live
    entry.runtime_data.grid.schedule.cost = 20.0  # a third of its interval already
    live.schedule.cost = 1.0
    await live.async_refresh()
    interval = live.update_interval.total_seconds()
    assert interval > 50
    gateway.faults.add("meters/aggregates", status=500)
    let_pass(hass, 2.5 * interval)
    await live.async_refresh()
    assert state_of(hass, gateway, "sensor", "grid_power") != STATE_UNAVAILABLE
    let_pass(hass, 0.5 * interval)
    await live.async_refresh()
    assert state_of(hass, gateway, "sensor", "grid_power") == STATE_UNAVAILABLE
    gateway.faults.clear()
    entry.runtime_data.grid.schedule.cost = 0.0
    await live.async_refresh()
    assert live.update_interval.total_seconds() == 5


async def test_polls_need_few_requests(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, options={CONF_GRID_INTERVAL: 30.0, CONF_LIVE_INTERVAL: 30.0})
    data = entry.runtime_data
    gateway.requests.clear()
    for half_minute in range(30):
        before = len(gateway.requests)
        await data.live.async_refresh()
        assert len(gateway.requests) - before <= 3
        if half_minute % 2 == 0:
            await data.settings.async_refresh()
            await data.grid.async_refresh()  # requested so often if `system_status` has the grid's state, too
    await data.inventory.async_refresh()
    assert len(gateway.requests) / 30 <= 5
    # The request that may start a check for new firmware uses its own connection, four times an hour.
    kept = {request.connection for request in gateway.requests if request.path != "system/update/status"}
    assert len(kept) == 1


# -- the grid watch ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_system_status_updates_the_grid(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.home.outage()
    gateway.home.advance(10)
    gateway.requests.clear()
    await entry.runtime_data.live.async_refresh()
    assert [request.path for request in gateway.requests] == ["meters/aggregates", "system_status"]
    assert state_of(hass, gateway, "binary_sensor", "grid") == "off"
    assert state_of(hass, gateway, "sensor", "grid_status") == "islanded"
    assert state_of(hass, gateway, "binary_sensor", "grid_services") == "off"


async def test_system_status_postpones_the_grid_poll_for_a_minute_at_most(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, loaded: Loaded
) -> None:
    _, entry = loaded
    watch, live = entry.runtime_data.grid, entry.runtime_data.live
    due = watch._due
    await live.async_refresh()
    assert due < watch._due < hass.loop.time() + coordinators._PUT_OFF * watch.schedule.interval
    due = watch._due
    monkeypatch.setattr(coordinators, "SERVICES_INTERVAL", 0.0)
    await live.async_refresh()
    assert watch._due == due


async def test_grid_change_refreshes_every_coordinator(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    gateway.home.outage()
    gateway.home.advance(10)
    gateway.requests.clear()

    def asked() -> set[str]:
        return {request.path for request in gateway.requests}

    await entry.runtime_data.grid.async_refresh()
    await until(lambda: {"system_status/soe", "system_status/grid_faults"} <= asked())
    gateway.requests.clear()
    await entry.runtime_data.grid.async_refresh()
    await asyncio.sleep(0.05)
    assert [request.path for request in gateway.requests] == ["system_status/grid_status"]


async def test_second_grid_change_refreshes_again(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0", latency=0.02)
    entry = await set_up(gateway, options={CONF_LIVE_INTERVAL: 60.0})
    gateway.home.outage()
    gateway.home.advance(10)
    gateway.requests.clear()
    await entry.runtime_data.grid.async_refresh()
    await until(lambda: request_count(gateway, "meters/aggregates") == 1)
    gateway.home.restore()
    gateway.home.advance(120)
    await entry.runtime_data.grid.async_refresh()
    await until(lambda: request_count(gateway, "meters/aggregates") == 2)


# -- rate limits, and an unreachable gateway ---------------------------------------------------------------------------


async def test_busy_gateway_keeps_its_values_without_requests(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("meters/aggregates", status=503)
    gateway.requests.clear()
    for _ in range(5):
        await poll(hass, entry, "live", "grid", "settings")
    assert [request.path for request in gateway.requests] == ["meters/aggregates"]
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    assert state_of(hass, gateway, "sensor", "charge") != STATE_UNAVAILABLE
    await entry.runtime_data.grid.async_force_refresh()  # a command does not wait
    assert [request.path for request in gateway.requests] == ["meters/aggregates", "system_status/grid_status"]


async def test_polls_resume_after_the_backoff(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST_WHEN_BUSY", 0.05)
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    live = entry.runtime_data.live
    gateway.faults.add("meters/aggregates", status=503, times=1)
    await live.async_refresh()
    assert live.data.meters.error
    await until(lambda: live.schedule.backoff_error is None)
    await live.async_refresh()
    assert live.data.meters.error is None


async def test_restarting_gateway_gets_few_requests(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("*", drop=True)
    gateway.requests.clear()
    for _ in range(10):
        await poll(hass, entry, "live", "grid", "settings")
    # aiohttp repeats a request on a dropped connection, and the client repeats it once, too.
    assert len(gateway.requests) <= 4
