"""The simulator formats JSON, times and durations as Go does."""

from datetime import timedelta, timezone

import pytest

from simulator.wire import Json, float32, go_duration, go_json, go_time

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (100.0, "100"),
        (-0.0, "-0"),
        (0, "0"),
        (69.1675560298826, "69.1675560298826"),
        (1e-5, "0.00001"),
        (1.25e-6, "0.00000125"),
        (1e-7, "1e-7"),
        (1e15, "1000000000000000"),
        (2e20, "200000000000000000000"),
        (1e21, "1e+21"),
        (9_813_207_744_921_306_119, "9813207744921306119"),
        (True, "true"),
        (None, "null"),
        ("1.15.0\n", r'"1.15.0\n"'),
        ('<a href="x&y">', r'"\u003ca href=\"x\u0026y\"\u003e"'),
        ("Frøya", '"Frøya"'),
        ({"a": [1.0, {"b": None}], "c": {}}, '{"a":[1,{"b":null}],"c":{}}'),
    ],
)
def test_json_is_printed_like_go(value: Json, printed: str) -> None:
    assert go_json(value) == printed


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_rejects_nan(value: float) -> None:
    with pytest.raises(ValueError, match="JSON cannot carry"):
        go_json([value])


def test_neurio_reading_is_a_widened_float32() -> None:
    assert float32(-21.45) == -21.450000762939453
    assert float32(60.06) == 60.060001373291016


@pytest.mark.parametrize(
    ("nanoseconds", "printed"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (850_000_000, "850ms"),
        (850_500_000, "850.5ms"),
        (2 * SECOND, "2s"),
        (182 * SECOND + 500_000_000, "3m2.5s"),
        (3600 * SECOND, "1h0m0s"),
        ((402 * 3600 + 8 * 60 + 19) * SECOND + 937_911_668, "402h8m19.937911668s"),
    ],
)
def test_duration_is_printed_like_go(nanoseconds: int, printed: str) -> None:
    assert go_duration(nanoseconds) == printed


@pytest.mark.parametrize(
    ("fraction", "hours", "printed"),
    [
        (0, -7, "2018-03-28T05:17:00-07:00"),
        (192_599_545, -7, "2018-03-28T05:17:00.192599545-07:00"),
        (902_958_100, 1, "2018-03-28T13:17:00.9029581+01:00"),
        (5, 0, "2018-03-28T12:17:00.000000005Z"),
    ],
)
def test_time_is_printed_like_go(fraction: int, hours: int, printed: str) -> None:
    zone = timezone(timedelta(hours=hours))
    assert go_time(1_522_239_420 * SECOND + fraction, zone) == printed
