"""Hardware that appears, disappears and returns, and firmware that changes, without a restart."""

from collections.abc import Callable
import copy
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import async_remove_config_entry_device
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.device_ids import Kind, identifier
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.conftest import StartSimulator
from tests.integration.control import let_pass, poll

from .conftest import Loaded, SetUp, state_of

METER: dict[str, Any] = {"serial": "OBB1", "type": "neurio_tcp", "connected": True}
INVERTERS: list[dict[str, Any]] = [
    {"brand": "Enphase Energy", "model": "IQ7", "power_rating_watts": 5250},
    {"brand": "Fronius USA", "model": "Primo", "power_rating_watts": 7600},
]


def device_of(hass: HomeAssistant, entry: MockConfigEntry, kind: Kind, part: str) -> dr.DeviceEntry | None:
    """Find a device below the gateway."""
    known = identifier(str(entry.unique_id), kind, part)
    return dr.async_get(hass).async_get_device_by_identifier(known, entry.entry_id)


async def poll_hours_later(hass: HomeAssistant, entry: MockConfigEntry, *, hours: float = 1.01) -> None:
    """Poll now, and again after the hour in which a missing device is kept."""
    await poll(hass, entry, "live", "inventory")
    let_pass(hass, hours * 3600)
    await poll(hass, entry, "live", "inventory")


def everything(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    """Return the entities in the registry with their names, also disabled ones."""
    entries = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {known.entity_id: known.unique_id for known in entries}


def record_unavailable(hass: HomeAssistant, entry: MockConfigEntry) -> Callable[[], set[str]]:
    """Record from now on the unique ids of entities that become unavailable."""
    found: set[str] = set()
    names = everything(hass, entry)

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is None or state.state == STATE_UNAVAILABLE:
            found.add(names.get(event.data["entity_id"], ""))

    hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return lambda: found


async def responses(entry: MockConfigEntry) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the gateway's responses about its Powerwalls, live and inventory, and the last one's serial number."""
    client = entry.runtime_data.gateway
    system, inventory = await client.get("system_status"), await client.get("powerwalls")
    return system, inventory, inventory["powerwalls"][-1]["PackageSerialNumber"]


def less(response: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the response without the last item of a list."""
    return {**response, key: response[key][:-1]}


# -- Powerwalls --------------------------------------------------------------------------------------------------------


async def test_added_powerwall_gets_a_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    system, inventory, _ = await responses(entry)
    system, inventory = copy.deepcopy(system), copy.deepcopy(inventory)
    for units in (system["battery_blocks"], inventory["powerwalls"]):
        units.append({**units[-1], "PackageSerialNumber": "TG999999999999"})
    gateway.overrides["system_status"] = system
    await poll(hass, entry, "live")
    assert device_of(hass, entry, Kind.POWERWALL, "TG999999999999") is not None
    assert state_of(hass, gateway, "sensor", "TG999999999999_charge") not in {None, "unknown", STATE_UNAVAILABLE}
    gateway.overrides["powerwalls"] = inventory
    await poll(hass, entry, "live", "inventory")
    assert device_of(hass, entry, Kind.POWERWALL, "TG999999999999") is not None


@pytest.mark.parametrize("missing", ["system_status", "powerwalls"])
async def test_powerwall_missing_once_keeps_its_device(hass: HomeAssistant, missing: str, loaded: Loaded) -> None:
    gateway, entry = loaded
    system, inventory, serial = await responses(entry)
    gateway.overrides["system_status"] = less(system, "battery_blocks") if missing == "system_status" else system
    gateway.overrides["powerwalls"] = less(inventory, "powerwalls") if missing == "powerwalls" else inventory
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.POWERWALL, serial) is not None
    is_lost = state_of(hass, gateway, "sensor", f"{serial}_charge") == STATE_UNAVAILABLE
    assert is_lost == (missing == "system_status")


