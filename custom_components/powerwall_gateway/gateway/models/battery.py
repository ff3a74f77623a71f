"""The packs and their charge: `system_status`, `system_status/soe`."""

from dataclasses import dataclass
from datetime import datetime

from .base import Model
from .fields import key
from .grid import GridFault, GridState


@dataclass(frozen=True, kw_only=True)
class StateOfEnergy(Model):
    """`GET /api/system_status/soe`. Seed, "State of Charge / State of Energy"."""

    percentage: float | None = None
    """Charge in % of the full pack on the gateway's raw scale, 5 of which the app hides (see `percent`)."""


@dataclass(frozen=True, kw_only=True)
class BatteryBlock(Model):
    """One Powerwall in `system_status`. A disabled one has null in all its measurements (23.28)."""

    part_number: str | None = key("PackagePartNumber")
    serial_number: str | None = key("PackageSerialNumber")

    disabled_reasons: tuple[str, ...] | None = None
    """Empty while it works, else for instance `DisabledExcessiveVoltageDrop`."""

    inverter_state: str | None = key("pinv_state")
    """`PINV_GridFollowing`, `PINV_GridForming`, or empty."""

    grid_state: str | None = key("pinv_grid_state")
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`, or empty."""

    nominal_energy_remaining: float | None = None
    """Wh."""

    nominal_full_pack_energy: float | None = None
    """Wh; falls as the pack ages."""

    power: float | None = key("p_out")
    """W, discharging +."""

    reactive_power: float | None = key("q_out")
    """var."""

    voltage: float | None = key("v_out")
    """V of the inverter's output (AC)."""

    frequency: float | None = key("f_out")
    """Hz."""

    current: float | None = key("i_out")
    """A of the pack (DC), charging +: the opposite sign of `power`."""

    energy_charged: float | None = None
    """Wh over its life."""

    energy_discharged: float | None = None
    """Wh over its life."""

    off_grid: bool | None = None

    vf_mode: bool | None = None
    """Whether its inverter sets voltage and frequency by itself, as on an island."""

    backup_ready: bool | None = None
    wobble_detected: bool | None = None
    charge_power_clamped: bool | None = None

    sequence_state: str | None = key("OpSeqState")
    """`Active`, `Standby`."""

    version: str | None = None
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

    command_source: str | None = None
    """`Configuration`."""

    nominal_full_pack_energy: float | None = None
    """Wh, of the packs under control: a disabled one is left out."""

    nominal_energy_remaining: float | None = None
    """Wh, likewise."""

    system_island_state: GridState | None = None
    """The same states as `grid_status`."""

    battery_target_power: float | None = None
    """W the gateway wants from the battery, discharging +."""

    battery_target_reactive_power: float | None = None
    """var, likewise."""

    max_charge_power: float | None = None
    """W."""

    max_discharge_power: float | None = None
    """W."""

    max_apparent_power: float | None = None
    """VA."""

    instantaneous_max_charge_power: float | None = None
    """W; may be 0."""

    instantaneous_max_discharge_power: float | None = None
    """W; may be 0."""

    instantaneous_max_apparent_power: float | None = None
    """VA; 23.x and later."""

    hardware_capability_charge_power: float | None = None
    """W; 23.x and later."""

    hardware_capability_discharge_power: float | None = None
    """W; 23.x and later."""

    inverter_nominal_usable_power: float | None = None
    """W."""

    max_power_energy_remaining: float | None = None
    """Wh; only ever seen 0."""

    max_power_energy_to_be_charged: float | None = None
    """Wh; only ever seen 0."""

    expected_energy_remaining: float | None = None
    """Wh; only ever seen 0."""

    ffr_power_availability_high: float | None = None
    """W that could be given to hold up the grid's frequency, by its name."""

    ffr_power_availability_low: float | None = None
    """W that could be taken to hold it down, by its name."""

    max_sustained_ramp_rate: float | None = None
    """W/s, by its name and size: 1250000 for one Powerwall."""

    auxiliary_load: float | None = None
    """W; only ever seen 0."""

    solar_real_power_limit: float | None = None
    """W as the gateway prints it, -1 for no limit; see `solar_power_limit`."""

    grid_services_power: float | None = None
    """W used by the utility."""

    available_blocks: int | None = None
    """How many Powerwalls are there to be used."""

    blocks_controlled: int | None = None
    """How many Powerwalls are under control."""

    available_charger_blocks: int | None = None
    """23.x and later."""

    battery_blocks: tuple[BatteryBlock, ...] | None = None

    grid_faults: tuple[GridFault, ...] | None = None
    """The same as `system_status/grid_faults`."""

    can_reboot: str | None = None
    """`Yes` or what stands in the way, for instance `Power flow is too high`."""

    primary: bool | None = None
    """Only ever seen true."""

    all_enable_lines_high: bool | None = None
    """Whether every Powerwall's switch is on, by its name."""

    last_toggle_timestamp: datetime | None = key(compare=False)
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
