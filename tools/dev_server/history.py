"""Backfill statistics of the simulated home, so that the Energy dashboard is not empty for its first hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from homeassistant.util import dt as dt_util
from simulator import SimulatedHome
from tools.hass_process import Api

type Values = dict[str, float]

HOURS = 36
SAMPLES = 12
"""Per hour, five minutes apart."""
POWERS = ("grid_power", "battery_power", "home_power", "solar_power")
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of samples."""

    start: datetime
    samples: list[Values]

    def mean(self, key: str) -> dict[str, Any]:
        """Return the statistics of a measurement."""
        values = [sample[key] for sample in self.samples]
        mean = sum(values) / len(values)
        return {"start": self.start.isoformat(), "mean": mean, "min": min(values), "max": max(values)}

    def sum(self, key: str, end: float, reading: float) -> dict[str, Any]:
        """Return the statistics of a counter that was `end` when the history ended and is `reading` now.

        Home Assistant begins its own sum at 0, so earlier sums are negative.
        """
        distance = self.samples[-1][key] - end
        return {"start": self.start.isoformat(), "state": reading + distance, "sum": distance}


@dataclass(frozen=True, slots=True)
class History:
    """Full hours of a simulated home, and its values at the end."""

    hours: list[Hour]
    end: Values


def simulate(simulated: SimulatedHome) -> History:
    """Simulate the hours that end now."""
    now = dt_util.utcnow()
    full_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = []
    for ago in range(HOURS, 0, -1):
        samples = []
        for _ in range(SAMPLES):
            simulated.advance(3600 / SAMPLES)
            samples.append(_values(simulated))
        hours.append(Hour(full_hour - timedelta(hours=ago), samples))
    simulated.advance((now - full_hour).total_seconds())
    return History(hours, _values(simulated))


def before(moment: datetime) -> datetime:
    """Return when a home must start so that its history ends at this moment of its own clock."""
    now = dt_util.utcnow()
    return moment - timedelta(hours=HOURS, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)


async def write(api: Api, ids: dict[str, str], history: History) -> None:
    """Import the history as statistics of Home Assistant."""
    states = await api.states()
    async with api.websocket() as home:
        for key in (*POWERS, "charge"):
            metadata = _metadata(ids[key], "%" if key == "charge" else "W", mean_type=1)
            stats = [hour.mean(key) for hour in history.hours]
            await home.command("recorder/import_statistics", metadata=metadata, stats=stats)
        for key in ENERGIES:
            metadata = _metadata(ids[key], "kWh", mean_type=0)
            stats = [hour.sum(key, history.end[key], float(states[ids[key]].state)) for hour in history.hours]
            await home.command("recorder/import_statistics", metadata=metadata, stats=stats)


def _values(simulated: SimulatedHome) -> Values:
    """Return the values in the units of the entities."""
    powers: Values = {key: getattr(simulated, key) for key in POWERS}
    energies: Values = {key: getattr(simulated, key) / 1000 for key in ENERGIES}
    return powers | energies | {"charge": (simulated.charge - 5) / 0.95}


UNIT_CLASSES = {"W": "power", "kWh": "energy", "%": "unitless"}


def _metadata(entity_id: str, unit: str, *, mean_type: int) -> dict[str, Any]:
    return {
        "statistic_id": entity_id,
        "source": "recorder",
        "name": None,
        "unit_of_measurement": unit,
        "unit_class": UNIT_CLASSES[unit],
        "mean_type": mean_type,
        "has_sum": not mean_type,
    }
