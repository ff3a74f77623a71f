"""The table of all endpoints of the gateway's API: path, login, firmware, effect, and the model of the response.

`docs/dev/api.md`, the paths that `get_endpoint` and the command line accept, and the tests are made from this table.
`PowerwallGateway` has a method for each endpoint that the integration uses. Use `PowerwallGateway.call` for the others.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
import re
from typing import Any, Final, Literal

from .exceptions import GatewayInvalidResponseError
from .models import (
    Config,
    ConnectionTests,
    CustomerRegistration,
    GridFault,
    GridStatus,
    InstalledMeter,
    MeterReading,
    MetersAggregates,
    Model,
    Network,
    NetworkInterface,
    Operation,
    Powerwalls,
    Session,
    SiteInfo,
    Sitemaster,
    SiteMeter,
    SolarInverter,
    SolarMeter,
    SolarPowerwall,
    StateOfEnergy,
    Status,
    SystemStatus,
    SystemUpdate,
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
    path: str  #: Below `/api/`. A `{name}` in it is an argument

    model: Callable[[Any], ResultT]
    """Read the decoded JSON. Raises `GatewayInvalidResponseError` for JSON that does not belong to the path."""

    access: Access
    _: KW_ONLY
    since: str = "1.15"
    until: str = ""  #: First and last firmware that is known to have it
    has_effect: bool = False  #: True for a GET that changes something
    verified: bool = True  #: False if neither a real payload nor a second source shows the request and the response

    @property
    def idempotent(self) -> bool:
        """Return False for a call with an effect. It is sent once, over its own connection, and may return nothing."""
        return self.method == "GET" and not self.has_effect

    def takes(self, path: str) -> bool:
        """Return whether `path` is this path with its arguments filled in. A stray slash may be another endpoint."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/?#]+", re.escape(self.path))
        return re.fullmatch(pattern, path) is not None


# -- JSON to models ----------------------------------------------------------------------------------------------------


EMPTY: Final = b""
"""In place of the JSON of an empty response. `null` is none."""


def json_object(payload: Any) -> dict[str, Any]:
    """Return a JSON object as it is."""
    if not isinstance(payload, dict):
        raise _mismatch(payload, "an object")
    return payload


def json_list(payload: Any) -> list[Any]:
    """Return a JSON list as it is. `null` and an empty response are an empty list."""
    if payload is EMPTY or payload is None:
        return []
    if not isinstance(payload, list):
        raise _mismatch(payload, "a list")
    return payload


def object_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], ModelT]:
    """Return a reader of a JSON object with at least one known field, or none at all."""

    def read(payload: Any) -> ModelT:
        wire = json_object(payload)
        if wire and not model.has_known_key(wire):
            raise GatewayInvalidResponseError("the response is an object with none of the fields that belong there")
        return model.from_dict(wire)

    return read


def list_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], tuple[ModelT, ...]]:
    """Return a reader of a JSON list of objects. Anything else in it is left out, and `null` is an empty list."""
    return lambda payload: tuple(model.from_dict(item) for item in json_list(payload) if isinstance(item, dict))


def map_of[ModelT: Model](model: type[ModelT]) -> Callable[[Any], dict[str, ModelT]]:
    """Return a reader of a JSON object of objects. Anything else in it is left out, and `null` is an empty object."""

    def read(payload: Any) -> dict[str, ModelT]:
        items = json_object({} if payload is None else payload).items()
        return {name: model.from_dict(item) for name, item in items if isinstance(item, dict)}

    return read


def optional[ResultT](read: Callable[[Any], ResultT]) -> Callable[[Any], ResultT | None]:
    """Return a reader that returns None for an empty response."""
    return lambda payload: None if payload is EMPTY else read(payload)


def nothing(_: Any) -> None:
    """Read nothing: the response is empty, or not known."""


def _mismatch(payload: Any, expected: str) -> GatewayInvalidResponseError:
    return GatewayInvalidResponseError(f"the response is a {type(payload).__name__} where {expected} belongs")


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

