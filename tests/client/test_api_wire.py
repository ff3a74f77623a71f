"""What the calls of seven rooms put on the wire: each its own path, what has an effect once, and junk is one error."""

from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import GatewayConnectionError, GatewayInvalidResponseError
from custom_components.powerwall_gateway.gateway.endpoints import (
    ConnectionTestsApi,
    ControlApi,
    LiveApi,
    NetworksApi,
    OperationApi,
    SessionApi,
    SystemApi,
    endpoints_of,
)
from custom_components.powerwall_gateway.gateway.models import InterfaceType, OperationMode
from tests.client.conftest import Client
from tests.conftest import StartSimulator

ROOMS = (ControlApi, ConnectionTestsApi, LiveApi, NetworksApi, OperationApi, SessionApi, SystemApi)
ENDPOINTS = {name: endpoint for room in ROOMS for name, endpoint in endpoints_of(room).items()}

READS = [
    "auth_toggle_supported",
    "connection_tests",
    "networks",
    "networks_access_points",
    "networks_wifi_security_types",
    "operation",
    "ping_test",
    "sitemaster",
    "system_networks",
    "system_status_grid_faults",
    "system_testing",
    "system_update_status",
    "troubleshooting_problems",
]
LISTS = {
    "networks",
    "networks_access_points",
    "networks_wifi_security_types",
    "system_networks",
    "system_status_grid_faults",
}

EFFECTS: dict[str, tuple[tuple[Any, ...], dict[str, Any], str, Any]] = {
    # method: its arguments, the path that arrives, the body that arrives
    "auth_toggle_cancel": ((), {}, "auth/toggle/login", None),
    "auth_toggle_login": ((), {}, "auth/toggle/login", None),
    "auth_toggle_start": ((), {}, "auth/toggle/start", None),
    "config_completed": ((), {}, "config/completed", None),
    "configure_network": (
        (),
        {"interface": InterfaceType.WIFI, "name": "Home", "security_type": "WPA2_Personal"},
        "networks",
        {"interface": "WifiType", "network_name": "Home", "security_type": "WPA2_Personal"},
    ),
    "disable_network": (("Home",), {}, "networks/Home/disable", None),
    "enable_network": (("Home",), {}, "networks/Home/enable", None),
    "logging": (("info", "Hello"), {}, "logging", {"level": "info", "log": "Hello"}),
    "networks_request_scan_wifi": ((), {}, "networks/request_scan_wifi", None),
    "networks_wifi_scan": ((), {}, "networks/wifi_scan", None),
    "set_operation": (
        (),
        {"mode": OperationMode.BACKUP, "reserve_raw": 24.6},
        "operation",
        {"real_mode": "backup", "backup_reserve_percent": 24.6},
    ),
    "sitemaster_run": ((), {}, "sitemaster/run", None),
    "sitemaster_run_for_commissioning": ((), {}, "sitemaster/run_for_commissioning", {}),
    "sitemaster_stop": ((), {}, "sitemaster/stop", None),
    "start_connection_tests": ((), {}, "system/networks/conn_tests", None),
    "system_update": ((), {}, "system/update", None),
    "system_update_status": ((), {}, "system/update/status", None),
    "v2_islanding_mode": ((), {"off_grid": False}, "v2/islanding/mode", {"island_mode": "backup"}),
}


def test_no_call_with_an_effect_is_forgotten() -> None:
    effects = {name for name, endpoint in ENDPOINTS.items() if endpoint.effect}
    assert effects - {"login", "logout"} == set(EFFECTS)


@pytest.mark.parametrize("name", EFFECTS)
async def test_a_call_with_an_effect_arrives_once_although_its_answer_is_lost(
    simulator: StartSimulator, client: Client, name: str
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    await powerwall.status()
    used = {request.connection for request in gateway.requests}
    gateway.requests.clear()
    arguments, named, path, body = EFFECTS[name]
    gateway.faults.add(path, drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await getattr(powerwall, name)(*arguments, **named)
    [arrived] = gateway.requests
    assert (arrived.method, arrived.path) == (ENDPOINTS[name].method, path)
    assert (orjson.loads(arrived.body) if arrived.body else None) == body
    assert arrived.connection not in used


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("body", [b"<html></html>", b'{"cut": ', b"\xff\xfe", b"NaN"])
async def test_junk_after_an_effect_is_one_clear_error(
    simulator: StartSimulator, client: Client, name: str, body: bytes
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    arguments, named, path, _ = EFFECTS[name]
    gateway.faults.add(path, status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError) as raised:
        await getattr(powerwall, name)(*arguments, **named)
    assert raised.value.path == ENDPOINTS[name].path


@pytest.mark.parametrize("name", READS)
async def test_a_read_asks_its_own_path(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    endpoint = ENDPOINTS[name]
    gateway.faults.add(endpoint.path, status=200, body=b"[]" if name in LISTS else b"{}")
    await getattr(powerwall, name)()
    arrived = gateway.requests[-1]
    assert (arrived.method, arrived.path, arrived.body) == ("GET", endpoint.path, b"")


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"cut": ', b'"x"', b"3", b"\xff\xfe", b"NaN", b"[" * 5000])
async def test_junk_is_one_clear_error(simulator: StartSimulator, client: Client, name: str, body: bytes) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(ENDPOINTS[name].path, status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError) as raised:
        await getattr(powerwall, name)()
    assert raised.value.path == ENDPOINTS[name].path


@pytest.mark.parametrize("name", READS)
async def test_a_list_is_no_object_and_an_object_no_list(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(ENDPOINTS[name].path, status=200, body=b"{}" if name in LISTS else b"[]")
    with pytest.raises(GatewayInvalidResponseError, match="belongs"):
        await getattr(powerwall, name)()
