"""What a Powerwall 3 tells of its parts when it is asked with a signed request, as far as it is of use here."""

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, override

from .battery import BatteryBlock
from .kinds import number, part, parts, text
from .payload import Payload
from .system import Din


class _Signals(Payload):
    """A part whose values are a list of signals, each with its name."""

    @override
    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
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

    remaining: float | None = number("BMS_nominalEnergyRemaining")
    full: float | None = number("BMS_nominalFullPackEnergy")


@dataclass(frozen=True, kw_only=True)
class PackLabel(Payload):
    """One of `hvp`: whose energies those are, empty where there is no pack."""

    part_number: str | None = text("partNumber")
    serial_number: str | None = text("serialNumber")


@dataclass(frozen=True, kw_only=True)
class Slot(Payload):
    """A place for a pack: the Powerwall itself comes first, then its expansions."""

    energies: PackEnergies | None = part("bms", PackEnergies)
    label: PackLabel | None = part("hvp", PackLabel)


@dataclass(frozen=True, kw_only=True)
class Inverter(_Signals):
    """One of `pch`. `PCH_BatteryPower` is left out: no source says which sign it has."""

    frequency: float | None = number("PCH_AcFrequency")
    """Hz."""

    voltage: float | None = number("PCH_AcVoltageAB")
    """V."""


@dataclass(frozen=True, kw_only=True)
class PowerwallParts(Payload):
    """`components`."""

    inverters: tuple[Inverter, ...] | None = parts("pch", Inverter)
    slots: tuple[Slot, ...] | None = parts("slots", Slot)

    @override
    @staticmethod
    def tidy(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Bring together what lies side by side in two lists."""
        energies, labels = (found if isinstance(found := wire.get(key), list) else [] for key in ("bms", "hvp"))
        return wire | {"slots": [{"bms": bms, "hvp": hvp} for bms, hvp in zip_longest(energies, labels)]}


@dataclass(frozen=True, kw_only=True)
class DeviceComponents(Payload):
    """The answer, with whose it is.

    It is that of the Powerwall that leads and is the gateway itself, whichever was asked:
    nobody tells of one that follows.
    """

    din: str | None = text("din")
    """Of the gateway; the answer itself does not say."""

    components: PowerwallParts | None = part("components", PowerwallParts)

    @cached_property
    def battery_blocks(self) -> tuple[BatteryBlock, ...]:
        """The Powerwall and its expansions in the words of `system_status`; without a serial there is no expansion."""
        told, leader = self.components or PowerwallParts(), Din.parse(self.din)
        if leader is None or not told.slots:
            return ()
        inverter = next(iter(told.inverters or ()), Inverter())
        first, *others = told.slots
        return (
            _block(leader, first, voltage=inverter.voltage, frequency=inverter.frequency),
            *(_block(slot.label, slot) for slot in others if slot.label and slot.label.serial_number),
        )


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
