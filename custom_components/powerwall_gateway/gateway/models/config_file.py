"""`config.json`: where a gateway of 2026 keeps its settings, read and written by signed requests."""

from dataclasses import dataclass
from enum import StrEnum

from .base import Model
from .fields import key
from .operation import Operation, OperationMode
from .system import Din


class ExportRule(StrEnum):
    """What may flow to the grid."""

    EVERYTHING = "battery_ok"
    """Sun and battery."""

    SOLAR = "pv_only"
    NOTHING = "never"


@dataclass(frozen=True, kw_only=True)
class SiteSettings(Model):
    """`site_info` of that file, as far as it is of use here."""

    site_name: str | None = None

    timezone: str | None = None
    """IANA name."""

    backup_reserve_percent: float | None = None
    """% on the raw scale, as in `operation`."""

    export_rule: ExportRule | None = key("customer_preferred_export_rule")

    keeps_from_grid_charging: bool | None = key("disallow_charge_from_grid_with_solar_installed")
    """Whether the battery is not to be charged from the grid; left out where it may be."""


@dataclass(frozen=True, kw_only=True)
class ConfiguredExpansion(Model):
    """One of `battery_expansions`."""

    din: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConfiguredPowerwall(Model):
    """One of `battery_blocks`."""

    expansions: tuple[ConfiguredExpansion, ...] | None = key("battery_expansions")


@dataclass(frozen=True, kw_only=True)
class ConfigFile(Model):
    """The file."""

    vin: str | None = None
    """The gateway's DIN."""

    powerwalls: tuple[ConfiguredPowerwall, ...] | None = key("battery_blocks")
    default_real_mode: OperationMode | None = None
    site_info: SiteSettings | None = None

    @property
    def din(self) -> Din | None:
        """Which gateway it is."""
        return Din.parse(self.vin)

    @property
    def expansions(self) -> frozenset[str]:
        """The serials of the expansions of all Powerwalls."""
        listed = [each for powerwall in self.powerwalls or () for each in powerwall.expansions or ()]
        return frozenset(din.serial_number for each in listed if (din := Din.parse(each.din)))

    @property
    def export_rule(self) -> ExportRule | None:
        """What may flow to the grid; None where nobody ever said so."""
        return self.site_info.export_rule if self.site_info else None

    @property
    def charges_from_grid(self) -> bool | None:
        """Whether the battery may be charged from the grid; None where the settings could not be read."""
        return None if self.site_info is None else not self.site_info.keeps_from_grid_charging

    @property
    def operation(self) -> Operation:
        """Mode and reserve as the unsigned `operation` tells them."""
        return Operation(
            real_mode=self.default_real_mode,
            backup_reserve_percent=self.site_info.backup_reserve_percent if self.site_info else None,
        )
