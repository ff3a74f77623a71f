"""Looking for new firmware, from the question to the answer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from .client import PowerwallGateway
from .errors import GatewayBusyError, GatewayNotFoundError, GatewayUnfinishedError, GatewayUnreachableError
from .models import SystemUpdate, UpdateState


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

    `progress` is handed everything that is told on the way, every `interval` seconds; a
    gateway that is out of reach for a moment is waited for. Raises `GatewayUnfinishedError`
    when it still looks after `limit` seconds.
    """
    with suppress(GatewayNotFoundError):
        await gateway.status()  # the last check may have brought another firmware
    update = await _begin(gateway)
    end = monotonic() + limit
    while update is None or update.state is UpdateState.CHECKING:
        if monotonic() + interval > end:
            raise GatewayUnfinishedError(
                f"the gateway still looks for new firmware after {limit:g} s", path="system/update/status"
            )
        await asyncio.sleep(interval)
        with suppress(GatewayUnreachableError, GatewayBusyError):
            update = await gateway.system_update_status()
            if progress:
                progress(update)
    return update


async def _begin(gateway: PowerwallGateway) -> SystemUpdate | None:
    """Begin, and give the state where that tells it: below 20.49 the question is the order (seed)."""
    if gateway.capabilities.login_stops_powerwall:
        return await gateway.system_update_status()
    await gateway.system_update()
    return None
