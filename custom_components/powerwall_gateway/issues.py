"""Define the repair issues, and create and delete them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_FINGERPRINT, DOMAIN
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayClockError,
    GatewayError,
    GatewayKeyError,
    KeyProblem,
)

SEPARATOR: Final = "; "
"""Between the texts of one placeholder that names several things."""

_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]")


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A repair issue."""

    key: str
    """The key of its texts. With the entry's id appended, it is the issue's id."""

    severity: ir.IssueSeverity
    is_fixable: bool = False
    is_persistent: bool = False
    """True for an issue that outlives a restart, because nothing would create it again."""

    shown_again: bool = False
    """True to show a new occurrence although the owner ignored an earlier one, because it concerns safety.

    Every other issue stays ignored for good.
    """


STOPPED: Final = Issue(key="stopped", severity=ir.IssueSeverity.ERROR, is_fixable=True, shown_again=True)
"""The Powerwall is stopped, and not by the integration."""

STOPPED_LONG_AGO: Final = Issue(
    key="stopped_long_ago", severity=ir.IssueSeverity.CRITICAL, is_fixable=True, shown_again=True
)
"""The integration stopped the Powerwall more than a day ago: someone may be working on it by now."""

LEFT_STOPPED: Final = Issue(
    key="left_stopped", severity=ir.IssueSeverity.CRITICAL, is_persistent=True, shown_again=True
)
"""The integration stopped the Powerwall, and the entry was removed before it could be started."""

DISABLED_LATER: Final = Issue(
    key="disabled_later", severity=ir.IssueSeverity.WARNING, is_fixable=True, is_persistent=True, shown_again=True
)
"""The owner disabled the entry while the Powerwall may be stopped. While active, the entry is disabled after that."""

RESERVE_LEFT: Final = Issue(key="reserve_left", severity=ir.IssueSeverity.WARNING, is_persistent=True, shown_again=True)
"""The backup reserve was set for a limited time and could not be restored; `reserve` is the one to restore."""

LOGIN_NEEDED: Final = Issue(key="login_needed", severity=ir.IssueSeverity.WARNING, is_fixable=True)
"""Mode and reserve cannot be read without a login, which stops the Powerwall for a moment."""

LOGIN_REFUSED: Final = Issue(key="installer_login_refused", severity=ir.IssueSeverity.WARNING)
"""The login that is made of the serial was refused, so the serial may be wrong."""

CONTROL_REFUSED: Final = Issue(key="control_refused", severity=ir.IssueSeverity.WARNING)
"""Mode and reserve could be set before, and can no longer be set."""

DEFAULT_PASSWORD: Final = Issue(key="default_password", severity=ir.IssueSeverity.WARNING)
"""The password is the one that the gateway came with: newer firmware rejects it, and others may know it."""

UNREACHABLE: Final = Issue(key="unreachable", severity=ir.IssueSeverity.ERROR, shown_again=True)
"""The gateway has not responded for an hour, at setup or since."""

KEY: Final = {
    reason: Issue(key=reason, severity=ir.IssueSeverity.WARNING)
    for reason in (*(f"key_{problem}" for problem in KeyProblem), "key_clocks_differ", "key_din_denied")
}
"""The signing key does not work, by reason: what depends on it is unavailable."""

PACK_FAULT: Final = Issue(key="pack_fault", severity=ir.IssueSeverity.ERROR, shown_again=True)
"""A Powerwall reports that it is disabled, and why; `packs` names it."""

ALERTS: Final = Issue(key="alerts", severity=ir.IssueSeverity.ERROR, shown_again=True)
"""The gateway reports alerts that the owner or the installer can do something about; `alerts` lists them."""

IDLE: Final = Issue(key="idle", severity=ir.IssueSeverity.WARNING)
"""The battery neither charges nor discharges although it could."""

HOLD_NOT_FOLLOWED: Final = Issue(key="hold_not_followed", severity=ir.IssueSeverity.WARNING)
"""The gateway shows the reserve that holds the charge, and the battery discharges below it."""

CERTIFICATE_CHANGED: Final = Issue(
    key="certificate_changed", severity=ir.IssueSeverity.ERROR, is_fixable=True, shown_again=True
)
"""The device at this address has another certificate, `new`, than the trusted one, `old`: nothing is sent to it."""

ENERGY_DASHBOARD: Final = Issue(key="energy_dashboard", severity=ir.IssueSeverity.WARNING, is_fixable=True)
"""A suggestion: the Energy dashboard could show the home; `entities` lists what would be added."""

ISSUES_WHILE_LOADED: Final = (
    STOPPED,
    LOGIN_NEEDED,
    LOGIN_REFUSED,
    CONTROL_REFUSED,
    *KEY.values(),
    DEFAULT_PASSWORD,
    UNREACHABLE,
    PACK_FAULT,
    ALERTS,
    IDLE,
    HOLD_NOT_FOLLOWED,
    ENERGY_DASHBOARD,
)
"""Issues that a loaded entry creates, and creates again as soon as it is loaded again."""

ISSUES_WHILE_ENABLED: Final = (*ISSUES_WHILE_LOADED, CERTIFICATE_CHANGED)
"""The same, and those of setting up the entry."""

