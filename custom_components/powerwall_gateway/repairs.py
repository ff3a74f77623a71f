"""What the owner can have done from Home Assistant's repairs."""

from collections.abc import Awaitable, Callable
from typing import Any

import voluptuous as vol

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant

from . import issues
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


async def async_create_fix_flow(hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Give the way to put an issue right."""
    guard = async_guard_of(hass, data["entry_id"]) if data else None
    fix = Guard.log_in if data and data["key"] == issues.LOGIN_NEEDED.key else Guard.start
    return GuardedFix(guard, fix)
