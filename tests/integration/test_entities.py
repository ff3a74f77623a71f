"""The entities: their values, and their state if a response is incomplete."""

from dataclasses import replace

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.coordinator import EndpointResult
from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS
from custom_components.powerwall_gateway.gateway import app_from_raw
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from simulator import SimulatedHome
from simulator.wire import Json
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_sensors_match_the_simulated_home(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware)
    gateway.home.solar_power = 5200
    gateway.home.home_power = 1100
    gateway.home.advance(3600)
    await set_up(gateway)
    simulated = gateway.home

    def value(key: str) -> float:
        return float(state_of(hass, gateway, "sensor", key) or "nan")

    for key in ("grid_power", "battery_power", "home_power", "solar_power"):
        assert value(key) == pytest.approx(getattr(simulated, key), abs=15)
    assert value("solar_power") > 5000
    assert value("battery_power") < 0  # charging
    assert value("charge") == pytest.approx(app_from_raw(simulated.charge), abs=0.06)
    # The battery's counters go in steps of 10 Wh, and the home's are computed from the others.
    for key in ("grid_import_energy", "grid_export_energy", "solar_energy", "home_energy"):
        assert value(key) == pytest.approx(getattr(simulated, key) / 1000, abs=0.03)
    for key in ("battery_charge_energy", "battery_discharge_energy"):
        assert value(key) == pytest.approx(getattr(simulated, key) / 1000, abs=0.03)


async def test_invalid_field_is_unknown_and_others_stay(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/aggregates"] = {
        "site": {"instant_power": "many", "energy_imported": 5000},
        "load": None,
        "battery": {"instant_power": 20},
    }
    gateway.overrides["system_status"] = {"nominal_full_pack_energy": None}
    await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_power") == "unknown"
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "5.0"
    assert state_of(hass, gateway, "sensor", "battery_power") == "20.0"
    assert state_of(hass, gateway, "sensor", "charge") == "unknown"
    # A missing meter has no entity.
    assert state_of(hass, gateway, "sensor", "home_power") is None
    assert state_of(hass, gateway, "sensor", "solar_power") is None


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(("full", "health"), [(14_066, "104.2"), (12_150, "90.0"), (0, "unknown")])
async def test_battery_health_is_full_energy_in_percent_of_13_5_kwh(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, full: float, health: str
) -> None:
    gateway = await simulator("21.44")
    gateway.home.packs[1].capacity = full
    await set_up(gateway)
    states = [state_of(hass, gateway, "sensor", f"{serial}_battery_health") for serial in gateway.gateway.pack_serials]
    assert states == ["100.0", health]


