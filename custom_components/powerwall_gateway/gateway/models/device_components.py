"""What a Powerwall 3 tells of its parts when it is asked with a signed request, as far as it is of use here."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, override

from .base import Model
from .battery import BatteryBlock
from .controller import Controller
from .fields import key
from .part_numbers import POWERWALL_3_EXPANSION, powerwall_model
from .system import Din

_SAME_CAPACITY = 50.0
_SAME_ENERGY = 200.0
"""Wh by which two answers about one pack may differ: they are rounded, and asked for some seconds apart."""


class _Signals(Model):
    """A part whose values are a list of signals, each with its name."""

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring the list into an object by name."""
        signals = wire.get("signals")
        return {
            name: signal.get("value")
            for signal in (signals if isinstance(signals, list) else ())
            if isinstance(signal, dict) and isinstance(name := signal.get("name"), str)
        }


@dataclass(frozen=True, kw_only=True)
class PackEnergies(_Signals):
    """One of `bms`: the energies of a pack, kWh."""

    remaining: float | None = key("BMS_nominalEnergyRemaining")
    full: float | None = key("BMS_nominalFullPackEnergy")


@dataclass(frozen=True, kw_only=True)
class PackLabel(Model):
    """One of `hvp`: whose energies those are, empty where there is no pack."""

    part_number: str | None = key("partNumber")
    serial_number: str | None = key("serialNumber")


@dataclass(frozen=True, kw_only=True)
class Slot(Model):
    """A place for a pack: the Powerwall itself comes first, then its expansions, and what else there is.

    A label is no proof of an expansion. The pack inside a Powerwall 3 has a serial of its own (`1800420-11-F`), and
    there are places for followers and for nothing.
    """

    energies: PackEnergies | None = key("bms")
    label: PackLabel | None = key("hvp")

    def is_expansion(self, configured: Collection[str]) -> bool:
        """Tell whether it is an expansion, by its part number or by the serials that `config.json` lists."""
        if self.label is None or not self.label.serial_number:
            return False
        is_listed = self.label.serial_number.upper() in configured
        return is_listed or powerwall_model(self.label.part_number) == POWERWALL_3_EXPANSION


@dataclass(frozen=True, kw_only=True)
class Inverter(_Signals):
    """One of `pch`. `PCH_BatteryPower` is left out: no source says which sign it has."""

    frequency: float | None = key("PCH_AcFrequency")
    """Hz."""

    voltage: float | None = key("PCH_AcVoltageAB")
    """V."""


@dataclass(frozen=True, kw_only=True)
class PowerwallParts(Model):
    """`components`."""

    inverters: tuple[Inverter, ...] | None = key("pch")
    slots: tuple[Slot, ...] | None = None

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring together what lies side by side in two lists."""
        energies, labels = (found if isinstance(found := wire.get(key), list) else [] for key in ("bms", "hvp"))
        return wire | {"slots": [{"bms": bms, "hvp": hvp} for bms, hvp in zip_longest(energies, labels)]}


@dataclass(frozen=True, kw_only=True)
class DeviceComponents(Model):
    """The answer, with whose it is.

    It is that of the Powerwall that leads and is the gateway itself, whichever was asked.
    """

    din: str | None = None
    """Of the gateway; the answer itself does not say."""

    components: PowerwallParts | None = None

    def battery_blocks(self, controller: Controller | None, expansions: Collection[str]) -> tuple[BatteryBlock, ...]:
        """Return the Powerwall, its expansions and its follower, in the words of `system_status`.

        `expansions` are the serials that `config.json` lists. `controller` tells of the follower.
        """
        told, leader = self.components or PowerwallParts(), Din.parse(self.din)
        if leader is None or not told.slots:
            return ()
        inverter = next(iter(told.inverters or ()), Inverter())
        first, *others = told.slots
        own = [_block(leader, first, voltage=inverter.voltage, frequency=inverter.frequency)]
        rest: list[BatteryBlock] = []
        for slot in others:
            if slot.label and slot.is_expansion(expansions):
                own.append(_block(slot.label, slot))
            else:
                rest.append(_block(PackLabel(), slot))
        follower = _follower(controller, own, rest) if controller else None
        return (*own, follower) if follower else tuple(own)


def _follower(controller: Controller, own: list[BatteryBlock], rest: list[BatteryBlock]) -> BatteryBlock | None:
    """Return the follower with its energies, if there is no doubt that they are its own.

    No place names a follower. Its energies are those of the one place that holds exactly what the whole system has
    beyond the leader and its expansions. That is certain for a single follower that works.
    """
    followers = [block for block in controller.battery_blocks if block.serial_number != own[0].serial_number]
    stored = controller.stored
    full = _rest(stored.full, [block.nominal_full_pack_energy for block in own])
    remaining = _rest(stored.remaining, [block.nominal_energy_remaining for block in own])
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


def _rest(total: float | None, known: list[float | None]) -> float | None:
    """Return what is left of a total, None if any number is missing."""
    numbers = [number for number in known if number is not None]
    return None if total is None or len(numbers) != len(known) else total - sum(numbers)


def _block(
    who: Din | PackLabel, slot: Slot, voltage: float | None = None, frequency: float | None = None
) -> BatteryBlock:
    energies = slot.energies or PackEnergies()
    return BatteryBlock(
        part_number=who.part_number,
        serial_number=who.serial_number,
        nominal_energy_remaining=_watt_hours(energies.remaining),
        nominal_full_pack_energy=_watt_hours(energies.full),
        voltage=voltage,
        frequency=frequency,
    )


def _watt_hours(kilo_watt_hours: float | None) -> float | None:
    return None if kilo_watt_hours is None else round(1000 * kilo_watt_hours, 1)
