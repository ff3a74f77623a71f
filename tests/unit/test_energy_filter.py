"""The filter of lifetime energies: glitches, resets, counters of any sign, restarts, clocks."""

from math import isfinite
import os
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.powerwall_gateway.energy_filter import GRAIN, HOUSE_POWER, LASTING_SECONDS, Count, EnergyFilter


def test_what_flows_is_passed_on() -> None:
    guard = EnergyFilter("import", HOUSE_POWER)
    assert [guard.take(reading, now) for now, reading in enumerate((5000.0, 5000.5, 5001.0))] == [5000, 5000.5, 5001]


@pytest.mark.parametrize("glitch", [0.0, 2500.0, 4899.0, 9_000_000.0])
def test_a_glitch_is_held_back_and_told_once(glitch: float, caplog: pytest.LogCaptureFixture) -> None:
    guard = EnergyFilter("import", HOUSE_POWER)
    guard.take(5000, 0)
    assert [guard.take(glitch, now) for now in (5, 10, 15)] == [5000, 5000, 5000]
    assert guard.take(5001, 20) == 5001
    assert len(caplog.records) == 1
    guard.take(glitch, 25)
    assert len(caplog.records) == 2


def test_a_step_back_within_the_grain_means_nothing(caplog: pytest.LogCaptureFixture) -> None:
    guard = EnergyFilter("home", HOUSE_POWER)
    assert [guard.take(reading, 5 * n) for n, reading in enumerate((5000, 4990, 4990, 5003))] == [
        5000,
        5000,
        5000,
        5003,
    ]
    assert [guard.take(5003 - GRAIN, 20 + now) for now in (0, LASTING_SECONDS, 2 * LASTING_SECONDS)] == [5003] * 3
    assert caplog.records == []


def knowing(reading: float, *, at: float = 0.0, ahead: float = 0.0, moved_at: float | None = None) -> EnergyFilter:
    count = Count(reading=reading, shown=reading + ahead, at=at, moved_at=at if moved_at is None else moved_at)
    return EnergyFilter("import", HOUSE_POWER, count)


def test_a_counter_that_began_anew_is_believed_after_three_polls_in_a_quarter_of_an_hour() -> None:
    guard = knowing(5000)
    assert [guard.take(10, now) for now in (5, 10, 15)] == [5000] * 3  # three polls, too soon
    assert guard.take(11, 5 + LASTING_SECONDS - 1) == 5000
    assert guard.take(12, 5 + LASTING_SECONDS) == 5012  # all that it has counted
    assert guard.take(13, 6 + LASTING_SECONDS) == 5013


@pytest.mark.parametrize("other", [2500, 4800, 9_000_000])
def test_another_counter_adds_what_it_counts_and_nothing_else(other: float) -> None:
    guard = knowing(5000)
    assert [guard.take(other + now, now) for now in (5, 10, 15)] == [5000] * 3
    assert guard.take(other + 40, 5 + LASTING_SECONDS) == 5035  # since it was first seen
    assert guard.take(other + 41, 6 + LASTING_SECONDS) == 5036


def test_a_counter_that_stood_still_catches_up() -> None:
    guard = knowing(5000)
    hours = 48 * 3600
    assert guard.take(5000, hours) == 5000
    assert guard.take(65_000, hours + 5) == 5000
    assert guard.take(65_001, hours + 10) == 5000
    assert guard.take(65_002, hours + 5 + LASTING_SECONDS) == 65_002


def test_what_was_a_glitch_for_hours_costs_nothing() -> None:
    guard = knowing(5000)
    shown = [guard.take(0, 60 * minute) for minute in range(1, 180)]
    assert set(shown) == {5000}
    assert guard.take(8000, 180 * 60) == 8000
    assert guard.take(8001, 181 * 60) == 8001


def test_a_young_counter_comes_back_from_a_long_glitch_too() -> None:
    guard = knowing(1200)
    for minute in range(1, 30):
        guard.take(0, 60 * minute)
    assert guard.take(1210, 30 * 60) == 1210  # by a minute at 75 kW it could have come from 0


