"""Runtime data of a loaded entry, and its typed config entry."""

from dataclasses import dataclass, field

from homeassistant.config_entries import ConfigEntry

from .const import PercentScale
from .control import Control
from .coordinator import GatewayCoordinators
from .device_ids import SubDevice

type PowerwallGatewayConfigEntry = ConfigEntry[PowerwallGatewayData]


@dataclass(kw_only=True)
class PowerwallGatewayData(GatewayCoordinators):
    """Runtime data of a loaded entry."""

    serial: str
    """Serial number of the gateway. All unique ids begin with it."""

    device: SubDevice
    """The gateway as a device."""

    device_id: str
    """Id of the gateway in the device registry. The other devices are connected through it."""

    scale: PercentScale
    """Scale on which charge and reserve are shown and set."""

    control: Control = field(init=False)
