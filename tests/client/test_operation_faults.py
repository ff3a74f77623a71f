"""Set mode and reserve with faults before the write, at the write, and at the commit."""

from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayError,
    LocalOperationController,
)
from simulator import Simulator
from simulator.gateway.call import Call
from tests.client.conftest import Connect
from tests.client.expected_errors import raises_command_error
from tests.client.operation import (
    BACKUP,
    BEFORE,
    CHANGE,
    CHECK,
    COMMIT,
    DENIED,
    ERRORS,
    LOOK,
    LOST,
    NEW_SETTINGS,
    NOT_DENIED,
    OLD_SETTINGS,
    PATIENT,
    STATUSES,
    WRITE,
    error_response,
    impatient_operator,
    set_again,
    with_session,
)
from tests.conftest import StartSimulator


async def replace_gateway(gateway: Simulator) -> None:
    """Let another gateway respond at the same address."""
    async with gateway.unreachable():
        gateway.renew_certificate()


# -- before the write --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["status", "sitemaster", "operation"])
@pytest.mark.parametrize("fault", [*map(error_response, STATUSES), *LOST.values()], ids=repr)
async def test_set_that_fails_before_the_write_writes_nothing(
    gateway: Simulator, session: ClientSession, path: str, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session)
    await operator.powerwall.status()
    gateway.faults.add(path, **fault)
    with pytest.raises(GatewayError) as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert not isinstance(raised.value, CommandError)
    assert (WRITE in operator.asked, operator.commits, operator.stored) == (False, 0, OLD_SETTINGS)
    assert operator.may()


# -- the write ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", NOT_DENIED)
async def test_set_with_a_refused_write_raises_the_reason(
    gateway: Simulator, session: ClientSession, status: int
) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_write(**error_response(status))
    reason = CommandFailure.STOPPED if status == 502 else CommandFailure.REFUSED
    with raises_command_error(reason) as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (response := raised.value.response)
    assert (response.status, response.reason) == (status, ERRORS.get(status, ""))
    assert operator.asked == [*BEFORE, WRITE]
    assert operator.may()
    await set_again(operator)


@pytest.mark.parametrize("status", DENIED)
async def test_set_with_a_denied_write_raises(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_write(**error_response(status))
    with pytest.raises(GatewayAuthenticationRequiredError):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.asked.count(WRITE), operator.commits, operator.stored) == (1, 0, OLD_SETTINGS)
    assert operator.may()


@pytest.mark.parametrize("status", DENIED)
async def test_set_with_a_denied_write_logs_in(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True)
    operator.fail_at_write(**error_response(status))
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.commits, operator.logins) == (NEW_SETTINGS, 1, 1)


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_set_commits_a_write_whose_response_was_lost(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_write(**fault, after=True)
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert operator.asked == [*BEFORE, WRITE, LOOK, CHECK, COMMIT, LOOK]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_set_with_a_lost_write_is_unknown(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_write(**fault)
    with raises_command_error(CommandFailure.UNKNOWN, match=r"backup.*30\.0 %.*not known"):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.asked.count(WRITE), operator.commits, operator.follows) == (1, 0, OLD_SETTINGS)
    await set_again(operator)


async def test_set_commits_a_write_that_was_stored_late(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)

    def store(_step: str, _call: Call) -> None:
        if operator.asked.count(LOOK) == 4:
            gateway.gateway.operation.mode, gateway.gateway.operation.reserve = NEW_SETTINGS

    operator.fail_at_write(delay=30.0)
    gateway.server.observer = store
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert operator.asked == [*BEFORE, WRITE, LOOK, LOOK, LOOK, CHECK, COMMIT, LOOK]


async def test_set_waits_for_the_gateway_after_the_write(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)
    operator.fail_at_write(drop=True, after=True)
    gateway.faults.add("operation", drop=True, times=5)
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.asked.count(WRITE), operator.commits) == (NEW_SETTINGS, 1, 1)


