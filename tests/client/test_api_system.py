"""Endpoints of updates, the commissioning test, the log, and problems."""

from datetime import UTC, datetime, timedelta
import logging
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import GatewayNotFoundError, endpoints
from custom_components.powerwall_gateway.gateway.control.self_checks import check_for_update
from custom_components.powerwall_gateway.gateway.endpoints import Endpoint
from custom_components.powerwall_gateway.gateway.models import (
    SystemUpdate,
    TroubleshootingProblems,
    UpdateState,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator


async def test_update_status_of_1_15_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    update = await (await client(gateway, password=None)).system_update_status()
    assert (update.state, update.words) == (UpdateState.FAILED, ("nonactionable",))
    assert update.current_time is not None
    assert abs(update.current_time - datetime.fromtimestamp(gateway.home.clock / 1e9, UTC)) < timedelta(seconds=1)
    assert update.version is None


async def test_update_status_of_later_firmware_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    update = await (await client(gateway)).system_update_status()
    assert (update.state, update.words) == (UpdateState.NO_UPDATE, ("nonactionable",))
    assert update.version is not None
    assert update.version.startswith("21.44")
    assert update.estimated_bytes_per_second is None
    assert update.current_time is not None
    assert update.last_status_time is not None
    assert update.current_time > update.last_status_time


def test_update_status_comparison_ignores_the_clock() -> None:
    update = SystemUpdate.from_dict({"state": "/update_failed", "current_time": 1422697552910})
    assert update.current_time == datetime(2015, 1, 31, 9, 45, 52, 910000, UTC)
    assert update == SystemUpdate.from_dict({"state": "/update_failed", "current_time": 1422697552911})


@pytest.mark.parametrize("state", list(UpdateState))
def test_update_state_is_decoded(state: UpdateState) -> None:
    assert SystemUpdate.from_dict({"state": str(state)}).state is state


@pytest.mark.parametrize("info", [None, {}, [], {"status": None}, {"status": "error"}])
def test_update_status_without_details_is_empty(info: Any) -> None:
    assert SystemUpdate.from_dict({"info": info}).words is None


@pytest.mark.parametrize("endpoint", [endpoints.SYSTEM_UPDATE, endpoints.SYSTEM_UPDATE_FORCED])
async def test_update_is_started_by_a_post(
    simulator: StartSimulator, client: Client, caplog: pytest.LogCaptureFixture, endpoint: Endpoint[None]
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    caplog.set_level(logging.INFO, "simulator")
    await powerwall.call(endpoint)
    assert f"POST /api/{endpoint.path} -> 202" in caplog.messages
    assert gateway.requests[-1].body == b""


async def test_system_update_on_1_15_raises_not_found(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    with pytest.raises(GatewayNotFoundError):
        await (await client(gateway, password=None)).system_update()


# -- tests and problems ------------------------------------------------------------------------------------------------


async def test_system_testing_of_1_15_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    serial = " ABC1234567890"
    step = [
        {"Power": 575.6900024414062, "CT": 1, "Serial": serial, "Type": "site"},
        {"Power": 71.94999694824219, "CT": 2, "Serial": serial, "Type": "site"},
    ]
    results: dict[str, Any] = {
        "running": False,
        "status": "TestPassed",
        "charge_tests": [0, -1000, -2000, -1000],
        "meter_results": [step, None, [], [step[0], 3]],
        "inverter_results": None,
        "hysteresis": 0.05,
        "error": "",
        "errors": None,
        "tests": None,
    }
    gateway.faults.add("system/testing", status=200, body=results)
    assert await (await client(gateway, password=None)).call(endpoints.SYSTEM_TESTING) == results


async def test_problems_without_one_are_empty(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.running = False
    assert (await powerwall.troubleshooting_problems()).problems == ()


def test_problem_of_any_type_is_kept_as_text() -> None:
    problems = TroubleshootingProblems.from_dict({"problems": ["warm", {"name": "cold", "since": [1]}, 3, None]})
    assert problems.problems == ("warm", '{"name":"cold","since":[1]}', "3", "null")
    assert TroubleshootingProblems.from_dict({"problems": {}}).problems is None


async def test_check_for_update_waits_for_a_gateway_that_is_slow_to_begin(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.update.late, gateway.gateway.update.seconds = 0.25, 0.2
    gateway.gateway.new_firmware = True
    seen: list[UpdateState | None] = []
    update = await check_for_update(
        await client(gateway), progress=lambda update: seen.append(update.state), interval=0.1
    )
    assert seen[0] is UpdateState.NO_UPDATE
    assert update.state not in {UpdateState.NO_UPDATE, UpdateState.CHECKING}


async def test_check_for_update_takes_an_unchanged_state_after_six_polls(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.update.late = 3600.0
    seen: list[SystemUpdate] = []
    update = await check_for_update(await client(gateway), progress=seen.append, interval=0.01)
    assert update.state is UpdateState.NO_UPDATE
    assert len(seen) == 6


async def test_check_for_update_takes_a_state_of_another_time_at_once(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    state: dict[str, Any] = {"state": "/update_failed", "info": {"status": ["nonactionable"]}, "current_time": 3}
    gateway.faults.add("system/update/status", status=200, body={**state, "last_status_time": 1000}, times=2)
    gateway.faults.add("system/update/status", status=200, body={**state, "last_status_time": 2000})
    seen: list[SystemUpdate] = []
    update = await check_for_update(await client(gateway), progress=seen.append, interval=0.01)
    assert update.state is UpdateState.FAILED
    assert len(seen) == 2
