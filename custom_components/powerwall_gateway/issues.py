"""What Home Assistant's repairs show, made and removed as the state says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .gateway import (
    GatewayAuthenticationRequiredError,
    GatewayClockError,
    GatewayError,
    GatewayKeyError,
    GatewayLoginStopsError,
    KeyProblem,
)

SEPARATOR: Final = "; "
"""Between the texts of one placeholder that names several things."""

_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]")


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that the owner should know, or do."""

    key: str
    """Of its texts; with the entry's id behind it, its id."""

    severity: ir.IssueSeverity
    is_fixable: bool = False
    is_persistent: bool = False
    """Whether it outlives a restart: nobody is there to raise it again."""

    shown_again: bool = False
    """Whether a new occurrence is shown although the owner ignored an earlier one, because it concerns safety.

    Every other issue stays ignored for good.
    """


STOPPED: Final = Issue(key="stopped", severity=ir.IssueSeverity.ERROR, is_fixable=True, shown_again=True)
"""Somebody stopped the Powerwall, and it was not us."""

STOPPED_LONG_AGO: Final = Issue(
    key="stopped_long_ago", severity=ir.IssueSeverity.CRITICAL, is_fixable=True, shown_again=True
)
"""It was us, more than a day ago: somebody may be at work on it by now."""

LEFT_STOPPED: Final = Issue(
    key="left_stopped", severity=ir.IssueSeverity.CRITICAL, is_persistent=True, shown_again=True
)
"""It was us, and the entry is gone before it could be started."""

DISABLED_LATER: Final = Issue(
    key="disabled_later", severity=ir.IssueSeverity.WARNING, is_fixable=True, is_persistent=True, shown_again=True
)
"""The owner disabled the entry while the Powerwall may be stopped by us; while shown, it is disabled after that."""

LOGIN_NEEDED: Final = Issue(key="login_needed", severity=ir.IssueSeverity.WARNING, is_fixable=True)
"""Mode and reserve cannot be read without a login, which stops the Powerwall for a moment."""

LOGIN_REFUSED: Final = Issue(key="installer_login_refused", severity=ir.IssueSeverity.WARNING)
"""The login that is made of the serial was refused, so the serial may be wrong."""

CONTROL_REFUSED: Final = Issue(key="control_refused", severity=ir.IssueSeverity.WARNING)
"""Mode and reserve could be set, and cannot any more."""

DEFAULT_PASSWORD: Final = Issue(key="default_password", severity=ir.IssueSeverity.WARNING)
"""The password is the one that the gateway came with: newer firmware refuses it, and others may know it."""

UNREACHABLE: Final = Issue(key="unreachable", severity=ir.IssueSeverity.ERROR, shown_again=True)
"""Nobody has answered for long, at set-up or since."""

KEY: Final = {
    reason: Issue(key=reason, severity=ir.IssueSeverity.WARNING)
    for reason in (*(f"key_{problem}" for problem in KeyProblem), "key_clocks_differ", "key_din_denied")
}
"""The signing key is of no use, by reason: what depends on it is unavailable."""

PACK_FAULT: Final = Issue(key="pack_fault", severity=ir.IssueSeverity.ERROR, shown_again=True)
"""A Powerwall says that it is disabled, and why; `packs` names it."""

IDLE: Final = Issue(key="idle", severity=ir.IssueSeverity.WARNING)
"""The battery rests although there is something for it to do."""

CERTIFICATE_CHANGED: Final = Issue(
    key="certificate_changed", severity=ir.IssueSeverity.ERROR, is_fixable=True, shown_again=True
)
"""Whoever answers shows another certificate, `new`, than the trusted one, `old`: nothing is sent to it."""

ENERGY_DASHBOARD: Final = Issue(key="energy_dashboard", severity=ir.IssueSeverity.WARNING, is_fixable=True)
"""An offer: the Energy dashboard could show the house; `entities` lists what would be added."""

OF_LOADED: Final = (
    STOPPED,
    LOGIN_NEEDED,
    LOGIN_REFUSED,
    CONTROL_REFUSED,
    *KEY.values(),
    DEFAULT_PASSWORD,
    UNREACHABLE,
    PACK_FAULT,
    IDLE,
    ENERGY_DASHBOARD,
)
"""What a loaded entry raises by looking, and raises again as soon as it is loaded again."""

OF_ENABLED: Final = (*OF_LOADED, CERTIFICATE_CHANGED)
"""What is raised by that, and by trying to load it."""

ALL: Final = (*OF_ENABLED, STOPPED_LONG_AGO, DISABLED_LATER, LEFT_STOPPED)


def of_key(err: GatewayError | None) -> Issue | None:
    """Give the issue for what a check of the signing key ran into; None for what passes by itself."""
    match err:
        case GatewayKeyError():
            return KEY[f"key_{err.problem}"]
        case GatewayClockError():
            return KEY["key_clocks_differ"]
        case GatewayAuthenticationRequiredError() if not isinstance(err, GatewayLoginStopsError):
            return KEY["key_din_denied"]
        case _:
            return None


@callback
def async_show(hass: HomeAssistant, issue: Issue, entry_id: str, *, shown: bool, **placeholders: str) -> None:
    """Show an issue of an entry, or take it away; both may be said again and again.

    An ignored issue stays ignored while it is shown again with what it named before. `shown=False` says that it is
    over, not that this is unknown: of an ignored issue with `shown_again` the next occurrence is then shown.

    The placeholders are for its texts, besides the entry's name; no secret may be among them, and what others wrote is
    escaped with `escape_markdown` by the caller.
    """
    issue_id = _id(issue, entry_id)
    known = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    is_ignored = known is not None and known.dismissed_version is not None
    if not shown:
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
def is_shown(hass: HomeAssistant, issue: Issue, entry_id: str) -> bool:
    """Return whether an issue of an entry is shown, or ignored."""
    return ir.async_get(hass).async_get_issue(DOMAIN, _id(issue, entry_id)) is not None


def entry_id_of(issue: Issue, issue_id: str) -> str | None:
    """Return the id of the entry that an issue id names; None for the id of another issue."""
    prefix = _id(issue, "")
    return issue_id.removeprefix(prefix) if issue_id.startswith(prefix) else None


@callback
def async_put_aside(hass: HomeAssistant, entry_id: str, found: Iterable[Issue]) -> None:
    """Take away what nobody looks at any more; what the owner ignores is out of sight, and stays ignored."""
    registry = ir.async_get(hass)
    for issue in found:
        known = registry.async_get_issue(DOMAIN, _id(issue, entry_id))
        if known and known.dismissed_version is None:
            async_show(hass, issue, entry_id, shown=False)


@callback
def async_forget(hass: HomeAssistant, entry_id: str) -> None:
    """Take away what a removed entry showed, but for what must stay."""
    for issue in ALL:
        if issue is not LEFT_STOPPED:
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


def escape_markdown(text: str) -> str:
    """Escape text of a gateway, so that no link, picture or tag comes out of it in a form or repair."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)
