"""`scripts/soak`: the faults of a seed, growth and missing recovery, and the accelerated clock."""

import asyncio
from itertools import islice
from pathlib import Path
import time
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tools.soak_test import soak as soak_module
from tools.soak_test.clock import Clock
from tools.soak_test.environment import Condition
from tools.soak_test.faults import KINDS, RELOADED, SLOW, faults
from tools.soak_test.report import RESOURCES, Figure, energy_off, resource_figures, slope
from tools.soak_test.soak import Round, Soak

NORMAL = Condition(entry="loaded", unavailable=frozenset({"off_grid"}), open=frozenset())


# -- figures -----------------------------------------------------------------------------------------------------------


def samples(**grows: float) -> list[dict[str, Any]]:
    """Return 20 samples, an hour apart, with growing resources."""
    return [
        {"at": 3600.0 * hour, **{resource.key: 100.0 + grows.get(resource.key, 0.0) * hour for resource in RESOURCES}}
        for hour in range(20)
    ]


def test_constant_resources_are_within_limits() -> None:
    assert [figure.is_good for figure in resource_figures(samples())] == [True] * len(RESOURCES)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.key)
def test_growing_resource_exceeds_its_limit(resource: Any) -> None:
    grown = resource_figures(samples(**{resource.key: resource.limit / 10}))
    assert [figure.name for figure in grown if not figure.is_good] == [f"{resource.name}: growth"]


def test_warm_up_is_left_out() -> None:
    warming = samples()
    for sample, memory in zip(warming, (10.0, 40.0, 70.0, 90.0), strict=False):
        sample["memory"] = memory
    assert all(figure.is_good for figure in resource_figures(warming))


def test_outliers_do_not_change_the_slope() -> None:
    points = [(float(hour), 2.0 * hour) for hour in range(20)]
    points[-1], points[3] = (19.0, 500.0), (3.0, 300.0)
    assert slope(points) == pytest.approx(2.0, abs=0.05)
    assert slope(points[:1]) == 0.0


def test_largest_energy_difference_counts() -> None:
    assert energy_off({"a": (1.0, 1.0), "b": (5.5, 5.0), "c": (2.0, 2.1)}) == pytest.approx(500)
    assert not Figure(name="energy", unit="Wh", digits=0, value=500, limit=300).is_good


# -- faults ------------------------------------------------------------------------------------------------------------


def test_same_seed_draws_same_faults() -> None:
    def drawn(seed: int) -> list[tuple[str, float]]:
        return [(fault.text, fault.seconds) for fault in islice(faults(seed), 40)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_every_kind_is_drawn_before_any_is_repeated() -> None:
    names = {*KINDS, SLOW, RELOADED}
    assert {fault.name for fault in islice(faults(7), len(names))} == names


async def test_gateway_is_as_before_after_every_fault(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    reloads: list[float] = []

    async def reload() -> None:
        reloads.append(time.monotonic())

    environment: Any = SimpleNamespace(simulator=gateway, speed=20.0, reload=reload)
    for fault in islice(faults(3), 4 * (len(KINDS) + 2)):
        async with fault.inject(environment):
            if fault.name not in {"sessions lost", RELOADED}:
                assert is_faulty(gateway), fault.text
        assert not is_faulty(gateway), fault.text
    assert len(reloads) == 4


def is_faulty(gateway: Simulator) -> bool:
    """Return whether anything about a gateway is not as usual."""
    simulated = gateway.home
    return bool(
        gateway.faults.active
        or gateway.overrides
        or gateway.gateway.counter_offset
        or not gateway.running
        or not simulated.grid.up
        or len(simulated.packs) != 2
        or any(pack.disabled_reasons for pack in simulated.packs)
        or gateway._listener._server is None
    )


# -- recovery ----------------------------------------------------------------------------------------------------------


def test_condition_is_compared_with_the_normal_one() -> None:
    assert NORMAL.beyond(NORMAL) == ""
    assert Condition(entry="loaded", unavailable=frozenset(), open=frozenset()).beyond(NORMAL) == ""


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"entry": "setup_retry"}, "the entry is setup_retry"),
        ({"unavailable": {"off_grid", "charge"}}, "unavailable: charge"),
        ({"unavailable": {"a", "b", "c", "d", "e"}}, "unavailable: a, b, c and 2 more"),
        ({"open": {"reauth"}}, "waiting for a person: reauth"),
    ],
)
def test_difference_is_described(changes: dict[str, Any], left: str) -> None:
    worse = {"entry": "loaded", "unavailable": frozenset(), "open": frozenset(), **changes}
    assert Condition(**worse).beyond(NORMAL) == left