SITEMASTER_RUN: Final = Endpoint("GET", "sitemaster/run", nothing, Access.CUSTOMER_LATER, has_effect=True)
SITEMASTER_STOP: Final = Endpoint("GET", "sitemaster/stop", nothing, Access.CUSTOMER_LATER, has_effect=True)
SITEMASTER_STOP_LATER: Final = Endpoint("POST", "sitemaster/stop", nothing, Access.CUSTOMER, since="20.49")
"""Stop the Powerwall. The JSON is `{"force": false}`; while power flows, only `true` stops it."""

SITEMASTER_RUN_FOR_COMMISSIONING: Final = Endpoint(
    "POST", "sitemaster/run_for_commissioning", nothing, Access.UNKNOWN, verified=False
)
"""Start the Powerwall as the installer's wizard does at the end. The JSON is `{}`. The difference is not known."""

CONFIG_COMPLETED: Final = Endpoint(
    "GET", "config/completed", optional(object_of(Status)), Access.CUSTOMER_LATER, has_effect=True
)
V2_ISLANDING_MODE: Final = Endpoint("POST", "v2/islanding/mode", optional(json_object), Access.CUSTOMER, since="20.49")
OPERATION: Final = Endpoint("GET", "operation", object_of(Operation), Access.LOGIN)
SET_OPERATION: Final = Endpoint("POST", "operation", optional(object_of(Operation)), Access.INSTALLER)

# -- the site, its Powerwalls, and the gateway's identity --------------------------------------------------------------

POWERWALLS: Final = Endpoint("GET", "powerwalls", object_of(Powerwalls), Access.CUSTOMER_LATER)
POWERWALLS_STATUS: Final = Endpoint("GET", "powerwalls/status", object_of(Powerwalls), Access.LOGIN)
"""Read what the gateway does with its Powerwalls, without the inventory.

Raises `GatewayRefusedError` (409) on 1.15 while they run. The response of 1.15 while they are stopped was never seen.
"""

SITE_INFO: Final = Endpoint("GET", "site_info", object_of(SiteInfo), Access.CUSTOMER_LATER)
SITE_INFO_SITE_NAME: Final = Endpoint("GET", "site_info/site_name", object_of(SiteInfo), Access.CUSTOMER_LATER)
"""Read the site's name and time zone alone. They follow changes in Tesla's app."""

SET_SITE_NAME: Final = Endpoint("POST", "site_info/site_name", optional(object_of(SiteInfo)), Access.INSTALLER)
"""Rename the site, as Tesla's app can: `{"site_name": "Home"}`.

Raises `GatewayPermissionDeniedError` for a customer login.
"""

SITE_INFO_GRID_CODES: Final = Endpoint("GET", "site_info/grid_codes", json_object, Access.LOGIN, until="1.15")
"""Read the grid codes that the wizard offers, in lists by country, state and region."""

CONFIG: Final = Endpoint("GET", "config", object_of(Config), Access.LOGIN)

# -- hardware: solar inverters, generators, meters ---------------------------------------------------------------------

SOLARS: Final = Endpoint("GET", "solars", list_of(SolarInverter), Access.LOGIN)
SOLARS_BRANDS: Final = Endpoint("GET", "solars/brands", json_list, Access.LOGIN)
"""Read the brands that the wizard offers."""

SOLARS_BRAND: Final = Endpoint("GET", "solars/brands/{brand}", list_of(SolarInverter), Access.LOGIN)
"""Read the inverters of a brand that the wizard offers, for instance of `SolarEdge Technologies`."""

SOLAR_POWERWALL: Final = Endpoint("GET", "solar_powerwall", object_of(SolarPowerwall), Access.CUSTOMER, since="20.49")
GENERATORS: Final = Endpoint("GET", "generators", json_object, Access.LOGIN)
"""Read `disconnect_type`, the string `None` without a generator, and `generators`. No source shows one."""

GENERATORS_DISCONNECT_TYPES: Final = Endpoint("GET", "generators/disconnect_types", json_list, Access.LOGIN)
"""Read how a generator may be connected: `DownstreamATS`."""

METERS: Final = Endpoint("GET", "meters", list_of(InstalledMeter), Access.LOGIN)
METERS_VERIFY: Final = Endpoint("POST", "meters/{serial}/verify", nothing, Access.INSTALLER, verified=False)
"""Have the gateway look for a meter: `{"short_id": "12345", "serial": …}`, with the five digits of its short number.

No source shows the response.
"""

