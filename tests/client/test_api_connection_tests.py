"""The gateway's connection tests on old and new firmware, and waiting for their end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.powerwall_gateway.gateway import (
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayRefusedError,
    endpoints,
)
from custom_components.powerwall_gateway.gateway.control.self_checks import run_connection_tests
from custom_components.powerwall_gateway.gateway.models import (
    CheckStatus,
    ConnectionTest,
    ConnectionTests,
)
from simulator import Simulator
from tests.client.conftest import Client
from tests.client.expected_errors import raises_command_error
from tests.conftest import StartSimulator

PATH = "system/networks/conn_tests"
RUNNING_1_15: dict[str, Any] = {"results": None, "timestamp": "0001-01-01T00:00:00Z"}
DONE_1_15: dict[str, Any] = {
    "results": {
        "Config Syncer Test": {"pass": True, "error": ""},
        "Google GET Test": {"pass": False, "error": "dial tcp: i/o timeout"},
    },
    "timestamp": "2018-02-22T17:12:56.296673681-08:00",
}


def check(name: str, status: str, **more: Any) -> dict[str, Any]:
    """Return a check in the format of 21.x."""
    empty = {"start_time": None, "end_time": None, "results": None, "debug": None, "checks": None}
    return {"name": name, "status": status, **empty, **more}


def diagnostic(*checks: dict[str, Any]) -> dict[str, Any]:
    """Return a set of checks in the format of 21.x."""
    return {
        "name": "Network connection",
        "category": "Network",
        "disruptive": False,
        "inputs": None,
        "checks": list(checks),
        "alert": False,
    }


GROWING = [
    diagnostic(check("Network device", "scheduled")),
    diagnostic(check("Network device", "running")),
    diagnostic(check("Network device", "pass"), check("IP address", "running")),
    diagnostic(check("Network device", "pass"), check("IP address", "pass")),
]


async def test_connection_tests_of_1_15_report_nothing_before_the_end(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add(PATH, status=200, body=RUNNING_1_15)
    tests = await (await client(gateway, password=None)).connection_tests()
    assert tests == ConnectionTests()
    assert (tests.finished, tests.passed, tests.timestamp) == (False, None, None)


async def test_connection_tests_of_1_15_report_all_at_the_end(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add(PATH, status=200, body=DONE_1_15)
    tests = await (await client(gateway, password=None)).connection_tests()
    assert tests.tests is not None
    assert [(test.name, test.passed, test.error) for test in tests.tests] == [
        ("Config Syncer Test", True, ""),
        ("Google GET Test", False, "dial tcp: i/o timeout"),
    ]
    assert tests.timestamp == datetime(2018, 2, 23, 1, 12, 56, 296673, UTC)
    assert (tests.finished, tests.passed) == (True, False)


def test_connection_tests_of_later_firmware_report_each_test() -> None:
    begin, end = "2023-03-31T15:42:15.448910471+01:00", "2023-03-31T15:42:15.700189504+01:00"
    tests = ConnectionTests.from_dict(
        diagnostic(
            check("Network device", "pass", start_time=begin, end_time=end),
            check("IP address", "fail", start_time=end, end_time=end, message="no lease"),
            check("Tesla and internet connectivity", "running", start_time=end),
        )
    )
    assert tests.tests is not None
    assert [(test.passed, test.error) for test in tests.tests] == [(True, ""), (False, "no lease"), (None, "")]
    assert tests.tests[0].start_time == datetime(2023, 3, 31, 14, 42, 15, 448910, UTC)
    assert tests.tests[2].end_time is None


@pytest.mark.parametrize(
    ("statuses", "finished", "passed"),
    [
        ([], False, None),
        (["not_run"], False, None),
        (["scheduled"], False, None),
        (["pass", "running"], False, None),
        (["pass", "scheduled"], False, None),
        (["pass", "pass"], True, True),
        (["pass", "fail"], True, False),
        (["fail", "not_run"], True, False),
        (["pass", "unheard-of"], True, False),
    ],
)
def test_connection_tests_are_finished_by_state(statuses: list[str], finished: bool, passed: bool | None) -> None:
    tests = ConnectionTests.from_dict(diagnostic(*(check("x", status) for status in statuses)))
    assert (tests.finished, tests.passed) == (finished, passed)


@pytest.mark.parametrize(
    "payload",
    [{}, {"results": []}, {"results": {}}, {"results": {"x": 3}}, {"results": {"x": {"pass": "yes"}}}, {"checks": "x"}],
)
def test_connection_tests_without_a_state_are_not_finished(payload: dict[str, Any]) -> None:
    tests = ConnectionTests.from_dict(payload)
    assert (tests.finished, tests.passed) == (False, None)


def test_connection_test_status_of_1_15_is_converted() -> None:
    tests = ConnectionTests.from_dict({"results": {"x": {"pass": True, "error": ""}}})
    assert tests.tests == (ConnectionTest(name="x", status=CheckStatus.PASSED, message=""),)


# -- waiting -----------------------------------------------------------------------------------------------------------


def script(gateway: Simulator, *payloads: Any) -> None:
    """Start the test, then return one payload after the other (None: no response), and the last one repeatedly."""
    gateway.faults.add(PATH, status=200, body=b"[]", times=1)
    for payload in payloads[:-1]:
        if payload is None:
            gateway.faults.add(PATH, drop=True, times=2)  # aiohttp repeats a read once by itself
        else:
            gateway.faults.add(PATH, status=200, body=payload, times=1)
    gateway.faults.add(PATH, status=200, body=payloads[-1])


async def test_run_connection_tests_reports_progress_on_later_firmware(
    simulator: StartSimulator, client: Client
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    script(gateway, *GROWING)
    seen: list[ConnectionTests] = []
    result = await run_connection_tests(powerwall, progress=seen.append, interval=0.01)
    assert [request.method for request in gateway.requests] == ["POST", "GET", "GET", "GET", "GET"]
    assert seen == [ConnectionTests.from_dict(payload) for payload in GROWING]
    assert result == seen[-1]
    assert result.passed


async def test_run_connection_tests_waits_on_1_15(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    script(gateway, RUNNING_1_15, RUNNING_1_15, DONE_1_15)
    result = await run_connection_tests(await client(gateway, password=None), interval=0.01)
    assert (result.finished, result.passed) == (True, False)


@pytest.mark.parametrize(
    ("firmware", "failing"),
    [
        ("1.15.0", ["Config Syncer Test", "Hermes Status Test", "Synergy Data Test"]),
        ("21.44", ["Tesla and internet connectivity"]),
    ],
)
@pytest.mark.parametrize("connected", [True, False])
async def test_connection_tests_match_the_simulated_network(
    simulator: StartSimulator, client: Client, firmware: str, failing: list[str], connected: bool
) -> None:
    gateway = await simulator(firmware)
    gateway.gateway.connected_to_tesla = connected
    gateway.gateway.connection_test.seconds = 0.1
    gateway.tokens["from-the-wizard"] = "Provider_Engineer"
    powerwall = await client(gateway, password=None)
    powerwall.restore_login({"session": {"token": "from-the-wizard"}})
    result = await run_connection_tests(powerwall, interval=0.02)
    assert result.passed is connected
    assert [test.name for test in result.tests or () if not test.passed] == ([] if connected else failing)
    assert all((test.error == "") is (test.passed or firmware == "21.44") for test in result.tests or ())


async def test_run_connection_tests_waits_for_an_unreachable_gateway(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    script(gateway, RUNNING_1_15, None, DONE_1_15)
    seen: list[ConnectionTests] = []
    powerwall = await client(gateway, password=None)
    result = await run_connection_tests(powerwall, progress=seen.append, interval=0.01)
    assert result.finished
    assert [tests.finished for tests in seen] == [False, False, True]


@pytest.mark.parametrize("status", [429, 503])
async def test_run_connection_tests_waits_for_a_busy_gateway(
    simulator: StartSimulator, client: Client, status: int
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.faults.add(PATH, method="GET", status=status, retry_after=1, times=1)
    gateway.faults.add(PATH, method="GET", status=200, body=DONE_1_15)
    gateway.faults.add(PATH, method="POST", status=200, body=b"[]")
    assert (await run_connection_tests(powerwall, interval=0.01)).finished


@pytest.mark.parametrize("payload", [RUNNING_1_15, diagnostic(check("Network device", "not_run"))])
async def test_run_connection_tests_ends_at_its_limit(
    simulator: StartSimulator, client: Client, payload: dict[str, Any]
) -> None:
    gateway = await simulator("1.15.0")
    script(gateway, payload)
    powerwall = await client(gateway, password=None)
    with raises_command_error(CommandFailure.UNFINISHED, match=r"within 0\.1 s"):
        await run_connection_tests(powerwall, interval=0.02, limit=0.1)
    assert gateway.requests[-1].method == "GET"


async def test_run_connection_tests_raises_if_the_gateway_stays_away(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.faults.add(PATH, status=200, body=b"[]", times=1)
    gateway.faults.add(PATH, drop=True)
    with raises_command_error(CommandFailure.UNFINISHED):
        await run_connection_tests(powerwall, interval=0.02, limit=0.1)


@pytest.mark.parametrize(("status", "error"), [(403, GatewayAuthenticationRequiredError), (500, GatewayRefusedError)])
async def test_run_connection_tests_raises_if_the_start_fails(
    simulator: StartSimulator, client: Client, status: int, error: type[Exception]
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.requests.clear()
    gateway.faults.add(PATH, status=status)
    with pytest.raises(error):
        await run_connection_tests(powerwall, interval=0.01)
    assert [request.method for request in gateway.requests] == ["POST"]


async def test_run_connection_tests_raises_a_refusal(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway, password=None)
    gateway.faults.add(PATH, status=200, body=b"[]", times=1)
    gateway.faults.add(PATH, status=500)
    with pytest.raises(GatewayRefusedError):
        await run_connection_tests(powerwall, interval=0.01)


async def test_ping_test_is_decoded(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    gateway.faults.add("system/networks/ping_test", status=200, body={"Error": {}})
    assert await (await client(gateway)).call(endpoints.PING_TEST) == {"Error": {}}
