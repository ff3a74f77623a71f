"""The values on which Home Assistant and the gateway must agree."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from tools.dev_server.gateway import Reading
from tools.hass_process import State

type Value = float | str | bool

# A power's state may be 30 seconds and a polling interval old, and the values change all the time.
WINDOW = 40
A_MINUTE = 150
"""Wh: energies are updated once a minute, which is this much at 9 kW."""
IN_BASE_UNIT = {"W": 1, "kW": 1000, "Wh": 1, "kWh": 1000, "MWh": 1_000_000, "%": 1}
BASE_UNIT = {"W": "W", "kW": "W", "Wh": "Wh", "kWh": "Wh", "MWh": "Wh", "%": "%"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One value: the entity's key, and where it is in the gateway's responses."""

    key: str
    name: str
    of_gateway: Callable[[Reading], Value]
    unit: str = ""
    tolerance: float = 0

    def read(self, reading: Reading) -> Value | None:
        """Return the gateway's value, or None where it has none."""
        try:
            return self.of_gateway(reading)
        except KeyError:
            return None

    def home_assistant(self, state: State | None) -> Value | None:
        """Return Home Assistant's value in the same unit."""
        if state is None or state.state in {"unavailable", "unknown"}:
            return None
        if self.unit:
            return float(state.state) * IN_BASE_UNIT[state.attributes["unit_of_measurement"]]
        if state.entity_id.startswith("binary_sensor."):
            return state.state == "on"
        return state.state


def _power(meter: str) -> Callable[[Reading], float]:
    return lambda reading: float(reading["meters/aggregates"][meter]["instant_power"])


def _energy(meter: str, direction: str) -> Callable[[Reading], float]:
    return lambda reading: float(reading["meters/aggregates"][meter][f"energy_{direction}"])


def _charge(reading: Reading) -> float:
    """Return the charge in app percent: the gateway keeps 5% below the app's 0."""
    return min(100.0, max(0.0, (float(reading["system_status/soe"]["percentage"]) - 5) / 0.95))


def _is_grid_connected(reading: Reading) -> bool:
    return bool(reading["system_status/grid_status"]["grid_status"] == "SystemGridConnected")


FIGURES = (
    Figure("grid_power", "Grid power", _power("site"), "W", 10),
    Figure("battery_power", "Battery power", _power("battery"), "W", 10),
    Figure("home_power", "Home power", _power("load"), "W", 10),
    Figure("solar_power", "Solar power", _power("solar"), "W", 10),
    Figure("charge", "Charge", _charge, "%", 0.1),
    Figure("grid_import_energy", "Grid import", _energy("site", "imported"), "Wh", A_MINUTE),
    Figure("grid_export_energy", "Grid export", _energy("site", "exported"), "Wh", A_MINUTE),
    Figure("solar_energy", "Solar production", _energy("solar", "exported"), "Wh", A_MINUTE),
    Figure("home_energy", "Home consumption", _energy("load", "imported"), "Wh", A_MINUTE),
    Figure("battery_charge_energy", "Battery energy charged", _energy("battery", "imported"), "Wh", A_MINUTE),
    Figure("battery_discharge_energy", "Battery energy discharged", _energy("battery", "exported"), "Wh", A_MINUTE),
    Figure("grid", "Grid", _is_grid_connected),
    Figure("running", "System status", lambda reading: bool(reading["sitemaster"]["running"])),
    Figure(
        "connected_to_tesla", "Connected to Tesla", lambda reading: bool(reading["sitemaster"]["connected_to_tesla"])
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One value of Home Assistant and the gateway."""

    figure: Figure
    home_assistant: Value | None
    gateway: Value | None
    agrees: bool


class Comparison:
    """Compare Home Assistant's states with the gateway's recent values."""

    def __init__(self, entity_ids: dict[str, str]) -> None:
        self._entity_ids = entity_ids
        self._readings: deque[tuple[float, Reading]] = deque()

    def remember(self, reading: Reading) -> None:
        """Add a reading of the gateway."""
        now = monotonic()
        self._readings.append((now, reading))
        while self._readings[0][0] < now - WINDOW:
            self._readings.popleft()

    def rows(self, states: dict[str, State]) -> list[Row]:
        """Compare every value."""
        return [self._row(figure, states.get(self._entity_ids.get(figure.key, ""))) for figure in FIGURES]

    def _row(self, figure: Figure, state: State | None) -> Row:
        value = figure.home_assistant(state)
        said = [figure.read(reading) for _, reading in self._readings]
        return Row(figure, value, said[-1], _agrees(value, said, figure.tolerance))


def _agrees(value: Value | None, said: list[Value | None], tolerance: float) -> bool:
    if isinstance(value, float):
        numbers = [number for number in said if isinstance(number, float)]
        return bool(numbers) and min(numbers) - tolerance <= value <= max(numbers) + tolerance
    return value in said
