"""Logging in and out."""

from ..auth import Session
from ..exceptions import GatewayInvalidResponseError, GatewayNotFoundError
from ..models import Din, LoginRecord, Status, ToggleAuth
from ..transport import unpacked
from .caller import BaseClient
from .endpoint import Access, endpoint


class SessionApi(BaseClient):
    """The endpoints of the session.

    A toggle proves that somebody stands before a Powerwall: its switch is flipped while the
    gateway watches. The installer's login wants that from 1.50 on.
    """

    @endpoint("POST", "login/Basic", Access.ANYBODY, effect=True)
    async def login(self, *, although_it_stops: bool = False, status: Status | None = None) -> Session:
        """Log in with the credentials, unless there is a session.

        Raises `GatewayLoginError` when it is refused, and `GatewayLoginStopsError` without asking
        where it would stop the Powerwall (below 20.49). `although_it_stops` logs in there, too:
        whoever says it calls `sitemaster_run` afterwards, whatever the login answered.

        `status`, when the caller has just read it, spares the look at it before the login.
        """
        return await self._login.renew(although_it_stops=although_it_stops, status=status)

    @endpoint("GET", "logout", Access.ANYBODY, effect=True)
    async def logout(self) -> None:
        """End the session at the gateway."""
        await self._login.end()

    async def tedapi_din(self) -> str:
        """Read the number of the gateway that signed requests have to name: `GET /tedapi/din`, outside of `/api/`.

        Raises `GatewayNotFoundError` where the firmware takes no signed requests.
        """
        path = "/tedapi/din"
        try:
            answer = await self._ask("GET", path, as_bearer=True)
        except GatewayNotFoundError:
            self._miss(path)
            raise
        din = unpacked(answer.body, path).decode(errors="replace").strip()
        if Din.parse(din) is None:
            raise GatewayInvalidResponseError("the answer is no number of a gateway", path=path, status=answer.status)
        self._missing.pop(path, None)
        return din

    @endpoint("GET", "auth/toggle/supported", Access.ANYBODY, since="20.49")
    async def auth_toggle_supported(self) -> ToggleAuth:
        """Read whether a Powerwall's switch can be watched: only while the Powerwall runs."""
        return await self._read("auth/toggle/supported", ToggleAuth)

    @endpoint("POST", "auth/toggle/start", Access.ANYBODY, since="20.49", effect=True)
    async def auth_toggle_start(self) -> None:
        """Start watching: now somebody flips the switch of one Powerwall, which stops it while it is off."""
        await self._send("POST", "auth/toggle/start")

    @endpoint("POST", "auth/toggle/login", Access.ANYBODY, since="20.49", effect=True, verified=False)
    async def auth_toggle_login(self) -> LoginRecord | None:
        """Log in by the switch, and give what the gateway answers, if anything.

        No source shows that answer, so the client goes on with the session it had.

        Raises `GatewayRefusedError` while the switch was not flipped (417) or nobody watches (400).
        """
        return await self._send_for("POST", "auth/toggle/login", LoginRecord)

    @endpoint("DELETE", "auth/toggle/login", Access.ANYBODY, since="20.49", effect=True)
    async def auth_toggle_cancel(self) -> None:
        """Stop watching. Raises `GatewayNotFoundError` (404) where nobody watches, too."""
        await self._send("DELETE", "auth/toggle/login")
