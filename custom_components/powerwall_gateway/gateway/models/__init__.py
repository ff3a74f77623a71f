"""The gateway's answers as frozen dataclasses, by subject."""

from .battery import BatteryBlock, Operation, OperationMode, Powerwalls, PowerwallUnit, StateOfEnergy, SystemStatus
from .grid import GridState, GridStatus
from .meters import Meter, MetersAggregates
from .payload import Payload
from .session import LoginMemory, LoginRecord, SessionRecord
from .site import Config, GridCode, SiteInfo
from .system import Din, Sitemaster, Status

__all__ = [
    "BatteryBlock",
    "Config",
    "Din",
    "GridCode",
    "GridState",
    "GridStatus",
    "LoginMemory",
    "LoginRecord",
    "Meter",
    "MetersAggregates",
    "Operation",
    "OperationMode",
    "Payload",
    "PowerwallUnit",
    "Powerwalls",
    "SessionRecord",
    "SiteInfo",
    "Sitemaster",
    "StateOfEnergy",
    "Status",
    "SystemStatus",
]
