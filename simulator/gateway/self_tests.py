"""Tests that the gateway runs on itself, and the problems that it reports."""

from simulator.gateway.call import ACCEPTED, Call, Response, error
from simulator.gateway.gateway import Gateway
from simulator.gateway.inventory import diagnostic
from simulator.wire import NEVER, Json, float32, go_time

CONNECTION_TESTS = ("Config Syncer Test", "Google GET Test", "Hermes Status Test", "Synergy Data Test")
TESLA_TESTS = ("Config Syncer Test", "Hermes Status Test", "Synergy Data Test")
"""Those that need Tesla's own servers."""
CONNECTION_CHECKS = ("Network device", "IP address", "Tesla and internet connectivity")

PING: Json = {"Error": {}}
NOT_TESTED: Json = {
    "running": False,
    "status": "TestNotRun",
    "charge_tests": None,
    "meter_results": None,
    "inverter_results": None,
    "hysteresis": 0,
    "error": "",
    "errors": None,
    "tests": None,
}
CHARGE_TESTS = (0, -1000, -2000, -1000, 0)
"""W the batteries charge with, step by step; the site's two lines must follow."""


def connection_test_1_15(gateway: Gateway) -> Json:
    """`system/networks/conn_tests` of 2018: no results until all are there."""
    job = gateway.connection_test
    if not job.done:
        return {"results": None, "timestamp": NEVER}
    return {
        "results": {name: _result(gateway, name) for name in CONNECTION_TESTS},
        "timestamp": go_time(job.moment(1) + 296_673_681, gateway.home.zone),
    }


def _result(gateway: Gateway, test: str) -> Json:
    passed = gateway.connected_to_tesla or test not in TESLA_TESTS
    return {"pass": passed, "error": "" if passed else "dial tcp: i/o timeout"}


def start_connection_test_1_15(gateway: Gateway, _: Call) -> Response:
    """`POST system/networks/conn_tests` of 2018: returns the same as a GET while the test runs."""
    gateway.connection_test.start(gateway.home.clock)
    return Response(payload={"results": None, "timestamp": NEVER})


def connection_test(gateway: Gateway) -> Json:
    """`system/networks/conn_tests`: the checks appear one by one."""
    job = gateway.connection_test
    if not job.begun:
        return diagnostic("Network connection", [_check("Network device", "not_run")], category="Network")
    step = job.progress * len(CONNECTION_CHECKS)
    checks: list[Json] = []
    for index, name in enumerate(CONNECTION_CHECKS[: int(step) + 1]):
        begin, end = (
            go_time(job.moment(number / len(CONNECTION_CHECKS)) + 448_910_471, gateway.home.zone)
            for number in (index, index + 1)
        )
        if index < int(step):
            passed = gateway.connected_to_tesla or name != CONNECTION_CHECKS[-1]
            checks.append(_check(name, "pass" if passed else "fail", begin, end))
        else:
            checks.append(_check(name, "running", begin))
    return diagnostic("Network connection", checks, category="Network")


def start_connection_test(gateway: Gateway, _: Call) -> Response:
    """`POST system/networks/conn_tests`: returns all diagnostics, and this one as scheduled."""
    gateway.connection_test.start(gateway.home.clock)
    return Response(
        payload=[
            diagnostic("CAN bus", [_check("Enable switch", "not_run")]),
            diagnostic("Meter communication", [_check("Meter read", "not_run")], category="Metering"),
            diagnostic("Network connection", [_check("Network device", "scheduled")], category="Network"),
        ]
    )


def _check(name: str, status: str, begin: str | None = None, end: str | None = None) -> Json:
    return {
        "name": name,
        "status": status,
        "start_time": begin,
        "end_time": end,
        "results": None,
        "debug": None,
        "checks": None,
    }


def commissioning_test(gateway: Gateway) -> Json:
    """`system/testing` of 2018, as the installer left it: the site's lines took what the batteries charged."""
    serial = f" {gateway.meter_serial}"
    return {
        "running": False,
        "status": "TestPassed",
        "charge_tests": CHARGE_TESTS,
        "meter_results": [
            [
                {"Power": float32(round(line - charged / 2, 2)), "CT": number, "Serial": serial, "Type": "site"}
                for number, line in ((1, 575.69), (2, 71.95))
            ]
            for charged in CHARGE_TESTS
        ],
        "inverter_results": None,
        "hysteresis": 0.05,
        "error": "",
        "errors": None,
        "tests": None,
    }


def problems(gateway: Gateway) -> Json:
    """`troubleshooting/problems`."""
    return {"problems": list(gateway.problems)}


def log(_: Gateway, call: Call) -> Response:
    """`POST logging`: takes a line of the web page's own log."""
    form = call.json() or {}
    if not isinstance(form.get("level"), str) or not isinstance(form.get("log"), str):
        return error(400, "invalid request body", "Unable to log")
    return ACCEPTED