async def test_incomplete_response_removes_no_powerwall(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    system, inventory, serial = await responses(entry)
    system, inventory = less(system, "battery_blocks"), less(inventory, "powerwalls")
    unreadable = [{**inventory["powerwalls"][0], "PackageSerialNumber": None}]
    for spoiled in (
        {"powerwalls": {**inventory, "powerwalls": []}},
        {"powerwalls": {**inventory, "powerwalls": unreadable}},
        {"powerwalls": {**inventory, "enumerating": True}},
        {"powerwalls": {**inventory, "updating": True}},
        {"powerwalls": b"<html>"},
        {"system_status": {**system, "battery_blocks": []}},
        {"system_status": {**system, "battery_blocks": None}},
        {"system_status": b""},
        {"meters/aggregates": b""},
    ):
        gateway.overrides.clear()
        gateway.overrides.update({"system_status": system, "powerwalls": inventory, **spoiled})
        await poll_hours_later(hass, entry)
        assert device_of(hass, entry, Kind.POWERWALL, serial) is not None, spoiled
    gateway.overrides.pop("meters/aggregates")
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.POWERWALL, serial) is None


async def test_stopped_powerwall_removes_no_device(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters"] = [METER]
    gateway.overrides["solars"] = INVERTERS
    entry = await set_up(gateway)
    _, inventory, serial = await responses(entry)
    gateway.running = False
    gateway.overrides["powerwalls"] = less(inventory, "powerwalls")
    gateway.overrides["meters"] = [{**METER, "serial": "OBB2"}]
    gateway.overrides["solars"] = INVERTERS[:1]
    await poll_hours_later(hass, entry)
    for kind, part in ((Kind.POWERWALL, serial), (Kind.METER, "OBB1"), (Kind.INVERTER, "inverter_2")):
        assert device_of(hass, entry, kind, part) is not None


async def test_powerwall_removed_during_downtime_loses_its_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    system, inventory, serial = await responses(entry)
    await hass.config_entries.async_unload(entry.entry_id)
    gateway.overrides["system_status"] = less(system, "battery_blocks")
    gateway.overrides["powerwalls"] = less(inventory, "powerwalls")
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.POWERWALL, serial) is None


