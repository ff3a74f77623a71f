"""The contactor between home and grid, and the state that the gateway reports of it."""

from typing import Final

CONNECTED: Final = "SystemGridConnected"
TO_ISLAND: Final = "SystemTransitionToIsland"
ISLANDED: Final = "SystemIslandedActive"
TO_GRID: Final = "SystemTransitionToGrid"
FAULTED: Final = "SystemMicroGridFaulted"
WAITING: Final = "SystemWaitForUser"

_LASTS: Final = {TO_ISLAND: 2.0, TO_GRID: 20.0, FAULTED: 30.0}
_NEXT: Final = {TO_ISLAND: ISLANDED, TO_GRID: CONNECTED, FAULTED: WAITING}


class Island:
    """The state machine behind `grid_status`."""

    def __init__(self) -> None:
        self.status: str = CONNECTED
        self._seconds = 0.0

    @property
    def connected(self) -> bool:
        """Return whether the contactor is closed."""
        return self.status == CONNECTED

    @property
    def alone(self) -> bool:
        """Return whether the home is off-grid with power."""
        return self.status == ISLANDED

    @property
    def dark(self) -> bool:
        """Return whether the home is off-grid without power."""
        return self.status in {FAULTED, WAITING}

    @property
    def remaining(self) -> float:
        """Seconds until the state changes by itself."""
        return _LASTS.get(self.status, float("inf")) - self._seconds

    def follow(self, *, grid: bool, alive: bool, seconds: float = 0.0) -> None:
        """Advance the time, with or without a grid and a battery that can supply the home."""
        self._seconds += seconds
        if self.remaining <= 1e-9:
            self._enter(_NEXT[self.status])
        if grid:
            self._see_grid()
        elif self.status in {CONNECTED, TO_GRID}:
            self._enter(TO_ISLAND)
        if not self.connected and not self.dark and not alive:
            self._enter(FAULTED)

    def restart(self) -> None:
        """Start the collapsed system again, as an owner does."""
        if self.dark:
            self._enter(TO_ISLAND)

    def _see_grid(self) -> None:
        if self.dark:  # the home is without power, so it needs no synchronization
            self._enter(CONNECTED)
        elif self.status in {TO_ISLAND, ISLANDED}:
            self._enter(TO_GRID)

    def _enter(self, status: str) -> None:
        self.status = status
        self._seconds = 0.0