def test_a_young_counter_that_was_reset_counts_on() -> None:
    guard = knowing(150)
    for minute in range(1, 30):
        guard.take(0, 60 * minute)
    assert guard.take(60, 30 * 60) == 210  # not far from where it was, but nearer to where it is


def test_a_counter_that_counts_is_no_glitch() -> None:
    guard = knowing(5000)
    for minute in range(1, 60):
        guard.take(minute, 60 * minute)
    assert guard.take(8000, 60 * 60) == 5059
    assert guard.take(60, 61 * 60) == 5060


def test_two_polls_make_no_new_meter() -> None:
    guard = knowing(5000)
    assert [guard.take(10, now) for now in (5, 5 + LASTING_SECONDS)] == [5000, 5000]


def test_a_counter_that_recovers_starts_the_quarter_of_an_hour_again() -> None:
    guard = knowing(5000)
    guard.take(10, 5)
    guard.take(10, 10)
    guard.take(5001, 15)
    assert guard.take(10, 6 + LASTING_SECONDS) == 5001


def test_what_is_here_and_there_is_no_counter() -> None:
    guard = knowing(5000)
    readings = [(2500, 0, 1_000_000)[poll % 3] for poll in range(100)]
    assert {guard.take(reading, 60 * poll) for poll, reading in enumerate(readings, 1)} == {5000}


def test_a_first_zero_has_to_last() -> None:
    guard = EnergyFilter("solar", HOUSE_POWER)
    assert [guard.take(0, now) for now in (0, 5)] == [None, None]
    assert guard.take(5000, 10) == 5000
    new = EnergyFilter("solar", HOUSE_POWER)
    assert [new.take(0, now) for now in (0, 5, LASTING_SECONDS)] == [None, None, 0]
    assert new.take(1, LASTING_SECONDS + 5) == 1


def test_a_long_silence_makes_a_large_step_possible() -> None:
    guard = knowing(5000)
    assert guard.take(5000 + 10 * HOUSE_POWER, 5 * 3600) == 5000
    assert guard.take(5000 + 10 * HOUSE_POWER, 10 * 3600) == 5000 + 10 * HOUSE_POWER


def test_a_clock_that_was_set_back_holds_nothing_back_for_long() -> None:
    guard = knowing(5000, at=1e9)
    assert guard.take(5001, 0) == 5001
    guard = knowing(5000, at=1e9)
    assert guard.take(8000, 0) == 5000
    assert guard.take(8000, 180) == 8000


def test_a_restart_changes_nothing() -> None:
    guard = knowing(12, at=100.0, ahead=5000, moved_at=50.0)
    assert guard.count is not None
    assert Count.from_dict(guard.count.as_dict(), 1e9) == guard.count
    assert Count.from_dict({"native_value": 5000.0}, 7.0) == Count(reading=5000, shown=5000, at=7, moved_at=7)
    assert Count.from_dict({"native_value": None}, 7.0) is None


# -- counters of any sign, and what cannot be a counter ----------------------------------------------------------------


@pytest.mark.parametrize("lower", [12_000_000.0, 7_400_000.0, 2.0**32, 2.0**53])
def test_counter_that_lands_below_zero_counts_on_from_what_was_shown(lower: float) -> None:
    guard = EnergyFilter("home", HOUSE_POWER)
    guard.take(7_329_186, 0)
    shown = [guard.take(7_329_186 - lower + minute * 1000 / 60, 60 * minute) or 0 for minute in range(1, 121)]
    assert shown[0] == 7_329_186
    assert shown == sorted(shown)
    assert shown[-1] - 7_329_186 == pytest.approx(119 * 1000 / 60, abs=2)  # all but the minute of the step


def test_counter_that_returns_from_below_zero_has_lost_nothing() -> None:
    guard = knowing(7_329_186)
    for minute in range(1, 60):
        assert guard.take(-4_670_814, 60 * minute) == 7_329_186
    assert guard.take(7_330_186, 3600) == 7_330_186


def test_counter_below_zero_from_the_start_is_shown_from_zero_on() -> None:
    guard = EnergyFilter("site", HOUSE_POWER)
    shown = [guard.take(-50_000 + 1000 * minute, 60 * minute) for minute in range(121)]
    assert shown[:15] == [None] * 15
    assert shown[15] == 0
    assert shown[15:] == [1000 * minute for minute in range(106)]  # also where the counter crosses 0, at minute 50


