"""The gateway's checks of itself, until they end: new firmware, connection tests."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from ..client import PowerwallGateway
from ..exceptions import (
    CommandError,
    CommandFailure,
    GatewayConnectionError,
    GatewayError,
    GatewayNotFoundError,
    GatewayRateLimitError,
)
from ..models import ConnectionTests, SystemUpdate, UpdateState

_SLOW_TO_BEGIN: Final = 6
"""Polls for which the state of before is not taken for the result."""


async def check_for_update(
    gateway: PowerwallGateway,
    *,
    progress: Callable[[SystemUpdate], object] | None = None,
    interval: float = 5.0,
    limit: float = 300.0,
) -> SystemUpdate:
    """Have the gateway look for new firmware, and wait until it no longer does.

    It installs what it finds, which stops the battery for about 15 minutes (seed): whoever
    calls makes sure that there is a grid. It is never forced.

    A gateway may be slow to begin: what it told before it was asked counts as the answer only
    after six polls without a change.

    `progress` is handed everything that is told on the way, every `interval` seconds; a
    gateway that is out of reach for a moment is waited for. Raises `CommandError` (UNFINISHED)
    when it still looks after `limit` seconds.
    """
    with suppress(GatewayNotFoundError):
        await gateway.status()  # the last check may have brought another firmware
    before, update = await _begin(gateway)
    unchanged = 0
    end = monotonic() + limit
    while (
        update is None
        or update.state is UpdateState.CHECKING
        or (before is not None and _same(before, update) and unchanged < _SLOW_TO_BEGIN)
    ):
        if monotonic() + interval > end:
            raise CommandError(
                f"the gateway still looks for new firmware after {limit:g} s",
                reason=CommandFailure.UNFINISHED,
                path="system/update/status",
            )
        await asyncio.sleep(interval)
        with suppress(GatewayConnectionError, GatewayRateLimitError):
            update = await gateway.system_update_status()
            before = None if update.state is UpdateState.CHECKING else before
            unchanged += 1
            if progress:
                progress(update)
    return update


async def _begin(gateway: PowerwallGateway) -> tuple[SystemUpdate | None, SystemUpdate | None]:
    """Begin; return the state before, and the one after: below 20.49 the question is the order (seed)."""
    if gateway.capabilities.login_stops_powerwall:
        return None, await gateway.system_update_status()
    before = None
    with suppress(GatewayError):
        before = await gateway.system_update_status()
    await gateway.system_update()
    return before, None


def _same(before: SystemUpdate, update: SystemUpdate) -> bool:
    """Tell whether it is the state of before: of the same time, where the firmware tells that (21.39 and later)."""
    return before == update and before.last_status_time == update.last_status_time


async def run_connection_tests(
    gateway: PowerwallGateway,
    *,
    progress: Callable[[ConnectionTests], object] | None = None,
    interval: float = 2.0,
    limit: float = 180.0,
) -> ConnectionTests:
    """Start the connection tests and wait until they end.

    `progress` is called with the state of the tests every `interval` seconds. A gateway that is unreachable or busy
    (429, 503) for a moment is waited for: its network is what is being tested.

    Raises `CommandError` (UNFINISHED) if they do not end within `limit` seconds.
    """
    await gateway.start_connection_tests()
    end = monotonic() + limit
    tests = ConnectionTests()
    while not tests.finished:
        if monotonic() + interval > end:
            raise CommandError(
                f"the connection tests did not end within {limit:g} s; read them again later",
                reason=CommandFailure.UNFINISHED,
                path="system/networks/conn_tests",
            )
        await asyncio.sleep(interval)
        with suppress(GatewayConnectionError, GatewayRateLimitError):
            tests = await gateway.connection_tests()
        if progress:
            progress(tests)
    return tests
