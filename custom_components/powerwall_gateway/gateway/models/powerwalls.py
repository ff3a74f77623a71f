"""The inventory of packs: `powerwalls` and `powerwalls/status`."""

from dataclasses import dataclass

from .base import Model
from .diagnostic import Diagnostic
from .fields import flag, number, part, parts, text


@dataclass(frozen=True, kw_only=True)
class Component(Model):
    """A part of the system with a firmware of its own, as the inventory lists it (21.39)."""

    updating: bool | None = flag("updating")
    commissioning_diagnostic: Diagnostic | None = part("commissioning_diagnostic", Diagnostic)

    update_diagnostic: Diagnostic | None = part("update_diagnostic", Diagnostic)
    """Its checks are the firmwares it holds."""


@dataclass(frozen=True, kw_only=True)
class PowerwallUnit(Component):
    """One Powerwall in the inventory. 1.15 tells the two numbers alone; the rest is as of 21.39."""

    part_number: str | None = text("PackagePartNumber")
    serial_number: str | None = text("PackageSerialNumber")

    kind: str | None = text("type")
    """`ACPW` (`acpw` up to 1.50), or `SolarPowerwall` for a Powerwall+; absent on 1.15."""

    grid_state: str | None = text("grid_state")
    """`Grid_Compliant`, `Grid_Qualifying`, `Grid_Uncompliant`; the last while the Powerwall runs, grid or not."""

    grid_reconnection_time_seconds: float | None = number("grid_reconnection_time_seconds")
    """s until it may reconnect to the grid."""

    under_phase_detection: bool | None = flag("under_phase_detection")

    in_config: bool | None = flag("in_config")
    """Whether it belongs to the configured system, or was only found."""


@dataclass(frozen=True, kw_only=True)
class PowerwallsStatus(Model):
    """`GET /api/powerwalls/status`: what the gateway does with its packs. 20.49 and later. Seed, `powerwalls/status`.

    On 1.15 the path refuses with 409 while the Powerwall runs, and what it answers else was never seen.
    """

    enumerating: bool | None = flag("enumerating")
    """Whether it looks for packs."""

    updating: bool | None = flag("updating")
    checking_if_offgrid: bool | None = flag("checking_if_offgrid")

    is_on_grid: bool | None = flag("is_on_grid")
    """None while the Powerwall runs; see `grid_status` then."""

    on_grid_check_error: str | None = text("on_grid_check_error")
    """Why `is_on_grid` is not known; empty where it is."""

    running_phase_detection: bool | None = flag("running_phase_detection")

    phase_detection_last_error: str | None = text("phase_detection_last_error")
    """`no phase information` where there are not three phases."""

    phase_detection_not_available: bool | None = flag("phase_detection_not_available")
    bubble_shedding: bool | None = flag("bubble_shedding")

    grid_qualifying: bool | None = flag("grid_qualifying")
    """Whether it watches the grid before it connects."""

    grid_code_validating: bool | None = flag("grid_code_validating")


@dataclass(frozen=True, kw_only=True)
class Powerwalls(PowerwallsStatus):
    """`GET /api/powerwalls`: the inventory. Seed, `powerwalls`.

    1.15 tells `powerwalls` and `has_sync` alone; about 1.40 and later have the status, too.
    """

    powerwalls: tuple[PowerwallUnit, ...] | None = parts("powerwalls", PowerwallUnit)

    has_sync: bool | None = flag("has_sync")
    """Whether several packs are in step; 1.15 to 1.4x."""

    gateway_din: str | None = text("gateway_din")
    """`<part number>--<serial>` of the gateway; 21.x and later."""

    sync: Component | None = part("sync", Component)
    """The gateway's synchronizer, which connects to the grid and disconnects from it."""

    msa: Component | None = part("msa", Component)
    """A Backup Switch, None without one; 21.x and later. None was ever seen: what it tells of itself may be less."""
