"""Diagnostics of an entry without personal data.

The gateway's responses are in their original form, so that the simulator can replay them:
`python -m simulator --replay diagnostics.json`.
"""

import asyncio
from dataclasses import asdict
from time import monotonic, time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntry

from .coordinator import GatewayCoordinator, endpoint_results
from .data import PowerwallGatewayConfigEntry, PowerwallGatewayData
from .gateway import (
    READABLE_PATHS,
    GatewayConnectionError,
    GatewayError,
    GatewayResponseError,
    JournalError,
    JournalRecord,
    PathStats,
    PowerwallGateway,
)
from .response_redaction import REDACTED, redactor_for
from .storage import FileJournal
from .sub_devices import active_alerts

_LEFT_OUT: Final = frozenset({"installer/companies"})
"""A list of all installers, 595 kB."""

_COORDINATORS: Final = ("grid", "live", "detail", "settings", "inventory")
_CAPABILITIES: Final = (
    "roles",
    "is_restricted",
    "login_stops_powerwall",
    "has_system_status",
    "reads_meter_inputs",
    "can_write_operation",
    "operation_mode_key",
)

PAUSE: Final = 0.1
"""Seconds between two requests, so that the polls in between come on time."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, Any]:
    """Return diagnostics of the entry."""
    return await _redacted(hass, entry, await _collect(hass, entry))


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return diagnostics of the entry, and the states of the device's entities."""
    entities = er.async_entries_for_device(er.async_get(hass), device.id, include_disabled_entities=True)
    states = {entity.unique_id: hass.states.get(entity.entity_id) for entity in entities}
    described = {
        "model": device.model,
        "model_id": device.model_id,
        "sw_version": device.sw_version,
        "serial_number": device.serial_number,
        "entities": {unique_id: state.state if state else None for unique_id, state in states.items()},
    }
    return await _redacted(hass, entry, {"device": described, **await _collect(hass, entry)})


async def _redacted(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, found: dict[str, Any]) -> dict[str, Any]:
    """Redact everything at once, so that the same text gets the same pseudonym everywhere."""
    redacted: dict[str, Any] = await hass.async_add_executor_job(redactor_for(entry).redact, found)
    return redacted


async def _collect(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, Any]:
    found: dict[str, Any] = {"entry": _entry(entry), "journal": await _journal(hass, entry.entry_id)}
    if entry.state is not ConfigEntryState.LOADED:
        return found
    data = entry.runtime_data
    return found | {
        "gateway": _gateway(data),
        "coordinators": {name: _coordinator(getattr(data, name)) for name in _COORDINATORS},
        "requests": {path: _stats(stats) for path, stats in data.gateway.connection.stats.items()},
        "payloads": await _payloads(data.gateway),
    }


def _entry(entry: PowerwallGatewayConfigEntry) -> dict[str, Any]:
    fingerprint = {key: REDACTED for key, value in entry.data.items() if key == "fingerprint" and value}
    return {
        "title": entry.title,
        "version": f"{entry.version}.{entry.minor_version}",
        "state": str(entry.state),
        "reason": entry.reason,
        "source": entry.source,
        "polling": not entry.pref_disable_polling,
        "data": {**entry.data, **fingerprint},
        "options": dict(entry.options),
    }


async def _journal(hass: HomeAssistant, entry_id: str) -> dict[str, Any]:
    """Return whether a login or stop is in progress, and the number of logins within a day."""
    try:
        record = JournalRecord.from_json(await FileJournal(hass, entry_id).read())
    except JournalError as err:
        return {"open": True, "error": str(err)}
    return {
        "open": record.under_way is not None,
        "kind": record.under_way.kind if record.under_way else None,
        "logins_today": sum(time() - login < 24 * 3600 for login in record.logins),
    }


def _gateway(data: PowerwallGatewayData) -> dict[str, Any]:
    """Return what the firmware supports with this login, and what may be changed."""
    gateway, control, capabilities = data.gateway, data.control, data.gateway.capabilities
    return {
        "firmware": capabilities.status.firmware if capabilities.status else None,
        "scheme": gateway.connection.address.scheme,
        "has_session": gateway.has_session,
        "login_refusals": gateway.login_refusals,
        "key": {"verified": control.signed.verified, "firmware": control.signed.firmware} if control.signed else None,
        "capabilities": {
            **{name: getattr(capabilities, name) for name in _CAPABILITIES},
            "missing": sorted(capabilities.missing),
        },
        "alerts": sorted(frozenset[str]().union(*active_alerts(data).values())),
        "control": {
            "consented": control.consented,
            "operation": control.can_set_operation,
            "modes": list(control.modes),
            "off_grid": control.can_go_off_grid,
            "busy": control.busy,
        },
    }


def _coordinator(coordinator: GatewayCoordinator[Any]) -> dict[str, Any]:
    """Return the present and the configured interval in seconds, and how each endpoint was polled last."""
    return {
        "interval": round(coordinator.schedule.interval, 1),
        "configured_interval": coordinator.schedule.wanted,
        "listeners": len(list(coordinator.async_contexts())),
        "results": {
            name: {
                "age": None if result.has_never_succeeded else _seconds_since(result.at),
                "has_value": result.value is not None,
                "error": str(result.error) if result.error else None,
            }
            for name, result in endpoint_results(coordinator.data).items()
        },
    }


def _stats(stats: PathStats) -> dict[str, Any]:
    found = asdict(stats)
    last_error_at = found.pop("last_error_at")
    return found | {"last_error_seconds_ago": _seconds_since(last_error_at) if stats.last_error else None}


def _seconds_since(at: float) -> float:
    return round(monotonic() - at, 1)


async def _payloads(gateway: PowerwallGateway) -> dict[str, Any]:
    """Read every endpoint that has no effect, one after the other; return each response or error."""
    found: dict[str, Any] = {}
    for path in READABLE_PATHS:
        if path in _LEFT_OUT:
            continue
        try:
            found[path] = {"payload": await gateway.peek(path)}
        except GatewayConnectionError as err:
            found[path] = {"error": str(err)}
            break  # every other request would time out after 10 seconds, too
        except GatewayError as err:
            found[path] = {"error": str(err), "status": err.status if isinstance(err, GatewayResponseError) else None}
        await asyncio.sleep(PAUSE)
    return found
