"""A real Home Assistant with this repository's integration, for commands and end-to-end tests."""

from .api import Api, ApiError, State
from .log import errors_about, is_complaint
from .probe import Probe
from .process import HomeAssistant
from .sign_in import PASSWORD, USER_NAME, SignInError
from .websocket import WebSocket, WebSocketError

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
