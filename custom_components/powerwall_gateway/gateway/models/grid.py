"""Whether there is a grid, and what was wrong with it: `system_status/grid_status`, `system_status/grid_faults`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .base import Model
from .fields import epoch_ms, json_list, redacted


class GridState(StrEnum):
    """Every state a gateway was seen in, from 1.15.0 to 2026."""

    CONNECTED = "SystemGridConnected"
    """On grid."""

    ISLANDED = "SystemIslandedActive"
    """Off grid, the Powerwall makes the grid: an outage, or chosen."""

    TRANSITION_TO_GRID = "SystemTransitionToGrid"
    """The grid is back and the island follows it before it reconnects; tens of seconds (1.46 and later)."""

    TRANSITION_TO_ISLAND = "SystemTransitionToIsland"
    """The contactor opens; seen rarely."""

    ISLAND_READY = "SystemIslandedReady"
    """Prepared to island, or just islanded; transient."""

    MICROGRID_FAULTED = "SystemMicroGridFaulted"
    """The island collapsed."""

    WAITING_FOR_USER = "SystemWaitForUser"
    """Islanded and stopped; waits for a person, for instance when it ran empty."""


@dataclass(frozen=True, kw_only=True)
class GridStatus(Model):
    """State of the grid connection. Seed, `system_status/grid_status`."""

    grid_status: GridState | None = None
    """None for a state that is not known yet."""

    grid_services_active: bool | None = None
    """Whether the utility uses the battery now; absent on 1.15."""


class IslandMode(StrEnum):
    """What the gateway is told about the grid."""

    OFF_GRID = "intentional_reconnect_failsafe"
    """Leave it, with the gateway's own failsafe to come back."""

    ON_GRID = "backup"
    """Come back to it, and leave it in an outage only."""


@dataclass(frozen=True, kw_only=True)
class Islanding(Model):
    """What `POST /api/v2/islanding/mode` answers; 20.49 and later."""

    island_mode: IslandMode | None = None


@dataclass(frozen=True, kw_only=True)
class AlertValue(Model):
    """One thing that a fault tells of: a name, what was measured, and in what unit."""

    name: str | None = None
    """For instance `PINV_a006_frequency`."""

    value: float | str | None = None

    units: str | None = None
    """`Hz`, …; None where the value has none."""


@dataclass(frozen=True, kw_only=True)
class GridFault(Model):
    """What a Powerwall's inverter found wrong with the grid. Seed, `system_status/grid_faults`; fields as of 21.x."""

    timestamp: datetime | None = epoch_ms()
    """When it was noticed. It tells one fault from the next, so it is compared."""

    alert_name: str | None = redacted()
    """For instance `PINV_a006_vfCheckUnderFrequency`."""

    alert_is_fault: bool | None = None
    """False for a warning."""

    decoded_alert: tuple[AlertValue, ...] | None = json_list("decoded_alert", AlertValue.read)
    """What was measured; JSON inside a text on the wire."""

    alert_raw: int | None = None
    """The undecoded alert, an unsigned 64-bit number."""

    git_hash: str | None = None
    """Of the firmware."""

    site_uid: str | None = None
    """Of the site."""

    ecu_type: str | None = None
    """Of the part that noticed it."""

    ecu_package_part_number: str | None = None
    ecu_package_serial_number: str | None = None
