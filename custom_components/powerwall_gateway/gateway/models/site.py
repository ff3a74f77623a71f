"""The site: `site_info` and `config`."""

from dataclasses import dataclass
from typing import Any, override

from .payload import Payload, number, part, text


@dataclass(frozen=True, kw_only=True)
class GridCode(Payload):
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
    region: str | None = text("region")


@dataclass(frozen=True, kw_only=True)
class SiteInfo(Payload):
    """`GET /api/site_info`. Seed, `site_info`; open on 1.15, the customer's login since 20.49."""

    site_name: str | None = text("site_name")

    timezone: str | None = text("timezone")
    """IANA name."""

    nominal_system_energy_kwh: float | None = number("nominal_system_energy_kWh")
    """kWh, 13.5 a Powerwall."""

    nominal_system_power_kw: float | None = number("nominal_system_power_kW")
    """kW; absent on 1.15."""

    max_site_meter_power_kw: float | None = number("max_site_meter_power_kW")
    """kW from the grid; 1000000000 is no limit."""

    min_site_meter_power_kw: float | None = number("min_site_meter_power_kW")
    """kW to the grid, negative; -1000000000 is no limit."""

    grid_code: GridCode | None = part("grid_code", GridCode)

    @override
    @classmethod
    def __pre_deserialize__(cls, d: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the flat form of 1.46 and older, where the code is a text beside its settings, into the later one."""
        return d | {"grid_code": d} if isinstance(d.get("grid_code"), str) else d


@dataclass(frozen=True, kw_only=True)
class Config(Payload):
    """`GET /api/config`: the gateway's identity. Needs a login. Seed, `config`."""

    vin: str | None = text("vin")
    """The DIN, `<part number>--<serial>`."""
