"""Logging in and out."""

from ..login import Session
from .caller import Caller
from .endpoint import Access, endpoint


class SessionApi(Caller):
    """The endpoints of the session."""

    @endpoint("POST", "login/Basic", Access.ANYBODY, effect=True)
    async def login(self) -> Session:
        """Log in with the credentials, unless there is a session.

        Raises `GatewayLoginError` when it is refused, and `GatewayDeniedError` without asking
        where it would stop the Powerwall.
        """
        return await self._login.renew()

    @endpoint("GET", "logout", Access.ANYBODY, effect=True)
    async def logout(self) -> None:
        """End the session at the gateway."""
        await self._login.end()
