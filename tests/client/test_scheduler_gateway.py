"""The scheduler with real requests: a slow gateway, the backoff, and equal responses."""

import asyncio

import pytest

from custom_components.powerwall_gateway.gateway import (
    GatewayConnectionError,
    GatewayRateLimitError,
    PollSchedule,
    PowerwallGateway,
    Priority,
    client as client_module,
)
from tests.client.conftest import Client
from tests.conftest import StartSimulator


async def poll_live(powerwall: PowerwallGateway, schedule: PollSchedule) -> None:
    """Make the two requests of a live poll."""
    with schedule.round():
        await powerwall.meters_aggregates()
        await powerwall.soe()


async def test_slow_gateway_stretches_low_priorities(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0", latency=0.05)
    powerwall = await client(gateway)
    live, grid = (
        powerwall.scheduler.add_schedule(Priority.LIVE, 0.2),
        powerwall.scheduler.add_schedule(Priority.GRID, 0.25),
    )
    for _ in range(2):
        await poll_live(powerwall, live)
        with grid.round():
            await powerwall.grid_status()
    assert live.cost >= 0.1
    assert grid.cost >= 0.05
    assert live.interval > 0.5
    assert grid.interval < 0.5
    gateway.latency = 0.0
    while live.interval > 0.2:
        await poll_live(powerwall, live)
        with grid.round():
            await powerwall.grid_status()


async def test_grid_poll_runs_between_other_requests(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0", latency=0.02)
    powerwall = await client(gateway)
    grid = powerwall.scheduler.add_schedule(Priority.GRID, 1.0)
    gateway.requests.clear()

    async def watch() -> None:
        with grid.round():
            await powerwall.grid_status()

    async with asyncio.TaskGroup() as group:
        for rank in (Priority.LIVE, Priority.INVENTORY, Priority.SETTINGS):
            group.create_task(poll_live(powerwall, powerwall.scheduler.add_schedule(rank, 60.0)))
        while not gateway.requests:
            await asyncio.sleep(0.001)
        group.create_task(watch())
    paths = [request.path for request in gateway.requests]
    assert paths.index("system_status/grid_status") == 1
    assert len(paths) == 7


async def test_scheduled_requests_share_one_connection(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    await powerwall.login()
    await powerwall.meters_aggregates()
    before = gateway.connections
    for _ in range(20):
        await powerwall.meters_aggregates()
        await powerwall.grid_status()
    assert gateway.connections == before


# -- the backoff -------------------------------------------------------------------------------------------------------


async def poll(powerwall: PowerwallGateway, *, fails_with: type[Exception] | None = None) -> None:
    """Poll one endpoint."""
    with powerwall.scheduler.add_schedule(Priority.LIVE, 5.0).round():
        if fails_with is None:
            await powerwall.soe()
        else:
            with pytest.raises(fails_with):
                await powerwall.soe()


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_holds_for_the_whole_gateway(simulator: StartSimulator, client: Client, status: int) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    gateway.faults.add("system_status/soe", status=status, retry_after=7)
    await poll(powerwall, fails_with=GatewayRateLimitError)
    assert isinstance(powerwall.scheduler.backoff.error, GatewayRateLimitError)
    assert powerwall.scheduler.backoff.error.retry_after == 7


@pytest.mark.parametrize(("status", "whole"), [(429, False), (503, True)])
async def test_503_holds_for_the_gateway_and_429_for_the_endpoint(
    simulator: StartSimulator, client: Client, status: int, whole: bool
) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    gateway.faults.add("system_status/soe", status=status)
    await poll(powerwall, fails_with=GatewayRateLimitError)
    assert (powerwall.scheduler.backoff.error is not None) is whole


async def test_gateway_that_responds_is_polled_again(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("1.15.0")
    powerwall = await client(gateway)
    gateway.faults.add("*", drop=True)
    for _ in range(2):
        await poll(powerwall, fails_with=GatewayConnectionError)
    backoff = powerwall.scheduler.backoff
    assert isinstance(backoff.error, GatewayConnectionError)
    gateway.faults.clear()
    await poll(powerwall)
    assert powerwall.scheduler.add_schedule(Priority.LIVE, 5.0).backoff_error is None


# -- equal responses ---------------------------------------------------------------------------------------------------


async def test_same_response_is_the_same_object(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    first = await powerwall.system_status()
    assert await powerwall.system_status() is first
    gateway.home.advance(600)
    other = await powerwall.system_status()
    assert other is not first
    assert other != first
    assert await powerwall.system_status() is other


async def test_response_with_another_timestamp_is_equal(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    payload = await powerwall.get("meters/aggregates")
    gateway.overrides["meters/aggregates"] = payload
    first = await powerwall.meters_aggregates()
    assert await powerwall.meters_aggregates() is first
    payload["site"]["last_communication_time"] = "2026-06-21T13:00:01-07:00"
    moved = await powerwall.meters_aggregates()
    assert moved is not first
    assert moved == first


async def test_raw_response_is_not_shared(simulator: StartSimulator, client: Client) -> None:
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    (await powerwall.get("system_status"))["battery_blocks"].clear()
    assert (await powerwall.get("system_status"))["battery_blocks"]


async def test_response_cache_is_limited(
    simulator: StartSimulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_KEPT_RESPONSES", 2)
    gateway = await simulator("21.44")
    powerwall = await client(gateway)
    first = await powerwall.grid_status()
    await powerwall.soe()
    assert await powerwall.grid_status() is first
    await powerwall.sitemaster()
    assert await powerwall.grid_status() is first  # the response that was requested least recently is dropped
    assert len(powerwall._kept_responses) == 2
    monkeypatch.setattr(client_module, "_KEPT_BYTES", 10)
    await powerwall.grid_status()
    assert await powerwall.grid_status() is not first
