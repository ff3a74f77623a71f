"""Filter lifetime energies: glitches, resets, random counters, restarts, clocks."""

from math import isfinite
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.powerwall_gateway.energy_filter import (
    HOME_POWER,
    CounterState,
    EnergyFilter,
    is_counting,
)
from custom_components.powerwall_gateway.gateway.models import Meter, MetersAggregates
from tests.conftest import is_deep

LASTING_SECONDS = 15 * 60.0
TOLERANCE = 100.0
"""As docs/dev/energy.md promises: after 15 minutes another counter is accepted; up to 100 Wh less is no other one."""


def test_rising_counter_is_passed_on() -> None:
    energy_filter = EnergyFilter("import", HOME_POWER)
    assert [energy_filter.update(reading, now) for now, reading in enumerate((5000.0, 5000.5, 5001.0))] == [
        5000,
        5000.5,
        5001,
    ]


@pytest.mark.parametrize("glitch", [0.0, 2500.0, 4899.0, 9_000_000.0])
def test_glitch_is_ignored_and_logged_once(glitch: float, caplog: pytest.LogCaptureFixture) -> None:
    energy_filter = EnergyFilter("import", HOME_POWER)
    energy_filter.update(5000, 0)
    assert [energy_filter.update(glitch, now) for now in (5, 10, 15)] == [5000, 5000, 5000]
    assert energy_filter.update(5001, 20) == 5001
    assert len(caplog.records) == 1
    energy_filter.update(glitch, 25)
    assert len(caplog.records) == 2


def test_small_step_back_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    energy_filter = EnergyFilter("home", HOME_POWER)
    assert [energy_filter.update(reading, 5 * n) for n, reading in enumerate((5000, 4990, 4990, 5003))] == [
        5000,
        5000,
        5000,
        5003,
    ]
    assert [energy_filter.update(5003 - TOLERANCE, 20 + now) for now in (0, LASTING_SECONDS, 2 * LASTING_SECONDS)] == [
        5003
    ] * 3
    assert caplog.records == []


def filter_at(reading: float, *, at: float = 0.0, ahead: float = 0.0, moved_at: float | None = None) -> EnergyFilter:
    count = CounterState(reading=reading, shown=reading + ahead, at=at, moved_at=at if moved_at is None else moved_at)
    return EnergyFilter("import", HOME_POWER, count)


def test_restarted_counter_is_accepted_after_three_polls_in_15_minutes() -> None:
    energy_filter = filter_at(5000)
    assert [energy_filter.update(10, now) for now in (5, 10, 15)] == [5000] * 3  # three polls, too soon
    assert energy_filter.update(11, 5 + LASTING_SECONDS - 1) == 5000
    assert energy_filter.update(12, 5 + LASTING_SECONDS) == 5012  # all that it has counted
    assert energy_filter.update(13, 6 + LASTING_SECONDS) == 5013


@pytest.mark.parametrize("other", [2500, 4800, 9_000_000])
def test_another_counter_adds_only_its_increase(other: float) -> None:
    energy_filter = filter_at(5000)
    assert [energy_filter.update(other + now, now) for now in (5, 10, 15)] == [5000] * 3
    assert energy_filter.update(other + 40, 5 + LASTING_SECONDS) == 5035  # since it was first seen
    assert energy_filter.update(other + 41, 6 + LASTING_SECONDS) == 5036


def test_counter_that_stood_still_catches_up() -> None:
    energy_filter = filter_at(5000)
    hours = 48 * 3600
    assert energy_filter.update(5000, hours) == 5000
    assert energy_filter.update(65_000, hours + 5) == 5000
    assert energy_filter.update(65_001, hours + 10) == 5000
    assert energy_filter.update(65_002, hours + 5 + LASTING_SECONDS) == 65_002


def test_glitch_for_hours_loses_no_energy() -> None:
    energy_filter = filter_at(5000)
    shown = [energy_filter.update(0, 60 * minute) for minute in range(1, 180)]
    assert set(shown) == {5000}
    assert energy_filter.update(8000, 180 * 60) == 8000
    assert energy_filter.update(8001, 181 * 60) == 8001


def test_new_counter_recovers_from_a_long_glitch() -> None:
    energy_filter = filter_at(1200)
    for minute in range(1, 30):
        energy_filter.update(0, 60 * minute)
    assert energy_filter.update(1210, 30 * 60) == 1210  # by a minute at 75 kW it could have come from 0


def test_new_counter_that_was_reset_continues() -> None:
    energy_filter = filter_at(150)
    for minute in range(1, 30):
        energy_filter.update(0, 60 * minute)
    assert energy_filter.update(60, 30 * 60) == 210  # not far from where it was, but nearer to where it is


