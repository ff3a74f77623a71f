"""Solar panels and generators: `solars`, `solar_powerwall`, `generators`."""

from dataclasses import dataclass

from .base import Model
from .fields import flag, flagged, number, part, parts, shapeless_items, text, texts, whole


@dataclass(frozen=True, kw_only=True)
class SolarInverter(Model):
    """An inverter that is configured (`GET /api/solars`) or offered (`GET /api/solars/brands/…`). Seed, `solars`."""

    brand: str | None = text("brand")
    model: str | None = text("model")

    description: str | None = text("description")
    """Only of the ones that are offered, and there often another model's (1.15)."""

    power_rating: float | None = number("power_rating_watts")
    """W."""


@dataclass(frozen=True, kw_only=True)
class SolarString(Model):
    """One string of panels at a Powerwall+ (23.x)."""

    string_id: int | None = whole("string_id")
    """1 to 4."""

    connected: bool | None = flag("connected")

    voltage: float | None = number("measured_voltage")
    """V (DC)."""

    current: float | None = number("current")
    """A (DC)."""

    power: float | None = number("measured_power")
    """W, producing +."""


@dataclass(frozen=True, kw_only=True)
class PvacStatus(Model):
    """The inverter of a Powerwall+, PVAC in Tesla's words."""

    state: str | None = text("state")
    """`PVAC_Active`, …"""

    disabled: bool | None = flag("disabled")
    disabled_reasons: tuple[str, ...] | None = texts("disabled_reasons")
    grid_state: str | None = text("grid_state")
    inverter_state: str | None = text("inv_state")

    power: float | None = number("p_out")
    """W, producing +."""

    reactive_power: float | None = number("q_out")
    """var."""

    voltage: float | None = number("v_out")
    """V (AC)."""

    frequency: float | None = number("f_out")
    """Hz."""

    current: float | None = number("i_out")
    """A."""

    strings: tuple[SolarString, ...] | None = parts("string_vitals", SolarString)


@dataclass(frozen=True, kw_only=True)
class PvsStatus(Model):
    """What watches over the strings of a Powerwall+, PVS in Tesla's words."""

    state: str | None = text("state")
    disabled: bool | None = flag("disabled")
    enable_output: bool | None = flag("enable_output")

    voltage: float | None = number("v_ll")
    """V, line to line."""

    self_test_state: str | None = text("self_test_state")


@dataclass(frozen=True, kw_only=True)
class SolarPowerwall(Model):
    """`GET /api/solar_powerwall`: the solar side of a Powerwall+ or a Tesla inverter.

    Not in the seed; the customer's login, and what 23.44 and later have left of the vitals.
    """

    pvac_status: PvacStatus | None = part("pvac_status", PvacStatus)
    pvs_status: PvsStatus | None = part("pvs_status", PvsStatus)

    pv_power_limit: float | None = number("pv_power_limit")
    """W."""

    power_status_setpoint: str | None = text("power_status_setpoint")
    """`on`, …"""

    pvac_alerts: tuple[str, ...] | None = flagged("pvac_alerts")
    """Names of the inverter's alerts that are raised, for instance `PVAC_a030_fan_faulted`."""

    pvs_alerts: tuple[str, ...] | None = flagged("pvs_alerts")
    """Names of the string watch's alerts that are raised, for instance `PVS_a021_RapidShutdown`."""


@dataclass(frozen=True, kw_only=True)
class Generators(Model):
    """`GET /api/generators`. Seed, `generators`."""

    disconnect_type: str | None = text("disconnect_type")
    """`None` (the word) without a generator, or one of `generators/disconnect_types`."""

    generators: tuple[str, ...] | None = shapeless_items("generators")
    """What the gateway tells of each, as JSON: nobody has shown one yet."""
