"""What an owner who allowed it may change."""

from collections.abc import Iterable

from homeassistant.components.number import NumberDeviceClass, NumberMode
from homeassistant.const import EntityCategory, UnitOfRatio

from ..coordinator import PowerwallGatewayData, SettingsData
from ..description import GatewayButtonDescription, GatewayNumberDescription, GatewaySelectDescription
from ..devices import Part
from ..gateway.models import Operation, Sitemaster
from .battery import app_percent


def _where_allowed(data: PowerwallGatewayData) -> Iterable[Part]:
    """Give the gateway where mode and reserve may be set: by the owner's word, the login's role and the firmware."""
    return (data.itself,) if data.control.allowed else ()


SELECTS = (
    GatewaySelectDescription[SettingsData, Operation](
        key="operation_mode",
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        parts_fn=_where_allowed,
        current_fn=lambda operation: operation.operation_mode,
        select_fn=lambda control, mode: control.async_set(mode=mode),
    ),
)

NUMBERS = (
    GatewayNumberDescription[SettingsData, Operation](
        key="backup_reserve",
        device_class=NumberDeviceClass.BATTERY,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        native_min_value=0,
        native_max_value=100,
        native_step=1,
        mode=NumberMode.SLIDER,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.operation,
        parts_fn=_where_allowed,
        value_fn=lambda operation: app_percent(operation.backup_reserve_percent),
        set_fn=lambda control, reserve: control.async_set(reserve=reserve),
    ),
)

BUTTONS = (
    GatewayButtonDescription[SettingsData, Sitemaster](
        key="start",
        entity_category=EntityCategory.CONFIG,
        coordinator_fn=lambda data: data.settings,
        reading_fn=lambda settings, _: settings.sitemaster,
        always=True,
        press_fn=lambda control: control.async_start(),
    ),
)
