"""The site: `site_info` and what lies below it, and `config`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, override

from .base import Model
from .fields import number, part, parts, text


@dataclass(frozen=True, kw_only=True)
class GridCode(Model):
    """What the utility demands. A string up to 1.46, an object since 1.47."""

    grid_code: str | None = text("grid_code")
    """For instance `60Hz_240V_s_UL1741SA:2016_California`."""

    grid_voltage_setting: float | None = number("grid_voltage_setting")
    """V."""

    grid_freq_setting: float | None = number("grid_freq_setting")
    """Hz."""

    grid_phase_setting: str | None = text("grid_phase_setting")
    """`Split`, `Single`, …"""

    country: str | None = text("country")

    state: str | None = text("state")
    """`*` where it does not matter, as in the three below."""

    distributor: str | None = text("distributor")
    """1.46 and later, where there is one; so are `utility` and `retailer`."""

    utility: str | None = text("utility")
    retailer: str | None = text("retailer")

    region: str | None = text("region")
    """The standard, for instance `UL1741SA-CA:2019`, rather than a place; not on every site (23.28)."""


@dataclass(frozen=True, kw_only=True)
class GridCodes(Model):
    """`GET /api/site_info/grid_codes`: what the wizard of 1.15 offers. Seed, `site_info/grid_codes`.

    On the wire the codes lie in a list by country, state and region; here each knows its own.
    """

    codes: tuple[GridCode, ...] | None = parts("codes", GridCode)

    @override
    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the codes out of their nest."""
        return {
            "codes": [
                code | {"country": country, "state": state, "region": region}
                for country, states in wire.items()
                for state, regions in _members(states)
                for region, codes in _members(regions)
                for code in (codes if isinstance(codes, list) else ())
                if isinstance(code, dict)
            ]
        }


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, dict) else ()


@dataclass(frozen=True, kw_only=True)
class SiteName(Model):
    """`GET /api/site_info/site_name`. Seed, `site_info/site_name`; what is edited in Tesla's app shows up here."""

    site_name: str | None = text("site_name")

    timezone: str | None = text("timezone")
    """IANA name."""


@dataclass(frozen=True, kw_only=True)
class SiteInfo(Model):
    """`GET /api/site_info`. Seed, `site_info`; open on 1.15, the customer's login since 20.49."""

    site_name: str | None = text("site_name")

    timezone: str | None = text("timezone")
    """IANA name."""

    nominal_system_energy_kwh: float | None = number("nominal_system_energy_kWh")
    """kWh, 13.5 a Powerwall."""

    nominal_system_power_kw: float | None = number("nominal_system_power_kW")
    """kW; absent on 1.15. Another while the Powerwall is stopped: 5 and 5.8 on 21.39."""

    max_system_energy_kwh: float | None = number("max_system_energy_kWh")
    """kWh; 1.46 and later, may be 0."""

    max_system_power_kw: float | None = number("max_system_power_kW")
    """kW; likewise."""

    measured_frequency: float | None = number("measured_frequency")
    """Hz of the grid now; seen on 21.39 only."""

    panel_max_current: float | None = number("panel_max_current")
    """A; 23.x and later."""

    max_site_meter_power_kw: float | None = number("max_site_meter_power_kW")
    """kW from the grid; 1000000000 is no limit."""

    min_site_meter_power_kw: float | None = number("min_site_meter_power_kW")
    """kW to the grid, negative; -1000000000 is no limit."""

    grid_code: GridCode | None = part("grid_code", GridCode)

    @override
    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the flat form of 1.46 and older, where the code is a text beside its settings, into the later one."""
        return wire | {"grid_code": wire} if isinstance(wire.get("grid_code"), str) else wire


@dataclass(frozen=True, kw_only=True)
class Config(Model):
    """`GET /api/config`: the gateway's identity. Needs a login. Seed, `config`."""

    vin: str | None = text("vin")
    """The DIN, `<part number>--<serial>`."""
