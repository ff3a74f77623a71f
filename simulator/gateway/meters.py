"""Serve `meters/aggregates`: the values of each kind of meter, in the gateway's format."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import math
from typing import NamedTuple

from simulator.gateway.gateway import Gateway
from simulator.home import Flow
from simulator.home.noise import drift
from simulator.wire import NANOSECONDS, NEVER, Json, float32

BATTERY_POWER_STEP = 10
BATTERY_ENERGY_STEP = 10
TIMEOUT = 1_500_000_000
INVERTER_TIMEOUT = 1_000_000_000
"""ns after which a meter counts as lost: a separate one, and an inverter with a meter."""
PACK_VOLTAGE = 50.0
"""DC: why a battery's current is about power / 50, with the opposite sign."""

NEURIO_FIELDS = (
    "last_communication_time",
    "instant_power",
    "instant_reactive_power",
    "instant_apparent_power",
    "frequency",
    "energy_exported",
    "energy_imported",
    "instant_average_voltage",
    "instant_total_current",
    "i_a_current",
    "i_b_current",
    "i_c_current",
)
SYNCHROMETER_FIELDS = (
    "last_communication_time",
    "instant_power",
    "instant_reactive_power",
    "instant_apparent_power",
    "frequency",
    "energy_exported",
    "energy_imported",
    "instant_average_voltage",
    "instant_average_current",
    "i_a_current",
    "i_b_current",
    "i_c_current",
    "last_phase_voltage_communication_time",
    "last_phase_power_communication_time",
    "last_phase_energy_communication_time",
    "timeout",
    "num_meters_aggregated",
    "instant_total_current",
)


@dataclass(frozen=True, kw_only=True)
class MeterStyle:
    """The meters of one hardware generation."""

    fields: tuple[str, ...]
    reading: Callable[[float], float]
    """Rounding of powers in responses."""
    home_reading: Callable[[float], float]
    frequency: bool
    """A synchrometer measures no frequency."""
    voltage_factor: float
    """The printed voltage of site, home and solar over the real one."""
    current: bool
    """True if the meters of site and solar report a current."""
    counts: dict[str, int]
    """`num_meters_aggregated`; the home has none."""
    timeouts: dict[str, int] = field(default_factory=dict)
    """Other than the usual one."""
    unused: tuple[str, ...] = ()
    """Meters that are listed and never communicated."""


def _quarter_watts(power: float) -> float:
    return round(power * 4) / 4


NEURIO = MeterStyle(
    fields=NEURIO_FIELDS,
    reading=lambda power: float32(round(power, 2)),
    home_reading=float,
    frequency=True,
    voltage_factor=1.0,
    current=False,
    counts={},
    unused=("busway", "frequency", "generator"),
)
SYNCHROMETER = MeterStyle(
    fields=SYNCHROMETER_FIELDS,
    reading=lambda power: float(round(power)),
    home_reading=_quarter_watts,
    frequency=False,
    voltage_factor=math.sqrt(3) / 2,
    current=True,
    counts={"site": 2, "battery": 1, "solar": 1, "generator": 1, "busway": 1},
)


class Reading(NamedTuple):
    """One meter's measurement."""

    power: float
    reactive: float
    exported: float
    imported: float
    voltage: float
    current: float
    frequency: float

    @property
    def apparent(self) -> float:
        """VA."""
        return math.sqrt(self.power**2 + self.reactive**2)


def battery_powers(gateway: Gateway) -> list[int]:
    """W of each active pack, in steps of 10 W that add up to the whole battery's."""
    battery = gateway.home.battery
    power = gateway.home.battery_power
    steps = round(power / BATTERY_POWER_STEP)
    powers = [round(steps * share) * BATTERY_POWER_STEP for share in battery.shares(power)[:-1]]
    return [*powers, steps * BATTERY_POWER_STEP - sum(powers)] if battery.active else []


