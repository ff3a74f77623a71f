"""Set mode and reserve with faults after the write: restarts, and reading back."""

import asyncio
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    OperationSettings,
)
from simulator import Simulator
from tests.client.expected_errors import raises_command_error
from tests.client.operation import (
    BACKUP,
    CHANGE,
    DENIED,
    LOOK,
    LOST,
    NEW_SETTINGS,
    NOT_DENIED,
    OLD_SETTINGS,
    PATIENT,
    SELF_POWERED,
    WRITE,
    Operator,
    error_response,
    impatient_operator,
    set_again,
)

# -- the gateway reboots between write and commit ----------------------------------------------------------------------


class Reboot:
    """The gateway restarts right after the write, and loses its sessions."""

    def __init__(self, operator: Operator, *, forgets: bool = False, returns: bool = True) -> None:
        self._operator = operator
        self._forgets = forgets
        self._returns = returns
        self._return: asyncio.Task[None] | None = None
        operator.after("set_operation", self._go)

    async def _go(self) -> None:
        gateway = self._operator.simulator
        port = gateway.port
        await gateway.stop()
        self._operator.lose_session()
        if self._forgets:
            stored = gateway.gateway.operation
            stored.mode, stored.reserve = OLD_SETTINGS
        if self._returns:
            self._return = asyncio.create_task(self._come_back(port))

    async def _come_back(self, port: int) -> None:
        await asyncio.sleep(0.05)
        await self._operator.simulator.start(port)


async def test_set_waits_for_a_reboot_before_the_commit(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True, patience=PATIENT)
    Reboot(operator)
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, len(operator.writes), operator.commits) == (NEW_SETTINGS, 1, 1)
    assert operator.logins == 1  # to read back; the commit of 1.15 needs none


async def test_set_with_a_reboot_and_no_login_is_unknown(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)
    Reboot(operator)
    operator.hurry_after_the_commit()
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.follows, len(operator.writes), operator.commits) == (NEW_SETTINGS, 1, 1)


async def test_set_that_a_reboot_lost_is_not_applied(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True, patience=PATIENT)
    Reboot(operator, forgets=True)
    operator.hurry_after_the_commit()
    with raises_command_error(CommandFailure.NOT_APPLIED) as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert raised.value.mode == "self_consumption"
    assert raised.value.reserve == pytest.approx(20)
    assert (operator.follows, len(operator.writes), operator.commits) == (OLD_SETTINGS, 1, 1)
    await set_again(operator)


async def test_set_does_not_commit_if_the_gateway_stays_away(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session)
    Reboot(operator, returns=False)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.commits, operator.stored, operator.follows) == (0, NEW_SETTINGS, OLD_SETTINGS)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 200, "body": {"connected_to_tesla": True}}])
async def test_set_waits_until_the_gateway_reports_running(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)

    async def it_is_busy() -> None:
        gateway.faults.add("sitemaster", **fault, times=3)

    operator.after("set_operation", it_is_busy)
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.asked.count(WRITE), operator.commits) == (NEW_SETTINGS, 1, 1)


async def test_set_does_not_commit_unless_it_runs(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session)

    async def it_is_silent() -> None:
        gateway.faults.add("sitemaster", status=200, body={"connected_to_tesla": True})

    operator.after("set_operation", it_is_silent)
    with raises_command_error(CommandFailure.STORED_STOPPED, match="not in effect"):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.commits, operator.follows) == (0, OLD_SETTINGS)


# -- reading back ------------------------------------------------------------------------------------------------------

UNREADABLE: dict[str, dict[str, Any]] = {
    **{str(status): error_response(status) for status in NOT_DENIED},
    **LOST,
    "empty": {"status": 200},
    "404": {"status": 404},
}


@pytest.mark.parametrize("fault", [fault for name, fault in UNREADABLE.items() if name != "hangs"], ids=repr)
async def test_set_repeats_a_failed_read_back(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)
    operator.fail_at_read_back(**fault, times=4)
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.asked.count(WRITE), operator.commits) == (NEW_SETTINGS, 1, 1)