@pytest.mark.parametrize("status", [200, 202])
async def test_set_accepts_a_write_without_a_body(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_write(status=status, after=True)
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert operator.asked == CHANGE


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": True}, {"delay": 30.0}], ids=repr)
async def test_set_with_a_failed_login_is_not_unknown(
    simulator: StartSimulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    gateway = await simulator("21.44")
    operator = await impatient_operator(gateway, session)

    async def the_session_ends() -> None:
        operator.lose_session()

    operator.after("operation", the_session_ends)
    gateway.faults.add("login/Basic", **fault)
    with pytest.raises(GatewayError) as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert raised.value.path == "login/Basic"
    assert (operator.asked, operator.stored) == ([*BEFORE, WRITE, "GET status"], OLD_SETTINGS)


async def test_set_writes_nothing_to_another_gateway(simulator: StartSimulator, session: ClientSession) -> None:
    gateway = await simulator("21.44")
    operator = await impatient_operator(gateway, session)

    operator.after("operation", lambda: replace_gateway(gateway))
    with pytest.raises(GatewayCertificateError):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.asked == BEFORE


# -- the commit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
async def test_set_with_a_refused_commit_is_only_stored(
    gateway: Simulator, session: ClientSession, status: int
) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_commit(**error_response(status))
    reason = CommandFailure.STORED_STOPPED if status == 502 else CommandFailure.STORED_ONLY
    with raises_command_error(reason, match="stored, and not in effect") as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    if status not in DENIED:
        assert (response := raised.value.response)
        assert (response.status, response.reason) == (status, ERRORS.get(status, ""))
        assert operator.asked == CHANGE[:-1]
    assert (operator.commits, operator.stored, operator.follows) == (1, NEW_SETTINGS, OLD_SETTINGS)
    assert operator.may()


async def test_set_again_commits_after_a_refused_commit(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_commit(**error_response(500))
    with raises_command_error(CommandFailure.STORED_ONLY):
        await operator.operation.set(mode=BACKUP, reserve=30)
    await operator.set(reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert (len(operator.writes), operator.commits) == (2, 2)
    await operator.set(reserve=30)
    assert (len(operator.writes), operator.commits) == (2, 2)


@pytest.mark.parametrize("status", DENIED)
async def test_set_with_a_denied_commit_logs_in(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True)
    operator.fail_at_commit(**error_response(status))
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, len(operator.writes), operator.logins) == (NEW_SETTINGS, 1, 1)
    assert gateway.gateway.commission_count == gateway.profile.nameplate.commission_count + 1


async def test_set_with_a_denied_commit_and_no_login_is_unknown(gateway: Simulator, connect: Connect) -> None:
    operator = with_session(gateway, await connect(gateway))

    async def log_in() -> None:
        raise GatewayError("not while the grid is down")

    operation = LocalOperationController(operator.powerwall, log_in=log_in)
    operator.fail_at_commit(**error_response(401))
    with raises_command_error(CommandFailure.UNKNOWN):
        await operation.set(mode=BACKUP, reserve=30)
    assert (operator.commits, operator.stored, operator.follows) == (1, NEW_SETTINGS, OLD_SETTINGS)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_set_with_a_lost_commit_on_1_15_is_unknown(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any], after: bool
) -> None:
    """1.15 shows the stored settings, so reading them back does not show whether the battery follows."""
    operator = await impatient_operator(gateway, session)
    operator.fail_at_commit(**fault, after=after)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert operator.follows == (NEW_SETTINGS if after else OLD_SETTINGS)
    assert operator.asked == CHANGE[:-1]
    await set_again(operator)
    assert (operator.asked.count(WRITE), operator.commits) == (2, 2)


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_set_with_a_lost_commit_that_was_counted_succeeds(
    simulator: StartSimulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(await simulator("21.44"), session)
    operator.fail_at_commit(**fault, after=True)
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.follows == NEW_SETTINGS
    assert operator.asked == [*CHANGE[:-1], "GET status", LOOK]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_set_with_a_lost_commit_that_was_not_counted_is_unknown(
    simulator: StartSimulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(await simulator("21.44"), session)
    operator.fail_at_commit(**fault)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.asked.count(WRITE), operator.commits, operator.follows) == (1, 1, OLD_SETTINGS)
    await set_again(operator)


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"status": 200, "body": b"?"}])
async def test_set_with_an_unreadable_commit_count_is_unknown(
    simulator: StartSimulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(await simulator("21.44"), session)

    async def it_cannot() -> None:
        operator.simulator.faults.add("status", **fault)

    operator.after("set_operation", it_cannot)
    operator.fail_at_commit(drop=True, after=True)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.commits, operator.follows) == (1, NEW_SETTINGS)


async def test_set_does_not_commit_on_another_gateway(simulator: StartSimulator, session: ClientSession) -> None:
    gateway = await simulator("21.44")
    operator = await impatient_operator(gateway, session)

    async def it_runs() -> None:
        operator.after("sitemaster", lambda: replace_gateway(gateway))

    operator.after("set_operation", it_runs)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.commits, operator.stored, operator.follows) == (0, NEW_SETTINGS, OLD_SETTINGS)


@pytest.mark.parametrize("status", [200, 202])
async def test_set_accepts_a_commit_without_a_body(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_commit(status=status, after=True)
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.asked == CHANGE
    assert operator.follows == NEW_SETTINGS
