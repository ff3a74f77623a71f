"""Backfill statistics of the simulated home, so that the Energy dashboard is not empty for its first hours."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
import sqlite3
from typing import Any

from homeassistant.util import dt as dt_util
from simulator import SimulatedHome
from tools.hass_process import Api, ApiError

type Values = dict[str, float]

HOURS = 36
SHORT, PER_HOUR = timedelta(minutes=5), 12
SAMPLES = 5
"""Per 5 minutes."""

ATTEMPTS = 300
LOCK_LIMIT = 30
"""Seconds until Home Assistant's own write to the database is over."""

INSERT = """
INSERT OR IGNORE INTO statistics_short_term (metadata_id, start_ts, created_ts, mean, min, max, state, sum)
VALUES (:id, :start, :start, :mean, :min, :max, :state, :sum)
"""

POWERS = ("grid_power", "battery_power", "home_power", "solar_power")
MEASUREMENTS = (*POWERS, "charge")
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)


@dataclass(frozen=True, slots=True)
class Period:
    """Samples of one period of statistics."""

    start: datetime
    samples: list[Values]

    def mean(self, key: str) -> dict[str, Any]:
        """Return the statistics of a measurement."""
        values = [sample[key] for sample in self.samples]
        mean = sum(values) / len(values)
        return {"start": self.start, "mean": mean, "min": min(values), "max": max(values)}

    def sum(self, key: str, end: float, reading: float) -> dict[str, Any]:
        """Return the statistics of a counter that was `end` when the history ended and is `reading` now.

        Home Assistant begins its own sum at 0, so earlier sums are negative.
        """
        distance = self.samples[-1][key] - end
        return {"start": self.start, "state": reading + distance, "sum": distance}


@dataclass(frozen=True, slots=True)
class History:
    """Full periods of a simulated home, and its values at the end."""

    hours: list[Period]
    short: list[Period]
    """Periods of 5 minutes."""

    end: Values


def simulate(simulated: SimulatedHome) -> History:
    """Simulate the hours that end now."""
    now = dt_util.utcnow()
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
    short = []
    while start + SHORT <= now:
        samples = []
        for _ in range(SAMPLES):
            simulated.advance(SHORT.total_seconds() / SAMPLES)
            samples.append(_values(simulated))
        short.append(Period(start, samples))
        start += SHORT
    simulated.advance((now - start).total_seconds())
    by_hour = [short[first : first + PER_HOUR] for first in range(0, HOURS * PER_HOUR, PER_HOUR)]
    hours = [Period(parts[0].start, [sample for part in parts for sample in part.samples]) for parts in by_hour]
    return History(hours, short, _values(simulated))


def before(moment: datetime) -> datetime:
    """Return when a home must start so that its history ends at this moment of its own clock."""
    now = dt_util.utcnow()
    return moment - timedelta(hours=HOURS, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)


async def write(api: Api, ids: dict[str, str], history: History, database: Path) -> None:
    """Import the history as statistics of Home Assistant: by its API per hour, in its database per 5 minutes."""
    states = await api.states()

    def statistics(key: str, periods: list[Period]) -> list[dict[str, Any]]:
        if key in ENERGIES:
            return [period.sum(key, history.end[key], float(states[ids[key]].state)) for period in periods]
        return [period.mean(key) for period in periods]

    async with api.websocket() as home:
        for key in (*MEASUREMENTS, *ENERGIES):
            stats = [hour | {"start": hour["start"].isoformat()} for hour in statistics(key, history.hours)]
            await home.command("recorder/import_statistics", metadata=_metadata(ids[key], key), stats=stats)
    short = {ids[key]: statistics(key, history.short) for key in (*MEASUREMENTS, *ENERGIES)}
    for _ in range(ATTEMPTS):
        if _write_short(database, short):
            return
        await asyncio.sleep(0.1)
    raise ApiError("Home Assistant did not import the statistics.")


def _write_short(database: Path, statistics: dict[str, list[dict[str, Any]]]) -> bool:
    """Write statistics of 5 minutes, which no API accepts. Return False until Home Assistant has their metadata."""
    with closing(sqlite3.connect(database, timeout=LOCK_LIMIT)) as connection, connection:
        numbers = dict(connection.execute("SELECT statistic_id, id FROM statistics_meta"))
        if not statistics.keys() <= numbers.keys():
            return False
        for entity_id, rows in statistics.items():
            columns = {"id": numbers[entity_id]} | dict.fromkeys(("mean", "min", "max", "state", "sum"))
            connection.executemany(INSERT, [columns | row | {"start": row["start"].timestamp()} for row in rows])
    return True


def _values(simulated: SimulatedHome) -> Values:
    """Return the values in the units of the entities."""
    powers: Values = {key: getattr(simulated, key) for key in POWERS}
    energies: Values = {key: getattr(simulated, key) / 1000 for key in ENERGIES}
    return powers | energies | {"charge": (simulated.charge - 5) / 0.95}


def _metadata(entity_id: str, key: str) -> dict[str, Any]:
    unit, unit_class = (
        ("kWh", "energy") if key in ENERGIES else ("%", "unitless") if key == "charge" else ("W", "power")
    )
    return {
        "statistic_id": entity_id,
        "source": "recorder",
        "name": None,
        "unit_of_measurement": unit,
        "unit_class": unit_class,
        "mean_type": int(key in MEASUREMENTS),
        "has_sum": key in ENERGIES,
    }
