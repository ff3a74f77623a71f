"""What a loaded entry does by itself: it keeps the session, logs in where that was allowed, and shows what is wrong."""

import logging

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from . import issues
from .data import PowerwallGatewayConfigEntry
from .gateway import GatewayError, GatewayKeyError, GatewayLoginError
from .hub import PACE
from .reading import EndpointResult
from .storage import EntryStore

_LOGGER = logging.getLogger(__name__)

_LOOKS_BEFORE_STOPPED = 2
"""So many looks in a row have to find the Powerwall stopped: one that has just been told to start is not yet."""


class StopMonitor:
    """Looks after one loaded entry, after every poll."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry, memory: EntryStore) -> None:
        self._hass = hass
        self._entry = entry
        self._data = entry.runtime_data
        self._memory = memory
        self._found_stopped = 0
        self._key_issue: issues.Issue | None = None
        self._noted_permissions = self._permissions
        self._logs_in = self._wants_login

    @callback
    def async_start(self) -> None:
        """Look now, and after every poll until the entry is unloaded."""
        for coordinator, look in (
            (self._data.grid, self._look_at_grid),
            (self._data.settings, self._look_for_off_grid),
            (self._data.live, self._look_at_live),
            (self._data.settings, self._look_at_settings),
        ):
            self._entry.async_on_unload(coordinator.async_follow_polls(look))

    @property
    def _wants_login(self) -> bool:
        """Whether mode and reserve are read with a login only, of the kind that stops the Powerwall."""
        gateway = self._data.gateway
        return self._data.control.consented and gateway.capabilities.login_stops_powerwall and not gateway.has_session

    def _show(self, issue: issues.Issue, *, shown: bool) -> None:
        issues.async_show(self._hass, issue, self._entry.entry_id, shown=shown)

    @callback
    def _look_at_grid(self) -> None:
        log = self._data.grid.data.log.value
        if log and log != self._memory.grid:
            self._hass.async_create_task(self._memory.async_keep_grid(log))
        if self._data.control.off_grid.is_over:
            self._hass.async_create_task(self._data.control.off_grid.async_forget())
        # Once, and only as soon as the guard would dare it. Later logins are for the owner to ask for.
        if self._logs_in and self._data.grid.connected_for() >= PACE.connected and not self._data.control.busy:
            self._logs_in = False
            self._entry.async_create_background_task(self._hass, self._log_in(), f"{self._entry.title} login")

    @callback
    def _look_for_off_grid(self) -> None:
        control = self._data.control
        if control.consented and control.off_grid.is_unknown:
            self._entry.async_create_task(self._hass, self._look_for_the_way_off_the_grid())

    async def _look_for_the_way_off_the_grid(self) -> None:
        try:
            await self._data.control.off_grid.async_look()
        except GatewayError as err:
            _LOGGER.debug("Whether the house can leave the grid is not known yet: %s", err)
        self._data.grid.async_have_lookouts_look()

    @callback
    def _look_at_live(self) -> None:
        if self._data.gateway.has_session:
            # It refused a password that it takes again: nobody has to type it.
            for flow in self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH}):
                self._hass.config_entries.flow.async_abort(flow["flow_id"])
        if self._data.control.off_grid.is_due:
            self._entry.async_create_background_task(self._hass, self._return(), f"{self._entry.title} return to grid")

    async def _return(self) -> None:
        try:
            await self._data.control.off_grid.async_return()
        except HomeAssistantError as err:
            _LOGGER.warning("%s does not come back to the grid yet: %s", self._entry.title, err.__cause__)

    async def _log_in(self) -> None:
        refused = False
        try:
            await self._data.control.async_log_in()
        except HomeAssistantError as err:
            refused = isinstance(err.__cause__, GatewayLoginError) and err.__cause__.about_password
            _LOGGER.warning("Mode and reserve of %s cannot be read: %s", self._entry.title, err.__cause__)
        self._show(issues.LOGIN_REFUSED, shown=refused)

    @callback
    def _look_at_settings(self) -> None:
        login = self._data.gateway.export_login()
        if any(login[key] != self._memory.login.get(key) for key in ("session", "firmware")):
            self._hass.async_create_task(self._memory.async_keep_login(login))
        control, settings = self._data.control, self._data.settings.data
        running = settings.sitemaster.value.running if settings.sitemaster.value else None
        if running is not None:
            self._found_stopped = 0 if running or control.busy else self._found_stopped + 1
            if running or self._found_stopped >= _LOOKS_BEFORE_STOPPED:
                self._show(issues.STOPPED, shown=not running)
        self._show(
            issues.LOGIN_NEEDED, shown=bool(running and self._wants_login and not self._logs_in and not control.busy)
        )
        self._look_at_key(settings.key)
        self._show(issues.CONTROL_REFUSED, shown=control.worked and not control.allowed and self._key_issue is None)
        self._note_permissions()

    def _look_at_key(self, key: EndpointResult[bool]) -> None:
        """Show why the signing key does not work, until it does; what may pass by itself has to last for two polls."""
        if self._data.control.signed is not None and not key.value:
            found, before = issues.of_key(key.error), self._key_issue
            if found is None:
                return  # the gateway did not answer, which says nothing of the key
            self._key_issue = found
            if found is not before and not isinstance(key.error, GatewayKeyError):
                return
        else:
            self._key_issue = None
        for issue in issues.KEY.values():
            self._show(issue, shown=issue is self._key_issue)

    @property
    def _permissions(self) -> tuple[bool, bool, bool]:
        control = self._data.control
        return control.allowed, control.islands, control.rules_grid

    def _note_permissions(self) -> None:
        """Update what can be set when that changes: a key that is rejected or accepted again changes no value."""
        if (permissions := self._permissions) != self._noted_permissions:
            self._noted_permissions = permissions
            for coordinator in (self._data.settings, self._data.detail, self._data.grid):
                coordinator.async_update_listeners()
                coordinator.async_have_lookouts_look()
