"""The Tesla Powerwall Gateway integration: local access to a Powerwall, without Tesla's cloud."""

import asyncio
from collections.abc import Awaitable
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType

from . import after_poll, binary_sensor, button, event, issues, number, select, sensor, switch
from .after_poll import EntryMonitor
from .const import (
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_PERCENT,
    CONF_SERIAL,
    CONFIG_VERSION,
    DOMAIN,
    MANUFACTURER,
    PercentScale,
)
from .control import Control, async_restore
from .coordinator import (
    DetailCoordinator,
    GridCoordinator,
    InventoryCoordinator,
    LiveCoordinator,
    SettingsCoordinator,
    needs_reauth,
)
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .device_ids import SubDevice
from .energy_dashboard import async_suggest_sources
from .entity import GatewayEntityDescription
from .exceptions import error_text
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayConnectionError,
    GatewayError,
    GatewayLoginError,
    GatewayRateLimitError,
    GatewayResponseError,
    GatewayStoppedError,
    Identity,
    IdentityCheck,
    LoginProblem,
    PowerwallGateway,
    WrongGatewayError,
    identify,
)
from .hub import UNLOAD_PATIENCE, async_acquire_hub, async_recover_all, async_remove_hub
from .services import async_setup_services
from .storage import EntryStore, Purpose, TemporaryReserve, async_get_store
from .sub_devices import is_removable, watch_hardware, watch_names

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

DESCRIPTIONS: Final[dict[Platform, tuple[GatewayEntityDescription[Any], ...]]] = {
    Platform.BINARY_SENSOR: binary_sensor.BINARY_SENSORS,
    Platform.BUTTON: button.BUTTONS,
    Platform.EVENT: event.EVENTS,
    Platform.NUMBER: number.NUMBERS,
    Platform.SELECT: select.SELECTS,
    Platform.SENSOR: sensor.SENSORS,
    Platform.SWITCH: switch.SWITCHES,
}
PLATFORMS = list(DESCRIPTIONS)


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Recover what an earlier process left stopped, and register the actions."""
    await async_recover_all(hass)
    after_poll.async_watch_disabled(hass)
    async_setup_services(hass)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Migrate an entry of an earlier version. Return False for one of a later major version."""
    if entry.version > CONFIG_VERSION:
        return False
    if entry.minor_version < 2:  # before discovery
        data = {CONF_MAC: None, **entry.data}
        hass.config_entries.async_update_entry(entry, data=data, minor_version=2)
    if entry.minor_version < 3:  # the sensors of mode and reserve were disabled where a select and a number were made
        _enable_sensors(hass, entry)
        hass.config_entries.async_update_entry(entry, minor_version=3)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Connect to the gateway, check its identity, and start polling."""
    hub = await async_acquire_hub(hass, entry)
    entry.async_on_unload(hub.release)
    gateway = hub.gateway
    store = await async_get_store(hass, entry.entry_id)
    login = store.take_login()
    if not gateway.has_session:
        gateway.restore_login(login)
    try:
        identity = await identify(gateway)
    except GatewayError as err:
        await _keep_waiting(gateway, store)
        raise _setup_error(hass, entry, gateway, err) from err
    issues.async_set_certificate_issue(hass, entry, None)
    if identity.is_another(entry.data[CONF_SERIAL], store.packs):
        # Retried: the other device may leave again, as after two addresses were mixed up by the router.
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="another_gateway")
    if identity.packs and identity.packs != frozenset(store.packs):
        await store.async_set_packs(identity.packs)

    device = _device(entry, gateway, identity)
    settings = SettingsCoordinator(hass, entry, gateway, hub.signed)
    inventory = InventoryCoordinator(hass, entry, gateway, hub.signed)
    detail = DetailCoordinator(hass, entry, gateway, hub.signed)
    grid = GridCoordinator(hass, entry, gateway, store.grid)
    live = LiveCoordinator(hass, entry, gateway)
    scale = PercentScale(entry.options.get(CONF_PERCENT, PercentScale.APP))
    entry.runtime_data = data = PowerwallGatewayData(
        gateway=gateway,
        serial=entry.data[CONF_SERIAL],
        has_battery=identity.has_battery,
        device=SubDevice(info=device),
        device_id=dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **device).id,
        grid=grid,
        live=live,
        detail=detail,
        settings=settings,
        inventory=inventory,
        identity_check=IdentityCheck(gateway, identity, serial=entry.data[CONF_SERIAL], packs=store.packs),
        scale=scale,
    )
    data.control = Control(hub, store, data, entry.options, scale)
    hub.grid_connected_for = grid.connected_for
    await live.async_config_entry_first_refresh()
    meters = live.data.meters
    if meters.error and not meters.stopped:
        await _keep_waiting(gateway, store)
        raise _setup_error(hass, entry, gateway, meters.error) from meters.error
    await grid.async_config_entry_first_refresh()
    await settings.async_config_entry_first_refresh()
    if hub.signed and identity.status is None and (firmware := hub.signed.firmware):
        device["sw_version"] = firmware  # a Powerwall 3 reports it in no other way
        dr.async_get(hass).async_update_device(data.device_id, sw_version=firmware)

    EntryMonitor(hass, entry, store).async_start()
    _remove_withdrawn(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await async_suggest_sources(hass, entry, store)
    for coordinator in (grid, live, detail, settings, inventory):
        coordinator.async_update_listeners()  # the monitors' first checks, which must not make the setup fail
    entry.async_on_unload(async_at_started(hass, grid.async_fire_events))
    entry.async_create_background_task(hass, grid.watch(), name=f"{entry.title} grid watch")
    # The rest follows in the background: it takes a dozen slow requests, and Home Assistant has not started before
    # the tasks of its entries end.
    create_task = entry.async_create_task if hass.state is CoreState.running else entry.async_create_background_task
    create_task(hass, _poll_inventory(hass, entry), name=f"{entry.title} inventory")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> bool:
    """Stop polling and close the connection."""
    control = entry.runtime_data.control
    temporary = control.temporary.current
    if temporary and (entry.disabled_by or control.ends_for_good(entry.options)):
        await _restore_reserve(hass, entry, temporary, control.temporary.async_end(*Purpose))
    if control.dispatch.is_active:
        try:
            async with asyncio.timeout(UNLOAD_PATIENCE):
                await control.dispatch.async_end()
        except (TimeoutError, HomeAssistantError) as err:  # the gateway ends it by itself
            _LOGGER.warning("Could not end the dispatch of %s: %s", entry.title, err.__cause__ or err)
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        issues.async_clear_issues(hass, entry.entry_id, issues.ISSUES_WHILE_LOADED)
    return unloaded


async def async_remove_config_entry_device(
    _: HomeAssistant, entry: PowerwallGatewayConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Return whether the owner may delete a device, which is no longer there."""
    return is_removable(entry, device)


