"""Split of power and energy by source and consumer: the parts sum to the totals, are never negative and never fall."""

from dataclasses import asdict
from random import Random
from typing import Final

from hypothesis import example, given, strategies as st
import pytest

from custom_components.powerwall_gateway.energy_filter import LASTING_POLLS
from custom_components.powerwall_gateway.flow_split import (
    LARGEST_REST,
    LONGEST_WAIT,
    MOST_WAIT,
    Counters,
    FlowCounters,
    Flows,
    split_energy,
    split_power,
)
from custom_components.powerwall_gateway.gateway.models import Meter, MetersAggregates
from simulator.gateway.meters import battery_energy
from simulator.home import SimulatedHome

ENERGY: Final = st.floats(0, 50_000) | st.just(0.0)
POWER: Final = st.floats(-20_000, 20_000) | st.just(0.0)
FLOWS: Final = st.builds(Flows, **dict.fromkeys(asdict(Flows()), ENERGY))
STEPS: Final = st.builds(Counters, **dict.fromkeys(asdict(Counters()), ENERGY))
LIMIT: Final = 1e-6


def sources(flows: Flows) -> tuple[float, float, float]:
    """Return what flowed out of solar, grid and battery."""
    return (
        flows.solar_to_home + flows.solar_to_battery + flows.solar_to_grid,
        flows.grid_to_home + flows.grid_to_battery,
        flows.battery_to_home + flows.battery_to_grid,
    )


def charged(flows: Flows) -> float:
    return flows.solar_to_battery + flows.grid_to_battery


def exported(flows: Flows) -> float:
    return flows.solar_to_grid + flows.battery_to_grid


@given(solar=POWER, grid=POWER, battery=POWER)
def test_split_power_any_signs_parts_sum_to_the_meters(solar: float, grid: float, battery: float) -> None:
    flows = split_power(solar=solar, grid=grid, battery=battery)

    assert min(asdict(flows).values()) >= 0
    for part, whole in zip(sources(flows), (solar, grid, battery), strict=True):
        assert part <= max(0.0, whole) + LIMIT
    assert charged(flows) <= max(0.0, -battery) + LIMIT
    assert exported(flows) <= max(0.0, -grid) + LIMIT
    if max(0.0, solar) + grid + battery >= 0:  # the home consumes what is left
        assert sources(flows) == pytest.approx([max(0.0, each) for each in (solar, grid, battery)])
        assert charged(flows) == pytest.approx(max(0.0, -battery))
        assert exported(flows) == pytest.approx(max(0.0, -grid))


@pytest.mark.parametrize(
    ("solar", "grid", "battery", "expected"),
    [
        pytest.param(0, 0, 0, Flows(), id="nothing flows"),
        pytest.param(
            5000,
            -1000,
            -3000,
            Flows(solar_to_home=1000, solar_to_battery=3000, solar_to_grid=1000),
            id="solar supplies everything",
        ),
        pytest.param(
            3000,
            1000,
            -3000,
            Flows(solar_to_home=1000, solar_to_battery=2000, grid_to_battery=1000),
            id="solar and the grid charge",
        ),
        pytest.param(
            500,
            2000,
            -1000,
            Flows(solar_to_home=500, grid_to_home=1000, grid_to_battery=1000),
            id="the grid charges in the dark",
        ),
        pytest.param(
            300,
            -2000,
            3000,
            Flows(solar_to_home=300, battery_to_home=1000, battery_to_grid=2000),
            id="the battery exports only the excess",
        ),
        pytest.param(0, -1000, 1000, Flows(battery_to_grid=1000), id="the home consumes nothing"),
        pytest.param(-20, 520, 0, Flows(grid_to_home=520), id="the inverter consumes as a part of the home"),
        pytest.param(
            100, -80, -60, Flows(solar_to_battery=60, solar_to_grid=40), id="less is produced than charged and exported"
        ),
    ],
)
def test_split_power_solar_supplies_home_then_battery_then_grid(
    solar: float, grid: float, battery: float, expected: Flows
) -> None:
    assert split_power(solar=solar, grid=grid, battery=battery) == expected


