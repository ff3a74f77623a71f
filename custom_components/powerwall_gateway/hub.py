"""Hold the client and its stop supervisor. Both outlive a loaded entry until the Powerwall is known to run."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
import logging
from time import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, OperationNotAllowed
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME, EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HassJob, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.hass_dict import HassKey

from . import issues
from .const import CONF_ALLOW_CONTROL, CONF_FINGERPRINT, CONF_LOGIN_LIMIT, CONF_SCHEME, CONF_SERIAL, DOMAIN
from .gateway import (
    LOGINS_A_DAY,
    Address,
    Credentials,
    DispatchController,
    GatewayAuthenticationRequiredError,
    GatewayConnectionError,
    GatewayError,
    GatewayNotFoundError,
    GatewayStoppedError,
    GridPolicy,
    IslandingController,
    JournalRecord,
    JournalStore,
    LocalOperationController,
    OperationController,
    PowerwallGateway,
    SafetyTimings,
    SignedOperationController,
    StopSupervisor,
    Transport,
    open_session,
)
from .issues import escape_markdown
from .signing_key import async_signed_gateway
from .storage import FileJournal, KeptJournal, async_find_journals, async_get_store

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

SAFETY_TIMINGS: Final = SafetyTimings()

UNLOAD_PATIENCE: Final = 8.0
"""Seconds for which an unload waits for a running Powerwall; the hub continues. Home Assistant gives it 10."""

DISABLING_CHECK: Final = 0.5
"""Seconds between two checks whether the entry was disabled: Home Assistant stores that after one second."""

_HUBS: HassKey[dict[str, PowerwallHub]] = HassKey(f"{DOMAIN}.hubs")
_AVAILABILITY_LOGS: HassKey[dict[str, AvailabilityLog]] = HassKey(f"{DOMAIN}.availability_logs")
"""By entry. They outlive the hubs, because every retry of the setup of an unreachable gateway has a new hub."""


class AvailabilityLog:
    """Log once when the gateway, the Powerwall or an endpoint fails, and once when it responds again."""

    def __init__(self) -> None:
        self._unreachable = False
        self._silent: set[str] = set()
        """Endpoints that did not respond while the gateway seemed unreachable."""

        self._stopped: set[str] = set()
        """Endpoints that failed because the Powerwall is stopped."""

        self._failing: dict[str, str] = {}
        """Error by endpoint, empty for no response. Only the first endpoint with the same error is logged."""

        self._readable: set[str] = set()
        """Endpoints that succeeded before. A login that may not read another endpoint is normal."""

    def note(self, path: str, err: GatewayError | None) -> None:
        """Note the result of a read."""
        match err:
            case None:
                self._note_success(path)
            case GatewayConnectionError() if path not in self._failing:
                if not self._unreachable:
                    self._unreachable = True
                    _LOGGER.warning("Could not connect to the gateway: %s", err)
                self._silent.add(path)
            case _ if self._unreachable:
                _LOGGER.debug("Still unavailable: %s", err)  # a gateway that is starting returns various errors
            case GatewayStoppedError():
                if not self._stopped:
                    _LOGGER.warning("The Powerwall is stopped: the gateway has no live data")
                self._stopped.add(path)
            case GatewayNotFoundError():
                _LOGGER.debug("This firmware has no %s", path)
            case GatewayAuthenticationRequiredError() if path not in self._readable:
                _LOGGER.debug("This login has no permission to read %s", path)
            case _ if path not in self._failing:
                level = logging.DEBUG if err.message in self._failing.values() else logging.WARNING
                self._failing[path] = err.message
                _LOGGER.log(level, "Failed: %s", err)

    def _note_success(self, path: str) -> None:
        self._readable.add(path)
        if self._unreachable:
            self._unreachable = False
            if path in self._silent | self._failing.keys():
                _LOGGER.info("The gateway responds again")
            else:  # the gateway was reachable, and only the silent endpoints failed
                self._failing |= dict.fromkeys(self._silent, "")
            self._silent.clear()
        if path in self._stopped:
            self._stopped.discard(path)
            if not self._stopped:
                _LOGGER.info("The Powerwall is running again")
        if path in self._failing:
            ended = self._failing[path]
            self._failing = {other: error for other, error in self._failing.items() if error != ended}
            _LOGGER.info("%s responds again", path)


class PowerwallHub:
    """The client of one gateway, with the supervisor of everything that stops its Powerwall.

    It belongs to Home Assistant, not to the entry: when an entry is unloaded, fails or is removed, the supervisor
    still has to start the Powerwall again. An entry acquires the hub while it is set up. A hub that was released
    closes itself as soon as nothing is in progress.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry_id: str,
        data: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        removed: bool = False,
    ) -> None:
        self.grid_connected_for: Callable[[], float] = lambda: 0.0
        """Return for how many seconds the grid has been connected; 0 while no entry watches it."""

        self._hass = hass
        self._entry_id = entry_id
        self.made_for = _relevant(data, options)
        _, allows_control, self._logins_a_day = self.made_for
        self._session = open_session()
        self._acquired = False
        self._removed = removed
        self._journal = FileJournal(hass, entry_id)
        log = hass.data.setdefault(_AVAILABILITY_LOGS, {}).setdefault(entry_id, AvailabilityLog())
        self.gateway = create_gateway(self._session, data, control=allows_control, log=log)
        self.supervisor = StopSupervisor(
            self.gateway,
            self._journal,
            grid_connected_for=self._grid_connected_for,
            spawn=self._spawn,
            logins_a_day=self._logins_a_day,
            on_confirmation_needed=lambda needed: issues.async_set_issue(
                hass, issues.STOPPED_LONG_AGO, entry_id, active=needed
            ),
            timings=SAFETY_TIMINGS,
        )
        self.island = IslandingController(self.gateway)
        self.signed: SignedGateway | None = None
        """The client for signed requests, if there is a signing key."""

        self._private_key: bytes | None = None
        self._local_operation = LocalOperationController(
            self.gateway, log_in=self.supervisor.log_in if allows_control else None
        )
        self._signed_operation: OperationController | None = None
        self.grid_policy: GridPolicy | None = None
        """The grid policy, if there is a signing key."""

        self.dispatch: DispatchController | None = None
        """Sets the power of the battery, if there is a signing key."""

        self._remove_shutdown_job = hass.async_add_shutdown_job(HassJob(self._wait_until_done, f"{DOMAIN} shutdown"))
        self._remove_close_listener = hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, self._close_connection)
        _hubs(hass)[entry_id] = self

    @property
    def operation(self) -> OperationController:
        """Return the controller for mode and reserve.

        It is the local one if the key is not accepted and the login is enough. If the login is not enough either,
        it is the signed one, so that an error is about the key.
        """
        signed, local = self._signed_operation, self._local_operation
        if signed is None or not self.gateway.capabilities.takes_signed:
            return local
        return signed if signed.allowed or not local.allowed else local

    @property
    def has_key(self) -> bool:
        """Return whether there is a signing key, even if nothing can be signed with it at present."""
        return self._private_key is not None

    @callback
    def acquire(self) -> None:
        """Keep the hub open for an entry that is being set up."""
        self._acquired = True
        self._local_operation.reset()

    async def async_set_private_key(self, private_key: bytes | None) -> None:
        """Sign requests with this key from now on. None stands for no key."""
        if private_key == self._private_key and (private_key is None) is (self.signed is None):
            return  # nothing changed, and the library for the key was not missing
        await self._wait_for_writes()
        self._private_key, former = private_key, self.signed
        self.signed = self._signed_operation = self.grid_policy = self.dispatch = None
        if former is not None:
            await former.close()
        if private_key is not None:
            self.signed = await async_signed_gateway(self._hass, self.gateway, private_key)
        self.island.signed = self.signed
        if self.signed is not None:
            self._signed_operation = SignedOperationController(self.gateway, self.signed)
            self.grid_policy = GridPolicy(self.signed)
            self.dispatch = DispatchController(self.gateway, self.signed)

    async def _wait_for_writes(self) -> None:
        """Wait until no write is in progress."""
        for controller in (self._local_operation, self._signed_operation, self.grid_policy, self.dispatch):
            if controller is not None:
                await controller.finish()

    @callback
    def async_recover(self) -> None:
        """Recover in the background from what an earlier process began, even if the entry is unloaded or removed."""
        self._hass.async_create_background_task(self._recover(), f"{DOMAIN} recovery {self._entry_id}")

    async def _recover(self) -> None:
        try:
            await self.supervisor.recover()
        except GatewayError as err:
            _LOGGER.debug("The recovery ended early: %s", err)

    async def release(self) -> None:
        """Release the hub of an entry that is unloaded.

        Wait up to `UNLOAD_PATIENCE` until the Powerwall runs and no write is in progress. After that, both continue in
        the background.
        """
        if not self._acquired:
            return
        self._acquired = False
        self.grid_connected_for = lambda: 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(UNLOAD_PATIENCE):
                await self._wait_until_done()
        await self._close_if_done()

    async def _wait_until_done(self) -> None:
        """Wait until no write is in progress and the Powerwall runs. An error in one wait does not end the other."""
        for error in await asyncio.gather(self._wait_for_writes(), self.supervisor.wait(), return_exceptions=True):
            if isinstance(error, Exception):
                _LOGGER.error("Unexpected error while waiting for a write or the Powerwall", exc_info=error)

    async def async_replace(self) -> None:
        """Close immediately: a hub with other connection data replaces this one and resumes the recovery."""
        self._acquired = True  # so that `_close_if_done` does not close it, too
        try:
            await self._wait_for_writes()
        finally:
            await self.supervisor.close(patience=0.0)
            await self._close()

    async def async_close_journal(self) -> None:
        """Close the journal without a check, because the owner confirmed that the Powerwall runs."""
        await self.supervisor.close(patience=0.0)
        # If the journal is corrupt, the number of today's logins is unknown, so no further one is allowed.
        record = JournalRecord(logins=(time(),) * self._logins_a_day)
        journal = JournalStore(self._journal, time)
        with suppress(GatewayError):
            record = await journal.read()
        await journal.close(record)

    async def async_remove(self, title: str) -> None:
        """Remove the journal of an entry that is removed, as soon as the Powerwall is known to run."""
        self._removed = True
        if await self._journal_is_open() and _hubs(self._hass).get(self._entry_id) is self:
            issues.async_set_issue(
                self._hass, issues.LEFT_STOPPED, self._entry_id, active=True, name=escape_markdown(title)
            )
            if not self.supervisor.busy:
                self.async_recover()
        await self._close_if_done()

    def _grid_connected_for(self) -> float:
        # While Home Assistant stops, nothing waits until the Powerwall runs again, so it must not be stopped.
        return 0.0 if self._hass.is_stopping else self.grid_connected_for()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._hass.async_create_background_task(work, f"{DOMAIN} supervisor {self._entry_id}")
        task.add_done_callback(self._ended)
        self._hass.async_create_background_task(self._keep_enabled(task), f"{DOMAIN} disabling {self._entry_id}")
        return task

    async def _keep_enabled(self, task: asyncio.Task[None]) -> None:
        """Keep the entry enabled while the Powerwall may be stopped. If the owner disables it, disable it afterwards.

        Home Assistant does not set up an integration whose entries are all disabled. After a crash nothing would start
        the Powerwall.
        """
        entries = self._hass.config_entries
        try:
            while not task.done():
                if self._defer_disabling():
                    self._hass.async_create_task(self._enable(), f"{DOMAIN} enabling {self._entry_id}")
                await asyncio.sleep(DISABLING_CHECK)
        except asyncio.CancelledError:
            # Home Assistant stops, and stores the entries after this. This one has to be enabled at the next start.
            if self._defer_disabling() and (entry := entries.async_get_entry(self._entry_id)):
                entry.disabled_by = None
            raise
        if issues.is_active(self._hass, issues.DISABLED_LATER, self._entry_id) and not await self._journal_is_open():
            issues.async_set_issue(self._hass, issues.DISABLED_LATER, self._entry_id, active=False)
            await entries.async_set_disabled_by(self._entry_id, ConfigEntryDisabler.USER)

    @callback
    def _defer_disabling(self) -> bool:
        """Return whether the owner has disabled the entry. If so, create the issue that it is disabled later."""
        entry = self._hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or not entry.disabled_by:
            return False
        issues.async_set_issue(self._hass, issues.DISABLED_LATER, self._entry_id, active=True)
        return True

    async def _enable(self) -> None:
        with suppress(OperationNotAllowed):  # raised if the entry could not be unloaded; it is enabled all the same
            await self._hass.config_entries.async_set_disabled_by(self._entry_id, None)

    def _ended(self, _: asyncio.Task[None]) -> None:
        if not self._acquired and not self._hass.is_stopping:
            self._hass.async_create_background_task(self._close_if_done(), f"{DOMAIN} closing {self._entry_id}")

    async def _journal_is_open(self) -> bool:
        return any(kept.entry_id == self._entry_id and kept.is_open for kept in await async_find_journals(self._hass))

    async def _close_if_done(self) -> None:
        if self._acquired or self.supervisor.busy or _hubs(self._hass).get(self._entry_id) is not self:
            return
        await self._close()
        if self._removed and not await self._journal_is_open():
            await self._journal.remove()
            issues.async_set_issue(self._hass, issues.LEFT_STOPPED, self._entry_id, active=False)

    async def _close(self) -> None:
        _hubs(self._hass).pop(self._entry_id, None)
        self._remove_shutdown_job()
        self._remove_close_listener()
        await self._close_connection()

    async def _close_connection(self, _: Event | None = None) -> None:
        try:
            if self.signed is not None:
                await self.signed.close()
        finally:
            await self._session.close()


