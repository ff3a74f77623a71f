"""Responses to signed requests: `config.json`, the device controller and the components of a Powerwall 3.

Only the fields that are used here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from typing import Any, override

from .base import Model
from .battery import BatteryBlock
from .fields import key
from .gateway import POWERWALL_3_EXPANSION, Din, powerwall_model
from .meters import CtReading, CurrentTransformers, InstalledMeter, SingleMeter
from .operation import Operation, OperationMode


class ExportRule(StrEnum):
    """Energy that may be exported to the grid."""

    EVERYTHING = "battery_ok"  #: Solar and battery
    SOLAR = "pv_only"
    NOTHING = "never"


@dataclass(frozen=True, kw_only=True)
class SiteSettings(Model):
    """`site_info` of `config.json`."""

    site_name: str | None = None
    timezone: str | None = None  #: IANA name
    backup_reserve_percent: float | None = None  #: % on the raw scale, as in `operation`
    export_rule: ExportRule | None = key("customer_preferred_export_rule")

    max_site_meter_power_ac: float | None = None  #: kW that may be imported from the grid
    min_site_meter_power_ac: float | None = None  #: The same for export, below zero (aiopowerwall, Powerwall 3)

    grid_charging_disallowed: bool | None = key("disallow_charge_from_grid_with_solar_installed")
    """True if charging from the grid is disallowed; absent if it is allowed."""


@dataclass(frozen=True, kw_only=True)
class NamedPowerwall(Model):
    """One of `battery_blocks`, or of the `battery_expansions` in it, or of `control.batteryBlocks`."""

    din: str | None = None  #: Not of the first
    expansions: tuple[NamedPowerwall, ...] | None = key("battery_expansions")  #: Of the first
    disable_reasons: tuple[str, ...] | None = key("disableReasons")  #: Of the last; null while it works


@dataclass(frozen=True, kw_only=True)
class ConfigFile(Model):
    """`config.json`, which holds the settings of a gateway of 2026."""

    vin: str | None = None  #: The gateway's DIN
    powerwalls: tuple[NamedPowerwall, ...] | None = key("battery_blocks")
    meters: tuple[SingleMeter, ...] | None = None
    default_real_mode: OperationMode | None = None
    site_info: SiteSettings | None = None

    @property
    def din(self) -> Din | None:
        """Return the gateway's DIN."""
        return Din.parse(self.vin)

    @property
    def expansions(self) -> frozenset[str]:
        """Return the serials of the expansions of all Powerwalls."""
        listed = [each for powerwall in self.powerwalls or () for each in powerwall.expansions or ()]
        return frozenset(din.serial_number for each in listed if (din := Din.parse(each.din)))

    @property
    def installed_meters(self) -> tuple[InstalledMeter, ...]:
        """Return the meters in use, in the form of `meters`. One is listed once for each use."""
        return tuple(
            InstalledMeter(
                serial=meter.device_serial,
                kind=meter.kind,
                cts=(CurrentTransformers(kind=meter.location, valid=meter.cts, inverted=meter.inverted),),
            )
            for meter in self.meters or ()
            if any(meter.cts or ())
        )

    @property
    def export_rule(self) -> ExportRule | None:
        """Return the export rule; None if it was never set."""
        return self.site_info.export_rule if self.site_info else None

    @property
    def charges_from_grid(self) -> bool | None:
        """Return True if charging from the grid is allowed; None if the settings could not be read."""
        return None if self.site_info is None else not self.site_info.grid_charging_disallowed

    @property
    def import_limit(self) -> float | None:
        """Return the power in kW that may be imported from the grid; None if there is no limit."""
        return self.site_info.max_site_meter_power_ac if self.site_info else None

    @property
    def export_limit(self) -> float | None:
        """Return the power in kW that may be exported to the grid, zero or above; None if there is no limit."""
        limit = self.site_info.min_site_meter_power_ac if self.site_info else None
        return None if limit is None else abs(limit)

    @property
    def operation(self) -> Operation:
        """Return operation mode and backup reserve in the form of `GET /api/operation`."""
        return Operation(
            real_mode=self.default_real_mode,
            backup_reserve_percent=self.site_info.backup_reserve_percent if self.site_info else None,
        )


