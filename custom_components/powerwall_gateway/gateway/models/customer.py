"""Owner and installer: `customer`, `customer/registration`, `installer`, `installer/companies`."""

from dataclasses import dataclass

from .base import Model
from .fields import secret


@dataclass(frozen=True, kw_only=True)
class Consents(Model):
    """Consents of the owner; None where the owner never decided, or where this firmware does not report them."""

    privacy_notice: bool | None = None
    limited_warranty: bool | None = None
    grid_services: bool | None = None
    marketing: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Customer(Consents):
    """`GET /api/customer`. Seed, `customer`.

    1.15 reports the address, 21.x the consents instead, 23.28 `registered` only. The address is never shown.
    """

    city: str | None = secret()
    state: str | None = secret()
    zip_code: str | None = secret("zip")

    country: str | None = None
    """Two letters, `US`."""

    registered: bool | None = None

    emailed_registration: bool | None = None
    """1.15."""


@dataclass(frozen=True, kw_only=True)
class CustomerRegistration(Consents):
    """`GET /api/customer/registration`. Seed, `customer/registration`. All consents may be None (23.x and later)."""

    registered: bool | None = None
    timed_out_registration: bool | None = None

    emailed_registration: bool | None = None
    """1.15."""

    skipped_registration: bool | None = None
    """1.15."""


@dataclass(frozen=True, kw_only=True)
class Installer(Model):
    """`GET /api/installer`. Seed, `installer`. The fields of the installation itself are as of 21.39."""

    company: str | None = None

    customer_id: str | None = secret()
    """The owner's number at the company."""

    phone: str | None = secret()
    email: str | None = secret()

    location: str | None = None
    """`Outdoor`, …"""

    mounting: str | None = None
    """`Floor`, …"""

    wiring: str | None = None
    """`Side`, …"""

    backup_configuration: str | None = None
    """`Partial Home`, `Whole Home`."""

    solar_installation: str | None = None
    """`Existing`, `New`."""

    solar_installation_type: str | None = None
    """`PV Panel`, …"""

    installation_types: tuple[str, ...] | None = None
    """`Residential`, …"""

    has_cellular_modem_to_wifi: bool | None = None
    verified_config: bool | None = None

    run_sitemaster: bool | None = None
    """True while the Powerwall runs, None while it is stopped."""


@dataclass(frozen=True, kw_only=True)
class InstallerCompany(Model):
    """One of the thousands in `GET /api/installer/companies`. Seed, `installer/companies`."""

    company: str | None = None

    customer_id: str | None = None
    """The company's number at Tesla, for instance `AN-0000059`."""

    country: str | None = None
    """Two letters; 21.x and later."""
