"""The power of the home's appliances in W."""

from dataclasses import dataclass
import math

from simulator.home.local_time import Moment
from simulator.home.noise import chance, drift

KETTLE_HOURS = (6.9, 10.5, 15.6, 20.3)


@dataclass(frozen=True)
class Appliances:
    """Loads that are easy to recognize in a power curve."""

    seed: int
    lively: bool = False
    """True if the consumption moves by tens of watts at every poll, as in homes with many small loads."""

    def power(self, moment: Moment, *, island: bool) -> float:
        """Add up the steady part of the home's consumption. The heat pump and the car are not backed up."""
        power = self._base(moment) + self._fridge(moment) + self._evening(moment)
        power += self._kettle(moment) + self._cooking(moment) + self._washing(moment)
        return power if island else power + self._heat_pump(moment) + self._car(moment)

    def ripple(self, moment: Moment) -> float:
        """Return the part that changes faster than a battery follows."""
        return (160 if self.lively else 36) * (chance(self.seed, "ripple", moment.second) - 0.5)

    def _base(self, moment: Moment) -> float:
        return 190 + 130 * drift(self.seed, "base", moment.second / 2400)

    def _fridge(self, moment: Moment) -> float:
        return 125 if (moment.second / 2880 + chance(self.seed, "fridge", 0)) % 1 < 0.36 else 0

    def _evening(self, moment: Moment) -> float:
        """Lights and television."""
        return 210 * max(0.0, math.sin(math.pi * (moment.hour - 17.2) / 6.3)) if 17.2 < moment.hour < 23.5 else 0

    def _kettle(self, moment: Moment) -> float:
        for index, usual in enumerate(KETTLE_HOURS):
            begin = usual + 0.8 * (self._today("kettle", moment, index) - 0.5)
            if begin <= moment.hour < begin + 0.055:
                return 2750
        return 0

    def _cooking(self, moment: Moment) -> float:
        """Heat an oven with its thermostat, and a hob."""
        since = moment.hour - (18.0 + 0.9 * self._today("cooking", moment))
        if not 0 <= since < 0.85:
            return 0
        oven = 2300 if since < 0.15 or moment.second % 150 < 60 else 60
        return oven + (900 if 0.3 < since < 0.6 else 0)

    def _washing(self, moment: Moment) -> float:
        since = moment.hour - (9.5 + 3 * self._today("washing", moment))
        if not 0 <= since < 1.5 or self._today("laundry", moment) > 0.45:
            return 0
        return 2050 if since < 0.3 else 190

    def _heat_pump(self, moment: Moment) -> float:
        """Warms morning and evening in winter, cools the afternoon in summer."""
        winter = (1 + math.cos(math.tau * (moment.day_of_year - 15) / 365)) / 2
        chill = 0.25 + 0.35 * (1 + math.cos(math.tau * (moment.hour - 6) / 24)) / 2
        heat = 0.55 * math.exp(-(((moment.hour - 16) / 2.5) ** 2))
        duty = winter * chill + (1 - winter) * heat
        return 1850 if (moment.second / 1500) % 1 < duty else 0

    def _car(self, moment: Moment) -> float:
        """Charge a car in some nights."""
        return 3680 if 0.5 <= moment.hour < 3.2 and self._today("car", moment) < 0.3 else 0

    def _today(self, subject: str, moment: Moment, index: int = 0) -> float:
        return chance(self.seed, f"{subject} {index}", moment.day)