@pytest.mark.parametrize("fault", [*UNREADABLE.values(), *map(error_response, DENIED)], ids=repr)
async def test_set_that_cannot_be_read_back_is_unknown(
    gateway: Simulator, session: ClientSession, fault: dict[str, Any]
) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_read_back(**fault)
    with raises_command_error(CommandFailure.UNKNOWN, match=r"mode backup with a reserve of 30\.0 %"):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.asked.count(WRITE), operator.commits) == (NEW_SETTINGS, 1, 1)


@pytest.mark.parametrize("status", DENIED)
async def test_set_logs_in_to_read_back(gateway: Simulator, session: ClientSession, status: int) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True, patience=PATIENT)
    operator.fail_at_read_back(**error_response(status), times=1)
    await operator.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.logins, gateway.running) == (NEW_SETTINGS, 1, True)
    assert (operator.asked.count(WRITE), operator.commits) == (1, 1)


async def test_set_logs_in_only_once(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, may_log_in=True)
    operator.fail_at_read_back(status=403)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert (operator.follows, operator.logins, gateway.logins) == (NEW_SETTINGS, 1, 1)


async def test_set_waits_until_the_change_shows(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session, patience=PATIENT)
    operator.fail_at_read_back(status=200, body={"mode": "self_consumption", "backup_reserve_percent": 24}, times=4)
    await operator.set(mode=BACKUP, reserve=30)
    assert operator.asked == [*CHANGE, *[LOOK] * 4]


@pytest.mark.parametrize(
    ("shown", "standing"),
    [
        ({"mode": "self_consumption", "backup_reserve_percent": 24}, (SELF_POWERED, 20)),
        ({"mode": "backup", "backup_reserve_percent": 33.56}, (BACKUP, 30.063158)),
        ({"mode": "self_consumption", "backup_reserve_percent": 33.5}, (SELF_POWERED, 30)),
        ({"mode": "backup", "backup_reserve_percent": None}, (BACKUP, None)),
        ({"backup_reserve_percent": 33.5}, (None, 30)),
    ],
)
async def test_set_that_does_not_show_is_not_applied(
    gateway: Simulator, session: ClientSession, shown: dict[str, Any], standing: tuple[str | None, float | None]
) -> None:
    operator = await impatient_operator(gateway, session)

    async def it_shows_something_else() -> None:
        gateway.overrides["operation"] = shown

    operator.after("set_operation", it_shows_something_else)
    with raises_command_error(
        CommandFailure.NOT_APPLIED, match=r"accepted mode backup with a reserve of 30\.0 %"
    ) as raised:
        await operator.operation.set(mode=BACKUP, reserve=30)
    assert raised.value.mode == standing[0]
    assert raised.value.reserve == pytest.approx(standing[1])
    assert (operator.asked.count(WRITE), operator.commits) == (1, 1)
    gateway.overrides.clear()
    assert await operator.set(mode=BACKUP, reserve=30) == OperationSettings(mode=BACKUP, reserve=30)
    assert (operator.asked.count(WRITE), operator.commits) == (1, 1)  # it was committed: as soon as it shows, it is set


async def test_uncommitted_write_is_committed_after_a_refusal(gateway: Simulator, session: ClientSession) -> None:
    operator = await impatient_operator(gateway, session)
    operator.fail_at_commit(drop=True)
    with raises_command_error(CommandFailure.UNKNOWN):
        await operator.operation.set(mode=BACKUP, reserve=30)
    operator.fail_at_write(status=500)
    with raises_command_error(CommandFailure.REFUSED):
        await operator.operation.set(mode=BACKUP, reserve=40)
    assert (operator.stored, operator.follows) == (NEW_SETTINGS, OLD_SETTINGS)
    await set_again(operator)