@example(step=Counters(solar=7.160825337515982e-112, battery_charge=85.0), measured=Flows())  # rounds up when divided
@given(step=STEPS, measured=FLOWS)
def test_split_energy_any_step_parts_sum_to_the_counters(step: Counters, measured: Flows) -> None:
    flows = split_energy(step, measured)

    assert min(asdict(flows).values()) >= 0
    assert sources(flows) == pytest.approx(
        (step.solar, step.grid_import + step.generator, step.battery_discharge), abs=LIMIT
    )
    assert charged(flows) <= step.battery_charge + LIMIT
    assert exported(flows) <= step.grid_export + LIMIT
    # A shortage exists only where no source is left for it.
    if charged(flows) < step.battery_charge - LIMIT:
        assert flows.solar_to_home + flows.grid_to_home == pytest.approx(0, abs=LIMIT)
    if exported(flows) < step.grid_export - LIMIT:
        assert flows.solar_to_home + flows.battery_to_home == pytest.approx(0, abs=LIMIT)


def test_split_energy_follows_the_measured_share() -> None:
    step = Counters(solar=1000, grid_import=1000, battery_charge=1000)
    flows = split_energy(step, Flows(solar_to_battery=30, grid_to_battery=10))
    assert (flows.solar_to_battery, flows.grid_to_battery) == (750, 250)


def test_split_energy_without_measured_flows_charges_from_solar() -> None:
    flows = split_energy(Counters(solar=800, grid_import=1000, battery_charge=1000), Flows())
    assert (flows.solar_to_battery, flows.grid_to_battery) == (800, 200)


COUNTER_STEPS: Final = st.lists(
    st.tuples(STEPS, st.floats(1, 7200), st.sets(st.sampled_from(list(asdict(Counters())))))
)


@given(steps=COUNTER_STEPS, split_at=st.integers(0, 20))
def test_flow_counters_lost_polls_and_restart_sums_follow_the_counters(
    steps: list[tuple[Counters, float, set[str]]], split_at: int
) -> None:
    """Feed possible steps; single counters miss polls, and Home Assistant restarts."""
    flows, now = FlowCounters(), 1e9
    reading = dict.fromkeys(asdict(Counters()), 1_000_000.0)
    flows.update(reading, Flows(), now)
    for number, (step, seconds, missing) in enumerate(steps):
        now += 3600 + seconds
        reading = {name: value + getattr(step, name) for name, value in reading.items()}
        before = flows.energy
        if number == split_at:
            stored, flows = flows.as_dict(), FlowCounters()
            flows.update(reading, Flows(), now - 1)  # the first poll comes before the entities are restored
            flows.restore(stored)
        flows.update({name: None if name in missing else value for name, value in reading.items()}, Flows(), now)
        assert all(after >= asdict(before)[name] - LIMIT for name, after in asdict(flows.energy).items())
    flows.update(reading, Flows(), now + 1)

    counted = {name: value - 1_000_000.0 for name, value in reading.items()}
    assert sources(flows.energy) == pytest.approx(
        (counted["solar"], counted["grid_import"] + counted["generator"], counted["battery_discharge"]), abs=1
    )
    assert charged(flows.energy) <= counted["battery_charge"] + 1
    assert exported(flows.energy) <= counted["grid_export"] + 1


def test_flow_counters_charge_counted_before_its_source_waits_for_it() -> None:
    flows = FlowCounters()
    reading = dict.fromkeys(asdict(Counters()), 1_000_000.0)
    flows.update(reading, Flows(), 1e9)
    reading["battery_charge"] += 50
    flows.update(reading, Flows(), 1e9 + 5)
    assert flows.energy == Flows()
    reading["solar"] += 50
    flows.update(reading, Flows(), 1e9 + 10)
    assert flows.energy == Flows(solar_to_battery=50)


def test_flow_counters_charge_of_an_unmeasured_source_adds_little_grid_energy() -> None:
    """A second solar inverter without a meter charges the battery by day. The grid's energy at night is the home's."""
    flows = FlowCounters()
    reading = dict.fromkeys(asdict(Counters()), 1_000_000.0)
    flows.update(reading, Flows(), 1e9)
    reading["battery_charge"] += 10_000
    flows.update(reading, Flows(), 1e9 + 10 * 3600)
    reading["grid_import"] += 8_000
    flows.update(reading, Flows(), 1e9 + 20 * 3600)
    assert flows.energy == Flows(grid_to_battery=LARGEST_REST, grid_to_home=8_000 - LARGEST_REST)


def _meters(**counted: float) -> MetersAggregates:
    """Return a response in which a generator supplies 3 kW, of which the battery is charged with 1 kW."""
    powers = {"site": 0, "solar": 0, "battery": -1000, "load": 2000, "generator": 3000}
    counters = {name: {"energy_imported": 0.0, "energy_exported": 0.0} for name in powers}
    counters["battery"] = {"energy_imported": 5000 + counted.get("charged", 0), "energy_exported": 0}
    counters["generator"] = {"energy_imported": 0, "energy_exported": 9000 + counted.get("generated", 0)}
    return MetersAggregates.from_dict(
        {name: {"instant_power": power, **counters[name]} for name, power in powers.items()}
    )