def battery_energy(energy: float) -> int:
    """Wh of a pack's counter, in steps of 10 Wh."""
    return int(energy // BATTERY_ENERGY_STEP) * BATTERY_ENERGY_STEP


def pack_current(power: float) -> float:
    """Turn a pack's power into amperes of direct current: charging counts up."""
    return round(-power / PACK_VOLTAGE, 1) + 0.0


def reactive_power(gateway: Gateway, subject: str, middle: float) -> float:
    """Return a reactive power in VAR that varies around a usual value."""
    return middle * (0.8 + 0.4 * drift(0, f"reactive {subject}", gateway.home.clock / NANOSECONDS / 30))


def aggregates(style: MeterStyle) -> Callable[[Gateway], Json]:
    """Return the payload of `meters/aggregates` for a generation of meters."""

    def payload(gateway: Gateway) -> Json:
        fitted = _fitted(gateway, style)
        meters: dict[str, Json] = {
            name: _meter(fitted, name, _shifted(reading, gateway.counter_offset), _stamp(gateway, name))
            for name, reading in readings(gateway, style).items()
        }
        if gateway.solar_inverter:
            del meters["battery"]
        nothing = Reading(0, 0, 0, 0, 0, 0, 0)
        return meters | {name: _meter(style, name, nothing, NEVER) for name in style.unused if name not in meters}

    return payload


def _shifted(reading: Reading, offset: float) -> Reading:
    """Add `offset` Wh to both counters of a meter."""
    return reading._replace(exported=reading.exported + offset, imported=reading.imported + offset)


def _stamp(gateway: Gateway, name: str) -> str:
    """Return the time of a meter's values. The home's are as old as those of the oldest meter used for them."""
    lost = [last[1] for last in gateway.lost_meters.values() if last]
    return min(lost) if name == "load" and lost else gateway.meter_stamp(name)


def _last_contact(gateway: Gateway, name: str, reading: Reading) -> Reading:
    """Return the gateway's values of a meter: the last ones after a loss of contact."""
    if name not in gateway.lost_meters:
        return reading
    last = gateway.lost_meters[name]
    if last is None:
        last = gateway.lost_meters[name] = (reading, gateway.meter_stamp(name))
    return Reading(*last[0])


def _fitted(gateway: Gateway, style: MeterStyle) -> MeterStyle:
    """Fit the meters to the home: a Powerwall+ has one at the site, and measures solar itself (23.28)."""
    if not gateway.home.powerwall_plus:
        return style
    return replace(style, counts=style.counts | {"site": 1}, timeouts={"solar": INVERTER_TIMEOUT})


def readings(gateway: Gateway, style: MeterStyle) -> dict[str, Reading]:
    """Measure everything once."""
    home = gateway.home
    flow = home.flow
    voltage = home.voltage
    seen = voltage * style.voltage_factor
    frequency = float32(home.frequency) if style.frequency else 0.0
    powers = battery_powers(gateway)

    def ct_meter(power: float, reactive: float, exported: float, imported: float) -> Reading:
        power, reactive = style.reading(power), style.reading(reactive)
        current = round(math.hypot(power, reactive) / voltage * 2, 4) if style.current and voltage else 0.0
        return Reading(power, reactive, exported, imported, seen, current, frequency)

    on_grid = not home.islanded
    site_reactive = reactive_power(gateway, "site", -140.0) if on_grid else 0.0
    site = ct_meter(flow.grid, site_reactive, home.grid_export_energy, home.grid_import_energy)
    solar_reactive = reactive_power(gateway, "solar", 53.0)
    solar = ct_meter(flow.solar, solar_reactive, home.solar_energy, home.energies.solar_standby)
    if home.powerwall_plus:
        solar = _inverter(gateway, solar)
    battery = Reading(
        sum(powers),
        10.0 * round(reactive_power(gateway, "battery", 20.0) / 10),
        sum(battery_energy(pack.discharged) for pack in home.battery.ever),
        sum(battery_energy(pack.charged) for pack in home.battery.ever),
        round(voltage, 1),
        round(sum(pack_current(power) for power in powers), 1) + 0.0,
        home.frequency,
    )
    generator = ct_meter(flow.generator, 0.0, home.generator_energy, 0.0)
    if not flow.generator:
        generator = generator._replace(voltage=0.0, frequency=0.0)
    site, battery, solar, generator = (
        _last_contact(gateway, name, reading)
        for name, reading in (("site", site), ("battery", battery), ("solar", solar), ("generator", generator))
    )
    load = _home(style, flow, site, battery, solar, generator)
    measured = {"site": site, "battery": battery, "load": load, "solar": solar}
    if home.generator is not None:
        measured["generator"] = generator
    return measured | ({"busway": battery} if gateway.busway else {})


def _inverter(gateway: Gateway, solar: Reading) -> Reading:
    """Measure solar as a Powerwall+ does. Unlike the gateway's transformers it measures the frequency."""
    voltage = round(gateway.home.voltage, 1)
    current = round(solar.apparent / voltage, 1) if voltage else 0.0
    return solar._replace(voltage=voltage, current=current, frequency=gateway.home.frequency)


def _home(
    style: MeterStyle, flow: Flow, site: Reading, battery: Reading, solar: Reading, generator: Reading
) -> Reading:
    """Calculate the home, which has no meter: it is the sum of all others."""
    power = style.home_reading(site.power + solar.power + flow.battery + generator.power)
    reactive = style.home_reading(site.reactive + solar.reactive + battery.reactive + generator.reactive)
    energy = (site.imported - site.exported) + (solar.exported - solar.imported) + (battery.exported - battery.imported)
    energy += generator.exported - generator.imported
    current = power / site.voltage if site.voltage else 0.0
    return Reading(power, reactive, 0, energy, site.voltage, current, site.frequency)


def _meter(style: MeterStyle, name: str, reading: Reading, time: str) -> dict[str, Json]:
    values: dict[str, Json] = {
        "last_communication_time": time,
        "instant_power": reading.power,
        "instant_reactive_power": reading.reactive,
        "instant_apparent_power": reading.apparent,
        "frequency": reading.frequency,
        "energy_exported": reading.exported,
        "energy_imported": reading.imported,
        "instant_average_voltage": reading.voltage,
        "instant_average_current": reading.current,
        "i_a_current": 0,
        "i_b_current": 0,
        "i_c_current": 0,
        "last_phase_voltage_communication_time": NEVER,
        "last_phase_power_communication_time": NEVER,
        "last_phase_energy_communication_time": NEVER,
        "timeout": style.timeouts.get(name, TIMEOUT),
        "num_meters_aggregated": style.counts.get(name),
        "instant_total_current": reading.current,
    }
    return {field: values[field] for field in style.fields if values[field] is not None}
