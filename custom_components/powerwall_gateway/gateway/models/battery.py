"""The packs and their charge: `system_status`, `system_status/soe`, `powerwalls`, `operation`."""

from dataclasses import dataclass
from enum import StrEnum

from .grid import GridState
from .payload import Payload, flag, number, one_of, parts, text, texts, whole


@dataclass(frozen=True, kw_only=True)
class StateOfEnergy(Payload):
    """`GET /api/system_status/soe`. Seed, "State of Charge / State of Energy"."""

    percentage: float | None = number("percentage")
    """Charge in % of the full pack on the gateway's raw scale, 5 of which the app hides (see `percent`)."""


@dataclass(frozen=True, kw_only=True)
class BatteryBlock(Payload):
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
    backup_ready: bool | None = flag("backup_ready")


@dataclass(frozen=True, kw_only=True)
class SystemStatus(Payload):
    """`GET /api/system_status`: charge, island state and every pack in one answer.

    Not in the seed; 20.49 and later with the customer's login, not on a Powerwall 3.
    """

    nominal_full_pack_energy: float | None = number("nominal_full_pack_energy")
    """Wh, of the packs under control: a disabled one is left out."""

    nominal_energy_remaining: float | None = number("nominal_energy_remaining")
    """Wh, likewise."""

    system_island_state: GridState | None = one_of("system_island_state", GridState)
    """The same states as `grid_status`."""

    battery_target_power: float | None = number("battery_target_power")
    """W the gateway wants from the battery, discharging +."""

    grid_services_power: float | None = number("grid_services_power")
    """W used by the utility."""

    available_blocks: int | None = whole("available_blocks")
    battery_blocks: tuple[BatteryBlock, ...] | None = parts("battery_blocks", BatteryBlock)

    @property
    def percentage(self) -> float | None:
        """Charge in % on the raw scale: the same as `system_status/soe`, to the last digit (21.39)."""
        if self.nominal_energy_remaining is None or not self.nominal_full_pack_energy:
            return None
        return 100 * self.nominal_energy_remaining / self.nominal_full_pack_energy


@dataclass(frozen=True, kw_only=True)
class PowerwallUnit(Payload):
    """One Powerwall in the inventory."""

    part_number: str | None = text("PackagePartNumber")
    serial_number: str | None = text("PackageSerialNumber")

    kind: str | None = text("type")
    """`ACPW`, or `SolarPowerwall` for a Powerwall+; absent on 1.15."""


@dataclass(frozen=True, kw_only=True)
class Powerwalls(Payload):
    """`GET /api/powerwalls`: the inventory. Seed, `powerwalls`."""

    powerwalls: tuple[PowerwallUnit, ...] | None = parts("powerwalls", PowerwallUnit)

    has_sync: bool | None = flag("has_sync")
    """Whether several packs are in step; 1.15 only."""

    gateway_din: str | None = text("gateway_din")
    """`<part number>--<serial>` of the gateway; 21.x and later."""


class OperationMode(StrEnum):
    """What the battery is for, as the gateway names it."""

    SELF_CONSUMPTION = "self_consumption"
    """Self-powered in Tesla's app."""

    BACKUP = "backup"
    """Backup-only."""

    AUTONOMOUS = "autonomous"
    """Time-based control; read only, the gateway refuses to be set to it."""

    SCHEDULER = "scheduler"
    """Aggregation; listed, not supported."""

    SITE_CONTROL = "site_control"
    """Seen by other clients only."""


@dataclass(frozen=True, kw_only=True)
class Operation(Payload):
    """`GET /api/operation`: mode and reserve. Needs a login. Seed, "GET & POST /api/operation"."""

    mode: OperationMode | None = one_of("mode", OperationMode)
    """1.15."""

    real_mode: OperationMode | None = one_of("real_mode", OperationMode)
    """The same from 1.21 on."""

    backup_reserve_percent: float | None = number("backup_reserve_percent")
    """% on the raw scale; the app's 0 % is 5."""

    @property
    def operation_mode(self) -> OperationMode | None:
        """The mode, by whichever key this firmware has."""
        return self.real_mode or self.mode
