"""The endpoints by subject, a room each; together they are the client."""

from .connection_tests import ConnectionTestsApi
from .control import ControlApi
from .endpoint import Access, Endpoint, endpoints_of
from .hardware import HardwareApi
from .live import LiveApi
from .networks import NetworksApi
from .operation import OperationApi
from .people import PeopleApi
from .session import SessionApi
from .site import SiteApi
from .system import SystemApi

__all__ = [
    "Access",
    "ConnectionTestsApi",
    "ControlApi",
    "Endpoint",
    "HardwareApi",
    "LiveApi",
    "NetworksApi",
    "OperationApi",
    "PeopleApi",
    "SessionApi",
    "SiteApi",
    "SystemApi",
    "endpoints_of",
]
