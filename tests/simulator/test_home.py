"""The house behind the simulated meters is a believable one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from simulator import House
from simulator.house import Flow
from simulator.house.battery import EMPTY, ONE_WAY_EFFICIENCY

BERLIN = ZoneInfo("Europe/Berlin")
ENERGIES = (
    "grid_import_energy",
    "grid_export_energy",
    "solar_energy",
    "home_energy",
    "battery_charge_energy",
    "battery_discharge_energy",
)


def pinned(*, solar: float, home: float, charge: float = 60.0, packs: int = 2) -> House:
    house = House(charge=charge, packs=packs)
    house.solar_power, house.home_power = solar, home
    return house


def test_powers_always_balance() -> None:
    house = House(datetime(2026, 3, 1, tzinfo=BERLIN))
    for _ in range(24 * 12):
        house.advance(300)
        flow = house.flow
        assert flow.solar + flow.battery + flow.grid == pytest.approx(flow.home, abs=1e-6)


def test_a_day_has_the_shape_of_a_day() -> None:
    house = House(datetime(2026, 6, 21, tzinfo=BERLIN), seed=1)
    solar, charge, home = {}, {}, {}
    for minute in range(0, 24 * 60, 5):
        solar[minute / 60], charge[minute / 60], home[minute / 60] = house.solar_power, house.charge, house.home_power
        house.advance(300)
    assert all(-10 <= power < 0 for hour, power in solar.items() if hour < 4 or hour > 23)
    assert max(solar.values()) > 4_000
    assert 11 < max(solar, key=lambda hour: solar[hour]) < 16  # summer time, and clouds
    assert charge[5.0] < charge[0.0]
    assert charge[15.0] > charge[5.0] + 20
    assert all(0 <= percent <= 100 for percent in charge.values())
    assert all(150 < power < 12_000 for power in home.values())
    assert max(home.values()) > 2_500  # somebody cooked


def test_energies_only_grow_and_add_up() -> None:
    house = House(datetime(2026, 9, 10, tzinfo=BERLIN), reserve=30)
    seen = [{name: getattr(house, name) for name in ENERGIES}]
    for _ in range(2 * 24 * 4):
        house.advance(900)
        seen.append({name: getattr(house, name) for name in ENERGIES})
    for earlier, later in pairwise(seen):
        assert all(later[name] >= earlier[name] for name in ENERGIES)
    assert all(seen[-1][name] > seen[0][name] for name in ENERGIES)


def test_the_same_seed_is_the_same_house_and_another_is_another() -> None:
    def afternoon(seed: int) -> tuple[float, ...]:
        house = House(seed=seed)
        house.advance(6 * 3600)
        return tuple(getattr(house, name) for name in ENERGIES)

    assert afternoon(1) == afternoon(1)
    assert afternoon(1) != afternoon(2)


def test_small_steps_and_large_ones_end_alike() -> None:
    walked, jumped = House(), House()
    for _ in range(3600):
        walked.advance(1)
    jumped.advance(3600)
    assert walked.now == jumped.now
    assert walked.home_energy == pytest.approx(jumped.home_energy, abs=30)
    assert walked.charge == pytest.approx(jumped.charge, abs=0.2)


def test_local_time_survives_the_change_of_the_clocks() -> None:
    house = House(datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN))
    house.advance(2 * 3600)
    assert house.now.isoformat() == "2026-10-25T02:30:00+01:00"
    house.now = datetime.fromisoformat("2026-06-21T13:00")
    assert house.now.isoformat() == "2026-06-21T13:00:00+02:00"


def test_a_house_without_a_time_zone_or_a_powerwall_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        House(datetime.fromisoformat("2026-06-21T13:00"))
    with pytest.raises(ValueError, match="at least one"):
        House(packs=0)
    with pytest.raises(ValueError, match="forward"):
        House().advance(-1)


def test_surplus_goes_into_the_battery_and_need_comes_out_of_it() -> None:
    house = pinned(solar=3_000, home=800)
    assert (house.battery_power, house.grid_power) == (-2_200, 0)
    house.solar_power = 0
    assert (house.battery_power, house.grid_power) == (800, 0)
    house.home_power = None
    assert house.home_power != 800


def test_a_pack_has_limits() -> None:
    house = pinned(solar=0, home=9_000, packs=1)
    assert (house.battery_power, house.grid_power) == (5_000, 4_000)
    house = pinned(solar=9_000, home=500, packs=1)
    assert (house.battery_power, house.grid_power) == (-5_000, -3_500)


def test_the_reserve_is_kept() -> None:
    house = pinned(solar=0, home=4_000, charge=26)
    house.advance(3 * 3600)
    assert house.charge == pytest.approx(24, abs=0.1)
    assert (house.battery_power, house.grid_power) == (0, 4_000)


def test_backup_mode_saves_the_battery() -> None:
    house = pinned(solar=1_000, home=4_000, charge=50)
    house.mode = "backup"
    assert (house.battery_power, house.grid_power) == (-1_000, 4_000)


def test_a_full_battery_takes_less_and_less_and_then_nothing() -> None:
    house = pinned(solar=12_000, home=0, charge=97)
    powers = []
    while house.charge < 100:
        powers.append(-house.battery_power)
        house.advance(60)
        assert len(powers) < 600
    assert powers[0] > 7_000
    assert powers[-1] < 300
    assert powers == sorted(powers, reverse=True)
    assert (house.battery_power, house.grid_power) == (0, -12_000)


def test_the_round_trip_loses_a_tenth() -> None:
    house = pinned(solar=4_000, home=0, charge=50)
    charge = house.charge
    house.advance(3600)
    house.solar_power, house.home_power = 0, 4_000
    while house.charge > charge:
        house.advance(10)
    given = house.battery_discharge_energy - House().battery_discharge_energy
    taken = house.battery_charge_energy - House().battery_charge_energy
    assert given / taken == pytest.approx(ONE_WAY_EFFICIENCY**2, abs=0.005)


def test_packs_share_the_work_and_a_disabled_one_rests() -> None:
    house = pinned(solar=0, home=2_000, charge=50)
    house.advance(3600)
    assert house.packs[0].remaining == pytest.approx(house.packs[1].remaining)
    house.packs[1].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    rested = house.packs[1].remaining
    house.advance(3600)
    assert house.packs[1].remaining == rested
    assert house.packs[0].remaining < rested
    assert house.charge == pytest.approx(100 * house.packs[0].remaining / 13_500, abs=0.01)
    house.packs[0].disabled_reasons.append("DisabledExcessiveVoltageDrop")
    assert (house.battery_power, house.grid_power, house.charge) == (0, 2_000, 0)


def test_an_outage_and_its_end() -> None:
    house = pinned(solar=500, home=1_500)
    house.outage()
    assert house.grid_status == "SystemTransitionToIsland"
    assert (house.grid_power, house.battery_power) == (0, 1_000)
    house.advance(2)
    assert house.grid_status == "SystemIslandedActive"
    house.advance(600)
    assert house.grid_power == 0
    house.restore()
    assert house.grid_status == "SystemTransitionToGrid"
    house.advance(19)
    assert house.grid_status == "SystemTransitionToGrid"
    assert house.grid_power == 0
    house.advance(1)
    assert house.grid_status == "SystemGridConnected"


def test_a_grid_switched_by_hand_is_noticed() -> None:
    house = House()
    house.grid.up = False
    assert house.grid_power == 0
    assert house.grid_status == "SystemTransitionToIsland"


def test_a_grid_that_returns_for_a_moment_only() -> None:
    house = House()
    house.outage()
    house.advance(10)
    house.restore()
    house.advance(5)
    house.outage()
    assert house.grid_status == "SystemTransitionToIsland"
    house.advance(2)
    assert house.grid_status == "SystemIslandedActive"


def test_a_full_island_throttles_the_sun() -> None:
    house = pinned(solar=5_000, home=700, charge=100)
    house.outage()
    assert (house.solar_power, house.battery_power, house.frequency) == (700, 0, 62.5)
    house.restore()
    house.advance(20)
    assert (house.solar_power, house.grid_power) == (5_000, -4_300)


def test_an_empty_island_collapses_and_the_grid_wakes_it() -> None:
    house = pinned(solar=0, home=5_000, charge=6)
    house.outage()
    while house.grid_status != "SystemMicroGridFaulted":
        house.advance(10)
        assert house.charge > EMPTY - 0.5
    assert house.flow == Flow(0, 0, 0, 0)
    assert (house.frequency, house.voltage) == (0, 0)
    house.advance(30)
    assert house.grid_status == "SystemWaitForUser"
    house.solar_power = 3_000
    assert house.solar_power == 0  # without an island the inverter has nothing to follow
    house.restore()
    assert house.grid_status == "SystemGridConnected"
    assert house.battery_power == 0


def test_too_large_a_load_breaks_the_island() -> None:
    house = pinned(solar=0, home=8_000, packs=1)
    house.outage()
    assert house.grid_status == "SystemMicroGridFaulted"


def test_car_and_heat_pump_are_not_backed_up() -> None:
    connected, islanded = House(datetime(2026, 1, 10, tzinfo=BERLIN)), House(datetime(2026, 1, 10, tzinfo=BERLIN))
    connected.advance(86_400)
    islanded.charge = 100
    islanded.outage()
    islanded.advance(86_400)
    used = [house.home_energy - House().home_energy for house in (connected, islanded)]
    assert used[1] < used[0] * 0.7
    assert islanded.grid_import_energy == House().grid_import_energy


def test_leaving_the_grid_on_purpose() -> None:
    house = House()
    house.off_grid_on_purpose = True
    house.advance(5)
    assert house.grid_status == "SystemIslandedActive"
    assert house.grid_faults == []
    house.off_grid_on_purpose = False
    house.advance(20)
    assert house.grid_status == "SystemGridConnected"


def test_stopped_nothing_flows_through_the_packs_and_no_meter_counts() -> None:
    house = pinned(solar=1_000, home=3_000)
    house.running = False
    before = [getattr(house, name) for name in ENERGIES] + [house.charge]
    house.advance(3600)
    assert [getattr(house, name) for name in ENERGIES] + [house.charge] == before
    assert house.flow == Flow(1_000, 3_000, 0, 2_000)
    house.running = True
    assert house.battery_power == 2_000


def test_stopped_in_an_outage_is_a_black_house_until_somebody_starts_it() -> None:
    house = pinned(solar=0, home=1_000)
    house.outage()
    house.advance(5)
    house.running = False
    assert house.home_power == 0
    house.advance(31)
    assert house.grid_status == "SystemWaitForUser"
    house.running = True
    house.advance(2)
    assert house.grid_status == "SystemIslandedActive"
    assert house.home_power == 1_000


def test_time_is_exact() -> None:
    house = House(datetime(2026, 6, 21, 12, tzinfo=UTC))
    for _ in range(1_000):
        house.advance(0.1)
    assert house.now - datetime(2026, 6, 21, 12, tzinfo=UTC) == timedelta(seconds=100)
