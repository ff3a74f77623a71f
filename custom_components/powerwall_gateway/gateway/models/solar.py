"""Solar inverters: `solars` and `solar_powerwall`."""

from dataclasses import dataclass

from .base import Model
from .fields import key, true_keys


@dataclass(frozen=True, kw_only=True)
class SolarInverter(Model):
    """A configured inverter (`GET /api/solars`), or a choice (`GET /api/solars/brands/…`). Seed, `solars`."""

    brand: str | None = None
    model: str | None = None
    description: str | None = None  #: For choices only, and there often that of another model (1.15)
    power_rating: float | None = key("power_rating_watts")  #: W


@dataclass(frozen=True, kw_only=True)
class SolarString(Model):
    """One string of panels at a Powerwall+ (23.x)."""

    string_id: int | None = None  #: 1 to 4
    connected: bool | None = None
    voltage: float | None = key("measured_voltage")  #: V (DC)
    current: float | None = None  #: A (DC)
    power: float | None = key("measured_power")  #: W, producing +


@dataclass(frozen=True, kw_only=True)
class PvacStatus(Model):
    """The inverter of a Powerwall+ (PVAC)."""

    state: str | None = None  #: `PVAC_Active`, …
    disabled: bool | None = None
    disabled_reasons: tuple[str, ...] | None = None
    grid_state: str | None = None
    inverter_state: str | None = key("inv_state")
    power: float | None = key("p_out")  #: W, producing +
    reactive_power: float | None = key("q_out")  #: var
    voltage: float | None = key("v_out")  #: V (AC)
    frequency: float | None = key("f_out")  #: Hz
    current: float | None = key("i_out")  #: A
    strings: tuple[SolarString, ...] | None = key("string_vitals")


@dataclass(frozen=True, kw_only=True)
class SolarPowerwall(Model):
    """`GET /api/solar_powerwall`: the solar side of a Powerwall+ or a Tesla inverter.

    Not in the seed; requires the customer login. All that is left of the vitals on 23.44 and later.
    """

    pvac_status: PvacStatus | None = None
    pv_power_limit: float | None = None  #: W

    pvac_alerts: tuple[str, ...] | None = true_keys()
    """Active alerts of the inverter, for instance `PVAC_a030_fan_faulted`."""

    pvs_alerts: tuple[str, ...] | None = true_keys()
    """Active alerts of the string monitor, for instance `PVS_a021_RapidShutdown`."""
