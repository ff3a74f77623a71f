"""`config.json`: where a gateway of 2026 keeps its settings, read and written by signed requests."""

from dataclasses import dataclass
from enum import StrEnum

from .kinds import flag, number, one_of, part
from .operation import Operation, OperationMode
from .payload import Payload


class ExportRule(StrEnum):
    """What may flow to the grid."""

    EVERYTHING = "battery_ok"
    """Sun and battery."""

    SOLAR = "pv_only"
    NOTHING = "never"


@dataclass(frozen=True, kw_only=True)
class SiteSettings(Payload):
    """`site_info` of that file, as far as it is of use here."""

    backup_reserve_percent: float | None = number("backup_reserve_percent")
    """% on the raw scale, as in `operation`."""

    export_rule: ExportRule | None = one_of("customer_preferred_export_rule", ExportRule)

    keeps_from_grid_charging: bool | None = flag("disallow_charge_from_grid_with_solar_installed")
    """Whether the battery is not to be charged from the grid; left out where it may be."""


@dataclass(frozen=True, kw_only=True)
class ConfigFile(Payload):
    """The file."""

    default_real_mode: OperationMode | None = one_of("default_real_mode", OperationMode)
    site_info: SiteSettings | None = part("site_info", SiteSettings)

    @property
    def export_rule(self) -> ExportRule | None:
        """What may flow to the grid; None where nobody ever said so."""
        return self.site_info.export_rule if self.site_info else None

    @property
    def charges_from_grid(self) -> bool:
        """Whether the battery may be charged from the grid."""
        return not (self.site_info and self.site_info.keeps_from_grid_charging)

    @property
    def operation(self) -> Operation:
        """Mode and reserve as the unsigned `operation` tells them."""
        return Operation(
            real_mode=self.default_real_mode,
            backup_reserve_percent=self.site_info.backup_reserve_percent if self.site_info else None,
        )
