"""The client: reads and commands of one gateway, with a login where one is required."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf, isfinite
from time import monotonic
from typing import Any, Final, Self

from aiohttp import ClientSession
import orjson

from . import endpoints
from .auth import Credentials, SessionManager
from .endpoints import EMPTY, Endpoint, Method, optional
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayNotFoundError,
    GatewayRefusedError,
)
from .firmware import Capabilities
from .models import (
    Config,
    ConnectionTests,
    CustomerRegistration,
    Din,
    GridFault,
    GridStatus,
    InstalledMeter,
    IslandMode,
    MeterReading,
    MetersAggregates,
    NetworkInterface,
    Operation,
    OperationMode,
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
from .scheduler import RequestScheduler
from .transport import NO_CERTIFICATE, Address, PathWithArguments, Response, Transport, open_session, unpacked

_KEPT_RESPONSES: Final = 32
_KEPT_BYTES: Final = 65_536
"""Number of responses that are kept for comparison, and the largest size of one. Polled ones are fewer and smaller."""

ABSENT_FOR: Final = 900.0
ABSENT_WHILE_STARTING: Final = 60.0
"""Seconds for which a path counts as missing after a 404."""

STARTING: Final = 300.0
"""Seconds after its start in which a gateway may return 404 for paths that it has."""

_DIN_PATH: Final = "/tedapi/din"


class PowerwallGateway:
    """One gateway.

        async with PowerwallGateway("192.168.1.50", password="12345") as gateway:
            print((await gateway.meters_aggregates()).site.instant_power)

    `host` is an IP address or a name, with a port if it is not the standard one. `connect`, which `async with` calls,
    detects HTTPS or HTTP (before 1.20), and trusts the certificate that it finds, and no other, until `close`. With a
    `fingerprint` (SHA-256) of an earlier connection only that certificate is trusted from the start. `host` may also
    be a `Transport` that is set up already.

    `password` is the customer's. Pass `Credentials` for another user. Without either, only paths that require no login
    are available. If you pass a `session`, it is used and not closed.

    Every method raises subclasses of `GatewayError`, and ValueError for wrong arguments. Some of the errors are:

    - `GatewayStoppedError` from live data while the Powerwall is stopped
    - `GatewayAuthenticationRequiredError` if a login is required, or has no permission
    - `GatewayNotFoundError` if the firmware does not have the path

    With credentials, a denied call logs in once and is repeated, but never on firmware where a login stops the
    Powerwall. `on_result` is called after every read with its path and its error, None if it succeeded.
    """

    def __init__(
        self,
        host: str | Transport,
        password: str | Credentials | None = None,
        *,
        session: ClientSession | None = None,
        fingerprint: bytes | None = None,
        on_result: Callable[[str, GatewayError | None], object] | None = None,
    ) -> None:
        self._own_session: ClientSession | None = None
        if isinstance(host, Transport):
            self.connection = host
        else:
            address = Address.parse(host)
            if session is None:
                session = self._own_session = open_session()
            self.connection = Transport(session, address, fingerprint=fingerprint or NO_CERTIFICATE)
        self._on_result = on_result
        credentials = Credentials(password=password) if isinstance(password, str) else password
        self._login = SessionManager(self.connection, credentials)
        self._version: str | None = None  #: The one that was read last
        self._started = -inf  #: Monotonic time of the gateway's start, by the up time that was read last
        self._missing: dict[str, float] = {}  #: Monotonic time until which a path counts as missing

        self._seen_paths: set[str] = set()
        """Paths that this firmware has. If one returns 404 later, the gateway is starting."""

        self._kept_responses: dict[str, tuple[bytes, Any]] = {}
        """The last response by path, as bytes and as the model. The newest is last."""

    async def connect(self) -> None:
        """Detect how the gateway is reached, if this is not known yet. Raises `GatewayConnectionError`."""
        if self.connection.fingerprint == NO_CERTIFICATE:
            await self.connection.connect()

    async def close(self) -> None:
        """Log out, and close the HTTP session unless it was passed in."""
        try:
            with suppress(GatewayError):
                await self.logout()
        finally:
            if self._own_session:
                await self._own_session.close()

    async def __aenter__(self) -> Self:
        """Connect."""
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    # -- what is known of the gateway and the session ------------------------------------------------------------------

    @property
    def scheduler(self) -> RequestScheduler:
        """Return the scheduler of this gateway's requests."""
        return self.connection.scheduler

    @property
    def has_credentials(self) -> bool:
        """Return True if there are credentials to log in with."""
        return self._login.possible

    @property
    def has_session(self) -> bool:
        """Return True if there is a session. The gateway may have ended it already."""
        return self._login.is_good

    @property
    def login_refusals(self) -> int:
        """Return how many logins in a row the gateway refused."""
        return self._login.refusals

    @property
    def capabilities(self) -> Capabilities:
        """Return what the gateway is known to support, by its responses so far."""
        now = monotonic()
        missing = frozenset(path for path, until in self._missing.items() if now < until)
        return Capabilities(status=self._login.status, roles=self.roles, missing=missing)

    @property
    def absent_for(self) -> float:
        """Return the seconds for which a path counts as missing after a 404: fewer while the gateway is starting."""
        return ABSENT_WHILE_STARTING if monotonic() - self._started < STARTING else ABSENT_FOR

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles of the session: `Home_Owner`, `Provider_Engineer`, … Empty without a session."""
        return (self._login.session and self._login.session.roles) or ()

    def export_login(self) -> dict[str, Any]:
        """Return the session and the wait after failed logins as JSON, to keep over a restart. It is a secret."""
        return self._login.export()

    def restore_login(self, exported: object) -> None:
        """Restore what `export_login` returned. Invalid values are ignored."""
        self._login.restore(exported)

    async def login(self, *, allow_stop: bool = False, status: Status | None = None) -> Session:
        """Log in with the credentials, unless there is a session.

        Raises `GatewayLoginError` if the login is refused. Raises `GatewayAuthenticationRequiredError`
        (`stops_powerwall`), and sends nothing, if a login stops the Powerwall (below 20.49). `allow_stop` logs
        in all the same. Call `sitemaster_run` afterwards, even if the login fails.

        `status` is one that the caller has just read. Otherwise it is read before the login.
        """
        return await self._login.renew(allow_stop=allow_stop, status=status)

    async def logout(self) -> None:
        """End the session at the gateway."""
        await self._login.end()

    # -- any endpoint --------------------------------------------------------------------------------------------------

    async def call[ResultT](
        self, endpoint: Endpoint[ResultT], json: Mapping[str, Any] | None = None, /, **arguments: str
    ) -> ResultT:
        """Call an endpoint of the table in `endpoints`: `await gateway.call(endpoints.GENERATORS)`.

        `arguments` fill in the path: `await gateway.call(endpoints.SOLARS_BRAND, brand="Tesla")`. Use `login` and
        `logout` for the session. Raises ValueError for their endpoints, and for an argument that leads to another one.
        """
        if endpoint in {endpoints.LOGIN, endpoints.LOGOUT}:
            raise ValueError("use the methods login and logout")
        path = PathWithArguments(endpoint.path, **arguments) if arguments else endpoint.path
        if endpoint.idempotent:
            return await self._read(endpoint, path)
        response = await self._request(endpoint.method, path, json, once=True)
        return _parse(response, path, endpoint.model, may_be_empty=True)

    async def get(self, path: str, *, once: bool = False) -> Any:
        """Return the decoded JSON of any path. Set `once` if it may have an effect; no content returns None then."""
        as_it_is = optional(lambda payload: payload)
        return await self._get(path, lambda response: _parse(response, path, as_it_is, may_be_empty=once), once=once)

    async def peek(self, path: str) -> Any:
        """Return the decoded JSON of any path, with the present session.

        It does not log in, and does not change what is known of the gateway. Raises
        `GatewayAuthenticationRequiredError` if a login is required.
        """
        response = await self.connection.request("GET", path, headers=self._login.headers)
        return _parse(response, path, lambda payload: payload)

    # -- live data: `GatewayStoppedError` while the Powerwall is stopped -----------------------------------------------

    async def meters_aggregates(self) -> MetersAggregates:
        """Return the present power and the lifetime energies."""
        return await self.call(endpoints.METERS_AGGREGATES)

    async def system_status(self) -> SystemStatus:
        """Return state of charge, island state and every battery block in one response. Not on a Powerwall 3."""
        return await self.call(endpoints.SYSTEM_STATUS)

    async def soe(self) -> StateOfEnergy:
        """Return the state of charge."""
        return await self.call(endpoints.SOE)

    async def grid_status(self) -> GridStatus:
        """Return the state of the grid connection."""
        return await self.call(endpoints.GRID_STATUS)

    async def system_status_grid_faults(self) -> tuple[GridFault, ...]:
        """Return the present grid faults. On 1.15 the list was only ever seen empty."""
        return await self.call(endpoints.SYSTEM_STATUS_GRID_FAULTS)

    async def sitemaster(self) -> Sitemaster:
        """Return whether the Powerwall runs, and the connection to Tesla. Responds while it is stopped, too."""
        return await self.call(endpoints.SITEMASTER)

    # -- the gateway, the site and its hardware ------------------------------------------------------------------------

    async def status(self) -> Status:
        """Return firmware, up time and identity. A Powerwall 3 returns 404.

        If the firmware has changed, forget which paths it has and which it lacks.
        """
        status = await self.call(endpoints.STATUS)
        if status.version is not None and status.version != self._version:
            self._missing.clear()
            self._seen_paths.clear()
            self._version = status.version
        if status.up_time is not None:
            self._started = monotonic() - status.up_time.total_seconds()
        self._login.note(status)
        return status

    async def config(self) -> Config:
        """Return the gateway's identity number."""
        return await self.call(endpoints.CONFIG)

    async def site_info(self) -> SiteInfo:
        """Return the site's name, size and grid code."""
        return await self.call(endpoints.SITE_INFO)

    async def powerwalls(self) -> Powerwalls:
        """Return the inventory of Powerwalls."""
        return await self.call(endpoints.POWERWALLS)

    async def powerwall_serials(self) -> frozenset[str]:
        """Return the serials of the Powerwalls."""
        units = (await self.powerwalls()).powerwalls or ()
        return frozenset(unit.serial_number for unit in units if unit.serial_number)

    async def solars(self) -> tuple[SolarInverter, ...]:
        """Return the solar inverters that are configured."""
        return await self.call(endpoints.SOLARS)

    async def solar_powerwall(self) -> SolarPowerwall:
        """Return inverter, strings and alerts of a Powerwall+ or a Tesla inverter. Others do not have this path."""
        return await self.call(endpoints.SOLAR_POWERWALL)

    async def meters(self) -> tuple[InstalledMeter, ...]:
        """Return the installed meters, and what their inputs measure."""
        return await self.call(endpoints.METERS)

    async def meters_readings(self) -> dict[str, MeterReading]:
        """Return every input of every meter by the meter's serial.

        From 20.49 on it has values only while the Powerwall is stopped. Otherwise the `error` of each meter says so.
        """
        return await self.call(endpoints.METERS_READINGS)

    async def meters_site(self) -> tuple[SiteMeter, ...]:
        """Return the grid meters by phase. Empty if there is none."""
        return await self.call(endpoints.METERS_SITE)

    async def meters_solar(self) -> tuple[SolarMeter, ...]:
        """Return the solar meters by phase. Empty if there is none, as on a Powerwall+."""
        return await self.call(endpoints.METERS_SOLAR)

    async def customer_registration(self) -> CustomerRegistration:
        """Return the owner's consents, and the state of the registration."""
        return await self.call(endpoints.CUSTOMER_REGISTRATION)

    async def networks(self) -> tuple[NetworkInterface, ...]:
        """Return the gateway's interfaces and their networks, in any form that firmware has had for them."""
        return await self.call(endpoints.NETWORKS)

    async def troubleshooting_problems(self) -> TroubleshootingProblems:
        """Return the problems that the gateway reports. Responds while the Powerwall is stopped, too."""
        return await self.call(endpoints.TROUBLESHOOTING_PROBLEMS)

    async def system_update_status(self) -> SystemUpdate:
        """Return the state of an update.

        Below 20.49 this may start a check for new firmware, and with it an update that stops the battery for about
        15 minutes (seed). Do not poll it there. On every firmware the request is sent once, without a retry.
        """
        return await self._read(endpoints.SYSTEM_UPDATE_STATUS, endpoints.SYSTEM_UPDATE_STATUS.path)

    async def system_update(self) -> None:
        """Look for new firmware and install it, which stops the battery for about 15 minutes.

        The gateway accepts it (202) before it is done. Poll `system_update_status`.
        """
        await self.call(endpoints.SYSTEM_UPDATE)

    async def connection_tests(self) -> ConnectionTests:
        """Return the state of the running connection tests, or the result of the last ones."""
        return await self.call(endpoints.CONNECTION_TESTS)

    async def start_connection_tests(self) -> None:
        """Start the connection tests, which interrupt nothing. Poll `connection_tests`."""
        await self.call(endpoints.START_CONNECTION_TESTS)

    # -- control: changes what the battery does ------------------------------------------------------------------------

    async def operation(self) -> Operation:
        """Return operation mode and backup reserve."""
        return await self.call(endpoints.OPERATION)

    async def set_operation(
        self, *, mode: OperationMode, reserve_raw: float, max_pv_export_power_kw: float | None = None
    ) -> Operation | None:
        """Store operation mode and backup reserve, both at once. They take effect with `config_completed`.

        `reserve_raw` is in percent of the gateway's scale: see `raw_from_app`. The limit of solar export is in kW, and
        is not sent if it is None. Returns the gateway's response, if it has content: an echo on 1.15.

        Firmware before 1.21 has another key for the mode, so the status is read first if it is not known.

        Raises `GatewayRefusedError` for a mode that the gateway does not accept: all but self-consumption and backup.
        Raises ValueError for an invalid reserve or limit, and sends nothing.
        """
        if not 0 <= reserve_raw <= 100:
            raise ValueError(f"a reserve of {reserve_raw} % is not between 0 and 100: nothing was sent")
        if max_pv_export_power_kw is not None and not isfinite(max_pv_export_power_kw):
            raise ValueError(f"{max_pv_export_power_kw} kW is no limit: nothing was sent")
        if self.capabilities.status is None:
            with suppress(GatewayNotFoundError):
                await self.status()
        wanted = {self.capabilities.operation_mode_key: mode, "backup_reserve_percent": reserve_raw}
        if max_pv_export_power_kw is not None:
            wanted["max_pv_export_power_kW"] = max_pv_export_power_kw
        return await self.call(endpoints.SET_OPERATION, wanted)

    async def config_completed(self) -> Status | None:
        """Put the whole stored configuration into effect, including that of an unfinished wizard.

        The battery follows a new mode or reserve at once (1.15) or within a minute (1.43). Up to 1.42 the response is
        empty (202, None). Later it is the status, with a `commission_count` that rose by 1.
        """
        return await self.call(endpoints.CONFIG_COMPLETED)

    async def sitemaster_run(self) -> None:
        """Start the Powerwall. The gateway returns 202 before it is done: `sitemaster` shows it 2 seconds later.

        A Powerwall that runs already continues to run.
        """
        await self.call(endpoints.SITEMASTER_RUN)

    async def sitemaster_stop(self, *, force: bool = False) -> None:
        """Stop the Powerwall: no charging, no discharging, no backup and no live data until `sitemaster_run`.

        In a grid outage the home loses power. The Powerwall does not start by itself: use `StopSupervisor`.
        Raises `GatewayRefusedError` if the gateway cannot stop it now (500, "Cannot Start Wizard"). `force` stops it
        anyway where the firmware supports that.

        1.15 stops by a GET. Later firmware returns 405 for a GET, which stops nothing, and stops by a POST.
        """
        try:
            await self.call(endpoints.SITEMASTER_STOP)
        except GatewayRefusedError as err:
            if err.status != 405:
                raise
            await self.call(endpoints.SITEMASTER_STOP_LATER, {"force": force})

    async def v2_islanding_mode(self, *, off_grid: bool) -> dict[str, Any] | None:
        """Go off-grid, or reconnect to the grid.

        Off-grid, solar and battery supply the home until it reconnects by command or by the gateway's own failsafe.
        `grid_status` shows going off-grid within 3 seconds, and a reconnection after about 20 seconds. Returns the
        gateway's response, if it has content: an echo.
        """
        mode = IslandMode.OFF_GRID if off_grid else IslandMode.ON_GRID
        return await self.call(endpoints.V2_ISLANDING_MODE, {"island_mode": mode})

    async def has_islanding(self) -> bool:
        """Return True if the gateway has `v2_islanding_mode`, by a GET, which has no effect.

        The gateway returns 405 if it has the path, and 404 if it does not (a Powerwall 3). Raises a subclass of
        `GatewayError` for anything else, for instance a 500.
        """
        path = endpoints.V2_ISLANDING_MODE.path
        try:
            await self._request("GET", path, once=True)
        except GatewayNotFoundError:
            self._note_missing(path)
            return False
        except GatewayRefusedError as err:
            if err.status != 405:
                raise
        return True

    # -- the DIN for signed requests -----------------------------------------------------------------------------------

    async def tedapi_din(self) -> str:
        """Return the DIN that signed requests have to contain: `GET /tedapi/din`, outside of `/api/`.

        Raises `GatewayNotFoundError` if the firmware has no signed requests.
        """
        try:
            response = await self._request("GET", _DIN_PATH, as_bearer=True)
        except GatewayNotFoundError:
            self._note_missing(_DIN_PATH)
            raise
        din = unpacked(response.body, _DIN_PATH).decode(errors="replace").strip()
        if Din.parse(din) is None:
            raise GatewayInvalidResponseError(
                "the response is no number of a gateway", path=_DIN_PATH, status=response.status
            )
        self._missing.pop(_DIN_PATH, None)
        return din

    async def signing_din(self) -> str:
        """Return the DIN that signed requests have to contain, from another path if `/tedapi/din` is denied.

        Firmware 26.2.1 on a Gateway 2 returns 403 for `/tedapi/din` (pypowerwall, issue 284). There the DIN is read
        from `status`, or else from `config`. If neither has one, raises the error of `/tedapi/din`. Raises
        `GatewayNotFoundError` on firmware without signed requests.
        """
        try:
            return await self.tedapi_din()
        except GatewayAuthenticationRequiredError as err:
            if err.stops_powerwall:
                raise
            with suppress(GatewayError):
                if (din := (await self.status()).din) and Din.parse(din):
                    return din.strip()
            with suppress(GatewayError):
                if (din := (await self.config()).vin) and Din.parse(din):
                    return din.strip()
            raise

    # -- requests ------------------------------------------------------------------------------------------------------

    async def _read[ResultT](self, endpoint: Endpoint[ResultT], path: str) -> ResultT:
        """Read a model, and note whether the path returned it or failed."""
        return await self._get(
            path, lambda response: self._parse_cached(response, path, endpoint.model), once=not endpoint.idempotent
        )

    def _parse_cached[ResultT](self, response: Response, path: str, model: Callable[[Any], ResultT]) -> ResultT:
        """Return the model of a response. The same bytes as last time return the same object."""
        kept = self._kept_responses.pop(path, None)
        result: ResultT = kept[1] if kept and kept[0] == response.body else _parse(response, path, model)
        if len(response.body) <= _KEPT_BYTES:
            self._kept_responses[path] = response.body, result
            if len(self._kept_responses) > _KEPT_RESPONSES:
                del self._kept_responses[next(iter(self._kept_responses))]
        return result

    async def _get[ResultT](self, path: str, read: Callable[[Response], ResultT], *, once: bool) -> ResultT:
        try:
            result = read(await self._request("GET", path, once=once))
        except GatewayError as err:
            if isinstance(err, GatewayNotFoundError) and err.path == path and path not in self._seen_paths:
                self._note_missing(path)
            if self._on_result:
                self._on_result(path, err)
            raise
        self._missing.pop(path, None)
        self._seen_paths.add(path)
        if self._on_result:
            self._on_result(path, None)
        return result

    def _note_missing(self, path: str) -> None:
        """Note a path that this firmware lacks. It expires, because a gateway that is starting may return 404."""
        self._missing[path] = monotonic() + self.absent_for

    async def _request(
        self,
        method: Method,
        path: str,
        json: Mapping[str, Any] | None = None,
        *,
        once: bool = False,
        as_bearer: bool = False,
    ) -> Response:
        """Send a request with the session. If it is denied, log in and send it again."""

        async def send() -> Response:
            headers = self._login.bearer if as_bearer else self._login.headers
            return await self.connection.request(method, path, json=json, headers=headers, once=once)

        session = self._login.session
        try:
            response = await send()
        except GatewayAuthenticationRequiredError as err:
            if not self._login.possible:
                raise
            denial = err
        else:
            self._login.accepted(path)
            return response
        # A denied request had no effect, so it is safe to send it again.
        await self._login.renew(spent=session, denied=denial)
        try:
            response = await send()
        except GatewayAuthenticationRequiredError as err:
            raise self._login.still_denied(err) from err
        self._login.accepted(path, renewed=True)
        return response


def _parse[ResultT](
    response: Response, path: str, model: Callable[[Any], ResultT], *, may_be_empty: bool = False
) -> ResultT:
    """Return the model of a response's JSON. The content type is ignored: firmware 1.43 declares text/plain."""
    try:
        payload = EMPTY if may_be_empty and not response.body.strip() else orjson.loads(response.body)
        return model(payload)
    except orjson.JSONDecodeError as err:
        raise GatewayInvalidResponseError("the response is no JSON", path=path, status=response.status) from err
    except GatewayInvalidResponseError as err:
        err.path, err.status = path, response.status
        raise
