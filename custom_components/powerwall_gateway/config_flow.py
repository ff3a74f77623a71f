"""Setting up a gateway: who and where, and a password where it wants one."""

from collections.abc import Mapping
from contextlib import suppress
import logging
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_BASE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_ALLOW_CONTROL, CONF_FINGERPRINT, CONF_SCHEME, CONF_SERIAL, DOMAIN
from .gateway import (
    Address,
    GatewayBusyError,
    GatewayCertificateError,
    GatewayDefaultPasswordError,
    GatewayError,
    GatewayLoginError,
    GatewayUnreachableError,
    PowerwallGateway,
    identify,
    meet,
    open_session,
    parse_serial,
)
from .gateway.models import Din
from .helpers import gateway_from
from .options_flow import PowerwallGatewayOptionsFlow

_LOGGER = logging.getLogger(__name__)

_DEFAULT_TITLE = "Powerwall Gateway"

_USER_SCHEMA = vol.Schema({vol.Required(CONF_HOST): str, vol.Required(CONF_SERIAL): str})
_PASSWORD = {
    vol.Required(CONF_PASSWORD): TextSelector(
        TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
    )
}
_CONTROL = {vol.Required(CONF_ALLOW_CONTROL, default=True): bool}
_USERNAMES = ["customer", "installer"]
_MORE = "more"
_LOGIN = {
    vol.Required(CONF_USERNAME, default=_USERNAMES[0]): SelectSelector(
        SelectSelectorConfig(options=_USERNAMES, translation_key="username")
    )
}

_REAUTH_SCHEMA = vol.Schema(_PASSWORD)
_CONTROL_SCHEMA = vol.Schema(_CONTROL)
_LOGIN_SCHEMA = vol.Schema(
    {**_PASSWORD, **_CONTROL, vol.Required(_MORE): section(vol.Schema(_LOGIN), {"collapsed": True})}
)


class _RefusedError(Exception):
    """What was typed cannot be used: the message's key, and the field it belongs to."""

    def __init__(self, key: str, field: str = CONF_BASE) -> None:
        super().__init__(key)
        self.key = key
        self.field = field

    def errors(self, schema: vol.Schema) -> dict[str, str]:
        """Show it at its field, or above the form where the form has no such field."""
        return {self.field if self.field in schema.schema else CONF_BASE: self.key}


def _refusal(err: GatewayError, otherwise: str) -> _RefusedError:
    """Say in the form what a gateway's failure means."""
    match err:
        case GatewayDefaultPasswordError():
            return _RefusedError("default_password", CONF_PASSWORD)
        case GatewayLoginError():
            return _RefusedError("invalid_auth", CONF_PASSWORD)
        case GatewayCertificateError():
            return _RefusedError("certificate_changed")
        case GatewayUnreachableError():
            return _RefusedError("cannot_connect", CONF_HOST)
        case GatewayBusyError():
            return _RefusedError("busy")
        case _:
            return _RefusedError(otherwise, CONF_HOST)


