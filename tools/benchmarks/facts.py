"""Which entity of this integration tells what an entity of Home Assistant's own `powerwall` integration shows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import sqrt
from typing import Any, Self

from custom_components.powerwall_gateway.migration import CORE, OF_GATEWAY, OF_PACK
from homeassistant.util.unit_conversion import BaseUnitConverter, EnergyConverter, PowerConverter
from tools.hass_process import State

type Json = dict[str, Any]

NO_VALUE = frozenset({"unavailable", "unknown"})
CONVERTERS: tuple[type[BaseUnitConverter], ...] = (PowerConverter, EnergyConverter)
SWITCH = "switch."


@dataclass(frozen=True, slots=True)
class Shown:
    """An entity as a person sees it in Home Assistant."""

    key: str
    """Its platform and its own part of the unique id, such as `sensor.charge`."""

    part: str
    """The serial of the Powerwall or other hardware it is about; empty for the gateway."""

    device: str
    entity_id: str
    value: str | None
    """Nothing where it is unknown or unavailable."""

    unit: str | None
    on_by_default: bool

    @classmethod
    def of(cls, entity: Json, devices: Mapping[str, Json], state: State | None, *, on_by_default: bool) -> Self:
        """Take it from Home Assistant's registries, as the websocket gives them, and from its state."""
        part, key = _place(entity, devices)
        entity_id: str = entity["entity_id"]
        return cls(
            key=f"{entity_id.partition('.')[0]}.{key}",
            part=part,
            device=devices[entity["device_id"]]["name"],
            entity_id=entity_id,
            value=state.state if state and state.state not in NO_VALUE else None,
            unit=state.attributes.get("unit_of_measurement") if state else None,
            on_by_default=on_by_default,
        )


def _place(entity: Json, devices: Mapping[str, Json]) -> tuple[str, str]:
    """Give the serial of the hardware below the gateway that an entity is about, and its key.

    Both integrations put the serial behind the gateway's own name. A device of core's is `<gateway>_<serial>`, one of
    this integration's is `<gateway>_<kind>_<serial>`, and the unique ids of both are `<gateway>_<serial>_<key>`.
    """
    device = devices[entity["device_id"]]
    (domain, name), *_ = device["identifiers"]
    unique_id: str = entity["unique_id"]
    if (above := devices.get(device["via_device_id"] or "")) is None:
        return "", unique_id.removeprefix(f"{name}_")
    gateway = above["identifiers"][0][1]
    part: str = name.removeprefix(f"{gateway}_")
    if domain != CORE:
        part = part.partition("_")[2]
    return part, unique_id.removeprefix(f"{gateway}_{part}_")


class Verdict(StrEnum):
    """How a fact of core's is told by this integration."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "MISSING"
    NO_READING = "no reading"
    """Core shows a number where nothing was measured. What this integration shows is better, or nothing."""

    CONTROL = "control"
    """Something to switch; whether it works is no matter of a value."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How the value of the entity that tells a fact here becomes core's."""

    digits: int | None = None
    """To how many digits core rounds, in its own unit; None where it rounds nothing."""

    error: float = 0.0
    """What rounding here costs, in core's unit."""

    in_core_words: Callable[[str], str] = str
    factors: tuple[float, ...] = (1.0,)
    """What core's number may be of the value here. Of a split-phase voltage, core shows 0.866, as the gateway does."""

    no_reading: float | None = None
    """The number by which core says that nothing was measured."""

    def agrees(self, core: Shown, ours: Shown) -> bool:
        """Tell whether two entities with values say the same."""
        assert core.value is not None
        assert ours.value is not None
        value = self.in_core_words(ours.value)
        if core.unit is None:
            return value == core.value
        tolerance = self.error + 1e-6
        if self.digits is not None:
            tolerance += 0.5 * 10**-self.digits
        here = in_unit(float(value), ours.unit, core.unit)
        return any(abs(float(core.value) - here * factor) <= tolerance for factor in self.factors)

    def measured_nothing(self, core: Shown) -> bool:
        """Tell whether core shows a number that stands for none."""
        return self.no_reading is not None and core.value is not None and float(core.value) == self.no_reading


