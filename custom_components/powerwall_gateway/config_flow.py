"""Setting up a gateway: who and where, and a password where it wants one."""

from collections.abc import Mapping
from contextlib import suppress
import logging
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import SOURCE_REAUTH, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .const import CONF_FINGERPRINT, CONF_SCHEME, CONF_SERIAL, DOMAIN
from .gateway import (
    Address,
    GatewayBusyError,
    GatewayCertificateError,
    GatewayError,
    GatewayLoginError,
    GatewayUnreachableError,
    PowerwallGateway,
    identify,
    meet,
    open_session,
    parse_serial,
)
from .helpers import gateway_from

_LOGGER = logging.getLogger(__name__)

_DEFAULT_TITLE = "Powerwall Gateway"

_USER_SCHEMA = vol.Schema({vol.Required(CONF_HOST): str, vol.Required(CONF_SERIAL): str})
_PASSWORD_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_PASSWORD): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
        )
    }
)


class _RefusedError(Exception):
    """What was typed cannot be used; `field` and `key` say where and why."""

    def __init__(self, key: str, field: str = "base") -> None:
        super().__init__(key)
        self.errors = {field: key}


def _refusal(err: GatewayError) -> _RefusedError:
    """Say in the form what a gateway's failure means."""
    match err:
        case GatewayLoginError(reason=reason) if "default password" in reason.lower():
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
            return _RefusedError("not_a_gateway", CONF_HOST)


class PowerwallGatewayConfigFlow(ConfigFlow, domain=DOMAIN):
    """The way in. Nothing here logs in where a login would stop the Powerwall."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the gateway is and which it is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                return await self._async_meet(user_input)
            except _RefusedError as refused:
                errors = refused.errors
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, user_input),
            errors=errors,
        )

    async def async_step_login(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the customer's password, showing whom it will be sent to."""
        return await self._async_ask_password("login", user_input)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start over with the password: the gateway refused the one that was stored."""
        self._data = dict(entry_data)
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the new password."""
        return await self._async_ask_password("reauth_confirm", user_input)

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
                found = introduction.connection
                self._data = {
                    CONF_HOST: str(address),
                    CONF_SCHEME: found.address.scheme,
                    CONF_FINGERPRINT: found.fingerprint.hex() if found.fingerprint else None,
                    CONF_SERIAL: serial,
                }
                if introduction.needs_login:
                    if introduction.login_stops_powerwall:
                        raise _RefusedError("login_would_stop")
                    return await self.async_step_login()
                return await self._async_finish(PowerwallGateway(found))
            except GatewayError as err:
                _LOGGER.debug("Not set up: %s", err)
                raise _refusal(err) from err

    async def _async_ask_password(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            self._data[CONF_PASSWORD] = user_input[CONF_PASSWORD]
            try:
                return await self._async_log_in()
            except _RefusedError as refused:
                errors = refused.errors
        return self.async_show_form(
            step_id=step_id,
            data_schema=_PASSWORD_SCHEMA,
            description_placeholders={
                "host": self._data[CONF_HOST],
                "fingerprint": _readable(self._data[CONF_FINGERPRINT]),
            },
            errors=errors,
        )

    async def _async_log_in(self) -> ConfigFlowResult:
        """Try the password, and leave no session behind."""
        async with open_session() as session:
            gateway = gateway_from(session, self._data)
            try:
                await gateway.login()
                try:
                    return await self._async_finish(gateway)
                finally:
                    with suppress(GatewayError):
                        await gateway.logout()
            except GatewayError as err:
                _LOGGER.debug("Not set up: %s", err)
                raise _refusal(err) from err

    async def _async_finish(self, gateway: PowerwallGateway) -> ConfigFlowResult:
        """Make sure that the serial is the gateway's own, where it can be read, and store what was found."""
        din = (await identify(gateway)).din
        if din is not None and din.serial_number != self._data[CONF_SERIAL]:
            raise _RefusedError("wrong_serial", CONF_SERIAL if self.source != SOURCE_REAUTH else "base")
        if self.source == SOURCE_REAUTH:
            return self.async_update_reload_and_abort(self._get_reauth_entry(), data=self._data)
        return self.async_create_entry(title=await _site_name(gateway) or _DEFAULT_TITLE, data=self._data)


async def _site_name(gateway: PowerwallGateway) -> str | None:
    """Read what the owner called the place; any name will do where it cannot be read."""
    try:
        return (await gateway.site_info()).site_name
    except GatewayError:
        return None


def _readable(fingerprint: str | None) -> str:
    """Write a fingerprint as browsers do."""
    return ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper() if fingerprint else "-"
