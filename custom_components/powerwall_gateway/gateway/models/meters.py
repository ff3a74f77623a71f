"""Power and energy of the meters, and the meters as hardware.

`meters/aggregates`, `meters`, `meters/readings`, `meters/site`, `meters/solar`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, override

from .base import Model
from .fields import key, parse_timestamp


@dataclass(frozen=True, kw_only=True)
class Meter(Model):
    """One aggregate meter.

    The sign of power depends on the meter: `site` imports +, `battery` discharges +, `load` consumes +, `solar`
    produces +. Energies are lifetime counters in Wh. Seed, "Meters / Power output stats"; fields as of 21.44.
    """

    last_communication: str | None = key("last_communication_time", compare=False)
    """As the gateway reports it; see `last_communication_time`."""

    instant_power: float | None = None  #: Real power in W; the battery's in steps of 10 W on a Powerwall 2
    instant_reactive_power: float | None = None  #: Reactive power in var

    instant_apparent_power: float | None = None
    """Apparent power in VA: exactly the root of the sum of the squares of the other two."""

    frequency: float | None = None  #: Hz; 0 from a synchrometer (Gateway 2), which does not measure it
    energy_exported: float | None = None  #: Wh to the grid, discharged, or produced by solar
    energy_imported: float | None = None  #: Wh from the grid, charged, or consumed by the home

    instant_average_voltage: float | None = None
    """V: phase to phase, or the mean phase voltage times the root of 3, depending on meter and firmware."""

    instant_total_current: float | None = None
    """A; the battery's is its direct current, with the opposite sign of its power."""

    @property
    def never_communicated(self) -> bool:
        """Return True if the gateway never reached the meter: there is none (1.15)."""
        return (self.last_communication or "").startswith("0001-")

    @property
    def exists(self) -> bool:
        """Return True unless it was never wired: 1.15 also lists such meters, which it never reached."""
        return not self.never_communicated or bool(self.instant_power)

    @property
    def last_communication_time(self) -> datetime | None:
        """Return the time at which the gateway last reached the meter; None if it never did (0001-01-01).

        Parsed on access: every meter of every poll has one.
        """
        try:
            return parse_timestamp(self.last_communication)
        except TypeError, ValueError:
            return None

    def counters_only(self) -> Self:
        """Return the meter without its momentary values, which are out of date once the gateway cannot reach it.

        Energies and the time of the last contact stay.
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
"""Prefixes of those fields. Without a phase's time, its missing power is not taken for 0 W."""


@dataclass(frozen=True, kw_only=True)
class MetersAggregates(Model):
    """Grid (`site`), Powerwall (`battery`), home (`load`) and solar, as Tesla's app names them.

    1.15 always reports `generator` and `busway`, all zero without one; later firmware only if there is one. The gateway
    computes `load` from the others.
    """

    site: Meter | None = None
    battery: Meter | None = None
    load: Meter | None = None
    solar: Meter | None = None
    generator: Meter | None = None
    busway: Meter | None = None

    @property
    def grid_power(self) -> float | None:
        """Return the power of the grid in W, positive while it is imported."""
        return self.site.instant_power if self.site else None

    @property
    def battery_power(self) -> float | None:
        """Return the power of the battery in W, positive while it discharges."""
        return self.battery.instant_power if self.battery else None

    @property
    def net_load(self) -> float | None:
        """Return home minus solar power in W: what the grid and the battery supply."""
        home = self.load.instant_power if self.load else None
        solar = self.solar.instant_power if self.solar else None
        return None if home is None else home - (solar or 0.0)

    def without_noise(self, below: float) -> Self:
        """Return the meters with a power of grid, battery, home or solar below so many W as 0."""
        quiet = {
            name: replace(meter, instant_power=0.0)
            for name in ("site", "battery", "load", "solar")
            if (meter := getattr(self, name)) and meter.instant_power and abs(meter.instant_power) < below
        }
        return replace(self, **quiet) if quiet else self


@dataclass(frozen=True, kw_only=True)
class CurrentTransformers(Model):
    """Inputs of a meter that measure the same thing."""

    kind: str | None = key("type")  #: `site`, `solar`, `solarRGM`, …
    valid: tuple[bool, ...] | None = None  #: By input, 1 to 4: True if it belongs to this

    inverted: tuple[bool, ...] | None = None
    """By input: True if its clamp is the wrong way round and the gateway inverts it."""

    real_power_scale_factor: float | None = None
    """Factor of the power: 2 where one leg of two is measured; 21.x and later."""


@dataclass(frozen=True, kw_only=True)
class InstalledMeter(Model):
    """One meter in `GET /api/meters`, in any order. Seed, `meters`."""

    serial: str | None = None
    """A synchrometer's ends in `synchrometerX` or `synchrometerY`, and is only that while the Powerwall is stopped
    (21.39)."""

    short_id: str | None = None  #: Five digits of a Neurio; the gateway's DIN for a synchrometer
    kind: str | None = key("type")  #: `neurio_tcp`, `neurio_w2_tcp`, `synchrometerX`, `synchrometerY`; absent on 1.15
    connected: bool | None = None  #: None for a synchrometer, which is part of the gateway
    cts: tuple[CurrentTransformers, ...] | None = None
    ip_address: str | None = None  #: Host name of a Neurio, `PWRview-12345`; 21.x and later
    mac: str | None = None  #: With dashes; 21.x and later


