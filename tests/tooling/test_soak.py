"""`scripts/soak` draws by its seed, sees what grows and what does not come back, and its clock runs as it says."""

import asyncio
from itertools import islice
from pathlib import Path
import time
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import Simulator
from tests.conftest import StartSimulator
from tools.soak_test import soak as soaking
from tools.soak_test.clock import Clock
from tools.soak_test.figures import HELD, Figure, energy_off, held_figures, slope
from tools.soak_test.home import Condition
from tools.soak_test.soak import Round, Soak
from tools.soak_test.troubles import KINDS, Scene, troubles

NORMAL = Condition(entry="loaded", dark=frozenset({"off_grid"}), asks=frozenset())


# -- figures -----------------------------------------------------------------------------------------------------------


def samples(**grows: float) -> list[dict[str, Any]]:
    """Give twenty samples, an hour apart, of which something grows by so much in each."""
    return [
        {"at": 3600.0 * hour, **{held.key: 100.0 + grows.get(held.key, 0.0) * hour for held in HELD}}
        for hour in range(20)
    ]


def test_what_stays_is_good() -> None:
    assert [figure.is_good for figure in held_figures(samples())] == [True] * len(HELD)


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.key)
def test_what_grows_is_too_much(held: Any) -> None:
    grown = held_figures(samples(**{held.key: held.limit / 10}))
    assert [figure.name for figure in grown if not figure.is_good] == [f"{held.name}: growth"]


def test_the_warm_up_is_left_out() -> None:
    warming = samples()
    for sample, memory in zip(warming, (10.0, 40.0, 70.0, 90.0), strict=False):
        sample["memory"] = memory
    assert all(figure.is_good for figure in held_figures(warming))


def test_single_odd_samples_do_not_tilt_the_line() -> None:
    points = [(float(hour), 2.0 * hour) for hour in range(20)]
    points[-1], points[3] = (19.0, 500.0), (3.0, 300.0)
    assert slope(points) == pytest.approx(2.0, abs=0.05)
    assert slope(points[:1]) == 0.0


def test_the_worst_energy_counts() -> None:
    assert energy_off({"a": (1.0, 1.0), "b": (5.5, 5.0), "c": (2.0, 2.1)}) == pytest.approx(500)
    assert not Figure(name="energy", unit="Wh", digits=0, value=500, limit=300).is_good


# -- troubles ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_troubles() -> None:
    def drawn(seed: int) -> list[tuple[str, float]]:
        return [(trouble.text, trouble.seconds) for trouble in islice(troubles(seed), 40)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_every_kind_comes_before_any_comes_again() -> None:
    assert {trouble.name for trouble in islice(troubles(7), len(KINDS))} == set(KINDS)


async def test_a_gateway_is_whole_after_every_trouble(simulator: StartSimulator) -> None:
    gateway = await simulator("21.44")
    loaded: list[str] = []

    async def reload() -> None:
        loaded.append("anew")

    for trouble in islice(troubles(3), 4 * len(KINDS)):
        async with trouble.happening(Scene(gateway, 20.0, reload)):
            if trouble.name not in {"sessions lost", "entry loaded anew"}:
                assert is_troubled(gateway), trouble.text
        assert not is_troubled(gateway), trouble.text
    assert loaded == ["anew"] * 4


def is_troubled(gateway: Simulator) -> bool:
    """Tell whether anything about a gateway is not as it should be."""
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


# -- what is not back --------------------------------------------------------------------------------------------------


def test_normal_is_what_was_so_before() -> None:
    assert NORMAL.beyond(NORMAL) == ""
    assert Condition(entry="loaded", dark=frozenset(), asks=frozenset()).beyond(NORMAL) == ""


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"entry": "setup_retry"}, "the entry is setup_retry"),
        ({"dark": {"off_grid", "charge"}}, "nothing is shown of charge"),
        ({"dark": {"a", "b", "c", "d", "e"}}, "nothing is shown of a, b, c and 2 more"),
        ({"asks": {"reauth"}}, "a person is asked for reauth"),
    ],
)
def test_what_is_worse_is_told(changes: dict[str, Any], left: str) -> None:
    worse = {"entry": "loaded", "dark": frozenset(), "asks": frozenset(), **changes}
    assert Condition(**worse).beyond(NORMAL) == left


class Waiting:
    """In place of a Home Assistant: in one condition after the other."""

    speed = 1000.0

    def __init__(self, *conditions: Condition, settings_interval: float = 60.0) -> None:
        self._conditions = list(conditions)
        self._settings_interval = settings_interval

    async def read_probe(self) -> dict[str, Any]:
        """Return the only measurement that is needed here."""
        return {"settings_interval": self._settings_interval}

    async def condition(self) -> Condition:
        """Give the next one; the last one stays."""
        return self._conditions.pop(0) if len(self._conditions) > 1 else self._conditions[0]

    async def wait(self, seconds: float) -> None:
        """Let others go on."""
        await asyncio.sleep(seconds / self.speed)


async def test_what_never_comes_back_is_given_up() -> None:
    dark = Condition(entry="loaded", dark=frozenset({"charge"}), asks=frozenset())
    told: list[str] = []
    home: Any = Waiting(dark, dark, NORMAL)
    after, left = await Soak(home, told.append)._wait_until_back(NORMAL)
    assert (after is not None, left, told) == (True, "", [])
    home = Waiting(dark)
    assert await Soak(home, told.append)._wait_until_back(NORMAL) == (None, "nothing is shown of charge")
    assert told == ["NOT BACK within 120 s waiting for all entities: nothing is shown of charge"]


async def test_soak_waits_two_intervals_where_polls_are_stretched() -> None:
    dark = Condition(entry="loaded", dark=frozenset({"charge"}), asks=frozenset())
    messages: list[str] = []
    home: Any = Waiting(dark, settings_interval=200.0)
    await Soak(home, messages.append)._wait_until_back(NORMAL)
    assert messages == ["NOT BACK within 400 s waiting for all entities: nothing is shown of charge"]


@pytest.mark.parametrize(("seconds", "is_error"), [("0.437", False), ("20.5", True)])
def test_soak_measures_slow_updates_in_real_time(tmp_path: Path, seconds: str, is_error: bool) -> None:
    log = tmp_path / "output.log"
    log.write_text(
        "2026-11-30 13:39:36.077 WARNING (MainThread) [homeassistant.helpers.entity] Updating state for sensor.a "
        f"(<class 'custom_components.powerwall_gateway.sensor.GatewaySensor'>) took {seconds} seconds. Please create a "
        "bug report at https://example.com\n",
        encoding="utf-8",
    )
    home: Any = SimpleNamespace(log=log, speed=36.0)
    assert bool(Soak(home, print).errors()) is is_error


def test_a_kind_with_one_that_is_not_back_says_so() -> None:
    rounds = [
        Round(kind="outage", detail="", seconds=60, back_after=after, left="", records=2) for after in (3.0, None, 5.0)
    ]
    (cells,) = [list(column.cells) for column in soaking.rounds_table(rounds).columns if "back" in str(column.header)]
    assert cells == ["NOT BACK"]


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_the_clock_runs_as_fast_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_the_clock_waits_as_much_less(asked: float | None, waited: float | None) -> None:
    clock = Clock()
    clock.speed = 20
    seen: list[float | None] = []

    def select(_: object, timeout: float | None) -> None:
        seen.append(timeout)

    clock.waiting(select)(None, asked)
    assert seen == [waited]
