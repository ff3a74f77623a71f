"""The gateway's ways to the network: cable, Wi-Fi, mobile radio."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import EntityCategory, UnitOfRatio

from ..coordinator import InventoryData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..gateway.models import InterfaceType, NetworkInterface
from ..reading import EndpointResult

_INTERFACES = {"eth0": InterfaceType.ETHERNET, "wifi0": InterfaceType.WIFI}
"""The names that lead to a network on 1.15.

`wifi1` is the gateway's own access point and `can0` no network. `rpine0` is how the Wi-Fi
chip's driver (Redpine) is spoken to; the seed guesses that it is mobile.
"""

_KEYS = {"ethernet": InterfaceType.ETHERNET, "wifi": InterfaceType.WIFI, "cellular": InterfaceType.CELLULAR}


def _kind(interface: NetworkInterface) -> InterfaceType | None:
    if interface.name is not None:
        return _INTERFACES.get(interface.name)
    return interface.network.interface if interface.network else None


def _reading(kind: InterfaceType) -> Callable[[InventoryData, str], EndpointResult[NetworkInterface]]:
    def of(interfaces: tuple[NetworkInterface, ...]) -> NetworkInterface | None:
        """Choose the network in use: from 21.x on there may be several Wi-Fis, of which one is active."""
        ours = (interface for interface in interfaces if _kind(interface) is kind)
        return max(ours, key=lambda each: (each.primary is True, each.connected is True), default=None)

    return lambda inventory, _: inventory.networks.map(of)


def _connected(interface: NetworkInterface) -> bool | None:
    """Tell whether there is a network; 1.15 calls what has no address connected, too."""
    if interface.name is not None and interface.connected:
        return any(address.ip for address in interface.addresses or ())
    return interface.connected


def _reached(interface: NetworkInterface) -> Mapping[str, Any]:
    """Tell what was reached over it, where the firmware does; never a network's name or address."""
    reached = {"reached_internet": interface.reached_internet, "reached_tesla": interface.reached_tesla}
    return {name: value for name, value in reached.items() if value is not None}


SENSORS = tuple(
    GatewaySensorDescription[InventoryData, NetworkInterface](
        key=f"{key}_signal",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.inventory,
        reading_fn=_reading(_KEYS[key]),
        exists_fn=lambda interface: interface.signal_strength is not None,
        value_fn=lambda interface: interface.signal_strength,
    )
    for key in ("wifi", "cellular")
)

BINARY_SENSORS = (
    *(
        GatewayBinarySensorDescription[InventoryData, NetworkInterface](
            key=f"{key}_connected",
            device_class=BinarySensorDeviceClass.CONNECTIVITY,
            entity_category=EntityCategory.DIAGNOSTIC,
            coordinator_fn=lambda data: data.inventory,
            reading_fn=_reading(kind),
            exists_fn=lambda interface: _connected(interface) is not None,
            is_on_fn=_connected,
            attributes_fn=_reached,
        )
        for key, kind in _KEYS.items()
    ),
    *(
        GatewayBinarySensorDescription[InventoryData, NetworkInterface](
            key=f"{key}_primary",
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
            coordinator_fn=lambda data: data.inventory,
            reading_fn=_reading(kind),
            exists_fn=lambda interface: interface.primary is not None,
            is_on_fn=lambda interface: interface.primary,
        )
        for key, kind in _KEYS.items()
    ),
)
