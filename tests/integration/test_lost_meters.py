"""A meter that the gateway lost contact with has no live values."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import logging

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.powerwall_gateway.gateway.models import Meter
from custom_components.powerwall_gateway.lost_meters import LOST_AFTER, LostMeterDetector
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from simulator.wire import NEVER
from tests.conftest import StartSimulator
from tests.integration.control import poll

from .conftest import SetUp, state_of

NOON = datetime(2026, 6, 21, 13, tzinfo=UTC)


def meters(**ages: float | str) -> dict[str, Meter]:
    """Return meters whose times are so many seconds before `NOON`, or are a text."""
    times = {
        name: (NOON - timedelta(seconds=age)).isoformat() if isinstance(age, float) else age
        for name, age in ages.items()
    }
    return {name: Meter.from_dict({"last_communication_time": time}) for name, time in times.items()}


@pytest.fixture
def detector() -> LostMeterDetector[str]:
    """Return a new detector."""
    return LostMeterDetector("test")


async def polled(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll the measurements."""
    await poll(hass, entry, "live")


# -- the rule ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "lost"), [(59.0, False), (60.0, False), (61.0, True), (86_400.0, True)])
def test_meter_behind_the_newest_is_lost_after_a_minute(
    detector: LostMeterDetector[str], age: float, lost: bool
) -> None:
    assert LOST_AFTER == 60.0
    assert detector.lost(meters(solar=age, battery=0.0), 0.0) == ({"solar"} if lost else set())


@pytest.mark.parametrize(("elapsed", "lost"), [(59.0, False), (60.0, False), (61.0, True)])
def test_every_meter_standing_still_is_lost_after_a_minute(
    detector: LostMeterDetector[str], elapsed: float, lost: bool
) -> None:
    alone = meters(site=0.0)
    assert not detector.lost(alone, 1000.0)
    assert not detector.lost(alone, 1030.0)
    assert detector.lost(alone, 1000.0 + elapsed) == ({"site"} if lost else set())
    assert not detector.lost(meters(site=-5.0), 1000.0 + elapsed)


@pytest.mark.parametrize("hours", [-100_000.0, -9.0, 9.0, 100_000.0])
def test_wrong_clock_of_the_gateway_changes_nothing(detector: LostMeterDetector[str], hours: float) -> None:
    offset = hours * 3600
    for second in range(0, 300, 5):
        assert not detector.lost(meters(site=offset - second, battery=offset - second), float(second))


def test_step_of_the_gateway_clock_loses_no_meter(detector: LostMeterDetector[str]) -> None:
    for number, offset in enumerate([0.0, 0.0, 10_800.0, 10_800.0, -7200.0, -7200.0]):
        age = offset - 5.0 * number
        assert not detector.lost(meters(site=age, battery=age), 5.0 * number)


def test_lost_meter_with_a_future_time_affects_no_other_meter(detector: LostMeterDetector[str]) -> None:
    """The clock was set back by three hours after the loss."""
    ahead = -10_800.0
    detector.lost(meters(solar=ahead, battery=ahead), 0.0)
    detector.lost(meters(solar=ahead, battery=0.0), 5.0)
    for second in range(10, 65, 5):
        assert not detector.lost(meters(solar=ahead, battery=-float(second)), float(second))
    assert detector.lost(meters(solar=ahead, battery=-70.0), 70.0) == {"solar"}


@pytest.mark.parametrize("time", [NEVER, "", "soon", "2026-06-21T13:00:00"])
def test_meter_without_a_time_is_never_lost(detector: LostMeterDetector[str], time: str) -> None:
    for second in (0.0, 100.0, 200.0):
        assert not detector.lost(meters(generator=time, battery=-second), second)


def test_unchanged_time_while_the_gateway_was_unreachable_is_no_loss(detector: LostMeterDetector[str]) -> None:
    alone = meters(site=0.0)
    assert not detector.lost(alone, 0.0)
    assert not detector.lost(alone, 600.0)
    assert not detector.lost(alone, 660.0)
    assert detector.lost(alone, 661.0) == {"site"}


def test_late_poll_finds_a_loss_at_once(detector: LostMeterDetector[str]) -> None:
    detector.lost(meters(solar=0.0, battery=0.0), 0.0)
    assert detector.lost(meters(solar=-2.0, battery=-600.0), 600.0) == {"solar"}


