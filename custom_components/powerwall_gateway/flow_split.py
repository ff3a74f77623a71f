"""Split power and energy by source and consumer: solar to home, solar to battery, grid to home and so on.

The gateway measures solar, grid and battery, but not which part of them went where. No energy flows from the battery
into itself, or from the grid into itself. Where that leaves a choice, solar supplies the home first, then the battery,
then the grid; the battery supplies the home before the grid. A generator counts as the grid.
"""

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, fields, replace
import logging
from math import inf
from operator import attrgetter
from typing import Any, Final

from .energy_filter import HOME_POWER, CounterState, EnergyFilter, finite_number, is_counting
from .gateway.models import MetersAggregates

LARGEST_REST: Final = 1000.0
"""Most Wh of charge or export that wait until a source's counter rises. More than that comes from a source that the
gateway does not measure."""

USUAL_WAIT: Final = 15.0
"""Wh of the battery's counters that wait to be split, so that their steps of 10 Wh become even."""

MOST_WAIT: Final = 100.0
"""Most Wh that wait: the steps of ten Powerwalls."""

DOUBLED: Final = 400.0
"""Wh above the usual that would have to wait to double what is split: a power that is 1% off leaves 4 Wh."""

LONGEST_WAIT: Final = 300.0
"""Seconds between two updates after which nothing waits. An idle battery's rest is mostly split within these."""


