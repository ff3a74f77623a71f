"""After every poll of a loaded entry: store the session, log in if that is allowed, and raise repair issues."""

from collections.abc import Awaitable
from datetime import timedelta
import logging
from typing import Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from . import issues
from .alert_meanings import MEANINGS, must_act
from .const import CONF_SERIAL, DOMAIN
from .coordinator import EndpointResult
from .data import PowerwallGatewayConfigEntry
from .estimates import IDLE_POWER
from .gateway import (
    Credentials,
    GatewayConnectionError,
    GatewayError,
    GatewayKeyError,
    GatewayLoginError,
    LoginProblem,
    app_from_raw,
)
from .gateway.models import GridState, MetersAggregates, OperationMode
from .hub import SAFETY_TIMINGS
from .storage import EntryStore, Purpose
from .sub_devices import active_alerts, battery_blocks, powerwalls

_LOGGER = logging.getLogger(__name__)

POLLS_BEFORE_STOPPED: Final = 2
"""Polls in a row that have to find the Powerwall stopped: one that was started a moment ago does not run yet."""

UNREACHABLE_FOR: Final = 3600.0
"""Seconds without a response: a gateway that restarts, or installs new firmware, is back before."""

LATE: Final = timedelta(minutes=10)
"""Time for which the backup reserve could not be restored. Attempts continue every minute."""

FAULT_FOR: Final = 60.0
"""Seconds for which a Powerwall reports the same fault: while it starts it may report one for a moment."""

ALERT_FOR: Final = 300.0
"""Seconds for which an alert is active: a restart, an update or the start of an outage raise some for a moment."""

IDLE_FOR: Final = 2 * 86400.0
"""Seconds in which the battery could have charged or discharged, and did not. They start at 0 after a restart."""

_WORTH_IT: Final = 300.0
"""W of solar too much, or too little, from which on a battery charges or discharges."""

_FULL: Final = 90.0
_ABOVE_RESERVE: Final = 5.0
"""App % from which on the battery may count itself as full, or as empty."""

_BELOW_RESERVE: Final = 2.0
"""App % below the reserve at which a battery that still discharges does not follow it."""

_LONGEST_STEP: Final = 60.0
"""Seconds that one poll counts for at most."""

_UNREACHABLE_SINCE: HassKey[dict[str, float]] = HassKey(f"{DOMAIN}.unreachable_since")
"""Monotonic, by entry. It outlives the entry, which is not loaded while a gateway is away at start."""


