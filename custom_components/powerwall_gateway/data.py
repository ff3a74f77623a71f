"""Runtime data of a loaded entry, and its typed config entry."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .control import Control
from .coordinator import (
    DetailCoordinator,
    GridCoordinator,
    InventoryCoordinator,
    LiveCoordinator,
    SettingsCoordinator,
)
from .device import SubDevice
from .gateway import IdentityCheck, PercentScale, PowerwallGateway

type PowerwallGatewayConfigEntry = ConfigEntry[PowerwallGatewayData]


@dataclass(kw_only=True)
class PowerwallGatewayData:
    """Runtime data of a loaded entry."""

    gateway: PowerwallGateway
    serial: str
    """Serial number of the gateway. All unique ids begin with it."""

    has_battery: bool
    """Whether there is a Powerwall. A solar inverter that is a gateway itself has none."""

    itself: SubDevice
    """The gateway as a device."""

    device_id: str
    """Id of the gateway in the device registry. The other devices are connected through it."""

    doorman: IdentityCheck
    """Check that the same gateway still responds at this address."""

    scale: PercentScale
    """Scale on which charge and reserve are shown and set."""

    control: Control

    grid: GridCoordinator
    live: LiveCoordinator
    detail: DetailCoordinator
    settings: SettingsCoordinator
    inventory: InventoryCoordinator
