"""Powerwalls and their state of charge: `system_status`, `system_status/soe`, `powerwalls`, `powerwalls/status`."""

from dataclasses import dataclass

from .base import Model
from .fields import key
from .grid import GridFault, GridState


@dataclass(frozen=True, kw_only=True)
class StateOfEnergy(Model):
    """`GET /api/system_status/soe`. Seed, "State of Charge / State of Energy"."""

    percentage: float | None = None
    """State of charge in % on the gateway's raw scale; the app hides the lowest 5%, see `app_from_raw`."""


HIDDEN_PERCENT = 5.0
"""% of the gateway's scale that Tesla's app shows as 0%: `app = (raw - 5) / 0.95`.

The seed's table of tested values agrees within half a percent.
"""

_VISIBLE = (100 - HIDDEN_PERCENT) / 100


def app_from_raw(raw: float) -> float:
    """Return the app's percentage, 0 to 100, of the gateway's."""
    return min(100.0, max(0.0, (raw - HIDDEN_PERCENT) / _VISIBLE))


def raw_from_app(app: float) -> float:
    """Return the gateway's percentage of the app's. Raises ValueError outside 0 to 100."""
    if not 0 <= app <= 100:
        raise ValueError(f"{app} is not between 0 and 100")
    return HIDDEN_PERCENT + _VISIBLE * app


@dataclass(frozen=True, kw_only=True)
class BatteryBlock(Model):
    """One Powerwall in `system_status`. All measurements of a disabled one are null (23.28)."""

    part_number: str | None = key("PackagePartNumber")
    serial_number: str | None = key("PackageSerialNumber")

    disabled_reasons: tuple[str, ...] | None = None
    """Empty while it works, otherwise for instance `DisabledExcessiveVoltageDrop`."""

    inverter_state: str | None = key("pinv_state")  #: `PINV_GridFollowing`, `PINV_GridForming`, or empty

    grid_state: str | None = key("pinv_grid_state")
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`, or empty."""

    nominal_energy_remaining: float | None = None  #: Wh
    nominal_full_pack_energy: float | None = None  #: Wh; falls as the battery ages
    power: float | None = key("p_out")  #: W, discharging +
    reactive_power: float | None = key("q_out")  #: var
    voltage: float | None = key("v_out")  #: V (AC) at the inverter's output
    frequency: float | None = key("f_out")  #: Hz
    current: float | None = key("i_out")  #: A (DC) of the battery, charging +: the opposite sign of `power`
    energy_charged: float | None = None  #: Wh, lifetime
    energy_discharged: float | None = None  #: Wh, lifetime
    off_grid: bool | None = None
    vf_mode: bool | None = None  #: True while its inverter sets voltage and frequency by itself, as off-grid
    backup_ready: bool | None = None
    sequence_state: str | None = key("OpSeqState")  #: `Active`, `Standby`
    version: str | None = None  #: Firmware: 14 hexadecimal digits

    @property
    def percentage(self) -> float | None:
        """Return the state of charge of this Powerwall in % on the raw scale."""
        return _percentage(self.nominal_energy_remaining, self.nominal_full_pack_energy)


@dataclass(frozen=True, kw_only=True)
class SystemStatus(Model):
    """`GET /api/system_status`: state of charge, grid state and every Powerwall in one response.

    Not in the seed; 20.49 and later with the customer login, not on a Powerwall 3. Fields that nothing uses and whose
    meaning no source describes are not read: `score`, `smart_inv_delta_p`, `load_charge_constraint` and others.
    """

    nominal_full_pack_energy: float | None = None  #: Wh of the Powerwalls under control, without disabled ones
    nominal_energy_remaining: float | None = None  #: Wh of the Powerwalls under control, without disabled ones
    system_island_state: GridState | None = None  #: The same states as `grid_status`
    battery_target_power: float | None = None  #: W, discharging +: the setpoint of the battery
    battery_target_reactive_power: float | None = None  #: var: the setpoint of the battery
    max_charge_power: float | None = None  #: W
    max_discharge_power: float | None = None  #: W
    max_apparent_power: float | None = None  #: VA
    instantaneous_max_charge_power: float | None = None  #: W; may be 0
    instantaneous_max_discharge_power: float | None = None  #: W; may be 0
    instantaneous_max_apparent_power: float | None = None  #: VA; 23.x and later
    hardware_capability_charge_power: float | None = None  #: W; 23.x and later
    hardware_capability_discharge_power: float | None = None  #: W; 23.x and later
    inverter_nominal_usable_power: float | None = None  #: W
    max_sustained_ramp_rate: float | None = None  #: W/s, judging by name and size: 1250000 for one Powerwall
    grid_services_power: float | None = None
    """W used by the utility. No source has the sign. In Tesla's cloud it is negative while the battery discharges
    (alandtse/tesla, issue 342)."""

    available_blocks: int | None = None  #: Number of Powerwalls that can be used
    blocks_controlled: int | None = None  #: Number of Powerwalls under control
    available_charger_blocks: int | None = None  #: 23.x and later
    battery_blocks: tuple[BatteryBlock, ...] | None = None
    grid_faults: tuple[GridFault, ...] | None = None  #: The same as `system_status/grid_faults`

    @property
    def percentage(self) -> float | None:
        """Return the state of charge in % on the raw scale, equal to `system_status/soe` to the last digit (21.39)."""
        return _percentage(self.nominal_energy_remaining, self.nominal_full_pack_energy)


def _percentage(remaining: float | None, full: float | None) -> float | None:
    return None if remaining is None or not full else 100 * remaining / full


@dataclass(frozen=True, kw_only=True)
class PowerwallUnit(Model):
    """One Powerwall in the inventory. 1.15 reports the two numbers only; the rest is as of 21.39.

    `commissioning_diagnostic` and `update_diagnostic` are not read: checks that need a stopped Powerwall fail in it.
    """

    part_number: str | None = key("PackagePartNumber")
    serial_number: str | None = key("PackageSerialNumber")
    kind: str | None = key("type")  #: `ACPW` (`acpw` up to 1.50), or `SolarPowerwall` for a Powerwall+; absent on 1.15

    grid_state: str | None = None
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`; the last while the Powerwall runs, grid or not."""

    grid_reconnection_time_seconds: float | None = None  #: s until it may reconnect to the grid
    under_phase_detection: bool | None = None
    updating: bool | None = None
    in_config: bool | None = None  #: False for a Powerwall that was found but not configured


@dataclass(frozen=True, kw_only=True)
class Powerwalls(Model):
    """`GET /api/powerwalls`: the inventory and the gateway's activity. Seed, `powerwalls`.

    1.15 reports `powerwalls` and `has_sync` only; about 1.40 and later report the activity, too. `sync` (the gateway's
    synchronizer, which connects the home to the grid) and `msa` (a Backup Switch, null without one) are not read.
    """

    powerwalls: tuple[PowerwallUnit, ...] | None = None
    has_sync: bool | None = None  #: True if several Powerwalls are synchronized; 1.15 to 1.4x
    gateway_din: str | None = None  #: `<part number>--<serial>`; 21.x and later
    enumerating: bool | None = None  #: True while it searches for Powerwalls
    updating: bool | None = None
    checking_if_offgrid: bool | None = None
    is_on_grid: bool | None = None  #: None while the Powerwall runs: use `grid_status` then
    on_grid_check_error: str | None = None  #: Reason for an unknown `is_on_grid`, otherwise empty
    grid_qualifying: bool | None = None  #: True while it checks the grid before it connects