@dataclass(frozen=True, kw_only=True)
class Flows:
    """One value per flow, never negative: power in W, or energy in Wh."""

    solar_to_home: float = 0.0
    solar_to_battery: float = 0.0
    solar_to_grid: float = 0.0
    grid_to_home: float = 0.0
    grid_to_battery: float = 0.0
    battery_to_home: float = 0.0
    battery_to_grid: float = 0.0

    def plus(self, other: Flows, factor: float = 1.0) -> Flows:
        """Return the sum with the flows of `other`, multiplied by a factor."""
        return Flows(**{name: value + factor * getattr(other, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, kw_only=True)
class Counters:
    """Energy in Wh that flowed out of and into solar, grid and battery: lifetime counters, or by how much they rose."""

    solar: float = 0.0
    grid_import: float = 0.0
    generator: float = 0.0
    grid_export: float = 0.0
    battery_charge: float = 0.0
    battery_discharge: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FlowData:
    """Flows at the time of a poll."""

    power: Flows | None
    """In W; None if a meter's power is unknown."""

    energy: Flows
    """In Wh since the first poll of the integration."""

    has_solar: bool


def split_power(*, solar: float, grid: float, battery: float) -> Flows:
    """Split the present power in W, with the gateway's signs: importing and discharging are positive.

    `grid` includes the power of a generator. A solar inverter's own consumption (negative solar power at night) is part
    of the home's.
    """
    produced, imported, exported = max(0.0, solar), max(0.0, grid), max(0.0, -grid)
    discharged, charged = max(0.0, battery), max(0.0, -battery)
    home = max(0.0, produced + grid + battery)
    solar_to_home = min(produced, home)
    solar_to_battery = min(produced - solar_to_home, charged)
    solar_to_grid = min(produced - solar_to_home - solar_to_battery, exported)
    battery_to_home = min(discharged, home - solar_to_home)
    grid_to_home = min(imported, home - solar_to_home - battery_to_home)
    return Flows(
        solar_to_home=solar_to_home,
        solar_to_battery=solar_to_battery,
        solar_to_grid=solar_to_grid,
        grid_to_home=grid_to_home,
        grid_to_battery=min(imported - grid_to_home, charged - solar_to_battery),
        battery_to_home=battery_to_home,
        battery_to_grid=min(discharged - battery_to_home, exported - solar_to_grid),
    )


def split_energy(step: Counters, measured: Flows) -> Flows:
    """Split what the counters rose by, so that all energy from solar, grid and battery is in exactly one flow.

    `measured` has the flows by power in the same time. Its ratios decide how much of the charge and the export came
    from solar. Without measured flows, solar comes first. The home received the rest. If the sources supplied less than
    was charged and exported, the flows to battery and grid are smaller than `step`.
    """
    # Solar supplied at least the charge above what was imported, and the export above what was discharged.
    imported = step.grid_import + step.generator
    charge_least = max(0.0, step.battery_charge - imported)
    export_least = max(0.0, step.grid_export - step.battery_discharge)
    if (least := charge_least + export_least) > step.solar:
        solar_to_battery = min(step.solar, step.solar * charge_least / least)  # rounding may exceed it
        solar_to_grid = step.solar - solar_to_battery
    else:
        charge_share = _share(measured.solar_to_battery, measured.grid_to_battery)
        export_share = _share(measured.solar_to_grid, measured.battery_to_grid)
        more_charge = max(0.0, step.battery_charge * charge_share - charge_least)
        more_export = max(0.0, step.grid_export * export_share - export_least)
        more = more_charge + more_export
        possible = min(1.0, (step.solar - least) / more) if more else 0.0
        solar_to_battery = charge_least + possible * more_charge
        solar_to_grid = export_least + possible * more_export
    grid_to_battery = min(imported, max(0.0, step.battery_charge - solar_to_battery))
    battery_to_grid = min(step.battery_discharge, max(0.0, step.grid_export - solar_to_grid))
    return Flows(
        solar_to_home=max(0.0, step.solar - solar_to_battery - solar_to_grid),
        solar_to_battery=solar_to_battery,
        solar_to_grid=solar_to_grid,
        grid_to_home=imported - grid_to_battery,
        grid_to_battery=grid_to_battery,
        battery_to_home=step.battery_discharge - battery_to_grid,
        battery_to_grid=battery_to_grid,
    )


def _share(solar: float, other: float) -> float:
    """Return the share of solar, 1 if nothing was measured."""
    return solar / (solar + other) if solar + other > 0 else 1.0


class FlowCounters:
    """Lifetime energy of every flow. The sums follow the gateway's counters, even if updates were missed.

    While the battery charges or discharges, its flows are up to `MOST_WAIT` behind.
    """

    def __init__(self) -> None:
        self.energy = Flows()
        """In Wh since the first setup. They never fall."""

        self._filters = {each.name: _filter(each.name) for each in fields(Counters)}
        self._split: dict[str, float] = {}
        """Reading of every counter in Wh up to which its energy is in the flows."""

        self._measured = Flows()
        """Flows by power since the last split, in Ws."""

        self._last: tuple[Flows, float] | None = None
        """Power at the last update, and its time."""

    def update_from(self, meters: MetersAggregates, now: float, *, shown: MetersAggregates | None = None) -> FlowData:
        """Split the power and the energy since the last update. `now` is in seconds since 1970.

        The power is that of the meters as `shown`. The energy follows the meters as measured.
        """
        sources = {
            "solar": (meters.solar, _exported),
            "grid_import": (meters.site, _imported),
            "generator": (meters.generator, _exported),
            "grid_export": (meters.site, _exported),
            "battery_charge": (meters.battery, _imported),
            "battery_discharge": (meters.battery, _exported),
        }
        self.update(
            {name: counter(meter) if meter else None for name, (meter, counter) in sources.items()},
            _power(meters) or Flows(),
            now,
            proven={name for name, (meter, _) in sources.items() if is_counting(meter, meters)},
        )
        return FlowData(
            power=_power(shown or meters), energy=self.energy, has_solar=bool(meters.solar and meters.solar.exists)
        )

    def update(
        self, readings: Mapping[str, float | None], power: Flows, now: float, *, proven: Container[str] = ()
    ) -> None:
        """Split the energy since the last update.

        `readings` are lifetime counters in Wh by the names of `Counters`, None for one that is unknown. `power` is in
        W, `now` in seconds of the wall clock. `proven` names the counters that are real, as for `EnergyFilter`.
        """
        seconds, mean = self._add_measured(power, now)
        counters = self._filtered(readings, now, proven)
        risen = {name: value - self._split.setdefault(name, value) for name, value in counters.items()}
        step = Counters(**risen | _even_steps(risen, mean, seconds))
        flows = split_energy(step, self._measured)
        self.energy = self.energy.plus(flows)
        self._note_split(counters, risen, step, flows)
        if step.battery_charge and power.solar_to_battery + power.grid_to_battery:  # else the ratio is of what waits
            self._measured = replace(self._measured, solar_to_battery=0.0, grid_to_battery=0.0)
        if step.grid_export:
            self._measured = replace(self._measured, solar_to_grid=0.0, battery_to_grid=0.0)

    def _add_measured(self, power: Flows, now: float) -> tuple[float, Flows]:
        """Add the power since the last update. Return the seconds, infinite for the first, and the mean power."""
        before, at = self._last or (power, now - 1)
        mean = Flows().plus(before, 0.5).plus(power, 0.5)
        seconds = max(0.0, now - at)
        self._measured = self._measured.plus(mean, seconds)
        is_first, self._last = self._last is None, (power, now)
        return inf if is_first else seconds, mean

    def _filtered(self, readings: Mapping[str, float | None], now: float, proven: Container[str]) -> dict[str, float]:
        """Return the known counters without glitches, in Wh."""
        filtered = {
            name: self._filters[name].update(reading, now, proven=name in proven)
            for name, reading in readings.items()
            if reading is not None
        }
        return {name: value for name, value in filtered.items() if value is not None}

    def _note_split(
        self, counters: Mapping[str, float], risen: Mapping[str, float], step: Counters, flows: Flows
    ) -> None:
        """Note the readings up to which the energy is split.

        All energy of the sources is split. Charge and export above it wait for the next rise of a source's counter.
        """
        split = asdict(step) | {
            "battery_charge": flows.solar_to_battery + flows.grid_to_battery,
            "grid_export": flows.solar_to_grid + flows.battery_to_grid,
        }
        for name, value in counters.items():
            self._split[name] = value - min(risen[name] - split[name], LARGEST_REST)

    def as_dict(self) -> dict[str, Any]:
        """Return the state to store over a restart."""
        return {
            "energy": asdict(self.energy),
            "split": self._split,
            "counters": {name: each.state.as_dict() for name, each in self._filters.items() if each.state},
        }

    def restore(self, stored: Mapping[str, Any]) -> bool:
        """Continue from the stored state, unless more was counted since. Return whether it does.

        The last response has to be counted again after that: what it added before is gone.
        """
        energy = _numbers(stored.get("energy"))
        restored = Flows(**{each.name: max(0.0, energy.get(each.name, 0.0)) for each in fields(Flows)})
        if sum(asdict(restored).values()) < sum(asdict(self.energy).values()):
            return False
        self.energy, self._measured, self._last = restored, Flows(), None
        split, states = _numbers(stored.get("split")), stored.get("counters")
        for name in self._filters:
            kept = states.get(name) if isinstance(states, Mapping) else None
            state = CounterState.from_dict(kept, 0.0) if isinstance(kept, Mapping) else None
            if state and name in split:
                self._filters[name], self._split[name] = _filter(name, state), split[name]
            else:
                self._filters[name] = _filter(name)
                self._split.pop(name, None)
        return True


def _filter(name: str, state: CounterState | None = None) -> EnergyFilter:
    """Return the filter of a counter. It logs at debug level, because the energy sensors log the same counters."""
    return EnergyFilter(name, HOME_POWER, state, log_level=logging.DEBUG)


def _even_steps(risen: Mapping[str, float], power: Flows, seconds: float) -> dict[str, float]:
    """Return the energy in Wh to split now of what the battery's counters rose by: what the power explains.

    The meters of solar and grid count smoothly. Next to a few seconds of them, a step of 10 Wh would take energy that
    the home received. What waits makes the next steps larger, so that in the long run the counter decides, not the
    power. `power` is the mean in W of these seconds. Without any power, nothing waits.
    """
    if power == Flows():
        return {}
    powers = {
        "battery_charge": power.solar_to_battery + power.grid_to_battery,
        "battery_discharge": power.battery_to_home + power.battery_to_grid,
    }
    share = min(1.0, seconds / LONGEST_WAIT)
    steps = {}
    for name in powers.keys() & risen.keys():
        waits, measured = risen[name], powers[name] * share * LONGEST_WAIT / 3600
        explained = measured * (1 + (waits - measured - USUAL_WAIT) / DOUBLED)
        steps[name] = min(waits, max(explained, waits - MOST_WAIT, waits * share))
    return steps


_imported = attrgetter("energy_imported")
_exported = attrgetter("energy_exported")


def _power(meters: MetersAggregates) -> Flows | None:
    """Split the power of a response; None if a meter is out of contact. A meter that does not exist counts as 0 W."""
    solar, site, battery, generator = (
        meter.instant_power if meter else 0.0 for meter in (meters.solar, meters.site, meters.battery, meters.generator)
    )
    if solar is None or site is None or battery is None or generator is None:
        return None
    return split_power(solar=solar, grid=site + generator, battery=battery)


def _numbers(stored: object) -> dict[str, float]:
    """Return the numbers in a stored dict."""
    items = stored.items() if isinstance(stored, Mapping) else ()
    return {str(key): number for key, value in items if (number := finite_number(value)) is not None}
