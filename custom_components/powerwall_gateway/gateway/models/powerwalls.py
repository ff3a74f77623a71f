"""The inventory of packs: `powerwalls` and `powerwalls/status`."""

from dataclasses import dataclass

from .base import Model
from .diagnostic import Diagnostic
from .fields import key


@dataclass(frozen=True, kw_only=True)
class Component(Model):
    """A part of the system with a firmware of its own, as the inventory lists it (21.39)."""

    updating: bool | None = None
    commissioning_diagnostic: Diagnostic | None = None

    update_diagnostic: Diagnostic | None = None
    """Its checks are the firmwares it holds."""


@dataclass(frozen=True, kw_only=True)
class PowerwallUnit(Component):
    """One Powerwall in the inventory. 1.15 tells the two numbers alone; the rest is as of 21.39."""

    part_number: str | None = key("PackagePartNumber")
    serial_number: str | None = key("PackageSerialNumber")

    kind: str | None = key("type")
    """`ACPW` (`acpw` up to 1.50), or `SolarPowerwall` for a Powerwall+; absent on 1.15."""

    grid_state: str | None = None
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`; the last while the Powerwall runs, grid or not."""

    grid_reconnection_time_seconds: float | None = None
    """s until it may reconnect to the grid."""

    under_phase_detection: bool | None = None

    in_config: bool | None = None
    """Whether it belongs to the configured system, or was only found."""


@dataclass(frozen=True, kw_only=True)
class PowerwallsStatus(Model):
    """`GET /api/powerwalls/status`: what the gateway does with its packs. 20.49 and later. Seed, `powerwalls/status`.

    On 1.15 the path refuses with 409 while the Powerwall runs, and what it answers else was never seen.
    """

    enumerating: bool | None = None
    """Whether it looks for packs."""

    updating: bool | None = None
    checking_if_offgrid: bool | None = None

    is_on_grid: bool | None = None
    """None while the Powerwall runs; see `grid_status` then."""

    on_grid_check_error: str | None = None
    """Why `is_on_grid` is not known; empty where it is."""

    running_phase_detection: bool | None = None

    phase_detection_last_error: str | None = None
    """`no phase information` where there are not three phases."""

    phase_detection_not_available: bool | None = None
    bubble_shedding: bool | None = None

    grid_qualifying: bool | None = None
    """Whether it watches the grid before it connects."""

    grid_code_validating: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Powerwalls(PowerwallsStatus):
    """`GET /api/powerwalls`: the inventory. Seed, `powerwalls`.

    1.15 tells `powerwalls` and `has_sync` alone; about 1.40 and later have the status, too.
    """

    powerwalls: tuple[PowerwallUnit, ...] | None = None

    has_sync: bool | None = None
    """Whether several packs are in step; 1.15 to 1.4x."""

    gateway_din: str | None = None
    """`<part number>--<serial>` of the gateway; 21.x and later."""

    sync: Component | None = None
    """The gateway's synchronizer, which connects to the grid and disconnects from it."""

    msa: Component | None = None
    """A Backup Switch, None without one; 21.x and later. None was ever seen: what it tells of itself may be less."""
