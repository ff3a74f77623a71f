"""Binary sensors of the Powerwall gateway and the devices below it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alert_meanings import describe
from .data import PowerwallGatewayConfigEntry
from .entity import (
    BATTERY_BLOCK,
    CONTROLLER,
    DISABLED_DIAGNOSTIC,
    GRID,
    METERS,
    NETWORKS,
    POWERWALLS,
    SITEMASTER,
    SOLAR_POWERWALL,
    GatewayEntityDescription,
    GatewayValueEntity,
    Source,
    async_add_detected,
)
from .estimates import IDLE_POWER
from .gateway.models import (
    BatteryBlock,
    GridState,
    GridStatus,
    MetersAggregates,
    NetworkInterface,
    SolarPowerwall,
)
from .sub_devices import (
    METER_INPUTS,
    NETWORK_TYPES,
    block_of,
    is_inverted,
    meters,
    meters_by_id,
    network_in_use,
    powerwall_inverters,
    powerwalls,
)

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class GatewayBinarySensorDescription[ValueT](GatewayEntityDescription[ValueT], BinarySensorEntityDescription):
    """Describe a binary sensor."""

    is_on_fn: Callable[[ValueT], bool | None]

    unknown_when_unavailable: bool = False
    """Show *unknown* instead of *unavailable*; automations on the grid wait for that state."""


def _is_grid_on(grid: GridStatus) -> bool | None:
    """Return whether the grid is connected, no while the gateway changes between the two.

    It is still off-grid then: loads that are turned on again would be supplied by the battery.
    """
    return None if grid.grid_status is None else grid.grid_status is GridState.CONNECTED


def _is_charging(meters: MetersAggregates) -> bool | None:
    power = meters.battery_power
    return None if power is None else power <= -IDLE_POWER


def _is_connected(interface: NetworkInterface) -> bool | None:
    """Return whether there is a network; 1.15 also reports an interface without an address as connected."""
    if interface.name is not None and interface.connected:
        return any(address.ip for address in interface.addresses or ())
    return interface.connected


def _reached(interface: NetworkInterface) -> Mapping[str, Any]:
    """Return what was reached over an interface, where the firmware reports it; never a network's name or address."""
    reached = {"reached_internet": interface.reached_internet, "reached_tesla": interface.reached_tesla}
    return {name: value for name, value in reached.items() if value is not None}


def _has_inverter_problem(solar: SolarPowerwall) -> bool | None:
    status = solar.pvac_status
    if status is None or (status.disabled is None and status.disabled_reasons is None):
        return None
    return bool(status.disabled or status.disabled_reasons)


def _inverter_problem(solar: SolarPowerwall) -> Mapping[str, Any]:
    status = solar.pvac_status
    return {
        "reasons": list((status and status.disabled_reasons) or ()),
        "alerts": list(map(describe, (*(solar.pvac_alerts or ()), *(solar.pvs_alerts or ())))),
    }


def _network(name: str) -> tuple[GatewayBinarySensorDescription[NetworkInterface], ...]:
    source = NETWORKS.map(lambda interfaces: network_in_use(interfaces, name))
    return (
        GatewayBinarySensorDescription(
            key=f"{name}_connected",
            device_class=BinarySensorDeviceClass.CONNECTIVITY,
            source=source,
            exists_fn=lambda interface: _is_connected(interface) is not None,
            is_on_fn=_is_connected,
            attributes_fn=_reached,
            **DISABLED_DIAGNOSTIC,
        ),
        GatewayBinarySensorDescription(
            key=f"{name}_primary",
            source=source,
            exists_fn=lambda interface: interface.primary is not None,
            is_on_fn=lambda interface: interface.primary,
            **DISABLED_DIAGNOSTIC,
        ),
    )


def _powerwall_problem(source: Source[BatteryBlock]) -> GatewayBinarySensorDescription[BatteryBlock]:
    return GatewayBinarySensorDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        source=source,
        devices_fn=powerwalls,
        is_on_fn=lambda block: None if block.disabled_reasons is None else bool(block.disabled_reasons),
        attributes_fn=lambda block: {"reasons": list(block.disabled_reasons or ())},
    )


_METER: Final = Source(lambda data: data.inventory, lambda data, _: data.inventory.data.meters).of_device(
    lambda listed, device_id: meters_by_id(listed).get(device_id)
)


