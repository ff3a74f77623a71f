"""Logins that stop the Powerwall: below 20.49, and on unknown firmware."""

from contextlib import suppress
import json
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayNotFoundError,
    PowerwallGateway,
    probe,
)
from custom_components.powerwall_gateway.gateway.models import OperationMode
from simulator import Simulator
from tests.client.conftest import Client, Connect
from tests.client.expected_errors import raises_login_stops
from tests.conftest import StartSimulator
from tests.helpers import address_of

# -- the installer's login, which stops the Powerwall ------------------------------------------------------------------


async def installer(simulator: Simulator, connect: Connect) -> PowerwallGateway:
    """Make a client with the installer's credentials."""
    return PowerwallGateway(await connect(simulator), Credentials.of_installer(simulator.serial))


async def test_login_that_stops_is_possible_if_requested(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await installer(gateway, connect)
    session = await powerwall.login(allow_stop=True)
    assert session.roles == ("Provider_Engineer",)
    assert session.headers == {"Authorization": f"Bearer {session.token}"}
    assert (await powerwall.sitemaster()).running is False
    await powerwall.sitemaster_run()
    assert (await powerwall.sitemaster()).running is True
    assert (await powerwall.operation()).operation_mode is OperationMode.SELF_CONSUMPTION
    await powerwall.set_operation(mode=OperationMode.BACKUP, reserve_raw=100)
    assert (gateway.home.mode, gateway.home.reserve) == ("self_consumption", 24)
    await powerwall.config_completed()
    assert (gateway.home.mode, gateway.home.reserve) == ("backup", 100)
    assert gateway.logins == 1


async def test_ended_session_is_not_renewed_if_a_login_stops(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await installer(gateway, connect)
    await powerwall.login(allow_stop=True)
    await powerwall.sitemaster_run()
    gateway.tokens.clear()
    with pytest.raises(GatewayAuthenticationRequiredError, match="stops the Powerwall"):
        await powerwall.operation()
    assert gateway.running
    assert gateway.logins == 1


@pytest.mark.parametrize("path", ["*", "meters/aggregates"])
async def test_session_is_kept_while_everything_is_denied(simulator: StartSimulator, client: Client, path: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.meters_aggregates()
    gateway.faults.add(path, status=403)
    for _ in range(3):
        with pytest.raises(GatewayAuthenticationRequiredError):
            await powerwall.meters_aggregates()
    gateway.faults.clear()
    logins = gateway.logins
    await powerwall.meters_aggregates()  # however long the next login would have to wait
    assert powerwall.has_session
    assert gateway.logins == logins


async def test_session_is_kept_after_one_denial_if_a_login_stops(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await installer(gateway, connect)
    await powerwall.login(allow_stop=True)
    await powerwall.sitemaster_run()
    gateway.faults.add("operation", status=401, times=1)
    with pytest.raises(GatewayAuthenticationRequiredError, match="stops the Powerwall"):
        await powerwall.operation()
    assert powerwall.has_session is False
    await powerwall.operation()
    assert powerwall.export_login()["session"]
    assert gateway.requests[-1].authenticated
    assert gateway.logins == 1


async def test_login_is_possible_after_a_denied_session(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await installer(gateway, connect)
    await powerwall.login(allow_stop=True)
    gateway.tokens.clear()
    with pytest.raises(GatewayAuthenticationRequiredError, match="stops the Powerwall"):
        await powerwall.operation()
    await powerwall.login(allow_stop=True)
    assert powerwall.has_session
    assert gateway.logins == 2


@pytest.mark.parametrize(
    ("version", "force"),
    [("1.15.0\n", False), ("1.17.1", True), ("1.46.0", True), ("21.44 223a56cd", False), ("?", False)],
)
async def test_login_needs_force_by_firmware(
    simulator: StartSimulator, connect: Connect, version: str, force: bool
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["status"] = {"version": version}
    await (await installer(gateway, connect)).login(allow_stop=True)
    assert json.loads(gateway.requests[-1].body)["force_sm_off"] is force


# -- a gateway that has no status for a while --------------------------------------------------------------------------

NOT_FOUND: dict[str, Any] = {"status": 404, "body": b"404 page not found\n"}
FIRMWARE = ["1.15.0", "1.50.1"]


def starts_up(simulator: Simulator) -> None:
    """Have no `status` for a while."""
    simulator.faults.add("status", **NOT_FOUND)


@pytest.mark.parametrize("firmware", FIRMWARE)
async def test_status_not_found_after_old_firmware_was_read_forbids_the_login(
    simulator: StartSimulator, connect: Connect, firmware: str
) -> None:
    gateway = await simulator(firmware)
    powerwall = await installer(gateway, connect)
    await powerwall.status()
    starts_up(gateway)
    for _ in range(3):
        with raises_login_stops():
            await powerwall.operation()
        with raises_login_stops():
            await powerwall.login()
    assert gateway.logins == 0
    assert gateway.stopped_seconds == 0


@pytest.mark.parametrize("firmware", FIRMWARE)
async def test_status_not_found_from_the_start_forbids_the_login(
    simulator: StartSimulator, connect: Connect, firmware: str
) -> None:
    """The firmware is unknown, and a gateway that is starting may deny its status."""
    gateway = await simulator(firmware)
    powerwall = await installer(gateway, connect)
    starts_up(gateway)
    with raises_login_stops("not known"):
        await powerwall.operation()
    gateway.faults.add("meters/aggregates", status=403)
    gateway.faults.add("system_status/soe", status=403)
    with raises_login_stops("not known"):
        await powerwall.operation()
    gateway.faults.clear()
    for path in ("status", "sitemaster", "powerwalls"):
        gateway.faults.add(path, **NOT_FOUND)
    with raises_login_stops("not known"):
        await powerwall.operation()
    assert gateway.logins == 0
    gateway.faults.clear()
    with raises_login_stops("on this firmware"):
        await powerwall.operation()
    assert gateway.logins == 0


async def test_status_not_found_on_later_firmware_waits_until_it_is_known(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    starts_up(gateway)
    with raises_login_stops("not known"):
        await powerwall.meters_aggregates()
    assert gateway.logins == 0
    gateway.faults.clear()
    await powerwall.meters_aggregates()
    gateway.tokens.clear()
    starts_up(gateway)
    await powerwall.meters_aggregates()  # the known version is kept
    assert gateway.logins == 2


async def test_powerwall_3_is_recognized_by_all_of_its_paths(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("pw3")
    powerwall = await client(gateway)
    await powerwall.meters_aggregates()
    gateway.tokens.clear()
    gateway.requests.clear()
    await powerwall.meters_aggregates()
    assert gateway.logins == 2
    assert [request.path for request in gateway.requests] == [
        "meters/aggregates",
        "status",
        "login/Basic",
        "meters/aggregates",
    ]  # the proof is needed only once


async def test_known_firmware_outlives_a_restart(simulator: StartSimulator, connect: Connect, client: Client) -> None:
    old, later = await simulator("1.50.1"), await simulator("21.44")
    before = await installer(old, connect)
    await before.status()
    after = await installer(old, connect)
    after.restore_login(before.export_login())
    starts_up(old)
    with raises_login_stops("on this firmware"):
        await after.operation()
    assert old.logins == 0

    before = await client(later)
    await before.status()
    after = await client(later)
    after.restore_login(before.export_login())
    starts_up(later)
    await after.meters_aggregates()
    assert later.logins == 1


async def test_updated_firmware_is_accepted_at_the_second_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "20.40.3 b1d8a1a0"}
    powerwall = await client(gateway)
    await powerwall.status()
    gateway.overrides.clear()
    with raises_login_stops():
        await powerwall.meters_aggregates()
    assert gateway.logins == 0
    await powerwall.meters_aggregates()
    assert gateway.logins == 1


@pytest.mark.parametrize("status", [{}, {"version": None}, {"version": "?"}, b"[]"])
async def test_missing_version_keeps_the_known_one(simulator: StartSimulator, client: Client, status: Any) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    await powerwall.status()
    gateway.overrides["status"] = status
    with suppress(GatewayError):
        await powerwall.status()
    with raises_login_stops():
        await powerwall.login()
    assert powerwall.capabilities.status
    assert powerwall.capabilities.status.version == "1.15.0"
    assert powerwall.capabilities.login_stops_powerwall


async def test_probe_without_status_does_not_assume_a_powerwall_3(simulator: StartSimulator, connect: Connect) -> None:
    gateway, powerwall_3 = await simulator("1.50.1"), await simulator("pw3")
    starts_up(gateway)
    session = (await connect(gateway))._session
    with pytest.raises(GatewayNotFoundError):
        await probe(session, address_of(gateway))
    found = await probe(session, address_of(powerwall_3))
    assert (found.status, found.needs_login, found.login_stops_powerwall) == (None, True, False)
