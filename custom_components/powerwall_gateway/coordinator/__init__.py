"""Coordinators: what is polled, how often, and what a failed poll means."""

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
    "SettingsCoordinator",
    "SettingsData",
    "is_final",
]