# -- entities ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44", "pw3"])
async def test_lost_solar_meter_has_unknown_power_and_keeps_its_energy(
    hass: HomeAssistant,
    simulator: StartSimulator,
    set_up: SetUp,
    all_enabled: None,
    caplog: pytest.LogCaptureFixture,
    firmware: str,
) -> None:
    caplog.set_level(logging.INFO)
    gateway = await simulator(firmware)
    gateway.home.solar_power = 3000
    entry = await set_up(gateway)
    gateway.gateway.lost_meters["solar"] = None
    await polled(hass, entry)
    energy = state_of(hass, gateway, "sensor", "solar_energy")
    assert float(state_of(hass, gateway, "sensor", "solar_power") or "nan") == pytest.approx(3000, abs=5)

    gateway.home.advance(LOST_AFTER + 5)
    for _ in range(2):
        await polled(hass, entry)
        for key in ("solar_power", "home_power", "solar_voltage", "solar_apparent_power"):
            assert state_of(hass, gateway, "sensor", key) == STATE_UNKNOWN, key
        for key in ("grid_power", "battery_power", "battery_state"):
            assert state_of(hass, gateway, "sensor", key) != STATE_UNKNOWN, key
        assert state_of(hass, gateway, "sensor", "solar_energy") == energy
    assert caplog.text.count("lost contact with meter load, solar") == 1

    gateway.gateway.lost_meters.clear()
    await polled(hass, entry)
    assert float(state_of(hass, gateway, "sensor", "solar_power") or "nan") == pytest.approx(3000, abs=5)
    assert STATE_UNKNOWN not in {state_of(hass, gateway, "sensor", key) for key in ("home_power", "solar_voltage")}
    assert caplog.text.count("in contact with meter load, solar again") == 1


@pytest.mark.usefixtures("all_enabled")
async def test_lost_battery_meter_has_an_unknown_charging_state(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("pw3")
    entry = await set_up(gateway)
    gateway.gateway.lost_meters["battery"] = None
    await polled(hass, entry)
    gateway.home.advance(LOST_AFTER + 5)
    await polled(hass, entry)
    for key in ("sensor.battery_power", "sensor.battery_state", "binary_sensor.battery_charging"):
        platform, _, name = key.partition(".")
        assert state_of(hass, gateway, platform, name) == STATE_UNKNOWN, key


async def test_meters_that_were_lost_before_the_start_are_unknown_at_once(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp
) -> None:
    gateway = await simulator("21.44")
    gateway.gateway.lost_meters["site"] = ((500.0, 0.0, 1000.0, 2000.0, 240.0, 2.0, 0.0), "2026-06-21T09:00:00-07:00")
    await set_up(gateway)
    assert state_of(hass, gateway, "sensor", "grid_power") == STATE_UNKNOWN
    assert state_of(hass, gateway, "sensor", "grid_import_energy") == "2.0"
    assert state_of(hass, gateway, "sensor", "solar_power") != STATE_UNKNOWN


async def test_missing_generator_has_no_entity(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None
) -> None:
    gateway = await simulator("1.15.0")
    entry = await set_up(gateway)
    for _ in range(3):
        gateway.home.advance(LOST_AFTER + 5)
        await polled(hass, entry)
    assert state_of(hass, gateway, "sensor", "generator_power") is None
    assert state_of(hass, gateway, "sensor", "grid_power") != STATE_UNKNOWN


@pytest.fixture
def loop_time(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Return a function that adds seconds to Home Assistant's monotonic clock."""
    ahead, clock = [0.0], hass.loop.time
    monkeypatch.setattr(hass.loop, "time", lambda: clock() + ahead[0])
    yield ahead
    ahead[0] = 0.0


async def test_single_meter_by_phase_is_unknown_if_its_time_is_unchanged(
    hass: HomeAssistant, simulator: StartSimulator, set_up: SetUp, all_enabled: None, loop_time: list[float]
) -> None:
    gateway = await simulator("21.44")
    gateway.home.solar_power = 3000
    entry = await set_up(gateway)
    gateway.gateway.lost_meters["solar"] = None
    keys = [f"synchrometerY_solar_{key}" for key in ("power", "phase_3_power", "phase_3_voltage", "phase_3_current")]
    for elapsed, lost in ((0.0, False), (LOST_AFTER - 1, False), (LOST_AFTER + 5, True)):
        loop_time[0] = elapsed
        gateway.home.advance(5)
        await poll(hass, entry, "detail")
        assert [state_of(hass, gateway, "sensor", key) == STATE_UNKNOWN for key in keys] == [lost] * len(keys)
        energy = state_of(hass, gateway, "sensor", "synchrometerY_solar_energy")
        assert float(energy or "nan") > 0
        grid = state_of(hass, gateway, "sensor", "synchrometerX_grid_phase_1_power")
        assert grid not in {None, STATE_UNKNOWN}
