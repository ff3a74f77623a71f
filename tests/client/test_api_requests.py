"""Each endpoint sends its own request, a call with an effect is sent once, and an invalid response is one error."""

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import GatewayConnectionError, GatewayInvalidResponseError
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS, LOGIN, LOGOUT, Endpoint
from tests.client.conftest import Client
from tests.client.endpoint_calls import BODIES, call_endpoint, path_of
from tests.conftest import StartSimulator

READS = sorted({name for name, endpoint in ENDPOINTS.items() if endpoint.idempotent} | {"SYSTEM_UPDATE_STATUS"})
LISTS = {
    "GENERATORS_DISCONNECT_TYPES",
    "INSTALLER_COMPANIES",
    "METERS",
    "METERS_SITE",
    "METERS_SOLAR",
    "NETWORKS",
    "NETWORKS_ACCESS_POINTS",
    "NETWORKS_WIFI_SECURITY_TYPES",
    "SOLARS",
    "SOLARS_BRAND",
    "SOLARS_BRANDS",
    "SYSTEM_NETWORKS",
    "SYSTEM_STATUS_GRID_FAULTS",
}
MALFORMED = (b"", b"<html></html>", b'{"cut": ', b'"x"', b"3", b"\xff\xfe", b"NaN", b"[" * 5000)
EFFECTS = sorted({name for name, endpoint in ENDPOINTS.items() if not endpoint.idempotent} - {"LOGIN", "LOGOUT"})


@pytest.mark.parametrize("name", EFFECTS)
async def test_call_with_an_effect_is_sent_once_although_the_response_is_lost(
    simulator: StartSimulator, client: Client, name: str
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    await powerwall.status()
    used = {request.connection for request in gateway.requests}
    gateway.requests.clear()
    path = path_of(name).partition("?")[0]
    gateway.faults.add(path, drop=True, after=True)
    with pytest.raises(GatewayConnectionError):
        await call_endpoint(powerwall, name)
    [arrived] = gateway.requests
    assert (arrived.method, arrived.path) == (ENDPOINTS[name].method, path)
    assert (orjson.loads(arrived.body) if arrived.body else None) == BODIES.get(name)
    assert arrived.connection not in used


@pytest.mark.parametrize("name", EFFECTS)
async def test_call_with_an_effect_rejects_a_malformed_response(
    simulator: StartSimulator, client: Client, name: str
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    for body in (b"<html></html>", b'{"cut": ', b"\xff\xfe", b"NaN"):
        gateway.faults.clear()
        gateway.faults.add(path_of(name).partition("?")[0], status=200, body=body)
        with pytest.raises(GatewayInvalidResponseError) as raised:
            await call_endpoint(powerwall, name)
        assert raised.value.path == ENDPOINTS[name].path


@pytest.mark.parametrize("name", READS)
async def test_read_sends_its_own_request_once(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    gateway.requests.clear()
    gateway.faults.add(path_of(name), status=200, body=b"[]" if name in LISTS else b"{}")
    await call_endpoint(powerwall, name)
    assert [(sent.method, sent.path, sent.body) for sent in gateway.requests] == [("GET", path_of(name), b"")]


@pytest.mark.parametrize("name", READS)
async def test_read_rejects_a_malformed_response(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    other_types = [b"{}"] if name in LISTS else [b"[]"]
    if name not in LISTS | {"METERS_READINGS"}:
        other_types.append(b"null")
    for body in (*MALFORMED, *other_types):
        gateway.faults.clear()
        gateway.faults.add(path_of(name), status=200, body=body)
        with pytest.raises(GatewayInvalidResponseError, match="belongs" if body in other_types else None) as raised:
            await call_endpoint(powerwall, name)
        assert raised.value.path == ENDPOINTS[name].path, body


@pytest.mark.parametrize("name", sorted(LISTS))
async def test_list_without_objects_is_empty(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    for body, parsed in ((b"null", []), (b"[]", []), (b"[null, 3]", [None, 3])):
        gateway.faults.clear()
        gateway.faults.add(path_of(name), status=200, body=body)
        assert await call_endpoint(powerwall, name) in ((), parsed), body  # parsed if no model reads it


@pytest.mark.parametrize("endpoint", [LOGIN, LOGOUT], ids=["login", "logout"])
async def test_call_rejects_login_and_logout(
    simulator: StartSimulator, client: Client, endpoint: Endpoint[object]
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="login and logout"):
        await powerwall.call(endpoint)
    assert gateway.requests == []
