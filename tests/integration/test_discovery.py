"""DHCP discovery: a new gateway is suggested, and a configured one gets its new address."""

from functools import lru_cache
from ipaddress import ip_address
import sys
from types import ModuleType
from typing import Any

import pytest

from custom_components.powerwall_gateway.const import CONF_ALLOW_CONTROL, CONF_MAC, CONF_SERIAL, DOMAIN
from homeassistant.config_entries import SOURCE_DHCP, SOURCE_IGNORE, ConfigEntryState
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.conftest import StartSimulator
from tests.integration.config_flow_steps import assert_abort, assert_form, go_on, login, suggested, typed

from .conftest import Loaded, SetUp, entry_for

MAC = "3c:2a:f4:00:01:02"
NEW = "192.0.2.9"


async def discover(hass: HomeAssistant, hostname: str, ip: str = "127.0.0.1", mac: str = MAC) -> Any:
    """Report a device by DHCP."""
    info = DhcpServiceInfo(ip=ip, hostname=hostname.lower(), macaddress=mac.replace(":", ""))
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=info)
    await hass.async_block_till_done()
    return flow


@pytest.fixture
def dhcp_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Home Assistant's DHCP integration be imported without the libraries that listen on the network."""
    addresses = {"cached_ip_addresses": lru_cache(ip_address)}
    names = {"HOSTNAME": "hostname", "IP_ADDRESS": "ip", "MAC_ADDRESS": "macaddress"}
    modules: dict[str, dict[str, Any]] = {
        "aiodhcpwatcher": {},
        "aiodiscover": {"DiscoverHosts": object},
        "aiodiscover.discovery": names,
        "cached_ipaddress": addresses,
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("homeassistant.loader.DHCP", [])  # what Home Assistant's own integrations match
    for name in [name for name in sys.modules if name.startswith("homeassistant.components.dhcp")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(
    ("hostname", "serial"),
    [
        ("1118431-00-F--T17I0001234", "T17I0001234"),  # Backup Gateway 1
        ("1099752-01-B--T17G0001234", "T17G0001234"),
        ("1232100-00-E--TG1234567890G1", "TG1234567890G1"),  # Backup Gateway 2
        ("1152100-14-J--CN321365D2U06J", "CN321365D2U06J"),
        ("1841000-01-B--TG1234567890G1", "TG1234567890G1"),  # Gateway 3
        ("1707000-30-K--TG1250000000X3", "TG1250000000X3"),  # Powerwall 3 on a cable
        ("1707000-11-L--TG1250000000X3", "TG1250000000X3"),
        ("TeslaPW_ABC123", None),  # Powerwall 3 on Wi-Fi
        ("1707001-30-K--TG1250000000X3", "none"),
        ("170700-30-K--TG1250000000X3", "none"),
        ("my-1707000-30-K", "none"),
        ("TeslaWallConnector_1A2B3C", "none"),
        ("Tesla_Model3", "none"),
        ("homeassistant", "none"),
    ],
)
async def test_discovery_matches_host_names(
    hass: HomeAssistant, dhcp_libraries: None, hostname: str, serial: str | None
) -> None:
    assert await async_setup_component(hass, "dhcp", {})
    attributes = {"source_type": "router", "ip": NEW, "host_name": hostname, "mac": MAC}
    hass.states.async_set("device_tracker.seen", "home", attributes)
    await hass.async_block_till_done(wait_background_tasks=True)
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert [flow["context"]["unique_id"] for flow in flows] == ([] if serial == "none" else [serial or MAC])


async def test_discovery_starts_the_user_flow(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    flow = await discover(hass, gateway.din)
    assert_form(flow, "discovery_confirm")
    assert suggested(flow) == {CONF_HOST: "127.0.0.1", CONF_SERIAL: gateway.serial}
    (shown,) = hass.config_entries.flow.async_progress()
    assert shown["context"]["title_placeholders"] == {"host": "127.0.0.1"}
    assert gateway.requests == []
    flow = await go_on(hass, flow, typed(gateway, serial="no!"))
    assert_form(flow, "discovery_confirm", {CONF_SERIAL: "invalid_serial"})
    flow = await go_on(hass, await go_on(hass, flow, typed(gateway)), {CONF_ALLOW_CONTROL: False})
    assert flow["data"][CONF_MAC] == MAC
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), flow["result"].entry_id)
    assert device is not None
    assert device.connections == {(dr.CONNECTION_NETWORK_MAC, MAC)}


async def test_discovery_of_a_powerwall_3_asks_for_the_serial(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("pw3")
    flow = await discover(hass, "TeslaPW_ABC123")
    assert_form(flow, "discovery_confirm")
    assert suggested(flow) == {CONF_HOST: "127.0.0.1", CONF_SERIAL: None}
    flow = await go_on(hass, flow, typed(gateway))
    assert_form(await go_on(hass, flow, login(gateway.password)), "confirm")


async def test_discovery_shows_the_same_gateway_once(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    await discover(hass, gateway.din)
    assert_abort(await discover(hass, gateway.din), "already_in_progress")


async def test_discovery_keeps_an_ignored_gateway_ignored(hass: HomeAssistant, simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    data = {"unique_id": gateway.serial, "title": "Gateway"}
    await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=data)
    assert_abort(await discover(hass, gateway.din), "already_configured")


async def test_discovery_adds_the_mac_of_a_known_gateway(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    data, logins = entry.runtime_data, gateway.logins
    assert_abort(await discover(hass, gateway.din), "already_configured")
    assert entry.runtime_data is data  # a working entry is not reloaded for it
    assert gateway.logins == logins
    assert (entry.data[CONF_HOST], entry.data[CONF_MAC]) == (f"127.0.0.1:{gateway.port}", MAC)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, gateway.serial), entry.entry_id)
    assert device is not None
    assert device.connections == {(dr.CONNECTION_NETWORK_MAC, MAC)}


async def test_discovery_keeps_the_address_of_a_gateway_that_responds(hass: HomeAssistant, loaded: Loaded) -> None:
    gateway, entry = loaded
    data = dict(entry.data)
    assert_abort(await discover(hass, gateway.din, ip=NEW), "already_configured")  # its cable, next to its Wi-Fi
    assert dict(entry.data) == data
    assert entry.state.name == "LOADED"


@pytest.mark.parametrize("hostname", ["{din}", "some-other-name"])
async def test_discovery_updates_the_address_of_a_gateway_that_moved(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, hostname: str
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, host=f"nowhere.invalid:{gateway.port}", mac=MAC)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert_abort(await discover(hass, hostname.format(din=gateway.din)), "already_configured")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"
    assert entry.state.name == "LOADED"


async def test_discovery_updates_the_address_after_a_failed_poll(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    entry = await set_up(gateway, host=f"localhost:{gateway.port}")
    assert entry.state.name == "LOADED"
    await gateway.stop()
    await entry.runtime_data.live.async_refresh()
    assert_abort(await discover(hass, gateway.din), "already_configured")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"


async def test_discovery_reloads_an_entry_that_retries(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway: Simulator = await simulator("21.44")
    async with gateway.unreachable():
        entry = await set_up(gateway, mac=MAC)
        assert entry.state is ConfigEntryState.SETUP_RETRY
    assert_abort(await discover(hass, gateway.din), "already_configured")
    assert entry.state.name == "LOADED"


async def test_discovery_updates_an_address_that_another_gateway_has(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    serial, gateway.serial = gateway.serial, "TG9999990000B1"
    entry = await set_up(gateway, host=f"localhost:{gateway.port}", serial=serial)
    assert entry.state.name == "SETUP_RETRY"
    gateway.serial = serial
    hass.config_entries.async_update_entry(entry, unique_id=serial)
    assert_abort(await discover(hass, gateway.din), "already_configured")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"
    assert entry.state.name == "LOADED"


async def test_entry_whose_login_was_refused_is_set_up_again_at_the_new_address(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another gateway at the old address rejects the password, which Home Assistant does not retry."""
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.auth.SessionManager.FIRST_WAIT", 0.0)
    gateway = await simulator("21.44")
    right, gateway.password = gateway.password, "of another gateway"
    entry = await set_up(gateway, host=f"localhost:{gateway.port}", password=right)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state.name == "SETUP_ERROR"
    gateway.password = right
    assert_abort(await discover(hass, gateway.din), "already_configured")
    await hass.async_block_till_done()
    assert entry.data[CONF_HOST] == f"127.0.0.1:{gateway.port}"
    assert entry.state.name == "LOADED"


async def test_discovery_recognizes_a_powerwall_3_by_its_address(
    hass: HomeAssistant, simulator: StartSimulator
) -> None:
    gateway = await simulator("pw3")
    entry = entry_for(gateway)
    entry.add_to_hass(hass)
    assert_abort(await discover(hass, "TeslaPW_ABC123"), "already_configured")
    assert entry.data[CONF_MAC] == MAC


@pytest.mark.parametrize("other_firmware", ["21.44", "1.15.0"])
async def test_discovery_sends_nothing_to_an_impostor(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, other_firmware: str
) -> None:
    """A host name proves nothing: the certificate does."""
    gateway = await simulator("21.44")
    port = gateway.port
    await gateway.stop()
    entry = await set_up(gateway, host=f"nowhere.invalid:{port}", mac=MAC, fingerprint="ab" * 32)
    impostor: Simulator = await simulator(other_firmware, serial=gateway.serial)
    await impostor.stop()
    await impostor.start(port)
    assert_abort(await discover(hass, gateway.din), "already_configured")
    assert entry.data[CONF_HOST] == f"127.0.0.1:{port}"  # where the gateway is not found
    assert entry.state.name == "SETUP_RETRY"
    assert (impostor.requests, impostor.logins) == ([], 0)
