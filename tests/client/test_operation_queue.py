"""Set mode and reserve with many parallel calls."""

import asyncio
import gc
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    OperationSettings,
)
from tests.client.operation import (
    BACKUP,
    BEFORE,
    CHANGE,
    CHECK,
    FIRMWARE,
    LOOK,
    NEW_SETTINGS,
    SELF_POWERED,
    WRITE,
    HeldWrite,
    Operator,
    rounded,
)


async def test_simultaneous_sets_become_one_write(operator: Operator) -> None:
    first, second = await asyncio.gather(operator.set(mode=BACKUP, reserve=50), operator.set(reserve=30))
    assert first == second == OperationSettings(mode=BACKUP, reserve=30)
    assert operator.asked == CHANGE
    assert operator.follows == NEW_SETTINGS


async def test_waiting_sets_become_one_and_the_newest_wins(operator: Operator) -> None:
    held = HeldWrite(operator)
    first = asyncio.create_task(operator.operation.set(mode=BACKUP, reserve=90))
    await held.begun.wait()
    others = [
        asyncio.create_task(operator.operation.set(**wish))
        for wish in ({"reserve": 10.0}, {"mode": BACKUP}, {"reserve": 40.0}, {"mode": SELF_POWERED})
    ]
    await asyncio.sleep(0.01)
    assert operator.asked == [FIRMWARE, CHECK]
    held.let_go()
    assert (await first).reserve == pytest.approx(90)
    for other in others:
        assert rounded(await other) == OperationSettings(mode=SELF_POWERED, reserve=40)
    assert operator.asked == [*CHANGE, *CHANGE]
    assert operator.writes == [
        {"mode": "backup", "backup_reserve_percent": pytest.approx(90.5)},
        {"mode": "self_consumption", "backup_reserve_percent": 43},
    ]


async def test_merged_sets_have_one_outcome(operator: Operator) -> None:
    operator.fail_at_write(status=500)
    outcomes = await asyncio.gather(
        *(operator.operation.set(reserve=reserve) for reserve in (30, 40)), return_exceptions=True
    )
    assert [getattr(outcome, "reason", None) for outcome in outcomes] == [CommandFailure.REFUSED] * 2
    assert operator.asked == [*BEFORE, WRITE]
    assert (await operator.operation.set(reserve=50)).reserve == pytest.approx(50)


async def test_invalid_set_is_not_merged(operator: Operator) -> None:
    good = asyncio.create_task(operator.operation.set(reserve=30))
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="nothing was sent"):
        await operator.operation.set(reserve=130)
    assert (await good).reserve == pytest.approx(30)


async def test_cancelled_caller_does_not_cancel_the_write(operator: Operator) -> None:
    held = HeldWrite(operator)
    first = asyncio.create_task(operator.operation.set(mode=BACKUP, reserve=90))
    await held.begun.wait()
    second, third = (asyncio.create_task(operator.operation.set(reserve=reserve)) for reserve in (40, 30))
    await asyncio.sleep(0)
    for caller in (first, second):
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    held.let_go()
    assert rounded(await third) == OperationSettings(mode=BACKUP, reserve=30)
    assert operator.asked == [*CHANGE, *CHANGE]
    assert operator.follows == NEW_SETTINGS


async def test_finish_waits_for_the_write(operator: Operator) -> None:
    await operator.operation.finish()
    held = HeldWrite(operator)
    callers = [asyncio.create_task(operator.operation.set(mode=BACKUP, reserve=90))]
    await held.begun.wait()
    callers.append(asyncio.create_task(operator.operation.set(reserve=30)))
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    finished = asyncio.create_task(operator.operation.finish())
    await asyncio.sleep(0.01)
    assert not finished.done()
    held.let_go()
    await finished
    assert operator.follows == NEW_SETTINGS


async def test_read_waits_for_the_write(operator: Operator) -> None:
    held = HeldWrite(operator)
    change = asyncio.create_task(operator.operation.set(mode=BACKUP, reserve=30))
    await held.begun.wait()
    reading = asyncio.create_task(operator.operation.read())
    await asyncio.sleep(0.01)
    held.let_go()
    assert await reading == await change
    assert operator.asked == [*CHANGE, LOOK]


async def test_failure_without_a_caller_is_not_logged(operator: Operator) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    held = HeldWrite(operator)
    operator.fail_at_write(status=500)
    caller = asyncio.create_task(operator.operation.set(mode=BACKUP))
    await held.begun.wait()
    caller.cancel()
    held.let_go()
    await operator.operation.finish()
    assert operator.asked == [*BEFORE, WRITE]
    del caller, held
    gc.collect()
    assert complaints == []


async def test_callers_end_if_the_task_is_cancelled(operator: Operator) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    held = HeldWrite(operator)
    caller = asyncio.create_task(operator.operation.set(mode=BACKUP))
    await held.begun.wait()
    for task in operator.operation._tasks:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await operator.operation.finish()
    assert complaints == []
