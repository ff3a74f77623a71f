"""What an owner may choose later: whether and how Home Assistant controls, how often it looks, in which percent."""

from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)

from . import forms
from .const import (
    CONF_ALLOW_CONTROL,
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_PERCENT,
    CONF_PRIVATE_KEY,
    CONF_RETURN_CHARGE,
    GRID_INTERVAL,
    LIVE_INTERVAL,
    RETURN_CHARGE,
)
from .forms import RefusedError
from .gateway import LOGINS_A_DAY, GatewayError, PercentScale, PowerwallGateway
from .gateway.island import LEAST_CHARGE
from .gateway.signing_key import make_key, read_key
from .pairing import Pairing

LONGEST_INTERVAL: Final = 60.0

MOST_LOGINS: Final = 10
"""Within a day: each stops the Powerwall for two or three seconds."""


def _seconds(least: float) -> Any:
    """Give a field for seconds; the interval by default is the least that the gateway is asked to bear."""
    return vol.All(
        NumberSelector(
            NumberSelectorConfig(
                min=least,
                max=LONGEST_INTERVAL,
                step=1,
                unit_of_measurement=UnitOfTime.SECONDS,
                mode=NumberSelectorMode.BOX,
            )
        ),
        vol.Coerce(float),
    )


_RETURN_CHARGE: Final = vol.All(
    NumberSelector(
        NumberSelectorConfig(
            min=LEAST_CHARGE, max=95, step=5, unit_of_measurement=PERCENTAGE, mode=NumberSelectorMode.SLIDER
        )
    ),
    vol.Coerce(float),
)

_LOGINS: Final = vol.All(
    NumberSelector(NumberSelectorConfig(min=1, max=MOST_LOGINS, step=1, mode=NumberSelectorMode.BOX)),
    vol.Coerce(int),
)

SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_ALLOW_CONTROL, default=False): bool,
        vol.Required(CONF_RETURN_CHARGE, default=RETURN_CHARGE): _RETURN_CHARGE,
        vol.Required(CONF_GRID_INTERVAL, default=GRID_INTERVAL): _seconds(GRID_INTERVAL),
        vol.Required(CONF_LIVE_INTERVAL, default=LIVE_INTERVAL): _seconds(LIVE_INTERVAL),
        vol.Required(CONF_PERCENT, default=PercentScale.APP): SelectSelector(
            SelectSelectorConfig(options=list(PercentScale), translation_key=CONF_PERCENT)
        ),
        vol.Required(CONF_LOGIN_LIMIT, default=LOGINS_A_DAY): _LOGINS,
    }
)


class PowerwallGatewayOptionsFlow(OptionsFlowWithReload):
    """The options. A change loads the entry anew."""

    _pairing: Pairing

    async def async_step_init(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the key where the gateway takes signed requests; elsewhere there are the options alone."""
        self._pairing = Pairing(self.hass, self.config_entry.entry_id)
        await self._pairing.async_load()
        if self._pairing.has_key or await self._async_takes_signed():
            return self.async_show_menu(step_id="init", menu_options=["settings", "pairing"])
        return await self.async_step_settings()

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is chosen, and take what is chosen now."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(SCHEMA, self.config_entry.options),
        )

    # -- the key -------------------------------------------------------------------------------------------------------

    async def async_step_pairing(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what a key is for, and what can be done about it."""
        return self.async_show_menu(
            step_id="pairing",
            menu_options=["check_key", "remove_key"] if self._pairing.has_key else ["make_key", "paste_key"],
        )

    async def async_step_make_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make a key, which takes a while, and go on with its registration."""
        await self._pairing.async_take(await self.hass.async_add_executor_job(make_key))
        return await self.async_step_check_key()

    async def async_step_paste_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a key that was made by another tool, and may be registered already."""
        if user_input is None:
            return self._show("paste_key", forms.PRIVATE_KEY)
        try:
            key = await self.hass.async_add_executor_job(read_key, user_input[CONF_PRIVATE_KEY])
        except ValueError:
            return self._show("paste_key", forms.PRIVATE_KEY, RefusedError("invalid_key", CONF_PRIVATE_KEY))
        await self._pairing.async_take(key)
        return await self.async_step_check_key({})

    async def async_step_check_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show how a key is registered and confirmed, and see whether the gateway takes it by now."""
        refused = None
        if user_input is not None:
            if self.config_entry.state is not ConfigEntryState.LOADED:
                return self.async_abort(reason="not_loaded")
            try:
                await self._pairing.async_check(self.config_entry.runtime_data.gateway)
            except RefusedError as err:
                refused = err
            else:
                return self._finish({**self.config_entry.options, CONF_ALLOW_CONTROL: True})
        return self._show("check_key", forms.NOTHING, refused, public_key=await self._pairing.async_public_part())

    async def async_step_remove_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Forget the key. The gateway goes on to know it until somebody takes it away there."""
        if user_input is None:
            return self._show("remove_key", forms.NOTHING)
        await self._pairing.async_forget()
        return self._finish(dict(self.config_entry.options))

    async def _async_takes_signed(self) -> bool:
        """Ask for what a client has to know before it signs; what fails counts as no."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return False
        gateway: PowerwallGateway = self.config_entry.runtime_data.gateway
        if gateway.capabilities.login_stops_powerwall:
            return False
        try:
            await gateway.tedapi_din()
        except GatewayError:
            return False
        return True

    def _finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        """End with the entry loaded anew, also where only the key is another one."""
        if options == self.config_entry.options:
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        return self.async_create_entry(data=options)

    def _show(
        self, step_id: str, schema: vol.Schema, refused: RefusedError | None = None, **facts: str
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=refused.errors(schema) if refused else None,
            description_placeholders=facts,
        )
