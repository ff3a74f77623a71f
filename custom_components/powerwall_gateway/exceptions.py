"""What a gateway's failure means to the person who asked for something."""

from collections.abc import Callable
from math import floor
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_BASE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayClockError,
    GatewayConflictError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayLoginForbiddenError,
    GatewayLoginStopsError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayResponseError,
    GatewayStoppedError,
    GatewaySwitchNeededError,
    GuardBusyError,
    GuardGridError,
    GuardJournalError,
    GuardLoginLimitError,
    GuardNotRunningError,
    GuardUnsureError,
    IslandChargeError,
    IslandGridError,
    IslandNotFollowedError,
    IslandUnsureError,
    OperationInvalidError,
    OperationNotAllowedError,
    OperationNotAppliedError,
    OperationNotFollowedError,
    OperationRefusedError,
    OperationStoppedError,
    OperationUnknownError,
    PercentScale,
    RuleNotAppliedError,
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


type Placeholders = Callable[[Any, PercentScale], dict[str, str]]


def _nothing(_: GatewayError, __: PercentScale) -> dict[str, str]:
    return {}


def error_text(err: GatewayError) -> str:
    """Return the gateway's own words, or else the endpoint and the HTTP status: none of them needs a translation."""
    reason: str = getattr(err, "reason", "")
    status: int = getattr(err, "status", 0)
    return reason or ", ".join(filter(None, (err.path, f"HTTP {status}" if status else ""))) or "-"


def _reason(err: GatewayError, _: PercentScale) -> dict[str, str]:
    return {"reason": error_text(err)}


def _standing(err: OperationNotAppliedError, scale: PercentScale) -> dict[str, str]:
    reserve = err.standing_reserve
    return {"mode": err.standing_mode or "-", "reserve": "-" if reserve is None else f"{scale.from_app(reserve):.0f}"}


def _charge(err: IslandChargeError, scale: PercentScale) -> dict[str, str]:
    return {"charge": f"{floor(scale.from_app(err.charge))}", "least": f"{scale.from_app(err.least):.0f}"}


_TEXTS: Final[tuple[tuple[type[GatewayError], str, Placeholders], ...]] = (
    (OperationStoppedError, "powerwall_stopped", _nothing),
    (OperationNotAllowedError, "operation_not_allowed", _nothing),
    (OperationRefusedError, "operation_refused", _reason),
    (OperationNotAppliedError, "operation_not_applied", _standing),
    (OperationNotFollowedError, "operation_not_followed", lambda err, _: {"firmware": err.firmware or "-"}),
    (OperationUnknownError, "operation_unknown", _nothing),
    (OperationInvalidError, "operation_invalid", _nothing),
    (RuleNotAppliedError, "rule_not_applied", _nothing),
    (GuardGridError, "not_on_grid", _nothing),
    (GuardNotRunningError, "powerwall_stopped", _nothing),
    (GuardUnsureError, "not_sure", _nothing),
    (GuardBusyError, "guard_busy", _nothing),
    (GuardLoginLimitError, "too_many_logins", _nothing),
    (GuardJournalError, "journal_failed", _nothing),
    (IslandGridError, "no_grid_to_leave", _nothing),
    (IslandUnsureError, "island_not_sure", _nothing),
    (IslandChargeError, "charge_too_low", _charge),
    (IslandNotFollowedError, "island_not_followed", _nothing),
    (GatewayConflictError, "settings_conflict", _nothing),
    (GatewayClockError, "clocks_differ", _nothing),
    (GatewayStoppedError, "powerwall_stopped", _nothing),
    (
        GatewayRateLimitError,
        "gateway_busy",
        lambda err, _: {"seconds": f"{err.retry_after:.0f}", "reason": error_text(err)},
    ),
    (GatewayLoginStopsError, "login_needed", _nothing),
    (GatewaySwitchNeededError, "switch_needed", _reason),
    (GatewayLoginForbiddenError, "login_forbidden", _reason),
    (GatewayLoginError, "login_refused", _reason),
    (GatewayAuthenticationRequiredError, "not_for_this_login", _nothing),
    (GatewayNotFoundError, "not_on_this_firmware", _nothing),
    (GatewayCertificateError, "certificate_changed", _nothing),
    (WrongGatewayError, "another_gateway", _nothing),
    (GatewayConnectionError, "no_answer", _nothing),
    (GatewayInvalidResponseError, "unexpected_answer", _reason),
    (GatewayResponseError, "gateway_refused", _reason),
)
"""Every failure, the children before their parents: the text's key, and what it names."""

_NOT_NOW: Final = (
    OperationInvalidError,
    OperationStoppedError,
    GuardGridError,
    GuardNotRunningError,
    GuardBusyError,
    IslandChargeError,
    IslandGridError,
)
"""Whoever asks should ask for something else, or later; nothing went wrong."""


def translated(err: GatewayError, scale: PercentScale = PercentScale.APP) -> HomeAssistantError:
    """Give the error to raise in an action: a sentence in the person's language that says what to do.

    Its percentages are on the given scale.
    """
    if isinstance(err, OperationRefusedError) and err.stored:
        stopped = isinstance(err, OperationStoppedError)
        key, placeholders = (
            ("operation_stored_stopped", {}) if stopped else ("operation_stored_only", _reason(err, scale))
        )
    elif type(err) is OperationRefusedError and not (err.status or err.reason):  # nothing was sent
        key, placeholders = "operation_unread", {}
    elif isinstance(err, GatewayKeyError):
        key, placeholders = f"key_{err.problem}", {}
    else:
        key, placeholders = next(
            ((key, placeholders(err, scale)) for kind, key, placeholders in _TEXTS if isinstance(err, kind)),
            ("unexpected_answer", _reason(err, scale)),
        )
    kind = ServiceValidationError if isinstance(err, _NOT_NOW) else HomeAssistantError
    return kind(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)
