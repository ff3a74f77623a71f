"""The local API of the Tesla Powerwall 2's gateway as typed Python.

Imports nothing of Home Assistant and can be used by itself:

    async with open_session() as session:
        connection = await find(session, Address.parse("192.168.1.50"))
        print(await PowerwallGateway(connection).meters_aggregates())
"""

from .auth import Credentials, Session
from .client import PowerwallGateway
from .control.grid_policy import GridPolicy
from .control.islanding import IslandingController
from .control.local_operation import LocalOperationBackend
from .control.operation import OperationController, OperationSettings
from .control.signed_operation import SignedOperationBackend
from .discovery import (
    Identity,
    IdentityCheck,
    ProbeResult,
    SiteSummary,
    identify,
    parse_serial,
    probe,
    read_site_summary,
)
from .exceptions import (
    CommandError,
    CommandFailure,
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayClockError,
    GatewayConnectionError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayKeyError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayPermissionDeniedError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayResponseError,
    GatewayStoppedError,
    GatewayTimeoutError,
    JournalError,
    KeyProblem,
    LoginProblem,
    WrongGatewayError,
)
from .firmware import Capabilities, login_stops_powerwall
from .percent import app_from_raw, raw_from_app
from .scheduler import PollSchedule, Priority, RequestScheduler
from .stop_safety.journal import Journal, JournalRecord, PendingAction
from .stop_safety.supervisor import LOGINS_A_DAY, StopSupervisor
from .transport import Address, Transport, find, open_session

__all__ = [
    "LOGINS_A_DAY",
    "Address",
    "Capabilities",
    "CommandError",
    "CommandFailure",
    "Credentials",
    "GatewayAuthenticationRequiredError",
    "GatewayCertificateError",
    "GatewayClockError",
    "GatewayConnectionError",
    "GatewayError",
    "GatewayInvalidResponseError",
    "GatewayKeyError",
    "GatewayLoginError",
    "GatewayNotFoundError",
    "GatewayPermissionDeniedError",
    "GatewayRateLimitError",
    "GatewayRefusedError",
    "GatewayResponseError",
    "GatewayStoppedError",
    "GatewayTimeoutError",
    "GridPolicy",
    "Identity",
    "IdentityCheck",
    "IslandingController",
    "Journal",
    "JournalError",
    "JournalRecord",
    "KeyProblem",
    "LocalOperationBackend",
    "LoginProblem",
    "OperationController",
    "OperationSettings",
    "PendingAction",
    "PollSchedule",
    "PowerwallGateway",
    "Priority",
    "ProbeResult",
    "RequestScheduler",
    "Session",
    "SignedOperationBackend",
    "SiteSummary",
    "StopSupervisor",
    "Transport",
    "WrongGatewayError",
    "app_from_raw",
    "find",
    "identify",
    "login_stops_powerwall",
    "open_session",
    "parse_serial",
    "probe",
    "raw_from_app",
    "read_site_summary",
]