def in_unit(value: float, unit: str | None, wanted: str) -> float:
    """Give a value in another unit of the same quantity."""
    if unit == wanted:
        return value
    for converter in CONVERTERS:
        if {unit, wanted} <= converter.VALID_UNITS:
            return converter.convert(value, unit, wanted)
    raise ValueError(f"There is no way from {unit} to {wanted}.")


def _raw_percent(app: str) -> str:
    """Give the gateway's percent, which core shows, of the app's, which this integration shows."""
    return str(float(app) * 0.95 + 5)


APP_STEP = 0.05 * 0.95
"""What a step of 0.1 app percent leaves open, in raw percent."""


def _of_meter(core: str) -> dict[str, Telling]:
    return {
        f"sensor.{core}_instant_power": Telling(3),
        f"sensor.{core}_instant_voltage": Telling(1, factors=(1.0, sqrt(3) / 2)),
        f"sensor.{core}_instant_current": Telling(1),
        f"sensor.{core}_instant_frequency": Telling(1, no_reading=0),
        f"sensor.{core}_import": Telling(1, no_reading=0),  # a first 0 is shown when it has lasted for a while
        f"sensor.{core}_export": Telling(1, no_reading=0),
    }


METERS = ("site", "battery", "load", "solar", "generator", "busway")

TELLING_OF_GATEWAY: Mapping[str, Telling] = {
    "sensor.charge": Telling(error=APP_STEP, in_core_words=_raw_percent),
    "sensor.backup_reserve": Telling(0, error=APP_STEP, in_core_words=_raw_percent),
    **{key: telling for meter in METERS for key, telling in _of_meter(meter).items() if key in OF_GATEWAY},
}

TELLING_OF_PACK: Mapping[str, Telling] = {
    "sensor.battery_instant_voltage": Telling(1),
    "sensor.instant_current": Telling(1),
    "sensor.instant_frequency": Telling(1),
    "sensor.grid_state": Telling(in_core_words=lambda state: state if state == "disabled" else f"grid_{state}"),
}
"""What is not named is told as it is."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that core shows, and who tells it here."""

    core: Shown
    ours: Shown | None
    verdict: Verdict

    @property
    def failed(self) -> bool:
        """Whether somebody who comes from core would miss it."""
        return self.verdict in {Verdict.MISSING, Verdict.DIFFERS}

    def as_dict(self) -> dict[str, Any]:
        """Give what `--json` writes."""
        return {"core": asdict(self.core), "ours": self.ours and asdict(self.ours), "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every fact of core's, and what only this integration shows."""

    facts: list[Fact]
    only_ours: list[Shown]

    def count(self, *verdicts: Verdict) -> int:
        """Count the facts with one of these verdicts."""
        return sum(fact.verdict in verdicts for fact in self.facts)


def compare(core: Iterable[Shown], ours: Iterable[Shown]) -> Comparison:
    """Find for each entity of core's the one here that tells the same."""
    by_place = {(entity.part, entity.key): entity for entity in ours}
    facts = [_fact(entity, by_place) for entity in core]
    told = {fact.ours.entity_id for fact in facts if fact.ours}
    return Comparison(facts, [entity for entity in by_place.values() if entity.entity_id not in told])


def _fact(core: Shown, by_place: Mapping[tuple[str, str], Shown]) -> Fact:
    key = (OF_PACK if core.part else OF_GATEWAY).get(core.key)
    ours = by_place.get((core.part, key)) if key else None
    telling = (TELLING_OF_PACK if core.part else TELLING_OF_GATEWAY).get(core.key, Telling())
    return Fact(core, ours, _verdict(core, ours, telling))


def _verdict(core: Shown, ours: Shown | None, telling: Telling) -> Verdict:
    if core.key.startswith(SWITCH):
        return Verdict.CONTROL
    if telling.measured_nothing(core):
        return Verdict.NO_READING
    if ours is None:
        return Verdict.MISSING
    if core.value is None or ours.value is None:
        return Verdict.AGREES if core.value is ours.value else Verdict.DIFFERS
    return Verdict.AGREES if telling.agrees(core, ours) else Verdict.DIFFERS
