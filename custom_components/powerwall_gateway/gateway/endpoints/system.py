"""The gateway as a computer: its firmware, its tests, its log."""

from ..models import Status, SystemTesting, SystemUpdate, TroubleshootingProblems
from .caller import BaseClient
from .endpoint import Access, endpoint


class SystemApi(BaseClient):
    """The endpoints of the system."""

    @endpoint("GET", "status", Access.ANYBODY)
    async def status(self) -> Status:
        """Read firmware, up time and identity; 404 on a Powerwall 3."""
        return await self._read_status()

    @endpoint("GET", "system/update/status", Access.CUSTOMER_LATER, effect=True)
    async def system_update_status(self) -> SystemUpdate:
        """Read how far an update is.

        Below 20.49 this may itself start a check for new firmware, and with it an update
        that stops the battery for about 15 minutes: an owner in the seed uses it so. Do not
        poll it there. It is sent once on every firmware.
        """
        return await self._read("system/update/status", SystemUpdate, once=True)

    @endpoint("POST", "system/update", Access.UNKNOWN, since="20.49", effect=True)
    async def system_update(self, *, force: bool = False) -> None:
        """Look for new firmware and install it, which stops the battery for about 15 minutes.

        The gateway accepts it (202) before it is done; `system_update_status` tells how far it is.
        """
        await self._send("POST", "system/update?force=true" if force else "system/update")

    @endpoint("GET", "system/testing", Access.LOGIN)
    async def system_testing(self) -> SystemTesting:
        """Read the result of the installer's charge test; it starts none."""
        return await self._read("system/testing", SystemTesting)

    @endpoint("POST", "logging", Access.UNKNOWN, effect=True, verified=False)
    async def logging(self, level: str, log: str) -> None:
        """Write a line into the gateway's log. The seed names the two fields, but not what stands in them."""
        await self._send("POST", "logging", {"level": level, "log": log})

    @endpoint("GET", "troubleshooting/problems", Access.CUSTOMER, since="20.49")
    async def troubleshooting_problems(self) -> TroubleshootingProblems:
        """Read the problems that the gateway knows of. Answers while the Powerwall is stopped, too."""
        return await self._read("troubleshooting/problems", TroubleshootingProblems)
