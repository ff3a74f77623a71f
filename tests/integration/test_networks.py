"""Sensors of the gateway's networks, in the three formats of different firmware."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import Loaded, SetUp, state_of

KINDS = ("ethernet", "wifi", "cellular")


def states(hass: HomeAssistant, gateway: Simulator, what: str) -> list[str | None]:
    """Return the states of Ethernet, Wi-Fi and cellular."""
    return [state_of(hass, gateway, "binary_sensor", f"{kind}_{what}") for kind in KINDS]


def connection(
    interface: str, *, name: str = "Home", active: bool = True, primary: bool = False, signal: int = 50
) -> Any:
    """Return a connection in the format of 21.x."""
    info = {"network_name": name, "signal_strength": signal, "ip_networks": [{"ip": "10.0.0.2", "mask": "255.0.0.0"}]}
    return {
        "network_name": name,
        "interface": interface,
        "active": active,
        "primary": primary,
        "lastTeslaConnected": primary,
        "lastInternetConnected": primary,
        **({"iface_network_info": info} if active else {}),
    }


@pytest.mark.parametrize("firmware", ["21.44", "24.36"])
async def test_networks_of_later_firmware_have_sensors(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, firmware: str
) -> None:
    gateway = await simulator(firmware, **({"password": "sunshine"} if firmware == "24.36" else {}))
    await set_up(gateway)
    assert states(hass, gateway, "connected") == [STATE_OFF, STATE_ON, STATE_ON]
    assert states(hass, gateway, "primary") == [STATE_OFF, STATE_ON, STATE_OFF]
    assert state_of(hass, gateway, "sensor", "wifi_signal") == "53"
    assert state_of(hass, gateway, "sensor", "cellular_signal") == "85"
    assert state_of(hass, gateway, "sensor", "ethernet_signal") is None


async def test_ethernet_is_preferred_to_wifi(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.uplinks.ethernet = True
    await set_up(gateway)
    assert states(hass, gateway, "connected") == [STATE_ON, STATE_ON, STATE_ON]
    assert states(hass, gateway, "primary") == [STATE_ON, STATE_OFF, STATE_OFF]


async def test_network_sensors_are_disabled_by_default(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, _ = loaded
    assert states(hass, gateway, "connected") == [None, None, None]
    assert states(hass, gateway, "primary") == [None, None, None]
    assert state_of(hass, gateway, "sensor", "wifi_signal") is None


async def test_networks_of_1_15_appear_with_a_session(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.client.ABSENT_FOR", 0.0)
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway, password=gateway.password)
    assert states(hass, gateway, "connected") == [None, None, None]
    data = entry.runtime_data
    await data.gateway.login(allow_stop=True)
    await data.gateway.sitemaster_run()
    await data.inventory.async_refresh()
    await hass.async_block_till_done()
    # The gateway reports every interface as connected. The one without a cable has no address.
    assert states(hass, gateway, "connected") == [STATE_OFF, STATE_ON, None]
    assert states(hass, gateway, "primary") == [None, None, None]


async def test_wifi_sensors_show_the_active_network(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("21.44")
    others = [connection("WifiType", name="Old", active=False), connection("WifiType", name="Guests", signal=12)]
    gateway.overrides["networks"] = [*others, connection("WifiType", primary=True, signal=71)]
    entry = await set_up(gateway)
    assert states(hass, gateway, "connected") == [None, STATE_ON, None]
    assert states(hass, gateway, "primary") == [None, STATE_ON, None]
    assert state_of(hass, gateway, "sensor", "wifi_signal") == "71"
    gateway.overrides["networks"] = others[:1]
    await poll(hass, entry, "inventory")
    assert states(hass, gateway, "connected") == [None, STATE_OFF, None]
    gateway.overrides["networks"] = [connection("GsmType")]
    await poll(hass, entry, "inventory")
    assert states(hass, gateway, "connected") == [None, STATE_UNAVAILABLE, STATE_ON]


async def test_network_sensors_show_no_name_and_no_address(
    hass: HomeAssistant, all_enabled: None, loaded: Loaded
) -> None:
    gateway, entry = loaded
    ours = [
        entity.entity_id
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if any(kind in entity.unique_id for kind in KINDS)
    ]
    assert len(ours) == 8
    for entity_id in ours:
        state = hass.states.get(entity_id)
        assert state is not None
        reached = {name: value for name, value in state.attributes.items() if name.startswith("reached")}
        assert set(reached.values()) <= {True, False}
        for secret in ("192.168.1.77", "10.64.0.2", "02:00:00:00:00:01", "gsm_tesla_internal", "WPA2"):
            assert secret not in str(state.as_dict())
    wifi = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, f"{gateway.serial}_wifi_connected")
    state = hass.states.get(wifi or "")
    assert state is not None
    assert (state.attributes["reached_internet"], state.attributes["reached_tesla"]) == (True, True)
