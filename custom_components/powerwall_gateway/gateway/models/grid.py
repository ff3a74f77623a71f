"""Grid state and grid faults: `system_status/grid_status`, `system_status/grid_faults`, `v2/islanding/mode`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .base import Model
from .fields import epoch_ms, json_list, redacted


class GridState(StrEnum):
    """Every state that was seen, from 1.15.0 to 2026."""

    CONNECTED = "SystemGridConnected"
    ISLANDED = "SystemIslandedActive"  #: Off-grid in a grid outage, or intentionally. The Powerwall forms the grid

    TRANSITION_TO_GRID = "SystemTransitionToGrid"
    """The grid is restored, and the Powerwall synchronizes with it; tens of seconds (1.46 and later)."""

    TRANSITION_TO_ISLAND = "SystemTransitionToIsland"  #: The contactor opens; rarely seen
    ISLAND_READY = "SystemIslandedReady"  #: Prepared to go off-grid, or just off-grid; transient
    MICROGRID_FAULTED = "SystemMicroGridFaulted"  #: The off-grid supply collapsed

    WAITING_FOR_USER = "SystemWaitForUser"
    """Off-grid and stopped until someone acts, for instance after the battery ran empty."""


@dataclass(frozen=True, kw_only=True)
class GridStatus(Model):
    """State of the grid connection. Seed, `system_status/grid_status`."""

    grid_status: GridState | None = None
    grid_services_active: bool | None = None  #: True while the utility uses the battery; absent on 1.15


class IslandMode(StrEnum):
    """Modes that can be set for the connection to the grid."""

    OFF_GRID = "intentional_reconnect_failsafe"  #: Go off-grid, with the gateway's own failsafe to reconnect
    ON_GRID = "backup"  #: Reconnect, and go off-grid in a grid outage only


@dataclass(frozen=True, kw_only=True)
class AlertValue(Model):
    """One value of a fault."""

    name: str | None = None  #: For instance `PINV_a006_frequency`
    value: float | str | None = None
    units: str | None = None  #: `Hz`, …; None for a value without a unit


@dataclass(frozen=True, kw_only=True)
class GridFault(Model):
    """A fault of the grid that a Powerwall's inverter reports. Seed, `system_status/grid_faults`; fields as of 21.x."""

    timestamp: datetime | None = epoch_ms()
    """Time of the fault. It distinguishes one fault from the next, so it is compared."""

    alert_name: str | None = redacted()  #: For instance `PINV_a006_vfCheckUnderFrequency`
    alert_is_fault: bool | None = None  #: False for a warning

    decoded_alert: tuple[AlertValue, ...] | None = json_list("decoded_alert", AlertValue.read)
    """Measured values; JSON inside a string on the wire."""

    alert_raw: int | None = None  #: The alert before decoding, an unsigned 64-bit number
    git_hash: str | None = None  #: Build of the firmware
    site_uid: str | None = None
    ecu_type: str | None = None  #: Component that reports it; so are the two below
    ecu_package_part_number: str | None = None
    ecu_package_serial_number: str | None = None
