"""What is written how often: a database full of noise helps nobody."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class StateThrottle:
    """When another value is worth a state."""

    step: float = 0.0
    """By how much a number has to move, in its native unit."""

    every: float = 0.0
    """Seconds between two states."""

    def is_worth(self, value: object, last: object, elapsed: float) -> bool:
        """Tell whether to write a value, `elapsed` seconds after the last one that was written.

        A number that comes to zero or leaves it is written at once: something ends or begins.
        One that crosses it waits for no time, only for its step: at rest it wavers around it.
        """
        if value == last:
            return False
        if not (isinstance(value, int | float) and isinstance(last, int | float)) or value == 0 or last == 0:
            return True
        crosses = (value > 0) is not (last > 0)
        return abs(value - last) >= self.step and (crosses or elapsed >= self.every)


ON_CHANGE: Final = StateThrottle()
"""All that is not named here. What has its steps already is among it, as the charge, by 0.1 %."""

POWERS: Final = StateThrottle(step=10.0)
ENERGIES: Final = StateThrottle(every=60.0)
PACK_VALUES: Final = StateThrottle(every=30.0)
PACK_POWERS: Final = StateThrottle(step=POWERS.step, every=PACK_VALUES.every)
