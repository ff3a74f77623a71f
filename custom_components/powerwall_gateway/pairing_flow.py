"""The owner's key, step by step: the same in the options and in the reconfiguration."""

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryBaseFlow,
    ConfigEntryState,
    ConfigFlowContext,
    ConfigFlowResult,
)

from . import forms
from .const import CONF_ALLOW_CONTROL, CONF_PRIVATE_KEY
from .forms import ProgressFlow, RefusedError
from .gateway import GatewayError, PowerwallGateway
from .gateway.signed.keys import make_key, read_key
from .pairing import SigningKeyManager


class PairingFlow(ProgressFlow[ConfigFlowContext, ConfigFlowResult], ConfigEntryBaseFlow):
    """The steps that make, take, check and remove a key of an entry that is set up."""

    _pairing: SigningKeyManager
    _offers_pairing = False
    _is_kept = False

    @property
    def _paired(self) -> ConfigEntry:
        """The entry whose key it is."""
        raise NotImplementedError

    def _finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        """End with these options, and with the entry loaded anew."""
        raise NotImplementedError

    async def async_step_opening(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Find out whether to offer the key; the step `opened` follows."""
        return await self._async_wait_for(self._async_open, "opening", "opened")

    async def _async_open(self) -> None:
        """Find out whether there is a key, or could be: the gateway takes signed requests."""
        self._pairing = SigningKeyManager(self.hass, self._paired.entry_id)
        await self._pairing.async_load()
        self._offers_pairing = self._pairing.has_key or await self._async_takes_signed()

    async def async_step_pairing(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what a key is for, and what can be done about it."""
        return self.async_show_menu(
            step_id="pairing",
            menu_options=["register_key", "remove_key"] if self._pairing.has_key else ["make_key", "paste_key"],
        )

    async def async_step_make_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make a key, which takes up to a minute on a small machine."""
        return await self._async_wait_for(self._async_make_key, "make_key", "key_made")

    async def _async_make_key(self) -> None:
        self._is_kept = await self._pairing.async_take(await self.hass.async_add_executor_job(make_key))

    async def async_step_key_made(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the registration of the new key."""
        await self._async_finish_waiting()
        if not self._is_kept:
            return self.async_abort(reason="key_not_kept")
        return await self.async_step_register_key()

    async def async_step_paste_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a key that was made by another tool, and may be registered already."""
        if user_input is None:
            return self._show_key("paste_key", forms.PRIVATE_KEY)
        try:
            key = await self.hass.async_add_executor_job(read_key, user_input[CONF_PRIVATE_KEY])
        except ValueError:
            return self._show_key("paste_key", forms.PRIVATE_KEY, RefusedError("invalid_key", CONF_PRIVATE_KEY))
        if not await self._pairing.async_take(key):
            return self.async_abort(reason="key_not_kept")
        return await self.async_step_check_key()

    async def async_step_register_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the public part, and how it is registered and confirmed."""
        if user_input is not None:
            return await self.async_step_check_key()
        return self._show_key("register_key", forms.NOTHING, public_key=await self._pairing.async_public_part())

    async def async_step_check_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Check whether the gateway accepts the key by now."""
        if self._paired.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        return await self.async_step_checking_key()

    async def async_step_checking_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show that the key is being checked; the library that signs may be installed first."""
        return await self._async_wait_for(
            lambda: self._pairing.async_check(self._paired.runtime_data.gateway), "checking_key", "key_checked"
        )

    async def async_step_key_checked(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """End, or show what is missing on a page without the long key."""
        try:
            await self._async_finish_waiting()
        except RefusedError as refused:
            return self._show_key("check_key", forms.NOTHING, refused)
        return self._finish({**self._paired.options, CONF_ALLOW_CONTROL: True})

    async def async_step_remove_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Forget the key. The gateway goes on to know it until somebody takes it away there."""
        if user_input is None:
            return self._show_key("remove_key", forms.NOTHING)
        await self._pairing.async_forget()
        return self._finish(dict(self._paired.options))

    async def _async_takes_signed(self) -> bool:
        """Ask for what a client has to know before it signs; what fails counts as no."""
        if self._paired.state is not ConfigEntryState.LOADED:
            return False
        gateway: PowerwallGateway = self._paired.runtime_data.gateway
        if gateway.capabilities.login_stops_powerwall:
            return False
        try:
            await gateway.signing_din()
        except GatewayError:
            return False
        return True

    def _show_key(
        self, step_id: str, schema: vol.Schema, refused: RefusedError | None = None, **facts: str
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=refused.errors(schema) if refused else None,
            description_placeholders=facts | ({"reason": refused.reason} if refused else {}),
        )
