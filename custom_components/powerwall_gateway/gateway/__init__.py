"""The local API of the Tesla Powerwall 2's gateway as typed Python.

Imports nothing of Home Assistant and can be used by itself:

    async with open_session() as session:
        connection = await find(session, Address.parse("192.168.1.50"))
        print(await PowerwallGateway(connection).meters_aggregates())
"""

from .address import Address
from .capabilities import Capabilities, login_stops_powerwall
from .client import PowerwallGateway
from .connection import Connection, find, open_session
from .errors import (
    GatewayAnotherError,
    GatewayAnswerError,
    GatewayBusyError,
    GatewayCertificateError,
    GatewayDefaultPasswordError,
    GatewayDeniedError,
    GatewayError,
    GatewayLoginError,
    GatewayLoginLimitError,
    GatewayLoginStopsError,
    GatewayNotAllowedError,
    GatewayNotFoundError,
    GatewayPayloadError,
    GatewayRefusedError,
    GatewayStoppedError,
    GatewaySwitchNeededError,
    GatewayTimeoutError,
    GatewayUnfinishedError,
    GatewayUnreachableError,
    GuardBusyError,
    GuardError,
    GuardGridError,
    GuardJournalError,
    GuardLoginLimitError,
    GuardNotRunningError,
    GuardUnsureError,
    IslandChargeError,
    IslandError,
    IslandGridError,
    IslandNotFollowedError,
    IslandUnsureError,
    OperationError,
    OperationInvalidError,
    OperationNotAllowedError,
    OperationNotAppliedError,
    OperationRefusedError,
    OperationStoppedError,
    OperationUnknownError,
)
from .guard import LOGINS_A_DAY, Guard
from .health import Health
from .introduction import Doorman, Identity, Introduction, Portrait, identify, meet, parse_serial, portray
from .island import IslandControl
from .journal import Journal, JournalRecord, UnderWay
from .login import Credentials, Session
from .operation import LocalOperation, OperationControl, OperationSettings
from .pacer import Cadence, Pacer, Rank
from .percent import PercentScale, app_from_raw, raw_from_app

__all__ = [
    "LOGINS_A_DAY",
    "Address",
    "Cadence",
    "Capabilities",
    "Connection",
    "Credentials",
    "Doorman",
    "GatewayAnotherError",
    "GatewayAnswerError",
    "GatewayBusyError",
    "GatewayCertificateError",
    "GatewayDefaultPasswordError",
    "GatewayDeniedError",
    "GatewayError",
    "GatewayLoginError",
    "GatewayLoginLimitError",
    "GatewayLoginStopsError",
    "GatewayNotAllowedError",
    "GatewayNotFoundError",
    "GatewayPayloadError",
    "GatewayRefusedError",
    "GatewayStoppedError",
    "GatewaySwitchNeededError",
    "GatewayTimeoutError",
    "GatewayUnfinishedError",
    "GatewayUnreachableError",
    "Guard",
    "GuardBusyError",
    "GuardError",
    "GuardGridError",
    "GuardJournalError",
    "GuardLoginLimitError",
    "GuardNotRunningError",
    "GuardUnsureError",
    "Health",
    "Identity",
    "Introduction",
    "IslandChargeError",
    "IslandControl",
    "IslandError",
    "IslandGridError",
    "IslandNotFollowedError",
    "IslandUnsureError",
    "Journal",
    "JournalRecord",
    "LocalOperation",
    "OperationControl",
    "OperationError",
    "OperationInvalidError",
    "OperationNotAllowedError",
    "OperationNotAppliedError",
    "OperationRefusedError",
    "OperationSettings",
    "OperationStoppedError",
    "OperationUnknownError",
    "Pacer",
    "PercentScale",
    "Portrait",
    "PowerwallGateway",
    "Rank",
    "Session",
    "UnderWay",
    "app_from_raw",
    "find",
    "identify",
    "login_stops_powerwall",
    "meet",
    "open_session",
    "parse_serial",
    "portray",
    "raw_from_app",
]
