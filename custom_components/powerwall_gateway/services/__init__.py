"""The actions. They are an administrator's; what runs without a user, an automation, may call them, too."""

from homeassistant.core import HomeAssistant, SupportsResponse, callback
from homeassistant.helpers.service import async_register_admin_service

from ..const import DOMAIN
from . import look, operation, takeover, upkeep


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions whatever entries there are: an automation with one is checked before any is loaded."""
    none, optional, only = SupportsResponse.NONE, SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    for name, function, schema, response in (
        ("set_operation", operation.async_set_operation, operation.SET_OPERATION, optional),
        ("start", operation.async_start, operation.START, none),
        ("stop", operation.async_stop, operation.STOP, none),
        ("check_update", upkeep.async_check_update, upkeep.CHECK_UPDATE, optional),
        ("run_connection_test", upkeep.async_run_connection_test, upkeep.RUN_CONNECTION_TEST, optional),
        ("take_over", takeover.async_take_over_from_core, takeover.TAKE_OVER, optional),
        ("get_endpoint", look.async_get_endpoint, look.GET_ENDPOINT, only),
    ):
        async_register_admin_service(hass, DOMAIN, name, function, schema, response)