METERS_READINGS: Final = Endpoint("GET", "meters/readings", map_of(MeterReading), Access.LOGIN)
METERS_SITE: Final = Endpoint("GET", "meters/site", list_of(SiteMeter), Access.LOGIN, since="1.17")
"""Not in the seed. The same document has it since June 2018, when 1.17 was current."""

METERS_SOLAR: Final = Endpoint("GET", "meters/solar", list_of(SolarMeter), Access.LOGIN, since="1.17")

# -- the owner and the installer ---------------------------------------------------------------------------------------

CUSTOMER: Final = Endpoint("GET", "customer", json_object, Access.LOGIN)
"""Read the owner's address (1.15), consents (21.x) or `registered` alone (23.28)."""

CUSTOMER_REGISTRATION: Final = Endpoint(
    "GET", "customer/registration", object_of(CustomerRegistration), Access.CUSTOMER_LATER
)
CUSTOMER_REGISTRATION_LEGAL: Final = Endpoint(
    "POST", "customer/registration/legal", optional(object_of(CustomerRegistration)), Access.INSTALLER, verified=False
)
"""Set all four consents of the owner at once: `marketing`, `privacy_notice`, `limited_warranty`, `grid_services`.

Each is true, false, or null if the owner was never asked. Ask the owner first.
"""

CUSTOMER_REGISTRATION_SKIP: Final = Endpoint(
    "POST", "customer/registration/skip", nothing, Access.INSTALLER, until="1.15", verified=False
)
"""Note that the owner skipped the registration."""

CUSTOMER_REGISTRATION_EMAILED: Final = Endpoint(
    "POST", "customer/registration/emailed", nothing, Access.INSTALLER, until="1.15", verified=False
)
"""Note that the registration was sent to the owner by email."""

INSTALLER: Final = Endpoint("GET", "installer", json_object, Access.LOGIN)
"""Read who installed the system, and how it is mounted and wired (21.39).

`customer_id` is the owner's number at the company. `run_sitemaster` is true while the Powerwall runs, else absent.
"""

INSTALLER_COMPANIES: Final = Endpoint("GET", "installer/companies", json_list, Access.LOGIN)
"""Read all companies that install Powerwalls: thousands, 595 kB.

Each has `company`, `customer_id` (its number at Tesla, `AN-0000059`) and from 21.x on `country` (two letters).
"""

# -- the gateway's firmware, tests and log -----------------------------------------------------------------------------

STATUS: Final = Endpoint("GET", "status", object_of(Status), Access.NONE)
SYSTEM_UPDATE_STATUS: Final = Endpoint(
    "GET", "system/update/status", object_of(SystemUpdate), Access.CUSTOMER_LATER, has_effect=True
)
SYSTEM_UPDATE: Final = Endpoint("POST", "system/update", nothing, Access.UNKNOWN, since="20.49")
SYSTEM_UPDATE_FORCED: Final = Endpoint("POST", "system/update?force=true", nothing, Access.UNKNOWN, since="20.49")
"""Do the same as `SYSTEM_UPDATE`, also when the gateway would not."""

SYSTEM_TESTING: Final = Endpoint("GET", "system/testing", json_object, Access.LOGIN)
"""Read the result of the installer's charge test. This does not start one.

`status` is `TestPassed` or `TestNotRun`. `charge_tests` has the setpoint of each step in W, charging -. `meter_results`
has for each step a list of readings: `Power` in W, `CT` (1 to 4), `Serial` (on 1.15 with a leading blank) and `Type`
(`site`, `solar`). `inverter_results`, `errors` and `tests` were only ever seen null.
"""

LOGGING: Final = Endpoint("POST", "logging", nothing, Access.UNKNOWN, verified=False)
"""Write a line into the gateway's log. The seed names the fields `level` and `log`, but not their values."""

TROUBLESHOOTING_PROBLEMS: Final = Endpoint(
    "GET", "troubleshooting/problems", object_of(TroubleshootingProblems), Access.CUSTOMER, since="20.49"
)

