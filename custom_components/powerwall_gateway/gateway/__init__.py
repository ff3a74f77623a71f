"""A client for the local API of Tesla's Powerwall gateway. See README.md.

It imports nothing of Home Assistant. Home Assistant imports only the names below, `models`, `redact` and `signed`.
"""

from . import endpoints
from .auth import Credentials
from .client import PowerwallGateway
from .control.battery_power import LEASE, DispatchController, DispatchRequest
from .control.grid_policy import GridPolicy
from .control.islanding import LEAST_CHARGE, IslandingController
from .control.local_operation import LocalOperationController
from .control.operation import OperationController, OperationSettings
from .control.self_checks import check_for_update, run_connection_tests
from .control.signed_operation import SignedOperationController
from .endpoints import READABLE_PATHS, Endpoint
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
from .identification import (
    Identity,
    IdentityCheck,
    ProbeResult,
    SiteSummary,
    identify,
    parse_serial,
    probe,
    read_site_summary,
)
from .models import HIDDEN_PERCENT, Session, app_from_raw, raw_from_app
from .scheduler import PollSchedule, Priority, RequestScheduler
from .stop_safety.journal import Journal, JournalRecord, JournalStore, PendingAction
from .stop_safety.supervisor import LOGINS_A_DAY, LONGEST_STOP, SafetyTimings, StopSupervisor
from .transport import Address, PathStats, Transport, find, open_session

__all__ = [
    "HIDDEN_PERCENT",
    "LEASE",
    "LEAST_CHARGE",
    "LOGINS_A_DAY",
    "LONGEST_STOP",
    "READABLE_PATHS",
    "Address",
    "Capabilities",
    "CommandError",
    "CommandFailure",
    "Credentials",
    "DispatchController",
    "DispatchRequest",
    "Endpoint",
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
    "JournalStore",
    "KeyProblem",
    "LocalOperationController",
    "LoginProblem",
    "OperationController",
    "OperationSettings",
    "PathStats",
    "PendingAction",
    "PollSchedule",
    "PowerwallGateway",
    "Priority",
    "ProbeResult",
    "RequestScheduler",
    "SafetyTimings",
    "Session",
    "SignedOperationController",
    "SiteSummary",
    "StopSupervisor",
    "Transport",
    "WrongGatewayError",
    "app_from_raw",
    "check_for_update",
    "endpoints",
    "find",
    "identify",
    "login_stops_powerwall",
    "open_session",
    "parse_serial",
    "probe",
    "raw_from_app",
    "read_site_summary",
    "run_connection_tests",
]
