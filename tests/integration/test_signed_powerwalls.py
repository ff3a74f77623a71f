"""The Powerwalls of a Powerwall 3 site with a signing key: energies and alerts."""

from itertools import chain

from aiopowerwall.queries import COMPONENTS_QUERY
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import after_poll, coordinator
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.device_ids import Kind, identifier, is_of_kind
from custom_components.powerwall_gateway.gateway.signed.client import MORE_SIGNALS, PATH
from custom_components.powerwall_gateway.sub_devices import is_removable
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from simulator import SimulatedHome, Simulator
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator
from tests.helpers import request_count
from tests.integration.control import poll
from tests.signing_keys import pair, public_key

from .conftest import SetUp, state_of
from .signing import keep_key

pytestmark = pytest.mark.usefixtures("quick_signing")

FAULT = "DisabledExcessiveVoltageDrop"
BATTERY = {
    "temperature_max",
    "temperature_min",
    "energy_discharged",
    "average_capacity",
    "self_discharge",
}
TEMPERATURES = ("ambient_temperature", "heat_sink_temperature")
"""Of a Powerwall 2."""
INVERTER = {"inverter_temperature", "fan_a_speed", "fan_b_speed"}


@pytest.fixture
async def site(simulator: StartSimulator) -> Simulator:
    """Start a Powerwall 3 with an expansion, and another one that follows it."""
    gateway = await start(simulator, "pw3", home=SimulatedHome(packs=3, charge=60))
    gateway.gateway.expansions = {2}
    leader, expansion, follower = gateway.home.packs
    leader.remaining, expansion.remaining, follower.remaining = 6000.0, 9000.0, 4000.0
    gateway.home.solar_power, gateway.home.home_power = 0.0, 2000.0
    pair(gateway)
    return gateway


