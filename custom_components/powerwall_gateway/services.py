"""Register and handle the actions. Only administrators may call them, and automations, which run without a user."""

from datetime import timedelta
from math import isfinite
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .control import LONGEST_TEMPORARY, TEMPORARY_FOR, Control
from .core_migration import async_take_over, is_in_use, pairs
from .data import PowerwallGatewayConfigEntry
from .energy_dashboard import async_update_entity_ids
from .exceptions import action_error, translated_errors, validation_error
from .gateway import (
    LONGEST_STOP,
    READABLE_PATHS,
    CommandError,
    DispatchRequest,
    GatewayError,
    GatewayStoppedError,
    PowerwallGateway,
    check_for_update,
    run_connection_tests,
)
from .gateway.models import GridState, SystemUpdate
from .response_redaction import redactor_for
from .storage import Purpose

ATTR_BELOW_RESERVE: Final = "below_reserve"
ATTR_DIRECTION: Final = "direction"
ATTR_DURATION: Final = "duration"
ATTR_MODE: Final = "mode"
ATTR_PATH: Final = "path"
ATTR_POWER: Final = "power"
ATTR_RENAME: Final = "rename"
ATTR_RESERVE: Final = "reserve"

CHARGE: Final = "charge"
DISCHARGE: Final = "discharge"
LEAST_POWER: Final = 500.0
MOST_POWER: Final = 10_000.0
"""W. The lowest power that was seen to work on a Powerwall 3; it rejects a higher one than the second (pypowerwall)."""

DISPATCH_FOR: Final = timedelta(minutes=30)

UPDATE_INTERVAL: Final = 5.0
UPDATE_LIMIT: Final = 300.0
TEST_INTERVAL: Final = 2.0
TEST_LIMIT: Final = 180.0
"""Polling interval and time limit of the update check and of the connection test, in seconds."""


def _schema(fields: dict[Any, Any]) -> vol.Schema:
    """Return the schema of an action; the config entry is optional, because most homes have one gateway."""
    return vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string, **fields})


