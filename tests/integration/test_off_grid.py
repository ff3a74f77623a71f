"""Go off-grid and reconnect: only if it is allowed and safe, and with automatic reconnection."""

import asyncio
import errno
from functools import partial
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import control, hub
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_RETURN_CHARGE
from custom_components.powerwall_gateway.gateway import IslandingController
from custom_components.powerwall_gateway.gateway.backoff import Polling
from custom_components.powerwall_gateway.storage import EntryStore
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.helpers import request_count, until
from tests.integration.control import call, poll

from .conftest import Loaded, SetUp, state_of

QUICK = Polling(0.005, 0.01, 0.2)


@pytest.fixture(autouse=True)
def short_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait 0.2 seconds instead of up to 2 minutes."""
    monkeypatch.setattr(hub, "IslandingController", partial(IslandingController, off_grid=QUICK, on_grid=QUICK))


@pytest.fixture
async def loaded(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> Loaded:
    """Return a gateway whose home goes off-grid at once and uses almost no power, and its entry."""
    gateway = await simulator("21.44", speed=1000.0)
    simulated = gateway.home
    simulated.charge, simulated.solar_power, simulated.home_power = 80.0, 0.0, 100.0
    return gateway, await set_up(gateway, options={CONF_ALLOW_CONTROL: True})


def orders(gateway: Simulator) -> list[str]:
    """Return the gateway's islanding orders."""
    return [
        json.loads(request.body)["island_mode"]
        for request in gateway.requests
        if request.method == "POST" and request.path == "v2/islanding/mode"
    ]


async def stored(hass: HomeAssistant, entry: MockConfigEntry) -> EntryStore:
    """Return what is on disk."""
    store = EntryStore(hass, entry.entry_id)
    await store.async_load()
    return store


LEAVE, RETURN = "intentional_reconnect_failsafe", "backup"


@pytest.mark.usefixtures("all_enabled")
async def test_customer_goes_off_grid_and_reconnects(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    assert request_count(gateway, "v2/islanding/mode") == 1  # a read, which changes nothing
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.home.grid_status == "SystemIslandedActive"
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    assert state_of(hass, gateway, "binary_sensor", "grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert gateway.home.grid_status == "SystemGridConnected"
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await poll(hass, entry, "live", "grid")
    gateway.home.outage()
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") != "unknown"


@pytest.mark.parametrize(
    ("firmware", "options"),
    [("21.44", {}), ("1.15.0", {CONF_ALLOW_CONTROL: True}), ("pw3", {CONF_ALLOW_CONTROL: True})],
)
async def test_off_grid_switch_is_missing_if_not_allowed(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str, options: dict[str, Any]
) -> None:
    gateway = await simulator(firmware)
    await set_up(gateway, options=options)
    assert state_of(hass, gateway, "switch", "off_grid") is None
    assert [request for request in gateway.requests if request.method == "POST" and "island" in request.path] == []


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("outage", "no_grid_to_leave"),
        ("low", "charge_too_low"),
        ("stopped", "powerwall_stopped"),
        ("silent", "island_not_sure"),
        ("refuses", "gateway_refused"),
        ("ignores", "island_not_followed"),
    ],
)
async def test_off_grid_raises_the_reason(hass: HomeAssistant, loaded: Loaded, fault: str, key: str) -> None:
    gateway, entry = loaded
    match fault:
        case "outage":
            gateway.home.outage()
        case "low":
            gateway.home.charge = 22.0
        case "stopped":
            gateway.running = False
        case "silent":
            gateway.faults.add("system_status/soe", status=500)
        case "refuses":
            gateway.faults.add("v2/islanding/mode", status=500, body=b'{"error":"Not now"}')
        case "ignores":
            gateway.faults.add("v2/islanding/mode", status=200, body=b"{}")
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert raised.value.translation_key == key
    assert str(raised.value)
    assert not gateway.home.off_grid_on_purpose
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "switch", "off_grid") in {"off", "unavailable"}
    assert entry.runtime_data.control.off_grid._store.return_charge is None


