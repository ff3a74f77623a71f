"""Off the grid on purpose: allowed where it is, refused where it would hurt, and back by itself."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import keeper, off_grid
from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_RETURN_CHARGE
from custom_components.powerwall_gateway.gateway import IslandControl, PowerwallGateway
from custom_components.powerwall_gateway.gateway.change import Watch
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from tests.conftest import StartSimulator
from tests.simulator import Simulator

from .conftest import SetUp, state_of
from .controlling import asked_for, call, until

RECONNECTING_SECONDS = 25
QUICK = Watch(0.005, 0.01, 0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch for a fifth of a second what may take two minutes."""

    def control(gateway: PowerwallGateway) -> IslandControl:
        return IslandControl(gateway, leaving=QUICK, returning=QUICK)

    monkeypatch.setattr(keeper, "IslandControl", control)


@pytest.fixture
async def home(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> tuple[Simulator, MockConfigEntry]:
    """Give a gateway whose house leaves the grid at once when it is told to, and its entry."""
    gateway = await simulator("21.44", speed=1000.0)
    gateway.house.charge = 80.0
    return gateway, await set_up(gateway, options={CONF_ALLOW_CONTROL: True})


async def look(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll what the switch and its return stand on."""
    await entry.runtime_data.live.async_refresh()
    await entry.runtime_data.grid.async_refresh()
    await hass.async_block_till_done()


async def test_a_customer_takes_the_house_off_the_grid_and_back(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, entry = home
    assert asked_for(gateway, "v2/islanding/mode") == 1  # a look, which changes nothing
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert gateway.house.grid_status == "SystemIslandedActive"
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    assert state_of(hass, gateway, "binary_sensor", "grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"
    await call(hass, gateway, "switch", "off_grid", "turn_off")
    assert gateway.house.grid_status == "SystemGridConnected"
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    await look(hass, entry)
    gateway.house.outage()
    await look(hass, entry)
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") != "unknown"


@pytest.mark.parametrize(
    ("firmware", "options"),
    [("21.44", {}), ("1.15.0", {CONF_ALLOW_CONTROL: True}), ("pw3", {CONF_ALLOW_CONTROL: True})],
)
async def test_there_is_no_switch_where_it_is_not_allowed(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str, options: dict[str, Any]
) -> None:
    gateway = await simulator(firmware)
    await set_up(gateway, options=options)
    assert state_of(hass, gateway, "switch", "off_grid") is None
    assert [request for request in gateway.requests if request.method == "POST" and "island" in request.path] == []


@pytest.mark.parametrize(
    ("trouble", "key"),
    [
        ("outage", "no_grid_to_leave"),
        ("low", "charge_too_low"),
        ("stopped", "powerwall_stopped"),
        ("silent", "island_not_sure"),
        ("refuses", "gateway_refused"),
        ("ignores", "island_not_followed"),
    ],
)
async def test_what_stands_in_the_way_is_told(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry], trouble: str, key: str
) -> None:
    gateway, entry = home
    match trouble:
        case "outage":
            gateway.house.outage()
        case "low":
            gateway.house.charge = 22.0
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
    assert not gateway.house.off_grid_on_purpose
    await look(hass, entry)
    assert state_of(hass, gateway, "switch", "off_grid") in {"off", "unavailable"}
    assert entry.runtime_data.control.off_grid._memory.return_charge is None


async def test_a_lost_answer_is_made_up_for_by_looking(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, _ = home
    gateway.faults.add("v2/islanding/mode", method="POST", drop=True, after=True, times=1)
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    assert asked_for(gateway, "v2/islanding/mode") == 2


async def test_it_comes_back_at_the_set_charge_also_after_a_restart(
    hass: HomeAssistant,
    home: tuple[Simulator, MockConfigEntry],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway, entry = home
    monkeypatch.setattr(off_grid, "RETRY", 0.0)
    hass.config_entries.async_update_entry(entry, options={CONF_ALLOW_CONTROL: True, CONF_RETURN_CHARGE: 50.0})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await call(hass, gateway, "switch", "off_grid", "turn_on")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "switch", "off_grid") == "on"
    await look(hass, entry)
    assert gateway.house.off_grid_on_purpose
    gateway.house.charge = 52.0  # app 49 %
    gateway.faults.add("v2/islanding/mode", status=503, times=1)
    await look(hass, entry)
    await until(lambda: "does not come back to the grid yet" in caplog.text)
    await look(hass, entry)
    await until(lambda: gateway.house.grid_status == "SystemGridConnected")
    await look(hass, entry)
    assert state_of(hass, gateway, "switch", "off_grid") == "off"
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"


async def test_a_refusal_for_good_makes_it_unavailable(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, entry = home
    gateway.faults.add("v2/islanding/mode", status=404)
    with pytest.raises(HomeAssistantError):
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    await look(hass, entry)
    assert state_of(hass, gateway, "switch", "off_grid") == "unavailable"


async def test_below_twenty_percent_is_refused_before_anything_is_sent(
    hass: HomeAssistant, home: tuple[Simulator, MockConfigEntry]
) -> None:
    gateway, _ = home
    gateway.house.charge = 23.9  # app 19.9 %
    with pytest.raises(ServiceValidationError, match="at 19 %, and"):
        await call(hass, gateway, "switch", "off_grid", "turn_on")
    assert asked_for(gateway, "v2/islanding/mode") == 1
    await asyncio.sleep(0)
