"""Set mode and reserve: the requests, the permissions, and parallel calls."""

from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    Credentials,
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayPermissionDeniedError,
    LocalOperationController,
    OperationSettings,
    PowerwallGateway,
)
from custom_components.powerwall_gateway.gateway.models import OperationMode
from tests.client.conftest import Connect
from tests.client.expected_errors import raises_command_error
from tests.client.operation import (
    BACKUP,
    BEFORE,
    CHANGE,
    CHECK,
    FIRMWARE,
    LOOK,
    NEW_SETTINGS,
    OLD_SETTINGS,
    SELF_POWERED,
    WRITE,
    Operator,
    rounded,
    with_session,
    without_session,
)
from tests.conftest import StartSimulator

# -- requests ----------------------------------------------------------------------------------------------------------


async def test_set_writes_commits_and_reads_back_once(operator: Operator) -> None:
    assert await operator.set(mode=BACKUP, reserve=30) == OperationSettings(mode=BACKUP, reserve=30)
    assert operator.asked == CHANGE
    assert operator.writes == [{"mode": "backup", "backup_reserve_percent": 33.5}]
    assert operator.follows == operator.stored == NEW_SETTINGS


@pytest.mark.parametrize(
    ("wish", "written"),
    [
        ({"mode": BACKUP}, ("backup", 24.6)),
        ({"reserve": 0}, ("self_consumption", 5)),
        ({"reserve": 100}, ("self_consumption", 100)),
        ({"reserve": 12.5, "mode": "backup"}, ("backup", 16.875)),
    ],
)
async def test_set_keeps_the_other_setting(
    operator: Operator, wish: dict[str, Any], written: tuple[str, float]
) -> None:
    operator.simulator.gateway.operation.reserve = 24.6
    settings = await operator.operation.set(**wish)
    mode, raw = written
    (write,) = operator.writes
    assert (write["mode"], round(write["backup_reserve_percent"], 6)) == written
    assert (operator.follows[0], round(operator.follows[1], 6)) == written
    assert rounded(settings) == OperationSettings(mode=OperationMode(mode), reserve=round((raw - 5) / 0.95, 6))


@pytest.mark.parametrize(
    ("limit", "sent"), [(4.5, {"max_pv_export_power_kW": 4.5}), (0, {"max_pv_export_power_kW": 0}), (None, {})]
)
async def test_set_keeps_the_export_limit(operator: Operator, limit: float | None, sent: dict[str, Any]) -> None:
    operator.simulator.gateway.operation.max_pv_export = limit
    await operator.operation.set(mode=BACKUP)
    assert operator.writes == [{"mode": "backup", "backup_reserve_percent": 24, **sent}]
    assert operator.simulator.gateway.operation.max_pv_export == limit


@pytest.mark.parametrize(("raw", "writes"), [(33.5, 0), (33.45, 0), (33.55, 0), (33.44, 1), (33.56, 1)])
async def test_set_does_not_repeat_a_committed_write(operator: Operator, raw: float, writes: int) -> None:
    await operator.operation.set(reserve=30)
    operator.simulator.gateway.operation.reserve = raw
    settings = await operator.operation.set(reserve=30)
    assert settings.reserve == pytest.approx(30, abs=0.06)
    assert operator.asked == [*CHANGE, *(CHANGE if writes else BEFORE)]


async def test_set_writes_uncommitted_settings_again(operator: Operator) -> None:
    """The process that wrote it may have ended before the commit."""
    operator.simulator.gateway.operation.mode, operator.simulator.gateway.operation.reserve = NEW_SETTINGS
    await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert operator.asked == CHANGE


@pytest.mark.parametrize(
    ("shown", "wish"),
    [
        ({"mode": "backup"}, {"mode": SELF_POWERED}),
        ({"mode": "backup", "backup_reserve_percent": "all"}, {"mode": SELF_POWERED}),
        ({"mode": "backup", "backup_reserve_percent": 101}, {"mode": SELF_POWERED}),
        ({"mode": "unheard_of", "backup_reserve_percent": 24}, {"reserve": 50}),
        ({"backup_reserve_percent": 24}, {"reserve": 50}),
    ],
)
async def test_set_needs_both_settings_if_one_cannot_be_read(
    operator: Operator, shown: dict[str, Any], wish: dict[str, Any]
) -> None:
    operator.simulator.overrides["operation"] = shown
    with raises_command_error(CommandFailure.UNREADABLE):
        await operator.operation.set(**wish)
    assert operator.asked == BEFORE


