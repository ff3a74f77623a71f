"""A real Home Assistant with this repository's integration, for commands and end-to-end tests."""

from tools.hass_process.api import Api, ApiError, State
from tools.hass_process.log import errors_about, is_complaint
from tools.hass_process.probe import Probe
from tools.hass_process.process import HomeAssistant
from tools.hass_process.sign_in import PASSWORD, USER_NAME, SignInError
from tools.hass_process.websocket import WebSocket, WebSocketError

__all__ = [
    "PASSWORD",
    "USER_NAME",
    "Api",
    "ApiError",
    "HomeAssistant",
    "Probe",
    "SignInError",
    "State",
    "WebSocket",
    "WebSocketError",
    "errors_about",
    "is_complaint",
]