class PowerwallGatewayConfigFlow(ConfigFlow, domain=DOMAIN):
    """The way in. Nothing here logs in where a login would stop the Powerwall."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}
        self._options: dict[str, Any] = {}
        self._title = _DEFAULT_TITLE

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> PowerwallGatewayOptionsFlow:
        return PowerwallGatewayOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the gateway is and which it is."""
        if user_input is None:
            return self._show_user_form()
        try:
            return await self._async_meet(user_input)
        except _RefusedError as refused:
            return self._show_user_form(user_input, refused)

    async def async_step_login(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Take the password, and whether Home Assistant may change anything."""
        self._options = {CONF_ALLOW_CONTROL: user_input[CONF_ALLOW_CONTROL]}
        self._data[CONF_USERNAME] = user_input[_MORE][CONF_USERNAME]
        try:
            return await self._async_log_in(user_input)
        except _RefusedError as refused:
            if refused.field == CONF_SERIAL:
                return self._show_user_form(self._data, refused)
            return self._show_login_form(user_input, refused)

    async def async_step_control(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether Home Assistant may log in, which stops the Powerwall; the loaded entry does it, never a flow."""
        if user_input is None:
            return self.async_show_form(
                step_id="control",
                data_schema=_CONTROL_SCHEMA,
                description_placeholders={"host": self._data[CONF_HOST]},
            )
        self._options = user_input
        return self._create()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start over with the password: the gateway refused the one that was stored."""
        self._data = dict(entry_data)
        return self._show_password_form("reauth_confirm", _REAUTH_SCHEMA)

    async def async_step_reauth_confirm(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Take the new password."""
        try:
            return await self._async_log_in(user_input)
        except _RefusedError as refused:
            return self._show_password_form("reauth_confirm", _REAUTH_SCHEMA, refused)

    def _show_user_form(
        self, typed: Mapping[str, Any] | None = None, refused: _RefusedError | None = None
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, typed),
            errors=refused.errors(_USER_SCHEMA) if refused else None,
        )

    def _show_login_form(
        self, typed: Mapping[str, Any] | None = None, refused: _RefusedError | None = None
    ) -> ConfigFlowResult:
        kept = {field: value for field, value in (typed or {}).items() if field != CONF_PASSWORD}
        return self._show_password_form("login", self.add_suggested_values_to_schema(_LOGIN_SCHEMA, kept), refused)

    def _show_password_form(
        self, step_id: str, schema: vol.Schema, refused: _RefusedError | None = None
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            description_placeholders={
                "host": self._data[CONF_HOST],
                "fingerprint": _readable(self._data[CONF_FINGERPRINT]),
            },
            errors=refused.errors(schema) if refused else None,
        )

    async def _async_meet(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Look who answers at the address, by reads without effect alone."""
        try:
            serial = parse_serial(user_input[CONF_SERIAL])
        except ValueError:
            raise _RefusedError("invalid_serial", CONF_SERIAL) from None
        try:
            address = Address.parse(user_input[CONF_HOST])
        except ValueError:
            raise _RefusedError("invalid_host", CONF_HOST) from None
        await self.async_set_unique_id(serial, raise_on_progress=False)
        self._abort_if_unique_id_configured()

        async with open_session() as session:
            try:
                introduction = await meet(session, address)
            except GatewayError as err:
                _LOGGER.debug("Not set up: %s", err)
                raise _refusal(err, "not_a_gateway") from err
            found = introduction.connection
            self._data = {
                CONF_HOST: str(address),
                CONF_SCHEME: found.address.scheme,
                CONF_FINGERPRINT: found.fingerprint.hex() if found.fingerprint else None,
                CONF_SERIAL: serial,
            }
            self._refuse_another_serial(Din.parse(introduction.status.din) if introduction.status else None)
            if not introduction.needs_login:
                self._title = await _site_name(PowerwallGateway(found)) or _DEFAULT_TITLE
                return await self.async_step_control() if introduction.login_stops_powerwall else self._create()
            if introduction.login_stops_powerwall:
                raise _RefusedError("login_would_stop")
            return self._show_login_form()

    async def _async_log_in(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Try the password on the very gateway that was met, and leave no session behind."""
        self._data[CONF_PASSWORD] = user_input[CONF_PASSWORD]
        async with open_session() as session:
            gateway = gateway_from(session, self._data)
            try:
                await gateway.login()
                self._refuse_another_serial((await identify(gateway)).din)
                if self.source == SOURCE_REAUTH:
                    return self.async_update_reload_and_abort(self._get_reauth_entry(), data=self._data)
                self._title = await _site_name(gateway) or _DEFAULT_TITLE
                return self._create()
            except GatewayError as err:
                _LOGGER.debug("Not logged in: %s", err)
                raise _refusal(err, "login_failed") from err
            finally:
                with suppress(GatewayError):
                    await gateway.logout()

    def _refuse_another_serial(self, din: Din | None) -> None:
        """Make sure that the serial is the gateway's own, where it can be read."""
        if din is not None and din.serial_number != self._data[CONF_SERIAL]:
            raise _RefusedError("wrong_serial", CONF_SERIAL)

    def _create(self) -> ConfigFlowResult:
        """Store what was found, under the name that the owner gave the place."""
        return self.async_create_entry(title=self._title, data=self._data, options=self._options)


async def _site_name(gateway: PowerwallGateway) -> str | None:
    """Read what the owner called the place; any name will do where it cannot be read."""
    try:
        return (await gateway.site_info()).site_name
    except GatewayError:
        return None


def _readable(fingerprint: str | None) -> str:
    """Write a fingerprint as browsers do."""
    return ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper() if fingerprint else "-"
