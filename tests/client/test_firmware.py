"""Capabilities of a gateway, detected with few requests."""

from contextlib import suppress
from time import monotonic

import pytest

from custom_components.powerwall_gateway.gateway import (
    Capabilities,
    GatewayAuthenticationRequiredError,
    GatewayNotFoundError,
    GatewayStoppedError,
    IslandingController,
    PowerwallGateway,
    client as client_module,
)
from custom_components.powerwall_gateway.gateway.control import islanding
from custom_components.powerwall_gateway.gateway.models import Status
from tests.client.conftest import Client
from tests.conftest import StartSimulator


async def read_both(powerwall: PowerwallGateway) -> Capabilities:
    """Read the firmware and all Powerwalls, and return what is known then."""
    for read in (powerwall.status, powerwall.system_status):
        with suppress(GatewayNotFoundError, GatewayAuthenticationRequiredError, GatewayStoppedError):
            await read()
    return powerwall.capabilities


def capabilities(version: str, *roles: str) -> Capabilities:
    """Return the capabilities of a gateway with this firmware."""
    return Capabilities(status=Status.from_dict({"version": version}), roles=roles)


@pytest.mark.parametrize(
    ("version", "roles", "can_write"),
    [
        ("1.15.0\n", (), True),
        ("1.36.9", (), True),
        ("1.37.1", (), False),
        ("1.46.0", ("Provider_Engineer",), True),
        ("21.44 223a56cd", ("Home_Owner",), False),
        ("21.44 223a56cd", ("Provider_Engineer",), True),
        ("gibberish", (), False),
    ],
)
def test_capabilities_know_who_may_write_the_operation(version: str, roles: tuple[str, ...], can_write: bool) -> None:
    assert capabilities(version, *roles).can_write_operation is can_write


@pytest.mark.parametrize(
    ("version", "key"), [("1.15.0\n", "mode"), ("1.20.0", "mode"), ("1.21.0", "real_mode"), ("gibberish", "real_mode")]
)
def test_capabilities_know_the_key_of_the_mode(version: str, key: str) -> None:
    assert capabilities(version).operation_mode_key == key


def test_capabilities_of_a_powerwall_3_are_restricted() -> None:
    restricted = Capabilities(status=None)
    assert restricted.is_restricted
    assert not restricted.can_write_operation
    assert not restricted.login_stops_powerwall
    assert restricted.operation_mode_key == "real_mode"


@pytest.mark.parametrize(
    ("firmware", "password", "has_system_status", "stops"),
    [("1.15.0", None, False, True), ("21.44", "", True, False)],
)
async def test_capabilities_are_known_after_two_requests(
    simulator: StartSimulator,
    client: Client,
    firmware: str,
    password: str | None,
    has_system_status: bool,
    stops: bool,
) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=password)
    if password is not None:
        await powerwall.login()
    gateway.requests.clear()
    found = await read_both(powerwall)
    assert [request.path for request in gateway.requests] == ["status", "system_status"]
    assert (found.has_system_status, found.login_stops_powerwall) == (has_system_status, stops)
    assert not found.is_restricted


async def test_system_status_of_a_stopped_gateway_is_supported(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.running = False
    assert (await read_both(await client(gateway))).has_system_status


async def test_gateway_without_a_status_is_restricted(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    for path in ("status", "system_status"):
        gateway.faults.add(path, status=404)
    found = await read_both(await client(gateway))
    assert found.is_restricted
    assert not found.has_system_status


async def test_missing_path_is_not_requested_until_the_firmware_changes(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("system_status", status=404)
    assert not (await read_both(powerwall)).has_system_status
    gateway.faults.clear()
    for unread in ({"version": None}, {}):
        gateway.overrides["status"] = unread
        await powerwall.status()
        assert not powerwall.capabilities.has_system_status
    gateway.overrides["status"] = {"version": "22.1.0 00000000"}
    await powerwall.status()
    assert powerwall.capabilities.has_system_status


async def test_known_path_is_requested_until_the_firmware_changes(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await read_both(powerwall)
    gateway.faults.add("system_status", status=404)
    with pytest.raises(GatewayNotFoundError):
        await powerwall.system_status()
    assert powerwall.capabilities.has_system_status
    gateway.overrides["status"] = {"version": "22.1.0 00000000"}
    await powerwall.status()
    with pytest.raises(GatewayNotFoundError):
        await powerwall.system_status()
    assert not powerwall.capabilities.has_system_status


async def test_gateway_with_known_firmware_is_no_powerwall_3(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    await read_both(powerwall)
    gateway.faults.add("status", status=404)
    with pytest.raises(GatewayNotFoundError):
        await powerwall.status()
    assert powerwall.capabilities.login_stops_powerwall
    assert not powerwall.capabilities.is_restricted


@pytest.mark.parametrize(("up_time", "kept_for"), [("402h8m19.9s", 900.0), ("2m3.5s", 60.0)])
async def test_404_is_kept_for_a_while_and_shorter_after_a_start(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch, up_time: str, kept_for: float
) -> None:
    passed = 0.0
    monkeypatch.setattr(client_module, "monotonic", lambda: monotonic() + passed)
    monkeypatch.setattr(islanding, "monotonic", lambda: monotonic() + passed)
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "21.44 223a56cd", "din": gateway.din, "up_time_seconds": up_time}
    for path in ("system_status", "operation", "v2/islanding/mode"):
        gateway.faults.add(path, status=404)
    powerwall = await client(gateway)
    await powerwall.login()
    await read_both(powerwall)
    with pytest.raises(GatewayNotFoundError):
        await powerwall.operation()
    way_off = IslandingController(powerwall)
    await way_off.detect()
    gateway.faults.clear()
    passed = kept_for - 10.0
    assert powerwall.capabilities.missing == {"system_status", "operation", "v2/islanding/mode"}
    assert not way_off.is_unknown
    passed = kept_for + 301.0
    assert not powerwall.capabilities.missing
    assert not way_off.allowed
    await way_off.detect()
    assert way_off.allowed
