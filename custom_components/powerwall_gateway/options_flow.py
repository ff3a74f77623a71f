"""Options flow: settings, and the signing key."""

from typing import Any, Final, Unpack

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigFlowContext,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.const import PERCENTAGE, UnitOfPower, UnitOfTime
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)

from .const import (
    CONF_ALLOW_CONTROL,
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_PERCENT,
    CONF_PRIVATE_KEY,
    CONF_RETURN_CHARGE,
    CONF_ZERO_BELOW,
    DOCS_URL,
    GRID_INTERVAL,
    LIVE_INTERVAL,
    RETURN_CHARGE,
    PercentScale,
)
from .exceptions import FormError
from .gateway import LEAST_CHARGE, LOGINS_A_DAY, GatewayError, PowerwallGateway
from .gateway.signed.keys import make_key, public_part, read_key
from .progress_flow import ProgressFlow
from .signing_key import async_check_key
from .storage import EntryStore, async_get_store

MOST_LOGINS: Final = 10
"""Logins per day: each stops the Powerwall for 2-3 seconds."""


def _number(kind: type[float], **config: Unpack[NumberSelectorConfig]) -> Any:
    return vol.All(NumberSelector(NumberSelectorConfig(**config)), vol.Coerce(kind))


def _seconds(least: float) -> Any:
    """Return a field for seconds; the default interval is the shortest that the gateway is polled with."""
    return _number(
        float, min=least, max=60, step=1, unit_of_measurement=UnitOfTime.SECONDS, mode=NumberSelectorMode.BOX
    )


SETTINGS: Final = vol.Schema(
    {
        vol.Required(CONF_ALLOW_CONTROL, default=False): bool,
        vol.Required(CONF_RETURN_CHARGE, default=RETURN_CHARGE): _number(
            float, min=LEAST_CHARGE, max=95, step=5, unit_of_measurement=PERCENTAGE, mode=NumberSelectorMode.SLIDER
        ),
        vol.Required(CONF_GRID_INTERVAL, default=GRID_INTERVAL): _seconds(GRID_INTERVAL),
        vol.Required(CONF_LIVE_INTERVAL, default=LIVE_INTERVAL): _seconds(LIVE_INTERVAL),
        vol.Required(CONF_ZERO_BELOW, default=0): _number(
            float, min=0, max=500, step=1, unit_of_measurement=UnitOfPower.WATT, mode=NumberSelectorMode.BOX
        ),
        vol.Required(CONF_PERCENT, default=PercentScale.APP): SelectSelector(
            SelectSelectorConfig(options=list(PercentScale), translation_key=CONF_PERCENT)
        ),
        vol.Required(CONF_LOGIN_LIMIT, default=LOGINS_A_DAY): _number(
            int, min=1, max=MOST_LOGINS, step=1, mode=NumberSelectorMode.BOX
        ),
    }
)

PRIVATE_KEY: Final = vol.Schema({vol.Required(CONF_PRIVATE_KEY): TextSelector(TextSelectorConfig(multiline=True))})
NO_FIELDS: Final = vol.Schema({})


class PowerwallGatewayOptionsFlow(ProgressFlow[ConfigFlowContext, ConfigFlowResult], OptionsFlowWithReload):
    """Change the settings; add, check or remove the signing key. A change reloads the entry."""

    _store: EntryStore
    _offers_key = False
    _is_stored = False

    async def async_step_init(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Start with a request to the gateway: whether it accepts signed requests."""
        return await self.async_step_opening()

    async def async_step_opening(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of that request."""
        return await self._async_wait_for(self._async_open, "opening", "opened")

    async def _async_open(self) -> None:
        """Find out whether there is a key, or could be one."""
        self._store = await async_get_store(self.hass, self.config_entry.entry_id)
        self._offers_key = self._store.private_key is not None or await self._async_accepts_signed()

    async def async_step_opened(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the key if the gateway accepts signed requests; otherwise there are only settings."""
        await self._async_finish_waiting()
        if self._offers_key:
            return self.async_show_menu(step_id="init", menu_options=["settings", "pairing"])
        return await self.async_step_settings()

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the settings."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(SETTINGS, self.config_entry.options),
        )

    # -- the signing key -----------------------------------------------------------------------------------------------

    async def async_step_pairing(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Explain the signing key, and offer what can be done about it."""
        return self.async_show_menu(
            step_id="pairing",
            menu_options=["register_key", "remove_key"] if self._store.private_key else ["make_key", "paste_key"],
            description_placeholders={"docs": DOCS_URL},
        )

    async def async_step_make_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make a key, which takes up to a minute on a small machine."""
        return await self._async_wait_for(self._async_make_key, "make_key", "key_made")

    async def _async_make_key(self) -> None:
        self._is_stored = await self._store.async_set_key(await self.hass.async_add_executor_job(make_key))

    async def async_step_key_made(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Continue with the registration of the new key."""
        await self._async_finish_waiting()
        if not self._is_stored:
            return self.async_abort(reason="key_not_kept")
        return await self.async_step_register_key()

    async def async_step_paste_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Accept a key that was made by another tool, and may be registered already."""
        if user_input is None:
            return self._show_key("paste_key", PRIVATE_KEY)
        try:
            key = await self.hass.async_add_executor_job(read_key, user_input[CONF_PRIVATE_KEY])
        except ValueError:
            return self._show_key("paste_key", PRIVATE_KEY, FormError("invalid_key", CONF_PRIVATE_KEY))
        if not await self._store.async_set_key(key):
            return self.async_abort(reason="key_not_kept")
        return await self.async_step_check_key()

    async def async_step_register_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the public key, and how it is registered and confirmed."""
        if user_input is not None:
            return await self.async_step_check_key()
        key = self._store.private_key
        public_key = await self.hass.async_add_executor_job(public_part, key) if key else "-"
        return self._show_key("register_key", NO_FIELDS, public_key=public_key)

    async def async_step_check_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Check whether the gateway accepts the key."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        return await self.async_step_checking_key()

    async def async_step_checking_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of the check; the library for signed requests may be installed first."""
        return await self._async_wait_for(
            lambda: async_check_key(self.hass, self._store, self.config_entry.runtime_data.gateway),
            "checking_key",
            "key_checked",
        )

    async def async_step_key_checked(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Finish, or show what is missing on a page without the long key."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_key("check_key", NO_FIELDS, error)
        return self._finish({**self.config_entry.options, CONF_ALLOW_CONTROL: True})

    async def async_step_remove_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Remove the key from Home Assistant. The gateway knows it until it is removed there."""
        if user_input is None:
            return self._show_key("remove_key", NO_FIELDS)
        await self._store.async_set_key(None)
        return self._finish(dict(self.config_entry.options))

    async def _async_accepts_signed(self) -> bool:
        """Request what a client needs before it signs; a failure counts as no."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return False
        gateway: PowerwallGateway = self.config_entry.runtime_data.gateway
        if gateway.capabilities.login_stops_powerwall:
            return False
        try:
            await gateway.signing_din()
        except GatewayError:
            return False
        return True

    def _finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        if options == self.config_entry.options:  # only the key changed, which is no reason to reload by itself
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        return self.async_create_entry(data=options)

    def _show_key(
        self, step_id: str, schema: vol.Schema, error: FormError | None = None, **placeholders: str
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=error.errors(schema) if error else None,
            description_placeholders={"docs": DOCS_URL} | placeholders | ({"reason": error.reason} if error else {}),
        )
