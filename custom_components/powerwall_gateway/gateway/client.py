"""The gateway's API as Python: one awaitable per endpoint, named after its path."""

from contextlib import suppress

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
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayLoginStopsError,
    GatewayNotFoundError,
    GatewayStoppedError,
)
from .firmware import Capabilities
from .models import Din


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
    `GatewayAuthenticationRequiredError` where a login is needed or not enough, and
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
        with suppress(GatewayNotFoundError, GatewayAuthenticationRequiredError, GatewayStoppedError):
            await self.system_status()
        return self.capabilities

    async def signing_din(self) -> str:
        """Return the DIN that signed requests have to name.

        Firmware 26.2.1 on a Gateway 2 answers 403 to `/tedapi/din` (pypowerwall, issue 284). There the
        DIN is read from `status`, or else from `config`. Raises what `/tedapi/din` raised where
        neither has one: `GatewayNotFoundError` on firmware without signed requests.
        """
        try:
            return await self.tedapi_din()
        except GatewayLoginStopsError:
            raise
        except GatewayAuthenticationRequiredError:
            for read in (self._din_in_status, self._din_in_config):
                with suppress(GatewayError):
                    if din := await read():
                        return din
            raise

    async def _din_in_status(self) -> str | None:
        din = (await self.status()).din
        return din.strip() if din and Din.parse(din) else None

    async def _din_in_config(self) -> str | None:
        vin = (await self.config()).vin
        return vin.strip() if vin and Din.parse(vin) else None