@pytest.fixture
async def entry(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> MockConfigEntry:
    """Set up the site with a key."""
    entry = await set_up(site)
    await keep_key(hass, entry)
    return entry


def of_pack(hass: HomeAssistant, site: Simulator, number: int, key: str, platform: str = "sensor") -> str | None:
    """Return the state of an entity of a Powerwall, None if there is no such entity."""
    return state_of(hass, site, platform, f"{site.gateway.pack_serials[number - 1]}_{key}")


@pytest.mark.usefixtures("all_enabled")
async def test_each_powerwall_is_a_device(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    registry = dr.async_get(hass)
    found = [
        registry.async_get_device_by_identifier(identifier(site.serial, Kind.POWERWALL, serial), entry.entry_id)
        for serial in site.gateway.pack_serials
    ]
    assert [(device.model, device.model_id, device.serial_number) for device in found if device] == [
        ("Powerwall 3", "1707000-11-L", site.serial),
        ("Powerwall 3 Expansion", "1807000-10-B", site.gateway.pack_serials[1]),
        ("Powerwall 3", "1707000-11-L", site.gateway.pack_serials[2]),
    ]
    assert state_of(hass, site, "sensor", "powerwall_count") == "3"


@pytest.mark.usefixtures("all_enabled")
async def test_energies_of_powerwalls_add_up(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    leader, expansion, _ = (float(of_pack(hass, site, number, "energy_remaining") or 0) for number in (1, 2, 3))
    assert (leader, expansion) == (6, 9)
    assert float(of_pack(hass, site, 1, "charge") or 0) == pytest.approx((100 * 6 / 13.5 - 5) / 0.95, abs=0.06)
    assert of_pack(hass, site, 2, "energy_capacity") == "13.5"
    rest = float(state_of(hass, site, "sensor", "energy_remaining") or 0) - leader - expansion
    assert rest == pytest.approx(site.home.packs[2].remaining / 1000)


async def test_battery_health_is_shown_for_each_pack(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> None:
    leader, expansion, _ = site.home.packs
    leader.capacity, expansion.capacity = 14_380.0, 12_150.0
    entry = await set_up(site)
    await keep_key(hass, entry)
    assert [of_pack(hass, site, number, "battery_health") for number in (1, 2)] == ["106.5", "90.0"]
    assert of_pack(hass, site, 3, "battery_health") == "100.0"
    leader.disabled_reasons = [FAULT]
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, site, 1, "battery_health") == "unknown"


def keys_of(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry, number: int) -> set[str]:
    """Return the keys of the entities of a pack."""
    start = f"{site.serial}_{site.gateway.pack_serials[number - 1]}_"
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {each.unique_id.removeprefix(start) for each in entities if each.unique_id.startswith(start)}


async def powerwalls(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> set[str | None]:
    """Return the serials of the Powerwalls that are devices."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {each.serial_number for each in devices if is_of_kind(each, site.serial, Kind.POWERWALL)}


@pytest.mark.parametrize("labeled", [False, True])
@pytest.mark.usefixtures("all_enabled")
async def test_battery_label_creates_no_additional_powerwall(
    hass: HomeAssistant, site: Simulator, set_up: SetUp, labeled: bool
) -> None:
    site.gateway.labels_followers = labeled
    entry = await set_up(site)
    await keep_key(hass, entry)
    assert await powerwalls(hass, site, entry) == set(site.gateway.pack_serials)
    assert state_of(hass, site, "sensor", "powerwall_count") == "3"


@pytest.mark.parametrize("labeled", [False, True])
@pytest.mark.usefixtures("all_enabled")
async def test_single_follower_has_the_remaining_energies(
    hass: HomeAssistant, site: Simulator, set_up: SetUp, labeled: bool
) -> None:
    site.gateway.labels_followers = labeled
    entry = await set_up(site)
    await keep_key(hass, entry)
    energies = {"charge", "energy_remaining", "energy_capacity", "battery_health", *BATTERY}
    assert keys_of(hass, site, entry, 3) == {"problem"} | energies
    assert of_pack(hass, site, 3, "energy_remaining") == "4.0"
    assert of_pack(hass, site, 3, "energy_capacity") == "13.5"
    assert of_pack(hass, site, 3, "problem", "binary_sensor") == "off"
    assert energies | {"problem", "voltage", "frequency", *INVERTER} == keys_of(hass, site, entry, 1)


@pytest.mark.usefixtures("all_enabled")
async def test_disabled_follower_has_no_energies(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    site.home.packs[2].disabled_reasons = [FAULT]
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, site, 3, "energy_remaining") == "unavailable"
    assert of_pack(hass, site, 1, "energy_remaining") == "6.0"


async def test_two_followers_have_no_energies(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await start(simulator, "pw3", home=SimulatedHome(packs=3, charge=60))
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    assert await powerwalls(hass, gateway, entry) == set(gateway.gateway.pack_serials)
    assert keys_of(hass, gateway, entry, 2) == keys_of(hass, gateway, entry, 3) == {"problem"}


async def test_gateway_name_is_read_from_the_config(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> None:
    site.gateway.site_name = "Moorinya"
    entry = await set_up(site)
    hass.config_entries.async_update_entry(entry, title="Powerwall Gateway")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()

    def device() -> dr.DeviceEntry:
        found = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, site.serial), entry.entry_id)
        assert found
        return found

    assert (device().name, device().model) == ("Powerwall Gateway", None)
    await keep_key(hass, entry)
    for _ in range(2):
        assert entry.title == "Moorinya"
        assert (device().name, device().model, device().model_id) == ("Moorinya", "Powerwall 3", "1707000-11-L")
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
    assert entry.runtime_data.detail.data.config.value.site_info.timezone == site.gateway.time_zone

    hass.config_entries.async_update_entry(entry, title="My own name")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert (entry.title, device().name) == ("My own name", "My own name")


async def test_disabled_powerwalls_have_a_problem(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_poll, "FAULT_FOR", 0.0)
    leader, _, follower = site.home.packs
    leader.disabled_reasons = follower.disabled_reasons = [FAULT]
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, site, 1, "problem", "binary_sensor") == "on"
    assert of_pack(hass, site, 3, "problem", "binary_sensor") == "on"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"pack_fault_{entry.entry_id}")
    assert issue
    assert issue.translation_placeholders
    assert issue.translation_placeholders["packs"].count(FAULT) == 2


async def test_energies_give_the_backup_time(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    await poll(hass, entry, "detail", "live")
    usable = sum(pack.remaining - 0.05 * pack.capacity for pack in site.home.packs)
    hours = float(state_of(hass, site, "sensor", "backup_time_remaining") or 0)
    assert hours == pytest.approx(usable / 2000, abs=0.2)


@pytest.mark.usefixtures("all_enabled")
async def test_alerts_are_shown_by_their_names(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{site.serial}_alerts")
    assert entity_id
    state = hass.states.get(entity_id)
    assert state
    assert state.state == "0"  # both are normal
    assert [alert["name"] for alert in state.attributes["alerts"]] == ["FWUpdateSucceeded", "SystemConnectedToGrid"]
    assert state_of(hass, site, "sensor", "problems") is None
    assert of_pack(hass, site, 1, "frequency") == str(site.home.frequency)
    assert of_pack(hass, site, 2, "frequency") is None


@pytest.mark.usefixtures("all_enabled")
async def test_removed_key_removes_its_values(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    site.gateway.keyring.forget(public_key())
    for _ in range(2):
        await poll(hass, entry, "detail", "live")
    assert state_of(hass, site, "sensor", "energy_remaining") == "unavailable"
    assert of_pack(hass, site, 1, "energy_remaining") == "unavailable"
    assert of_pack(hass, site, 3, "problem", "binary_sensor") == "unavailable"
    pair(site)
    await entry.runtime_data.settings.async_refresh()
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, site, 1, "energy_remaining") == "6.0"


async def test_rejected_key_causes_one_request_a_minute(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry
) -> None:
    site.gateway.keyring.forget(public_key())
    data = entry.runtime_data
    await data.settings.async_refresh()
    before = request_count(site, PATH)
    for _ in range(2):
        await data.settings.async_refresh()
        await poll(hass, entry, "detail", "live")
    assert request_count(site, PATH) == before + 2
    assert state_of(hass, site, "sensor", "backup_reserve") == "unavailable"


@pytest.mark.usefixtures("all_enabled")
async def test_two_signed_requests_read_everything(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry
) -> None:
    assert keys_of(hass, site, entry, 1) > BATTERY | INVERTER
    data = entry.runtime_data
    before = request_count(site, PATH)
    await data.live.async_refresh()
    await data.grid.async_refresh()
    assert request_count(site, PATH) == before
    await data.detail.async_refresh()
    assert request_count(site, PATH) == before + 2
    assert data.detail.schedule.cost > 0


async def test_powerwall_2_gets_no_unneeded_signed_request(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await start(simulator, "26.18")
    pair(gateway)
    entry = await set_up(gateway)
    await keep_key(hass, entry)
    before = request_count(gateway, PATH)
    await poll(hass, entry, "detail", "live")
    await entry.runtime_data.inventory.async_refresh()
    assert request_count(gateway, PATH) == before
    assert entry.runtime_data.detail.data.controller.has_never_succeeded
    for key in TEMPERATURES:
        entity_id = er.async_get(hass).async_get_entity_id(
            "sensor", DOMAIN, f"{gateway.serial}_{gateway.gateway.pack_serials[0]}_{key}"
        )
        assert entity_id
        registered = er.async_get(hass).async_get(entity_id)
        assert registered
        assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION


@pytest.mark.usefixtures("all_enabled")
async def test_temperatures_of_a_powerwall_2_are_requested_every_10_minutes(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start(simulator, "26.18", home=SimulatedHome(packs=2, charge=60))
    pair(gateway)
    gateway.home.packs[1].temperature = 35.04
    entry = await set_up(gateway)
    assert keys_of(hass, gateway, entry, 1).isdisjoint(TEMPERATURES)
    await keep_key(hass, entry)
    await poll(hass, entry, "detail", "live")
    before = request_count(gateway, PATH)
    await poll(hass, entry, "detail", "live")
    assert request_count(gateway, PATH) == before
    ambient, heat_sink = TEMPERATURES
    assert [of_pack(hass, gateway, number, ambient) for number in (1, 2)] == ["22.0", "16.7"]
    assert [of_pack(hass, gateway, number, heat_sink) for number in (1, 2)] == ["40.3", "35.0"]

    gateway.gateway.shuffles_boards = True
    monkeypatch.setattr(coordinator, "TEMPERATURE_INTERVAL", 0.0)
    monkeypatch.setattr(entry.runtime_data.detail, "_next_temperatures", 0.0)
    await poll(hass, entry, "detail", "live")
    assert request_count(gateway, PATH) == before + 1
    assert [of_pack(hass, gateway, number, ambient) for number in (1, 2)] == ["22.0", "16.7"]
    assert [of_pack(hass, gateway, number, heat_sink) for number in (1, 2)] == ["unknown", "unknown"]

    gateway.gateway.keyring.forget(public_key())
    await poll(hass, entry, "detail", "live")
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, gateway, 1, ambient) == "unavailable"


async def test_updated_firmware_is_shown(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, site.serial), entry.entry_id)
    assert device
    assert device.sw_version == "26.26.4"
    monkeypatch.setattr(site.gateway, "nameplate", site.gateway.nameplate.__replace__(version="26.34.0 1a2b3c4d"))
    await poll(hass, entry, "inventory")
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, site.serial), entry.entry_id)
    assert device
    assert device.sw_version == "26.34.0"


async def test_owner_can_delete_a_missing_powerwall(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry
) -> None:
    registry = dr.async_get(hass)
    devices = [
        registry.async_get_device_by_identifier(identifier(site.serial, Kind.POWERWALL, serial), entry.entry_id)
        for serial in site.gateway.pack_serials
    ]
    assert [is_removable(entry, device) for device in devices if device] == [False, False, False]
    site.home.battery.remove(2)
    site.gateway.expansions.clear()
    await poll(hass, entry, "detail", "live")
    assert [is_removable(entry, device) for device in devices if device] == [False, True, False]


def strings_of(hass: HomeAssistant, site: Simulator, quantity: str) -> dict[str, str | None]:
    """Return the states of the leader's strings by letter."""
    shown = {letter: of_pack(hass, site, 1, f"string_{letter.lower()}_{quantity}") for letter in "ABCDEF"}
    return {letter: state for letter, state in shown.items() if state is not None}


@pytest.mark.usefixtures("all_enabled")
async def test_connected_strings_are_shown(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> None:
    site.home.solar_power = 3000.0
    site.gateway.wired_strings = "AB"
    entry = await set_up(site)
    await keep_key(hass, entry)
    assert strings_of(hass, site, "power") == {"A": "1500.2", "B": "1500.2"}
    assert strings_of(hass, site, "voltage") == {"A": "260", "B": "260"}
    assert strings_of(hass, site, "current") == {"A": "5.77", "B": "5.77"}
    assert strings_of(hass, site, "state") == {"A": "Active", "B": "Active Parallel"}
    assert of_pack(hass, site, 1, "strings_power") == "3000.4"
    assert keys_of(hass, site, entry, 2).isdisjoint({"strings_power", "string_a_power"})

    site.gateway.wired_strings = "ABD"
    await poll(hass, entry, "detail", "live")
    assert strings_of(hass, site, "power") == {"A": "1001.0", "B": "1001.0", "D": "1000.6"}

    site.home.solar_power = 0.0
    await poll(hass, entry, "detail", "live")
    assert strings_of(hass, site, "power") == {"A": "0.0", "B": "0.0", "D": "0.0"}
    assert of_pack(hass, site, 1, "strings_power") == "0.0"

    site.gateway.wired_strings = None
    await poll(hass, entry, "detail", "live")
    assert set(strings_of(hass, site, "power").values()) == {"unknown"}
    assert of_pack(hass, site, 1, "strings_power") == "unknown"


async def test_strings_without_light_are_not_shown(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry
) -> None:
    assert strings_of(hass, site, "power") == {}
    assert of_pack(hass, site, 1, "strings_power") is None
    site.home.solar_power = 3000.0
    await poll(hass, entry, "detail", "live")
    assert strings_of(hass, site, "power") == {"A": "1001.0", "B": "1001.0", "C": "1000.3"}
    assert strings_of(hass, site, "voltage") == strings_of(hass, site, "state") == {}  # disabled by default


async def test_strings_need_no_additional_request(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> None:
    site.home.solar_power = 3000.0
    entry = await set_up(site)
    await keep_key(hass, entry)
    before = request_count(site, PATH)
    await entry.runtime_data.detail.async_refresh()
    assert request_count(site, PATH) == before + 2
    assert strings_of(hass, site, "power")


@pytest.mark.usefixtures("all_enabled")
async def test_temperatures_fans_and_statistics_are_shown(hass: HomeAssistant, site: Simulator, set_up: SetUp) -> None:
    leader, expansion, follower = site.home.packs
    leader.temperature, expansion.temperature, follower.temperature = 31.04, 25.3, 22.0
    leader.discharged, expansion.capacity = 2_969_767.0, 12_150.0
    entry = await set_up(site)
    await keep_key(hass, entry)
    assert [of_pack(hass, site, number, "temperature_max") for number in (1, 2, 3)] == ["31.0", "25.3", "22.0"]
    assert [of_pack(hass, site, number, "temperature_min") for number in (1, 2, 3)] == ["26.5", "20.8", "17.5"]
    assert of_pack(hass, site, 1, "inverter_temperature") == "36.7"
    assert [of_pack(hass, site, 1, f"fan_{fan}_speed") for fan in "ab"] == ["1395", "1397"]
    assert keys_of(hass, site, entry, 2).isdisjoint(INVERTER)
    assert of_pack(hass, site, 1, "energy_discharged") == "2969.767"
    assert [of_pack(hass, site, number, "average_capacity") for number in (1, 2)] == ["173.3", "156.0"]
    assert of_pack(hass, site, 1, "self_discharge") == "0.392"
    assert of_pack(hass, site, 1, "full_cycles") is None  # 0: this firmware does not count them

    leader.full_cycles = 3
    site.gateway.unknown_signals = frozenset({"HVP_PackTempMax", "PCH_FanSpeed_A", "BMS_LOG_cacAvg"})
    await poll(hass, entry, "detail", "live")
    assert of_pack(hass, site, 1, "full_cycles") == "3"
    for key in ("temperature_max", "fan_a_speed", "average_capacity"):
        assert of_pack(hass, site, 1, key) == "unknown"
    assert of_pack(hass, site, 1, "temperature_min") == "26.5"


async def test_one_temperature_is_enabled_by_default(
    hass: HomeAssistant, site: Simulator, entry: MockConfigEntry
) -> None:
    shown = {key for key in (*BATTERY, *INVERTER) if of_pack(hass, site, 1, key) is not None}
    assert shown == {"temperature_max"}


@pytest.mark.usefixtures("all_enabled")
async def test_firmware_without_these_signals_has_no_such_entities(
    hass: HomeAssistant, site: Simulator, set_up: SetUp
) -> None:
    site.gateway.unknown_signals = frozenset(chain.from_iterable(MORE_SIGNALS[COMPONENTS_QUERY].values()))
    entry = await set_up(site)
    await keep_key(hass, entry)
    assert keys_of(hass, site, entry, 1).isdisjoint(BATTERY | INVERTER)
    assert of_pack(hass, site, 1, "energy_remaining") == "6.0"


NEURIO = "VAH1234AB5678"


@pytest.mark.usefixtures("all_enabled")
async def test_meter_inputs_are_shown_without_another_request(
    hass: HomeAssistant, site: Simulator, set_up: SetUp
) -> None:
    site.gateway.config_settings["meters"] = [
        {
            "location": location,
            "type": kind,
            "cts": cts,
            "inverted": [False] * 4,
            "connection": {"device_serial": serial},
        }
        for location, kind, cts, serial in (
            ("site", "synchrometerX", [True, True, False, False], "JBL1XsynchrometerX"),
            ("none", "synchrometerY", [False] * 4, "JBL1XsynchrometerY"),
            ("site", "neurio_w2_tcp", [True, False, False, False], NEURIO),
            ("solar", "neurio_w2_tcp", [False, True, False, False], NEURIO),
        )
    ]
    lines = [{"realPowerW": power, "voltageV": 121.5, "currentA": 1.5, "reactivePowerVAR": 7} for power in (180, -55.5)]
    site.gateway.neurio_readings = [{"serial": NEURIO, "dataRead": lines}]
    site.home.home_power = 20_000.0  # of which the battery supplies 15,000 W
    entry = await set_up(site)
    await keep_key(hass, entry)

    def shown(meter: str, key: str) -> list[str | None]:
        return [state_of(hass, site, "sensor", f"{meter}_ct_{number}_{key}") for number in (1, 2, 3)]

    assert shown("synchrometerX", "power") == ["3000", "2000", None]
    assert shown("synchrometerX", "voltage")[:2] == ["119.37", "119.38"]
    assert None not in shown("synchrometerX", "current")[:2]
    assert shown("synchrometerX", "import_energy") == [None] * 3
    assert shown("synchrometerY", "power") == [None] * 3
    assert shown(NEURIO, "power") == ["180", "-55.5", None]
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {each.name for each in devices if is_of_kind(each, site.serial, Kind.METER)} == {"Grid meter", "Meter"}
    assert not any(is_removable(entry, device) for device in devices)

    site.gateway.lost_meters["site"] = None
    site.gateway.neurio_readings = []
    before = request_count(site, PATH)
    await entry.runtime_data.detail.async_refresh()
    assert request_count(site, PATH) == before + 2
    assert shown("synchrometerX", "power") == shown(NEURIO, "power") == ["unavailable", "unavailable", None]


@pytest.mark.usefixtures("all_enabled")
async def test_contactor_opens_while_off_grid(hass: HomeAssistant, site: Simulator, entry: MockConfigEntry) -> None:
    assert state_of(hass, site, "binary_sensor", "grid_contactor_closed") == "on"
    site.home.grid.up = False
    await poll(hass, entry, "detail", "live")
    assert state_of(hass, site, "binary_sensor", "grid_contactor_closed") == "off"


@pytest.mark.parametrize("everything", [False, True])
async def test_requests_per_poll_are_those_of_8216f2d(
    hass: HomeAssistant, site: Simulator, set_up: SetUp, request: pytest.FixtureRequest, everything: bool
) -> None:
    """Strings, battery health and flows, which are newer than that commit, add no request."""
    if everything:
        request.getfixturevalue("all_enabled")
    site.home.solar_power = 3000.0
    entry = await set_up(site)
    await keep_key(hass, entry)
    requests: dict[str, list[str]] = {}
    for name in ("live", "grid", "detail", "settings", "inventory"):
        before = len(site.requests)
        await poll(hass, entry, name)
        requests[name] = [each.path for each in site.requests[before:]]
    assert requests == {
        "live": ["meters/aggregates", "system_status/soe"],
        "grid": ["system_status/grid_status"],
        "detail": [PATH, PATH],
        "settings": [PATH],
        "inventory": [PATH],
    }
    assert strings_of(hass, site, "power")
    assert of_pack(hass, site, 1, "battery_health") == "100.0"
    assert state_of(hass, site, "sensor", "solar_to_battery_power") == ("1000.0" if everything else None)


@pytest.mark.parametrize("forced", [True, False])
async def test_lost_network_adds_no_entity_that_the_gateway_lacks(
    hass: HomeAssistant, entry: MockConfigEntry, site: Simulator, forced: bool
) -> None:
    await poll(hass, entry, "live", "settings", "detail")
    registry = er.async_get(hass)
    before = {entity.unique_id for entity in er.async_entries_for_config_entry(registry, entry.entry_id)}
    async with site.unreachable():
        for polled in (entry.runtime_data.live, entry.runtime_data.settings, entry.runtime_data.detail):
            await (polled.async_force_refresh() if forced else polled.async_refresh())
        await hass.async_block_till_done()
    assert {entity.unique_id for entity in er.async_entries_for_config_entry(registry, entry.entry_id)} == before