def test_counting_counter_is_no_glitch() -> None:
    energy_filter = filter_at(5000)
    for minute in range(1, 60):
        energy_filter.update(minute, 60 * minute)
    assert energy_filter.update(8000, 60 * 60) == 5059
    assert energy_filter.update(60, 61 * 60) == 5060


def test_new_meter_needs_three_polls() -> None:
    energy_filter = filter_at(5000)
    assert [energy_filter.update(10, now) for now in (5, 5 + LASTING_SECONDS)] == [5000, 5000]


def test_recovered_counter_restarts_the_15_minutes() -> None:
    energy_filter = filter_at(5000)
    energy_filter.update(10, 5)
    energy_filter.update(10, 10)
    energy_filter.update(5001, 15)
    assert energy_filter.update(10, 6 + LASTING_SECONDS) == 5001


def test_unsteady_reading_is_not_accepted() -> None:
    energy_filter = filter_at(5000)
    readings = [(2500, 0, 1_000_000)[poll % 3] for poll in range(100)]
    assert {energy_filter.update(reading, 60 * poll) for poll, reading in enumerate(readings, 1)} == {5000}


def test_first_zero_is_accepted_if_it_lasts() -> None:
    energy_filter = EnergyFilter("solar", HOME_POWER)
    assert [energy_filter.update(0, now) for now in (0, 5)] == [None, None]
    assert energy_filter.update(5000, 10) == 5000
    new = EnergyFilter("solar", HOME_POWER)
    assert [new.update(0, now) for now in (0, 5, LASTING_SECONDS)] == [None, None, 0]
    assert new.update(1, LASTING_SECONDS + 5) == 1


def test_large_step_is_possible_after_a_long_gap() -> None:
    energy_filter = filter_at(5000)
    assert energy_filter.update(5000 + 10 * HOME_POWER, 5 * 3600) == 5000
    assert energy_filter.update(5000 + 10 * HOME_POWER, 10 * 3600) == 5000 + 10 * HOME_POWER


def test_clock_set_back_delays_only_for_a_short_time() -> None:
    energy_filter = filter_at(5000, at=1e9)
    assert energy_filter.update(5001, 0) == 5001
    energy_filter = filter_at(5000, at=1e9)
    assert energy_filter.update(8000, 0) == 5000
    assert energy_filter.update(8000, 180) == 8000


def test_shown_energy_has_no_rounding_errors() -> None:
    assert filter_at(0.2).update(0.9, 5) == 0.9
    energy_filter = EnergyFilter("solar", HOME_POWER)
    assert [str(energy_filter.update(-0.0, now)) for now in (0, 5, LASTING_SECONDS)] == ["None", "None", "0.0"]


@pytest.mark.parametrize(("reading", "shown"), [(75_100, 175_100), (75_101, 100_000)])
def test_restarted_counter_adds_all_that_a_home_can_consume_since_the_last_poll(reading: float, shown: float) -> None:
    energy_filter = filter_at(100_000, at=1e6)
    assert [energy_filter.update(reading, 1e6 + 3600 + now) for now in (0, 5)] == [100_000] * 2
    assert energy_filter.update(reading, 1e6 + 3600 + LASTING_SECONDS) == shown


def test_restarted_counter_adds_less_than_1_wh() -> None:
    energy_filter = filter_at(5000)
    assert [energy_filter.update(0.5, now) for now in (5, 10, 5 + LASTING_SECONDS)] == [5000, 5000, 5000.5]


@pytest.mark.parametrize(("reading", "shown"), [(3_680_100, 3_680_100), (3_680_101, 5000)])
def test_counter_that_stood_still_catches_up_by_what_a_home_can_consume(reading: float, shown: float) -> None:
    """In 49 hours a home consumes 49 times 75 kWh at most."""
    energy_filter = EnergyFilter("import", HOME_POWER)
    energy_filter.update(5000, 1e6)
    later = 1e6 + 49 * 3600 - LASTING_SECONDS
    assert [
        energy_filter.update(5000, 1e6 + 48 * 3600),
        *(energy_filter.update(reading, later + n) for n in (0, 5)),
    ] == [5000] * 3
    assert energy_filter.update(reading, later + LASTING_SECONDS) == shown


def test_another_counter_has_to_count_without_jumps() -> None:
    energy_filter = filter_at(5000, at=1e6)
    polls = ((5, 10), (10, 200_010), (15, 200_010), (5 + LASTING_SECONDS, 200_011))
    assert [energy_filter.update(reading, 1e6 + now) for now, reading in polls] == [5000] * 4
    assert energy_filter.update(200_012, 1e6 + 10 + LASTING_SECONDS) == 5002