@dataclass(frozen=True, kw_only=True)
class FullBackup:
    """A full backup that the gateway does by itself: it charges the battery to 100% and keeps it there.

    The Tesla app has it, too. Tesla's message definitions call it a manual backup event.
    """

    until: datetime | None
    """UTC; None if there is none."""


@dataclass(frozen=True, kw_only=True)
class AuthorizedKey(Model):
    """A key that is registered at the gateway, as the library aiopowerwall lists it."""

    public_key: str | None = None  #: Base64: of an RSA key PKCS #1, DER
    description: str | None = None  #: Text by the client that registered it
    state: str | None = None  #: Name in Tesla's message definitions, such as `VERIFIED`

    @property
    def is_confirmed(self) -> bool:
        """Return True if the gateway accepts the key."""
        return self.state == "VERIFIED"


@dataclass(frozen=True, kw_only=True)
class MeterInputs(Model):
    """Readings at the inputs of a meter, by the device controller."""

    meter_id: str | None = key("id")  #: `synchrometerX` or `synchrometerY`, or the serial of a Neurio
    cts: tuple[CtReading, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Controller(Model):
    """`control` in the device controller's response, and the meters."""

    nominal_full_pack_energy: float | None = None  #: Wh of all Powerwalls
    nominal_energy_remaining: float | None = None  #: Wh of all Powerwalls

    powerwalls: tuple[NamedPowerwall, ...] | None = key("batteryBlocks")
    """Powerwall 3, leader and followers; expansions are not listed."""

    alerts: tuple[str, ...] | None = None
    """Active alerts by Tesla's names; one of them says that the grid is connected."""

    contactor_closed: bool | None = None  #: True while the contactor to the grid is closed

    meters: tuple[MeterInputs, ...] | None = None
    """The meters that the gateway is in contact with."""

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert `control` to one level, with the active alerts as a list, and the meters in one form."""
        if "control" not in wire:
            return {}
        control = _object(wire["control"])
        stored = _object(control.get("systemStatus"))
        return control | {
            "nominal_full_pack_energy": stored.get("nominalFullPackEnergyWh"),
            "nominal_energy_remaining": stored.get("nominalEnergyRemainingWh"),
            "alerts": _object(control.get("alerts")).get("active"),
            "contactor_closed": _object(control.get("islanding")).get("contactorClosed"),
            "meters": [*_synchrometers(wire), *_neurios(wire)],
        }

    @cached_property
    def battery_blocks(self) -> tuple[BatteryBlock, ...]:
        """Return every Powerwall 3 and its disabled reasons in the form of `system_status`."""
        return tuple(
            BatteryBlock(
                part_number=din.part_number,
                serial_number=din.serial_number,
                disabled_reasons=powerwall.disable_reasons or (),
            )
            for powerwall in self.powerwalls or ()
            if (din := Din.parse(powerwall.din))
        )


@dataclass(frozen=True, kw_only=True)
class SignedBlock(BatteryBlock):
    """A Powerwall 3 or its battery, with the values that only a signed response has.

    Firmware leaves out the signals that it does not know. pypowerwall read all of these on 26.26.11.
    """

    temperature_max: float | None = None  #: °C of the warmest part of the battery
    temperature_min: float | None = None  #: °C of the coldest part of the battery
    inverter_temperature: float | None = None  #: °C of the air at the inverter; of the leader, like the fans
    fan_a_speed: float | None = None  #: rpm
    fan_b_speed: float | None = None  #: rpm
    average_capacity: float | None = None  #: Ah
    full_cycles: float | None = None  #: 0 on both Powerwalls that were read, after 2.9 MWh each
    self_discharge: float | None = None  #: No source has its unit; 0.392 was seen


_SAME_CAPACITY = 50.0
_SAME_ENERGY = 200.0
"""Wh by which two responses about one battery may differ: they are rounded, and some seconds apart."""


@dataclass(frozen=True, kw_only=True)
class Slot(Model):
    """A position in `bms` and `hvp`: first the Powerwall itself, then its expansions, followers and empty positions.

    `bms` has the energies in kWh. `hvp` has the temperatures in °C, and the identity of the battery, empty if there is
    none. It is no proof of an expansion: the battery inside a Powerwall 3 has a serial of its own (`1800420-11-F`).
    """

    remaining: float | None = key("BMS_nominalEnergyRemaining")
    full: float | None = key("BMS_nominalFullPackEnergy")
    part_number: str | None = key("partNumber")
    serial_number: str | None = key("serialNumber")
    discharged: float | None = key("BMS_kwhDischargeTotal")
    average_capacity: float | None = key("BMS_LOG_cacAvg")
    full_cycles: float | None = key("BMS_LOG_numFullBattCycles")
    self_discharge: float | None = key("BMS_LOG_selfDischargeRate")
    temperature_max: float | None = key("HVP_PackTempMax")
    temperature_min: float | None = key("HVP_PackTempMin")

    def is_expansion(self, configured: Collection[str]) -> bool:
        """Return True for an expansion, known by its part number or by the serials that `config.json` lists."""
        if not self.serial_number:
            return False
        is_listed = self.serial_number.upper() in configured
        return is_listed or powerwall_model(self.part_number) == POWERWALL_3_EXPANSION


PV_STRINGS = "ABCDEF"
"""The letters of the inputs for strings of panels at a Powerwall 3."""

_WIRED = 20.0
"""V: without panels an input measures 0 to 4 V, `Pv_Active` or not (pypowerwall, issue 131)."""


@dataclass(frozen=True, kw_only=True)
class PvString(Model):
    """An input for a string of panels at a Powerwall 3. Inputs in parallel each measure their own current."""

    state: str | None = None  #: `Pv_Active`, `Pv_Active_Parallel`, `Pv_Standby`; the same without panels
    voltage: float | None = None  #: V (DC); slightly negative at times
    current: float | None = None  #: A (DC)

    @property
    def connected(self) -> bool:
        """Return True if there are panels in the light: at night their voltage is that of an input without panels."""
        return self.voltage is not None and self.voltage > _WIRED

    @property
    def power(self) -> float | None:
        """Return the power in W, producing +. The gateway does not report it for each string."""
        if self.voltage is None or self.current is None:
            return None
        return round(max(0.0, self.voltage) * max(0.0, self.current), 1)


@dataclass(frozen=True, kw_only=True)
class DeviceComponents(Model):
    """The components of the leader, which is the gateway itself, whichever Powerwall the request names.

    `PCH_BatteryPower` and `PCH_SlowPvPowerSum` are not read: no source has the sign of the one and the unit of the
    other.
    """

    din: str | None = None  #: The gateway's DIN, which the response itself does not contain
    slots: tuple[Slot, ...] | None = None
    strings: tuple[PvString, ...] | None = None  #: One for each of `PV_STRINGS`
    frequency: float | None = key("PCH_AcFrequency")  #: Hz
    voltage: float | None = key("PCH_AcVoltageAB")  #: V
    temperature: float | None = key("PCH_AmbientTemp")  #: °C. `PCH_heatsinkTemp` never changes (pypowerwall)
    fan_a_speed: float | None = key("PCH_FanSpeed_A")  #: rpm
    fan_b_speed: float | None = key("PCH_FanSpeed_B")  #: rpm

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Combine the parallel lists `bms` and `hvp`, and add the signals of the first inverter (`pch`)."""
        components = wire.get("components")
        if not isinstance(components, dict):
            return {"din": wire.get("din")}
        energies, labels, inverters = (_list(components.get(name)) for name in ("bms", "hvp", "pch"))
        slots = [_signals(bms) | _signals(hvp) | _object(hvp) for bms, hvp in zip_longest(energies, labels)]
        inverter = _signals(next(iter(inverters), None))
        strings = [
            {
                "state": inverter.get(f"PCH_PvState_{letter}"),
                "voltage": inverter.get(f"PCH_PvVoltage{letter}"),
                "current": inverter.get(f"PCH_PvCurrent{letter}"),
            }
            for letter in PV_STRINGS
        ]
        return inverter | {"din": wire.get("din"), "slots": slots, "strings": strings}

    def strings_of(self, serial: str) -> tuple[PvString, ...] | None:
        """Return the strings of a Powerwall, None unless it is the leader."""
        leader = Din.parse(self.din)
        return self.strings if leader and leader.serial_number == serial else None

    def battery_blocks(self, controller: Controller | None, expansions: Collection[str]) -> tuple[SignedBlock, ...]:
        """Return the Powerwall, its expansions and its follower in the form of `system_status`.

        `expansions` are the serials that `config.json` lists. `controller` lists the follower.
        """
        leader = Din.parse(self.din)
        if leader is None or not self.slots:
            return ()
        first, *others = self.slots
        own = [
            replace(
                _block(first, leader),
                voltage=self.voltage,
                frequency=self.frequency,
                inverter_temperature=_rounded(self.temperature),
                fan_a_speed=self.fan_a_speed,
                fan_b_speed=self.fan_b_speed,
            )
        ]
        rest: list[SignedBlock] = []
        for slot in others:
            if slot.is_expansion(expansions):
                own.append(_block(slot, slot))
            else:
                rest.append(_block(slot))
        follower = _follower(controller, own, rest) if controller else None
        return (*own, follower) if follower else tuple(own)


@dataclass(frozen=True, kw_only=True)
class PowerwallTemperatures(Model):
    """Temperatures of a Powerwall 2, °C."""

    serial_number: str | None = None
    ambient: float | None = None  #: At its thermal controller

    heat_sink: float | None = None
    """Of its inverter. That has a serial of its own and follows its Powerwall in the response: nothing else connects
    the two. None for all of them if the order is another."""


@dataclass(frozen=True, kw_only=True)
class BatteryTemperatures(Model):
    """Temperatures in the long response of the device controller."""

    powerwalls: tuple[PowerwallTemperatures, ...] | None = None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert the components to one entry for each Powerwall 2."""
        components = wire.get("components")
        if not isinstance(components, dict):
            return {}
        powerwalls: list[dict[str, Any]] = []
        heat_sinks: list[Any] = []
        in_order = True
        for component in map(_object, _list(components.get("msa"))):
            if not (serial := component.get("serialNumber")):
                continue  # an empty position
            signals = _signals(component)
            if "THC_AmbientTemp" in signals:
                in_order &= len(heat_sinks) == len(powerwalls)
                powerwalls.append({"serial_number": serial, "ambient": signals["THC_AmbientTemp"]})
            elif "PINV_HeatsinkTemp" in signals:
                heat_sinks.append(signals["PINV_HeatsinkTemp"])
                in_order &= len(heat_sinks) == len(powerwalls)
        if in_order and len(heat_sinks) == len(powerwalls):
            powerwalls = [each | {"heat_sink": value} for each, value in zip(powerwalls, heat_sinks, strict=True)]
        return {"powerwalls": powerwalls}


def _object(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _synchrometers(wire: dict[Any, Any]) -> list[dict[Any, Any]]:
    """Return the two meters of a Gateway 2 with their inputs A to C. One that is missing (`isMIA`) reports zeros."""
    sync = _object(_object(_object(wire.get("esCan")).get("bus")).get("SYNC"))
    meters = []
    for name in "XY":
        read = _object(sync.get(f"METER_{name}_AcMeasurements"))
        if read and not read.get("isMIA"):
            inputs = [
                {
                    "ct": number,
                    "p_W": read.get(f"METER_{name}_CT{letter}_InstRealPower"),
                    "q_VAR": read.get(f"METER_{name}_CT{letter}_InstReactivePower"),
                    "i_A": read.get(f"METER_{name}_CT{letter}_I"),
                    "v_V": read.get(f"METER_{name}_VL{number}N"),
                }
                for number, letter in enumerate("ABC", start=1)
            ]
            meters.append({"id": f"synchrometer{name}", "cts": inputs})
    return meters


def _neurios(wire: dict[Any, Any]) -> list[dict[Any, Any]]:
    """Return the Neurio meters with their inputs, which are listed in order."""
    return [
        {
            "id": _object(meter).get("serial"),
            "cts": [
                {
                    "ct": number,
                    "p_W": read.get("realPowerW"),
                    "q_VAR": read.get("reactivePowerVAR"),
                    "i_A": read.get("currentA"),
                    "v_V": read.get("voltageV"),
                }
                for number, read in enumerate(map(_object, _list(_object(meter).get("dataRead"))), start=1)
            ],
        }
        for meter in _list(_object(wire.get("neurio")).get("readings"))
    ]


def _signals(component: Any) -> dict[Any, Any]:
    """Return the signals of a component by name, which it reports as a list. A state is a text, all else a number."""
    signals = _object(component).get("signals")
    return {
        name: signal.get("textValue") or signal.get("value")
        for signal in _list(signals)
        if isinstance(signal, dict) and isinstance(name := signal.get("name"), str)
    }


def _follower(controller: Controller, own: list[SignedBlock], rest: list[SignedBlock]) -> SignedBlock | None:
    """Return the follower with the values of its battery, if they are certainly its own.

    No position names a follower. Its energies are in the one position that holds exactly the difference between the
    whole system and the leader with its expansions. That is certain for a single follower that works.
    """
    followers = [block for block in controller.battery_blocks if block.serial_number != own[0].serial_number]
    full = _remainder(controller.nominal_full_pack_energy, [block.nominal_full_pack_energy for block in own])
    remaining = _remainder(controller.nominal_energy_remaining, [block.nominal_energy_remaining for block in own])
    if len(followers) != 1 or followers[0].disabled_reasons or full is None or remaining is None:
        return None
    fitting = [
        block
        for block in rest
        if block.nominal_full_pack_energy
        and abs(block.nominal_full_pack_energy - full) <= _SAME_CAPACITY
        and block.nominal_energy_remaining is not None
        and abs(block.nominal_energy_remaining - remaining) <= _SAME_ENERGY
    ]
    if len(fitting) != 1:
        return None
    return replace(fitting[0], part_number=followers[0].part_number, serial_number=followers[0].serial_number)


def _remainder(total: float | None, known: list[float | None]) -> float | None:
    """Return the rest of a total, None if any number is missing."""
    numbers = [number for number in known if number is not None]
    return None if total is None or len(numbers) != len(known) else total - sum(numbers)


def _block(slot: Slot, identity: Din | Slot | None = None) -> SignedBlock:
    return SignedBlock(
        part_number=identity.part_number if identity else None,
        serial_number=identity.serial_number if identity else None,
        nominal_energy_remaining=_watt_hours(slot.remaining),
        nominal_full_pack_energy=_watt_hours(slot.full),
        energy_discharged=_watt_hours(slot.discharged),
        temperature_max=_rounded(slot.temperature_max),
        temperature_min=_rounded(slot.temperature_min),
        average_capacity=_rounded(slot.average_capacity),
        full_cycles=slot.full_cycles,
        self_discharge=slot.self_discharge,
    )


def _watt_hours(kilo_watt_hours: float | None) -> float | None:
    return None if kilo_watt_hours is None else round(1000 * kilo_watt_hours, 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
