"""The devices of the Powerwalls."""

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import async_remove_config_entry_device
from custom_components.powerwall_gateway.device_ids import Kind, is_of_kind
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of


def packs_of(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dr.DeviceEntry]:
    """Return the Powerwalls' devices by serial."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    serial: str = entry.runtime_data.serial
    return {device.serial_number or "": device for device in devices if is_of_kind(device, serial, Kind.POWERWALL)}


async def test_each_powerwall_is_a_device_below_the_gateway(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    for firmware in ("1.15.0", "21.44"):
        entry = await set_up(await simulator(firmware))
        if firmware == "21.44":
            assert {device.model for device in packs_of(hass, entry).values()} == {"Powerwall 2"}
            assert sorted(device.name or "" for device in packs_of(hass, entry).values()) == [
                "Powerwall 1",
                "Powerwall 2",
            ]
            assert {device.via_device_id for device in packs_of(hass, entry).values()} == {entry.runtime_data.device_id}


async def test_missing_powerwall_keeps_its_device(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    system = await entry.runtime_data.gateway.get("system_status")
    serial = system["battery_blocks"][-1]["PackageSerialNumber"]
    gateway.overrides["system_status"] = {**system, "battery_blocks": system["battery_blocks"][:-1]}
    await poll(hass, entry, "live", "inventory")
    assert len(packs_of(hass, entry)) == 2
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") == "unavailable"
    device = packs_of(hass, entry)[serial]
    assert not await async_remove_config_entry_device(hass, entry, device)
