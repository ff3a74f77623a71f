"""The endpoints, the login and its manners."""

import logging

import pytest

from custom_components.powerwall_gateway.gateway import (
    Credentials,
    GatewayBusyError,
    GatewayDeniedError,
    GatewayError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayPayloadError,
    GatewayStoppedError,
    GatewayUnreachableError,
    PowerwallGateway,
    identify,
    login_stops_powerwall,
    meet,
)
from custom_components.powerwall_gateway.gateway.login import Login, Session
from custom_components.powerwall_gateway.gateway.models import GridState, OperationMode, Status
from tests.conftest import StartSimulator

from .conftest import Client, Connect, address_of

FIRMWARES = ["1.15.0", "21.44"]
OPEN_ON_1_15 = ["status", "meters_aggregates", "soe", "grid_status", "sitemaster", "powerwalls", "site_info"]
READS = [*OPEN_ON_1_15, "system_status", "config", "operation"]
LIVE = ["meters_aggregates", "soe", "grid_status"]


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_live_data_are_the_houses_own(simulator: StartSimulator, client: Client, firmware: str) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    meters = await powerwall.meters_aggregates()
    house = gateway.house
    for meter, power in (
        (meters.site, house.grid_power),
        (meters.load, house.home_power),
        (meters.solar, house.solar_power),
    ):
        assert meter is not None
        assert meter.instant_power == pytest.approx(power, abs=15)
    assert (await powerwall.soe()).percentage == pytest.approx(house.charge)
    assert (await powerwall.grid_status()).grid_status is GridState.CONNECTED
    house.outage()
    house.advance(30)
    assert (await powerwall.grid_status()).grid_status is GridState.ISLANDED
    sitemaster = await powerwall.sitemaster()
    assert (sitemaster.running, sitemaster.connected_to_tesla) == (True, True)


