"""What the device controller tells when it is asked with a signed request, as far as it is of use here."""

from dataclasses import dataclass

from .payload import Payload, number, part


@dataclass(frozen=True, kw_only=True)
class StoredEnergy(Payload):
    """`control.systemStatus`: all Powerwalls together, Wh."""

    full: float | None = number("nominalFullPackEnergyWh")
    remaining: float | None = number("nominalEnergyRemainingWh")


@dataclass(frozen=True, kw_only=True)
class ControllerState(Payload):
    """`control`."""

    stored: StoredEnergy | None = part("systemStatus", StoredEnergy)


@dataclass(frozen=True, kw_only=True)
class Controller(Payload):
    """The answer."""

    control: ControllerState | None = part("control", ControllerState)

    @property
    def stored(self) -> StoredEnergy:
        """The energy in the battery, as far as it is told."""
        return (self.control and self.control.stored) or StoredEnergy()
