"""Translate the client's errors into Home Assistant's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import floor
from typing import Final

import voluptuous as vol

from homeassistant.const import CONF_BASE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN, PercentScale
from .gateway import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayClockError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayResponseError,
    GatewayStoppedError,
    JournalError,
    LoginProblem,
    WrongGatewayError,
)


class FormError(Exception):
    """Raised when user input is rejected: the error key, the field to show it on, and the gateway's own text."""

    def __init__(self, key: str, field: str = CONF_BASE, *, reason: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.field = field
        self.reason = reason

    def errors(self, schema: vol.Schema) -> dict[str, str]:
        """Return the errors of a form: at the field, or above a form that has no such field."""
        return {self.field if self.field in schema.schema else CONF_BASE: self.key}


_COMMAND_KEYS: Final[Mapping[CommandFailure, str]] = {
    CommandFailure.NOT_ALLOWED: "operation_not_allowed",
    CommandFailure.REFUSED: "operation_refused",
    CommandFailure.STOPPED: "powerwall_stopped",
    CommandFailure.UNREADABLE: "operation_unread",
    CommandFailure.STORED_ONLY: "operation_stored_only",
    CommandFailure.STORED_STOPPED: "operation_stored_stopped",
    CommandFailure.NOT_APPLIED: "operation_not_applied",
    CommandFailure.NOT_FOLLOWED: "operation_not_followed",
    CommandFailure.CONFLICT: "settings_conflict",
    CommandFailure.UNKNOWN: "operation_unknown",
    CommandFailure.BACKUP_NOT_CANCELED: "backup_not_canceled",
    CommandFailure.GRID_POLICY_NOT_APPLIED: "rule_not_applied",
    CommandFailure.NOT_ON_GRID: "not_on_grid",
    CommandFailure.UNSURE: "not_sure",
    CommandFailure.BUSY: "guard_busy",
    CommandFailure.TOO_MANY_LOGINS: "too_many_logins",
    CommandFailure.NO_GRID_TO_LEAVE: "no_grid_to_leave",
    CommandFailure.CHARGE_TOO_LOW: "charge_too_low",
    CommandFailure.ISLANDING_UNSURE: "island_not_sure",
    CommandFailure.ISLANDING_NOT_FOLLOWED: "island_not_followed",
    CommandFailure.DISPATCH_UNSURE: "dispatch_unsure",
    CommandFailure.DISPATCH_OFF_GRID: "dispatch_off_grid",
    CommandFailure.DISPATCH_GRID_SERVICES: "dispatch_grid_services",
    CommandFailure.DISPATCH_BELOW_RESERVE: "dispatch_below_reserve",
    CommandFailure.DISPATCH_EXPORTS: "dispatch_exports",
    CommandFailure.DISPATCH_IMPORTS: "dispatch_imports",
    CommandFailure.DISPATCH_DURING_BACKUP: "backup_in_progress",
    CommandFailure.DISPATCH_REPLACED: "dispatch_replaced",
    CommandFailure.DISPATCH_NOT_FOLLOWED: "dispatch_not_followed",
    CommandFailure.DISPATCH_NOT_ENDED: "dispatch_not_ended",
    CommandFailure.UNFINISHED: "no_answer",
}

_LOGIN_KEYS: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.CREDENTIALS: "login_refused",
    LoginProblem.DEFAULT_PASSWORD: "login_refused",
    LoginProblem.FORBIDDEN: "login_forbidden",
    LoginProblem.SWITCH_NEEDED: "switch_needed",
}

_KEYS: Final[Mapping[type[GatewayError], str]] = {
    JournalError: "journal_failed",
    GatewayClockError: "clocks_differ",
    GatewayStoppedError: "powerwall_stopped",
    GatewayRateLimitError: "gateway_busy",
    GatewayAuthenticationRequiredError: "not_for_this_login",
    GatewayNotFoundError: "not_on_this_firmware",
    GatewayCertificateError: "certificate_changed",
    WrongGatewayError: "another_gateway",
    GatewayConnectionError: "no_answer",
    GatewayInvalidResponseError: "unexpected_answer",
    GatewayResponseError: "gateway_refused",
    GatewayError: "unexpected_answer",
}
"""Translation keys of the other errors; those of a base class are for its subclasses, too."""

_VALIDATION: Final = {
    CommandFailure.STOPPED,
    CommandFailure.STORED_STOPPED,
    CommandFailure.NOT_ON_GRID,
    CommandFailure.BUSY,
    CommandFailure.NO_GRID_TO_LEAVE,
    CommandFailure.CHARGE_TOO_LOW,
    CommandFailure.DISPATCH_OFF_GRID,
    CommandFailure.DISPATCH_GRID_SERVICES,
    CommandFailure.DISPATCH_BELOW_RESERVE,
    CommandFailure.DISPATCH_EXPORTS,
    CommandFailure.DISPATCH_IMPORTS,
    CommandFailure.DISPATCH_DURING_BACKUP,
}
"""Failures where the user should request something else, or try later."""


def validation_error(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error of an action that cannot be called like this, or not now."""
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def action_error(key: str, **placeholders: str) -> HomeAssistantError:
    """Return the error of an action that failed."""
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def error_text(err: GatewayError) -> str:
    """Return the gateway's own text, or else the endpoint and the HTTP status. Neither needs a translation."""
    response = err.response if isinstance(err, CommandError) else err
    if not isinstance(response, GatewayResponseError):
        return err.path or "-"
    status = f"HTTP {response.status}" if response.status else ""
    return response.reason or ", ".join(filter(None, (response.path, status))) or "-"


def translated(err: GatewayError, scale: PercentScale = PercentScale.APP) -> HomeAssistantError:
    """Return the translated error to raise in an action, with percentages on the given scale."""
    placeholders = {"reason": error_text(err)}
    match err:
        case CommandError():
            reserve, charge, least = (
                None if percent is None else scale.from_app(percent) for percent in (err.reserve, err.charge, err.least)
            )
            placeholders |= {
                "mode": err.mode or "-",
                "reserve": "-" if reserve is None else f"{reserve:.0f}",
                "firmware": err.firmware or "-",
                "charge": "-" if charge is None else f"{floor(charge)}",
                "least": "-" if least is None else f"{least:.0f}",
                "power": "-" if err.power is None else f"{abs(err.power):.0f}",
            }
        case GatewayRateLimitError():
            placeholders["seconds"] = f"{err.retry_after:.0f}"
    is_validation = isinstance(err, GatewayNotFoundError | GatewayAuthenticationRequiredError) or (
        isinstance(err, CommandError) and err.reason in _VALIDATION
    )
    return (validation_error if is_validation else action_error)(_translation_key(err), **placeholders)


@contextmanager
def translated_errors(scale: PercentScale = PercentScale.APP) -> Iterator[None]:
    """Raise errors of the gateway as translated errors of Home Assistant."""
    try:
        yield
    except GatewayError as err:
        raise translated(err, scale) from err


def _translation_key(err: GatewayError) -> str:
    """Return the translation key of an error."""
    match err:
        case CommandError():
            return _COMMAND_KEYS[err.reason]
        case GatewayLoginError():
            return _LOGIN_KEYS[err.problem]
        case GatewayKeyError():
            return f"key_{err.problem}"
        case GatewayAuthenticationRequiredError(stops_powerwall=True):
            return "login_needed"
    return next(_KEYS[kind] for kind in type(err).__mro__ if kind in _KEYS)
