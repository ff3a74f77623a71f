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
    """Have the gateway check for new firmware, and wait until it no longer does.

    It installs what it finds, which stops the battery for about 15 minutes (seed), so the caller
    makes sure that the grid is connected. It is never forced.

    A gateway may be slow to begin: the state from before the request counts as the result only
    after six polls without a change.

    `progress` is called with every state, every `interval` seconds. A gateway that is unreachable
    for a moment is waited for. Raises `CommandError` (UNFINISHED) if it still checks after `limit` seconds.
    """
    with suppress(GatewayNotFoundError):
        await gateway.status()  # the last check may have brought another firmware
    before, update = await _begin(gateway)
    if update and update.state is not UpdateState.CHECKING:
        return update
    end, is_last, polls = monotonic() + limit, False, 0

    while not is_last:
        await asyncio.sleep(interval)
        is_last = monotonic() + interval > end
        try:
            update = await gateway.system_update_status()
        except GatewayConnectionError, GatewayRateLimitError:
            continue
        polls += 1
        if progress:
            progress(update)
        if update.state is UpdateState.CHECKING:
            before = None
        elif before is None or not _is_same(before, update) or polls >= _SLOW_TO_BEGIN:
            return update
    raise _unfinished(f"the gateway still looks for new firmware after {limit:g} s", "system/update/status")


async def _begin(gateway: PowerwallGateway) -> tuple[SystemUpdate | None, SystemUpdate | None]:
    """Begin; return the state before, and the one after: below 20.49 reading the state begins a check (seed)."""
    if gateway.capabilities.login_stops_powerwall:
        return None, await gateway.system_update_status()
    before = None
    with suppress(GatewayError):
        before = await gateway.system_update_status()
    await gateway.system_update()
    return before, None


def _is_same(before: SystemUpdate, update: SystemUpdate) -> bool:
    """Return whether it is the state of before: of the same time, where the firmware has it (21.39 and later)."""
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
    end, is_last = monotonic() + limit, False
    tests = ConnectionTests()
    while not is_last:
        await asyncio.sleep(interval)
        is_last = monotonic() + interval > end
        with suppress(GatewayConnectionError, GatewayRateLimitError):
            tests = await gateway.connection_tests()
        if progress:
            progress(tests)
        if tests.finished:
            return tests
    raise _unfinished(
        f"the connection tests did not end within {limit:g} s; read them again later", "system/networks/conn_tests"
    )


def _unfinished(message: str, path: str) -> CommandError:
    return CommandError(message, reason=CommandFailure.UNFINISHED, path=path)
