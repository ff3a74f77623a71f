"""Config flow: setup by address or discovery, reauthentication, reconfiguration."""

from collections.abc import Mapping
from typing import Any, Final, override

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo

from .const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_SAME_POWERWALLS,
    CONF_SERIAL,
    CONFIG_MINOR_VERSION,
    CONFIG_VERSION,
    DEFAULT_TITLE,
    DOCS_URL,
    DOMAIN,
)
from .device import async_carry_over, is_serial_in_use
from .exceptions import FormError
from .gateway import Address, Credentials, parse_serial
from .gateway.models import Din
from .options_flow import PowerwallGatewayOptionsFlow
from .probe import (
    GatewayProbe,
    async_configured_gateway,
    async_store_mac,
    data_updates,
    find_entry,
    suggested_by_core,
    suggested_values,
)
from .progress_flow import ProgressFlow
from .storage import async_forget_login

CONF_MORE: Final = "more"

_FIRST_STEPS: Final = {SOURCE_DHCP: "discovery_confirm", SOURCE_RECONFIGURE: "reconfigure"}
_USERNAMES: Final = ["customer", "installer"]
_PASSWORD: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))

ADDRESS: Final = vol.Schema({vol.Required(CONF_HOST): str, vol.Required(CONF_SERIAL): str})

LOGIN: Final = vol.Schema(
    {
        vol.Optional(CONF_PASSWORD): _PASSWORD,
        vol.Required(CONF_ALLOW_CONTROL, default=True): bool,
        vol.Required(CONF_MORE): section(
            vol.Schema(
                {
                    vol.Required(CONF_USERNAME, default=_USERNAMES[0]): SelectSelector(
                        SelectSelectorConfig(options=_USERNAMES, translation_key="username")
                    )
                }
            ),
            {"collapsed": True},
        ),
    }
)
"""A blank password stands for the gateway's default one."""

CONTROL: Final = vol.Schema({vol.Required(CONF_ALLOW_CONTROL, default=False): bool})
"""Off by default: where this form is shown, Home Assistant stops the Powerwall for a moment to log in."""

NEW_PASSWORD: Final = vol.Schema({vol.Required(CONF_PASSWORD): _PASSWORD})
SAME_PASSWORD: Final = vol.Schema({vol.Optional(CONF_PASSWORD): _PASSWORD})
"""A blank password stands for the stored one."""

SAME_POWERWALLS: Final = vol.Schema({vol.Required(CONF_SAME_POWERWALLS, default=False): bool})
NO_FIELDS: Final = vol.Schema({})


