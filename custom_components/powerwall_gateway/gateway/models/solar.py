"""Solar panels and generators: `solars`, `solar_powerwall`, `generators`."""

from dataclasses import dataclass

from .base import Model
from .fields import key, raw_json_list, true_keys


@dataclass(frozen=True, kw_only=True)
class SolarInverter(Model):
    """An inverter that is configured (`GET /api/solars`) or offered (`GET /api/solars/brands/…`). Seed, `solars`."""

    brand: str | None = None
    model: str | None = None

    description: str | None = None
    """Only of the ones that are offered, and there often another model's (1.15)."""

    power_rating: float | None = key("power_rating_watts")
    """W."""


@dataclass(frozen=True, kw_only=True)
class SolarString(Model):
    """One string of panels at a Powerwall+ (23.x)."""

    string_id: int | None = None
    """1 to 4."""

    connected: bool | None = None

    voltage: float | None = key("measured_voltage")
    """V (DC)."""

    current: float | None = None
    """A (DC)."""

    power: float | None = key("measured_power")
    """W, producing +."""


@dataclass(frozen=True, kw_only=True)
class PvacStatus(Model):
    """The inverter of a Powerwall+, PVAC in Tesla's words."""

    state: str | None = None
    """`PVAC_Active`, …"""

    disabled: bool | None = None
    disabled_reasons: tuple[str, ...] | None = None
    grid_state: str | None = None
    inverter_state: str | None = key("inv_state")

    power: float | None = key("p_out")
    """W, producing +."""

    reactive_power: float | None = key("q_out")
    """var."""

    voltage: float | None = key("v_out")
    """V (AC)."""

    frequency: float | None = key("f_out")
    """Hz."""

    current: float | None = key("i_out")
    """A."""

    strings: tuple[SolarString, ...] | None = key("string_vitals")


@dataclass(frozen=True, kw_only=True)
class PvsStatus(Model):
    """What watches over the strings of a Powerwall+, PVS in Tesla's words."""

    state: str | None = None
    disabled: bool | None = None
    enable_output: bool | None = None

    voltage: float | None = key("v_ll")
    """V, line to line."""

    self_test_state: str | None = None


@dataclass(frozen=True, kw_only=True)
class SolarPowerwall(Model):
    """`GET /api/solar_powerwall`: the solar side of a Powerwall+ or a Tesla inverter.

    Not in the seed; the customer's login, and what 23.44 and later have left of the vitals.
    """

    pvac_status: PvacStatus | None = None
    pvs_status: PvsStatus | None = None

    pv_power_limit: float | None = None
    """W."""

    power_status_setpoint: str | None = None
    """`on`, …"""

    pvac_alerts: tuple[str, ...] | None = true_keys()
    """Names of the inverter's alerts that are raised, for instance `PVAC_a030_fan_faulted`."""

    pvs_alerts: tuple[str, ...] | None = true_keys()
    """Names of the string watch's alerts that are raised, for instance `PVS_a021_RapidShutdown`."""


@dataclass(frozen=True, kw_only=True)
class Generators(Model):
    """`GET /api/generators`. Seed, `generators`."""

    disconnect_type: str | None = None
    """`None` (the word) without a generator, or one of `generators/disconnect_types`."""

    generators: tuple[str, ...] | None = raw_json_list()
    """What the gateway tells of each, as JSON: nobody has shown one yet."""
