"""The endpoints by subject, a room each; together they are the client."""

from .endpoint import Access, Endpoint, endpoints_of
from .live import LiveApi
from .operation import OperationApi
from .session import SessionApi
from .site import SiteApi
from .system import SystemApi

__all__ = [
    "Access",
    "Endpoint",
    "LiveApi",
    "OperationApi",
    "SessionApi",
    "SiteApi",
    "SystemApi",
    "endpoints_of",
]