class PowerwallGatewayConfigFlow(ProgressFlow[ConfigFlowContext, ConfigFlowResult], ConfigFlow, domain=DOMAIN):
    """Set up a gateway or change its data. The flow never logs in if a login would stop the Powerwall."""

    VERSION = CONFIG_VERSION
    MINOR_VERSION = CONFIG_MINOR_VERSION

    _address: Address
    _form: tuple[str, vol.Schema]
    """Step id and schema of the form that was shown last."""

    def __init__(self) -> None:
        self._gateway = GatewayProbe({CONF_MAC: None})
        self._options: dict[str, Any] = {}
        self._suggested: dict[str, Any] = {}
        """Suggested values of the forms: what is known or was entered, without the password."""

        self._tried_default = False
        self._used_default = False

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> PowerwallGatewayOptionsFlow:
        return PowerwallGatewayOptionsFlow()

    # -- address and serial number -------------------------------------------------------------------------------------

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for address and serial number; the built-in integration may know them."""
        if user_input is None:
            self._suggested = suggested_by_core(self.hass)
        return await self._async_step_address(user_input)

    @override
    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Handle a discovered gateway; nothing is sent to it before the owner confirms."""
        host, mac = discovery_info.ip, dr.format_mac(discovery_info.macaddress)
        din = Din.parse(discovery_info.hostname)  # a Powerwall 3 on Wi-Fi has another name (TeslaPW_…)
        serial = din.serial_number if din else None
        if entry := find_entry(self.hass, serial, mac, host):
            await self.async_set_unique_id(entry.unique_id, raise_on_progress=False)
            updates = data_updates(entry, mac, host)
            moved = CONF_HOST in updates
            if moved and entry.state is ConfigEntryState.SETUP_ERROR:
                # Another gateway is at the old address, so nothing but this update would set up the entry again.
                self.hass.config_entries.async_update_entry(entry, data={**entry.data, **updates})
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
            if CONF_MAC in updates:
                async_store_mac(self.hass, entry, mac)
            self._abort_if_unique_id_configured(updates=updates, reload_on_update=moved)
        await self.async_set_unique_id(serial or mac)
        self._abort_if_unique_id_configured()
        self._gateway = GatewayProbe({CONF_HOST: host, CONF_MAC: mac})
        self._suggested = suggested_values(host, din)
        self.context["title_placeholders"] = {"host": host}
        return await self.async_step_discovery_confirm()

    async def async_step_discovery_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to set up the discovered gateway."""
        return await self._async_step_address(user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new address, or for the serial number of a replaced gateway."""
        if user_input is None:
            entry = self._get_reconfigure_entry()
            self._gateway = GatewayProbe(entry.data, await async_configured_gateway(self.hass, entry))
            self._suggested = {key: entry.data[key] for key in (CONF_HOST, CONF_SERIAL)}
        return await self._async_step_address(user_input)

    async def _async_step_address(self, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        if user_input is None:
            return self._show_address()
        self._suggested = user_input
        try:
            serial = parse_serial(user_input[CONF_SERIAL])
        except ValueError:
            return self._show_address(FormError("invalid_serial", CONF_SERIAL))
        try:
            self._address = Address.parse(user_input[CONF_HOST])
        except ValueError:
            return self._show_address(FormError("invalid_host", CONF_HOST))
        self._gateway.data[CONF_SERIAL] = serial
        await self.async_set_unique_id(serial, raise_on_progress=False)
        if self.source != SOURCE_RECONFIGURE:
            self._abort_if_unique_id_configured()
        elif is_serial_in_use(self.hass, self._get_reconfigure_entry(), serial):
            return self.async_abort(reason="already_configured")
        return await self.async_step_looking()

    async def async_step_looking(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show that the gateway is probed."""
        return await self._async_wait_for(
            lambda: self._gateway.async_probe(self._address), "looking", "looked", host=self._suggested[CONF_HOST]
        )

    async def async_step_looked(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Continue with what the probe found."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_address(error)
        if self.source == SOURCE_RECONFIGURE:
            if self._gateway.needs_login or self._gateway.has_new_certificate:
                return await self.async_step_reconfigure_confirm()
            return await self._async_reconfigure()
        if self._gateway.din is None:  # only the address identifies it
            self._async_abort_entries_match({CONF_HOST: self._gateway.data[CONF_HOST]})
        if self._gateway.needs_login:
            return await self.async_step_login()
        return await (self.async_step_control() if self._gateway.login_stops_powerwall else self.async_step_confirm())

    # -- the password --------------------------------------------------------------------------------------------------

    async def async_step_login(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the password, and whether Home Assistant may control the Powerwall."""
        if user_input is None:
            return self._show("login", LOGIN)
        self._options = {CONF_ALLOW_CONTROL: user_input[CONF_ALLOW_CONTROL]}
        username: str = user_input[CONF_MORE][CONF_USERNAME]
        password: str | None = user_input.pop(CONF_PASSWORD, None)
        self._suggested |= user_input
        self._used_default = not password
        if not password:
            default = Credentials.of_customer(self._gateway.data[CONF_SERIAL])
            if self._tried_default or username != default.username:
                return self._show("login", LOGIN, FormError("password_missing", CONF_PASSWORD))
            self._tried_default = True
            password = default.password
        self._gateway.data |= {CONF_USERNAME: username, CONF_PASSWORD: password}
        return await self.async_step_logging_in()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start reauthentication: the gateway rejected the stored password."""
        self._gateway = GatewayProbe(entry_data)
        self.context["title_placeholders"] = {"name": self._get_reauth_entry().title, "host": entry_data[CONF_HOST]}
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the new password."""
        if user_input is None:
            return self._show("reauth_confirm", NEW_PASSWORD)
        self._gateway.data[CONF_PASSWORD] = user_input[CONF_PASSWORD]
        return await self.async_step_logging_in()

    async def async_step_reconfigure_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the certificate to pin, and ask for the password if the gateway requires one."""
        schema = SAME_PASSWORD if self._gateway.needs_login else NO_FIELDS
        if user_input is None:
            return self._show("reconfigure_confirm", schema)
        if not self._gateway.needs_login:
            return await self._async_reconfigure()
        # The old gateway's password is not sent to a new one.
        stored = None if self._gateway.is_replacement else self._get_reconfigure_entry().data.get(CONF_PASSWORD)
        if not (password := user_input.get(CONF_PASSWORD) or stored):
            return self._show("reconfigure_confirm", schema, FormError("password_missing", CONF_PASSWORD))
        self._gateway.data[CONF_PASSWORD] = password
        return await self.async_step_logging_in()

    async def async_step_logging_in(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show that a login is in progress."""
        host = self._suggested.get(CONF_HOST) or self._gateway.placeholders["host"]
        return await self._async_wait_for(self._gateway.async_log_in, "logging_in", "logged_in", host=host)

    async def async_step_logged_in(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Continue with the result of the login."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            if error.key in {"wrong_serial", "another_gateway"} and self.source != SOURCE_REAUTH:
                return self._show_address(error)
            if error.key == "certificate_changed" and self.source == SOURCE_REAUTH:
                error = FormError("certificate_not_trusted")
            if error.key == "invalid_auth" and self._used_default:
                error = FormError("default_refused", CONF_PASSWORD, reason=error.reason)
            return self._show(*self._form, error)
        if self.source == SOURCE_REAUTH:
            entry = self._get_reauth_entry()
            await async_forget_login(self.hass, entry.entry_id)
            return self.async_update_reload_and_abort(entry, data=self._gateway.data)
        if self.source == SOURCE_RECONFIGURE:
            return await self._async_reconfigure()
        return await self.async_step_confirm()

    # -- the entry -----------------------------------------------------------------------------------------------------

    async def async_step_control(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether Home Assistant may log in, which stops the Powerwall. The loaded entry does it, never this flow.

        The form shows the certificate, or that the firmware has no encryption.
        """
        if user_input is None:
            encrypted = self._gateway.data[CONF_FINGERPRINT] is not None
            return self._show("control_encrypted" if encrypted else "control", CONTROL)
        self._options = user_input
        return self._create()

    async_step_control_encrypted = async_step_control

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the gateway reports, and ask whether to set it up."""
        return self._show("confirm", NO_FIELDS) if user_input is None else self._create()

    def _create(self) -> ConfigFlowResult:
        """Create the entry, named after the site."""
        title = self._gateway.site_name or DEFAULT_TITLE
        return self.async_create_entry(title=title, data=self._gateway.data, options=self._options)

    async def _async_reconfigure(self) -> ConfigFlowResult:
        """Store the changes; ask before the history is moved to another serial number."""
        if self._gateway.is_replacement:
            same = self._gateway.has_same_powerwalls
            return await (self.async_step_replaced() if same else self.async_step_replaced_unsure())
        return await self._async_store()

    async def async_step_replaced(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to move the history to a gateway that has the same Powerwalls."""
        return self._show("replaced", NO_FIELDS) if user_input is None else await self._async_store()

    async def async_step_replaced_unsure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to move the history, and whether the Powerwalls are the same: they could not be compared."""
        error = None
        if user_input is not None:
            if user_input[CONF_SAME_POWERWALLS]:
                return await self._async_store()
            error = FormError("not_the_same", CONF_SAME_POWERWALLS)
        return self._show("replaced_unsure", SAME_POWERWALLS, error)

    async def _async_store(self) -> ConfigFlowResult:
        entry, data = self._get_reconfigure_entry(), self._gateway.data
        if self._gateway.is_replacement:
            if is_serial_in_use(self.hass, entry, data[CONF_SERIAL]):  # set up while this form was open
                return self.async_abort(reason="already_configured")
            if not await async_carry_over(self.hass, entry, data):
                return self.async_abort(reason="unload_failed")
            return self.async_update_reload_and_abort(entry)
        if self._gateway.needs_login:  # this login succeeded, so earlier failures and waits no longer count
            await async_forget_login(self.hass, entry.entry_id)
        return self.async_update_reload_and_abort(entry, data=data)

    # -- the forms -----------------------------------------------------------------------------------------------------

    def _show_address(self, error: FormError | None = None) -> ConfigFlowResult:
        return self._show(_FIRST_STEPS.get(self.source or "", "user"), ADDRESS, error)

    def _show(self, step_id: str, schema: vol.Schema, error: FormError | None = None) -> ConfigFlowResult:
        self._form = step_id, schema
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, self._suggested),
            errors=error.errors(schema) if error else None,
            description_placeholders={"docs": DOCS_URL}
            | self._gateway.placeholders
            | ({"reason": error.reason} if error else {}),
        )