async def test_missing_powerwall_makes_only_its_entities_unavailable(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    _, _, serial = await responses(entry)
    before, begun, went_dark = everything(hass, entry), entry.runtime_data, record_unavailable(hass, entry)
    gateway.home.remove_pack(2)
    for _ in range(2):
        await poll(hass, entry, "live", "inventory")
        assert state_of(hass, gateway, "sensor", f"{serial}_charge") == STATE_UNAVAILABLE
    gateway.home.add_pack(2)
    await poll(hass, entry, "live", "inventory")
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") not in {None, STATE_UNAVAILABLE}
    assert all(serial in unique_id for unique_id in went_dark())
    assert everything(hass, entry) == before
    assert entry.runtime_data is begun


async def test_two_short_absences_remove_no_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    _, _, serial = await responses(entry)
    for _ in range(2):
        gateway.home.remove_pack(2)
        await poll_hours_later(hass, entry, hours=0.9)
        assert device_of(hass, entry, Kind.POWERWALL, serial) is not None
        gateway.home.add_pack(2)
        await poll(hass, entry, "live", "inventory")


async def test_removed_powerwall_returns_without_affecting_others(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    _, _, serial = await responses(entry)
    own, before, begun = device_of(hass, entry, Kind.POWERWALL, serial), everything(hass, entry), entry.runtime_data
    assert own is not None
    dr.async_get(hass).async_update_device(own.id, name_by_user="In the garage")
    went_dark = record_unavailable(hass, entry)
    gateway.home.remove_pack(2)
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.POWERWALL, serial) is None
    assert everything(hass, entry) == {
        entity_id: unique_id for entity_id, unique_id in before.items() if serial not in unique_id
    }
    gateway.home.add_pack(2)
    await poll(hass, entry, "live", "inventory")
    assert everything(hass, entry) == before
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") not in {None, STATE_UNAVAILABLE}
    back = device_of(hass, entry, Kind.POWERWALL, serial)
    assert back is not None
    assert (back.id, back.name_by_user) == (own.id, "In the garage")
    assert all(serial in unique_id for unique_id in went_dark())
    assert entry.runtime_data is begun


async def test_powerwalls_are_renumbered_if_one_is_removed(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    system, inventory, _ = await responses(entry)
    first, second = sorted(unit["PackageSerialNumber"] for unit in inventory["powerwalls"])

    def names() -> list[str | None]:
        devices = (device_of(hass, entry, Kind.POWERWALL, serial) for serial in (first, second))
        return [device.name if device else None for device in devices]

    assert names() == ["Powerwall 1", "Powerwall 2"]
    for response, key in ((system, "battery_blocks"), (inventory, "powerwalls")):
        kept = [unit for unit in response[key] if unit["PackageSerialNumber"] == second]
        gateway.overrides["system_status" if response is system else "powerwalls"] = {**response, key: kept}
    await poll(hass, entry, "live", "inventory")
    assert names() == ["Powerwall 1", "Powerwall 2"]
    await poll_hours_later(hass, entry)
    assert names() == [None, "Powerwall 1"]
    gateway.overrides.clear()
    await poll(hass, entry, "live", "inventory")
    assert names() == ["Powerwall 1", "Powerwall 2"]


# -- meters and inverters ----------------------------------------------------------------------------------------------


async def test_removed_meter_returns(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    both = [METER, {**METER, "serial": "OBB2"}]
    gateway.overrides["meters"] = both
    entry = await set_up(gateway)
    begun = entry.runtime_data
    for empty in ([], [METER, {**METER, "serial": None}], b"<html>"):
        gateway.overrides["meters"] = empty
        await poll_hours_later(hass, entry)
        assert device_of(hass, entry, Kind.METER, "OBB2") is not None, empty
    gateway.overrides["meters"] = both[:1]
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.METER, "OBB2") is None
    assert state_of(hass, gateway, "binary_sensor", "OBB1_connected") == "on"
    gateway.overrides["meters"] = both
    await poll(hass, entry, "live", "inventory")
    assert state_of(hass, gateway, "binary_sensor", "OBB2_connected") == "on"
    assert entry.runtime_data is begun


async def test_added_meter_has_its_phases(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters/site"] = []
    gateway.overrides["meters"] = [METER]
    entry = await set_up(gateway)
    begun = entry.runtime_data
    readings = {"real_power_a": 230.5, "v_l1n": 240.0}
    added: dict[str, Any] = {"type": "neurio_tcp", "connection": {"device_serial": "OBB2"}, "Cached_readings": readings}
    gateway.overrides["meters/site"] = [added]
    gateway.overrides["meters"] = [METER, {**METER, "serial": "OBB2"}]
    await poll(hass, entry, "live", "inventory")
    assert state_of(hass, gateway, "sensor", "OBB2_grid_phase_1_power") == "230.5"
    assert entry.runtime_data is begun


@pytest.mark.usefixtures("all_enabled")
async def test_removed_inverter_returns(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["solars"] = INVERTERS
    entry = await set_up(gateway)
    begun = entry.runtime_data
    gateway.overrides["solars"] = []
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.INVERTER, "inverter_2") is not None
    gateway.overrides["solars"] = INVERTERS[:1]
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.INVERTER, "inverter_2") is None
    gateway.overrides["solars"] = INVERTERS
    await poll(hass, entry, "live", "inventory")
    assert state_of(hass, gateway, "sensor", "inverter_2_rating") == "7600"
    assert entry.runtime_data is begun


async def test_inverter_without_data_has_no_device(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["solars"] = [*INVERTERS, {"brand": "Fronius USA"}]
    entry = await set_up(gateway)
    await poll(hass, entry, "live", "inventory")
    assert device_of(hass, entry, Kind.INVERTER, "inverter_2") is not None
    assert device_of(hass, entry, Kind.INVERTER, "inverter_3") is None


async def test_inverter_of_a_powerwall_is_kept_without_a_list_entry(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["solars"] = INVERTERS[:1]
    gateway.overrides["solar_powerwall"] = {"pvac_status": {"p_out": 500}}
    entry = await set_up(gateway)
    await poll_hours_later(hass, entry)
    assert device_of(hass, entry, Kind.INVERTER, "inverter_powerwall") is not None


# -- firmware ----------------------------------------------------------------------------------------------------------


async def test_updated_firmware_is_shown_and_detected_again(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("solar_powerwall", status=404, times=1)
    gateway.overrides["solar_powerwall"] = {"pvac_status": {"p_out": 500}}
    entry = await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "inverter_powerwall_power") is None
    status = await entry.runtime_data.gateway.get("status")
    before = entry.runtime_data
    await poll(hass, entry, "live", "inventory")
    assert entry.runtime_data is before
    gateway.overrides["status"] = {**status, "version": "23.44.0 eb113390"}
    await poll(hass, entry, "live", "inventory")
    assert entry.runtime_data is not before
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device is not None
    assert device.sw_version == "23.44.0"
    assert state_of(hass, gateway, "sensor", "inverter_powerwall_power") == "500"
    before = entry.runtime_data
    await poll(hass, entry, "live", "inventory")
    assert entry.runtime_data is before


async def test_unreadable_version_keeps_the_firmware(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    before = entry.runtime_data
    status = await entry.runtime_data.gateway.get("status")
    for spoiled in ({**status, "version": None}, {**status, "version": ""}, b"<html>"):
        gateway.overrides["status"] = spoiled
        await poll(hass, entry, "live", "inventory")
    gateway.overrides.clear()
    await poll(hass, entry, "live", "inventory")
    assert entry.runtime_data is before


# -- by hand -----------------------------------------------------------------------------------------------------------


async def test_owner_can_delete_only_missing_devices(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["meters"] = [METER, {**METER, "serial": "OBB2"}]
    gateway.overrides["solars"] = INVERTERS
    entry = await set_up(gateway)
    _, inventory, serial = await responses(entry)

    async def removable() -> set[str]:
        found = set()
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
            if await async_remove_config_entry_device(hass, entry, device):
                found |= {known.removeprefix(f"{gateway.serial}_") for _, known in device.identifiers}
        return found

    assert await removable() == set()
    # The owner may delete devices that an empty list did not remove.
    gateway.overrides["system_status"] = {"battery_blocks": []}
    gateway.overrides["powerwalls"] = {**inventory, "powerwalls": []}
    gateway.overrides["meters"] = []
    gateway.overrides["solars"] = []
    await poll(hass, entry, "live", "inventory")
    serials = [unit["PackageSerialNumber"] for unit in inventory["powerwalls"]]
    assert serial in serials
    assert await removable() == {
        *(f"powerwall_{serial}" for serial in serials),
        "meter_OBB1",
        "meter_OBB2",
        "inverter_inverter_1",
        "inverter_inverter_2",
    }
    await hass.config_entries.async_unload(entry.entry_id)
    assert await removable() == set()


async def test_deleted_device_returns_with_its_hardware(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    _, _, serial = await responses(entry)
    before = everything(hass, entry)
    gateway.home.remove_pack(2)
    await poll(hass, entry, "live", "inventory")
    device = device_of(hass, entry, Kind.POWERWALL, serial)
    assert device is not None
    assert await async_remove_config_entry_device(hass, entry, device)
    dr.async_get(hass).async_remove_device(device.id)
    gateway.home.add_pack(2)
    await poll(hass, entry, "live", "inventory")
    assert everything(hass, entry) == before
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") not in {None, STATE_UNAVAILABLE}