# -- networks ----------------------------------------------------------------------------------------------------------

NETWORKS: Final = Endpoint("GET", "networks", list_of(NetworkInterface), Access.LOGIN)
CONFIGURE_NETWORK: Final = Endpoint("POST", "networks", nothing, Access.UNKNOWN, verified=False)
"""Add a network: `interface` (an `InterfaceType`), `network_name` and `security_type`.

The seed names these three fields, but not where a password goes. A wrong network can make the gateway unreachable.
"""

ENABLE_NETWORK: Final = Endpoint("POST", "networks/{name}/enable", nothing, Access.UNKNOWN, verified=False)
"""Use a configured network."""

DISABLE_NETWORK: Final = Endpoint("POST", "networks/{name}/disable", nothing, Access.UNKNOWN, verified=False)
"""Stop using a configured network. If the request comes over this network, the gateway becomes unreachable."""

SYSTEM_NETWORKS: Final = Endpoint("GET", "system/networks", list_of(Network), Access.INSTALLER, until="1.15")
"""Read the configured networks."""

NETWORKS_WIFI_SECURITY_TYPES: Final = Endpoint(
    "GET", "networks/wifi_security_types", json_list, Access.INSTALLER, until="1.15"
)
"""Read the types of Wi-Fi security: `NONE`, `WEP`, `WPAorWPA2_Personal`."""

NETWORKS_WIFI_SCAN: Final = Endpoint(
    "POST", "networks/wifi_scan", json_list, Access.INSTALLER, until="1.15", verified=False
)
"""Scan for Wi-Fi networks. No source shows the response: a list like that of `NETWORKS_ACCESS_POINTS` is expected."""

NETWORKS_REQUEST_SCAN_WIFI: Final = Endpoint(
    "POST", "networks/request_scan_wifi", nothing, Access.UNKNOWN, since="20.49"
)
"""Scan for Wi-Fi networks. `NETWORKS_ACCESS_POINTS` has them afterwards."""

NETWORKS_ACCESS_POINTS: Final = Endpoint("GET", "networks/access_points", json_list, Access.CUSTOMER, since="20.49")
"""Read the Wi-Fi networks that the last scan found, each with its `signal_strength` in %."""

START_CONNECTION_TESTS: Final = Endpoint("POST", "system/networks/conn_tests", nothing, Access.UNKNOWN)
CONNECTION_TESTS: Final = Endpoint("GET", "system/networks/conn_tests", object_of(ConnectionTests), Access.LOGIN)
PING_TEST: Final = Endpoint("GET", "system/networks/ping_test", json_object, Access.LOGIN)
"""Read a ping test. How to start one is not known.

21.39 returns `{"Error": {}}`: Go encodes an error like that, without its message.
"""

# -- the session -------------------------------------------------------------------------------------------------------

LOGIN: Final = Endpoint("POST", "login/Basic", object_of(Session), Access.NONE)
LOGOUT: Final = Endpoint("GET", "logout", nothing, Access.NONE, has_effect=True)

# The switch of a Powerwall proves that someone is on site: it is turned off and on while the gateway watches. The
# installer login requires that from 1.50 on.

AUTH_TOGGLE_SUPPORTED: Final = Endpoint("GET", "auth/toggle/supported", json_object, Access.NONE, since="20.49")
"""Read whether the gateway can watch the switch of a Powerwall, as `toggle_auth_supported`: only while it runs."""

AUTH_TOGGLE_START: Final = Endpoint("POST", "auth/toggle/start", nothing, Access.NONE, since="20.49")
"""Start watching. Now someone turns one Powerwall off and on, which stops it while it is off."""

AUTH_TOGGLE_LOGIN: Final = Endpoint(
    "POST", "auth/toggle/login", optional(object_of(Session)), Access.NONE, since="20.49", verified=False
)
"""Log in by the switch. No source shows the response, so the client keeps the session that it has.

Raises `GatewayRefusedError` until the switch was turned off and on (417), or if the gateway does not watch (400).
"""

AUTH_TOGGLE_CANCEL: Final = Endpoint("DELETE", "auth/toggle/login", nothing, Access.NONE, since="20.49")
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