NO_FIELDS: Final = _schema({})
SET_OPERATION: Final = _schema({vol.Optional(ATTR_MODE): cv.string, vol.Optional(ATTR_RESERVE): vol.Coerce(float)})
STOP: Final = _schema({vol.Optional(ATTR_DURATION, default=timedelta(minutes=5)): cv.positive_time_period})
TEMPORARY: Final = _schema({vol.Optional(ATTR_DURATION, default=TEMPORARY_FOR): cv.positive_time_period})
DISPATCH: Final = _schema(
    {
        vol.Required(ATTR_DIRECTION): vol.In([CHARGE, DISCHARGE]),
        vol.Required(ATTR_POWER): vol.Coerce(float),
        vol.Optional(ATTR_DURATION, default=DISPATCH_FOR): cv.positive_time_period,
        vol.Optional(ATTR_BELOW_RESERVE, default=False): cv.boolean,
    }
)
TAKE_OVER: Final = _schema({vol.Optional(ATTR_RENAME, default=False): cv.boolean})
GET_ENDPOINT: Final = _schema({vol.Required(ATTR_PATH): vol.In(READABLE_PATHS)})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions, with or without a loaded entry: Home Assistant validates automations before that."""
    none, optional, only = SupportsResponse.NONE, SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    for name, handler, schema, response in (
        ("set_operation", async_set_operation, SET_OPERATION, optional),
        ("hold", async_hold, TEMPORARY, none),
        ("release", async_release, NO_FIELDS, none),
        ("back_up_fully", async_back_up_fully, TEMPORARY, none),
        ("cancel_backup", async_cancel_backup, NO_FIELDS, none),
        ("dispatch", async_dispatch, DISPATCH, none),
        ("cancel_dispatch", async_cancel_dispatch, NO_FIELDS, none),
        ("reapply_settings", async_reapply_settings, NO_FIELDS, none),
        ("start", async_start, NO_FIELDS, none),
        ("stop", async_stop, STOP, none),
        ("check_update", async_check_update, NO_FIELDS, optional),
        ("run_connection_test", async_run_connection_test, NO_FIELDS, optional),
        ("take_over", async_take_over_from_core, TAKE_OVER, optional),
        ("get_endpoint", async_get_endpoint, GET_ENDPOINT, only),
    ):
        async_register_admin_service(hass, DOMAIN, name, handler, schema, response)


async def async_set_operation(call: ServiceCall) -> ServiceResponse:
    """Set mode, reserve or both in one write, and return the new settings. The reserve has the scale of the options."""
    entry = _entry_of(call)
    control = _operation_control_of(entry)
    mode, reserve = call.data.get(ATTR_MODE), call.data.get(ATTR_RESERVE)
    if mode is None and reserve is None:
        raise validation_error("nothing_to_set")
    scale = entry.runtime_data.scale
    if reserve is not None:
        if not (isfinite(reserve) and scale.empty <= reserve <= 100):
            raise validation_error("reserve_out_of_range", reserve=f"{reserve:g}", least=f"{scale.empty:g}")
        reserve = scale.to_app(reserve)
    settings = await control.async_set(mode=mode, reserve=reserve)
    return {
        ATTR_MODE: settings.mode,
        ATTR_RESERVE: None if settings.reserve is None else round(scale.from_app(settings.reserve), 1),
    }


async def async_hold(call: ServiceCall) -> None:
    """Hold the charge of the battery for a while, and return when the gateway shows the reserve."""
    control = _operation_control_of(_entry_of(call))
    await control.temporary.async_hold(_temporary_duration(call))


async def async_release(call: ServiceCall) -> None:
    """End a hold, and return when the gateway shows the former reserve."""
    await _control_of(_entry_of(call)).temporary.async_end(Purpose.HOLD)


async def async_back_up_fully(call: ServiceCall) -> None:
    """Charge the battery to 100% and keep it there for a while. Return when the gateway shows it."""
    control = _operation_control_of(_entry_of(call))
    await control.temporary.async_back_up(_temporary_duration(call))


async def async_cancel_backup(call: ServiceCall) -> None:
    """End a full backup, and return when the gateway shows that."""
    await _control_of(_entry_of(call)).temporary.async_cancel_backup()


def _temporary_duration(call: ServiceCall) -> timedelta:
    """Return the duration of a temporary reserve. Raises `ServiceValidationError` if it is out of range."""
    duration: timedelta = call.data[ATTR_DURATION]
    if not timedelta(minutes=1) <= duration <= LONGEST_TEMPORARY:
        raise validation_error("duration_out_of_range", hours=f"{LONGEST_TEMPORARY / timedelta(hours=1):.0f}")
    return duration


async def async_dispatch(call: ServiceCall) -> None:
    """Charge or discharge the battery at a power for a while, and return when it does."""
    control = _control_of(_entry_of(call))
    power, duration = call.data[ATTR_POWER], _temporary_duration(call)
    if not LEAST_POWER <= power <= MOST_POWER:
        raise validation_error("power_out_of_range", least=f"{LEAST_POWER:.0f}", most=f"{MOST_POWER:.0f}")
    if call.data[ATTR_DIRECTION] == CHARGE:
        power = -power
    request = DispatchRequest(power=power, below_reserve=call.data[ATTR_BELOW_RESERVE])
    await control.dispatch.async_start(request, duration)


async def async_cancel_dispatch(call: ServiceCall) -> None:
    """Let the battery follow operation mode and backup reserve again, and return when it does."""
    await _control_of(_entry_of(call)).dispatch.async_end()


async def async_reapply_settings(call: ServiceCall) -> None:
    """Make firmware that only stored mode and reserve follow them, if that helps."""
    await _control_of(_entry_of(call)).temporary.async_reapply()


async def async_start(call: ServiceCall) -> None:
    """Start the Powerwall, and wait until it runs."""
    await _control_of(_entry_of(call)).async_start()


async def async_stop(call: ServiceCall) -> None:
    """Stop the Powerwall for a while, and return when it is stopped."""
    control = _control_of(_entry_of(call))
    duration: timedelta = call.data[ATTR_DURATION]
    if not 1 <= duration.total_seconds() <= LONGEST_STOP:
        raise validation_error("stop_out_of_range", minutes=f"{LONGEST_STOP / 60:.0f}")
    await control.async_stop(duration)


async def async_check_update(call: ServiceCall) -> ServiceResponse:
    """Check for new firmware, and return the resulting state with the gateway's own text."""
    data = _entry_of(call).runtime_data
    gateway = data.gateway

    def show(update: SystemUpdate) -> None:
        # Below 20.49 the endpoint requires the installer login, so no sensor depends on it.
        if not gateway.capabilities.login_stops_powerwall:
            data.inventory.async_set_update(update)

    with translated_errors():
        await _require_grid(gateway)
        try:
            update = await check_for_update(gateway, progress=show, interval=UPDATE_INTERVAL, limit=UPDATE_LIMIT)
        except CommandError as err:
            raise action_error("update_unfinished", minutes=f"{UPDATE_LIMIT / 60:.0f}") from err
    return {"state": update.state.name.lower() if update.state else None, "words": list(update.words or ())}


