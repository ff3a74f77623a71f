"""Setting up a gateway: who and where, and a password where it wants one; and what of that changes later."""

from collections.abc import Mapping
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo

from . import discovery, forms
from .const import (
    CONF_ALLOW_CONTROL,
    CONF_FINGERPRINT,
    CONF_MAC,
    CONF_SERIAL,
    CONFIG_MINOR_VERSION,
    CONFIG_VERSION,
    DEFAULT_TITLE,
    DOMAIN,
)
from .forms import RefusedError
from .gateway import Address, Credentials
from .options_flow import PowerwallGatewayOptionsFlow
from .pairing_flow import PairingFlow
from .probe import GatewayProbe, async_former
from .renaming import async_carry_over, is_taken
from .storage import async_forget_login

_FIRST_STEPS = {SOURCE_DHCP: "discovery_confirm", SOURCE_RECONFIGURE: "reconfigure"}


class PowerwallGatewayConfigFlow(PairingFlow, ConfigFlow, domain=DOMAIN):
    """The way in. Nothing here logs in where a login would stop the Powerwall."""

    VERSION = CONFIG_VERSION
    MINOR_VERSION = CONFIG_MINOR_VERSION

    _address: Address

    def __init__(self) -> None:
        self._gateway = GatewayProbe({CONF_MAC: None})
        self._options: dict[str, Any] = {}
        self._place: Mapping[str, Any] = {}
        """What stands in the form that asks for the place."""

        self._login: Mapping[str, Any] = {}
        """What was typed into the form that asks for the password, without it."""

        self._tried_default = False
        self._took_default = False

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> PowerwallGatewayOptionsFlow:
        return PowerwallGatewayOptionsFlow()

    # -- where, and which ----------------------------------------------------------------------------------------------

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the gateway is and which it is; Home Assistant's own integration may know."""
        if user_input is None:
            self._place = discovery.known_to_core(self.hass)
        return await self._async_step_place(user_input)

    @override
    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Take up what a gateway told the router; nothing is sent to it before the owner says so."""
        seen = discovery.DiscoveredGateway.of(discovery_info)
        if entry := discovery.known(self.hass, seen):
            await self.async_set_unique_id(entry.unique_id, raise_on_progress=False)
            updates = discovery.news(entry, seen)
            moved = CONF_HOST in updates
            if moved and entry.state is ConfigEntryState.SETUP_ERROR:
                # Another gateway is at the old address, which nothing but this news will change.
                self.hass.config_entries.async_update_entry(entry, data={**entry.data, **updates})
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
            if CONF_MAC in updates:
                discovery.store_mac(self.hass, entry, seen.mac)
            self._abort_if_unique_id_configured(updates=updates, reload_on_update=moved)
        await self.async_set_unique_id(seen.serial or seen.mac)
        self._abort_if_unique_id_configured()
        self._gateway = GatewayProbe({CONF_HOST: seen.host, CONF_MAC: seen.mac})
        self._place = seen.place
        self.context["title_placeholders"] = {"host": seen.host}
        return await self.async_step_discovery_confirm()

    async def async_step_discovery_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to set up what was discovered."""
        return await self._async_step_place(user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the gateway is now, and which it is where the serial was wrong; or about the key."""
        if user_input is not None:
            return await self._async_step_place(user_input)
        entry = self._get_reconfigure_entry()
        self._gateway, self._place = GatewayProbe(entry.data, await async_former(self.hass, entry)), entry.data
        return await self.async_step_opening()

    async def async_step_opened(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what it is about where there is a key, or could be."""
        await self._async_finish_waiting()
        return await (self.async_step_reconfigure_menu() if self._offers_pairing else self.async_step_place())

    async def async_step_reconfigure_menu(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what it is about where there is a key, or could be."""
        return self.async_show_menu(step_id="reconfigure_menu", menu_options=["place", "pairing"])

    async def async_step_place(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the place."""
        return self._show_place()

    async def _async_step_place(self, typed: dict[str, Any] | None) -> ConfigFlowResult:
        if typed is None:
            return self._show_place()
        self._place = typed
        try:
            self._address, serial = forms.read_place(typed)
        except RefusedError as refused:
            return self._show_place(refused)
        self._gateway.data[CONF_SERIAL] = serial
        await self.async_set_unique_id(serial, raise_on_progress=False)
        if self.source != SOURCE_RECONFIGURE:
            self._abort_if_unique_id_configured()
        elif is_taken(self.hass, self._get_reconfigure_entry(), serial):
            return self.async_abort(reason="already_configured")
        return await self.async_step_looking()

    async def async_step_looking(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say that somebody is looking."""
        return await self._async_wait_for(
            lambda: self._gateway.look(self._address), "looking", "looked", host=self._place[CONF_HOST]
        )

    async def async_step_looked(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on by what was found."""
        try:
            await self._async_finish_waiting()
        except RefusedError as refused:
            return self._show_place(refused)
        if self.source == SOURCE_RECONFIGURE:
            if self._gateway.needs_login or self._gateway.has_new_certificate:
                return await self.async_step_reconfigure_confirm()
            return await self._async_reconfigure()
        if self._gateway.din is None:  # nothing but the address tells it from others
            self._async_abort_entries_match({CONF_HOST: self._gateway.data[CONF_HOST]})
        if self._gateway.needs_login:
            return await self.async_step_login()
        return await (self.async_step_control() if self._gateway.login_stops_powerwall else self.async_step_confirm())

    # -- the password --------------------------------------------------------------------------------------------------

    async def async_step_login(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the password, and whether Home Assistant may change anything."""
        if user_input is None:
            return self._show_login()
        self._options = {CONF_ALLOW_CONTROL: user_input[CONF_ALLOW_CONTROL]}
        username: str = user_input[forms.CONF_MORE][CONF_USERNAME]
        password: str | None = user_input.pop(CONF_PASSWORD, None)
        self._login = user_input
        self._took_default = not password
        if not password:
            default = Credentials.of_customer(self._gateway.data[CONF_SERIAL])
            if self._tried_default or username != default.username:
                return self._show_login(RefusedError("password_missing", CONF_PASSWORD))
            self._tried_default = True
            password = default.password
        self._gateway.data |= {CONF_USERNAME: username, CONF_PASSWORD: password}
        return await self.async_step_logging_in()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start over with the password: the gateway refused the one that was stored."""
        self._gateway = GatewayProbe(entry_data)
        self.context["title_placeholders"] = {"name": self._get_reauth_entry().title, "host": entry_data[CONF_HOST]}
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the new password."""
        if user_input is None:
            return self._show_password()
        self._gateway.data[CONF_PASSWORD] = user_input[CONF_PASSWORD]
        return await self.async_step_logging_in()

    async def async_step_reconfigure_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the certificate that is trusted from now on, and take the password where one is wanted."""
        if user_input is None:
            return self._show_password()
        if not self._gateway.needs_login:
            return await self._async_reconfigure()
        # The old gateway's password is not sent to a new one.
        stored = None if self._gateway.is_replacement else self._get_reconfigure_entry().data.get(CONF_PASSWORD)
        if not (password := user_input.get(CONF_PASSWORD) or stored):
            return self._show_password(RefusedError("password_missing", CONF_PASSWORD))
        self._gateway.data[CONF_PASSWORD] = password
        return await self.async_step_logging_in()

    async def async_step_logging_in(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say that somebody is logging in."""
        host = self._place.get(CONF_HOST) or self._gateway.facts["host"]
        return await self._async_wait_for(self._gateway.log_in, "logging_in", "logged_in", host=host)

    async def async_step_logged_in(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on by what the login came to."""
        try:
            await self._async_finish_waiting()
        except RefusedError as refused:
            if refused.key in {"wrong_serial", "another_gateway"} and self.source != SOURCE_REAUTH:
                return self._show_place(refused)
            return self._show_password(refused)
        if self.source == SOURCE_REAUTH:
            entry = self._get_reauth_entry()
            await async_forget_login(self.hass, entry.entry_id)
            return self.async_update_reload_and_abort(entry, data=self._gateway.data)
        if self.source == SOURCE_RECONFIGURE:
            return await self._async_reconfigure()
        return await self.async_step_confirm()

    # -- the end -------------------------------------------------------------------------------------------------------

    async def async_step_control(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether Home Assistant may log in, which stops the Powerwall; the loaded entry does it, never a flow.

        Says that nothing is encrypted where the firmware has nothing else, and shows the certificate otherwise.
        """
        if user_input is None:
            encrypted = self._gateway.data[CONF_FINGERPRINT] is not None
            return self._show("control_encrypted" if encrypted else "control", forms.CONTROL)
        self._options = user_input
        return self._create()

    async_step_control_encrypted = async_step_control

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the gateway said of itself, to be set up or not."""
        return self._show("confirm", forms.NOTHING) if user_input is None else self._create()

    def _create(self) -> ConfigFlowResult:
        """Store what was found, under the name that the owner gave the place."""
        title = self._gateway.site_name or DEFAULT_TITLE
        return self.async_create_entry(title=title, data=self._gateway.data, options=self._options)

    async def _async_reconfigure(self) -> ConfigFlowResult:
        """Store what changed; with another serial number, ask before the history goes over to it."""
        if self._gateway.is_replacement:
            same = self._gateway.has_same_powerwalls
            return await (self.async_step_replaced() if same else self.async_step_replaced_unsure())
        return await self._async_store()

    async def async_step_replaced(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what happens to the history; the Powerwalls were compared and are the same."""
        return self._show("replaced", forms.NOTHING) if user_input is None else await self._async_store()

    async def async_step_replaced_unsure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what happens to the history; the Powerwalls could not be compared, so the owner compares them."""
        refused = None
        if user_input is not None:
            if user_input[forms.CONF_SAME_POWERWALLS]:
                return await self._async_store()
            refused = RefusedError("not_the_same", forms.CONF_SAME_POWERWALLS)
        return self._show("replaced_unsure", forms.SAME_POWERWALLS, refused)

    async def _async_store(self) -> ConfigFlowResult:
        entry, data = self._get_reconfigure_entry(), self._gateway.data
        if self._gateway.is_replacement:
            if is_taken(self.hass, entry, data[CONF_SERIAL]):  # set up while this form was open
                return self.async_abort(reason="already_configured")
            await async_carry_over(self.hass, entry, data)
            return self.async_update_reload_and_abort(entry)
        if self._gateway.needs_login:  # another password, or one whose waits are over: it was accepted just now
            await async_forget_login(self.hass, entry.entry_id)
        return self.async_update_reload_and_abort(entry, data=data)

    @property
    @override
    def _paired(self) -> ConfigEntry:
        return self._get_reconfigure_entry()

    @override
    def _finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        return self.async_update_reload_and_abort(self._paired, options=options)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _show_place(self, refused: RefusedError | None = None) -> ConfigFlowResult:
        schema = self.add_suggested_values_to_schema(forms.PLACE, self._place)
        return self._show(_FIRST_STEPS.get(self.source or "", "user"), schema, refused)

    def _show_login(self, refused: RefusedError | None = None) -> ConfigFlowResult:
        return self._show("login", self.add_suggested_values_to_schema(forms.LOGIN, self._login), refused)

    def _show_password(self, refused: RefusedError | None = None) -> ConfigFlowResult:
        """Show the form that asks for the password, by where the flow comes from."""
        if self.source == SOURCE_REAUTH:
            if refused and refused.key == "certificate_changed":
                refused = RefusedError("certificate_not_trusted")
            return self._show("reauth_confirm", forms.NEW_PASSWORD, refused)
        if self.source == SOURCE_RECONFIGURE:
            schema = forms.SAME_PASSWORD if self._gateway.needs_login else forms.NOTHING
            return self._show("reconfigure_confirm", schema, refused)
        if refused and refused.key == "invalid_auth" and self._took_default:
            refused = RefusedError("default_refused", CONF_PASSWORD, reason=refused.reason)
        return self._show_login(refused)

    def _show(self, step_id: str, schema: vol.Schema, refused: RefusedError | None = None) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=refused.errors(schema) if refused else None,
            description_placeholders=self._gateway.facts | ({"reason": refused.reason} if refused else {}),
        )