def test_flow_counters_generator_counts_as_the_grid() -> None:
    flows = FlowCounters()
    for number in range(LASTING_POLLS + 1):
        data = flows.update_from(_meters(), 1e9 + number)
    assert data.power == Flows(grid_to_home=2000, grid_to_battery=1000)
    data = flows.update_from(_meters(charged=10, generated=30), 1e9 + LONGEST_WAIT + LASTING_POLLS)
    assert data.energy == Flows(grid_to_home=20, grid_to_battery=10)


def test_flow_counters_first_charge_of_a_new_battery_is_counted() -> None:
    """A counter that reads 0 at first is accepted as soon as the response proves it, not after 15 minutes."""
    flows = FlowCounters()
    reading = dict.fromkeys(asdict(Counters()), 1_000_000.0) | {"battery_charge": 0.0}
    for number in range(LASTING_POLLS):
        flows.update(reading, Flows(), 1e9 + number, proven=reading)
    flows.update(reading | {"battery_charge": 50.0, "solar": 1_000_050.0}, Flows(), 1e9 + 10, proven=reading)
    assert flows.energy == Flows(solar_to_battery=50)


def test_flow_counters_glitch_is_not_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    """The energy sensor of the same counter logs it."""
    flows = FlowCounters()
    reading = dict.fromkeys(asdict(Counters()), 1_000_000.0)
    flows.update(reading, Flows(), 1e9)
    flows.update(reading | {"solar": 0.0}, Flows(), 1e9 + 5)
    assert flows.energy == Flows()
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def _aggregates(**meters: tuple[float | None, float, float]) -> MetersAggregates:
    """Return meters with a power in W, and what they imported and exported in Wh."""
    return MetersAggregates(
        **{
            name: Meter(instant_power=power, energy_imported=imported, energy_exported=exported)
            for name, (power, imported, exported) in meters.items()
        }
    )


@pytest.mark.parametrize("unknown", ["solar", "site", "battery", "generator"])
def test_flow_counters_unknown_power_of_a_meter_has_no_flows(unknown: str) -> None:
    powers = {"solar": 600, "site": 200, "battery": 100, "generator": 0, unknown: None}
    meters = _aggregates(**{name: (power, 0, 0) for name, power in powers.items()})
    assert FlowCounters().update_from(meters, 1e9).power is None


def test_flow_counters_meter_that_does_not_exist_counts_as_0_w() -> None:
    data = FlowCounters().update_from(_aggregates(site=(200, 0, 0)), 1e9)
    assert (data.power, data.has_solar) == (Flows(grid_to_home=200), False)
    data = FlowCounters().update_from(_aggregates(solar=(200, 0, 0)), 1e9)
    assert (data.power, data.has_solar) == (Flows(solar_to_home=200), True)


def test_flow_counters_meter_that_was_never_wired_is_no_solar() -> None:
    meters = MetersAggregates(solar=Meter(instant_power=0.0, last_communication="0001-01-01T00:00:00Z"))
    assert FlowCounters().update_from(meters, 1e9).has_solar is False


def test_flow_counters_show_one_power_and_follow_the_measured_one() -> None:
    flows = FlowCounters()
    shown = _aggregates(site=(10, 0, 0))
    for second, charged in ((0, 0), (LONGEST_WAIT, 100)):
        meters = _aggregates(
            solar=(500, 0, 9000 + charged), site=(500, 9000 + charged, 0), battery=(-1000, 9000 + charged, 0)
        )
        data = flows.update_from(meters, 1e9 + second, shown=shown)
    assert data.power == Flows(grid_to_home=10)
    assert data.energy == Flows(solar_to_home=50, solar_to_battery=50, grid_to_home=50, grid_to_battery=50)


def test_flow_counters_first_charge_of_a_response_that_proves_it_is_counted() -> None:
    flows = FlowCounters()
    for number in range(LASTING_POLLS):
        flows.update_from(_aggregates(solar=(1000, 0, 9000), battery=(-1000, 0, 0)), 1e9 + number)
    data = flows.update_from(_aggregates(solar=(1000, 0, 9050), battery=(-1000, 50, 0)), 1e9 + 1000)
    assert data.energy == Flows(solar_to_battery=50)


