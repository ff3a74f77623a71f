"""Who owns the system and who put it in: `customer`, `customer/registration`, `installer`, `installer/companies`."""

from dataclasses import dataclass

from .base import Model
from .fields import flag, secret, text, texts


@dataclass(frozen=True, kw_only=True)
class Consents(Model):
    """What the owner agreed to; None where they were never asked, or where this firmware does not tell."""

    privacy_notice: bool | None = flag("privacy_notice")
    limited_warranty: bool | None = flag("limited_warranty")
    grid_services: bool | None = flag("grid_services")
    marketing: bool | None = flag("marketing")


@dataclass(frozen=True, kw_only=True)
class Customer(Consents):
    """`GET /api/customer`. Seed, `customer`.

    1.15 tells the address, 21.x the consents instead, 23.28 `registered` alone. The address
    is never shown.
    """

    city: str | None = secret("city")
    state: str | None = secret("state")
    zip_code: str | None = secret("zip")

    country: str | None = text("country")
    """Two letters, `US`."""

    registered: bool | None = flag("registered")

    emailed_registration: bool | None = flag("emailed_registration")
    """1.15."""


@dataclass(frozen=True, kw_only=True)
class CustomerRegistration(Consents):
    """`GET /api/customer/registration`. Seed, `customer/registration`. From 23.x on all consents may be None."""

    registered: bool | None = flag("registered")
    timed_out_registration: bool | None = flag("timed_out_registration")

    emailed_registration: bool | None = flag("emailed_registration")
    """1.15."""

    skipped_registration: bool | None = flag("skipped_registration")
    """1.15."""


@dataclass(frozen=True, kw_only=True)
class Installer(Model):
    """`GET /api/installer`. Seed, `installer`. What is said of the installation itself is as of 21.39."""

    company: str | None = text("company")

    customer_id: str | None = secret("customer_id")
    """The owner's number at the company; never shown."""

    phone: str | None = secret("phone")
    email: str | None = secret("email")

    location: str | None = text("location")
    """`Outdoor`, …"""

    mounting: str | None = text("mounting")
    """`Floor`, …"""

    wiring: str | None = text("wiring")
    """`Side`, …"""

    backup_configuration: str | None = text("backup_configuration")
    """`Partial Home`, `Whole Home`."""

    solar_installation: str | None = text("solar_installation")
    """`Existing`, `New`."""

    solar_installation_type: str | None = text("solar_installation_type")
    """`PV Panel`, …"""

    installation_types: tuple[str, ...] | None = texts("installation_types")
    """`Residential`, …"""

    has_cellular_modem_to_wifi: bool | None = flag("has_cellular_modem_to_wifi")
    verified_config: bool | None = flag("verified_config")

    run_sitemaster: bool | None = flag("run_sitemaster")
    """True while the Powerwall runs, None while it is stopped."""


@dataclass(frozen=True, kw_only=True)
class InstallerCompany(Model):
    """One of the thousands in `GET /api/installer/companies`. Seed, `installer/companies`."""

    company: str | None = text("company")

    customer_id: str | None = text("customer_id")
    """The company's number at Tesla, for instance `AN-0000059`."""

    country: str | None = text("country")
    """Two letters; 21.x and later."""
