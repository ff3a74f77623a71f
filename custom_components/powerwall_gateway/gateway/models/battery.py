"""The packs and their charge: `system_status`, `system_status/soe`."""

from dataclasses import dataclass
from datetime import datetime

from .base import Model
from .fields import flag, number, one_of, parts, text, texts, whole
from .grid import GridFault, GridState
from .times import moment


@dataclass(frozen=True, kw_only=True)
class StateOfEnergy(Model):
    """`GET /api/system_status/soe`. Seed, "State of Charge / State of Energy"."""

    percentage: float | None = number("percentage")
    """Charge in % of the full pack on the gateway's raw scale, 5 of which the app hides (see `percent`)."""


@dataclass(frozen=True, kw_only=True)
class BatteryBlock(Model):
    """One Powerwall in `system_status`. A disabled one has null in all its measurements (23.28)."""

    part_number: str | None = text("PackagePartNumber")
    serial_number: str | None = text("PackageSerialNumber")

    disabled_reasons: tuple[str, ...] | None = texts("disabled_reasons")
    """Empty while it works, else for instance `DisabledExcessiveVoltageDrop`."""

    inverter_state: str | None = text("pinv_state")
    """`PINV_GridFollowing`, `PINV_GridForming`, or empty."""

    grid_state: str | None = text("pinv_grid_state")
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`, or empty."""

    nominal_energy_remaining: float | None = number("nominal_energy_remaining")
    """Wh."""

    nominal_full_pack_energy: float | None = number("nominal_full_pack_energy")
    """Wh; falls as the pack ages."""

    power: float | None = number("p_out")
    """W, discharging +."""

    reactive_power: float | None = number("q_out")
    """var."""

    voltage: float | None = number("v_out")
    """V of the inverter's output (AC)."""

    frequency: float | None = number("f_out")
    """Hz."""

    current: float | None = number("i_out")
    """A of the pack (DC), charging +: the opposite sign of `power`."""

    energy_charged: float | None = number("energy_charged")
    """Wh over its life."""

    energy_discharged: float | None = number("energy_discharged")
    """Wh over its life."""

    off_grid: bool | None = flag("off_grid")

    vf_mode: bool | None = flag("vf_mode")
    """Whether its inverter sets voltage and frequency by itself, as on an island."""

    backup_ready: bool | None = flag("backup_ready")
    wobble_detected: bool | None = flag("wobble_detected")
    charge_power_clamped: bool | None = flag("charge_power_clamped")

    sequence_state: str | None = text("OpSeqState")
    """`Active`, `Standby`."""

    version: str | None = text("version")
    """Of its firmware: 14 hexadecimal digits."""

    @property
    def percentage(self) -> float | None:
        """Charge of this pack in %, on the raw scale."""
        return _percentage(self.nominal_energy_remaining, self.nominal_full_pack_energy)


@dataclass(frozen=True, kw_only=True)
class SystemStatus(Model):
    """`GET /api/system_status`: charge, island state and every pack in one answer.

    Not in the seed; 20.49 and later with the customer's login, not on a Powerwall 3. Its
    `score`, `smart_inv_delta_p`, `smart_inv_delta_q` and `load_charge_constraint` are left
    out: no source says what they mean.
    """

    command_source: str | None = text("command_source")
    """`Configuration`."""

    nominal_full_pack_energy: float | None = number("nominal_full_pack_energy")
    """Wh, of the packs under control: a disabled one is left out."""

    nominal_energy_remaining: float | None = number("nominal_energy_remaining")
    """Wh, likewise."""

    system_island_state: GridState | None = one_of("system_island_state", GridState)
    """The same states as `grid_status`."""

    battery_target_power: float | None = number("battery_target_power")
    """W the gateway wants from the battery, discharging +."""

    battery_target_reactive_power: float | None = number("battery_target_reactive_power")
    """var, likewise."""

    max_charge_power: float | None = number("max_charge_power")
    """W."""

    max_discharge_power: float | None = number("max_discharge_power")
    """W."""

    max_apparent_power: float | None = number("max_apparent_power")
    """VA."""

    instantaneous_max_charge_power: float | None = number("instantaneous_max_charge_power")
    """W; may be 0."""

    instantaneous_max_discharge_power: float | None = number("instantaneous_max_discharge_power")
    """W; may be 0."""

    instantaneous_max_apparent_power: float | None = number("instantaneous_max_apparent_power")
    """VA; 23.x and later."""

    hardware_capability_charge_power: float | None = number("hardware_capability_charge_power")
    """W; 23.x and later."""

    hardware_capability_discharge_power: float | None = number("hardware_capability_discharge_power")
    """W; 23.x and later."""

    inverter_nominal_usable_power: float | None = number("inverter_nominal_usable_power")
    """W."""

    max_power_energy_remaining: float | None = number("max_power_energy_remaining")
    """Wh; only ever seen 0."""

    max_power_energy_to_be_charged: float | None = number("max_power_energy_to_be_charged")
    """Wh; only ever seen 0."""

    expected_energy_remaining: float | None = number("expected_energy_remaining")
    """Wh; only ever seen 0."""

    ffr_power_availability_high: float | None = number("ffr_power_availability_high")
    """W that could be given to hold up the grid's frequency, by its name."""

    ffr_power_availability_low: float | None = number("ffr_power_availability_low")
    """W that could be taken to hold it down, by its name."""

    max_sustained_ramp_rate: float | None = number("max_sustained_ramp_rate")
    """W/s, by its name and size: 1250000 for one Powerwall."""

    auxiliary_load: float | None = number("auxiliary_load")
    """W; only ever seen 0."""

    solar_real_power_limit: float | None = number("solar_real_power_limit")
    """W as the gateway prints it, -1 for no limit; see `solar_power_limit`."""

    grid_services_power: float | None = number("grid_services_power")
    """W used by the utility."""

    available_blocks: int | None = whole("available_blocks")
    """How many Powerwalls are there to be used."""

    blocks_controlled: int | None = whole("blocks_controlled")
    """How many Powerwalls are under control."""

    available_charger_blocks: int | None = whole("available_charger_blocks")
    """23.x and later."""

    battery_blocks: tuple[BatteryBlock, ...] | None = parts("battery_blocks", BatteryBlock)

    grid_faults: tuple[GridFault, ...] | None = parts("grid_faults", GridFault)
    """The same as `system_status/grid_faults`."""

    can_reboot: str | None = text("can_reboot")
    """`Yes` or what stands in the way, for instance `Power flow is too high`."""

    primary: bool | None = flag("primary")
    """Only ever seen true."""

    all_enable_lines_high: bool | None = flag("all_enable_lines_high")
    """Whether every Powerwall's switch is on, by its name."""

    last_toggle_timestamp: datetime | None = moment("last_toggle_timestamp")
    """When a Powerwall's switch was last flipped."""

    @property
    def percentage(self) -> float | None:
        """Charge in % on the raw scale: the same as `system_status/soe`, to the last digit (21.39)."""
        return _percentage(self.nominal_energy_remaining, self.nominal_full_pack_energy)

    @property
    def solar_power_limit(self) -> float | None:
        """W that solar may give; None for no limit."""
        limit = self.solar_real_power_limit
        return None if limit is None or limit < 0 else limit


def _percentage(remaining: float | None, full: float | None) -> float | None:
    return None if remaining is None or not full else 100 * remaining / full
