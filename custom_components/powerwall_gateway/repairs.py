"""What the owner can have done from Home Assistant's repairs."""

from collections.abc import Awaitable, Callable
from typing import Any

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from . import issues
from .certificate import async_trust
from .const import DOMAIN
from .coordinator import PowerwallGatewayConfigEntry
from .energy_dashboard import async_fill
from .failures import translated
from .gateway import GatewayError, Guard
from .keeper import async_guard_of


class GuardedFix(RepairsFlow):
    """Asks, does it through the guard, and says why it did not work."""

    def __init__(self, guard: Guard | None, fix: Callable[[Guard], Awaitable[None]]) -> None:
        self._guard = guard
        self._fix = fix

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask whether to do it, and do it."""
        reason = ""
        if user_input is not None:
            if self._guard is None:
                return self.async_abort(reason="not_loaded")
            try:
                await self._fix(self._guard)
            except GatewayError as err:
                reason = str(translated(err))
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            errors={"base": "failed"} if reason else None,
            description_placeholders={"reason": reason},
        )


class CertificateFix(RepairsFlow):
    """Shows the old certificate and the new one, and lets the owner decide."""

    def __init__(self, entry_id: str) -> None:
        self._entry_id = entry_id
        self._shown: dict[str, str] = {}

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask; what is shown now is what may be accepted, whatever is shown to the next one."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        self._shown = (issue and issue.translation_placeholders) or {}
        return self.async_show_menu(
            step_id="init", menu_options=["accept", "refuse"], description_placeholders=self._shown
        )

    async def async_step_accept(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Trust the new one."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or "new" not in self._shown:
            return self.async_abort(reason="not_loaded")
        async_trust(self.hass, entry, self._shown["new"])
        return self.async_create_entry(data={})

    async def async_step_refuse(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on sending nothing; the question stays."""
        return self.async_abort(reason="refused")


class DashboardFix(RepairsFlow):
    """Says what would be added to the Energy dashboard, and adds it, or never asks again."""

    def __init__(self, entry_id: str) -> None:
        self._entry_id = entry_id

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask; the page of a repair that does something has no way of its own to ignore it."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        placeholders = issue.translation_placeholders if issue else None
        return self.async_show_menu(
            step_id="init", menu_options=["add", "ignore"], description_placeholders=placeholders
        )

    async def async_step_add(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Add what the dashboard lacks by now."""
        entry: PowerwallGatewayConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        if not await async_fill(self.hass, entry):
            return self.async_abort(reason="nothing_to_add")
        return self.async_create_entry(data={})

    async def async_step_ignore(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Keep it out of sight for good."""
        ir.async_ignore_issue(self.hass, DOMAIN, self.issue_id, ignore=True)
        return self.async_abort(reason="ignored")


async def async_create_fix_flow(hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Give the way to put an issue right."""
    if data and data["key"] == issues.ENERGY_DASHBOARD.key:
        return DashboardFix(data["entry_id"])
    if data and data["key"] == issues.CERTIFICATE_CHANGED.key:
        return CertificateFix(data["entry_id"])
    guard = async_guard_of(hass, data["entry_id"]) if data else None
    fix = Guard.log_in if data and data["key"] == issues.LOGIN_NEEDED.key else Guard.start
    return GuardedFix(guard, fix)