class EntryMonitor:
    """Check one loaded entry after every poll."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, store: EntryStore) -> None:
        self._hass = hass
        self._entry = entry
        self._data = entry.runtime_data
        self._store = store
        self._found_stopped = 0
        self._sitemaster_at = 0.0
        """Monotonic time of the last response that was counted, in seconds."""

        self._key_issue: issues.Issue | None = None
        self._checked_key: EndpointResult[bool] | None = None
        """Result of the last check of the key that was looked at."""

        self._noted_permissions = self._permissions
        self._logs_in = self._needs_login
        self._idle_seconds = 0.0
        """Seconds since the battery last moved in which it could have."""

        self._last_live_poll = 0.0
        self._faults: dict[str, tuple[str, float]] = {}
        """By the Powerwall's serial: the fault, and since when."""

        self._alerts: dict[str, dict[str, float]] = {}
        """By source: the alerts to act on, and since when."""

        self._shows_alerts = False

    @callback
    def async_start(self) -> None:
        """Start the checks, until the entry is unloaded."""
        for coordinator, check in (
            (self._data.grid, self._check_grid),
            (self._data.settings, self._check_off_grid),
            (self._data.live, self._check_session),
            (self._data.settings, self._check_settings),
            (self._data.live, self._check_live),
            (self._data.detail, self._check_replaced),
            (self._data.live, self._check_alerts),
        ):
            self._entry.async_on_unload(coordinator.async_add_listener(check))

    def _set_issue(self, issue: issues.Issue, *, active: bool, **placeholders: str) -> None:
        issues.async_set_issue(self._hass, issue, self._entry.entry_id, active=active, **placeholders)

    # -- the grid, the login and the session ---------------------------------------------------------------------------

    @property
    def _needs_login(self) -> bool:
        """Return whether mode and reserve are read with a login only, of the kind that stops the Powerwall."""
        gateway = self._data.gateway
        return self._data.control.consented and gateway.capabilities.login_stops_powerwall and not gateway.has_session

    @callback
    def _check_grid(self) -> None:
        log = self._data.grid.data.log.value
        if log and log != self._store.grid:
            self._hass.async_create_task(self._store.async_set_grid(log))
        if self._data.control.off_grid.is_over:
            self._hass.async_create_task(self._data.control.off_grid.async_set_return_charge(None))
        # Once, and only as soon as the supervisor would do it. Later logins are for the owner to start.
        if (
            self._logs_in
            and self._data.grid.connected_for() >= SAFETY_TIMINGS.connected
            and not self._data.control.busy
        ):
            self._logs_in = False
            self._entry.async_create_background_task(self._hass, self._log_in(), f"{self._entry.title} login")

    async def _log_in(self) -> None:
        refused = False
        try:
            await self._data.control.async_log_in()
        except HomeAssistantError as err:
            refused = isinstance(err.__cause__, GatewayLoginError) and err.__cause__.about_password
            _LOGGER.warning(
                "Could not read the operation mode and backup reserve of %s: %s", self._entry.title, err.__cause__
            )
        self._set_issue(issues.LOGIN_REFUSED, active=refused)

    @callback
    def _check_off_grid(self) -> None:
        control = self._data.control
        if control.consented and control.off_grid.island.is_unknown:
            self._entry.async_create_task(self._hass, self._check_islanding())

    async def _check_islanding(self) -> None:
        try:
            await self._data.control.off_grid.island.detect()
        except GatewayError as err:
            _LOGGER.debug("Could not read yet if the home can go off-grid: %s", err)
        self._data.grid.async_update_listeners()

    @callback
    def _check_session(self) -> None:
        if self._data.gateway.has_session:
            # The gateway refused a password that it accepts again.
            for flow in self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH}):
                self._hass.config_entries.flow.async_abort(flow["flow_id"])
        control, name = self._data.control, self._entry.title
        if control.off_grid.is_due:
            self._start(control.off_grid.async_return(), f"reconnect {name} to the grid")
        if control.temporary.is_due:
            self._start(control.temporary.async_end(*Purpose), f"restore the backup reserve of {name}")
        if control.dispatch.is_left:
            self._start(control.dispatch.async_end(), f"end the dispatch of {name}")

    def _start(self, change: Awaitable[None], name: str) -> None:
        """Start a change in the background. A later poll starts it again if it fails."""

        async def run() -> None:
            try:
                await change
            except HomeAssistantError as err:
                _LOGGER.warning("Could not %s yet: %s", name, err.__cause__)

        self._entry.async_create_background_task(self._hass, run(), name)

    # -- settings, the signing key and permissions ---------------------------------------------------------------------

    @callback
    def _check_settings(self) -> None:
        login = self._data.gateway.export_login()
        if any(login[key] != self._store.login.get(key) for key in ("session", "firmware")):
            self._hass.async_create_task(self._store.async_set_login(login))
        control, settings = self._data.control, self._data.settings.data
        sitemaster = settings.sitemaster
        running = sitemaster.value.running if sitemaster.value else None
        if running is not None:
            if running or control.busy:
                self._found_stopped = 0
            elif sitemaster.at != self._sitemaster_at:  # else the listeners were called without a poll
                self._found_stopped += 1
            self._sitemaster_at = sitemaster.at
            if running or self._found_stopped >= POLLS_BEFORE_STOPPED:
                self._set_issue(issues.STOPPED, active=not running)
        self._set_issue(
            issues.LOGIN_NEEDED, active=bool(running and self._needs_login and not self._logs_in and not control.busy)
        )
        self._check_key(settings.key)
        self._set_issue(
            issues.CONTROL_REFUSED, active=control.worked and not control.can_set_operation and self._key_issue is None
        )
        self._note_permissions()
        self._check_reserve()

    def _check_reserve(self) -> None:
        temporary = self._data.control.temporary
        current = temporary.current
        # A full backup that the gateway does by itself ends by itself.
        is_late = current and current.event_end is None and dt_util.utcnow() - current.until >= LATE
        issues.async_set_reserve_issue(self._hass, self._entry, current.before if current and is_late else None)
        self._check_replaced()

    @callback
    def _check_replaced(self) -> None:
        if self._data.control.temporary.may_be_replaced:
            self._entry.async_create_task(self._hass, self._read_reserve())

    async def _read_reserve(self) -> None:
        try:
            await self._data.control.temporary.async_check()
        except GatewayError as err:
            _LOGGER.debug("Could not read yet if the backup reserve was changed: %s", err)

    def _check_key(self, key: EndpointResult[bool]) -> None:
        """Show why the signing key does not work, until it does; what may pass by itself has to last for two polls."""
        if self._data.control.signed is not None and not key.value:
            found, before = issues.of_key(key.error), self._key_issue
            if found is None or key is self._checked_key:
                return  # the gateway did not respond, which proves nothing about the key, or was not polled again
            self._key_issue, self._checked_key = found, key
            if found is not before and not isinstance(key.error, GatewayKeyError):
                return
        else:
            self._key_issue = None
        for issue in issues.KEY.values():
            self._set_issue(issue, active=issue is self._key_issue)

    @property
    def _permissions(self) -> tuple[bool, bool, bool]:
        control = self._data.control
        return control.can_set_operation, control.can_go_off_grid, control.can_set_grid_policy

    def _note_permissions(self) -> None:
        """Update what can be set when that changes: a key that is rejected or accepted again changes no value."""
        if (permissions := self._permissions) != self._noted_permissions:
            self._noted_permissions = permissions
            for coordinator in (self._data.settings, self._data.detail, self._data.grid):
                coordinator.async_update_listeners()

    # -- the gateway, the Powerwalls and the battery -------------------------------------------------------------------

    @callback
    def _check_live(self) -> None:
        error = self._data.live.data.meters.error
        async_note_response(self._hass, self._entry, error)
        if error is None:
            self._check_packs()
            self._check_battery()
            self._check_hold()

    def _check_packs(self) -> None:
        """Show which Powerwalls are disabled, by the numbers that their devices have, and why."""
        if (blocks := battery_blocks(self._data).fresh) is None:
            return
        now = self._hass.loop.time()
        reported = {
            serial: ", ".join(block.disabled_reasons) for serial, block in blocks.items() if block.disabled_reasons
        }
        self._faults = {
            serial: known if (known := self._faults.get(serial, ("", 0.0)))[0] == fault else (fault, now)
            for serial, fault in reported.items()
        }
        lasting = {serial: fault for serial, (fault, since) in self._faults.items() if now - since >= FAULT_FOR}
        numbered = [
            f"Powerwall {number} ({issues.escape_markdown(lasting[device.id])})"
            for number, device in enumerate(powerwalls(self._data), start=1)
            if device.id in lasting
        ]
        if numbered or not reported:  # after a restart a fault has to last again before it is shown; it is not over
            self._set_issue(issues.PACK_FAULT, active=bool(numbered), packs=issues.SEPARATOR.join(numbered))

    @callback
    def _check_alerts(self) -> None:
        """Show the alerts that someone can do something about, until they clear."""
        now = self._hass.loop.time()
        for source, names in active_alerts(self._data).items():
            known = self._alerts.get(source, {})
            self._alerts[source] = {name: known.get(name, now) for name in names if must_act(name)}
        if self._key_issue:  # without a key that works, no response shows when these alerts clear
            self._alerts.pop("system", None)
        lasting = sorted(
            name for names in self._alerts.values() for name, since in names.items() if now - since >= ALERT_FOR
        )
        if lasting or self._shows_alerts:  # an issue from before a restart is not over before the first polls
            self._shows_alerts = bool(lasting)
            texts = (f"{issues.escape_markdown(name)} ({MEANINGS[name].text.rstrip('.')})" for name in lasting)
            self._set_issue(issues.ALERTS, active=bool(lasting), alerts=issues.SEPARATOR.join(texts))

    def _check_battery(self) -> None:
        """Show when the battery has not moved for two days in which it could have."""
        now = self._hass.loop.time()
        step, self._last_live_poll = min(now - self._last_live_poll, _LONGEST_STEP), now
        meters = self._data.live.data.meters.value
        if meters and (power := meters.battery_power) is not None:
            if abs(power) >= IDLE_POWER:
                self._idle_seconds = 0.0
            elif self._could_move(meters):
                self._idle_seconds += step
        self._set_issue(issues.IDLE, active=self._idle_seconds >= IDLE_FOR)

    def _check_hold(self) -> None:
        """Show when the battery supplies the home below the reserve that holds its charge.

        After an outage and a grid services event it may be below for other reasons, but it does not discharge then.
        """
        current, live = self._data.control.temporary.current, self._data.live.data
        if current is None or current.purpose is not Purpose.HOLD:
            self._set_issue(issues.HOLD_NOT_FOLLOWED, active=False)
            return
        grid, battery, meters = self._data.grid.data.status.fresh, live.battery.fresh, live.meters.value
        power = meters.battery_power if meters else None
        if (
            self._data.grid.connected_for() >= SAFETY_TIMINGS.connected
            and grid is not None
            and not grid.grid_services_active
            and battery is not None
            and battery.percentage is not None
            and app_from_raw(battery.percentage) <= max(current.reserves) - _BELOW_RESERVE
            and power is not None
            and power > _WORTH_IT
        ):
            self._set_issue(issues.HOLD_NOT_FOLLOWED, active=True)

    def _could_move(self, meters: MetersAggregates) -> bool:
        """Return whether a self-powered battery would charge or discharge now, beyond doubt.

        The grid is connected, and either solar exceeds the home and the battery is not full, or the home exceeds solar
        and the charge is above the reserve. In every other mode there may be good reasons for 0 W: a full backup, a
        weekend without peak prices, a command of the utility.
        """
        settings = self._data.settings.data
        operation, sitemaster = settings.operation.fresh, settings.sitemaster.fresh
        grid, battery = self._data.grid.data.status.fresh, self._data.live.data.battery.fresh
        net_load = meters.net_load
        if (
            net_load is None
            or operation is None
            or operation.operation_mode is not OperationMode.SELF_CONSUMPTION
            or grid is None
            or grid.grid_status is not GridState.CONNECTED
            or sitemaster is None
            or not sitemaster.running
            or battery is None
            or battery.percentage is None
        ):
            return False
        charge = app_from_raw(battery.percentage)
        reserve = operation.backup_reserve_percent
        has_charge = reserve is not None and charge > app_from_raw(reserve) + _ABOVE_RESERVE
        return (net_load < -_WORTH_IT and charge < _FULL) or (net_load > _WORTH_IT and has_charge)