async def test_set_uses_the_mode_key_of_the_firmware(operator: Operator) -> None:
    await operator.operation.set(reserve=50)
    operator.simulator.overrides["status"] = {"version": "1.21.0"}
    with raises_command_error(CommandFailure.REFUSED):  # the simulated gateway does not support the new key
        await operator.operation.set(reserve=60)
    assert operator.writes[-1] == {"real_mode": "self_consumption", "backup_reserve_percent": pytest.approx(62)}


# -- rejected without a request ----------------------------------------------------------------------------------------

OTHER_MODES = [mode for mode in OperationMode if mode not in (SELF_POWERED, BACKUP)]
INVALID_VALUES: list[dict[str, Any]] = [
    {},
    *({"reserve": reserve} for reserve in (-0.01, 100.01, 10**400, float("nan"), float("inf"), -float("inf"))),
    *({"reserve": reserve, "mode": BACKUP} for reserve in ("30", "", b"30", True, False, [30], 30j)),
    *({"mode": mode, "reserve": 30} for mode in (*OTHER_MODES, "", "off", 1, True, [])),
]


@pytest.mark.parametrize("wish", INVALID_VALUES, ids=repr)
async def test_set_rejects_invalid_values(operator: Operator, wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nothing was sent"):
        await operator.operation.set(**wish)
    assert operator.asked == []


def test_modes_are_those_of_the_firmware(operator: Operator) -> None:
    assert operator.operation.modes == (SELF_POWERED, BACKUP)


async def test_set_reserve_with_another_mode_raises_the_reason(operator: Operator) -> None:
    operator.simulator.gateway.operation.mode = "autonomous"
    with raises_command_error(CommandFailure.REFUSED, match="mode autonomous with a reserve of 30.0 %") as raised:
        await operator.operation.set(reserve=30)
    assert (response := raised.value.response)
    assert (response.status, response.reason) == (500, "Mode must be either self_consumption or backup")
    assert operator.asked == [*BEFORE, WRITE]
    assert operator.may()


@pytest.mark.parametrize("sitemaster", [{"running": False}, {"connected_to_tesla": True}, {"running": "yes"}])
async def test_set_needs_a_running_powerwall(operator: Operator, sitemaster: dict[str, Any]) -> None:
    operator.simulator.overrides["sitemaster"] = sitemaster
    with raises_command_error(CommandFailure.STOPPED, match="stopped"):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.asked == [FIRMWARE, CHECK]


async def test_set_on_a_stopped_powerwall_sends_no_login(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway))
    gateway.running = False
    with raises_command_error(CommandFailure.STOPPED):
        await operator.operation.set(mode=BACKUP)
    assert (operator.logins, gateway.logins, gateway.running) == (0, 0, False)
    assert "sitemaster/run" not in [request.path for request in gateway.requests]


async def test_set_raises_if_stopped_before_the_commit(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = with_session(gateway, await connect(gateway))

    async def the_wizard_logs_in() -> None:
        gateway.running = False

    operator.after("set_operation", the_wizard_logs_in)
    with raises_command_error(CommandFailure.STORED_STOPPED, match="stored, and not in effect"):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.commits == 0
    assert (operator.stored, operator.follows, gateway.running) == (NEW_SETTINGS, OLD_SETTINGS, False)
    gateway.running = True
    # The gateway shows the new settings, but nothing follows them: a second call writes them again.
    await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert (len(operator.writes), operator.commits) == (2, 1)


# -- permissions -------------------------------------------------------------------------------------------------------


async def test_set_on_1_15_logs_in_once(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway))
    await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    await operator.operation.set(mode=SELF_POWERED)
    assert operator.follows == ("self_consumption", 33.5)
    assert (operator.logins, gateway.logins, gateway.running) == (1, 1, True)
    assert (len(operator.writes), operator.commits) == (2, 2)


