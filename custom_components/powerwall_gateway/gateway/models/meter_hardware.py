"""The meters as hardware: `meters`, `meters/readings`, `meters/site`, `meters/solar`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from .base import Model
from .fields import key
from .meters import Meter


@dataclass(frozen=True, kw_only=True)
class CurrentTransformers(Model):
    """Which inputs of a meter measure what."""

    kind: str | None = key("type")
    """`site`, `solar`, `solarRGM`, …"""

    valid: tuple[bool, ...] | None = None
    """By input, 1 to 4: whether it belongs to this."""

    inverted: tuple[bool, ...] | None = None
    """By input: whether its clamp sits the wrong way round, and the gateway turns it."""

    real_power_scale_factor: float | None = None
    """What the power is multiplied by: 2 where one leg of two is measured; 21.x and later."""


@dataclass(frozen=True, kw_only=True)
class InstalledMeter(Model):
    """One meter in `GET /api/meters`, in any order. Seed, `meters`."""

    serial: str | None = None
    """A synchrometer's ends in `synchrometerX` or `synchrometerY`, and has nothing before it while the Powerwall is
    stopped (21.39)."""

    short_id: str | None = None
    """A Neurio's five digits; a synchrometer has the gateway's DIN."""

    kind: str | None = key("type")
    """`neurio_tcp`, `neurio_w2_tcp`, `synchrometerX`, `synchrometerY`; absent on 1.15."""

    connected: bool | None = None
    """None for a synchrometer, which is part of the gateway."""

    cts: tuple[CurrentTransformers, ...] | None = None

    ip_address: str | None = None
    """A Neurio's name in the network, `PWRview-12345`; 21.x and later."""

    mac: str | None = None
    """With dashes; 21.x and later."""


@dataclass(frozen=True, kw_only=True)
class CtReading(Model):
    """What one input of a meter reads."""

    ct: int | None = None
    """1 to 4; 0 for one that is not there, or is not read (21.39)."""

    voltage: float | None = key("v_V")
    """V to neutral."""

    power: float | None = key("p_W")
    """W, as the clamp sees it."""

    reactive_power: float | None = key("q_VAR")
    """var."""

    current: float | None = key("i_A")
    """A; not on every firmware."""

    exported_watt_seconds: float | None = key("eExp_Ws")
    """Ws, while power is negative."""

    imported_watt_seconds: float | None = key("eImp_Ws")
    """Ws, while power is positive."""

    @property
    def energy_exported(self) -> float | None:
        """Wh, while power is negative."""
        return None if self.exported_watt_seconds is None else self.exported_watt_seconds / 3600

    @property
    def energy_imported(self) -> float | None:
        """Wh, while power is positive: a solar clamp's production."""
        return None if self.imported_watt_seconds is None else self.imported_watt_seconds / 3600


@dataclass(frozen=True, kw_only=True)
class MeterData(Model):
    """What one meter reads."""

    ip_address: str | None = key("IP")
    """A Neurio's name in the network."""

    sensor_id: str | None = key("sensorId")
    """Of a Neurio, in hexadecimal digits."""

    firmware_version: str | None = key("firmwareVersion")

    frequency: float | None = key("f_Hz")
    """Hz; a Neurio's."""

    cts: tuple[CtReading, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class MeterReading(Model):
    """One meter in `GET /api/meters/readings`. Seed, `meters/readings`."""

    error: str | None = None
    """Empty where it was read. On 21.39 not while the Powerwall runs: all in `data` is zero then."""

    data: MeterData | None = None


@dataclass(frozen=True, kw_only=True)
class MeterConnection(Model):
    """How the gateway reaches a meter."""

    device_serial: str | None = None
    short_id: str | None = None

    ip_address: str | None = None
    """A Neurio's name in the network; so are the two below a Neurio's."""

    port: int | None = None
    neurio_connected: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PhaseReadings(Meter):
    """The last readings of one meter, phase by phase; a phase that is not measured is None or close to zero.

    The totals are as in `meters/aggregates`; of one meter instead of all.
    """

    instant_average_current: float | None = None
    """A; 21.x and later."""

    i_a_current: float | None = None
    """A; always 0 from a Neurio, as are the two below."""

    i_b_current: float | None = None
    i_c_current: float | None = None

    v_l1n: float | None = None
    """V to neutral; an input that is not used keeps a rest of some 0.2 V. So may the two below."""

    v_l2n: float | None = None
    v_l3n: float | None = None

    real_power_a: float | None = None
    """W; 21.x and later, as all below."""

    real_power_b: float | None = None
    real_power_c: float | None = None

    reactive_power_a: float | None = None
    """var."""

    reactive_power_b: float | None = None
    reactive_power_c: float | None = None

    energy_exported_a: float | None = None
    """Wh."""

    energy_exported_b: float | None = None
    energy_exported_c: float | None = None

    energy_imported_a: float | None = None
    """Wh."""

    energy_imported_b: float | None = None
    energy_imported_c: float | None = None

    last_phase_voltage_communication_time: datetime | None = key(compare=False)
    last_phase_power_communication_time: datetime | None = key(compare=False)
    last_phase_energy_communication_time: datetime | None = key(compare=False)

    serial_number: str | None = None

    version: str | None = None
    """The meter's firmware."""


@dataclass(frozen=True, kw_only=True)
class SolarPhaseReadings(PhaseReadings):
    """The same of a solar meter: `energy_exported` is what the panels made, as in `meters/aggregates`.

    On the wire it is the other way round here: a single meter counts as imported whatever
    flows while its power is positive, and a solar meter's is positive while it produces
    (2018 and 2023: 18.3 MWh imported, 30 kWh exported). They are swapped back.
    """

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Swap the directions of energy."""
        return {_SWAPPED.get(key, key): value for key, value in wire.items()}


_SWAPPED = {
    f"energy_{one}{phase}": f"energy_{other}{phase}"
    for one, other in (("exported", "imported"), ("imported", "exported"))
    for phase in ("", "_a", "_b", "_c")
}


@dataclass(frozen=True, kw_only=True)
class _SingleMeter(Model):
    """What a grid meter and a solar meter have in common."""

    meter_id: int | None = key("id")

    location: str | None = None
    """`site` or `solar`."""

    kind: str | None = key("type")
    """`neurio_tcp`, `synchrometerX`, …"""

    cts: tuple[bool, ...] | None = None
    """By input, 1 to 4: whether it belongs to this."""

    inverted: tuple[bool, ...] | None = None
    """By input: whether its clamp sits the wrong way round, and the gateway turns it."""

    real_power_scale_factor: float | None = None
    """What the power is multiplied by: 2 where one leg of two is measured."""

    connection: MeterConnection | None = None


@dataclass(frozen=True, kw_only=True)
class SiteMeter(_SingleMeter):
    """One meter at the grid, `GET /api/meters/site`. Not in the seed; seen since 2018."""

    readings: PhaseReadings | None = key("Cached_readings")
    """Imports +."""


@dataclass(frozen=True, kw_only=True)
class SolarMeter(_SingleMeter):
    """One meter at the solar inverter, `GET /api/meters/solar`. Not in the seed; seen since 2018."""

    readings: SolarPhaseReadings | None = key("Cached_readings")
    """Produces +."""
