"""What an owner downloads to show others what is wrong: all there is to know, but for whose it is.

The gateway's answers are in it in their own form, so that the simulator can serve them
again: `python -m simulator --replay diagnostics.json`.
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
from .gateway import GatewayConnectionError, GatewayError, GatewayResponseError, PowerwallGateway
from .gateway.endpoints import READABLE_PATHS
from .gateway.exceptions import JournalError
from .gateway.stats import Count
from .gateway.stop_safety.journal import DAY, JournalRecord
from .redaction import REDACTED, redactor_for
from .storage import FileJournal

_LEFT_OUT: Final = frozenset({"installer/companies"})
"""595 kB of everybody's."""

PAUSE: Final = 0.1
"""Seconds between two requests, so that the polls in between come on time."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, Any]:
    """Give the whole entry."""
    return await _redacted(hass, entry, await _all_of(hass, entry))


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Give the whole entry, and what the device's entities say."""
    entities = er.async_entries_for_device(er.async_get(hass), device.id, include_disabled_entities=True)
    described = {
        "model": device.model,
        "model_id": device.model_id,
        "sw_version": device.sw_version,
        "serial_number": device.serial_number,
        "entities": {entity.unique_id: _state(hass, entity) for entity in entities},
    }
    return await _redacted(hass, entry, {"device": described, **await _all_of(hass, entry)})


async def _redacted(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, found: dict[str, Any]) -> dict[str, Any]:
    """Take out whose it is, in one go: the same has the same pseudonym everywhere."""
    redacted: dict[str, Any] = await hass.async_add_executor_job(redactor_for(entry).redact, found)
    return redacted


async def _all_of(hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> dict[str, Any]:
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
    """Tell whether a login or stop of ours is under way, and how many logins there were within a day."""
    try:
        record = JournalRecord.from_json(await FileJournal(hass, entry_id).read())
    except JournalError as err:
        return {"open": True, "error": str(err)}
    return {
        "open": record.under_way is not None,
        "kind": record.under_way.kind if record.under_way else None,
        "logins_today": sum(time() - login < DAY for login in record.logins),
    }


def _gateway(data: PowerwallGatewayData) -> dict[str, Any]:
    """Tell what this firmware answers to this login, and what may be changed."""
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
            "operation": control.allowed,
            "modes": [str(mode) for mode in control.modes],
            "off_grid": control.islands,
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


def _count(count: Count) -> dict[str, Any]:
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
    """Ask for everything that has no effect, one after the other; give each answer, or why there is none."""
    found: dict[str, Any] = {}
    for path in READABLE_PATHS:
        if path in _LEFT_OUT:
            continue
        try:
            found[path] = {"payload": await gateway.peek(path)}
        except GatewayConnectionError as err:
            found[path] = {"error": str(err)}
            break  # each further one would wait ten seconds for nothing
        except GatewayError as err:
            found[path] = {"error": str(err), "status": err.status if isinstance(err, GatewayResponseError) else None}
        await asyncio.sleep(PAUSE)
    return found


def _state(hass: HomeAssistant, entity: er.RegistryEntry) -> str | None:
    """Give an entity's state; None where it is disabled."""
    state = hass.states.get(entity.entity_id)
    return state.state if state else None