@pytest.mark.parametrize(
    ("solar", "grid", "battery"),
    [
        pytest.param(3000, 3000, -5000, id="solar and the grid charge"),
        pytest.param(3000, 2000, -4700, id="they charge while the home consumes little"),
        pytest.param(600, 1000, -1100, id="they charge slowly"),
        pytest.param(500, -4000, 4300, id="the battery exports"),
        pytest.param(2000, -3000, 1800, id="solar and the battery export"),
    ],
)
def test_flow_counters_battery_counted_in_steps_of_10_wh_follow_the_power(
    solar: float, grid: float, battery: float
) -> None:
    """Poll every 5 seconds for 3 hours, and for an hour in which the battery is idle."""
    flows, counted = FlowCounters(), dict.fromkeys(asdict(Counters()), 9000.0)
    flows.update(counted, Flows(), 1e9)

    def poll(battery: float) -> None:
        hours = 5 / 3600
        counted["solar"] += solar * hours
        counted["grid_import" if grid > 0 else "grid_export"] += abs(grid) * hours
        counted["battery_discharge" if battery > 0 else "battery_charge"] += abs(battery) * hours
        steps = {name: battery_energy(value) if "battery" in name else value for name, value in counted.items()}
        power = split_power(solar=solar, grid=grid, battery=battery)
        flows.update(steps, power, 1e9 + 3600 * (counted["solar"] - 9000) / solar)

    for _ in range(3 * 720):
        poll(battery)
        assert charged(flows.energy) > counted["battery_charge"] - 9000 - MOST_WAIT
        assert sources(flows.energy)[2] > counted["battery_discharge"] - 9000 - MOST_WAIT
    for _ in range(720):
        poll(0)

    true = Flows().plus(split_power(solar=solar, grid=grid, battery=battery), 3)
    true = true.plus(split_power(solar=solar, grid=grid, battery=0))
    for flow, energy in asdict(flows.energy).items():
        assert energy == pytest.approx(getattr(true, flow), rel=0.01, abs=40), flow
    assert charged(flows.energy) == pytest.approx(battery_energy(counted["battery_charge"]) - 9000, abs=1)
    assert sources(flows.energy)[2] == pytest.approx(battery_energy(counted["battery_discharge"]) - 9000, abs=1)


def test_flow_counters_all_that_was_counted_in_a_gap_is_split_at_once() -> None:
    """The gateway did not respond for 4 minutes: the power of that time is unknown."""
    flows, counted = FlowCounters(), dict.fromkeys(asdict(Counters()), 9000.0)
    flows.update(counted, Flows(grid_to_home=500), 1e9)
    counted |= {"solar": 9700.0, "battery_charge": 9500.0}
    flows.update(counted, Flows(grid_to_home=500), 1e9 + 240)
    assert 500 - MOST_WAIT <= flows.energy.solar_to_battery <= 500


@pytest.mark.parametrize(("mode", "generator"), [("self_consumption", False), ("backup", True)])
def test_flow_counters_day_with_outages_and_restart_follow_the_home(mode: str, *, generator: bool) -> None:
    """Poll a simulated home every 5 seconds for a day, with lost polls, a long gap, two outages and a restart."""
    home = SimulatedHome(packs=1, charge=30.0, mode=mode, generator=generator)
    flows, polls = FlowCounters(), Random(1)
    start = battery_energy(home.battery_charge_energy), home.grid_export_energy

    def poll(flows: FlowCounters) -> None:
        now = home.flow
        flows.update(
            {
                "solar": home.solar_energy,
                "grid_import": home.grid_import_energy,
                "grid_export": home.grid_export_energy,
                "generator": home.generator_energy,
                "battery_charge": battery_energy(home.battery_charge_energy),
                "battery_discharge": battery_energy(home.battery_discharge_energy),
            },
            split_power(solar=now.solar, grid=now.grid + now.generator, battery=now.battery),
            home.clock / 1e9,
        )

    poll(flows)
    for number in range(24 * 720):
        home.advance(5.0)
        if number in {2000, 12_000}:
            home.outage()
        if number in {4000, 13_000}:
            home.restore()
        if number == 9000:
            stored, flows = flows.as_dict(), FlowCounters()
            flows.restore(stored)
        if not 6000 < number < 6600 and polls.random() < 0.9:
            poll(flows)
    home.solar_power = home.home_power = 0.0
    poll(flows)
    home.advance(LONGEST_WAIT)
    poll(flows)

    true = home.energies.flows
    for flow, energy in asdict(flows.energy).items():
        assert energy == pytest.approx(true[flow], rel=0.01, abs=20), flow
    assert charged(flows.energy) == pytest.approx(battery_energy(home.battery_charge_energy) - start[0], abs=1)
    assert exported(flows.energy) == pytest.approx(home.grid_export_energy - start[1], abs=1)
    assert sum(energy > 1000 for energy in true.values()) >= 4
