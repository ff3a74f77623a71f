"""Tesla Powerwall Gateway: the Powerwall 2's gateway on the home network, without Tesla's cloud."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo

from .const import CONF_SERIAL, DOMAIN, MANUFACTURER
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
    Health,
    Identity,
    PowerwallGateway,
    identify,
    open_session,
)
from .hardware import is_removable, watch_hardware
from .helpers import gateway_from
from .memory import EntryMemory

PLATFORMS = [Platform.BINARY_SENSOR, Platform.SENSOR]


async def async_setup_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Connect to the gateway, make sure it is the right one, and start polling."""
    # A session of the entry's own: Home Assistant's shared one drops what is idle for 15 s.
    session = open_session()
    entry.async_on_unload(session.close)
    gateway = gateway_from(session, entry.data, health=Health())
    try:
        identity = await identify(gateway)
    except GatewayError as err:
        raise _setup_error(err) from err
    _refuse_another_gateway(entry, identity)

    memory = EntryMemory(hass, entry.entry_id)
    await memory.async_load()
    itself = _device(entry, gateway, identity)
    entry.runtime_data = data = PowerwallGatewayData(
        gateway=gateway,
        serial=entry.data[CONF_SERIAL],
        itself=Part(device=itself),
        device_id=dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **itself).id,
        grid=GridCoordinator(hass, entry, gateway, memory.outages),
        live=LiveCoordinator(hass, entry, gateway),
        detail=DetailCoordinator(hass, entry, gateway),
        settings=SettingsCoordinator(hass, entry, gateway),
        inventory=InventoryCoordinator(hass, entry, gateway),
    )
    await data.live.async_config_entry_first_refresh()
    meters = data.live.data.meters
    if meters.error and not meters.stopped:
        raise _setup_error(meters.error) from meters.error
    await data.grid.async_config_entry_first_refresh()
    await data.settings.async_config_entry_first_refresh()

    _keep_outages(hass, entry, memory)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_create_background_task(hass, data.grid.watch(), name=f"{entry.title} grid watch")
    # What there is besides comes when it comes: nobody waits a dozen slow answers for his powers.
    entry.async_create_task(hass, _look_around(hass, entry), name=f"{entry.title} inventory")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Stop polling and close the connection."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_config_entry_device(
    _: HomeAssistant, entry: PowerwallGatewayConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the owner take out a device that is not there any more."""
    return is_removable(entry, device)


async def async_remove_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Leave nothing behind."""
    await EntryMemory(hass, entry.entry_id).async_forget()


async def _look_around(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    await entry.runtime_data.inventory.async_refresh()
    await entry.runtime_data.detail.async_refresh()
    watch_hardware(hass, entry)


@callback
def _keep_outages(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, memory: EntryMemory) -> None:
    """Write down an outage's beginning and end when they are seen."""
    grid = entry.runtime_data.grid

    @callback
    def keep() -> None:
        if (outages := grid.data.outages.value) and outages != memory.outages:
            hass.async_create_task(memory.async_keep(outages))

    entry.async_on_unload(grid.async_add_lookout(keep))


def _setup_error(err: GatewayError) -> HomeAssistantError:
    """Say what a gateway's failure means for setting up the entry."""
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
