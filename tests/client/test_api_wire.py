"""Each endpoint sends its own request, a call with an effect is sent once, and an invalid response is one error."""

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import GatewayConnectionError, GatewayInvalidResponseError
from custom_components.powerwall_gateway.gateway.endpoints import ENDPOINTS, LOGIN, LOGOUT, Endpoint
from tests.client.calls import BODIES, ask, path_of
from tests.client.conftest import Client
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
EFFECTS = sorted({name for name, endpoint in ENDPOINTS.items() if not endpoint.idempotent} - {"LOGIN", "LOGOUT"})


@pytest.mark.parametrize("name", EFFECTS)
async def test_a_call_with_an_effect_arrives_once_although_its_answer_is_lost(
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
        await ask(powerwall, name)
    [arrived] = gateway.requests
    assert (arrived.method, arrived.path) == (ENDPOINTS[name].method, path)
    assert (orjson.loads(arrived.body) if arrived.body else None) == BODIES.get(name)
    assert arrived.connection not in used


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("body", [b"<html></html>", b'{"cut": ', b"\xff\xfe", b"NaN"])
async def test_junk_after_an_effect_is_one_clear_error(
    simulator: StartSimulator, client: Client, name: str, body: bytes
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name).partition("?")[0], status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError) as raised:
        await ask(powerwall, name)
    assert raised.value.path == ENDPOINTS[name].path


@pytest.mark.parametrize("name", READS)
async def test_a_read_asks_its_own_path(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=b"[]" if name in LISTS else b"{}")
    await ask(powerwall, name)
    arrived = gateway.requests[-1]
    assert (arrived.method, arrived.path, arrived.body) == ("GET", path_of(name), b"")


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"cut": ', b'"x"', b"3", b"\xff\xfe", b"NaN", b"[" * 5000])
async def test_junk_is_one_clear_error(simulator: StartSimulator, client: Client, name: str, body: bytes) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=body)
    with pytest.raises(GatewayInvalidResponseError) as raised:
        await ask(powerwall, name)
    assert raised.value.path == ENDPOINTS[name].path


@pytest.mark.parametrize("name", READS)
async def test_a_list_is_no_object_and_an_object_no_list(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=b"{}" if name in LISTS else b"[]")
    with pytest.raises(GatewayInvalidResponseError, match="belongs"):
        await ask(powerwall, name)


@pytest.mark.parametrize("name", sorted({*READS} - LISTS - {"METERS_READINGS"}))
async def test_null_is_no_object(simulator: StartSimulator, client: Client, name: str) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=b"null")
    with pytest.raises(GatewayInvalidResponseError, match="belongs"):
        await ask(powerwall, name)


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize("body", [b"null", b"[]"])
async def test_nothing_is_an_empty_list(simulator: StartSimulator, client: Client, name: str, body: bytes) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=body)
    assert await ask(powerwall, name) in ((), [])


@pytest.mark.parametrize("name", sorted(LISTS))
async def test_a_list_of_models_leaves_out_what_is_no_object(
    simulator: StartSimulator, client: Client, name: str
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.faults.add(path_of(name), status=200, body=b"[null, 3]")
    assert await ask(powerwall, name) in ((), [None, 3])


@pytest.mark.parametrize("endpoint", [LOGIN, LOGOUT], ids=["login", "logout"])
async def test_call_refuses_the_endpoints_of_the_session(
    simulator: StartSimulator, client: Client, endpoint: Endpoint[object]
) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="login and logout"):
        await powerwall.call(endpoint)
    assert gateway.requests == []