async def async_run_connection_test(call: ServiceCall) -> ServiceResponse:
    """Test the gateway's connection to Tesla, and return the result of each test."""
    gateway = _entry_of(call).runtime_data.gateway
    with translated_errors():
        try:
            tests = await run_connection_tests(gateway, interval=TEST_INTERVAL, limit=TEST_LIMIT)
        except CommandError as err:
            raise action_error("test_unfinished", minutes=f"{TEST_LIMIT / 60:.0f}") from err
    return {
        "passed": tests.passed,
        "tests": {test.name or "": {"passed": test.passed, "error": test.error} for test in tests.tests or ()},
    }


async def async_take_over_from_core(call: ServiceCall) -> ServiceResponse:
    """Map the built-in integration's entities to this one's, and take over their entity ids if that is requested."""
    entry, rename = _entry_of(call), call.data[ATTR_RENAME]
    found = pairs(call.hass, entry)
    if not found:
        raise validation_error("nothing_to_take_over")
    renamed: list[JsonValueType] = []
    if rename:
        if is_in_use(call.hass, found):
            raise validation_error("core_in_use")
        new_ids = async_take_over(call.hass, found)
        await async_update_entity_ids(call.hass, new_ids)
        renamed += new_ids.values()
    return {
        "entities": {core.entity_id: ours.entity_id for core, ours in found if ours},
        "without": [core.entity_id for core, ours in found if not ours],
        "renamed": renamed,
    }


async def async_get_endpoint(call: ServiceCall) -> ServiceResponse:
    """Return the response of a read-only endpoint without personal data, so that it can be shown to others."""
    entry = _entry_of(call)
    gateway, path = entry.runtime_data.gateway, call.data[ATTR_PATH]
    with translated_errors():
        response = await gateway.get(path)
    # The list of all installers has 595 kB.
    return {
        "path": path,
        "answer": await call.hass.async_add_executor_job(redactor_for(entry).redact_payload, path, response),
    }


@callback
def _entry_of(call: ServiceCall) -> PowerwallGatewayConfigEntry:
    """Return the loaded entry that an action is for. Raises `ServiceValidationError` if there is none."""
    return async_get_config_entry(call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID))


@callback
def _control_of(entry: PowerwallGatewayConfigEntry) -> Control:
    """Return the control of an entry. Raises `ServiceValidationError` if its owner has not allowed control."""
    control = entry.runtime_data.control
    if not control.consented:
        raise validation_error("control_not_allowed")
    return control


@callback
def _operation_control_of(entry: PowerwallGatewayConfigEntry) -> Control:
    """Return the control of an entry. Raises `ServiceValidationError` if mode and reserve cannot be set."""
    control = _control_of(entry)
    if not (control.can_set_operation or control.needs_key):  # the write itself reports why a key is not accepted
        raise validation_error("operation_not_allowed")
    return control


async def _require_grid(gateway: PowerwallGateway) -> None:
    """Reject what may stop the Powerwall while the home is off grid, or when the grid status is unknown."""
    try:
        grid = (await gateway.grid_status()).grid_status
    except GatewayStoppedError:
        raise
    except GatewayError as err:
        raise action_error("update_unsure") from err
    if grid is None:
        raise action_error("update_unsure")
    if grid is not GridState.CONNECTED:
        raise validation_error("update_off_grid")
