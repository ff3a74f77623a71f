"""Endpoints of mode and reserve: what is written, and what is rejected."""

from typing import Any

import orjson
import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayRefusedError,
    PowerwallGateway,
)
from custom_components.powerwall_gateway.gateway.models import Operation, OperationMode
from simulator import Simulator
from tests.client.conftest import Client
from tests.conftest import StartSimulator

SELF_POWERED = OperationMode.SELF_CONSUMPTION


async def with_session(client: Client, gateway: Simulator) -> PowerwallGateway:
    """Return a client with an installer's session, without a login that stops the Powerwall."""
    gateway.tokens["from-the-wizard"] = "Provider_Engineer"
    powerwall = await client(gateway, password=None)
    powerwall.restore_login({"session": {"token": "from-the-wizard", "roles": ["Provider_Engineer"]}})
    return powerwall


async def test_set_operation_on_1_15_takes_effect_with_the_commit(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    before = gateway.home.reserve
    written = await powerwall.set_operation(mode=OperationMode.BACKUP, reserve_raw=24.6)
    assert written == Operation(mode=OperationMode.BACKUP, backup_reserve_percent=24.6)
    assert orjson.loads(gateway.requests[-1].body) == {"mode": "backup", "backup_reserve_percent": 24.6}
    assert (await powerwall.operation()).operation_mode is OperationMode.BACKUP
    assert gateway.home.reserve == before != 24.6
    await powerwall.config_completed()
    assert (gateway.home.mode, gateway.home.reserve) == ("backup", 24.6)


@pytest.mark.parametrize(
    ("version", "key"),
    [("1.15.0\n", "mode"), ("1.20.1", "mode"), ("1.21.0", "real_mode"), ("21.44 223a56cd", "real_mode")],
)
async def test_set_operation_uses_the_key_of_the_firmware(
    simulator: StartSimulator, client: Client, version: str, key: str
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    gateway.overrides["status"] = {"version": version}
    gateway.faults.add("operation", status=200, body=b"{}")
    gateway.requests.clear()
    await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=5)
    assert [request.path for request in gateway.requests] == ["status", "operation"]
    assert orjson.loads(gateway.requests[-1].body) == {key: "self_consumption", "backup_reserve_percent": 5}
    await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=5)
    assert [request.path for request in gateway.requests[2:]] == ["operation"]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {}),
        ({"max_pv_export_power_kw": None}, {}),
        ({"max_pv_export_power_kw": 0}, {"max_pv_export_power_kW": 0}),
        ({"max_pv_export_power_kw": 4.5}, {"max_pv_export_power_kW": 4.5}),
    ],
)
async def test_set_operation_without_a_limit_sends_none(
    simulator: StartSimulator, client: Client, options: dict[str, Any], sent: dict[str, Any]
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=100, **options)
    arrived = orjson.loads(gateway.requests[-1].body)
    assert arrived == {"mode": "self_consumption", "backup_reserve_percent": 100, **sent}


@pytest.mark.parametrize("reserve", [-0.1, 100.1, float("nan"), float("inf")])
async def test_set_operation_rejects_an_invalid_reserve(
    simulator: StartSimulator, client: Client, reserve: float
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="nothing was sent"):
        await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=reserve)
    assert gateway.requests == []


@pytest.mark.parametrize("limit", [float("nan"), float("-inf")])
async def test_set_operation_rejects_an_invalid_limit(simulator: StartSimulator, client: Client, limit: float) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    gateway.requests.clear()
    with pytest.raises(ValueError, match="nothing was sent"):
        await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=20, max_pv_export_power_kw=limit)
    assert gateway.requests == []


async def test_set_operation_with_another_mode_raises_the_reason(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    with pytest.raises(GatewayRefusedError, match="self_consumption or backup") as raised:
        await powerwall.set_operation(mode=OperationMode.AUTONOMOUS, reserve_raw=20)
    assert raised.value.status == 500
    assert gateway.gateway.operation.mode != "autonomous"


async def test_set_operation_of_a_customer_is_denied(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    with pytest.raises(GatewayPermissionDeniedError):
        await (await client(gateway)).set_operation(mode=SELF_POWERED, reserve_raw=20)


async def test_set_operation_on_1_15_does_not_log_in(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    with pytest.raises(GatewayAuthenticationRequiredError):
        await (await client(gateway)).set_operation(mode=SELF_POWERED, reserve_raw=20)
    assert gateway.logins == 0
    assert gateway.running


async def test_set_operation_with_unknown_firmware_is_not_sent(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    gateway.requests.clear()
    gateway.faults.add("status", drop=True)
    with pytest.raises(GatewayConnectionError):
        await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=20)
    assert "operation" not in [request.path for request in gateway.requests]


async def test_set_operation_of_a_powerwall_3_raises_not_found(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    for path in ("status", "operation"):
        gateway.faults.add(path, status=404)
    with pytest.raises(GatewayNotFoundError):
        await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=20)


async def test_set_operation_without_a_body_returns_none(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await with_session(client, gateway)
    gateway.faults.add("operation", status=202)
    assert await powerwall.set_operation(mode=SELF_POWERED, reserve_raw=20) is None


def test_operation_of_firmware_21_is_decoded() -> None:
    later = Operation.from_dict(
        {
            "real_mode": "self_consumption",
            "backup_reserve_percent": 30,
            "freq_shift_load_shed_soe": 75,
            "freq_shift_load_shed_delta_f": -0.32,
        }
    )
    assert (later.freq_shift_load_shed_soe, later.freq_shift_load_shed_delta_f) == (75, -0.32)
    assert later.max_pv_export_power_kw is None
    assert Operation.from_dict({"max_pv_export_power_kW": 4.5}).max_pv_export_power_kw == 4.5
    assert Operation.from_dict({"backup_reserve_percent": None}).backup_reserve_percent is None
