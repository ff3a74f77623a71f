"""Config flow: setup, discovery, reauthentication, reconfiguration. Options flow: settings, signing key."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Unpack, override

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
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME, PERCENTAGE, UnitOfPower, UnitOfTime
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult, section
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo

from .const import (
    CONF_ALLOW_CONTROL,
    CONF_AT_GATEWAY,
    CONF_CONSENT,
    CONF_FINGERPRINT,
    CONF_GRID_INTERVAL,
    CONF_LIVE_INTERVAL,
    CONF_LOGIN_LIMIT,
    CONF_MAC,
    CONF_PERCENT,
    CONF_PRIVATE_KEY,
    CONF_RETURN_CHARGE,
    CONF_SAME_POWERWALLS,
    CONF_SERIAL,
    CONF_SITE,
    CONF_ZERO_BELOW,
    CONFIG_MINOR_VERSION,
    CONFIG_VERSION,
    DEFAULT_TITLE,
    DOCS_URL,
    DOMAIN,
    GRID_INTERVAL,
    LIVE_INTERVAL,
    RETURN_CHARGE,
    PercentScale,
)
from .device_ids import async_carry_over, is_serial_in_use
from .exceptions import FormError
from .gateway import LEAST_CHARGE, LOGINS_A_DAY, Address, Credentials, GatewayError, PowerwallGateway, parse_serial
from .gateway.models import Din
from .gateway.signed.keys import make_key, public_part, read_key
from .probe import (
    GatewayProbe,
    async_configured_gateway,
    async_store_mac,
    data_updates,
    find_entry,
    suggested_by_core,
    suggested_values,
)
from .signing_key import (
    AccountSite,
    account_sites,
    async_check_key,
    async_list_keys,
    async_register_key,
    async_remove_key,
)
from .storage import EntryStore, async_forget_login, async_get_store

CONF_MORE: Final = "more"

SHOWN_AFTER: Final = 0.3
"""Seconds after which progress is shown."""

SHOWN_FOR: Final = 1.0
"""Seconds for which it is shown at least: a browser that receives the end before it listens waits forever."""

MOST_LOGINS: Final = 10
"""Logins per day: each stops the Powerwall for 2-3 seconds."""

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
REMOVAL: Final = vol.Schema({vol.Required(CONF_AT_GATEWAY, default=False): bool})


class ProgressFlow[ContextT: FlowContext, ResultT: FlowResult[Any, Any]](FlowHandler[ContextT, ResultT, str]):
    """Run work in the background of a flow, and show its progress unless it is done at once."""

    _work: asyncio.Task[None] | None = None

    async def _async_wait_for(
        self, work: Callable[[], Coroutine[Any, Any, None]], step_id: str, next_step_id: str, **placeholders: str
    ) -> ResultT:
        """Start the work and show its progress. The progress step calls this again until the next step follows."""
        if self._work is None:
            started = self.hass.async_create_task(work(), step_id)
            if (await asyncio.wait({started}, timeout=SHOWN_AFTER))[0]:
                self._work = started
                following: ResultT = await getattr(self, f"async_step_{next_step_id}")()
                return following
            self._work = self.hass.async_create_task(_at_least_shown(started), f"{step_id}, shown")
        if self._work.done():
            return self.async_show_progress_done(next_step_id=next_step_id)
        return self.async_show_progress(
            step_id=step_id,
            progress_action=step_id,
            description_placeholders=placeholders,
            progress_task=self._work,
        )

    async def _async_finish_waiting(self) -> None:
        """Raise what the work raised."""
        if self._work is not None:
            work, self._work = self._work, None
            await work


async def _at_least_shown(started: asyncio.Task[None]) -> None:
    """Wait for work whose progress is shown, and until a browser had the time to listen for its end."""
    await asyncio.gather(started, asyncio.sleep(SHOWN_FOR), return_exceptions=True)
    await started


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


def _choice_of_site(sites: list[AccountSite]) -> vol.Schema:
    """Return the form for the registration. A site is only preselected if it certainly is the right one."""
    selected = {"default": "0"} if len(sites) == 1 and sites[0].is_ours else {}
    options = [SelectOptionDict(value=str(number), label=site.label) for number, site in enumerate(sites)]
    return vol.Schema(
        {
            vol.Required(CONF_SITE, **selected): SelectSelector(
                SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
            ),
            vol.Required(CONF_CONSENT, default=False): bool,
        }
    )


class PowerwallGatewayOptionsFlow(ProgressFlow[ConfigFlowContext, ConfigFlowResult], OptionsFlowWithReload):
    """Change the settings; add, check or remove the signing key. A change reloads the entry."""

    _store: EntryStore
    _sites: list[AccountSite]
    """Energy sites that the key can be registered at by another integration."""

    _entered: dict[str, Any]
    """Values of the form for the registration at one of them."""

    _known_keys: dict[str, str] | None
    """Placeholders of the form with the keys at the gateway; None if the firmware does not list them."""

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
            menu_options=[*self._registrations(), "known_keys", "remove_key"]
            if self._store.private_key
            else ["make_key", "paste_key"],
            description_placeholders={"docs": DOCS_URL},
        )

    def _registrations(self) -> list[str]:
        """Return the steps that register the key: by another integration if there is one, or by a tool."""
        self._sites = account_sites(self.hass, self.config_entry.data[CONF_SERIAL])
        return ["register_account", "register_key"] if self._sites else ["register_key"]

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
        registrations = self._registrations()
        if len(registrations) > 1:
            return self.async_show_menu(step_id="key_made", menu_options=registrations)
        return await self.async_step_register_key()

    async def async_step_register_account(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the energy site, and for consent to send the public key to Tesla."""
        if user_input is None:
            return self._show_account()
        self._entered = user_input
        if not user_input[CONF_CONSENT]:
            return self._show_account(FormError("consent_missing", CONF_CONSENT))
        return await self.async_step_registering_key()

    async def async_step_registering_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of the registration."""
        return await self._async_wait_for(
            lambda: async_register_key(self.hass, self._store, self._sites[int(self._entered[CONF_SITE])]),
            "registering_key",
            "key_registered",
        )

    async def async_step_key_registered(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Continue with the confirmation at the Powerwall, or show why the registration failed."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_account(error)
        return self._show_key("check_key", NO_FIELDS)

    def _show_account(self, error: FormError | None = None) -> ConfigFlowResult:
        schema = _choice_of_site(self._sites)
        if error:
            schema = self.add_suggested_values_to_schema(schema, self._entered)
        return self._show_key("register_account", schema, error)

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
        return await self._async_if_loaded(self.async_step_checking_key)

    async def async_step_checking_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of the check; the library for signed requests may be installed first."""
        return await self._async_wait_for(
            lambda: async_check_key(self.hass, self._store, self._gateway), "checking_key", "key_checked"
        )

    async def async_step_key_checked(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Finish, or show what is missing on a page without the long key."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_key("check_key", NO_FIELDS, error)
        return self._finish({**self.config_entry.options, CONF_ALLOW_CONTROL: True})

    async def async_step_known_keys(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """List the keys that the gateway knows, and return to the menu."""
        if user_input is not None:
            return await self.async_step_pairing()
        return await self._async_if_loaded(self.async_step_listing_keys)

    async def async_step_listing_keys(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of the list."""
        return await self._async_wait_for(self._async_list_keys, "listing_keys", "keys_listed")

    async def _async_list_keys(self) -> None:
        self._known_keys = await async_list_keys(self.hass, self._store, self._gateway)

    async def async_step_keys_listed(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the list, or what is missing."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_key("check_key", NO_FIELDS, error)
        if self._known_keys is None:
            return self.async_abort(reason="keys_not_listed")
        return self._show_key("known_keys", NO_FIELDS, None, **self._known_keys)

    async def async_step_remove_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Remove the key from Home Assistant, and from the gateway if the owner selects that."""
        if user_input is None:
            return self._show_key("remove_key", REMOVAL)
        if user_input[CONF_AT_GATEWAY]:
            return await self._async_if_loaded(self.async_step_removing_key)
        return await self._async_delete_key()

    async def async_step_removing_key(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the progress of the removal from the gateway."""
        return await self._async_wait_for(
            lambda: async_remove_key(self.hass, self._store, self._gateway), "removing_key", "key_removed"
        )

    async def async_step_key_removed(self, _: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Delete the key, or show why the gateway keeps it."""
        try:
            await self._async_finish_waiting()
        except FormError as error:
            return self._show_key("remove_key", REMOVAL, error)
        return await self._async_delete_key()

    async def _async_delete_key(self) -> ConfigFlowResult:
        await self._store.async_set_key(None)
        return self._finish(dict(self.config_entry.options))

    @property
    def _gateway(self) -> PowerwallGateway:
        gateway: PowerwallGateway = self.config_entry.runtime_data.gateway
        return gateway

    async def _async_if_loaded(self, step: Callable[[], Awaitable[ConfigFlowResult]]) -> ConfigFlowResult:
        """Go to a step that sends a request to the gateway."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        return await step()

    async def _async_accepts_signed(self) -> bool:
        """Request what a client needs before it signs; a failure counts as no."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return False
        if self._gateway.capabilities.login_stops_powerwall:
            return False
        try:
            await self._gateway.signing_din()
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