async def test_set_on_1_15_without_a_safe_login_is_refused(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway), may_log_in=False)
    for call in (operator.operation.read, lambda: operator.operation.set(mode=BACKUP)):
        with pytest.raises(GatewayAuthenticationRequiredError):
            await call()
    assert (gateway.logins, gateway.stopped_seconds) == (0, 0)
    assert operator.may()


async def test_set_with_a_refused_login_writes_nothing(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    powerwall = PowerwallGateway(await connect(gateway))

    async def log_in() -> None:
        raise GatewayError("not while the grid is down")

    operation = LocalOperationController(powerwall, log_in=log_in)
    for call in (operation.read, lambda: operation.set(reserve=1)):
        with pytest.raises(GatewayError, match="grid is down"):
            await call()
    assert [request.method for request in gateway.requests] == ["GET"] * len(gateway.requests)


@pytest.mark.parametrize("firmware", ["1.50.1", "21.44"])
async def test_set_of_an_installer_succeeds_after_the_switch(
    simulator: StartSimulator, connect: Connect, firmware: str
) -> None:
    gateway = await simulator(firmware)
    gateway.flip_switch()
    operator = without_session(gateway, await connect(gateway))
    before = operator.may()
    assert await operator.set(mode=BACKUP, reserve=30) == OperationSettings(mode=BACKUP, reserve=30)
    assert (before, operator.may()) == (False, True)
    assert operator.writes == [{"real_mode": "backup", "backup_reserve_percent": 33.5}]
    assert (operator.follows, operator.commits, gateway.logins, gateway.running) == (NEW_SETTINGS, 1, 1, True)
    assert operator.logins == (firmware == "1.50.1")


@pytest.mark.parametrize("firmware", ["1.50.1", "21.44"])
async def test_set_of_a_customer_sends_no_write(simulator: StartSimulator, connect: Connect, firmware: str) -> None:
    gateway = await simulator(firmware)
    operator = with_session(gateway, await connect(gateway), role="Home_Owner", may_log_in=True)
    await operator.powerwall.status()
    assert not operator.may()
    gateway.requests.clear()
    with raises_command_error(CommandFailure.NOT_ALLOWED):
        await operator.operation.set(mode=BACKUP)
    assert operator.asked == [FIRMWARE]
    assert gateway.logins == 0


async def test_set_of_a_customer_without_a_session_sends_no_write(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    operation = LocalOperationController(
        PowerwallGateway(await connect(gateway), Credentials(password=gateway.password))
    )
    with raises_command_error(CommandFailure.NOT_ALLOWED):
        await operation.set(mode=BACKUP)
    assert {request.path for request in gateway.requests if request.method == "POST"} == {"login/Basic"}


async def test_set_on_a_powerwall_3_is_not_allowed(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("pw3")
    operator = with_session(gateway, await connect(gateway))
    gateway.requests.clear()
    with raises_command_error(CommandFailure.NOT_ALLOWED, match="Powerwall 3"):
        await operator.operation.set(mode=BACKUP)
    assert not operator.may()
    assert operator.asked == [FIRMWARE]


async def test_set_renews_a_session_that_ended_before_the_write(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = with_session(gateway, await connect(gateway), may_log_in=True)

    async def it_ends() -> None:
        operator.lose_session()

    operator.after("operation", it_ends)
    await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.logins, gateway.running) == (NEW_SETTINGS, 1, True)
    assert (len(operator.writes), operator.commits) == (1, 1)


async def test_set_without_a_safe_login_raises_if_the_session_ended(
    simulator: StartSimulator, connect: Connect
) -> None:
    gateway = await simulator("1.15.0")
    operator = with_session(gateway, await connect(gateway))

    async def it_ends() -> None:
        operator.lose_session()

    operator.after("operation", it_ends)
    with pytest.raises(GatewayAuthenticationRequiredError):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.stored, operator.commits, gateway.logins) == (OLD_SETTINGS, 0, 0)
    assert operator.may()  # it was the session


async def test_set_on_later_firmware_renews_the_session(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    gateway.flip_switch()
    operator = with_session(gateway, await connect(gateway))

    async def it_ends() -> None:
        operator.lose_session()

    operator.after("operation", it_ends)
    await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.follows, len(operator.writes), operator.commits, gateway.logins) == (NEW_SETTINGS, 1, 1, 1)


@pytest.mark.parametrize("status", [401, 403])
async def test_set_denied_with_a_new_session_is_not_allowed(
    simulator: StartSimulator, connect: Connect, status: int
) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway))
    await operator.powerwall.status()
    assert operator.may()
    operator.simulator.faults.add("operation", status=status, times=1)
    operator.fail_at_write(status=status)
    with raises_command_error(CommandFailure.NOT_ALLOWED):
        await operator.operation.set(mode=BACKUP)
    assert not operator.may()
    gateway.requests.clear()
    with raises_command_error(CommandFailure.NOT_ALLOWED):
        await operator.operation.set(mode=BACKUP)
    assert operator.asked == [FIRMWARE]
    assert operator.logins == 1  # the Powerwall was not stopped again
    operator.operation.reset()
    assert operator.may()
    await operator.operation.set(mode=BACKUP)
    assert operator.follows == ("backup", 24)


