"""Whether the battery rests although there is something for it to do."""

from dataclasses import dataclass
from typing import Final

from .estimates import IDLE_POWER
from .gateway import app_from_raw
from .gateway.models import GridState, MetersAggregates, Operation, OperationMode

_WORTH_IT: Final = 300.0
"""W of solar too much, or too little, from which on a battery has something to do."""

_FULL: Final = 90.0
_ABOVE_RESERVE: Final = 5.0
"""App % from which on it may think itself full, or itself empty."""

_LONGEST_STEP: Final = 60.0
"""Seconds that one poll stands for at most: of what was between two of them nobody knows."""


@dataclass(frozen=True, kw_only=True)
class IdleConditions:
    """What there is for the battery to do, as far as the last polls tell."""

    meters: MetersAggregates | None
    charge_raw: float | None
    operation: Operation | None
    grid: GridState | None
    running: bool | None

    @property
    def power(self) -> float | None:
        """The battery's, in W."""
        battery = self.meters.battery if self.meters else None
        return battery.instant_power if battery else None

    @property
    def is_there(self) -> bool:
        """Whether a self-powered battery would charge or discharge now, beyond doubt.

        It runs on the grid; and either there is solar to spare and it is not full, or the home
        wants more than solar gives and it is above the reserve. In every other mode there may be
        good reasons to rest: a full backup, a weekend without peak prices, what the utility wants.
        """
        operation, meters = self.operation, self.meters
        if (
            operation is None
            or operation.operation_mode is not OperationMode.SELF_CONSUMPTION
            or self.grid is not GridState.CONNECTED
            or not self.running
            or self.charge_raw is None
            or meters is None
            or (home := meters.load.instant_power if meters.load else None) is None
        ):
            return False
        charge = app_from_raw(self.charge_raw)
        spare = ((meters.solar.instant_power if meters.solar else None) or 0.0) - home
        reserve = operation.backup_reserve_percent
        has_charge = reserve is not None and charge > app_from_raw(reserve) + _ABOVE_RESERVE
        return (spare > _WORTH_IT and charge < _FULL) or (spare < -_WORTH_IT and has_charge)


class IdleTracker:
    """Adds up the time in which the battery had something to do, and rested."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Missed since it last moved."""

        self._last = 0.0

    def take(self, chance: IdleConditions, now: float) -> None:
        """Take one poll, at a monotonic time. A battery that moves has not been idle."""
        step, self._last = min(now - self._last, _LONGEST_STEP), now
        if chance.power is None:
            return
        if abs(chance.power) >= IDLE_POWER:
            self.seconds = 0.0
        elif chance.is_there:
            self.seconds += step
