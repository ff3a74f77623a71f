"""What the owner can have done from Home Assistant's repairs."""

from collections.abc import Awaitable, Callable
import logging
from typing import Any

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.components.repairs.models import RepairsFlowContext
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from . import issues
from .certificate import async_identify, async_trust, stored
from .const import CONF_FINGERPRINT, CONF_SAME_POWERWALLS, CONF_SERIAL, DOMAIN
from .data import PowerwallGatewayConfigEntry
from .energy_dashboard import async_fill
from .exceptions import translated
from .gateway import GatewayError, Identity, StopSupervisor
from .hub import async_disable_now, async_get_supervisor
from .issues import escape_markdown
from .probe import async_former
from .progress_flow import ProgressFlow
from .renaming import async_carry_over, is_taken

_LOGGER = logging.getLogger(__name__)

_SAME_POWERWALLS = vol.Schema({vol.Required(CONF_SAME_POWERWALLS, default=False): bool})


class GuardedFix(RepairsFlow):
    """Asks, does it through the guard, and says why it did not work."""

    def __init__(self, guard: StopSupervisor | None, fix: Callable[[StopSupervisor], Awaitable[None]]) -> None:
        self._guard = guard
        self._fix = fix

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask whether to do it, and do it."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            if self._guard is None:
                return self.async_abort(reason="not_loaded")
            try:
                await self._fix(self._guard)
            except GatewayError as err:
                # The texts of the exceptions are the errors of this form, too: only there they are translated.
                failure = translated(err)
                errors = {"base": failure.translation_key or "unexpected_answer"}
                placeholders = dict(failure.translation_placeholders or {})
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            errors=errors or None,
            description_placeholders=placeholders,
        )


class CertificateFix(ProgressFlow[RepairsFlowContext, RepairsFlowResult], RepairsFlow):
    """Shows the old certificate and the new one, and lets the owner decide.

    A new certificate may be that of another gateway, which replaced the old one: where it says so, the owner is asked
    whether the history goes over to it.
    """

    def __init__(self, entry_id: str) -> None:
        self._entry_id = entry_id
        self._shown: dict[str, str] = {}
        self._found: Identity | None = None

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask; what is shown now is what may be accepted, whatever is shown to the next one."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        self._shown = (issue and issue.translation_placeholders) or {}
        return self.async_show_menu(
            step_id="init", menu_options=["accept", "refuse"], description_placeholders=self._shown
        )

    async def async_step_accept(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Look who has the new certificate, by reads without a login."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or "new" not in self._shown:
            return self.async_abort(reason="not_loaded")
        return await self.async_step_looking()

    async def async_step_looking(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show that this takes a while."""
        return await self._async_wait_for(self._async_look, "looking", "looked")

    async def _async_look(self) -> None:
        entry = self.hass.config_entries.async_get_known_entry(self._entry_id)
        try:
            self._found = await async_identify(entry, self._shown["new"])
        except GatewayError as err:
            _LOGGER.debug("The certificate is trusted, and whose it is shows later: %s", err)

    async def async_step_looked(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Trust the certificate, unless it is another gateway's."""
        await self._async_finish_waiting()
        entry = self.hass.config_entries.async_get_known_entry(self._entry_id)
        former = await async_former(self.hass, entry)
        if self._found is None or not self._found.is_another(former.serial, former.packs):
            async_trust(self.hass, entry, self._shown["new"])
            return self.async_create_entry(data={})
        if self._found.din is None:  # no serial number is known, but other Powerwalls
            return self.async_abort(reason="another_gateway")
        if is_taken(self.hass, entry, self._found.din.serial_number):
            return self.async_abort(reason="already_configured")
        return await self.async_step_replaced()

    async def async_step_replaced(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Carry the history over to the new gateway, if the owner says that its Powerwalls are the same."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or self._found is None or self._found.din is None:
            return self.async_abort(reason="not_loaded")
        serial = self._found.din.serial_number
        if user_input is not None and user_input[CONF_SAME_POWERWALLS]:
            if is_taken(self.hass, entry, serial):
                return self.async_abort(reason="already_configured")
            # The old gateway's password is not sent to a new one.
            kept = {key: value for key, value in entry.data.items() if key != CONF_PASSWORD}
            fingerprint = stored(self._shown["new"])
            await async_carry_over(self.hass, entry, {**kept, CONF_SERIAL: serial, CONF_FINGERPRINT: fingerprint})
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="replaced",
            data_schema=_SAME_POWERWALLS,
            errors={CONF_SAME_POWERWALLS: "not_the_same"} if user_input is not None else None,
            description_placeholders={
                **self._shown,
                "host": entry.data[CONF_HOST],
                "former": entry.data[CONF_SERIAL],
                "serial": escape_markdown(serial),
            },
        )

    async def async_step_refuse(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on sending nothing; the question stays."""
        return self.async_abort(reason="refused")


class DisableFix(RepairsFlow):
    """Disables an entry without waiting for its Powerwall, or leaves it enabled for good."""

    def __init__(self, entry_id: str) -> None:
        self._entry_id = entry_id

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        placeholders = issue.translation_placeholders if issue else None
        return self.async_show_menu(
            step_id="init", menu_options=["disable", "keep"], description_placeholders=placeholders
        )

    async def async_step_disable(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Disable it now: the owner says that the Powerwall runs."""
        if self.hass.config_entries.async_get_entry(self._entry_id) is None:
            return self.async_abort(reason="not_loaded")
        try:
            await async_disable_now(self.hass, self._entry_id)
        except GatewayError:
            return self.async_abort(reason="not_closed")
        return self.async_create_entry(data={})

    async def async_step_keep(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Leave it enabled."""
        return self.async_create_entry(data={})


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
    if data and data["key"] == issues.DISABLED_LATER.key:
        return DisableFix(data["entry_id"])
    guard = async_get_supervisor(hass, data["entry_id"]) if data else None
    fix = StopSupervisor.log_in if data and data["key"] == issues.LOGIN_NEEDED.key else StopSupervisor.start
    return GuardedFix(guard, fix)
