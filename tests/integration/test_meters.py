"""The device of each meter, and the values of its inputs and phases."""

from dataclasses import replace
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.const import DETAIL_INTERVAL, DOMAIN
from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS, LASTING_SECONDS
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of

NEURIO = "OBB3172012345"
"""The meter of the simulated 1.15."""

BUSY = "run sitemanager flag enabled, sitemanager process is running"


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Request missing and forbidden endpoints again at once."""
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.client.ABSENT_FOR", 0.0)


def meters_of(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dr.DeviceEntry]:
    """Return the meters' devices by identifier."""
    return {
        known.partition("_meter_")[2]: device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        for domain, known in device.identifiers
        if domain == DOMAIN and "_meter_" in known
    }


def keys_of(hass: HomeAssistant, entry: MockConfigEntry, part: str) -> set[str]:
    """Return the keys of a meter's entities."""
    start = f"{entry.unique_id}_{part}_"
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.unique_id.removeprefix(start) for entity in entities if entity.unique_id.startswith(start)}


def value(hass: HomeAssistant, gateway: Simulator, key: str) -> float:
    """Return a sensor's state as a number."""
    return float(state_of(hass, gateway, "sensor", key) or "nan")


def cts(kind: str, *inputs: int, inverted: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return a meter's wiring in the gateway's format."""
    return {
        "type": kind,
        "valid": [number in inputs for number in range(1, 5)],
        "inverted": [number in inverted for number in range(1, 5)],
    }


def single(location: str, kind: str, serial: str, **readings: Any) -> dict[str, Any]:
    """Return a single meter in the format of `meters/site` and `meters/solar`."""
    timestamp = "2023-04-08T12:55:00.180984196+01:00"
    times = {f"last_phase_{what}_communication_time": timestamp for what in ("voltage", "power", "energy")}
    connection = {"device_serial": serial, "short_id": "12345", "https_conf": {}}
    return {"location": location, "type": kind, "connection": connection, "Cached_readings": times | readings}


async def log_in(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Log in on 1.15, start the Powerwall again, and poll the endpoints that require the login."""
    data = entry.runtime_data
    await data.gateway.login(allow_stop=True)
    await data.gateway.sitemaster_run()
    await data.inventory.async_refresh()
    await data.detail.async_refresh()
    await hass.async_block_till_done()


# -- the devices -------------------------------------------------------------------------------------------------------


async def test_synchrometer_has_a_device(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    entry = await set_up(await simulator("21.44"))
    found = {
        part: (device.name, device.manufacturer, device.model, device.via_device_id)
        for part, device in meters_of(hass, entry).items()
    }
    gateway_device = entry.runtime_data.device_id
    assert found == {
        "synchrometerX": ("Grid meter", "Tesla", "Synchrometer X", gateway_device),
        "synchrometerY": ("Meter", "Tesla", "Synchrometer Y", gateway_device),
    }


async def test_synchrometer_of_a_stopped_powerwall_keeps_its_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    before = {part: device.id for part, device in meters_of(hass, entry).items()}
    gateway.running = False
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert {part: device.id for part, device in meters_of(hass, entry).items()} == before


async def test_meters_are_named_after_their_location(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    neurio: dict[str, Any] = {"type": "neurio_w2_tcp", "connected": True}
    gateway.overrides["meters"] = [
        {**neurio, "serial": "VAH2", "cts": [cts("solarRGM", 1, 2)]},
        {**neurio, "serial": "VAH1", "cts": [cts("solar", 1), cts("site")]},
        {**neurio, "serial": "VAH3", "cts": [cts("site", 1)]},
        {"serial": "JBL1synchrometerY", "type": "synchrometerY"},
        {"serial": "XYZ1", "type": "rogowski_udp", "connected": False, "cts": None},
        {"type": "neurio_tcp"},
        None,
    ]
    entry = await set_up(gateway)
    found = {part: (device.name, device.model, device.serial_number) for part, device in meters_of(hass, entry).items()}
    assert found == {
        "VAH1": ("Solar meter 1", "Neurio W2", "VAH1"),
        "VAH2": ("Solar meter 2", "Neurio W2", "VAH2"),
        "VAH3": ("Grid meter", "Neurio W2", "VAH3"),
        "XYZ1": ("Meter 1", "rogowski_udp", "XYZ1"),
        "synchrometerY": ("Meter 2", "Synchrometer Y", None),
    }


async def test_powerwall_plus_has_its_meters(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    entry = await set_up(await simulator("24.36", powerwall_plus=True, password="sunshine"))
    found = sorted((device.name or "", device.model) for device in meters_of(hass, entry).values())
    assert found == [("Grid meter", "Synchrometer X"), ("Solar meter", "Neurio W2")]


async def test_meter_has_a_connected_sensor(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    meter: dict[str, Any] = {"serial": "VAH1", "type": "neurio_tcp", "connected": True, "cts": [cts("solar", 1)]}
    gateway.overrides["meters"] = [meter, {"serial": "JBL1synchrometerX", "type": "synchrometerX"}]
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "binary_sensor", "VAH1_connected") == STATE_ON
    assert state_of(hass, gateway, "binary_sensor", "synchrometerX_connected") is None
    gateway.overrides["meters"] = [{**meter, "connected": False}]
    await poll(hass, entry, "inventory")
    assert state_of(hass, gateway, "binary_sensor", "VAH1_connected") == STATE_OFF


# -- by phase ----------------------------------------------------------------------------------------------------------


async def test_meter_has_sensors_for_each_phase(hass: HomeAssistant, all_enabled: None, loaded: Loaded) -> None:
    gateway, entry = loaded
    home = gateway.home
    x, y = "synchrometerX_grid_phase", "synchrometerY_solar_phase"
    grid = [value(hass, gateway, f"{x}_{number}_power") for number in (1, 2)]
    assert sum(grid) == pytest.approx(home.grid_power, abs=15)
    assert grid[0] != grid[1]
    assert value(hass, gateway, f"{x}_1_voltage") == pytest.approx(home.voltage / 2, abs=1)
    assert value(hass, gateway, f"{x}_1_current") > 0
    # One line of the inverter is measured: the third input, which a synchrometer's third letter stands for.
    assert value(hass, gateway, f"{y}_3_power") == pytest.approx(home.solar_power, abs=15)
    assert keys_of(hass, entry, "synchrometerX") & {"grid_phase_3_power", "solar_phase_1_power"} == set()
    # A synchrometer counts no energy by phase, and has no readings by input while the Powerwall runs.
    assert not [key for key in keys_of(hass, entry, "synchrometerY") if key.startswith("solar_phase_3_energy")]
    assert "meters/readings" not in {request.path for request in gateway.requests}


async def test_meter_has_totals(hass: HomeAssistant, all_enabled: None, loaded: Loaded) -> None:
    gateway, _ = loaded
    home = gateway.home
    assert value(hass, gateway, "synchrometerX_grid_power") == pytest.approx(home.grid_power, abs=15)
    assert value(hass, gateway, "synchrometerX_grid_import_energy") == pytest.approx(home.grid_import_energy / 1000)
    assert value(hass, gateway, "synchrometerX_grid_export_energy") == pytest.approx(home.grid_export_energy / 1000)
    assert value(hass, gateway, "synchrometerY_grid_power") == 0
    # Solar production is exported here as in the sums, although the wire has it as imported.
    assert value(hass, gateway, "synchrometerY_solar_energy") == pytest.approx(home.solar_energy / 1000)
    assert value(hass, gateway, "synchrometerY_solar_standby_energy") < 20


async def test_meter_endpoints_are_requested_only_for_enabled_entities(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    registry = er.async_get(hass)
    ours = er.async_entries_for_config_entry(registry, entry.entry_id)
    assert [entity.entity_id for entity in ours if "_phase_" in entity.unique_id and not entity.disabled_by] == []

    async def asked() -> list[str]:
        gateway.requests.clear()
        await entry.runtime_data.detail.async_refresh()
        return [request.path for request in gateway.requests]

    assert await asked() == []
    wanted = registry.async_get_entity_id("sensor", DOMAIN, f"{gateway.serial}_synchrometerY_solar_phase_3_power")
    assert wanted is not None
    registry.async_update_entity(wanted, disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert await asked() == ["meters/solar"]


async def test_omitted_phase_value_is_zero(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    serial = "JBL20345678901synchrometerX"
    readings: dict[str, Any] = {"v_l1n": 121.35, "v_l2n": 121.3, "i_a_current": 0, "i_b_current": 0}
    gateway.overrides["meters/site"] = [single("site", "synchrometerX", serial, real_power_a=5, **readings)]
    entry = await set_up(gateway)
    assert value(hass, gateway, "synchrometerX_grid_phase_1_power") == 5
    assert value(hass, gateway, "synchrometerX_grid_phase_2_power") == 0
    # In an outage the grid's meter leaves out all values.
    gateway.overrides["meters/site"] = [single("site", "synchrometerX", serial)]
    await poll(hass, entry, "detail")
    assert value(hass, gateway, "synchrometerX_grid_phase_1_power") == 0
    assert value(hass, gateway, "synchrometerX_grid_phase_1_voltage") == 0


async def test_neurio_has_one_phase(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    """As on a gateway of 2023: the second input is not wired, and the solar input is the fourth, as phase 1."""
    gateway = await simulator("21.44")
    neurio: dict[str, Any] = {"serial": "OBB1", "type": "neurio_tcp", "connected": True}
    gateway.overrides["meters"] = [{**neurio, "cts": [cts("site", 1, 2), cts("solar", 4, inverted=(4,))]}]
    grid: dict[str, Any] = {"v_l1n": 247.56, "v_l2n": 0.2, "real_power_a": -17.95, "real_power_b": -0.05}
    grid |= {"energy_imported_a": 15_654_958.4, "energy_exported_a": 1_192_873.2, "energy_imported_b": 6.5}
    grid |= {"i_a_current": 0, "i_b_current": 0, "serial_number": "0x000004714B008720"}
    sun = {"v_l1n": 250.72, "real_power_a": 2867.16, "energy_imported_a": 18_336_727.7, "energy_exported_a": 30_104.8}
    gateway.overrides["meters/site"] = [single("site", "neurio_tcp", "OBB1", **grid)]
    gateway.overrides["meters/solar"] = [single("solar", "neurio_tcp", "OBB1", **sun)]
    entry = await set_up(gateway)
    phases = {key for key in keys_of(hass, entry, "OBB1") if "_phase_" in key}
    assert phases == {
        *(f"grid_phase_1_{key}" for key in ("power", "voltage", "import_energy", "export_energy")),
        *(f"solar_phase_1_{key}" for key in ("power", "voltage", "energy", "standby_energy")),
    }
    assert value(hass, gateway, "OBB1_grid_phase_1_power") == -17.95
    assert value(hass, gateway, "OBB1_grid_phase_1_import_energy") == pytest.approx(15_654.9584)
    assert value(hass, gateway, "OBB1_solar_phase_1_energy") == pytest.approx(18_336.7277)
    assert value(hass, gateway, "OBB1_solar_phase_1_standby_energy") == pytest.approx(30.1048)
    inverted = {
        number: state_of(hass, gateway, "binary_sensor", f"OBB1_ct_{number}_inverted") for number in range(1, 5)
    }
    assert inverted == {1: STATE_OFF, 2: STATE_OFF, 3: None, 4: STATE_ON}


async def test_energy_of_a_phase_ignores_a_glitch(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters"] = [{"serial": "OBB1", "type": "neurio_tcp", "connected": True}]

    def counts(energy: float) -> None:
        meter = single("site", "neurio_tcp", "OBB1", v_l1n=247.0, energy_imported_a=energy)
        gateway.overrides["meters/site"] = [meter]

    counts(5_000_000)
    entry = await set_up(gateway)
    for glitch in (0, 90_000_000):
        counts(glitch)
        await poll(hass, entry, "detail")
        assert value(hass, gateway, "OBB1_grid_phase_1_import_energy") == 5000


@pytest.mark.parametrize("imported", [5_000_000, 0])
async def test_first_zero_of_a_phase_is_shown_without_a_change(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    imported: int,
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters"] = [{"serial": "OBB1", "type": "neurio_tcp", "connected": True}]
    readings = {"v_l1n": 247.0, "energy_imported_a": imported, "energy_exported_a": 0}
    gateway.overrides["meters/site"] = [single("site", "neurio_tcp", "OBB1", **readings)]
    entry = await set_up(gateway)
    states = []
    for _ in range(LASTING_POLLS):
        freezer.tick(DETAIL_INTERVAL)
        await poll(hass, entry, "detail")
        detail = entry.runtime_data.detail
        detail.async_set_updated_data(replace(detail.data))  # as after an action: no poll
        states.append(state_of(hass, gateway, "sensor", "OBB1_grid_phase_1_export_energy"))
    # The other counter of the phase proves it at the third poll.
    assert states == (["unknown", "0.0", "0.0"] if imported else ["unknown"] * 3)
    freezer.tick(LASTING_SECONDS)
    await poll(hass, entry, "detail")
    assert state_of(hass, gateway, "sensor", "OBB1_grid_phase_1_export_energy") == "0.0"


# -- by input ----------------------------------------------------------------------------------------------------------


async def test_inputs_of_1_15_appear_with_a_session(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, no_pause: None
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, password=gateway.password)
    assert meters_of(hass, entry) == {}
    await log_in(hass, entry)
    meter = meters_of(hass, entry)[NEURIO]
    assert (meter.name, meter.model, meter.serial_number) == ("Meter", "Neurio", NEURIO)
    home = gateway.home
    power = [value(hass, gateway, f"{NEURIO}_ct_{number}_power") for number in range(1, 5)]
    assert sum(power[:2]) == pytest.approx(home.grid_power, abs=1)
    assert sum(power[2:]) == pytest.approx(home.solar_power, abs=1)
    imported = [value(hass, gateway, f"{NEURIO}_ct_{number}_import_energy") for number in range(1, 5)]
    assert sum(imported[:2]) == pytest.approx(home.grid_import_energy / 1000, abs=0.01)
    assert sum(imported[2:]) == pytest.approx(home.solar_energy / 1000, abs=0.01)
    assert value(hass, gateway, f"{NEURIO}_ct_2_voltage") == pytest.approx(home.voltage / 2, abs=1)
    assert "ct_1_current" not in keys_of(hass, entry, NEURIO)
    assert state_of(hass, gateway, "binary_sensor", f"{NEURIO}_connected") == STATE_ON


async def test_unused_input_has_no_entities(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, no_pause: None
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["meters"] = [{"serial": NEURIO, "connected": True, "cts": [cts("site", 1), cts("solar", 4)]}]
    entry = await set_up(gateway, password=gateway.password)
    await log_in(hass, entry)
    assert {key for key in keys_of(hass, entry, NEURIO) if key.endswith("_power")} == {"ct_1_power", "ct_4_power"}


async def test_meter_reading_with_an_error_is_unknown(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, no_pause: None
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, password=gateway.password)
    await log_in(hass, entry)
    nothing = {"ct": 1, "v_V": 0, "p_W": 0, "eExp_Ws": 0, "eImp_Ws": 0}
    gateway.overrides["meters/readings"] = {NEURIO: {"error": BUSY, "data": {"cts": [nothing]}}}
    await poll(hass, entry, "detail")
    for key in ("ct_1_power", "ct_1_voltage", "ct_1_import_energy"):
        assert state_of(hass, gateway, "sensor", f"{NEURIO}_{key}") == STATE_UNAVAILABLE


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.usefixtures("all_enabled")
async def test_meter_listed_once_per_use_keeps_all_its_inputs(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, order: int
) -> None:
    """One Neurio can measure grid and solar, and is then listed twice."""
    gateway = await simulator("21.44")
    meter: dict[str, Any] = {"serial": "VAH1234AB0001", "short_id": "1234", "type": "neurio_w2_tcp", "connected": True}
    rows: list[Any] = [{**meter, "cts": [cts("site", 1, 2)]}, {**meter, "cts": [cts("solar", 4, inverted=(4,))]}]
    gateway.overrides["meters"] = rows[::order]
    entry = await set_up(gateway)
    assert {"ct_1_inverted", "ct_2_inverted", "ct_4_inverted"} <= keys_of(hass, entry, "VAH1234AB0001")
    states = [state_of(hass, gateway, "binary_sensor", f"VAH1234AB0001_ct_{number}_inverted") for number in (1, 2, 4)]
    assert states == [STATE_OFF, STATE_OFF, STATE_ON]
    (device,) = meters_of(hass, entry).values()
    assert device.name == "Meter"
