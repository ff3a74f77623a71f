"""The built-in integration works with the simulated gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_IP_ADDRESS, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from simulator import Simulator
from tests.conftest import StartSimulator

DOMAIN = "powerwall"

type Add = Callable[[Simulator], Awaitable[ConfigEntry]]


@pytest.fixture
async def add(hass: HomeAssistant) -> AsyncIterator[Add]:
    """Submit the form. The entry is removed after the test."""
    async with AsyncExitStack() as stack:

        async def add(gateway: Simulator) -> ConfigEntry:
            flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
            result = await hass.config_entries.flow.async_configure(
                flow["flow_id"],
                {CONF_IP_ADDRESS: f"{gateway.host}:{gateway.port}", CONF_PASSWORD: gateway.password},
            )
            assert result["type"] is FlowResultType.CREATE_ENTRY, result
            await hass.async_block_till_done()
            entry = result["result"]
            stack.push_async_callback(hass.config_entries.async_remove, entry.entry_id)
            return entry

        yield add


def value(hass: HomeAssistant, entity: str) -> str:
    """Read an entity; `sensor.x` is `sensor.home_energy_gateway_x`."""
    platform, name = entity.split(".")
    state = hass.states.get(f"{platform}.home_energy_gateway_{name}")
    assert state is not None, sorted(hass.states.async_entity_ids())
    return state.state


async def refresh(entry: ConfigEntry) -> None:
    """Poll the gateway now instead of in 30 seconds."""
    await entry.runtime_data["coordinator"].async_refresh()


async def test_core_shows_the_simulated_home(hass: HomeAssistant, simulator: StartSimulator, add: Add) -> None:
    gateway = await simulator("21.44")
    home = gateway.home
    home.advance(3600)
    entry = await add(gateway)
    assert (entry.state, entry.title) == (ConfigEntryState.LOADED, "Home Energy Gateway")
    assert entry.unique_id == gateway.din
    for meter, power in (
        ("site", home.grid_power),
        ("battery", home.battery_power),
        ("load", home.home_power),
        ("solar", home.solar_power),
    ):
        assert float(value(hass, f"sensor.{meter}_power")) == pytest.approx(power / 1000, abs=0.006)
    for meter, energy in (
        ("site_import", home.grid_import_energy),
        ("site_export", home.grid_export_energy),
        ("battery_import", home.battery_charge_energy),
        ("battery_export", home.battery_discharge_energy),
        ("load_import", home.home_energy),
        ("solar_export", home.solar_energy),
    ):
        assert float(value(hass, f"sensor.{meter}")) == pytest.approx(energy / 1000, abs=0.1)
    assert float(value(hass, "sensor.charge")) == pytest.approx(home.charge)
    assert value(hass, "sensor.backup_reserve") == f"{home.reserve:.0f}"
    assert value(hass, "sensor.operation_mode") == "self_consumption"
    for pack, serial in zip(home.packs, gateway.gateway.pack_serials, strict=True):
        remaining = float(value(hass, f"sensor.{serial.lower()}_battery_remaining"))
        assert remaining == pytest.approx(pack.remaining / 1000, abs=0.001)
    assert value(hass, "binary_sensor.status") == "on"
    assert value(hass, "binary_sensor.connected_to_tesla") == "on"


async def test_core_shows_an_outage_and_a_stop(hass: HomeAssistant, simulator: StartSimulator, add: Add) -> None:
    gateway = await simulator("21.44")
    entry = await add(gateway)
    assert (value(hass, "binary_sensor.grid_status"), value(hass, "switch.off_grid_operation")) == ("on", "off")
    gateway.home.outage()
    gateway.home.advance(10)
    await refresh(entry)
    assert (value(hass, "binary_sensor.grid_status"), value(hass, "switch.off_grid_operation")) == ("off", "on")
    gateway.running = False
    await refresh(entry)
    assert value(hass, "sensor.charge") == "unavailable"  # the 502s of a stopped system
    gateway.running = True
    gateway.tokens.clear()
    await refresh(entry)
    assert value(hass, "sensor.charge") != "unavailable"  # it logged in again


async def test_core_switch_goes_off_grid(hass: HomeAssistant, simulator: StartSimulator, add: Add) -> None:
    gateway = await simulator("21.44")
    entry = await add(gateway)
    order = {"entity_id": "switch.home_energy_gateway_off_grid_operation"}
    await hass.services.async_call("switch", "turn_on", order, blocking=True)
    assert gateway.home.off_grid_on_purpose
    gateway.home.advance(5)
    await refresh(entry)
    assert gateway.home.islanded
    assert value(hass, "binary_sensor.grid_status") == "off"


async def test_core_supports_a_powerwall_3(hass: HomeAssistant, simulator: StartSimulator, add: Add) -> None:
    gateway = await simulator("pw3")
    entry = await add(gateway)
    assert (entry.state, entry.unique_id) == (ConfigEntryState.LOADED, None)
    (charge,) = [state for state in hass.states.async_all("sensor") if state.entity_id.endswith("_charge")]
    assert float(charge.state) == pytest.approx(gateway.home.charge)
    assert {request.path for request in gateway.requests} == {
        "login/Basic",
        "powerwalls",  # detected by the 404
        "meters/aggregates",
        "system_status/soe",
        "system_status/grid_status",
    }


async def test_core_form_rejects_a_default_password(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("24.36")
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {CONF_IP_ADDRESS: f"{gateway.host}:{gateway.port}", CONF_PASSWORD: gateway.password}
    )
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {CONF_PASSWORD: "invalid_auth"})