ALL: Final = (*ISSUES_WHILE_ENABLED, STOPPED_LONG_AGO, DISABLED_LATER, LEFT_STOPPED, RESERVE_LEFT)

_OF_REMOVED: Final = (LEFT_STOPPED, RESERVE_LEFT)
"""Issues that are still true after an entry was removed."""


def of_key(err: GatewayError | None) -> Issue | None:
    """Return the issue for an error of the signing key check; None for an error that passes by itself."""
    match err:
        case GatewayKeyError():
            return KEY[f"key_{err.problem}"]
        case GatewayClockError():
            return KEY["key_clocks_differ"]
        case GatewayAuthenticationRequiredError(stops_powerwall=False):
            return KEY["key_din_denied"]
        case _:
            return None


@callback
def async_set_issue(hass: HomeAssistant, issue: Issue, entry_id: str, *, active: bool, **placeholders: str) -> None:
    """Create or delete an issue of an entry. Repeated calls change nothing.

    An ignored issue stays ignored while it names the same things. `active=False` means that it is over, not that this
    is unknown: the next occurrence of an ignored issue with `shown_again` is then shown.

    The placeholders are for its texts, in addition to the entry's name. They must not contain secrets, and the caller
    escapes text of the gateway with `escape_markdown`.
    """
    issue_id = _id(issue, entry_id)
    known = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    is_ignored = known is not None and known.dismissed_version is not None
    if not active:
        if issue.shown_again or not is_ignored:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    if known and is_ignored and issue.shown_again and _names_more(known, placeholders):
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    entry = hass.config_entries.async_get_entry(entry_id)
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry_id, "key": issue.key},
        is_fixable=issue.is_fixable,
        is_persistent=issue.is_persistent,
        severity=issue.severity,
        translation_key=issue.key,
        translation_placeholders={"name": escape_markdown(entry.title) if entry else "Powerwall", **placeholders},
    )


@callback
def async_set_certificate_issue(hass: HomeAssistant, entry: ConfigEntry, found: bytes | None) -> None:
    """Show that the gateway has another certificate than the trusted one; None deletes the issue."""
    placeholders: dict[str, str] = {}
    if found is not None:
        placeholders = {
            "old": format_fingerprint(entry.data[CONF_FINGERPRINT]),
            "new": format_fingerprint(found.hex()),
        }
    async_set_issue(hass, CERTIFICATE_CHANGED, entry.entry_id, active=found is not None, **placeholders)


@callback
def async_set_reserve_issue(hass: HomeAssistant, entry: ConfigEntry, reserve: float | None) -> None:
    """Show that a backup reserve (app %) could not be restored; None deletes the issue."""
    placeholders = {} if reserve is None else {"reserve": f"{reserve:.0f}"}
    name = escape_markdown(entry.title)  # of an entry that may be removed
    async_set_issue(hass, RESERVE_LEFT, entry.entry_id, active=reserve is not None, name=name, **placeholders)


@callback
def is_active(hass: HomeAssistant, issue: Issue, entry_id: str) -> bool:
    """Return whether an issue of an entry exists, ignored or not."""
    return ir.async_get(hass).async_get_issue(DOMAIN, _id(issue, entry_id)) is not None


def entry_id_of(issue: Issue, issue_id: str) -> str | None:
    """Return the id of the entry that an issue id names; None for the id of another issue."""
    prefix = _id(issue, "")
    return issue_id.removeprefix(prefix) if issue_id.startswith(prefix) else None


@callback
def async_clear_issues(hass: HomeAssistant, entry_id: str, found: Iterable[Issue]) -> None:
    """Delete issues that are no longer monitored, except those that the owner ignored."""
    registry = ir.async_get(hass)
    for issue in found:
        known = registry.async_get_issue(DOMAIN, _id(issue, entry_id))
        if known and known.dismissed_version is None:
            async_set_issue(hass, issue, entry_id, active=False)


@callback
def async_delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete the issues of a removed entry, except those about its Powerwall."""
    for issue in ALL:
        if issue not in _OF_REMOVED:
            ir.async_delete_issue(hass, DOMAIN, _id(issue, entry_id))


def _names_more(known: ir.IssueEntry, placeholders: Mapping[str, str]) -> bool:
    """Return whether the placeholders name something that the known issue does not; after a restart it names nothing.

    The texts of a placeholder are separated by `SEPARATOR`.
    """
    if (before := known.translation_placeholders) is None:
        return False
    return any(
        not set(value.split(SEPARATOR)) <= set(before.get(key, "").split(SEPARATOR))
        for key, value in placeholders.items()
    )


def _id(issue: Issue, entry_id: str) -> str:
    return f"{issue.key}_{entry_id}"


def format_fingerprint(fingerprint: str | None) -> str:
    """Return a SHA-256 in hex as browsers show it; a dash for None."""
    return bytes.fromhex(fingerprint).hex(":").upper() if fingerprint else "-"


def escape_markdown(text: str) -> str:
    """Escape text of a gateway, so that no link, picture or tag comes out of it in a form or repair."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)