async def async_remove_entry(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Remove everything of an entry, except the recovery journal of a Powerwall that may be stopped."""
    store = await async_get_store(hass, entry.entry_id)
    if temporary := store.temporary_reserve:
        await _restore_reserve(hass, entry, temporary, _restore_removed(hass, entry, store, temporary.ended()))
    await async_remove_hub(hass, entry)
    await store.async_remove()
    after_poll.async_forget(hass, entry.entry_id)
    issues.async_delete_issues(hass, entry.entry_id)


async def _restore_reserve(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, temporary: TemporaryReserve, restore: Awaitable[None]
) -> None:
    """Restore the backup reserve before the entry is gone. If that fails, a repair issue shows the reserve."""
    try:
        async with asyncio.timeout(UNLOAD_PATIENCE):
            await restore
    except (TimeoutError, GatewayError, HomeAssistantError) as err:
        _LOGGER.warning("Could not restore the backup reserve of %s: %s", entry.title, err.__cause__ or err)
        if temporary.event_end is None:  # a full backup that the gateway does by itself ends by itself
            issues.async_set_reserve_issue(hass, entry, temporary.before)


async def _restore_removed(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, store: EntryStore, temporary: TemporaryReserve
) -> None:
    """Restore the backup reserve of an entry that is not loaded. Raises `GatewayError`."""
    hub = await async_acquire_hub(hass, entry)
    try:
        if not hub.gateway.has_session:
            hub.gateway.restore_login(store.take_login())
        if (await identify(hub.gateway)).is_another(entry.data[CONF_SERIAL], store.packs):
            raise WrongGatewayError("another gateway responds at this address")
        if hub.signed is not None:
            await hub.signed.check_key()
        await async_restore(hub, temporary)
    finally:
        await hub.release()


def _enable_sensors(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Enable the sensors of mode and reserve, unless the owner disabled them."""
    registry = er.async_get(hass)
    for key in ("operation_mode", "backup_reserve"):
        entity_id = registry.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{entry.data[CONF_SERIAL]}_{key}")
        sensor = registry.async_get(entity_id) if entity_id else None
        if sensor and sensor.disabled_by is er.RegistryEntryDisabler.INTEGRATION:
            registry.async_update_entity(sensor.entity_id, disabled_by=None)


def _remove_withdrawn(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    """Remove the entities of settings that are withdrawn; the registry restores them if that changes.

    Without a Powerwall, the entities that need one are removed, too: earlier versions created them.
    """
    data, registry = entry.runtime_data, er.async_get(hass)
    for platform, descriptions in DESCRIPTIONS.items():
        for description in descriptions:
            if description.withdrawn_fn(data.control) or (description.needs_battery and not data.has_battery):
                unique_id = data.device.unique_id(data.serial, description.key)
                if entity_id := registry.async_get_entity_id(platform, DOMAIN, unique_id):
                    registry.async_remove(entity_id)


async def _poll_inventory(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
    data = entry.runtime_data
    await data.inventory.async_refresh()
    await data.detail.async_refresh()
    if entry.state is ConfigEntryState.LOADED:  # not if it was unloaded during the polls
        watch_hardware(hass, entry)
        watch_names(hass, entry)
        data.inventory.async_update_listeners()
        data.detail.async_update_listeners()


async def _keep_waiting(gateway: PowerwallGateway, store: EntryStore) -> None:
    """Store how often the password was rejected and how long to wait: the next setup has another client."""
    if (login := gateway.export_login())["failures"]:
        await store.async_set_login(login)


_NOT_READY: Final[tuple[tuple[type[GatewayError], str], ...]] = (
    (GatewayLoginError, "login_refused_once"),
    (GatewayCertificateError, "certificate_changed"),  # each retry is a TLS handshake and nothing else
    (WrongGatewayError, "another_gateway"),
    (GatewayConnectionError, "unreachable"),
    (GatewayRateLimitError, "busy_at_setup"),
    (GatewayStoppedError, "stopped_at_setup"),
)
"""Translation keys of a setup that is retried, subclasses before their base classes."""


def _setup_error(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway, err: GatewayError
) -> HomeAssistantError:
    """Return the exception of Home Assistant for an error of the gateway during setup."""
    after_poll.async_note_response(hass, entry, err)
    if isinstance(err, GatewayCertificateError):
        issues.async_set_certificate_issue(hass, entry, err.fingerprint)
    kind: type[HomeAssistantError] = ConfigEntryNotReady
    match err:
        case GatewayLoginError() if needs_reauth(err, gateway):
            kind, key = ConfigEntryAuthFailed, "login_refused"
        case GatewayAuthenticationRequiredError() if not (
            isinstance(err, GatewayLoginError) or gateway.has_credentials or gateway.capabilities.login_stops_powerwall
        ):
            kind, key = ConfigEntryAuthFailed, "password_wanted"
        case GatewayLoginError(problem=LoginProblem.SWITCH_NEEDED):
            key = "switch_needed"
        case GatewayLoginError(problem=LoginProblem.FORBIDDEN):
            key = "login_forbidden"
        case GatewayRateLimitError(status=0):  # not the gateway's response: the next login waits since the last one
            key = "login_waits"
        case GatewayResponseError(status=301 | 302 | 307 | 308) if entry.data[CONF_FINGERPRINT] is None:
            key = "encrypted_now"
        case _:
            key = next((key for kind_of, key in _NOT_READY if isinstance(err, kind_of)), "unexpected_answer")
    _LOGGER.debug("Could not set up the entry: %s", err)
    return kind(translation_domain=DOMAIN, translation_key=key, translation_placeholders={"reason": error_text(err)})


def _device(entry: PowerwallGatewayConfigEntry, gateway: PowerwallGateway, identity: Identity) -> DeviceInfo:
    """Describe the gateway to the device registry."""
    serial: str = entry.data[CONF_SERIAL]
    mac: str | None = entry.data[CONF_MAC]
    device = DeviceInfo(
        identifiers={(DOMAIN, serial)},
        connections={(dr.CONNECTION_NETWORK_MAC, mac)} if mac else set(),
        configuration_url=gateway.connection.address.url,
        manufacturer=MANUFACTURER,
        name=entry.title,
        serial_number=serial,
        sw_version=identity.status.firmware if identity.status else None,
    )
    # If the gateway does not report them, the registry keeps what a signed request returned earlier.
    if identity.model:
        device["model"] = identity.model
    if identity.din:
        device["model_id"] = identity.din.part_number
    return device
