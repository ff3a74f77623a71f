"""The gateway's API as Python: one awaitable per endpoint, named after its path."""

from .endpoints import LiveApi, OperationApi, SessionApi, SiteApi, SystemApi


class PowerwallGateway(LiveApi, OperationApi, SiteApi, SystemApi, SessionApi):
    """One gateway.

    Every method raises a child of `GatewayError` and nothing else; among them
    `GatewayStoppedError` from the live data while the Powerwall is stopped,
    `GatewayDeniedError` where a login is needed or not enough, and
    `GatewayNotFoundError` where this firmware has no such path.

    With credentials, a call that is denied logs in once and is made again; never on
    firmware where a login stops the Powerwall. `health` is told of every answer and
    failure, and says once what goes and comes back.
    """