@pytest.mark.usefixtures("all_enabled")
async def test_grid_services_power_is_shown_if_reported(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.grid_services_power = None
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_services_power") is None
    for power, shown in ((-0.0, "0"), (1500, "1500"), (None, "unknown")):
        gateway.gateway.grid_services_power = power
        await poll(hass, entry, "live")
        assert state_of(hass, gateway, "sensor", "grid_services_power") == shown


async def test_missing_meter_is_unknown(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    gateway.overrides["meters/aggregates"] = {"site": {"instant_power": 7}}
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", "grid_power") == "7.0"
    assert state_of(hass, gateway, "sensor", "solar_power") == "unknown"
    assert state_of(hass, gateway, "sensor", "solar_energy") == "unknown"


# -- calculated values -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_backup_time_follows_charge_and_power(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    simulated = gateway.home
    simulated.charge, simulated.solar_power, simulated.home_power = 52.5, 0.0, 2000.0
    entry = await set_up(gateway)
    await entry.runtime_data.live.async_refresh()  # the reserve was read after the first
    await hass.async_block_till_done()

    def hours(key: str) -> float:
        return float(state_of(hass, gateway, "sensor", key) or "nan")

    usable = 27 * (52.5 - 5) / 100
    assert hours("backup_time_remaining") == pytest.approx(usable / 2, abs=0.2)
    assert hours("time_to_reserve") == pytest.approx(27 * (52.5 - 24) / 100 / 2, abs=0.2)
    assert state_of(hass, gateway, "sensor", "time_to_full") == "unknown"
    assert state_of(hass, gateway, "sensor", "battery_state") == "discharging"
    assert state_of(hass, gateway, "binary_sensor", "battery_charging") == "off"


@pytest.mark.usefixtures("all_enabled")
async def test_time_to_full_follows_charge_and_power(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    simulated = gateway.home
    simulated.charge, simulated.solar_power, simulated.home_power = 52.5, 6000.0, 1000.0
    await set_up(gateway)
    assert float(state_of(hass, gateway, "sensor", "time_to_full") or "nan") == pytest.approx(27 * 0.475 / 5, abs=0.1)
    # Solar supplies the home: there is no backup time.
    assert state_of(hass, gateway, "sensor", "backup_time_remaining") == "unknown"
    assert state_of(hass, gateway, "sensor", "time_to_reserve") == "unknown"
    assert state_of(hass, gateway, "sensor", "battery_state") == "charging"
    assert state_of(hass, gateway, "binary_sensor", "battery_charging") == "on"


@pytest.mark.usefixtures("all_enabled")
async def test_backup_time_on_1_15_uses_the_nameplate(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0", home=SimulatedHome(packs=2, charge=52.5))
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    entry = await set_up(gateway)
    await poll(hass, entry, "live")
    assert float(state_of(hass, gateway, "sensor", "backup_time_remaining") or "nan") == pytest.approx(6.4, abs=0.2)
    assert state_of(hass, gateway, "sensor", "energy_remaining") is None


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("firmware", "packs", "nominal"),
    [("1.15.0", 1, 13.5), ("1.15.0", 2, 13.5), ("1.50.1", 3, 13.5), ("1.50.1", 2, 27), ("1.15.0", 2, None)],
)
@pytest.mark.parametrize(
    ("key", "solar", "home", "percent"),
    [("backup_time_remaining", 0.0, 2000.0, 52.5 - 5), ("time_to_full", 4000.0, 2000.0, 100 - 52.5)],
)
async def test_time_without_measured_energy_counts_every_powerwall(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    firmware: str,
    packs: int,
    nominal: float | None,
    key: str,
    solar: float,
    home: float,
    percent: float,
) -> None:
    """Old firmware reports only the nameplate: of one Powerwall up to 1.46, of all later."""
    gateway = await simulator(firmware, home=SimulatedHome(packs=packs, charge=52.5))
    gateway.home.solar_power, gateway.home.home_power = solar, home
    gateway.overrides["site_info"] = {"site_name": "Home Energy Gateway", "nominal_system_energy_kWh": nominal}
    entry = await set_up(gateway)
    await entry.runtime_data.live.async_refresh()  # the number of Powerwalls was read after the first
    await hass.async_block_till_done()
    hours = packs * 13.5 * percent / 100 / 2
    assert float(state_of(hass, gateway, "sensor", key) or "nan") == pytest.approx(hours, abs=0.2)
    inventory = entry.runtime_data.inventory
    inventory.async_set_updated_data(
        replace(inventory.data, powerwalls=EndpointResult())
    )  # as after an hour of failed polls
    await poll(hass, entry, "live")
    assert float(state_of(hass, gateway, "sensor", key) or "nan") == pytest.approx(hours, abs=0.2)


# -- outages -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_last_outage_is_restored(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    assert state_of(hass, gateway, "sensor", "last_outage") == "unknown"
    gateway.home.outage()
    gateway.home.advance(10)
    await poll(hass, entry, "grid")
    began = state_of(hass, gateway, "sensor", "last_outage")
    assert began not in {None, "unknown", "unavailable"}
    assert await hass.config_entries.async_reload(entry.entry_id)  # in the middle of it
    await hass.async_block_till_done()
    assert state_of(hass, gateway, "sensor", "last_outage") == began
    gateway.home.restore()
    gateway.home.advance(120)
    await poll(hass, entry, "grid")
    assert state_of(hass, gateway, "sensor", "last_outage") == began
    assert entry.runtime_data.grid.data.log.value.period.ended


# -- packs -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_enabled")
async def test_disabled_powerwall_has_a_problem_and_no_values(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.home.packs[1].disabled_reasons = ["DisabledExcessiveVoltageDrop"]
    entry = await set_up(gateway)
    first, second = (block.serial_number for block in entry.runtime_data.live.data.system.value.battery_blocks)
    assert state_of(hass, gateway, "binary_sensor", f"{first}_problem") == "off"
    assert state_of(hass, gateway, "binary_sensor", f"{second}_problem") == "on"
    assert state_of(hass, gateway, "sensor", f"{second}_power") == "unknown"
    assert state_of(hass, gateway, "sensor", f"{second}_energy_charged") == "unknown"
    assert state_of(hass, gateway, "sensor", f"{first}_grid_state") == "compliant"
    assert state_of(hass, gateway, "sensor", f"{second}_grid_state") == "disabled"
    assert state_of(hass, gateway, "sensor", f"{first}_power") not in {None, "unknown", "unavailable"}


@pytest.mark.usefixtures("all_enabled")
async def test_stopped_powerwall_keeps_its_devices(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    serial = entry.runtime_data.live.data.system.value.battery_blocks[0].serial_number
    gateway.running = False
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") == "unavailable"
    assert state_of(hass, gateway, "sensor", "powerwall_count") == "2"
    assert state_of(hass, gateway, "sensor", "operation_mode") == "self_consumption"
    gateway.running = True
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") not in {"unknown", "unavailable"}


async def test_hardware_detected_later_adds_its_entities(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    payload: Json = {"generator": {"instant_power": 1500, "last_communication_time": "2026-06-21T13:00:00-07:00"}}
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "generator_power") is None
    gateway.overrides["meters/aggregates"] = payload
    await poll(hass, entry, "live")
    assert state_of(hass, gateway, "sensor", "generator_power") == "1500.0"
    assert state_of(hass, gateway, "sensor", "generator_export_energy") is None  # no energies were reported


@pytest.mark.parametrize("firmware", ["1.15.0", "24.36"])
async def test_generator_and_busway_have_energies(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, firmware: str
) -> None:
    gateway = await simulator(firmware, generator=True, busway=True, password="sunshine")
    simulated = gateway.home
    simulated.grid.up = False
    simulated.advance(3600)
    entry = await set_up(gateway)
    for _ in range(LASTING_POLLS):
        await entry.runtime_data.live.async_refresh()
    await hass.async_block_till_done()

    def energy(key: str) -> float:
        return float(state_of(hass, gateway, "sensor", f"{key}_energy") or "nan")

    assert energy("generator_export") == pytest.approx(simulated.generator_energy / 1000, abs=0.03)
    assert energy("generator_import") == 0
    assert energy("busway_import") == energy("battery_charge") > 0
    assert energy("busway_export") == energy("battery_discharge") > 0


async def test_unwired_meters_have_no_energy_sensors(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("1.15.0")  # which lists them
    await set_up(gateway)
    for meter in ("generator", "busway"):
        assert state_of(hass, gateway, "sensor", f"{meter}_import_energy") is None
        assert state_of(hass, gateway, "sensor", f"{meter}_export_energy") is None


OF_GRID = {"binary_sensor.grid", "sensor.grid_status", "event.grid_event", "sensor.last_outage", "sensor.grid_faults"}
OF_BATTERY = {
    "sensor.charge",
    "sensor.charge_raw",
    "sensor.battery_power",
    "sensor.battery_state",
    "sensor.battery_charge_energy",
    "sensor.backup_reserve",
    "sensor.operation_mode",
    "sensor.energy_remaining",
    "binary_sensor.battery_charging",
}


@pytest.mark.parametrize("inverter", [False, True])
async def test_solar_inverter_without_a_powerwall_has_no_outage_and_no_battery(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, inverter: bool
) -> None:
    gateway = await simulator("24.36", password="own")
    gateway.gateway.solar_inverter = inverter
    entry = await set_up(gateway)
    for _ in range(2):
        await poll(hass, entry, "grid", "live")
    there = {
        key for key in OF_GRID | OF_BATTERY if state_of(hass, gateway, *key.split(".")) not in {None, "unavailable"}
    }
    assert there == (set() if inverter else OF_GRID | OF_BATTERY)
    for key in ("solar_power", "grid_power", "home_power", "solar_energy"):
        assert state_of(hass, gateway, "sensor", key) not in {None, "unknown", "unavailable"}, key
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device
    assert device.model == ("Solar Inverter" if inverter else "Backup Gateway 2")


async def test_solar_inverter_that_had_entities_of_a_battery_loses_them(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("24.36", password="own")
    entry = await set_up(gateway)
    for key in OF_GRID | OF_BATTERY:
        assert state_of(hass, gateway, *key.split(".")) is not None, key
    gateway.gateway.solar_inverter = True
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    for key in OF_GRID | OF_BATTERY:
        assert state_of(hass, gateway, *key.split(".")) is None, key
    assert state_of(hass, gateway, "sensor", "solar_power") not in {None, "unknown", "unavailable"}


@pytest.mark.usefixtures("all_enabled")
async def test_start_time_changes_with_a_restart(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    status = {"version": "21.44 223a56cd", "din": gateway.din}
    gateway.overrides["status"] = {**status, "up_time_seconds": "2h0m0s"}
    entry = await set_up(gateway)
    started = state_of(hass, gateway, "sensor", "started")
    for up_time, is_same in (("2h0m20s", True), ("1h59m40s", True), ("10s", False)):
        gateway.overrides["status"] = {**status, "up_time_seconds": up_time}
        await entry.runtime_data.inventory.async_refresh()
        await hass.async_block_till_done()
        assert (state_of(hass, gateway, "sensor", "started") == started) is is_same, up_time
