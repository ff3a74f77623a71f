"""The gateway's answers as frozen dataclasses, by subject."""

from .base import Model, check_models
from .battery import BatteryBlock, StateOfEnergy, SystemStatus
from .config_file import ConfigFile, ExportRule, SiteSettings
from .controller import Controller, StoredEnergy
from .customer import Consents, Customer, CustomerRegistration, Installer, InstallerCompany
from .device_components import DeviceComponents
from .diagnostic import CheckStatus, Diagnostic, DiagnosticCheck
from .grid import AlertValue, GridFault, GridState, GridStatus, Islanding, IslandMode
from .meter_hardware import (
    CtReading,
    CurrentTransformers,
    InstalledMeter,
    MeterConnection,
    MeterData,
    MeterReading,
    PhaseReadings,
    SiteMeter,
    SolarMeter,
    SolarPhaseReadings,
)
from .meters import Meter, MetersAggregates
from .network import AccessPoint, InterfaceType, Network, NetworkAddress, NetworkInterface
from .operation import Operation, OperationMode
from .part_numbers import powerwall_model
from .powerwalls import Component, Powerwalls, PowerwallsStatus, PowerwallUnit
from .session import LoginMemory, LoginRecord, SessionRecord, ToggleAuth
from .site import Config, GridCode, GridCodes, SiteInfo, SiteName
from .solar import Generators, PvacStatus, PvsStatus, SolarInverter, SolarPowerwall, SolarString
from .system import Din, Sitemaster, Status
from .testing import (
    ConnectionTest,
    ConnectionTests,
    MeterTestResult,
    PingTest,
    SystemTesting,
    TroubleshootingProblems,
)
from .update import SystemUpdate, UpdateInfo, UpdateState

check_models()

__all__ = [
    "AccessPoint",
    "AlertValue",
    "BatteryBlock",
    "CheckStatus",
    "Component",
    "Config",
    "ConfigFile",
    "ConnectionTest",
    "ConnectionTests",
    "Consents",
    "Controller",
    "CtReading",
    "CurrentTransformers",
    "Customer",
    "CustomerRegistration",
    "DeviceComponents",
    "Diagnostic",
    "DiagnosticCheck",
    "Din",
    "ExportRule",
    "Generators",
    "GridCode",
    "GridCodes",
    "GridFault",
    "GridState",
    "GridStatus",
    "InstalledMeter",
    "Installer",
    "InstallerCompany",
    "InterfaceType",
    "IslandMode",
    "Islanding",
    "LoginMemory",
    "LoginRecord",
    "Meter",
    "MeterConnection",
    "MeterData",
    "MeterReading",
    "MeterTestResult",
    "MetersAggregates",
    "Model",
    "Network",
    "NetworkAddress",
    "NetworkInterface",
    "Operation",
    "OperationMode",
    "PhaseReadings",
    "PingTest",
    "PowerwallUnit",
    "Powerwalls",
    "PowerwallsStatus",
    "PvacStatus",
    "PvsStatus",
    "SessionRecord",
    "SiteInfo",
    "SiteMeter",
    "SiteName",
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
    "SystemTesting",
    "SystemUpdate",
    "ToggleAuth",
    "TroubleshootingProblems",
    "UpdateInfo",
    "UpdateState",
    "powerwall_model",
]
