"""Start the gateway's own checks and wait for the result: new firmware, and connection tests."""

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

_POLLS_UNCHANGED: Final = 6
"""Number of polls after which an unchanged state counts as the result. A gateway may be slow to begin."""


async def check_for_update(
    gateway: PowerwallGateway,
    *,
    progress: Callable[[SystemUpdate], object] | None = None,
    interval: float = 5.0,
    limit: float = 300.0,
) -> SystemUpdate:
    """Request a check for new firmware, and wait until it ends.

    The gateway installs the firmware that it finds, which stops the battery for about 15 minutes (seed). The caller
    makes sure that the grid is connected. An update is never forced.

    A gateway may be slow to begin: the state from before the request counts as the result only after 6 polls without a
    change.

    `progress` is called with every state, every `interval` seconds. If the gateway is unreachable for a moment, the
    polls continue. Raises `CommandError` (UNFINISHED) if the check has not ended after `limit` seconds.
    """
    with suppress(GatewayNotFoundError):
        await gateway.status()  # an earlier check may have installed other firmware
    before, update = await _request_check(gateway)
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
        elif before is None or not _is_same(before, update) or polls >= _POLLS_UNCHANGED:
            return update
    raise _unfinished(f"the gateway still looks for new firmware after {limit:g} s", "system/update/status")


async def _request_check(gateway: PowerwallGateway) -> tuple[SystemUpdate | None, SystemUpdate | None]:
    """Start a check. Return the state before it, and the one after it, each None if it was not read.

    Below 20.49 reading the state starts a check (seed).
    """
    if gateway.capabilities.login_stops_powerwall:
        return None, await gateway.system_update_status()
    before = None
    with suppress(GatewayError):
        before = await gateway.system_update_status()
    await gateway.system_update()
    return before, None


def _is_same(before: SystemUpdate, update: SystemUpdate) -> bool:
    """Return whether the state has not changed. From 21.39 on its time is compared, too."""
    return before == update and before.last_status_time == update.last_status_time


async def run_connection_tests(
    gateway: PowerwallGateway,
    *,
    progress: Callable[[ConnectionTests], object] | None = None,
    interval: float = 2.0,
    limit: float = 180.0,
) -> ConnectionTests:
    """Start the connection tests and wait until they end.

    `progress` is called with the state of the tests every `interval` seconds. The tests may interrupt the gateway's
    network. If it is unreachable or busy (429, 503) for a moment, the polls continue.

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
