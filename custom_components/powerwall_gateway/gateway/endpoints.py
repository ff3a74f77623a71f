"""Every endpoint of the gateway's API, one row each: what is known of it, and how its answer is read.

`docs/dev/api.md`, the paths that `get_endpoint` and the command line accept, and the tests are made from this table.
`PowerwallGateway` has a method for each endpoint that the integration uses. Use `PowerwallGateway.call` for the others.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
import re
from typing import Any, Final, Literal

from .models import (
    AccessPoint,
    Config,
    ConnectionTests,
    Customer,
    CustomerRegistration,
    Generators,
    GridCodes,
    GridFault,
    GridStatus,
    InstalledMeter,
    Installer,
    InstallerCompany,
    Islanding,
    LoginRecord,
    MeterReading,
    MetersAggregates,
    Model,
    Network,
    NetworkInterface,
    Operation,
    PingTest,
    Powerwalls,
    PowerwallsStatus,
    SiteInfo,
    Sitemaster,
    SiteMeter,
    SiteName,
    SolarInverter,
    SolarMeter,
    SolarPowerwall,
    StateOfEnergy,
    Status,
    SystemStatus,
    SystemTesting,
    SystemUpdate,
    ToggleAuth,
    TroubleshootingProblems,
)

type Method = Literal["GET", "POST", "DELETE"]


class Access(StrEnum):
    """The login that an endpoint requires, by firmware (reference: endpoint by generation)."""

    NONE = "none"
    CUSTOMER_LATER = "none on 1.15, customer since 20.49"
    LOGIN = "installer on 1.15, customer since 20.49"
    CUSTOMER = "customer"
    INSTALLER = "installer, since 1.50 only after the switch of a Powerwall was turned off and on"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Endpoint[ResultT]:
    """One call of the gateway's API."""

    method: Method
    path: str
    """Below `/api/`. A `{name}` in it is an argument."""

    model: Callable[[Any], ResultT]
    """Read the decoded JSON. Raises `MismatchError` for JSON that does not belong to the path."""

    access: Access

    _: KW_ONLY
    since: str = "1.15"
    until: str = ""
    """First and last firmware that is known to have it."""

    idempotent: bool = True
    """False for a call with an effect. It is sent once, over its own connection, and may have an empty answer."""

    verified: bool = True
    """False if neither a real payload nor a second source shows what is sent and answered."""

    def takes(self, path: str) -> bool:
        """Return whether `path` is this path with its arguments filled in. A stray slash may be another endpoint."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/?#]+", re.escape(self.path))
        return re.fullmatch(pattern, path) is not None


# -- JSON to models ----------------------------------------------------------------------------------------------------


EMPTY: Final = b""
"""In place of the JSON of an empty answer. `null` is none."""


class MismatchError(Exception):
    """The JSON is not of the kind that belongs to the path."""


def object_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], ModelT]:
    """Return a reader of a JSON object with at least one known field, or none at all."""

    def read(payload: Any) -> ModelT:
        if (result := model.read(payload)) is None:
            raise _mismatch(payload, "an object")
        if payload and not model.has_known_key(payload):
            raise MismatchError("the answer is an object with none of the fields that belong there")
        return result

    return read


def optional[ModelT: Model](model: type[ModelT]) -> Callable[[Any], ModelT | None]:
    """Return a reader of a JSON object, or of an empty answer."""
    read = object_of(model)
    return lambda payload: None if payload is EMPTY else read(payload)


def list_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], tuple[ModelT, ...]]:
    """Return a reader of a JSON list of objects. Anything else in it is left out, and `null` is an empty list."""

    def read(payload: Any) -> tuple[ModelT, ...]:
        return tuple(result for item in _items(payload) if (result := model.read(item)) is not None)

    return read


def map_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], dict[str, ModelT]]:
    """Return a reader of a JSON object of objects. Anything else in it is left out, and `null` is an empty object."""

    def read(payload: Any) -> dict[str, ModelT]:
        if not isinstance(payload, dict | None):
            raise _mismatch(payload, "an object")
        items = (payload or {}).items()
        return {name: result for name, item in items if (result := model.read(item)) is not None}

    return read


def strings(payload: Any) -> tuple[str, ...]:
    """Read a JSON list of strings. Anything else in it is left out, and `null` is an empty list."""
    return tuple(item for item in _items(payload) if isinstance(item, str))


def nothing(_: Any) -> None:
    """Read nothing: the answer is empty, or not known."""


def _items(payload: Any) -> list[Any]:
    if payload is EMPTY or payload is None:
        return []
    if not isinstance(payload, list):
        raise _mismatch(payload, "a list")
    return payload


def _mismatch(payload: Any, expected: str) -> MismatchError:
    return MismatchError(f"the answer is a {type(payload).__name__} where {expected} belongs")


# -- live data: HTTP 502 while the Powerwall is stopped ----------------------------------------------------------------

METERS_AGGREGATES: Final = Endpoint("GET", "meters/aggregates", object_of(MetersAggregates), Access.CUSTOMER_LATER)
SYSTEM_STATUS: Final = Endpoint("GET", "system_status", object_of(SystemStatus), Access.CUSTOMER, since="20.49")
SOE: Final = Endpoint("GET", "system_status/soe", object_of(StateOfEnergy), Access.CUSTOMER_LATER)
GRID_STATUS: Final = Endpoint("GET", "system_status/grid_status", object_of(GridStatus), Access.CUSTOMER_LATER)
SYSTEM_STATUS_GRID_FAULTS: Final = Endpoint(
    "GET", "system_status/grid_faults", list_of(GridFault), Access.CUSTOMER_LATER
)
SITEMASTER: Final = Endpoint("GET", "sitemaster", object_of(Sitemaster), Access.CUSTOMER_LATER)

# -- control: changes what the battery does ----------------------------------------------------------------------------

SITEMASTER_RUN: Final = Endpoint("GET", "sitemaster/run", nothing, Access.CUSTOMER_LATER, idempotent=False)
SITEMASTER_STOP: Final = Endpoint("GET", "sitemaster/stop", nothing, Access.CUSTOMER_LATER, idempotent=False)
SITEMASTER_STOP_LATER: Final = Endpoint(
    "POST", "sitemaster/stop", nothing, Access.CUSTOMER, since="20.49", idempotent=False
)
SITEMASTER_RUN_FOR_COMMISSIONING: Final = Endpoint(
    "POST", "sitemaster/run_for_commissioning", nothing, Access.UNKNOWN, idempotent=False, verified=False
)
"""Start the Powerwall as the installer's wizard does at the end. The JSON is `{}`. The difference is not known."""

