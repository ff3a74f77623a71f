"""Convert between the percent of the app and of the gateway."""

import pytest

from custom_components.powerwall_gateway.gateway import app_from_raw, raw_from_app

TESTED_VALUES = [(5, 10), (16, 20), (16, 20.6), (20, 24), (21, 24.6), (30, 33), (100, 100)]
"""The seed's table, app to gateway, in whole percents of the app."""


@pytest.mark.parametrize(("app", "raw"), TESTED_VALUES)
def test_seed_values_agree_within_reading_accuracy(app: float, raw: float) -> None:
    assert app_from_raw(raw) == pytest.approx(app, abs=0.55)


@pytest.mark.parametrize(("app", "raw"), [(0, 5), (5, 9.75), (10, 14.5), (20, 24), (35, 38.25), (60, 62), (100, 100)])
def test_values_confirmed_on_hardware_are_exact(app: float, raw: float) -> None:
    assert raw_from_app(app) == pytest.approx(raw)
    assert app_from_raw(raw) == pytest.approx(app)


def test_hidden_percent_is_zero_in_the_app() -> None:
    assert app_from_raw(3) == 0
    assert app_from_raw(5.000019999999999) == pytest.approx(0, abs=1e-4)
    assert app_from_raw(100.2) == 100


@pytest.mark.parametrize("app", [-1, 100.1, float("nan")])
def test_percent_out_of_range_is_rejected(app: float) -> None:
    with pytest.raises(ValueError, match="not between"):
        raw_from_app(app)
