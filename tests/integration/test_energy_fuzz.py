"""Random faults of counters: Home Assistant's long-term statistics match the energy that flowed."""

from datetime import timedelta
from itertools import pairwise
import os
from random import Random
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS
from custom_components.powerwall_gateway.gateway import transport
from custom_components.powerwall_gateway.gateway.scheduler import RequestScheduler
from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.sensor.recorder import SEEN_DIP, WARN_DIP, WARN_NEGATIVE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import get_instance
from homeassistant.util import dt as dt_util
from tests.conftest import StartSimulator, is_deep
from tests.integration.conftest import SetUp
from tests.integration.counter_faults import ACCEPTED_AFTER, COUNTERS, CounterFaults

HOURS = 30 * 24 if is_deep() else 1
"""The least duration. `scripts/test --deep` runs for a month, with every fault for counters of either sign."""

SEED = int(os.environ.get("POWERWALL_SEED", "1"))
MINUTES_BETWEEN = (20, 60)
"""Minutes between two faults."""

RECORDED = (
    "grid_import",
    "grid_export",
    "solar_production",
    "home_consumption",
    "battery_energy_charged",
    "battery_energy_discharged",
)

EXACT = 0.01
"""Wh."""


@pytest.fixture
def recorder_config() -> dict[str, Any]:
    """Record only the energies: a month of all entities takes too long."""
    entities = [f"sensor.home_energy_gateway_{name}" for name in RECORDED]
    return {"commit_interval": 300, "include": {"entities": entities}}


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Start the recorder. It must be the first fixture."""


@pytest.fixture
def frozen_scheduler(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the frozen clock for all waits."""
    monkeypatch.setattr(transport, "RequestScheduler", lambda: RequestScheduler(clock=hass.loop.time))


@pytest.fixture
async def faults(
    hass: HomeAssistant, simulator: StartSimulator, freezer: FrozenDateTimeFactory, frozen_scheduler: None
) -> CounterFaults:
    """Return a gateway whose counters are faulty, at the full hour."""
    freezer.move_to(dt_util.utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
    return CounterFaults(hass, freezer, await simulator("1.15.0"), Random(SEED))


@pytest.mark.parametrize("counted", [None, -12_345_678.9], ids=["counted", "below_zero"])
async def test_statistics_match_the_energy_that_flowed(
    hass: HomeAssistant, faults: CounterFaults, set_up: SetUp, counted: float | None
) -> None:
    """Start the counters above zero for every second fault, and below zero for the others."""
    if counted is not None:
        faults.begin_all_at(counted)
    began = dt_util.utcnow()
    await faults.start(set_up)
    if counted is not None:
        await faults.pass_minutes(LASTING_POLLS - 1)  # until the shown energy begins, at 0
    before = faults.flowed()
    registry = er.async_get(hass)
    ids = {key: registry.async_get_entity_id("sensor", DOMAIN, f"{faults.serial}_{key}") or "" for key in COUNTERS}
    if counted is not None:
        states = [hass.states.get(entity_id) for entity_id in ids.values()]
        assert [state.state for state in states if state] == ["0.0"] * len(COUNTERS)

    async def compare(what: str) -> None:
        """Poll until all values are accepted and an hour ends, and compare the recorder's sum."""
        await faults.pass_minutes(ACCEPTED_AFTER + (59 - ACCEPTED_AFTER - faults.minutes) % 60)
        true = faults.flowed()
        await faults.pass_minutes(1)
        rows = await get_instance(hass).async_add_executor_job(
            statistics_during_period, hass, began, None, set(ids.values()), "hour", None, {"state", "sum"}
        )
        for key, entity_id in ids.items():
            shown = [row["state"] or 0.0 for row in rows[entity_id]]
            assert shown == sorted(shown), f"{key} fell {what}"
            assert shown[0] >= 0, f"{key} is negative {what}"
            sums = [1000 * (row["sum"] or 0.0) for row in rows[entity_id]]
            assert all(last - EXACT <= now for last, now in pairwise(sums)), f"{key} fell {what}"
            expected = true[key] - before[key] - faults.lost[key]
            assert sums[-1] == pytest.approx(expected, abs=EXACT), f"{key} is wrong {what}"
        assert not {SEEN_DIP, WARN_DIP, WARN_NEGATIVE} & hass.data.keys(), f"the recorder doubts a state {what}"

    sequence = faults.all_faults if is_deep() else faults.all_faults[counted is None :: 2]
    while faults.minutes < HOURS * 60:
        for inject in faults.dice.sample(sequence, len(sequence)):
            await faults.pass_minutes(faults.dice.randint(*MINUTES_BETWEEN))
            what = f"after {inject.__name__} in minute {faults.minutes}, seed {SEED}"
            await inject()
            await compare(what)
