"""Who owns the system, what they agreed to, and who put it in."""

from ..models import Customer, CustomerRegistration, Installer, InstallerCompany
from .caller import BaseClient
from .endpoint import Access, endpoint


class PeopleApi(BaseClient):
    """The endpoints of the customer and the installer."""

    @endpoint("GET", "customer", Access.LOGIN)
    async def customer(self) -> Customer:
        """Read who the owner is: the address on 1.15, the consents later."""
        return await self._read("customer", Customer)

    @endpoint("GET", "customer/registration", Access.CUSTOMER_LATER)
    async def customer_registration(self) -> CustomerRegistration:
        """Read what the owner agreed to, and how the registration went."""
        return await self._read("customer/registration", CustomerRegistration)

    @endpoint("POST", "customer/registration/legal", Access.INSTALLER, effect=True, verified=False)
    async def customer_registration_legal(
        self,
        *,
        marketing: bool | None,
        privacy_notice: bool | None,
        limited_warranty: bool | None,
        grid_services: bool | None,
    ) -> CustomerRegistration | None:
        """Set all four consents at once, None for one that was never asked; give what the gateway answers, if anything.

        They are the owner's word to Tesla: ask them.
        """
        consents = {
            "marketing": marketing,
            "privacy_notice": privacy_notice,
            "limited_warranty": limited_warranty,
            "grid_services": grid_services,
        }
        return await self._send_for("POST", "customer/registration/legal", CustomerRegistration, consents)

    @endpoint("POST", "customer/registration/skip", Access.INSTALLER, until="1.15", effect=True, verified=False)
    async def customer_registration_skip(self) -> None:
        """Note that the owner skipped the registration."""
        await self._send("POST", "customer/registration/skip")

    @endpoint("POST", "customer/registration/emailed", Access.INSTALLER, until="1.15", effect=True, verified=False)
    async def customer_registration_emailed(self) -> None:
        """Note that the registration was sent to the owner by e-mail."""
        await self._send("POST", "customer/registration/emailed")

    @endpoint("GET", "installer", Access.LOGIN)
    async def installer(self) -> Installer:
        """Read who put the system in, and how it is mounted and wired."""
        return await self._read("installer", Installer)

    @endpoint("GET", "installer/companies", Access.LOGIN)
    async def installer_companies(self) -> tuple[InstallerCompany, ...]:
        """Read all companies that install Powerwalls: thousands, 595 kB."""
        return await self._read_list("installer/companies", InstallerCompany)