CONFIG_COMPLETED: Final = Endpoint("GET", "config/completed", optional(Status), Access.CUSTOMER_LATER, idempotent=False)
V2_ISLANDING_MODE: Final = Endpoint(
    "POST", "v2/islanding/mode", optional(Islanding), Access.CUSTOMER, since="20.49", idempotent=False
)
OPERATION: Final = Endpoint("GET", "operation", object_of(Operation), Access.LOGIN)
SET_OPERATION: Final = Endpoint("POST", "operation", optional(Operation), Access.INSTALLER, idempotent=False)

# -- the site, its Powerwalls, and the gateway's identity --------------------------------------------------------------

POWERWALLS: Final = Endpoint("GET", "powerwalls", object_of(Powerwalls), Access.CUSTOMER_LATER)
POWERWALLS_STATUS: Final = Endpoint("GET", "powerwalls/status", object_of(PowerwallsStatus), Access.LOGIN)
"""Read what the gateway does with its Powerwalls. Raises `GatewayRefusedError` (409) on 1.15 while they run."""

SITE_INFO: Final = Endpoint("GET", "site_info", object_of(SiteInfo), Access.CUSTOMER_LATER)
SITE_INFO_SITE_NAME: Final = Endpoint("GET", "site_info/site_name", object_of(SiteName), Access.CUSTOMER_LATER)
"""Read the site's name and time zone alone."""

SET_SITE_NAME: Final = Endpoint("POST", "site_info/site_name", optional(SiteName), Access.INSTALLER, idempotent=False)
"""Rename the site, as Tesla's app can: `{"site_name": "Home"}`.

Raises `GatewayPermissionDeniedError` for a customer login.
"""

SITE_INFO_GRID_CODES: Final = Endpoint("GET", "site_info/grid_codes", object_of(GridCodes), Access.LOGIN, until="1.15")
"""Read the grid codes that the wizard offers, each with its country, state and region."""

CONFIG: Final = Endpoint("GET", "config", object_of(Config), Access.LOGIN)

# -- hardware: solar inverters, generators, meters ---------------------------------------------------------------------

SOLARS: Final = Endpoint("GET", "solars", list_of(SolarInverter), Access.LOGIN)
SOLARS_BRANDS: Final = Endpoint("GET", "solars/brands", strings, Access.LOGIN)
"""Read the brands that the wizard offers."""

SOLARS_BRAND: Final = Endpoint("GET", "solars/brands/{brand}", list_of(SolarInverter), Access.LOGIN)
"""Read the inverters of a brand that the wizard offers, for instance of `SolarEdge Technologies`."""