class FakeEnvironment:
    """Replace a Home Assistant: in one condition after the other."""

    speed = 1000.0

    def __init__(self, *conditions: Condition, settings_interval: float = 60.0) -> None:
        self._conditions = list(conditions)
        self._settings_interval = settings_interval

    async def read_probe(self) -> dict[str, Any]:
        """Return the only measurement that is needed here."""
        return {"settings_interval": self._settings_interval}

    async def condition(self) -> Condition:
        """Return the next condition; the last one stays."""
        return self._conditions.pop(0) if len(self._conditions) > 1 else self._conditions[0]

    async def wait(self, seconds: float) -> None:
        """Wait, faster."""
        await asyncio.sleep(seconds / self.speed)


async def test_missing_recovery_is_given_up() -> None:
    worse = Condition(entry="loaded", unavailable=frozenset({"charge"}), open=frozenset())
    messages: list[str] = []
    environment: Any = FakeEnvironment(worse, worse, NORMAL)
    after, left = await Soak(environment, messages.append)._wait_until_back(NORMAL)
    assert (after is not None, left, messages) == (True, "", [])
    environment = FakeEnvironment(worse)
    assert await Soak(environment, messages.append)._wait_until_back(NORMAL) == (None, "unavailable: charge")
    assert messages == ["NOT BACK within 120 s waiting for all entities: unavailable: charge"]


async def test_soak_waits_two_intervals_where_polls_are_stretched() -> None:
    worse = Condition(entry="loaded", unavailable=frozenset({"charge"}), open=frozenset())
    messages: list[str] = []
    environment: Any = FakeEnvironment(worse, settings_interval=200.0)
    await Soak(environment, messages.append)._wait_until_back(NORMAL)
    assert messages == ["NOT BACK within 400 s waiting for all entities: unavailable: charge"]


@pytest.mark.parametrize(("seconds", "is_error"), [("0.437", False), ("20.5", True)])
def test_soak_measures_slow_updates_in_real_time(tmp_path: Path, seconds: str, is_error: bool) -> None:
    log = tmp_path / "output.log"
    log.write_text(
        "2026-11-30 13:39:36.077 WARNING (MainThread) [homeassistant.helpers.entity] Updating state for sensor.a "
        f"(<class 'custom_components.powerwall_gateway.sensor.GatewaySensor'>) took {seconds} seconds. Please create a "
        "bug report at https://example.com\n",
        encoding="utf-8",
    )
    environment: Any = SimpleNamespace(log=log, speed=36.0)
    assert bool(Soak(environment, print).errors()) is is_error


def test_table_shows_a_kind_without_recovery() -> None:
    rounds = [
        Round(kind="outage", detail="", seconds=60, back_after=after, left="", records=2) for after in (3.0, None, 5.0)
    ]
    (cells,) = [
        list(column.cells) for column in soak_module.rounds_table(rounds).columns if "back" in str(column.header)
    ]
    assert cells == ["NOT BACK"]


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_clock_runs_at_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: real[0])
    monkeypatch.setattr(time, "time", lambda: 1e9)
    clock = Clock()
    real[0] += 2
    assert (clock.monotonic(), clock.time()) == (102, 1e9 + 2)
    clock.speed = 20
    assert (clock.monotonic(), clock.time()) == (102, 1e9 + 2)
    real[0] += 3
    assert (clock.monotonic(), clock.time()) == (162, 1e9 + 62)


@pytest.mark.parametrize(("asked", "waited"), [(10.0, 0.5), (0.0, 0.0), (None, None)])
def test_clock_divides_waits_by_its_speed(asked: float | None, waited: float | None) -> None:
    clock = Clock()
    clock.speed = 20
    seen: list[float | None] = []

    def select(_: object, timeout: float | None) -> None:
        seen.append(timeout)

    clock.waiting(select)(None, asked)
    assert seen == [waited]
