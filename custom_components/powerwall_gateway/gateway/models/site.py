"""The site and its owner: `site_info`, `config` and `customer/registration`."""

from dataclasses import dataclass
from typing import Any, override

from .base import Model
from .fields import key


@dataclass(frozen=True, kw_only=True)
class GridCode(Model):
    """Requirements of the utility. A string up to 1.46, an object since 1.47."""

    grid_code: str | None = None
    """For instance `60Hz_240V_s_UL1741SA:2016_California`."""

    grid_voltage_setting: float | None = None
    """V."""

    grid_freq_setting: float | None = None
    """Hz."""

    grid_phase_setting: str | None = None
    """`Split`, `Single`, …"""

    country: str | None = None

    state: str | None = None
    """`*` for any, as in the three below."""

    distributor: str | None = None
    """1.46 and later, if there is one; so are `utility` and `retailer`."""

    utility: str | None = None
    retailer: str | None = None

    region: str | None = None
    """A standard rather than a place, for instance `UL1741SA-CA:2019`; not on every site (23.28)."""


@dataclass(frozen=True, kw_only=True)
class SiteInfo(Model):
    """`GET /api/site_info`. Seed, `site_info`; open on 1.15, requires the customer login since 20.49.

    `site_info/site_name` has name and time zone alone.
    """

    site_name: str | None = None

    timezone: str | None = None
    """IANA name."""

    nominal_system_energy_kwh: float | None = key("nominal_system_energy_kWh")
    """kWh, 13.5 per Powerwall."""

    nominal_system_power_kw: float | None = key("nominal_system_power_kW")
    """kW; absent on 1.15. Changes while the Powerwall is stopped: 5 and 5.8 on 21.39."""

    max_system_energy_kwh: float | None = key("max_system_energy_kWh")
    """kWh; 1.46 and later, may be 0."""

    max_system_power_kw: float | None = key("max_system_power_kW")
    """kW; 1.46 and later, may be 0."""

    measured_frequency: float | None = None
    """Hz of the grid now; seen on 21.39 only."""

    panel_max_current: float | None = None
    """A; 23.x and later."""

    max_site_meter_power_kw: float | None = key("max_site_meter_power_kW")
    """kW from the grid; 1000000000 is no limit."""

    min_site_meter_power_kw: float | None = key("min_site_meter_power_kW")
    """kW to the grid, negative; -1000000000 is no limit."""

    grid_code: GridCode | None = None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the flat form of 1.46 and older, where the code is a string next to its settings."""
        return wire | {"grid_code": wire} if isinstance(wire.get("grid_code"), str) else wire


@dataclass(frozen=True, kw_only=True)
class Config(Model):
    """`GET /api/config`: the gateway's identity. Needs a login. Seed, `config`."""

    vin: str | None = None
    """The DIN, `<part number>--<serial>`."""


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

    emailed_registration: bool | None = None
    """1.15."""

    skipped_registration: bool | None = None
    """1.15."""
