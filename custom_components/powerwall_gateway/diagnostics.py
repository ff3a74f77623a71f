"""Diagnostics of an entry without personal data.

The gateway's responses are in their original form, so that the simulator can replay them:
`python -m simulator --replay diagnostics.json`.
"""

import asyncio
from dataclasses import fields
from time import monotonic, time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntry

from .coordinator import EndpointResult, GatewayCoordinator
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
from .redaction import REDACTED, redactor_for
from .storage import FileJournal

_LEFT_OUT: Final = frozenset({"installer/companies"})
"""A list of all installers, 595 kB."""

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
    coordinators: dict[str, GatewayCoordinator[Any]] = {
        "grid": data.grid,
        "live": data.live,
        "detail": data.detail,
        "settings": data.settings,
        "inventory": data.inventory,
    }
    return found | {
        "gateway": _gateway(data),
        "cadence": {name: _cadence(coordinator) for name, coordinator in coordinators.items()},
        "readings": {name: _readings(coordinator.data) for name, coordinator in coordinators.items()},
        "requests": {path: _count(count) for path, count in data.gateway.connection.tally.paths.items()},
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
    gateway, control, capable = data.gateway, data.control, data.gateway.capabilities
    return {
        "firmware": capable.status.firmware if capable.status else None,
        "scheme": gateway.connection.address.scheme,
        "has_session": gateway.has_session,
        "login_refusals": gateway.login_refusals,
        "key": {"verified": control.signed.verified, "firmware": control.signed.firmware} if control.signed else None,
        "capabilities": {
            "roles": list(capable.roles),
            "is_restricted": capable.is_restricted,
            "login_stops_powerwall": capable.login_stops_powerwall,
            "has_system_status": capable.has_system_status,
            "reads_meter_inputs": capable.reads_meter_inputs,
            "can_write_operation": capable.can_write_operation,
            "operation_mode_key": capable.operation_mode_key,
            "missing": sorted(capable.missing),
        },
        "control": {
            "consented": control.consented,
            "operation": control.can_set_operation,
            "modes": [str(mode) for mode in control.modes],
            "off_grid": control.can_go_off_grid,
            "busy": control.busy,
        },
    }


def _cadence(coordinator: GatewayCoordinator[Any]) -> dict[str, Any]:
    """Give the seconds between two polls, as they are and as they were wanted, and how many entities wait for them."""
    schedule = coordinator.schedule
    return {
        "interval": round(schedule.interval, 1),
        "wanted": schedule.wanted,
        "listeners": len(list(coordinator.async_contexts())),
    }


def _readings(data: Any) -> dict[str, Any]:
    """Tell of each reading how old its value is in seconds, and what the last poll failed with."""
    readings = {field.name: getattr(data, field.name) for field in fields(data)}
    return {
        name: {
            "age": None if reading.has_never_succeeded else _ago(reading.at),
            "has_value": reading.value is not None,
            "error": str(reading.error) if reading.error else None,
        }
        for name, reading in readings.items()
        if isinstance(reading, EndpointResult)
    }


def _count(count: PathStats) -> dict[str, Any]:
    return {
        "requests": count.requests,
        "failures": count.failures,
        "waits": count.waits,
        "mean_seconds": round(count.seconds / count.requests, 4),
        "slowest_seconds": round(count.slowest, 4),
        "last_error": count.last_error or None,
        "last_error_seconds_ago": _ago(count.last_error_at) if count.last_error else None,
    }


def _ago(at: float) -> float:
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
