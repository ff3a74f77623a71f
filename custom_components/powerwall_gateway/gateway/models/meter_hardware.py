"""The meters as hardware: `meters`, `meters/readings`, `meters/site`, `meters/solar`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from .base import Model
from .fields import flag, flags, number, part, parts, text, whole
from .meters import Meter
from .times import moment


@dataclass(frozen=True, kw_only=True)
class CurrentTransformers(Model):
    """Which inputs of a meter measure what."""

    kind: str | None = text("type")
    """`site`, `solar`, `solarRGM`, …"""

    valid: tuple[bool, ...] | None = flags("valid")
    """By input, 1 to 4: whether it belongs to this."""

    inverted: tuple[bool, ...] | None = flags("inverted")
    """By input: whether its clamp sits the wrong way round, and the gateway turns it."""

    real_power_scale_factor: float | None = number("real_power_scale_factor")
    """What the power is multiplied by: 2 where one leg of two is measured; 21.x and later."""


@dataclass(frozen=True, kw_only=True)
class InstalledMeter(Model):
    """One meter in `GET /api/meters`, in any order. Seed, `meters`."""

    serial: str | None = text("serial")
    """A synchrometer's ends in `synchrometerX` or `synchrometerY`, and has nothing before it while the Powerwall is
    stopped (21.39)."""

    short_id: str | None = text("short_id")
    """A Neurio's five digits; a synchrometer has the gateway's DIN."""

    kind: str | None = text("type")
    """`neurio_tcp`, `neurio_w2_tcp`, `synchrometerX`, `synchrometerY`; absent on 1.15."""

    connected: bool | None = flag("connected")
    """None for a synchrometer, which is part of the gateway."""

    cts: tuple[CurrentTransformers, ...] | None = parts("cts", CurrentTransformers)

    ip_address: str | None = text("ip_address")
    """A Neurio's name in the network, `PWRview-12345`; 21.x and later."""

    mac: str | None = text("mac")
    """With dashes; 21.x and later."""


@dataclass(frozen=True, kw_only=True)
class CtReading(Model):
    """What one input of a meter reads."""

    ct: int | None = whole("ct")
    """1 to 4; 0 for one that is not there, or is not read (21.39)."""

    voltage: float | None = number("v_V")
    """V to neutral."""

    power: float | None = number("p_W")
    """W, as the clamp sees it."""

    reactive_power: float | None = number("q_VAR")
    """var."""

    current: float | None = number("i_A")
    """A; not on every firmware."""

    exported_watt_seconds: float | None = number("eExp_Ws")
    """Ws, while power is negative."""

    imported_watt_seconds: float | None = number("eImp_Ws")
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

    ip_address: str | None = text("IP")
    """A Neurio's name in the network."""

    sensor_id: str | None = text("sensorId")
    """Of a Neurio, in hexadecimal digits."""

    firmware_version: str | None = text("firmwareVersion")

    frequency: float | None = number("f_Hz")
    """Hz; a Neurio's."""

    cts: tuple[CtReading, ...] | None = parts("cts", CtReading)


@dataclass(frozen=True, kw_only=True)
class MeterReading(Model):
    """One meter in `GET /api/meters/readings`. Seed, `meters/readings`."""

    error: str | None = text("error")
    """Empty where it was read. On 21.39 not while the Powerwall runs: all in `data` is zero then."""

    data: MeterData | None = part("data", MeterData)


@dataclass(frozen=True, kw_only=True)
class MeterConnection(Model):
    """How the gateway reaches a meter."""

    device_serial: str | None = text("device_serial")
    short_id: str | None = text("short_id")

    ip_address: str | None = text("ip_address")
    """A Neurio's name in the network; so are the two below a Neurio's."""

    port: int | None = whole("port")
    neurio_connected: bool | None = flag("neurio_connected")


@dataclass(frozen=True, kw_only=True)
class PhaseReadings(Meter):
    """The last readings of one meter, phase by phase; a phase that is not measured is None or close to zero.

    The totals are as in `meters/aggregates`; of one meter instead of all.
    """

    instant_average_current: float | None = number("instant_average_current")
    """A; 21.x and later."""

    i_a_current: float | None = number("i_a_current")
    """A; always 0 from a Neurio, as are the two below."""

    i_b_current: float | None = number("i_b_current")
    i_c_current: float | None = number("i_c_current")

    v_l1n: float | None = number("v_l1n")
    """V to neutral; an input that is not used keeps a rest of some 0.2 V. So may the two below."""

    v_l2n: float | None = number("v_l2n")
    v_l3n: float | None = number("v_l3n")

    real_power_a: float | None = number("real_power_a")
    """W; 21.x and later, as all below."""

    real_power_b: float | None = number("real_power_b")
    real_power_c: float | None = number("real_power_c")

    reactive_power_a: float | None = number("reactive_power_a")
    """var."""

    reactive_power_b: float | None = number("reactive_power_b")
    reactive_power_c: float | None = number("reactive_power_c")

    energy_exported_a: float | None = number("energy_exported_a")
    """Wh."""

    energy_exported_b: float | None = number("energy_exported_b")
    energy_exported_c: float | None = number("energy_exported_c")

    energy_imported_a: float | None = number("energy_imported_a")
    """Wh."""

    energy_imported_b: float | None = number("energy_imported_b")
    energy_imported_c: float | None = number("energy_imported_c")

    last_phase_voltage_communication_time: datetime | None = moment("last_phase_voltage_communication_time")
    last_phase_power_communication_time: datetime | None = moment("last_phase_power_communication_time")
    last_phase_energy_communication_time: datetime | None = moment("last_phase_energy_communication_time")

    serial_number: str | None = text("serial_number")

    version: str | None = text("version")
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
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
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

    meter_id: int | None = whole("id")

    location: str | None = text("location")
    """`site` or `solar`."""

    kind: str | None = text("type")
    """`neurio_tcp`, `synchrometerX`, …"""

    cts: tuple[bool, ...] | None = flags("cts")
    """By input, 1 to 4: whether it belongs to this."""

    inverted: tuple[bool, ...] | None = flags("inverted")
    """By input: whether its clamp sits the wrong way round, and the gateway turns it."""

    real_power_scale_factor: float | None = number("real_power_scale_factor")
    """What the power is multiplied by: 2 where one leg of two is measured."""

    connection: MeterConnection | None = part("connection", MeterConnection)


@dataclass(frozen=True, kw_only=True)
class SiteMeter(_SingleMeter):
    """One meter at the grid, `GET /api/meters/site`. Not in the seed; seen since 2018."""

    readings: PhaseReadings | None = part("Cached_readings", PhaseReadings)
    """Imports +."""


@dataclass(frozen=True, kw_only=True)
class SolarMeter(_SingleMeter):
    """One meter at the solar inverter, `GET /api/meters/solar`. Not in the seed; seen since 2018."""

    readings: SolarPhaseReadings | None = part("Cached_readings", SolarPhaseReadings)
    """Produces +."""
