"""Coordinators: what is polled, how often, and what a failed poll means."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from ..control import Control
from ..device import SubDevice
from ..gateway import IdentityCheck, PercentScale, PowerwallGateway
from .base import GatewayCoordinator, is_final
from .detail import Detail, DetailCoordinator, DetailData
from .grid import GridCoordinator, GridData
from .inventory import InventoryCoordinator, InventoryData
from .live import LiveCoordinator, LiveData
from .settings import SettingsCoordinator, SettingsData

__all__ = [
    "Detail",
    "DetailCoordinator",
    "DetailData",
    "GatewayCoordinator",
    "GridCoordinator",
    "GridData",
    "InventoryCoordinator",
    "InventoryData",
    "LiveCoordinator",
    "LiveData",
    "PowerwallGatewayConfigEntry",
    "PowerwallGatewayData",
    "SettingsCoordinator",
    "SettingsData",
    "is_final",
]

type PowerwallGatewayConfigEntry = ConfigEntry[PowerwallGatewayData]


@dataclass(kw_only=True)
class PowerwallGatewayData:
    """What a loaded entry holds."""

    gateway: PowerwallGateway
    serial: str
    """The gateway's, which all unique ids begin with."""

    has_battery: bool
    """Whether there is a Powerwall. A solar inverter that is a gateway itself has none."""

    itself: SubDevice
    """The gateway as a device."""

    device_id: str
    """Of the gateway in the device registry; the others hang below it."""

    doorman: IdentityCheck
    """Makes sure that the same gateway answers as before."""

    scale: PercentScale
    """On which charge and reserve are shown and set."""

    control: Control
    """What may be changed, and how."""

    grid: GridCoordinator
    live: LiveCoordinator
    detail: DetailCoordinator
    settings: SettingsCoordinator
    inventory: InventoryCoordinator