@dataclass(frozen=True, kw_only=True)
class CtReading(Model):
    """Reading of one input of a meter."""

    ct: int | None = None  #: 1 to 4; 0 for a missing input, or one that is not read (21.39)
    voltage: float | None = key("v_V")  #: V to neutral
    power: float | None = key("p_W")  #: W at the clamp, before any inversion
    reactive_power: float | None = key("q_VAR")  #: var
    current: float | None = key("i_A")  #: A; not on every firmware
    exported_watt_seconds: float | None = key("eExp_Ws")  #: Ws, while power is negative
    imported_watt_seconds: float | None = key("eImp_Ws")  #: Ws, while power is positive

    @property
    def energy_exported(self) -> float | None:
        """Return Wh while power is negative."""
        return None if self.exported_watt_seconds is None else self.exported_watt_seconds / 3600

    @property
    def energy_imported(self) -> float | None:
        """Return Wh while power is positive: the production at a solar clamp."""
        return None if self.imported_watt_seconds is None else self.imported_watt_seconds / 3600


@dataclass(frozen=True, kw_only=True)
class MeterReading(Model):
    """One meter in `GET /api/meters/readings`. Seed, `meters/readings`."""

    error: str | None = None
    """Empty if it was read. Not read while the Powerwall runs (21.39): all readings are zero then."""

    frequency: float | None = key("f_Hz")  #: Hz; a Neurio's
    cts: tuple[CtReading, ...] | None = None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert to one level: the readings are in `data`."""
        data = wire.get("data")
        return (data if isinstance(data, dict) else {}) | {"error": wire.get("error")}


@dataclass(frozen=True, kw_only=True)
class PhaseReadings(Meter):
    """The last readings of one meter by phase; a phase that is not measured is None or close to zero.

    The totals are those of `meters/aggregates`, for one meter instead of all.
    """

    i_a_current: float | None = None  #: A; always 0 from a Neurio, like the two below
    i_b_current: float | None = None
    i_c_current: float | None = None
    v_l1n: float | None = None  #: V to neutral; about 0.2 V at an unused input. The same applies to the two below
    v_l2n: float | None = None
    v_l3n: float | None = None
    real_power_a: float | None = None  #: W; 21.x and later, like all below
    real_power_b: float | None = None
    real_power_c: float | None = None
    reactive_power_a: float | None = None  #: var
    reactive_power_b: float | None = None
    reactive_power_c: float | None = None
    energy_exported_a: float | None = None  #: Wh
    energy_exported_b: float | None = None
    energy_exported_c: float | None = None
    energy_imported_a: float | None = None  #: Wh
    energy_imported_b: float | None = None
    energy_imported_c: float | None = None
    last_phase_voltage_communication_time: datetime | None = key(compare=False)
    last_phase_power_communication_time: datetime | None = key(compare=False)
    last_phase_energy_communication_time: datetime | None = key(compare=False)
    serial_number: str | None = None
    version: str | None = None  #: The meter's firmware


@dataclass(frozen=True, kw_only=True)
class SingleMeter(Model):
    """Fields of a grid meter, of a solar meter, and of a meter in `config.json`."""

    meter_id: int | None = key("id")
    location: str | None = None  #: `site` or `solar`; `none` of a meter that measures nothing
    kind: str | None = key("type")  #: `neurio_tcp`, `synchrometerX`, …
    cts: tuple[bool, ...] | None = None  #: By input, 1 to 4: True if it belongs to this

    inverted: tuple[bool, ...] | None = None
    """By input: True if its clamp is the wrong way round and the gateway inverts it."""

    real_power_scale_factor: float | None = None  #: Factor of the power: 2 where one leg of two is measured
    device_serial: str | None = None  #: Serial of the meter itself

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Add the serial, which is in `connection`."""
        connection = wire.get("connection")
        return wire | {"device_serial": connection.get("device_serial")} if isinstance(connection, dict) else wire


@dataclass(frozen=True, kw_only=True)
class SiteMeter(SingleMeter):
    """One meter at the grid, `GET /api/meters/site`. Not in the seed; seen since 2018."""

    readings: PhaseReadings | None = key("Cached_readings")  #: Imports +


_SWAPPED = {
    f"energy_{one}{phase}": f"energy_{other}{phase}"
    for one, other in (("exported", "imported"), ("imported", "exported"))
    for phase in ("", "_a", "_b", "_c")
}


@dataclass(frozen=True, kw_only=True)
class SolarMeter(SingleMeter):
    """One meter at the solar inverter, `GET /api/meters/solar`. Not in the seed; seen since 2018.

    `energy_exported` is the production, as in `meters/aggregates`. On the wire it is the other way round: a single
    meter counts energy as imported while its power is positive, and a solar meter's is positive while it produces (2018
    and 2023: 18.3 MWh imported, 30 kWh exported).
    """

    readings: PhaseReadings | None = key("Cached_readings")  #: Produces +

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Swap the directions of energy."""
        if isinstance(readings := wire.get("Cached_readings"), dict):
            wire = wire | {"Cached_readings": {_SWAPPED.get(key, key): value for key, value in readings.items()}}
        return SingleMeter.normalize(wire)