async def test_what_only_a_login_shows(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    assert (await powerwall.config()).vin == gateway.din
    assert (await powerwall.operation()).operation_mode is OperationMode.SELF_CONSUMPTION
    assert (await powerwall.system_status()).percentage == pytest.approx((await powerwall.soe()).percentage)
    assert (await powerwall.powerwalls()).gateway_din == gateway.din
    assert (await powerwall.site_info()).grid_code is not None
    assert gateway.logins == 1


@pytest.mark.parametrize("name", READS)
async def test_every_read_asks_its_own_path_once(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    await getattr(powerwall, name)()
    paths = {"meters_aggregates": "meters/aggregates", "soe": "system_status/soe"}
    paths["grid_status"] = "system_status/grid_status"
    assert [request.path for request in gateway.requests] == [paths.get(name, name)]


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_a_stopped_powerwall_has_no_live_data(
    simulator: StartSimulator, client: Client, firmware: str, name: str
) -> None:
    gateway = await simulator(firmware)
    powerwall = await client(gateway, password=None if firmware == "1.15.0" else "")
    gateway.running = False
    with pytest.raises(GatewayStoppedError):
        await getattr(powerwall, name)()
    assert (await powerwall.sitemaster()).running is False


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"cut": ', b"null", b"[]", b'"x"', b"\xff\xfe", b"NaN"])
async def test_what_makes_no_sense_is_one_clear_error(
    simulator: StartSimulator, client: Client, name: str, body: bytes
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    for path in ("status", "meters/aggregates", "system_status", "system_status/soe", "system_status/grid_status"):
        gateway.overrides[path] = body
    for path in ("sitemaster", "powerwalls", "site_info", "config", "operation"):
        gateway.overrides[path] = body
    with pytest.raises(GatewayPayloadError) as raised:
        await getattr(powerwall, name)()
    assert raised.value.path


# -- login -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READS)
async def test_1_15_is_never_logged_in_to(simulator: StartSimulator, client: Client, name: str) -> None:
    """Every read, with a password at hand, and the login itself: on 1.15 it would stop the Powerwall."""
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    if name in OPEN_ON_1_15:
        await getattr(powerwall, name)()
    else:
        with pytest.raises((GatewayDeniedError, GatewayNotFoundError)):
            await getattr(powerwall, name)()
    with pytest.raises(GatewayDeniedError, match="stops the Powerwall"):
        await powerwall.login()
    assert gateway.logins == 0
    assert gateway.running
    assert gateway.stopped_seconds == 0


@pytest.mark.parametrize(
    ("version", "stops"),
    [
        ("1.15.0\n", True),
        ("1.50.1 c58c2df3", True),
        ("20.40.3 b1d8a1a0", True),
        ("20.49.0 18dee2f7", False),
        ("21.44 223a56cd", False),
        ("26.18.3 aa", False),
        ("gibberish", True),
        (None, True),
    ],
)
def test_which_firmware_stops_at_a_login(version: str | None, stops: bool) -> None:
    assert login_stops_powerwall(Status.from_dict({"version": version})) is stops


def test_a_powerwall_3_does_not_stop() -> None:
    assert login_stops_powerwall(None) is False


@pytest.mark.parametrize("status", [{"version": "1.15.0\n"}, {}, {"version": "?"}, b"<html>", b"[]"])
async def test_a_version_that_cannot_be_read_forbids_the_login(
    simulator: StartSimulator, client: Client, status: dict[str, str] | bytes
) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = status
    with pytest.raises(GatewayDeniedError, match="stops the Powerwall"):
        await (await client(gateway)).meters_aggregates()
    assert gateway.logins == 0


async def test_without_status_it_is_a_powerwall_3_and_may_log_in(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("status", status=404, body=b"404 page not found\n")
    await (await client(gateway)).meters_aggregates()
    assert gateway.logins == 1


async def test_a_denied_read_without_a_password_is_denied(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayDeniedError):
        await (await client(gateway, password=None)).meters_aggregates()
    assert gateway.logins == 0


async def test_a_lost_session_costs_one_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.meters_aggregates()
    gateway.tokens.clear()
    await powerwall.meters_aggregates()
    await powerwall.grid_status()
    assert gateway.logins == 2


async def test_a_read_that_the_role_may_not_do_costs_one_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.faults.add("system_status", status=403)
    for _ in range(3):
        with pytest.raises(GatewayDeniedError):
            await powerwall.system_status()
    assert gateway.logins == 2


async def test_a_wrong_password_waits_longer_and_longer(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.login.monotonic", lambda: now)
    gateway = await simulator("21.44")
    gateway.gateway.desk.failures_allowed = 100  # it would answer 429; here it is about our own waits
    powerwall = await client(gateway, password="wrong")
    waits = []
    for attempt in range(1, 9):
        began = now
        while gateway.logins < attempt:
            with pytest.raises(GatewayLoginError) as raised:
                await powerwall.meters_aggregates()
            assert "wrong" not in str(raised.value)
            now += 15
        waits.append(now - began)
    assert waits[1:] == sorted(waits[1:])
    assert waits[1] == pytest.approx(30, abs=15)
    assert waits[-1] == pytest.approx(1800, abs=15)
    assert powerwall.login_refusals == 8


async def test_a_login_limit_is_obeyed(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.login.monotonic", lambda: now)
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add("login/Basic", status=429, times=1)
    for moment in (0.0, 31.0, 59.0):
        now = moment
        with pytest.raises(GatewayBusyError):
            await powerwall.meters_aggregates()
    assert gateway.logins == 1
    now = 61.0
    await powerwall.meters_aggregates()
    assert gateway.logins == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": 7}'])
async def test_a_login_without_a_token_is_no_login(simulator: StartSimulator, client: Client, body: bytes) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", status=200, body=body)
    with pytest.raises(GatewayPayloadError, match="without a token"):
        await (await client(gateway)).login()


async def test_a_login_that_nobody_answers(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("login/Basic", drop=True)
    with pytest.raises(GatewayUnreachableError):
        await (await client(gateway)).login()
    assert gateway.logins == 1


async def test_the_session_is_given_back(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    session = await powerwall.login()
    assert session.roles == ("Home_Owner",)
    assert gateway.tokens
    await powerwall.logout()
    assert not gateway.tokens


async def test_who_comes_late_shares_the_new_session(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    login = Login(await connect(gateway), Credentials(password=gateway.password))
    spent = await login.renew()
    renewed = await login.renew(spent=spent)
    assert await login.renew(spent=spent) is renewed
    assert gateway.logins == 2


async def test_without_a_password_there_is_no_login(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayLoginError, match="no password"):
        await (await client(gateway, password=None)).login()
    assert gateway.logins == 0


def test_a_session_is_a_cookie_where_there_is_one_and_a_bearer_where_not() -> None:
    assert Session(token="t").headers == {"Authorization": "Bearer t"}
    assert Session(token="t", cookies={"AuthCookie": "a", "UserRecord": "b"}).headers == {
        "Cookie": "AuthCookie=a; UserRecord=b"
    }


async def test_no_secret_is_ever_shown(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    session = await powerwall.login()
    shown = repr([session, Credentials(password=gateway.password), powerwall, vars(powerwall)])
    assert session.token not in shown
    assert gateway.password not in shown


# -- meeting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("firmware", "needs_login"), [("1.15.0", False), ("21.44", True)])
async def test_meeting_a_gateway(simulator: StartSimulator, connect: Connect, firmware: str, needs_login: bool) -> None:
    gateway = await simulator(firmware)
    session = (await connect(gateway))._session
    introduction = await meet(session, address_of(gateway))
    assert introduction.status is not None
    assert introduction.status.firmware == firmware
    assert introduction.needs_login is needs_login
    assert introduction.login_stops_powerwall is not needs_login
    assert gateway.logins == 0


async def test_meeting_a_stopped_gateway(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    gateway.running = False
    introduction = await meet((await connect(gateway))._session, address_of(gateway))
    assert introduction.needs_login is False


@pytest.mark.parametrize("status", [{}, b"<html>my router</html>", {"version": 3}])
async def test_what_is_no_gateway(simulator: StartSimulator, connect: Connect, status: dict[str, int] | bytes) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["status"] = status
    with pytest.raises(GatewayPayloadError):
        await meet((await connect(gateway))._session, address_of(gateway))


async def test_who_has_neither_status_nor_meters_is_no_gateway(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("*", status=404)
    with pytest.raises(GatewayNotFoundError):
        await meet((await connect(gateway))._session, address_of(gateway))


async def test_identity(simulator: StartSimulator, client: Client) -> None:
    new, old = await simulator("21.44"), await simulator("1.15.0")
    identity = await identify(await client(new, password=None))
    assert identity.din is not None
    assert identity.din.serial_number == new.serial
    assert (await identify(await client(old, password=None))).din is None
    assert (await identify(await client(old))).din is None


async def test_identity_before_status_told_it(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.overrides["status"] = {"version": "20.49.0 18dee2f7"}
    identity = await identify(await client(gateway))
    assert identity.din is not None
    assert identity.din.serial_number == gateway.serial


# -- health ------------------------------------------------------------------------------------------------------------


async def test_one_line_down_and_one_line_up(
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
    assert said(caplog) == [
        "The gateway is not to be reached: meters/aggregates: no connection to the gateway (ServerDisconnectedError)",
        "The gateway answers again",
    ]

    gateway.running = False
    await read_all(powerwall)
    await read_all(powerwall)
    gateway.running = True
    await read_all(powerwall)
    assert said(caplog) == ["The Powerwall is stopped: the gateway has no live data", "The Powerwall runs again"]

    gateway.faults.add("system_status/soe", status=500)
    await read_all(powerwall)
    await read_all(powerwall)
    gateway.faults.clear()
    await read_all(powerwall)
    assert said(caplog) == ["Failed: system_status/soe: the gateway answered 500", "system_status/soe answers again"]


async def read_all(powerwall: PowerwallGateway) -> None:
    """Read the live data, whatever comes."""
    for read in (powerwall.meters_aggregates, powerwall.soe, powerwall.grid_status):
        try:
            await read()
        except GatewayError:
            continue


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged since the last time."""
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("gateway.health")]
    caplog.clear()
    return lines
