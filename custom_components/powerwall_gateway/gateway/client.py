"""The gateway's API as Python: one awaitable per endpoint, named after its path."""

from collections.abc import Callable
from typing import Any

import orjson

from .connection import Answer, Connection
from .errors import GatewayDeniedError, GatewayError, GatewayPayloadError
from .health import Health
from .login import Credentials, Login, Session
from .models import (
    Config,
    GridStatus,
    MetersAggregates,
    Operation,
    Payload,
    Powerwalls,
    SiteInfo,
    Sitemaster,
    StateOfEnergy,
    Status,
    SystemStatus,
)


class PowerwallGateway:
    """One gateway.

    Every method raises a child of `GatewayError` and nothing else; among them
    `GatewayStoppedError` from the live data while the Powerwall is stopped,
    `GatewayDeniedError` where a login is needed or not enough, and
    `GatewayNotFoundError` where this firmware has no such path.

    `health` is told of every answer and failure, and says once what goes and comes back.

    With credentials, a read that is denied logs in once and is asked again; never on
    firmware where a login stops the Powerwall.
    """

    def __init__(
        self, connection: Connection, credentials: Credentials | None = None, *, health: Health | None = None
    ) -> None:
        self.connection = connection
        self._health = health
        self._login = Login(connection, credentials)

    @property
    def has_credentials(self) -> bool:
        """Whether it can log in where that is needed."""
        return self._login.possible

    @property
    def login_refusals(self) -> int:
        """How many logins in a row the gateway refused."""
        return self._login.refusals

    async def status(self) -> Status:
        """Read firmware, up time and identity. Open on every Powerwall 2 firmware; 404 on a Powerwall 3."""
        return await self._read("status", Status)

    async def meters_aggregates(self) -> MetersAggregates:
        """Read what flows now and the lifetime energies. Live data."""
        return await self._read("meters/aggregates", MetersAggregates)

    async def system_status(self) -> SystemStatus:
        """Read charge, island state and every pack in one answer. Live data; 20.49 and later."""
        return await self._read("system_status", SystemStatus)

    async def soe(self) -> StateOfEnergy:
        """Read the state of charge. Live data."""
        return await self._read("system_status/soe", StateOfEnergy)

    async def grid_status(self) -> GridStatus:
        """Read whether the grid is there. Live data."""
        return await self._read("system_status/grid_status", GridStatus)

    async def sitemaster(self) -> Sitemaster:
        """Read whether the Powerwall runs and is connected to Tesla. Answers while it is stopped, too."""
        return await self._read("sitemaster", Sitemaster)

    async def powerwalls(self) -> Powerwalls:
        """Read the inventory of packs."""
        return await self._read("powerwalls", Powerwalls)

    async def site_info(self) -> SiteInfo:
        """Read the site's name, size and grid code."""
        return await self._read("site_info", SiteInfo)

    async def config(self) -> Config:
        """Read the gateway's identity number. Needs a login."""
        return await self._read("config", Config)

    async def operation(self) -> Operation:
        """Read mode and reserve. Needs a login."""
        return await self._read("operation", Operation)

    async def login(self) -> Session:
        """Log in with the credentials, unless there is a session.

        Raises `GatewayLoginError` when it is refused, and `GatewayDeniedError` without asking
        where it would stop the Powerwall.
        """
        return await self._login.renew()

    async def logout(self) -> None:
        """End the session at the gateway."""
        await self._login.end()

    async def _read[PayloadT: Payload](self, path: str, model: type[PayloadT]) -> PayloadT:
        try:
            payload = _decode(await self._ask(path), path, model.read)
        except GatewayError as err:
            if self._health:
                self._health.failed(path, err)
            raise
        if self._health:
            self._health.answered(path)
        return payload

    async def _ask(self, path: str) -> Answer:
        session = self._login.session
        try:
            return await self.connection.request("GET", path, headers=self._login.headers)
        except GatewayDeniedError:
            if not self._login.possible:
                raise
        await self._login.renew(spent=session)
        try:
            answer = await self.connection.request("GET", path, headers=self._login.headers)
        except GatewayDeniedError as err:
            self._login.failed(err)
            raise
        self._login.succeeded()
        return answer


def _decode[T](answer: Answer, path: str, read: Callable[[Any], T | None]) -> T:
    """Read an answer's JSON, whatever content type it claims: old firmware says text/plain."""
    try:
        decoded = orjson.loads(answer.body)
    except ValueError as err:
        raise GatewayPayloadError("the answer is no JSON", path=path, status=answer.status) from err
    if (payload := read(decoded)) is None:
        raise GatewayPayloadError(
            f"the answer is {type(decoded).__name__} where an object belongs", path=path, status=answer.status
        )
    return payload
