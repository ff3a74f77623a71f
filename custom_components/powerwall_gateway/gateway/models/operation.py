"""Mode and reserve: `operation`."""

from dataclasses import dataclass
from enum import StrEnum

from .base import Model
from .fields import key


class OperationMode(StrEnum):
    """What the battery is for, as the gateway names it."""

    SELF_CONSUMPTION = "self_consumption"
    """Self-powered in Tesla's app."""

    BACKUP = "backup"
    """Backup-only."""

    AUTONOMOUS = "autonomous"
    """Time-based control; read only, the gateway refuses to be set to it."""

    SCHEDULER = "scheduler"
    """Aggregation; listed, not supported."""

    SITE_CONTROL = "site_control"
    """Seen by other clients only."""


@dataclass(frozen=True, kw_only=True)
class Operation(Model):
    """`GET /api/operation`: mode and reserve, and what a write of them echoes. Seed, "GET & POST /api/operation"."""

    mode: OperationMode | None = None
    """1.15."""

    real_mode: OperationMode | None = None
    """The same from 1.21 on."""

    backup_reserve_percent: float | None = None
    """% on the raw scale; the app's 0 % is 5. Null on a gateway that has solar alone."""

    max_pv_export_power_kw: float | None = key("max_pv_export_power_kW")
    """kW that solar may export; null or absent is no limit (seed)."""

    freq_shift_load_shed_soe: float | None = None
    """% of charge that has to do with shedding load by frequency; 21.39, for instance 75."""

    freq_shift_load_shed_delta_f: float | None = None
    """Hz of that shift in frequency; 21.39, for instance -0.32."""

    @property
    def operation_mode(self) -> OperationMode | None:
        """The mode, by whichever key this firmware has."""
        return self.real_mode or self.mode
