"""The gateway's responses as frozen dataclasses, by subject."""

from .base import Model, check_models
from .battery import (
    HIDDEN_PERCENT,
    BatteryBlock,
    Powerwalls,
    PowerwallUnit,
    StateOfEnergy,
    SystemStatus,
    app_from_raw,
    raw_from_app,
)
from .diagnostics import CheckStatus, ConnectionTest, ConnectionTests, TroubleshootingProblems
from .grid import AlertValue, GridFault, GridState, GridStatus, IslandMode
from .meters import (
    CtReading,
    CurrentTransformers,
    InstalledMeter,
    Meter,
    MeterReading,
    MetersAggregates,
    PhaseReadings,
    SiteMeter,
    SolarMeter,
    SolarPhaseReadings,
)
from .network import InterfaceType, Network, NetworkAddress, NetworkInterface
from .operation import Operation, OperationMode
from .signed import ConfigFile, Controller, DeviceComponents, ExportRule, SiteSettings, StoredEnergy
from .site import Config, CustomerRegistration, SiteInfo
from .solar import PvacStatus, SolarInverter, SolarPowerwall, SolarString
from .system import (
    Din,
    LoginMemory,
    LoginRecord,
    Sitemaster,
    Status,
    SystemUpdate,
    UpdateInfo,
    UpdateState,
    powerwall_model,
)

check_models()

__all__ = [
    "HIDDEN_PERCENT",
    "AlertValue",
    "BatteryBlock",
    "CheckStatus",
    "Config",
    "ConfigFile",
    "ConnectionTest",
    "ConnectionTests",
    "Controller",
    "CtReading",
    "CurrentTransformers",
    "CustomerRegistration",
    "DeviceComponents",
    "Din",
    "ExportRule",
    "GridFault",
    "GridState",
    "GridStatus",
    "InstalledMeter",
    "InterfaceType",
    "IslandMode",
    "LoginMemory",
    "LoginRecord",
    "Meter",
    "MeterReading",
    "MetersAggregates",
    "Model",
    "Network",
    "NetworkAddress",
    "NetworkInterface",
    "Operation",
    "OperationMode",
    "PhaseReadings",
    "PowerwallUnit",
    "Powerwalls",
    "PvacStatus",
    "SiteInfo",
    "SiteMeter",
    "SiteSettings",
    "Sitemaster",
    "SolarInverter",
    "SolarMeter",
    "SolarPhaseReadings",
    "SolarPowerwall",
    "SolarString",
    "StateOfEnergy",
    "Status",
    "StoredEnergy",
    "SystemStatus",
    "SystemUpdate",
    "TroubleshootingProblems",
    "UpdateInfo",
    "UpdateState",
    "app_from_raw",
    "powerwall_model",
    "raw_from_app",
]
