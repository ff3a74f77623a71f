"""`scripts/develop --check` reports agreement only if both sides agree."""

import pytest

from tools.dev_server.comparison import FIGURES, Comparison
from tools.hass_process import State

IDS = {figure.key: f"sensor.{figure.key}" for figure in FIGURES} | {"grid": "binary_sensor.grid"}


def verdict(key: str, comparison: Comparison, state: str, unit: str = "") -> bool:
    entity_id = IDS[key]
    states = {entity_id: State(entity_id, state, {"unit_of_measurement": unit})}
    return next(row.agrees for row in comparison.rows(states) if row.figure.key == key)


@pytest.fixture
def comparison() -> Comparison:
    comparison = Comparison(IDS)
    for watts in (400, 500):
        site = {"instant_power": watts, "energy_imported": 3_276_432.6, "energy_exported": 1_136_916.7}
        comparison.remember(
            {
                "meters/aggregates": {"site": site},
                "system_status/soe": {"percentage": 62},
                "system_status/grid_status": {"grid_status": "SystemGridConnected"},
            }
        )
    return comparison


@pytest.mark.parametrize(
    ("key", "state", "unit", "agrees"),
    [
        ("grid_power", "450.5", "W", True),
        ("grid_power", "0.45", "kW", True),
        ("grid_power", "511", "W", False),
        ("grid_power", "unavailable", "W", False),
        ("grid_import_energy", "3276.4326", "kWh", True),
        ("grid_import_energy", "3276.3", "kWh", True),
        ("grid_import_energy", "3276.2", "kWh", False),
        ("charge", "60.0", "%", True),
        ("charge", "62.0", "%", False),
        ("grid", "on", "", True),
        ("grid", "off", "", False),
    ],
)
def test_value_between_two_responses_agrees(
    comparison: Comparison, key: str, state: str, unit: str, *, agrees: bool
) -> None:
    assert verdict(key, comparison, state, unit) is agrees


def test_stopped_gateway_agrees_only_with_an_unavailable_entity() -> None:
    comparison = Comparison(IDS)
    comparison.remember({})
    assert verdict("grid_power", comparison, "unavailable", "W")
    assert not verdict("grid_power", comparison, "450", "W")


def test_value_without_an_entity_differs(comparison: Comparison) -> None:
    assert not next(row.agrees for row in comparison.rows({}) if row.figure.key == "grid_power")