def test_counter_below_zero_that_stood_still_and_was_reset_brings_nothing_along() -> None:
    guard = knowing(-4_670_814, ahead=12_000_000)
    days = 3 * 24 * 3600
    assert guard.take(-4_670_814, days) == 7_329_186
    shown = [guard.take(16 * minute, days + 60 * minute) or 0 for minute in range(1, 61)]
    assert shown[-1] == 7_329_186 + 60 * 16


def test_first_negative_reading_that_was_a_glitch_is_forgotten() -> None:
    guard = EnergyFilter("site", HOUSE_POWER)
    assert [guard.take(-1e6, 0), guard.take(-1e6, 5), guard.take(5_000_000, 10)] == [None, None, 5_000_000]


def test_counter_that_falls_through_zero_in_small_steps_never_shows_less() -> None:
    guard = knowing(150)
    assert {guard.take(150 - 10 * poll, 5 * poll) for poll in range(1, 1000)} == {150}
    assert guard.take(-9840 + 50, 5000) == pytest.approx(150, abs=100)
    assert guard.take(-9840 + 150, 5060) == pytest.approx(250, abs=100)


def test_counter_that_runs_backward_all_day_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    guard = knowing(50_000)
    for minute in range(600):
        assert guard.take(50_000 - 50 * minute, 60 * minute) == 50_000
    assert len(caplog.records) == 2


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -float("inf")])
def test_reading_that_is_no_number_changes_nothing(nonsense: float) -> None:
    assert EnergyFilter("site", HOUSE_POWER).take(nonsense, 0) is None
    guard = knowing(5000)
    assert {guard.take(nonsense, 600 * poll) for poll in range(10)} == {5000}
    assert guard.take(5001, 6000) == 5001
    readings = ((6005, 10), (6010, 11), (6015, nonsense), (6005 + LASTING_SECONDS, 12))
    assert [guard.take(reading, now) for now, reading in readings] == [5001, 5001, 5001, 5013]  # no wait begins again


@pytest.mark.parametrize("wrapped", [2.0**32, 2.0**53, 1e300])
def test_first_reading_that_no_home_counts_is_shown_from_zero_on(wrapped: float) -> None:
    guard = EnergyFilter("site", HOUSE_POWER)
    assert [guard.take(wrapped, now) for now in (0, 5, 10, LASTING_SECONDS)] == [None, None, None, 0]
    assert guard.take(5000, LASTING_SECONDS + 5) == 0
    assert guard.take(5000, 2 * LASTING_SECONDS) == 0
    assert guard.take(5000, 2 * LASTING_SECONDS + 5) == 0
    assert guard.take(5100, 2 * LASTING_SECONDS + 10) == 100


@pytest.mark.parametrize("seconds", [0, 1, 5, 3600])
def test_largest_possible_step_is_followed_and_a_larger_one_held_back(seconds: float) -> None:
    most = seconds / 3600 * 1.5 * HOUSE_POWER + GRAIN
    for reading in (3_276_432.6625890196, -3_276_432.6625890196, 0.1, -GRAIN / 2):
        assert knowing(reading, ahead=4e6).take(reading + most, seconds) == pytest.approx(reading + 4e6 + most)
        assert knowing(reading, ahead=4e6).take(reading + most + 1, seconds) == reading + 4e6
        assert knowing(reading, ahead=4e6).take(reading - GRAIN, seconds) == reading + 4e6


def test_meter_that_is_installed_in_place_of_one_that_never_counted_brings_no_life_along() -> None:
    guard = knowing(0, at=0)
    days = 30 * 24 * 3600
    assert guard.take(0, days) == 0
    assert [guard.take(5_000_000 + now, days + 5 + now) for now in (0, 5)] == [0, 0]
    assert guard.take(5_000_900, days + 5 + LASTING_SECONDS) == 900


