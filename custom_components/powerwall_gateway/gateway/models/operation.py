"""Operation mode and backup reserve: `operation`."""

from dataclasses import dataclass
from enum import StrEnum

from .base import Model
from .fields import key


class OperationMode(StrEnum):
    """Operation mode by the gateway's name."""

    SELF_CONSUMPTION = "self_consumption"  #: Self-Powered in Tesla's app
    BACKUP = "backup"  #: Backup-only
    AUTONOMOUS = "autonomous"  #: Time-Based Control; read only, the gateway rejects it in a write
    SCHEDULER = "scheduler"  #: Aggregation; listed in the seed, not supported
    SITE_CONTROL = "site_control"  #: Known from other clients only


@dataclass(frozen=True, kw_only=True)
class Operation(Model):
    """`GET /api/operation`, and the response to a write. Seed, "GET & POST /api/operation"."""

    mode: OperationMode | None = None  #: 1.15
    real_mode: OperationMode | None = None  #: The same on 1.21 and later

    backup_reserve_percent: float | None = None
    """% on the raw scale; 5 is 0% in the app. Null on a gateway with solar only."""

    max_pv_export_power_kw: float | None = key("max_pv_export_power_kW")
    """kW that solar may export; null or absent is no limit (seed)."""

    freq_shift_load_shed_soe: float | None = None
    """% of charge, related to shedding load by frequency; 21.39, for instance 75."""

    freq_shift_load_shed_delta_f: float | None = None  #: Hz of that shift in frequency; 21.39, for instance -0.32

    @property
    def operation_mode(self) -> OperationMode | None:
        """Return the operation mode of any firmware."""
        return self.real_mode or self.mode
