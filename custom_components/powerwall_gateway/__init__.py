"""Tesla Powerwall Gateway: the Powerwall 2's gateway on the home network, without Tesla's cloud."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers.device_registry import DeviceInfo

from .const import CONF_SERIAL, DOMAIN, MANUFACTURER
from .coordinator import (
    GridCoordinator,
    LiveCoordinator,
    PowerwallGatewayConfigEntry,
    PowerwallGatewayData,
    SettingsCoordinator,
    setup_error,
)
from .gateway import (
    GatewayError,
    Health,
    Identity,
    PowerwallGateway,
    identify,
    open_session,
)
from .helpers import gateway_from

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
        raise setup_error(err) from err
    _refuse_another_gateway(entry, identity)

    entry.runtime_data = data = PowerwallGatewayData(
        gateway=gateway,
        device=_device(entry, gateway, identity),
        live=LiveCoordinator(hass, entry, gateway),
        grid=GridCoordinator(hass, entry, gateway),
        settings=SettingsCoordinator(hass, entry, gateway),
    )
    await data.live.async_config_entry_first_refresh()
    meters = data.live.data.meters
    if meters.error and not meters.stopped:
        raise setup_error(meters.error) from meters.error
    await data.grid.async_config_entry_first_refresh()
    await data.settings.async_config_entry_first_refresh()

    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_create_background_task(hass, data.grid.watch(), name=f"{entry.title} grid watch")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Stop polling and close the connection."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


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