def test_glitch_ends_only_with_a_reading_that_the_counter_can_have() -> None:
    energy_filter = filter_at(5000, at=1e6)
    for minute in range(1, 30):
        energy_filter.update(0, 1e6 + 60 * minute)
    assert energy_filter.update(205_000, 1e6 + 1800) == 5000


@pytest.mark.parametrize(("reading", "shown"), [(70, 220), (85, 235)])
def test_reading_near_two_counters_belongs_to_the_present_one(reading: float, shown: float) -> None:
    energy_filter = filter_at(150)
    for minute in range(1, 30):
        energy_filter.update(20, 60 * minute)
    assert energy_filter.update(reading, 1800) == shown


def test_clock_set_back_keeps_the_wait_of_another_counter() -> None:
    energy_filter = filter_at(5000, at=1e6)
    assert [energy_filter.update(10, 1e6 + now) for now in (5, 10)] == [5000, 5000]
    now = 1e6 + 10 - 1e5
    assert energy_filter.update(10, now) == 5000
    assert energy_filter.update(11, now - 5 + LASTING_SECONDS - 1) == 5000
    assert energy_filter.update(12, now - 5 + LASTING_SECONDS) == 5012


def test_clock_set_back_during_a_glitch_loses_no_energy() -> None:
    energy_filter = filter_at(5000, at=1e6)
    for minute in range(1, 30):
        energy_filter.update(0, 1e6 + 60 * minute)
    assert energy_filter.update(8000, 1e6 + 60 * 29 - 1e5) == 8000


@pytest.mark.parametrize(("reading", "what"), [(0, "fell"), (9_000_000, "jumped")])
def test_held_back_reading_is_described_in_the_log(reading: float, what: str, caplog: pytest.LogCaptureFixture) -> None:
    filter_at(5000).update(reading, 5)
    assert caplog.messages == [f"import {what} from 5000 to {reading} Wh: held back"]


def test_earlier_state_has_both_times_set_back() -> None:
    assert CounterState(reading=1, shown=2, at=100, moved_at=50).earlier(30) == CounterState(
        reading=1, shown=2, at=70, moved_at=20
    )


@pytest.mark.parametrize("first", [0.5, 1e9])
def test_first_reading_that_can_be_a_lifetime_energy_is_shown_at_once(first: float) -> None:
    assert EnergyFilter("import", HOME_POWER).update(first, 0) == first


@pytest.mark.parametrize(("value", "at"), [(0.5, 0.0), (1e12, 0.5)])
def test_stored_state_is_restored_within_its_limits(value: float, at: float) -> None:
    state = CounterState(reading=value, shown=value, at=at, moved_at=at)
    assert CounterState.from_dict(state.as_dict(), 1e9) == state


def test_restart_keeps_the_state() -> None:
    energy_filter = filter_at(12, at=100.0, ahead=5000, moved_at=50.0)
    assert energy_filter.state is not None
    assert CounterState.from_dict(energy_filter.state.as_dict(), 1e9) == energy_filter.state
    assert CounterState.from_dict({"native_value": 5000.0}, 7.0) == CounterState(
        reading=5000, shown=5000, at=7, moved_at=7
    )
    assert CounterState.from_dict({"native_value": None}, 7.0) is None


# -- counters of any sign, and what cannot be a counter ----------------------------------------------------------------


@pytest.mark.parametrize("lower", [12_000_000.0, 7_400_000.0, 2.0**32, 2.0**53])
def test_counter_that_falls_below_zero_continues_from_the_shown_value(lower: float) -> None:
    energy_filter = EnergyFilter("home", HOME_POWER)
    energy_filter.update(7_329_186, 0)
    shown = [energy_filter.update(7_329_186 - lower + minute * 1000 / 60, 60 * minute) or 0 for minute in range(1, 121)]
    assert shown[0] == 7_329_186
    assert shown == sorted(shown)
    assert shown[-1] - 7_329_186 == pytest.approx(119 * 1000 / 60, abs=2)  # all but the minute of the step


def test_counter_that_returns_from_below_zero_has_lost_nothing() -> None:
    energy_filter = filter_at(7_329_186)
    for minute in range(1, 60):
        assert energy_filter.update(-4_670_814, 60 * minute) == 7_329_186
    assert energy_filter.update(7_330_186, 3600) == 7_330_186


