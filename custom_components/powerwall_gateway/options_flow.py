"""What an owner may choose later: whether and how Home Assistant controls, how often it looks, in which percent."""

from typing import Any, Final, override

import voluptuous as vol

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import PERCENTAGE, UnitOfTime
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)

from .const import (
    CONF_ALLOW_CONTROL,
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_PERCENT,
    CONF_RETURN_CHARGE,
    GRID_INTERVAL,
    LIVE_INTERVAL,
    RETURN_CHARGE,
)
from .gateway import LOGINS_A_DAY, PercentScale
from .gateway.control.islanding import LEAST_CHARGE
from .pairing_flow import PairingFlow

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


class PowerwallGatewayOptionsFlow(PairingFlow, OptionsFlowWithReload):
    """The options. A change loads the entry anew."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin; whether to offer the key takes a request to the gateway."""
        return await self.async_step_opening()

    async def async_step_opened(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the key where the gateway takes signed requests; elsewhere there are the options alone."""
        await self._async_finish_waiting()
        if self._offers_pairing:
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

    @property
    @override
    def _paired(self) -> ConfigEntry:
        return self.config_entry

    @override
    def _finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        if options == self.config_entry.options:  # only the key is another one
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)
        return self.async_create_entry(data=options)
