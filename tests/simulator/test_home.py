"""The simulated home is plausible."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from simulator import SimulatedHome
from simulator.home import Flow
from simulator.home.battery import EMPTY, ONE_WAY_EFFICIENCY
from simulator.home.home import GRID_CHARGE_POWER

BERLIN = ZoneInfo("Europe/Berlin")
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)


def pinned(*, solar: float, home: float, charge: float = 60.0, packs: int = 2) -> SimulatedHome:
    simulated = SimulatedHome(charge=charge, packs=packs)
    simulated.solar_power, simulated.home_power = solar, home
    return simulated


def test_powers_always_balance() -> None:
    simulated = SimulatedHome(datetime(2026, 3, 1, tzinfo=BERLIN))
    for _ in range(24 * 12):
        simulated.advance(300)
        flow = simulated.flow
        assert flow.solar + flow.battery + flow.grid == pytest.approx(flow.home, abs=1e-6)


def test_day_has_plausible_powers() -> None:
    simulated = SimulatedHome(datetime(2026, 6, 21, tzinfo=BERLIN), seed=1)
    solar, charge, home = {}, {}, {}
    for minute in range(0, 24 * 60, 5):
        hour = minute / 60
        solar[hour], charge[hour], home[hour] = simulated.solar_power, simulated.charge, simulated.home_power
        simulated.advance(300)
    assert all(-10 <= power < 0 for hour, power in solar.items() if hour < 4 or hour > 23)
    assert max(solar.values()) > 4_000
    assert 11 < max(solar, key=lambda hour: solar[hour]) < 16  # summer time, and clouds
    assert charge[5.0] < charge[0.0]
    assert charge[15.0] > charge[5.0] + 20
    assert all(0 <= percent <= 100 for percent in charge.values())
    assert all(150 < power < 12_000 for power in home.values())
    assert max(home.values()) > 2_500  # someone cooked


def test_energies_never_fall_and_add_up() -> None:
    simulated = SimulatedHome(datetime(2026, 9, 10, tzinfo=BERLIN), reserve=30)
    seen = [{name: getattr(simulated, name) for name in ENERGIES}]
    for _ in range(2 * 24 * 4):
        simulated.advance(900)
        seen.append({name: getattr(simulated, name) for name in ENERGIES})
    for earlier, later in pairwise(seen):
        assert all(later[name] >= earlier[name] for name in ENERGIES)
    assert all(seen[-1][name] > seen[0][name] for name in ENERGIES)


def test_same_seed_gives_the_same_home() -> None:
    def afternoon(seed: int) -> tuple[float, ...]:
        simulated = SimulatedHome(seed=seed)
        simulated.advance(6 * 3600)
        return tuple(getattr(simulated, name) for name in ENERGIES)

    assert afternoon(1) == afternoon(1)
    assert afternoon(1) != afternoon(2)


def test_lively_home_moves_by_tens_of_watts_between_polls() -> None:
    def mean_change(*, lively: bool) -> float:
        simulated = SimulatedHome(lively=lively)
        powers = []
        for _ in range(200):
            simulated.advance(5)
            powers.append(simulated.flow.home)
        return sum(abs(later - earlier) for earlier, later in pairwise(powers)) / 199

    assert mean_change(lively=False) < 30
    assert 50 < mean_change(lively=True) < 80


def test_small_and_large_steps_have_the_same_result() -> None:
    walked, jumped = SimulatedHome(), SimulatedHome()
    for _ in range(3600):
        walked.advance(1)
    jumped.advance(3600)
    assert walked.now == jumped.now
    assert walked.home_energy == pytest.approx(jumped.home_energy, abs=30)
    assert walked.charge == pytest.approx(jumped.charge, abs=0.2)


def test_local_time_follows_daylight_saving() -> None:
    simulated = SimulatedHome(datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN))
    simulated.advance(2 * 3600)
    assert simulated.now.isoformat() == "2026-10-25T02:30:00+01:00"
    simulated.now = datetime.fromisoformat("2026-06-21T13:00")
    assert simulated.now.isoformat() == "2026-06-21T13:00:00+02:00"


def test_home_requires_a_time_zone_and_a_powerwall() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SimulatedHome(datetime.fromisoformat("2026-06-21T13:00"))
    with pytest.raises(ValueError, match="at least one"):
        SimulatedHome(packs=0)
    with pytest.raises(ValueError, match="forward"):
        SimulatedHome().advance(-1)


def test_battery_charges_from_excess_and_covers_demand() -> None:
    simulated = pinned(solar=3_000, home=800)
    assert (simulated.battery_power, simulated.grid_power) == (-2_200, 0)
    simulated.solar_power = 0
    assert (simulated.battery_power, simulated.grid_power) == (800, 0)
    simulated.home_power = None
    assert simulated.home_power != 800


def test_powerwall_has_power_limits() -> None:
    simulated = pinned(solar=0, home=9_000, packs=1)
    assert (simulated.battery_power, simulated.grid_power) == (5_000, 4_000)
    simulated = pinned(solar=9_000, home=500, packs=1)
    assert (simulated.battery_power, simulated.grid_power) == (-5_000, -3_500)


def test_reserve_is_kept() -> None:
    simulated = pinned(solar=0, home=4_000, charge=26)
    simulated.advance(3 * 3600)
    assert simulated.charge == pytest.approx(24, abs=0.1)
    assert (simulated.battery_power, simulated.grid_power) == (0, 4_000)


def test_the_battery_charges_from_the_grid_toward_a_reserve_above_its_charge() -> None:
    simulated = pinned(solar=0, home=1_000, charge=50)
    simulated.reserve = 60.0
    assert (simulated.battery_power, simulated.grid_power) == (-2 * GRID_CHARGE_POWER, 1_000 + 2 * GRID_CHARGE_POWER)
    simulated.advance(5 * 3600)
    assert simulated.charge == pytest.approx(60, abs=0.4)
    assert simulated.battery_power == 0


def test_a_full_backup_charges_to_100_percent() -> None:
    simulated = pinned(solar=0, home=1_000, charge=90)
    simulated.is_backing_up = lambda: True
    simulated.advance(5 * 3600)
    assert simulated.charge == pytest.approx(100, abs=0.4)
    assert simulated.battery_power == 0


def test_backup_mode_keeps_the_charge() -> None:
    simulated = pinned(solar=1_000, home=4_000, charge=50)
    simulated.mode = "backup"
    assert (simulated.battery_power, simulated.grid_power) == (-1_000, 4_000)


def test_charging_slows_down_and_ends_when_full() -> None:
    simulated = pinned(solar=12_000, home=0, charge=97)
    powers = []
    while simulated.charge < 100:
        powers.append(-simulated.battery_power)
        simulated.advance(60)
        assert len(powers) < 600
    assert powers[0] > 7_000
    assert powers[-1] < 300
    assert powers == sorted(powers, reverse=True)
    assert (simulated.battery_power, simulated.grid_power) == (0, -12_000)


def test_round_trip_loses_ten_percent() -> None:
    simulated = pinned(solar=4_000, home=0, charge=50)
    charge = simulated.charge
    simulated.advance(3600)
    simulated.solar_power, simulated.home_power = 0, 4_000
    while simulated.charge > charge:
        simulated.advance(10)
    given = simulated.battery_discharge_energy - SimulatedHome().battery_discharge_energy
    taken = simulated.battery_charge_energy - SimulatedHome().battery_charge_energy
    assert given / taken == pytest.approx(ONE_WAY_EFFICIENCY**2, abs=0.005)


def test_enabled_powerwalls_share_the_power() -> None:
    simulated = pinned(solar=0, home=2_000, charge=50)
    simulated.advance(3600)
    assert simulated.packs[0].remaining == pytest.approx(simulated.packs[1].remaining)
    simulated.packs[1].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    rested = simulated.packs[1].remaining
    simulated.advance(3600)
    assert simulated.packs[1].remaining == rested
    assert simulated.packs[0].remaining < rested
    assert simulated.charge == pytest.approx(100 * simulated.packs[0].remaining / 13_500, abs=0.01)
    simulated.packs[0].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    assert (simulated.battery_power, simulated.grid_power, simulated.charge) == (0, 2_000, 0)


def test_outage_begins_and_ends() -> None:
    simulated = pinned(solar=500, home=1_500)
    simulated.outage()
    assert simulated.grid_status == "SystemTransitionToIsland"
    assert (simulated.grid_power, simulated.battery_power) == (0, 1_000)
    simulated.advance(2)
    assert simulated.grid_status == "SystemIslandedActive"
    simulated.advance(600)
    assert simulated.grid_power == 0
    simulated.restore()
    assert simulated.grid_status == "SystemTransitionToGrid"
    simulated.advance(19)
    assert simulated.grid_status == "SystemTransitionToGrid"
    assert simulated.grid_power == 0
    simulated.advance(1)
    assert simulated.grid_status == "SystemGridConnected"


def test_grid_that_is_set_down_is_an_outage() -> None:
    simulated = SimulatedHome()
    simulated.grid.up = False
    assert simulated.grid_power == 0
    assert simulated.grid_status == "SystemTransitionToIsland"


def test_short_grid_return_does_not_reconnect() -> None:
    simulated = SimulatedHome()
    simulated.outage()
    simulated.advance(10)
    simulated.restore()
    simulated.advance(5)
    simulated.outage()
    assert simulated.grid_status == "SystemTransitionToIsland"
    simulated.advance(2)
    assert simulated.grid_status == "SystemIslandedActive"


def test_full_battery_off_grid_throttles_solar() -> None:
    simulated = pinned(solar=5_000, home=700, charge=100)
    simulated.outage()
    assert (simulated.solar_power, simulated.battery_power, simulated.frequency) == (700, 0, 62.5)
    simulated.restore()
    simulated.advance(20)
    assert (simulated.solar_power, simulated.grid_power) == (5_000, -4_300)


def test_empty_battery_off_grid_collapses_until_the_grid_returns() -> None:
    simulated = pinned(solar=0, home=5_000, charge=6)
    simulated.outage()
    while simulated.grid_status != "SystemMicroGridFaulted":
        simulated.advance(10)
        assert simulated.charge > EMPTY - 0.5
    assert simulated.flow == Flow(0, 0, 0, 0)
    assert (simulated.frequency, simulated.voltage) == (0, 0)
    simulated.advance(30)
    assert simulated.grid_status == "SystemWaitForUser"
    simulated.solar_power = 3_000
    assert simulated.solar_power == 0  # on the grid the inverter does not follow the frequency
    simulated.restore()
    assert simulated.grid_status == "SystemGridConnected"
    assert simulated.battery_power == -2 * GRID_CHARGE_POWER


def test_overload_off_grid_collapses() -> None:
    simulated = pinned(solar=0, home=8_000, packs=1)
    simulated.outage()
    assert simulated.grid_status == "SystemMicroGridFaulted"


def test_car_and_heat_pump_are_not_backed_up() -> None:
    connected, islanded = (
        SimulatedHome(datetime(2026, 1, 10, tzinfo=BERLIN)),
        SimulatedHome(datetime(2026, 1, 10, tzinfo=BERLIN)),
    )
    connected.advance(86_400)
    islanded.charge = 100
    islanded.outage()
    islanded.advance(86_400)
    used = [simulated.home_energy - SimulatedHome().home_energy for simulated in (connected, islanded)]
    assert used[1] < used[0] * 0.7
    assert islanded.grid_import_energy == SimulatedHome().grid_import_energy


def test_intentional_off_grid_begins_and_ends() -> None:
    simulated = SimulatedHome()
    simulated.off_grid_on_purpose = True
    simulated.advance(5)
    assert simulated.grid_status == "SystemIslandedActive"
    assert simulated.grid_faults == []
    simulated.off_grid_on_purpose = False
    simulated.advance(20)
    assert simulated.grid_status == "SystemGridConnected"


def test_stopped_powerwall_has_no_power_and_no_energy() -> None:
    simulated = pinned(solar=1_000, home=3_000)
    simulated.running = False
    before = [getattr(simulated, name) for name in ENERGIES] + [simulated.charge]
    simulated.advance(3600)
    assert [getattr(simulated, name) for name in ENERGIES] + [simulated.charge] == before
    assert simulated.flow == Flow(1_000, 3_000, 0, 2_000)
    simulated.running = True
    assert simulated.battery_power == 2_000


def test_stop_in_an_outage_leaves_the_home_without_power_until_a_start() -> None:
    simulated = pinned(solar=0, home=1_000)
    simulated.outage()
    simulated.advance(5)
    simulated.running = False
    assert simulated.home_power == 0
    simulated.advance(31)
    assert simulated.grid_status == "SystemWaitForUser"
    simulated.running = True
    simulated.advance(2)
    assert simulated.grid_status == "SystemIslandedActive"
    assert simulated.home_power == 1_000


def test_time_is_exact_in_nanoseconds() -> None:
    simulated = SimulatedHome(datetime(2026, 6, 21, 12, tzinfo=UTC))
    for _ in range(1_000):
        simulated.advance(0.1)
    assert simulated.now - datetime(2026, 6, 21, 12, tzinfo=UTC) == timedelta(seconds=100)