def test_two_glitches_in_a_row_cost_nothing() -> None:
    guard = knowing(5000)
    for minute in range(1, 60):
        guard.take(0 if minute < 30 else -7_000_000, 60 * minute)
    assert guard.take(8000, 3600) == 8000


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({"native_value": -4_670_814.0, "reading": -4_670_814.0, "at": 90.0, "moved_at": 90.0}, 0),
        ({"native_value": -4_670_814.0}, 0),
        ({"native_value": 1e300, "reading": -4_670_814.0}, 0),
        ({"native_value": float("nan"), "reading": 5000.0}, None),
        ({"native_value": "5000", "reading": 5000.0}, None),
        ({"native_value": True}, None),
        ({}, None),
        ({"native_value": 5000.0, "reading": None, "at": "noon", "moved_at": []}, 5000),
        ({"native_value": 5000.0, "reading": -4_670_814.0, "at": -1e18, "moved_at": float("inf")}, 5000),
        ({"native_value": 5000.0, "reading": -4_670_814.0, "at": 1e18, "moved_at": 1e18}, 5000),
    ],
)
def test_nonsense_that_was_stored_does_no_harm(stored: dict[str, Any], shown: float | None) -> None:
    guard = EnergyFilter("site", HOUSE_POWER, Count.from_dict(stored, 100.0))
    assert guard.take(float("nan"), 105) == shown
    where = guard.count.reading if guard.count else 5000.0
    after = [guard.take(reading, now) for now, reading in ((110, where), (115, 9e8), (120, where + 10))]
    assert after == [5000, 5000, 5010] if shown is None else [shown, shown, shown + 10]


def test_zero_that_the_response_proves_is_shown_at_the_third_poll() -> None:
    guard = EnergyFilter("export", HOUSE_POWER)
    assert [guard.take(0, now, counts=True) for now in (0, 5, 10)] == [None, None, 0]
    guard = EnergyFilter("export", HOUSE_POWER)
    assert [guard.take(0, now, counts=True) for now in (0, 5)] + [guard.take(0, 10)] == [None] * 3


STEPS = st.one_of(
    st.floats(0, 50),
    st.floats(-2e5, 2e5),
    st.sampled_from(
        [0.0, -0.0, GRAIN, -GRAIN, 1e7, -1e7, 2.0**31, -(2.0**31), 2.0**32, -(2.0**32), 2.0**53, -(2.0**53)]
    ),
    st.just("limit"),
    st.just("back"),
    st.sampled_from([float("nan"), float("inf"), -float("inf")]),
)
EXACT = 0.01
"""Wh."""

WAITS = st.one_of(st.sampled_from([0.0, 5.0, 60.0, LASTING_SECONDS]), st.floats(0, 1e5), st.floats(-1e4, 0))


@settings(max_examples=2000 if os.environ.get("POWERWALL_TESTS") == "deep" else 200, deadline=None)
@given(first=st.floats(-1e10, 1e10), polls=st.lists(st.tuples(STEPS, WAITS, st.integers(1, 20)), max_size=30))
def test_no_counter_makes_the_shown_energy_fall_or_jump(
    first: float, polls: list[tuple[float | str, float, int]]
) -> None:
    """What is shown grows by no more than a home can do, and by what the counter counts once that counts again."""
    guard = EnergyFilter("any", HOUSE_POWER)
    now, reading, most = 1e9, first, 0.0
    begun = shown = guard.take(first, now)

    def poll(taken: float, wait: float) -> None:
        nonlocal now, most, shown, begun
        now += wait
        most += max(0.0, wait) / 3600 * 1.5 * HOUSE_POWER + GRAIN + EXACT
        before, shown = shown, guard.take(taken, now)
        begun = shown if begun is None else begun
        assert shown is None or (begun is not None and 0 <= begun <= shown <= begun + most)
        assert before is None or (shown is not None and before <= shown)
        assert guard.count is None or Count.from_dict(guard.count.as_dict(), now) == guard.count

    for step, wait, times in polls:
        for _ in range(times):
            if step == "limit":
                taken = reading + max(0.0, wait) / 3600 * 1.5 * HOUSE_POWER + GRAIN
            else:
                taken = first if step == "back" else reading + float(step)
            poll(taken, wait)
            reading = taken if isfinite(taken) else reading

    for minute in range(60):
        if minute == 40:
            settled, counted = shown or 0, reading
        reading += 16
        poll(reading, 60)
    assert shown == pytest.approx(settled + (reading - counted), abs=EXACT)
