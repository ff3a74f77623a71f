"""Each solar inverter: a device of its own below the gateway, and what a Powerwall+ tells of its own one.

Its strings are those of a Powerwall+ or a Tesla inverter; other brands' inverters tell their rating alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfFrequency,
    UnitOfPower,
)
from homeassistant.helpers.device_registry import DeviceInfo

from ..const import MANUFACTURER
from ..coordinator import Detail, DetailData, InventoryData
from ..data import PowerwallGatewayData
from ..description import GatewayBinarySensorDescription, GatewaySensorDescription
from ..device import Kind, SubDevice, identifier
from ..gateway.models import PvacStatus, SolarInverter, SolarPowerwall, SolarString
from ..reading import EndpointResult
from ..writing import POWERS

POWERWALL_INVERTER = "inverter_powerwall"
"""The id of a Powerwall+'s own inverter where `solars` does not name it."""

_STRINGS = range(1, 5)


# -- the devices -------------------------------------------------------------------------------------------------------


def parts(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    """Give the inverters that `solars` names, and a Powerwall+'s own one."""
    inverters = dict(data.inventory.data.inverters.value or {})
    if own := _own(data):
        inverters.setdefault(own, SolarInverter(brand=MANUFACTURER))
    return tuple(
        SubDevice(
            id=part_id,
            device=DeviceInfo(
                identifiers={identifier(data.serial, Kind.INVERTER, part_id)},
                manufacturer=inverter.brand,
                model=inverter.model,
                translation_key="inverter" if len(inverters) == 1 else "inverter_numbered",
                translation_placeholders={"number": str(number)},
                via_device_id=data.device_id,
            ),
        )
        for number, (part_id, inverter) in enumerate(inverters.items(), start=1)
    )


def _own(data: PowerwallGatewayData) -> str | None:
    """Give the id of a Powerwall+'s own inverter: the first of Tesla's in `solars`, which may be late."""
    solar, listed = data.detail.data.solar_powerwall.value, data.inventory.data.inverters
    if solar is None or solar.pvac_status is None or (listed.value is None and not listed.absent):
        return None
    inverters = (listed.value or {}).items()
    return next(
        (part_id for part_id, each in inverters if MANUFACTURER.lower() in (each.brand or "").lower()),
        POWERWALL_INVERTER,
    )


def _own_parts(data: PowerwallGatewayData) -> tuple[SubDevice, ...]:
    own = _own(data)
    return tuple(part for part in parts(data) if part.id == own)


def _inverter(inventory: InventoryData, part_id: str) -> EndpointResult[SolarInverter]:
    return inventory.inverters.map(lambda inverters: inverters.get(part_id))


# -- what a Powerwall+ tells -------------------------------------------------------------------------------------------


def _status(detail: DetailData, _: str) -> EndpointResult[PvacStatus]:
    return detail.solar_powerwall.map(lambda solar: solar.pvac_status)


def _string(number: int) -> Callable[[DetailData, str], EndpointResult[SolarString]]:
    def reading(detail: DetailData, part_id: str) -> EndpointResult[SolarString]:
        return _status(detail, part_id).map(
            lambda status: next((string for string in status.strings or () if string.string_id == number), None)
        )

    return reading


def _state(status: PvacStatus) -> str | None:
    """Give the state in the gateway's own words; no source lists them: `PVAC_Active` is the one that was seen."""
    return (status.state or "").removeprefix("PVAC_").replace("_", " ") or None


def _has_problem(solar: SolarPowerwall) -> bool | None:
    status = solar.pvac_status
    if status is None or (status.disabled is None and status.disabled_reasons is None):
        return None
    return bool(status.disabled or status.disabled_reasons)


def _problem(solar: SolarPowerwall) -> Mapping[str, Any]:
    status = solar.pvac_status
    return {
        "reasons": list((status and status.disabled_reasons) or ()),
        "alerts": [*(solar.pvac_alerts or ()), *(solar.pvs_alerts or ())],
    }


# -- the entities ------------------------------------------------------------------------------------------------------


def _sensor[ValueT](
    key: str,
    reading_fn: Callable[[DetailData, str], EndpointResult[ValueT]],
    value_fn: Callable[[ValueT], float | str | None],
    device_class: SensorDeviceClass | None = None,
    unit: str | None = None,
    **more: Any,
) -> GatewaySensorDescription[DetailData, ValueT]:
    return GatewaySensorDescription(
        key=key,
        device_class=device_class,
        state_class=SensorStateClass.MEASUREMENT if unit else None,
        native_unit_of_measurement=unit,
        coordinator_fn=lambda data: data.detail,
        context=Detail.SOLAR_POWERWALL,
        parts_fn=_own_parts,
        reading_fn=reading_fn,
        value_fn=value_fn,
        **more,
    )


_QUALITY: dict[str, Any] = {"entity_category": EntityCategory.DIAGNOSTIC, "entity_registry_enabled_default": False}


def _string_sensors(number: int) -> tuple[GatewaySensorDescription[DetailData, SolarString], ...]:
    def sensor(
        key: str,
        value_fn: Callable[[SolarString], float | None],
        device_class: SensorDeviceClass,
        unit: str,
        digits: int,
        **more: Any,
    ) -> GatewaySensorDescription[DetailData, SolarString]:
        return _sensor(
            f"string_{number}_{key}",
            _string(number),
            value_fn,
            device_class,
            unit,
            translation_key=f"string_{key}",
            translation_placeholders={"number": str(number)},
            suggested_display_precision=digits,
            exists_fn=lambda string: string.connected is True,
            **more,
        )

    return (
        sensor("power", lambda string: string.power, SensorDeviceClass.POWER, UnitOfPower.WATT, 0, writing=POWERS),
        sensor(
            "voltage",
            lambda string: string.voltage,
            SensorDeviceClass.VOLTAGE,
            UnitOfElectricPotential.VOLT,
            1,
            **_QUALITY,
        ),
        sensor(
            "current",
            lambda string: string.current,
            SensorDeviceClass.CURRENT,
            UnitOfElectricCurrent.AMPERE,
            1,
            **_QUALITY,
        ),
    )


SENSORS: tuple[GatewaySensorDescription[Any, Any], ...] = (
    GatewaySensorDescription[InventoryData, SolarInverter](
        key="rating",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.inventory,
        parts_fn=parts,
        reading_fn=_inverter,
        exists_fn=lambda inverter: inverter.power_rating is not None,
        value_fn=lambda inverter: inverter.power_rating,
    ),
    _sensor(
        "power",
        _status,
        lambda status: status.power,
        SensorDeviceClass.POWER,
        UnitOfPower.WATT,
        suggested_display_precision=0,
        writing=POWERS,
    ),
    _sensor(
        "voltage",
        _status,
        lambda status: status.voltage,
        SensorDeviceClass.VOLTAGE,
        UnitOfElectricPotential.VOLT,
        suggested_display_precision=1,
        **_QUALITY,
    ),
    _sensor(
        "frequency",
        _status,
        lambda status: status.frequency,
        SensorDeviceClass.FREQUENCY,
        UnitOfFrequency.HERTZ,
        suggested_display_precision=2,
        **_QUALITY,
    ),
    _sensor(
        "state",
        _status,
        _state,
        translation_key="inverter_state",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda status: status.state is not None,
    ),
    *(sensor for number in _STRINGS for sensor in _string_sensors(number)),
)

BINARY_SENSORS = (
    GatewayBinarySensorDescription[DetailData, SolarPowerwall](
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.detail,
        context=Detail.SOLAR_POWERWALL,
        parts_fn=_own_parts,
        reading_fn=lambda detail, _: detail.solar_powerwall,
        is_on_fn=_has_problem,
        attributes_fn=_problem,
    ),
)
