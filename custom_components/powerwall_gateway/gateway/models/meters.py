"""What flows: `GET /api/meters/aggregates`."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from .base import Model
from .fields import key, parse_timestamp


@dataclass(frozen=True, kw_only=True)
class Meter(Model):
    """One aggregate meter.

    The sign of power depends on the meter: `site` imports +, `battery` discharges +,
    `load` consumes +, `solar` produces +. Energies are lifetime counters in Wh. Seed,
    "Meters / Power output stats"; fields as of 21.44.
    """

    last_communication: str | None = key("last_communication_time", compare=False)
    """As printed; see `last_communication_time`."""

    instant_power: float | None = None
    """Real power in W. The battery's comes in steps of 10 W on a Powerwall 2."""

    instant_reactive_power: float | None = None
    """Reactive power in var."""

    instant_apparent_power: float | None = None
    """Apparent power in VA: exactly the root of the squares of the other two."""

    frequency: float | None = None
    """Hz; 0 from a synchrometer (Gateway 2), which measures none."""

    energy_exported: float | None = None
    """Wh out of the meter's direction: to the grid, discharged, produced by solar."""

    energy_imported: float | None = None
    """Wh in: from the grid, charged, consumed by the home."""

    instant_average_voltage: float | None = None
    """V, and of what depends on meter and firmware: phase to phase, or the mean phase voltage times the root of 3."""

    instant_total_current: float | None = None
    """A; the battery's is the pack's direct current with the opposite sign of its power."""

    @property
    def never_communicated(self) -> bool:
        """Whether the gateway says that it never heard the meter: there is none (1.15)."""
        return (self.last_communication or "").startswith("0001-")

    @property
    def last_communication_time(self) -> datetime | None:
        """When the gateway last heard the meter; None when it never did (0001-01-01).

        Read when asked for: there is one in every meter of every poll.
        """
        try:
            return parse_timestamp(self.last_communication)
        except TypeError, ValueError:
            return None

    def counters_only(self) -> Self:
        """Return the meter without what it measures at this moment: after a loss of contact that is out of date.

        The energies and the time of the last contact stay.
        """
        return replace(self, **{name: None for name in vars(self) if name.startswith(_MOMENTARY)})


_MOMENTARY = (
    "instant_",
    "frequency",
    "i_",
    "v_l",
    "real_power_",
    "reactive_power_",
    "last_phase_voltage_",
    "last_phase_power_",
)
"""How the names of those fields begin. Without a phase's time, its missing power is not taken for 0 W."""


@dataclass(frozen=True, kw_only=True)
class MetersAggregates(Model):
    """Grid (`site`), Powerwall (`battery`), home (`load`) and solar, as Tesla's app names them.

    `generator` and `busway` are there on 1.15, all zero where there is none, and again
    on later sites that have one. `load` is computed by the gateway from the others.
    """

    site: Meter | None = None
    battery: Meter | None = None
    load: Meter | None = None
    solar: Meter | None = None
    generator: Meter | None = None
    busway: Meter | None = None