SOLAR_POWERWALL: Final = Endpoint("GET", "solar_powerwall", object_of(SolarPowerwall), Access.CUSTOMER, since="20.49")
GENERATORS: Final = Endpoint("GET", "generators", object_of(Generators), Access.LOGIN)
"""Read whether there is a generator, and how it is connected."""

GENERATORS_DISCONNECT_TYPES: Final = Endpoint("GET", "generators/disconnect_types", strings, Access.LOGIN)
"""Read how a generator may be connected: `DownstreamATS`."""

METERS: Final = Endpoint("GET", "meters", list_of(InstalledMeter), Access.LOGIN)
METERS_VERIFY: Final = Endpoint(
    "POST", "meters/{serial}/verify", nothing, Access.INSTALLER, idempotent=False, verified=False
)
"""Have the gateway look for a meter: `{"short_id": "12345", "serial": …}`, with the five digits of its short number.

No source shows the answer.
"""

METERS_READINGS: Final = Endpoint("GET", "meters/readings", map_of(MeterReading), Access.LOGIN)
METERS_SITE: Final = Endpoint("GET", "meters/site", list_of(SiteMeter), Access.LOGIN, since="1.17")
"""Not in the seed. The same document has it since June 2018, when 1.17 was current."""

METERS_SOLAR: Final = Endpoint("GET", "meters/solar", list_of(SolarMeter), Access.LOGIN, since="1.17")

# -- the owner and the installer ---------------------------------------------------------------------------------------

CUSTOMER: Final = Endpoint("GET", "customer", object_of(Customer), Access.LOGIN)
"""Read the owner's address (1.15) or consents (later)."""

CUSTOMER_REGISTRATION: Final = Endpoint(
    "GET", "customer/registration", object_of(CustomerRegistration), Access.CUSTOMER_LATER
)
CUSTOMER_REGISTRATION_LEGAL: Final = Endpoint(
    "POST",
    "customer/registration/legal",
    optional(CustomerRegistration),
    Access.INSTALLER,
    idempotent=False,
    verified=False,
)
"""Set all four consents of the owner at once: `marketing`, `privacy_notice`, `limited_warranty`, `grid_services`.

Each is true, false, or null if the owner was never asked. Ask the owner first.
"""

CUSTOMER_REGISTRATION_SKIP: Final = Endpoint(
    "POST",
    "customer/registration/skip",
    nothing,
    Access.INSTALLER,
    until="1.15",
    idempotent=False,
    verified=False,
)
"""Note that the owner skipped the registration."""

CUSTOMER_REGISTRATION_EMAILED: Final = Endpoint(
    "POST",
    "customer/registration/emailed",
    nothing,
    Access.INSTALLER,
    until="1.15",
    idempotent=False,
    verified=False,
)
"""Note that the registration was sent to the owner by email."""

INSTALLER: Final = Endpoint("GET", "installer", object_of(Installer), Access.LOGIN)
"""Read who installed the system, and how it is mounted and wired."""

INSTALLER_COMPANIES: Final = Endpoint("GET", "installer/companies", list_of(InstallerCompany), Access.LOGIN)
"""Read all companies that install Powerwalls: thousands, 595 kB."""

# -- the gateway's firmware, tests and log -----------------------------------------------------------------------------

STATUS: Final = Endpoint("GET", "status", object_of(Status), Access.NONE)
SYSTEM_UPDATE_STATUS: Final = Endpoint(
    "GET", "system/update/status", object_of(SystemUpdate), Access.CUSTOMER_LATER, idempotent=False
)
SYSTEM_UPDATE: Final = Endpoint("POST", "system/update", nothing, Access.UNKNOWN, since="20.49", idempotent=False)
SYSTEM_UPDATE_FORCED: Final = Endpoint(
    "POST", "system/update?force=true", nothing, Access.UNKNOWN, since="20.49", idempotent=False
)
"""Do the same as `SYSTEM_UPDATE`, also when the gateway would not."""

SYSTEM_TESTING: Final = Endpoint("GET", "system/testing", object_of(SystemTesting), Access.LOGIN)
"""Read the result of the installer's charge test. This does not start one."""

LOGGING: Final = Endpoint("POST", "logging", nothing, Access.UNKNOWN, idempotent=False, verified=False)
"""Write a line into the gateway's log. The seed names the fields `level` and `log`, but not their values."""

TROUBLESHOOTING_PROBLEMS: Final = Endpoint(
    "GET", "troubleshooting/problems", object_of(TroubleshootingProblems), Access.CUSTOMER, since="20.49"
)

# -- networks ----------------------------------------------------------------------------------------------------------