def test_counter_below_zero_from_the_start_is_shown_from_zero_on() -> None:
    energy_filter = EnergyFilter("site", HOME_POWER)
    shown = [energy_filter.update(-50_000 + 1000 * minute, 60 * minute) for minute in range(121)]
    assert shown[:15] == [None] * 15
    assert shown[15] == 0
    assert shown[15:] == [1000 * minute for minute in range(106)]  # also where the counter crosses 0, at minute 50


def test_reset_of_a_counter_below_zero_adds_nothing() -> None:
    energy_filter = filter_at(-4_670_814, ahead=12_000_000)
    days = 3 * 24 * 3600
    assert energy_filter.update(-4_670_814, days) == 7_329_186
    shown = [energy_filter.update(16 * minute, days + 60 * minute) or 0 for minute in range(1, 61)]
    assert shown[-1] == 7_329_186 + 60 * 16


def test_first_negative_reading_that_was_a_glitch_is_forgotten() -> None:
    energy_filter = EnergyFilter("site", HOME_POWER)
    assert [energy_filter.update(-1e6, 0), energy_filter.update(-1e6, 5), energy_filter.update(5_000_000, 10)] == [
        None,
        None,
        5_000_000,
    ]


def test_counter_that_falls_through_zero_in_small_steps_never_shows_less() -> None:
    energy_filter = filter_at(150)
    assert {energy_filter.update(150 - 10 * poll, 5 * poll) for poll in range(1, 1000)} == {150}
    assert energy_filter.update(-9840 + 50, 5000) == pytest.approx(150, abs=100)
    assert energy_filter.update(-9840 + 150, 5060) == pytest.approx(250, abs=100)


def test_counter_that_falls_all_day_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    energy_filter = filter_at(50_000)
    for minute in range(600):
        assert energy_filter.update(50_000 - 50 * minute, 60 * minute) == 50_000
    assert len(caplog.records) == 2


@pytest.mark.parametrize("invalid", [float("nan"), float("inf"), -float("inf")])
def test_reading_that_is_no_number_changes_nothing(invalid: float) -> None:
    assert EnergyFilter("site", HOME_POWER).update(invalid, 0) is None
    energy_filter = filter_at(5000)
    assert {energy_filter.update(invalid, 600 * poll) for poll in range(10)} == {5000}
    assert energy_filter.update(5001, 6000) == 5001
    readings = ((6005, 10), (6010, 11), (6015, invalid), (6005 + LASTING_SECONDS, 12))
    assert [energy_filter.update(reading, now) for now, reading in readings] == [
        5001,
        5001,
        5001,
        5013,
    ]  # no wait begins again


@pytest.mark.parametrize("wrapped", [2.0**32, 2.0**53, 1e300])
def test_implausible_first_reading_is_shown_from_zero_on(wrapped: float) -> None:
    energy_filter = EnergyFilter("site", HOME_POWER)
    assert [energy_filter.update(wrapped, now) for now in (0, 5, 10, LASTING_SECONDS)] == [None, None, None, 0]
    assert energy_filter.update(5000, LASTING_SECONDS + 5) == 0
    assert energy_filter.update(5000, 2 * LASTING_SECONDS) == 0
    assert energy_filter.update(5000, 2 * LASTING_SECONDS + 5) == 0
    assert energy_filter.update(5100, 2 * LASTING_SECONDS + 10) == 100


@pytest.mark.parametrize("seconds", [0, 1, 5, 3600])
def test_largest_possible_step_is_accepted_and_a_larger_one_ignored(seconds: float) -> None:
    most = seconds / 3600 * 1.5 * HOME_POWER + TOLERANCE
    for reading in (3_276_432.6625890196, -3_276_432.6625890196, 0.1, -TOLERANCE / 2):
        assert filter_at(reading, ahead=4e6).update(reading + most, seconds) == pytest.approx(reading + 4e6 + most)
        assert filter_at(reading, ahead=4e6).update(reading + most + 1, seconds) == reading + 4e6
        assert filter_at(reading, ahead=4e6).update(reading - TOLERANCE, seconds) == reading + 4e6


def test_meter_that_replaces_an_idle_one_adds_no_former_energy() -> None:
    energy_filter = filter_at(0, at=0)
    days = 30 * 24 * 3600
    assert energy_filter.update(0, days) == 0
    assert [energy_filter.update(5_000_000 + now, days + 5 + now) for now in (0, 5)] == [0, 0]
    assert energy_filter.update(5_000_900, days + 5 + LASTING_SECONDS) == 900


