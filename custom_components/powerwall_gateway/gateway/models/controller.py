"""What the device controller tells when it is asked with a signed request, as far as it is of use here."""

from dataclasses import dataclass
from functools import cached_property

from .base import Model
from .battery import BatteryBlock
from .fields import key
from .system import Din


@dataclass(frozen=True, kw_only=True)
class StoredEnergy(Model):
    """`control.systemStatus`: all Powerwalls together, Wh."""

    full: float | None = key("nominalFullPackEnergyWh")
    remaining: float | None = key("nominalEnergyRemainingWh")


@dataclass(frozen=True, kw_only=True)
class ControlledPowerwall(Model):
    """One of `control.batteryBlocks`: a Powerwall 3, the one that leads among them; expansions are not listed."""

    din: str | None = None

    disable_reasons: tuple[str, ...] | None = key("disableReasons")
    """null while it works."""


@dataclass(frozen=True, kw_only=True)
class ControllerAlerts(Model):
    """`control.alerts`."""

    active: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ControllerState(Model):
    """`control`."""

    stored: StoredEnergy | None = key("systemStatus")
    powerwalls: tuple[ControlledPowerwall, ...] | None = key("batteryBlocks")
    alerts: ControllerAlerts | None = None


@dataclass(frozen=True, kw_only=True)
class Controller(Model):
    """The answer."""

    control: ControllerState | None = None

    @property
    def stored(self) -> StoredEnergy:
        """The energy in the battery, as far as it is told."""
        return (self.control and self.control.stored) or StoredEnergy()

    @property
    def alerts(self) -> tuple[str, ...] | None:
        """What holds just now, by Tesla's names: that the grid is there is among it."""
        return self.control.alerts.active if self.control and self.control.alerts else None

    @cached_property
    def battery_blocks(self) -> tuple[BatteryBlock, ...]:
        """Every Powerwall 3, and whether it works, in the words of `system_status`."""
        return tuple(
            BatteryBlock(
                part_number=din.part_number,
                serial_number=din.serial_number,
                disabled_reasons=powerwall.disable_reasons or (),
            )
            for powerwall in (self.control and self.control.powerwalls) or ()
            if (din := Din.parse(powerwall.din))
        )
