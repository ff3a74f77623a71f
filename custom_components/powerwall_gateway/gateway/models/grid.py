"""Whether there is a grid: `GET /api/system_status/grid_status`."""

from dataclasses import dataclass
from enum import StrEnum

from .payload import Payload, flag, one_of


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
class GridStatus(Payload):
    """State of the grid connection. Seed, `system_status/grid_status`."""

    grid_status: GridState | None = one_of("grid_status", GridState)
    """None for a state that is not known yet."""

    grid_services_active: bool | None = flag("grid_services_active")
    """Whether the utility uses the battery now; absent on 1.15."""