def create_gateway(
    session: ClientSession, data: Mapping[str, Any], *, control: bool = False, log: AvailabilityLog | None = None
) -> PowerwallGateway:
    """Return the client for the data of an entry: same scheme and same certificate as at setup.

    Without a password it uses the installer's default login if `control` is allowed. That is for firmware whose values
    can be read without a login.
    """
    fingerprint: str | None = data[CONF_FINGERPRINT]
    transport = Transport(
        session,
        Address.parse(data[CONF_HOST], data[CONF_SCHEME]),
        fingerprint=bytes.fromhex(fingerprint) if fingerprint else None,
    )
    credentials: Credentials | None = None
    if password := data.get(CONF_PASSWORD):
        credentials = Credentials(password=password, username=data.get(CONF_USERNAME, Credentials.username))
    elif control and CONF_SERIAL in data:
        credentials = Credentials.of_installer(data[CONF_SERIAL])
    return PowerwallGateway(transport, credentials, on_result=log.note if log else None)


def _relevant(data: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], bool, int]:
    """Return what a hub depends on: the data, whether control is allowed, and how many logins a day."""
    return dict(data), options.get(CONF_ALLOW_CONTROL, False), int(options.get(CONF_LOGIN_LIMIT, LOGINS_A_DAY))


def _hubs(hass: HomeAssistant) -> dict[str, PowerwallHub]:
    return hass.data.setdefault(_HUBS, {})


