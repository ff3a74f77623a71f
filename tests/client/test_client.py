"""Endpoints, discovery, identity check and availability log of the client."""

import logging

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayStoppedError,
    PowerwallGateway,
    WrongGatewayError,
    identification,
    identify,
    probe,
)
from custom_components.powerwall_gateway.gateway.identification import IdentityCheck
from custom_components.powerwall_gateway.gateway.models import GridState, OperationMode
from simulator import Simulator
from tests.client.conftest import Client, Connect
from tests.conftest import StartSimulator
from tests.helpers import address_of

FIRMWARES = ["1.15.0", "21.44"]
OPEN_ON_1_15 = ["status", "meters_aggregates", "soe", "grid_status", "sitemaster", "powerwalls", "site_info"]
READS = [*OPEN_ON_1_15, "system_status", "config", "operation"]
LIVE = ["meters_aggregates", "soe", "grid_status"]


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_live_data_match_the_simulated_home(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    meters = await powerwall.meters_aggregates()
    home = gateway.home
    for meter, power in (
        (meters.site, home.grid_power),
        (meters.load, home.home_power),
        (meters.solar, home.solar_power),
    ):
        assert meter is not None
        assert meter.instant_power == pytest.approx(power, abs=15)
    assert (await powerwall.soe()).percentage == pytest.approx(home.charge)
    assert (await powerwall.grid_status()).grid_status is GridState.CONNECTED
    home.outage()
    home.advance(30)
    assert (await powerwall.grid_status()).grid_status is GridState.ISLANDED
    sitemaster = await powerwall.sitemaster()
    assert (sitemaster.running, sitemaster.connected_to_tesla) == (True, True)


async def test_login_gives_access_to_site_data(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    assert (await powerwall.config()).vin == gateway.din
    assert (await powerwall.operation()).operation_mode is OperationMode.SELF_CONSUMPTION
    assert (await powerwall.system_status()).percentage == pytest.approx((await powerwall.soe()).percentage)
    assert (await powerwall.powerwalls()).gateway_din == gateway.din
    assert (await powerwall.site_info()).site_name == gateway.gateway.site_name
    assert gateway.logins == 1


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_live_data_of_a_stopped_powerwall_raise_stopped_error(
    simulator: StartSimulator, client: Client, firmware: str, name: str
) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    gateway.running = False
    with pytest.raises(GatewayStoppedError):
        await getattr(powerwall, name)()
    assert (await powerwall.sitemaster()).running is False


async def test_read_rejects_an_object_without_a_known_key(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.faults.add("*", status=200, body=b'{"other": 1}')
    for name in READS:
        with pytest.raises(GatewayInvalidResponseError) as raised:
            await getattr(powerwall, name)()
        assert raised.value.path, name


# -- discovery ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("firmware", "needs_login"), [("1.15.0", False), ("21.44", True)])
async def test_probe_finds_firmware_and_login(
    simulator: StartSimulator, connect: Connect, firmware: str, needs_login: bool
) -> None:
    gateway = await simulator(firmware)
    session = (await connect(gateway))._session
    found = await probe(session, address_of(gateway))
    assert found.status is not None
    assert found.status.firmware == firmware
    assert found.needs_login is needs_login
    assert found.login_stops_powerwall is not needs_login
    assert gateway.logins == 0


async def test_probe_of_a_stopped_powerwall_succeeds(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    gateway.running = False
    found = await probe((await connect(gateway))._session, address_of(gateway))
    assert found.needs_login is False


@pytest.mark.parametrize("status", [{}, b"<html>my router</html>", {"version": 3}])
async def test_probe_rejects_another_status(
    simulator: StartSimulator, connect: Connect, status: dict[str, int] | bytes
) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["status"] = status
    with pytest.raises(GatewayInvalidResponseError):
        await probe((await connect(gateway))._session, address_of(gateway))


async def test_probe_rejects_a_server_without_status_and_meters(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("*", status=404)
    with pytest.raises(GatewayNotFoundError):
        await probe((await connect(gateway))._session, address_of(gateway))


@pytest.mark.parametrize("status", [401, 403])
async def test_probe_accepts_a_gateway_that_denies_status(
    simulator: StartSimulator, connect: Connect, status: int
) -> None:
    gateway = await simulator("1.50.1")
    gateway.faults.add("status", status=status)
    session = (await connect(gateway))._session
    found = await probe(session, address_of(gateway))
    assert not found.needs_login
    assert found.login_stops_powerwall  # its firmware is not known
    assert not (await identify(PowerwallGateway(found.connection))).din
    gateway.faults.add("meters/aggregates", status=status)
    with pytest.raises(GatewayAuthenticationRequiredError):
        await probe(session, address_of(gateway))


async def test_login_is_not_sent_to_a_gateway_that_denies_status(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.50.1")
    gateway.faults.add("status", status=401)
    gateway.faults.add("operation", status=401)
    powerwall = await client(gateway)
    for read in (powerwall.status, powerwall.operation, powerwall.login):
        with pytest.raises(GatewayAuthenticationRequiredError):
            await read()
    assert gateway.logins == 0


# -- the identity check ------------------------------------------------------------------------------------------------


async def identity_check_of(simulator: Simulator, powerwall: PowerwallGateway) -> IdentityCheck:
    """Return the check for a gateway that was just identified."""
    return IdentityCheck(powerwall, await identify(powerwall), serial=simulator.serial, packs=())


async def test_identity_check_repeats_until_the_gateway_has_started(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(identification, "monotonic", lambda: clock[0])
    gateway = await simulator("21.44")
    powerwall = await client(gateway, password=None)
    identity_check = await identity_check_of(gateway, powerwall)
    powerwall.connection.opened += 1
    gateway.faults.add("*", status=404)
    gateway.requests.clear()
    asked = []
    for second in range(60):
        clock[0] = float(second)
        await identity_check.check()
        asked.append([request.path for request in gateway.requests].count("status"))
    assert asked[0] == asked[2] == 1
    assert asked[3] == 2
    assert asked[-1] == 5  # after 3, 9, 21 and 45 s
    powerwall.connection.opened += 1
    await identity_check.check()
    clock[0] += 3.0
    await identity_check.check()
    assert [request.path for request in gateway.requests].count("status") == 6
    gateway.faults.clear()
    gateway.overrides["status"] = {"version": "21.44 223a56cd", "din": "1232100-00-E--TG9999999999ZZ"}
    clock[0] = 3600.0
    with pytest.raises(WrongGatewayError):
        await identity_check.check()
    gateway.overrides.clear()
    await identity_check.check()
    gateway.requests.clear()
    await identity_check.check()
    assert gateway.requests == []


async def test_identify_returns_the_din_of_later_firmware(simulator: StartSimulator, client: Client) -> None:
    new, old = await simulator("21.44"), await simulator("1.15.0")
    identity = await identify(await client(new, password=None))
    assert identity.din is not None
    assert identity.din.serial_number == new.serial
    assert (await identify(await client(old, password=None))).din is None
    assert (await identify(await client(old))).din is None


async def test_identify_without_a_din_in_status_logs_in(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    identity = await identify(await client(gateway))
    assert identity.din is not None
    assert identity.din.serial_number == gateway.serial


# -- availability ------------------------------------------------------------------------------------------------------


async def test_availability_logs_one_line_down_and_one_up(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.powerwall_gateway")
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    await read_all(powerwall)

    gateway.faults.add("*", drop=True)
    await read_all(powerwall)
    await read_all(powerwall)
    gateway.faults.clear()
    await read_all(powerwall)
    assert logged(caplog) == [
        "Could not connect to the gateway: meters/aggregates: no connection to the gateway (ServerDisconnectedError)",
        "The gateway responds again",
    ]

    gateway.running = False
    await read_all(powerwall)
    await read_all(powerwall)
    gateway.running = True
    await read_all(powerwall)
    assert logged(caplog) == [
        "The Powerwall is stopped: the gateway has no live data",
        "The Powerwall is running again",
    ]

    gateway.faults.add("system_status/soe", status=500)
    await read_all(powerwall)
    await read_all(powerwall)
    gateway.faults.clear()
    await read_all(powerwall)
    assert logged(caplog) == [
        "Failed: system_status/soe: the gateway refused the request (500)",
        "system_status/soe responds again",
    ]


async def test_availability_logs_one_line_for_a_lost_path(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.powerwall_gateway")
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    await read_all(powerwall)
    gateway.faults.add("system_status/soe", drop=True)
    for _ in range(5):
        await read_all(powerwall)
    lost = "system_status/soe: no connection to the gateway (ServerDisconnectedError)"
    assert logged(caplog) == [f"Could not connect to the gateway: {lost}"]
    gateway.faults.clear()
    await read_all(powerwall)
    assert logged(caplog) == ["system_status/soe responds again"]


async def test_availability_logs_one_line_if_another_path_responds_first(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.powerwall_gateway")
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    await read_all(powerwall)
    gateway.faults.add("*", drop=True)
    await read_all(powerwall)
    gateway.faults.clear()
    await powerwall.status()
    await read_all(powerwall)
    assert [line.partition(":")[0] for line in logged(caplog)] == [
        "Could not connect to the gateway",
        "meters/aggregates responds again",
    ]


async def test_availability_logs_a_common_reason_once(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.powerwall_gateway")
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await read_all(powerwall)
    gateway.tokens.clear()
    gateway.faults.add("login/Basic", status=401)
    await read_all(powerwall)
    await read_all(powerwall)
    assert logged(caplog) == ["Failed: login/Basic: the gateway refused the login"]
    gateway.faults.clear()
    powerwall._login._not_before = 0.0  # and the wait is over
    await read_all(powerwall)
    assert logged(caplog) == ["meters/aggregates responds again"]


async def test_availability_logs_no_errors_of_a_starting_gateway(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.powerwall_gateway")
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    await read_all(powerwall)
    for fault in ({"drop": True}, {"status": 502}, {"status": 500}):
        gateway.faults.clear()
        gateway.faults.add("*", **fault)
        await read_all(powerwall)
    gateway.faults.clear()
    await read_all(powerwall)
    assert [line.partition(":")[0] for line in logged(caplog)] == [
        "Could not connect to the gateway",
        "The gateway responds again",
    ]


async def read_all(powerwall: PowerwallGateway) -> None:
    """Read the live data, and ignore errors."""
    for read in (powerwall.meters_aggregates, powerwall.soe, powerwall.grid_status):
        try:
            await read()
        except GatewayError:
            continue


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log records since the last call."""
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("powerwall_gateway.hub")]
    caplog.clear()
    return lines
