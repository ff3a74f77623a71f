"""The solar power of a roof under a sky with clouds."""

from dataclasses import dataclass
import math

from simulator.home.local_time import Moment
from simulator.home.noise import chance, drift

LATITUDE = math.radians(37.8)


@dataclass(frozen=True)
class Roof:
    """Solar panels and their inverter."""

    seed: int
    peak: float = 6000.0
    """Watts under a high sun in a clear sky."""

    def power(self, moment: Moment) -> float:
        """Measure what the inverter produces, in watts; a little below zero at night, when it draws standby power."""
        height = _sun_height(moment)
        power = self.peak * max(0.0, height) ** 1.15 * (1 - self._cloud(moment))
        return power if power > 5 else -(2 + 6 * chance(self.seed, "standby", moment.second // 600))

    def _cloud(self, moment: Moment) -> float:
        """Guess the share of the light the clouds take: some days hardly any, some days most of it."""
        overcast = chance(self.seed, "sky", moment.day) ** 3
        passing = drift(self.seed, "clouds", moment.second / 420) ** 4
        return min(0.92, 0.75 * overcast + (0.15 + 0.5 * overcast) * passing)


def _sun_height(moment: Moment) -> float:
    """Find the sine of the sun's height over the horizon."""
    declination = math.radians(23.44) * math.sin(math.tau * (moment.day_of_year - 81) / 365)
    hour_angle = math.radians(15 * (moment.solar_hour - 12))
    across = math.cos(LATITUDE) * math.cos(declination) * math.cos(hour_angle)
    return math.sin(LATITUDE) * math.sin(declination) + across
