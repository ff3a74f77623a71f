"""Tesla Powerwall Gateway: the Powerwall 2's gateway on the home network, without Tesla's cloud."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.typing import ConfigType

from . import checkup, issues
from .caretaker import Caretaker
from .checkup import Checkup
from .const import CONF_ALLOW_CONTROL, CONF_RETURN_CHARGE, CONF_SERIAL, DOMAIN, MANUFACTURER, RETURN_CHARGE
from .control import Control
from .coordinator import (
    DetailCoordinator,
    GridCoordinator,
    InventoryCoordinator,
    LiveCoordinator,
    PowerwallGatewayConfigEntry,
    PowerwallGatewayData,
    SettingsCoordinator,
)
from .devices import Part
from .gateway import (
    GatewayCertificateError,
    GatewayError,
    GatewayLoginError,
    GatewayUnreachableError,
    Identity,
    PowerwallGateway,
    identify,
)
from .hardware import is_removable, watch_hardware
from .keeper import async_forget_keeper, async_hold_keeper, async_mend_all
from .memory import EntryMemory
from .off_grid import OffGrid
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Start what an earlier process left stopped, and offer the actions."""
    await async_mend_all(hass)
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Connect to the gateway, make sure it is the right one, and start polling."""
    keeper = await async_hold_keeper(hass, entry)
    entry.async_on_unload(keeper.async_let_go)
    gateway = keeper.gateway
    memory = EntryMemory(hass, entry.entry_id)
    await memory.async_load()
    if not gateway.has_session:
        gateway.restore_login(memory.login)
    try:
        identity = await identify(gateway)
    except GatewayError as err:
        raise _setup_error(hass, entry, err) from err
    _refuse_another_gateway(entry, identity)

    itself = _device(entry, gateway, identity)
    settings = SettingsCoordinator(hass, entry, gateway)
    inventory = InventoryCoordinator(hass, entry, gateway)
    grid = GridCoordinator(hass, entry, gateway, memory.grid)
    live = LiveCoordinator(hass, entry, gateway)
    return_charge: float = entry.options.get(CONF_RETURN_CHARGE, RETURN_CHARGE)
    off_grid = OffGrid(keeper.island, grid, live, memory, return_charge=return_charge)
    entry.runtime_data = data = PowerwallGatewayData(
        gateway=gateway,
        serial=entry.data[CONF_SERIAL],
        itself=Part(device=itself),
        device_id=dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **itself).id,
        grid=grid,
        live=live,
        detail=DetailCoordinator(hass, entry, gateway),
        settings=settings,
        inventory=inventory,
        control=Control(settings, inventory, keeper, off_grid, consented=entry.options.get(CONF_ALLOW_CONTROL, False)),
    )
    keeper.grid_connected_for = data.grid.connected_for
    await data.live.async_config_entry_first_refresh()
    meters = data.live.data.meters
    if meters.error and not meters.stopped:
        raise _setup_error(hass, entry, meters.error) from meters.error
    await data.grid.async_config_entry_first_refresh()
    await data.settings.async_config_entry_first_refresh()

    Caretaker(hass, entry, memory).async_start()
    Checkup(hass, entry).async_start()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_create_background_task(hass, data.grid.watch(), name=f"{entry.title} grid watch")
    # What there is besides comes when it comes: nobody waits a dozen slow answers for his powers.
    entry.async_create_task(hass, _look_around(hass, entry), name=f"{entry.title} inventory")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Stop polling and close the connection."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        issues.async_put_aside(hass, entry.entry_id)
    return unloaded


async def async_remove_config_entry_device(
    _: HomeAssistant, entry: PowerwallGatewayConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the owner take out a device that is not there any more."""
    return is_removable(entry, device)


async def async_remove_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Leave nothing behind but what starts the Powerwall, if need be."""
    await async_forget_keeper(hass, entry)
    await EntryMemory(hass, entry.entry_id).async_forget()
    checkup.async_forget(hass, entry.entry_id)
    issues.async_forget(hass, entry.entry_id)


async def _look_around(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    await entry.runtime_data.inventory.async_refresh()
    await entry.runtime_data.detail.async_refresh()
    watch_hardware(hass, entry)


def _setup_error(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, err: GatewayError) -> HomeAssistantError:
    """Say what a gateway's failure means for setting up the entry."""
    checkup.async_note_answer(hass, entry, err)
    match err:
        case GatewayLoginError():
            return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="login_refused")
        case GatewayCertificateError():
            return ConfigEntryError(translation_domain=DOMAIN, translation_key="certificate_changed")
        case GatewayUnreachableError():
            return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="unreachable")
        case _:
            return ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="unexpected_answer",
                translation_placeholders={"reason": str(err)},
            )


def _refuse_another_gateway(entry: PowerwallGatewayConfigEntry, identity: Identity) -> None:
    """Refuse a gateway that is not the owner's: an IP address may have changed hands."""
    if identity.din is not None and identity.din.serial_number != entry.data[CONF_SERIAL]:
        raise ConfigEntryError(translation_domain=DOMAIN, translation_key="another_gateway")


def _device(entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway, identity: Identity) -> DeviceInfo:
    """Describe the gateway to the device registry."""
    serial: str = entry.data[CONF_SERIAL]
    return DeviceInfo(
        identifiers={(DOMAIN, serial)},
        configuration_url=gateway.connection.address.url,
        manufacturer=MANUFACTURER,
        model=identity.din.model if identity.din else None,
        model_id=identity.din.part_number if identity.din else None,
        name=entry.title,
        serial_number=serial,
        sw_version=identity.status.firmware if identity.status else None,
    )