async def test_off_grid_with_a_lost_response_is_confirmed_by_reading(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    gateway.faults.add("v2/islanding/mode", method="POST", drop=True, after=True, times=1)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    assert orders(gateway) == [LEAVE]


@pytest.mark.usefixtures("all_enabled")
async def test_off_grid_ends_at_the_set_charge_after_a_restart(
    hass: HomeAssistant,
    loaded: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway, entry = loaded
    monkeypatch.setattr(control, "RETRY", 0.0)
    hass.config_entries.async_update_entry(entry, options={CONF_ALLOW_CONTROL: True, CONF_RETURN_CHARGE: 50.0})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    await poll(hass, entry, "live", "grid")
    assert gateway.home.off_grid_on_purpose
    gateway.home.charge = 52.0  # app 49 %
    gateway.faults.add("v2/islanding/mode", status=503, times=1)
    await poll(hass, entry, "live", "grid")
    await until(lambda: "Could not reconnect" in caplog.text)
    await poll(hass, entry, "live", "grid")
    await until(lambda: gateway.home.grid_status == "SystemGridConnected")
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"


async def test_failed_poll_after_going_off_grid_keeps_the_charge_at_which_to_reconnect(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    grid = entry.runtime_data.grid
    refresh = grid.async_force_refresh

    async def fail() -> None:
        gateway.faults.add("system_status/grid_status", status=500)
        await refresh()
        gateway.faults.clear()

    monkeypatch.setattr(grid, "async_force_refresh", fail)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    await hass.async_block_till_done()
    await poll(hass, entry, "grid")
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    assert (await stored(hass, entry)).return_charge is not None


async def test_permanent_refusal_makes_the_off_grid_switch_unavailable(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.faults.add("v2/islanding/mode", status=404)
    with pytest.raises(HomeAssistantError):
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "switch", "off_grid") == "unavailable"


async def test_off_grid_below_20_percent_is_refused_without_a_request(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    gateway.speed = 0.0
    gateway.home.charge = 23.9  # app 19.9 %
    with pytest.raises(ServiceValidationError, match="is 19%"):
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert orders(gateway) == []


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_off_grid_switch_shows_the_state_of_the_gateway(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.speed = 0.0

    async def shown_when(order: str, state: str) -> set[str | None]:
        """Return the states of the switch until the grid has a state."""
        under_way = hass.async_create_task(call(hass, gateway, "switch", "off_grid", order))
        await until(lambda: len(orders(gateway)) == asked + 1)
        seen = set()
        while gateway.home.grid_status != state:
            await entry.runtime_data.grid.async_refresh()
            seen.add(state_of(hass, gateway, "switch", "off_grid"))
            gateway.home.advance(5)
        await under_way
        return seen

    asked = 0
    assert await shown_when("turn_on", "SystemIslandedActive") == {"on"}
    assert state_of(hass, gateway, "sensor", "grid_status") == "islanded"
    asked = 1
    assert await shown_when("turn_off", "SystemGridConnected") == {"on"}
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert orders(gateway) == [LEAVE, RETURN]


async def test_off_grid_commands_run_in_sequence(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    await asyncio.gather(
        *(call(hass, gateway, "switch", "off_grid", order) for order in ("turn_on", "turn_on", "turn_off"))
    )
    assert orders(gateway) == [LEAVE, RETURN]
    assert gateway.home.grid_status == "SystemGridConnected"
    assert state_of(hass, gateway, "switch", "off_grid") == "off"


async def test_off_grid_sends_nothing_without_a_change(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert orders(gateway) == []
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert orders(gateway) == [LEAVE]


async def test_poll_before_the_off_grid_command_keeps_it(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded
    keep = EntryStore.async_set_return_charge

    async def keep_slowly(memory: EntryStore, charge: float | None) -> bool:
        kept = await keep(memory, charge)
        await entry.runtime_data.grid.async_refresh()
        return kept

    monkeypatch.setattr(EntryStore, "async_set_return_charge", keep_slowly)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert entry.runtime_data.control.off_grid._store.return_charge == 20.0
    assert state_of(hass, gateway, "switch", "off_grid") == "on"


async def test_off_grid_needs_a_stored_return_charge(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, entry = loaded

    async def full(*_: Any) -> None:
        raise WriteError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Store, "_async_write_data", full)
        with pytest.raises(HomeAssistantError) as raised:
            await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert raised.value.translation_key == "return_not_kept"
    assert orders(gateway) == []
    assert entry.runtime_data.control.off_grid._store.return_charge is None


@pytest.mark.usefixtures("all_enabled")
async def test_outage_while_off_grid_begins_with_the_reconnect(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    gateway.home.outage()
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert raised.value.translation_key == "island_not_followed"
    assert state_of(hass, gateway, "sensor", "last_outage") != "unknown"
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    gateway.home.restore()
    await until(lambda: gateway.home.grid_status == "SystemGridConnected")
    await poll(hass, entry, "live", "grid")
    assert state_of(hass, gateway, "binary_sensor", "grid") == "on"
    assert entry.runtime_data.grid.data.log.value.period.ended


async def test_area_turn_on_does_not_go_off_grid(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    device_id, area_id = entry.runtime_data.device_id, ar.async_get(hass).async_create("Hall").id
    dr.async_get(hass).async_update_device(device_id, area_id=area_id)
    for target in ({"area_id": area_id}, {"device_id": device_id}):
        await hass.services.async_call("switch", "turn_on", target, blocking=True)
    assert orders(gateway) == []


@pytest.mark.parametrize(("status", "there"), [(405, True), (404, False), (500, False), (403, False), (503, False)])
async def test_off_grid_detection_uses_the_status_only(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, status: int, there: bool
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("v2/islanding/mode", status=status)
    await set_up(gateway, options={CONF_ALLOW_CONTROL: True})
    assert (state_of(hass, gateway, "switch", "off_grid") is not None) is there
    assert orders(gateway) == []


@pytest.mark.usefixtures("all_enabled")
async def test_outage_before_the_order_is_an_outage(
    hass: HomeAssistant, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage begins between the first check and the order, while the return charge is stored."""
    gateway, entry = loaded
    keep = EntryStore.async_set_return_charge

    async def keep_slowly(memory: EntryStore, charge: float | None) -> bool:
        kept = await keep(memory, charge)
        if charge is not None:
            gateway.home.outage()
        return kept

    monkeypatch.setattr(EntryStore, "async_set_return_charge", keep_slowly)
    with pytest.raises(ServiceValidationError):
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    await poll(hass, entry, "live", "grid")
    assert orders(gateway) == []
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") != "unknown"