NETWORKS: Final = Endpoint("GET", "networks", list_of(NetworkInterface), Access.LOGIN)
CONFIGURE_NETWORK: Final = Endpoint("POST", "networks", nothing, Access.UNKNOWN, idempotent=False, verified=False)
"""Add a network: `interface` (an `InterfaceType`), `network_name` and `security_type`.

The seed names these three fields, but not where a password goes. A wrong network can make the gateway unreachable.
"""

ENABLE_NETWORK: Final = Endpoint(
    "POST", "networks/{name}/enable", nothing, Access.UNKNOWN, idempotent=False, verified=False
)
"""Use a configured network."""

DISABLE_NETWORK: Final = Endpoint(
    "POST", "networks/{name}/disable", nothing, Access.UNKNOWN, idempotent=False, verified=False
)
"""Stop using a configured network. If the request comes over this network, the gateway becomes unreachable."""

SYSTEM_NETWORKS: Final = Endpoint("GET", "system/networks", list_of(Network), Access.INSTALLER, until="1.15")
"""Read the configured networks."""

NETWORKS_WIFI_SECURITY_TYPES: Final = Endpoint(
    "GET", "networks/wifi_security_types", strings, Access.INSTALLER, until="1.15"
)
"""Read the types of Wi-Fi security: `NONE`, `WEP`, `WPAorWPA2_Personal`."""

NETWORKS_WIFI_SCAN: Final = Endpoint(
    "POST",
    "networks/wifi_scan",
    list_of(AccessPoint),
    Access.INSTALLER,
    until="1.15",
    idempotent=False,
    verified=False,
)
"""Scan for Wi-Fi networks. No source shows the answer: a list is read like that of `NETWORKS_ACCESS_POINTS`."""

NETWORKS_REQUEST_SCAN_WIFI: Final = Endpoint(
    "POST", "networks/request_scan_wifi", nothing, Access.UNKNOWN, since="20.49", idempotent=False
)
"""Scan for Wi-Fi networks. `NETWORKS_ACCESS_POINTS` has them afterwards."""

NETWORKS_ACCESS_POINTS: Final = Endpoint(
    "GET", "networks/access_points", list_of(AccessPoint), Access.CUSTOMER, since="20.49"
)
"""Read the Wi-Fi networks that the last scan found."""

START_CONNECTION_TESTS: Final = Endpoint(
    "POST", "system/networks/conn_tests", nothing, Access.UNKNOWN, idempotent=False
)
CONNECTION_TESTS: Final = Endpoint("GET", "system/networks/conn_tests", object_of(ConnectionTests), Access.LOGIN)
PING_TEST: Final = Endpoint("GET", "system/networks/ping_test", object_of(PingTest), Access.LOGIN)
"""Read a ping test. How to start one is not known."""

# -- the session -------------------------------------------------------------------------------------------------------

LOGIN: Final = Endpoint("POST", "login/Basic", object_of(LoginRecord), Access.NONE, idempotent=False)
LOGOUT: Final = Endpoint("GET", "logout", nothing, Access.NONE, idempotent=False)

# The switch of a Powerwall proves that someone is on site: it is turned off and on while the gateway watches. The
# installer login requires that from 1.50 on.

AUTH_TOGGLE_SUPPORTED: Final = Endpoint(
    "GET", "auth/toggle/supported", object_of(ToggleAuth), Access.NONE, since="20.49"
)
"""Read whether the gateway can watch the switch of a Powerwall: only while the Powerwall runs."""

AUTH_TOGGLE_START: Final = Endpoint("POST", "auth/toggle/start", nothing, Access.NONE, since="20.49", idempotent=False)
"""Start watching. Now someone turns one Powerwall off and on, which stops it while it is off."""

AUTH_TOGGLE_LOGIN: Final = Endpoint(
    "POST",
    "auth/toggle/login",
    optional(LoginRecord),
    Access.NONE,
    since="20.49",
    idempotent=False,
    verified=False,
)
"""Log in by the switch. No source shows the answer, so the client keeps the session that it has.

Raises `GatewayRefusedError` until the switch was turned off and on (417), or if the gateway does not watch (400).
"""

AUTH_TOGGLE_CANCEL: Final = Endpoint(
    "DELETE", "auth/toggle/login", nothing, Access.NONE, since="20.49", idempotent=False
)
"""Stop watching. Raises `GatewayNotFoundError` (404) also if the gateway does not watch."""


ENDPOINTS: Final[dict[str, Endpoint[Any]]] = {
    name: value for name, value in globals().items() if isinstance(value, Endpoint)
}
"""All of them by name."""

READABLE_PATHS: Final = tuple(
    sorted(
        endpoint.path
        for endpoint in ENDPOINTS.values()
        if endpoint.method == "GET" and endpoint.idempotent and "{" not in endpoint.path
    )
)
"""Paths that can be read without an effect and without an argument."""
