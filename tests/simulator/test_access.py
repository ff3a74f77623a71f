"""Access rules of the simulated gateway."""

import re

import pytest

from simulator import PROFILES
from simulator.gateway.profile import Access
from simulator.gateway.routes import Routes
from tests.client.access_matrix import ABSENT, EFFECTS, INSTALLER, LOGIN, OPEN, REFUSED
from tests.client.plain_http import Browser
from tests.client.simulated_gateways import start
from tests.conftest import StartSimulator

DENIED = {
    "code": 403,
    "error": "Unable to GET to resource",
    "message": "User does not have adequate access rights",
}
READS = [
    *((firmware, path, True) for firmware, paths in OPEN.items() for path in sorted(paths)),
    *((firmware, path, False) for firmware, paths in LOGIN.items() for path in sorted(paths)),
]
CLOSED = [
    (firmware, verb, path)
    for firmware, profile in PROFILES.items()
    for path, verbs in profile.endpoints.items()
    for verb, endpoint in verbs.items()
    if endpoint.access is Access.INSTALLER
]


def status_of(firmware: str, path: str) -> int:
    """Return the status for the owner of a running gateway."""
    return 409 if (firmware, path) == ("1.15.0", "powerwalls/status") else REFUSED.get(path, 200)


@pytest.mark.parametrize(("firmware", "path", "is_open"), READS)
async def test_each_role_reads_its_endpoints(
    simulator: StartSimulator, firmware: str, path: str, *, is_open: bool
) -> None:
    gateway = await start(simulator, firmware)
    async with Browser(gateway) as browser:
        anonymous = await browser.get(path)
        await browser.login()
        gateway.running = True
        owner = await browser.get(path)
    assert owner.status == status_of(firmware, path)
    if is_open:
        assert anonymous.status == 200
    else:
        assert (anonymous.status, anonymous.json) == (403, DENIED)
    assert [request.authenticated for request in gateway.requests if "login" not in request.path] == [False, True]


@pytest.mark.parametrize("firmware", PROFILES)
async def test_every_simulated_read_is_in_the_access_matrix(firmware: str) -> None:
    endpoints = PROFILES[firmware].endpoints
    reads = {path: verbs for path, verbs in endpoints.items() if "GET" in verbs}
    routes = Routes(reads)
    known = OPEN[firmware] | LOGIN[firmware] | EFFECTS | INSTALLER
    found = [route.verbs for path in known if (route := routes.find(path))]
    assert [path for path, verbs in reads.items() if verbs not in found] == []


@pytest.mark.parametrize(
    ("firmware", "path"), [(firmware, path) for firmware, paths in ABSENT.items() for path in sorted(paths)]
)
async def test_missing_endpoint_is_not_found(simulator: StartSimulator, firmware: str, path: str) -> None:
    async with Browser(await start(simulator, firmware)) as browser:
        await browser.login()
        for verb in ("GET", "POST"):
            seen = await browser.call(verb, path)
            assert (seen.status, seen.body) == (404, b"404 page not found\n")
            assert seen.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(("firmware", "verb", "path"), CLOSED)
async def test_customer_has_no_access_to_installer_endpoints(
    simulator: StartSimulator, firmware: str, verb: str, path: str
) -> None:
    gateway = await start(simulator, firmware)
    async with Browser(gateway) as browser:
        await browser.login()
        target = re.sub(r"\{\w+\}", "x", path)
        seen = await browser.call(verb, target, json={})
        assert (seen.status, seen.json) == (403, DENIED | {"error": f"Unable to {verb} to resource"})
        await browser.post("/simulator", {"switch": True})
        assert (await browser.login(username="installer")).status == 200
        seen = await browser.call(verb, target, json={})
    assert seen.status not in (401, 403, 404)
