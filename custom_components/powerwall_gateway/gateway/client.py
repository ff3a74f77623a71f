"""The gateway's API as Python: one awaitable per endpoint, named after its path."""

from contextlib import suppress

from .capabilities import Capabilities
from .endpoints import (
    ConnectionTestsApi,
    ControlApi,
    HardwareApi,
    LiveApi,
    NetworksApi,
    OperationApi,
    PeopleApi,
    SessionApi,
    SiteApi,
    SystemApi,
)
from .errors import GatewayDeniedError, GatewayNotFoundError, GatewayStoppedError


class PowerwallGateway(
    LiveApi,
    ControlApi,
    OperationApi,
    SiteApi,
    HardwareApi,
    PeopleApi,
    SystemApi,
    NetworksApi,
    ConnectionTestsApi,
    SessionApi,
):
    """One gateway.

    Every method raises a child of `GatewayError` and nothing else; among them
    `GatewayStoppedError` from the live data while the Powerwall is stopped,
    `GatewayDeniedError` where a login is needed or not enough, and
    `GatewayNotFoundError` where this firmware has no such path.

    With credentials, a call that is denied logs in once and is made again; never on
    firmware where a login stops the Powerwall. `health` is told of every answer and
    failure, and says once what goes and comes back.
    """

    async def discover(self) -> Capabilities:
        """Find out what this gateway answers to this login, by two reads without effect at most.

        Later answers refine it: see `capabilities`. Raises what the reads raise, but for
        paths that this firmware lacks, a login that is missing, and a stopped Powerwall.
        """
        with suppress(GatewayNotFoundError):
            await self.status()
        with suppress(GatewayNotFoundError, GatewayDeniedError, GatewayStoppedError):
            await self.system_status()
        return self.capabilities
