"""Fix flows of the repair issues."""

from collections.abc import Awaitable, Callable
import logging
from typing import Any

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.components.repairs.models import RepairsFlowContext
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from . import issues
from .config_flow import ProgressFlow
from .const import CONF_FINGERPRINT, CONF_SAME_POWERWALLS, CONF_SERIAL, DOMAIN
from .data import PowerwallGatewayConfigEntry
from .device_ids import async_carry_over, is_serial_in_use
from .energy_dashboard import async_add_sources
from .exceptions import translated
from .gateway import GatewayError, Identity, StopSupervisor, identify, open_session
from .hub import async_disable_now, async_get_supervisor, create_gateway
from .probe import async_configured_gateway

_LOGGER = logging.getLogger(__name__)

_SAME_POWERWALLS = vol.Schema({vol.Required(CONF_SAME_POWERWALLS, default=False): bool})


class SupervisedFix(RepairsFlow):
    """Confirm a login or a start, do it through the supervisor, and show why it failed."""

    def __init__(self, supervisor: StopSupervisor | None, fix: Callable[[StopSupervisor], Awaitable[None]]) -> None:
        self._supervisor = supervisor
        self._fix = fix

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Start with the confirmation."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask for the confirmation, and do it."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            if self._supervisor is None:
                return self.async_abort(reason="not_loaded")
            try:
                await self._fix(self._supervisor)
            except GatewayError as err:
                # This form has a text of its own for each key of an exception.
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


class MenuFix(RepairsFlow):
    """Show what an issue of an entry names, and a menu of what can be done."""

    _menu: tuple[str, ...]

    def __init__(self, entry_id: str) -> None:
        self._entry_id = entry_id
        self._shown: dict[str, str] = {}
        """The placeholders when the menu was opened: only what they name may be accepted."""

    @property
    def _entry(self) -> PowerwallGatewayConfigEntry | None:
        return self.hass.config_entries.async_get_entry(self._entry_id)

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show the menu."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        self._shown = (issue and issue.translation_placeholders) or {}
        return self.async_show_menu(step_id="init", menu_options=self._menu, description_placeholders=self._shown)


class CertificateFix(ProgressFlow[RepairsFlowContext, RepairsFlowResult], MenuFix):
    """Show the trusted certificate and the new one, and trust the new one if the owner accepts it.

    The new certificate may be that of another gateway, which replaced the old one: if the gateway says so, the owner
    is asked whether it takes over the history.
    """

    _menu = ("accept", "refuse")
    _data: dict[str, Any]
    """Data of the entry with the new certificate. The old gateway's password is not sent to a new one."""

    _found: Identity | None = None

    async def async_step_accept(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Identify the gateway with the new certificate, by reads without a login."""
        if (entry := self._entry) is None or "new" not in self._shown:
            return self.async_abort(reason="not_loaded")
        self._data = {**entry.data, CONF_FINGERPRINT: _fingerprint(self._shown["new"])}
        self._data.pop(CONF_PASSWORD, None)
        return await self.async_step_looking()

    async def async_step_looking(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show that this takes a while."""
        return await self._async_wait_for(self._async_identify, "looking", "looked")

    async def _async_identify(self) -> None:
        try:
            async with open_session() as session:
                self._found = await identify(create_gateway(session, self._data))
        except GatewayError as err:
            _LOGGER.debug("The certificate is trusted, and the gateway is identified later: %s", err)

    async def async_step_looked(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Trust the certificate, unless it is another gateway's."""
        await self._async_finish_waiting()
        if (entry := self._entry) is None:
            return self.async_abort(reason="not_loaded")
        former = await async_configured_gateway(self.hass, entry)
        if self._found is None or not self._found.is_another(former.serial, former.packs):
            async_trust_certificate(self.hass, entry, self._shown["new"])
            return self.async_create_entry(data={})
        if self._found.din is None:  # no serial number is known, but other Powerwalls
            return self.async_abort(reason="another_gateway")
        self._data[CONF_SERIAL] = self._found.din.serial_number
        return await self.async_step_replaced()

    async def async_step_replaced(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Carry the history over to the new gateway, if the owner confirms that its Powerwalls are the same."""
        if (entry := self._entry) is None:
            return self.async_abort(reason="not_loaded")
        serial = self._data[CONF_SERIAL]
        if is_serial_in_use(self.hass, entry, serial):
            return self.async_abort(reason="already_configured")
        if user_input is not None and user_input[CONF_SAME_POWERWALLS]:
            if not await async_carry_over(self.hass, entry, self._data):
                return self.async_abort(reason="unload_failed")
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
                "serial": issues.escape_markdown(serial),
            },
        )

    async def async_step_refuse(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Keep sending nothing to this gateway; the issue stays."""
        return self.async_abort(reason="refused")


class DisableFix(MenuFix):
    """Disable an entry without waiting for its Powerwall, or leave it enabled for good."""

    _menu = ("disable", "keep")

    async def async_step_disable(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Disable it now: the owner confirmed that the Powerwall runs."""
        if self._entry is None:
            return self.async_abort(reason="not_loaded")
        try:
            await async_disable_now(self.hass, self._entry_id)
        except GatewayError:
            return self.async_abort(reason="not_closed")
        return self.async_create_entry(data={})

    async def async_step_keep(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Leave it enabled."""
        return self.async_create_entry(data={})


class DashboardFix(MenuFix):
    """Show what would be added to the Energy dashboard, and add it, or ignore the issue.

    The page of a fixable issue has no button of its own to ignore it.
    """

    _menu = ("add", "ignore")

    async def async_step_add(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Add what the dashboard does not have yet."""
        if (entry := self._entry) is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        if not await async_add_sources(self.hass, entry):
            return self.async_abort(reason="nothing_to_add")
        return self.async_create_entry(data={})

    async def async_step_ignore(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ignore the issue for good."""
        ir.async_ignore_issue(self.hass, DOMAIN, self.issue_id, ignore=True)
        return self.async_abort(reason="ignored")


async def async_create_fix_flow(hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Return the fix flow of an issue."""
    key, entry_id = (data["key"], data["entry_id"]) if data else ("", "")
    menus: dict[str, type[MenuFix]] = {
        issues.CERTIFICATE_CHANGED.key: CertificateFix,
        issues.DISABLED_LATER.key: DisableFix,
        issues.ENERGY_DASHBOARD.key: DashboardFix,
    }
    if menu := menus.get(key):
        return menu(entry_id)
    fix = StopSupervisor.log_in if key == issues.LOGIN_NEEDED.key else StopSupervisor.start
    return SupervisedFix(async_get_supervisor(hass, entry_id), fix)


@callback
def async_trust_certificate(hass: HomeAssistant, entry: ConfigEntry, shown: str) -> None:
    """Trust the certificate that the owner was shown, and no other, from now on."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_FINGERPRINT: _fingerprint(shown)})
    hass.config_entries.async_schedule_reload(entry.entry_id)


def _fingerprint(shown: str) -> str:
    """Return a SHA-256 in hex as it is stored, from how it is shown."""
    return bytes.fromhex(shown.replace(":", "")).hex()