async def async_acquire_hub(hass: HomeAssistant, entry: ConfigEntry) -> PowerwallHub:
    """Return the hub of an entry that is being set up, acquired, and recovering if its journal is open."""
    hub = _hubs(hass).get(entry.entry_id)
    if hub and hub.made_for != _relevant(entry.data, entry.options):
        await hub.async_replace()
        hub = None
    if hub is None:
        hub = PowerwallHub(hass, entry.entry_id, entry.data, entry.options)
    hub.acquire()
    await hub.async_set_private_key((await async_get_store(hass, entry.entry_id)).private_key)
    if not hub.supervisor.busy:
        hub.async_recover()
    return hub


async def async_remove_hub(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the hub and journal of an entry that is removed, as soon as its Powerwall is known to run."""
    hub = _hubs(hass).get(entry.entry_id) or PowerwallHub(hass, entry.entry_id, entry.data, {})
    await hub.async_remove(entry.title)
    hass.data.get(_AVAILABILITY_LOGS, {}).pop(entry.entry_id, None)


async def async_disable_now(hass: HomeAssistant, entry_id: str) -> None:
    """Disable an entry whose Powerwall may be stopped, because the owner confirmed that it runs.

    Raises `GatewayError` if the journal cannot be closed; the entry is not disabled then.
    """
    if hub := _hubs(hass).get(entry_id):
        await hub.async_close_journal()
    issues.async_set_issue(hass, issues.DISABLED_LATER, entry_id, active=False)
    await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)


async def async_recover_all(hass: HomeAssistant) -> None:
    """Start to recover from every open journal, before any entry is set up."""
    opened: set[str] = set()
    for kept in await async_find_journals(hass):
        removed = hass.config_entries.async_get_entry(kept.entry_id) is None
        try:
            if kept.is_open:
                opened.add(kept.entry_id)
                if hub := _hub_for_journal(hass, kept):
                    hub.async_recover()
            elif removed:
                await kept.journal.remove()
        except Exception:  # continue with the other journals
            _LOGGER.exception(
                "Unexpected error in the recovery journal of %s: check that the Powerwall is running", kept.entry_id
            )
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        entry_id = issues.entry_id_of(issues.LEFT_STOPPED, issue_id) if domain == DOMAIN else None
        if entry_id and entry_id not in opened:
            issues.async_set_issue(hass, issues.LEFT_STOPPED, entry_id, active=False)


def _hub_for_journal(hass: HomeAssistant, kept: KeptJournal) -> PowerwallHub | None:
    """Return a hub for a journal: from its entry, or from the journal itself if the entry was removed."""
    if entry := hass.config_entries.async_get_entry(kept.entry_id):
        return PowerwallHub(hass, kept.entry_id, entry.data, entry.options)
    if kept.under_way:
        return PowerwallHub(hass, kept.entry_id, kept.under_way.gateway, {}, removed=True)
    _LOGGER.warning("Could not read the recovery journal of a removed entry: check that the Powerwall is running")
    return None


@callback
def async_get_supervisor(hass: HomeAssistant, entry_id: str) -> StopSupervisor | None:
    """Return the supervisor of an entry that is set up, or whose Powerwall may be stopped."""
    hub = _hubs(hass).get(entry_id)
    return hub.supervisor if hub else None
