"""The Powerwalls' devices: when one comes, and when one goes."""

import copy
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway import async_remove_config_entry_device
from custom_components.powerwall_gateway.devices import Kind, is_of_kind
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from tests.conftest import StartSimulator
from tests.simulator import Simulator

from .conftest import SetUp, state_of


def packs_of(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dr.DeviceEntry]:
    """Give the Powerwalls' devices by serial."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    serial: str = entry.runtime_data.serial
    return {device.serial_number or "": device for device in devices if is_of_kind(device, serial, Kind.POWERWALL)}


async def poll(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll what knows of Powerwalls."""
    await entry.runtime_data.live.async_refresh()
    await entry.runtime_data.inventory.async_refresh()
    await hass.async_block_till_done()


async def without(entry: MockConfigEntry, gateway: Simulator, *paths: str) -> str:
    """Leave the last Powerwall out of some answers, and give its serial."""
    client = entry.runtime_data.gateway
    serial = ""
    for path, key in (("system_status", "battery_blocks"), ("powerwalls", "powerwalls")):
        answer: dict[str, Any] = copy.deepcopy(await client.get(path))
        serial = answer[key].pop()["PackageSerialNumber"]
        if path in paths:
            gateway.overrides[path] = answer
    return serial


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


async def test_a_lost_pack_keeps_its_device(hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    serial = await without(entry, gateway, "system_status")
    await poll(hass, entry)
    assert len(packs_of(hass, entry)) == 2
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") == "unavailable"
    device = packs_of(hass, entry)[serial]
    assert not await async_remove_config_entry_device(hass, entry, device)


async def test_a_pack_that_is_gone_goes_and_one_that_returns_comes_back(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    serial = await without(entry, gateway, "system_status", "powerwalls")
    await poll(hass, entry)
    assert serial not in packs_of(hass, entry)
    assert len(packs_of(hass, entry)) == 1
    gateway.overrides.clear()
    await poll(hass, entry)
    assert serial in packs_of(hass, entry)
    assert state_of(hass, gateway, "sensor", f"{serial}_charge") not in {None, "unknown", "unavailable"}


async def test_an_empty_list_and_silence_remove_nothing(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway)
    await without(entry, gateway, "system_status", "powerwalls")
    answer = gateway.overrides["powerwalls"]
    assert isinstance(answer, dict)
    for spoiled in ({**answer, "powerwalls": []}, {**answer, "enumerating": True}, b"<html>"):
        gateway.overrides["powerwalls"] = spoiled
        await poll(hass, entry)
        assert len(packs_of(hass, entry)) == 2
    gateway.overrides["powerwalls"] = answer
    gateway.running = False
    await poll(hass, entry)
    assert len(packs_of(hass, entry)) == 2
