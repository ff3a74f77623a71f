"""The site and its owner: `site_info`, `config` and `customer/registration`."""

from dataclasses import dataclass

from .base import Model
from .fields import key


@dataclass(frozen=True, kw_only=True)
class SiteInfo(Model):
    """`GET /api/site_info`. Seed, `site_info`; open on 1.15, requires the customer login since 20.49.

    `site_info/site_name` has name and time zone alone. `grid_code` is not read: a string next to its settings up to
    1.46, an object with them since 1.47.
    """

    site_name: str | None = None
    timezone: str | None = None  #: IANA name
    nominal_system_energy_kwh: float | None = key("nominal_system_energy_kWh")  #: kWh, 13.5 per Powerwall

    nominal_system_power_kw: float | None = key("nominal_system_power_kW")
    """kW; absent on 1.15. Changes while the Powerwall is stopped: 5 and 5.8 on 21.39."""

    max_system_energy_kwh: float | None = key("max_system_energy_kWh")  #: kWh; 1.46 and later, may be 0
    max_system_power_kw: float | None = key("max_system_power_kW")  #: kW; 1.46 and later, may be 0
    measured_frequency: float | None = None  #: Hz of the grid now; seen on 21.39 only
    panel_max_current: float | None = None  #: A; 23.x and later
    max_site_meter_power_kw: float | None = key("max_site_meter_power_kW")  #: kW from the grid; 1000000000 is no limit

    min_site_meter_power_kw: float | None = key("min_site_meter_power_kW")
    """kW to the grid, negative; -1000000000 is no limit."""


@dataclass(frozen=True, kw_only=True)
class Config(Model):
    """`GET /api/config`: the gateway's identity. Needs a login. Seed, `config`."""

    vin: str | None = None  #: The DIN, `<part number>--<serial>`


@dataclass(frozen=True, kw_only=True)
class CustomerRegistration(Model):
    """`GET /api/customer/registration`. Seed, `customer/registration`.

    A consent is None where the owner never decided, or where the firmware does not report it (23.x and later).
    """

    privacy_notice: bool | None = None
    limited_warranty: bool | None = None
    grid_services: bool | None = None
    marketing: bool | None = None
    registered: bool | None = None
    timed_out_registration: bool | None = None
    emailed_registration: bool | None = None  #: 1.15
    skipped_registration: bool | None = None  #: 1.15