def test_two_glitches_in_a_row_lose_no_energy() -> None:
    energy_filter = filter_at(5000)
    for minute in range(1, 60):
        energy_filter.update(0 if minute < 30 else -7_000_000, 60 * minute)
    assert energy_filter.update(8000, 3600) == 8000


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
def test_invalid_stored_state_is_ignored(stored: dict[str, Any], shown: float | None) -> None:
    energy_filter = EnergyFilter("site", HOME_POWER, CounterState.from_dict(stored, 100.0))
    assert energy_filter.update(float("nan"), 105) == shown
    where = energy_filter.state.reading if energy_filter.state else 5000.0
    after = [energy_filter.update(reading, now) for now, reading in ((110, where), (115, 9e8), (120, where + 10))]
    assert after == [5000, 5000, 5010] if shown is None else [shown, shown, shown + 10]


def test_zero_that_the_response_proves_is_shown_at_the_third_poll() -> None:
    energy_filter = EnergyFilter("export", HOME_POWER)
    assert [energy_filter.update(0, now, proven=True) for now in (0, 5, 10)] == [None, None, 0]
    energy_filter = EnergyFilter("export", HOME_POWER)
    assert [energy_filter.update(0, now, proven=True) for now in (0, 5)] + [energy_filter.update(0, 10)] == [None] * 3


STEPS = st.one_of(
    st.floats(0, 50),
    st.floats(-2e5, 2e5),
    st.sampled_from(
        [0.0, -0.0, TOLERANCE, -TOLERANCE, 1e7, -1e7, 2.0**31, -(2.0**31), 2.0**32, -(2.0**32), 2.0**53, -(2.0**53)]
    ),
    st.just("limit"),
    st.just("back"),
    st.sampled_from([float("nan"), float("inf"), -float("inf")]),
)
EXACT = 0.01
"""Wh."""

WAITS = st.one_of(st.sampled_from([0.0, 5.0, 60.0, LASTING_SECONDS]), st.floats(0, 1e5), st.floats(-1e4, 0))


@settings(max_examples=2000 if is_deep() else 200, deadline=None)
@given(first=st.floats(-1e10, 1e10), polls=st.lists(st.tuples(STEPS, WAITS, st.integers(1, 20)), max_size=30))
def test_no_counter_makes_the_shown_energy_fall_or_jump(
    first: float, polls: list[tuple[float | str, float, int]]
) -> None:
    """The shown energy grows by no more than a home can use, and follows the counter once that counts again."""
    energy_filter = EnergyFilter("any", HOME_POWER)
    now, reading, most = 1e9, first, 0.0
    begun = shown = energy_filter.update(first, now)

    def poll(taken: float, wait: float) -> None:
        nonlocal now, most, shown, begun
        now += wait
        most += max(0.0, wait) / 3600 * 1.5 * HOME_POWER + TOLERANCE + EXACT
        before, shown = shown, energy_filter.update(taken, now)
        begun = shown if begun is None else begun
        assert shown is None or (begun is not None and 0 <= begun <= shown <= begun + most)
        assert before is None or (shown is not None and before <= shown)
        assert (
            energy_filter.state is None
            or CounterState.from_dict(energy_filter.state.as_dict(), now) == energy_filter.state
        )

    for step, wait, times in polls:
        for _ in range(times):
            if step == "limit":
                taken = reading + max(0.0, wait) / 3600 * 1.5 * HOME_POWER + TOLERANCE
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


# -- meters whose counters are real ------------------------------------------------------------------------------------

COUNTING = Meter(energy_imported=5.0)


@pytest.mark.parametrize(
    ("meter", "expected"),
    [
        (None, False),
        (Meter(instant_power=0.0, instant_average_voltage=0.0, energy_imported=0.0, energy_exported=0.0), False),
        (Meter(instant_power=-1.0), True),
        (Meter(instant_average_voltage=230.0), True),
        (Meter(energy_imported=1.0), True),
        (Meter(energy_exported=1.0), True),
    ],
)
def test_meter_that_reads_0_in_everything_does_not_count(meter: Meter | None, *, expected: bool) -> None:
    assert is_counting(meter, MetersAggregates(site=COUNTING)) is expected


@pytest.mark.parametrize("name", ["site", "battery", "load", "solar"])
@pytest.mark.parametrize("counting", [Meter(energy_imported=1.0), Meter(energy_exported=1.0)])
def test_meter_counts_if_any_counter_of_the_gateway_does(name: str, counting: Meter) -> None:
    assert is_counting(Meter(instant_power=500.0), MetersAggregates(**{name: counting}))


def test_meter_of_a_gateway_without_counters_does_not_count() -> None:
    starting = Meter(instant_power=500.0, energy_imported=0.0, energy_exported=0.0)
    assert not is_counting(starting, MetersAggregates(site=starting, load=starting))