async def test_denied_read_does_not_forbid_the_write(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway))
    gateway.faults.add("operation", status=403)
    with pytest.raises(GatewayPermissionDeniedError):
        await operator.operation.set(mode=BACKUP)
    assert operator.may()
    assert WRITE not in operator.asked


async def test_set_refused_for_the_role_is_not_allowed(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("21.44")
    gateway.flip_switch()
    operator = with_session(gateway, await connect(gateway), may_log_in=True)
    operator.fail_at_write(status=403)
    gateway.faults.add("operation", status=403, times=1)
    with raises_command_error(CommandFailure.NOT_ALLOWED) as raised:
        await operator.operation.set(mode=BACKUP)
    assert (response := raised.value.response)
    assert response.status == 403
    assert not operator.may()
    assert (operator.stored, operator.commits) == (OLD_SETTINGS, 0)
    assert operator.logins == 0  # the client had renewed the session by itself


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("call", ["fail_at_write", "fail_at_commit"])
async def test_set_that_the_firmware_lacks_is_not_repeated(operator: Operator, status: int, call: str) -> None:
    getattr(operator, call)(status=status)
    stored = call == "fail_at_commit"
    with raises_command_error(CommandFailure.STORED_ONLY if stored else CommandFailure.NOT_ALLOWED):
        await operator.operation.set(mode=BACKUP)
    assert not operator.may()
    operator.simulator.overrides["status"] = {"version": "1.16.0"}
    await operator.powerwall.status()
    assert operator.may()
    await operator.operation.set(mode=BACKUP)
    assert operator.follows == ("backup", 24)


async def test_set_without_a_readable_operation_is_not_allowed(operator: Operator) -> None:
    operator.simulator.faults.add("operation", status=404, times=1)
    with pytest.raises(GatewayError):
        await operator.operation.set(mode=BACKUP)
    assert not operator.may()
    await operator.operation.read()
    assert operator.may()


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_operation_is_read(operator: Operator) -> None:
    assert rounded(await operator.operation.read()) == OperationSettings(mode=SELF_POWERED, reserve=20)
    operator.simulator.overrides["operation"] = {"mode": "new", "backup_reserve_percent": None}
    assert await operator.operation.read() == OperationSettings(mode=None, reserve=None)
    assert operator.asked == [LOOK, LOOK]


async def test_read_logs_in_if_needed(simulator: StartSimulator, connect: Connect) -> None:
    gateway = await simulator("1.15.0")
    operator = without_session(gateway, await connect(gateway))
    for _ in range(2):
        assert (await operator.operation.read()).mode == SELF_POWERED
    assert (operator.logins, gateway.running) == (1, True)
    gateway.faults.add("operation", status=403)
    with pytest.raises(GatewayPermissionDeniedError):
        await operator.operation.read()
    assert operator.logins == 2