@callback
def async_note_response(hass: HomeAssistant, entry: ConfigEntry, err: GatewayError | None) -> None:
    """Raise or clear the repair issues that follow from a response or its absence, at setup and at every poll.

    Any response means that the gateway is reachable, an error as well.
    """
    since, now = hass.data.setdefault(_UNREACHABLE_SINCE, {}), hass.loop.time()
    if isinstance(err, GatewayConnectionError):
        if now - since.setdefault(entry.entry_id, now) >= UNREACHABLE_FOR:
            issues.async_set_issue(hass, issues.UNREACHABLE, entry.entry_id, active=True)
        return
    since.pop(entry.entry_id, None)
    issues.async_set_issue(hass, issues.UNREACHABLE, entry.entry_id, active=False)
    refused = isinstance(err, GatewayLoginError) and err.problem is LoginProblem.DEFAULT_PASSWORD
    default = refused or _has_default_password(entry)
    issues.async_set_issue(hass, issues.DEFAULT_PASSWORD, entry.entry_id, active=default)


@callback
def async_watch_disabled(hass: HomeAssistant) -> None:
    """Clear the issues of an entry as soon as its owner disables it, loaded or not."""

    @callback
    def clear(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and entry.disabled_by:
            async_forget(hass, entry.entry_id)
            issues.async_clear_issues(hass, entry.entry_id, issues.ISSUES_WHILE_ENABLED)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, clear)


@callback
def async_forget(hass: HomeAssistant, entry_id: str) -> None:
    """Forget since when the gateway of an entry that is removed or disabled has been unreachable."""
    hass.data.get(_UNREACHABLE_SINCE, {}).pop(entry_id, None)


def _has_default_password(entry: ConfigEntry) -> bool:
    """Return whether the password is one that the gateway comes with, where the serial shows it."""
    password: str | None = entry.data.get(CONF_PASSWORD)
    serial: str = entry.data[CONF_SERIAL]
    defaults = {Credentials.of_customer(serial).password, Credentials.of_installer(serial).password}
    return password is not None and password.upper() in defaults