def _inverted(number: int) -> GatewayBinarySensorDescription[bool]:
    return GatewayBinarySensorDescription(
        key=f"ct_{number}_inverted",
        translation_key="ct_inverted",
        translation_placeholders={"number": str(number)},
        source=_METER.map(lambda meter: is_inverted(meter, number)),
        devices_fn=meters,
        is_on_fn=lambda inverted: inverted,
        **DISABLED_DIAGNOSTIC,
    )


BINARY_SENSORS: tuple[GatewayBinarySensorDescription[Any], ...] = (
    GatewayBinarySensorDescription(
        key="grid",
        device_class=BinarySensorDeviceClass.POWER,
        source=GRID,
        create_without_data=True,
        needs_battery=True,
        unknown_when_unavailable=True,
        is_on_fn=_is_grid_on,
    ),
    GatewayBinarySensorDescription(
        key="grid_services",
        entity_registry_enabled_default=False,
        source=GRID,
        exists_fn=lambda grid: grid.grid_services_active is not None,
        needs_battery=True,
        is_on_fn=lambda grid: grid.grid_services_active,
    ),
    GatewayBinarySensorDescription(
        key="battery_charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        entity_registry_enabled_default=False,
        source=METERS,
        create_without_data=True,
        needs_battery=True,
        is_on_fn=_is_charging,
    ),
    GatewayBinarySensorDescription(
        key="grid_contactor_closed",
        source=CONTROLLER,
        exists_fn=lambda controller: controller.contactor_closed is not None,
        is_on_fn=lambda controller: controller.contactor_closed,
        **DISABLED_DIAGNOSTIC,
    ),
    GatewayBinarySensorDescription(
        key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        source=SITEMASTER,
        create_without_data=True,
        is_on_fn=lambda sitemaster: sitemaster.running,
    ),
    GatewayBinarySensorDescription(
        key="connected_to_tesla",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        source=SITEMASTER,
        create_without_data=True,
        is_on_fn=lambda sitemaster: sitemaster.connected_to_tesla,
    ),
    GatewayBinarySensorDescription(
        key="in_sync",
        source=POWERWALLS,
        exists_fn=lambda inventory: inventory.has_sync is not None,
        is_on_fn=lambda inventory: inventory.has_sync,
        **DISABLED_DIAGNOSTIC,
    ),
    GatewayBinarySensorDescription(
        key="registered",
        source=Source(lambda data: data.inventory, lambda data, _: data.inventory.data.registration),
        exists_fn=lambda registration: registration.registered is not None,
        is_on_fn=lambda registration: registration.registered,
        **DISABLED_DIAGNOSTIC,
    ),
    *(description for name in NETWORK_TYPES for description in _network(name)),
    # Of a Powerwall 2 the live data report a problem, of a Powerwall 3 signed requests.
    _powerwall_problem(BATTERY_BLOCK),
    _powerwall_problem(CONTROLLER.of_device(lambda controller, serial: block_of(controller.battery_blocks, serial))),
    GatewayBinarySensorDescription(
        key="backup_ready",
        source=BATTERY_BLOCK,
        devices_fn=powerwalls,
        exists_fn=lambda block: block.backup_ready is not None,
        is_on_fn=lambda block: block.backup_ready,
        **DISABLED_DIAGNOSTIC,
    ),
    GatewayBinarySensorDescription(
        key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        source=_METER,
        devices_fn=meters,
        exists_fn=lambda meter: meter.connected is not None,
        is_on_fn=lambda meter: meter.connected,
    ),
    *(_inverted(number) for number in METER_INPUTS),
    GatewayBinarySensorDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        source=SOLAR_POWERWALL,
        devices_fn=powerwall_inverters,
        is_on_fn=_has_inverter_problem,
        attributes_fn=_inverter_problem,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PowerwallGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors."""
    async_add_detected(entry, async_add_entities, GatewayBinarySensor, BINARY_SENSORS)


class GatewayBinarySensor(GatewayValueEntity, BinarySensorEntity):
    """Show whether something of the gateway or one of its devices is on."""

    entity_description: GatewayBinarySensorDescription[Any]

    @property
    @override
    def is_on(self) -> bool | None:
        return None if (value := self.result.value) is None else self.entity_description.is_on_fn(value)

    @property
    @override
    def available(self) -> bool:
        return super().available or self.entity_description.unknown_when_unavailable
