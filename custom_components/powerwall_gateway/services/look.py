"""The action that shows what the gateway answers: `get_endpoint`."""

from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse

from ..gateway import PowerwallGateway
from ..gateway.endpoints import endpoints_of
from ..helpers import redactor_for
from .target import async_entry_of, schema_with, told

ATTR_PATH: Final = "path"

PATHS: Final = tuple(
    sorted(
        endpoint.path
        for endpoint in endpoints_of(PowerwallGateway).values()
        if endpoint.method == "GET" and not endpoint.effect and "{" not in endpoint.path
    )
)
"""What may be asked for: reading it changes nothing."""

GET_ENDPOINT: Final = schema_with({vol.Required(ATTR_PATH): vol.In(PATHS)})


async def async_get_endpoint(call: ServiceCall) -> ServiceResponse:
    """Give a path's answer without what says whose it is: it is asked for to be shown to others."""
    entry = async_entry_of(call)
    gateway, path = entry.runtime_data.gateway, call.data[ATTR_PATH]
    with told():
        answer = await gateway.get(path)
    # The list of all installers has 595 kB.
    return {
        "path": path,
        "answer": await call.hass.async_add_executor_job(redactor_for(entry).redact_payload, path, answer),
    }
