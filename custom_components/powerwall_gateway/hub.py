"""What outlives a loaded entry: the client and its guard, until the Powerwall is known to run."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
import logging
from time import time
from typing import TYPE_CHECKING, Any, Final, Self

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
    GatewayError,
    GridPolicy,
    Health,
    IslandingController,
    JournalRecord,
    LocalOperationController,
    OperationController,
    PowerwallGateway,
    SignedOperationController,
    StopSupervisor,
    Transport,
    open_session,
)
from .gateway.stop_safety.journal import JournalStore
from .gateway.stop_safety.restart import RestartTimings
from .issues import escape_markdown
from .signing_key import KeyStore, async_signed_gateway
from .storage import FileJournal, KeptJournal, async_find_journals

if TYPE_CHECKING:
    from .gateway.signed.client import SignedGateway

_LOGGER = logging.getLogger(__name__)

PACE: Final = RestartTimings()

UNLOAD_PATIENCE: Final = 8.0
"""Seconds for which an unload waits for a running Powerwall; the keeper continues. Home Assistant gives it 10."""

DISABLING_CHECK: Final = 0.5
"""Seconds between two checks whether the entry was disabled: Home Assistant stores that after one second."""

_KEEPERS: HassKey[dict[str, PowerwallHub]] = HassKey(f"{DOMAIN}.keepers")
_HEALTHS: HassKey[dict[str, Health]] = HassKey(f"{DOMAIN}.healths")
"""By entry. They outlive the keepers: every try to set up an entry while its gateway is away has another."""


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """What the owner allowed."""

    control: bool = False
    """Whether anything may be changed, and logged in for it."""

    logins_a_day: int = LOGINS_A_DAY

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read an entry's options."""
        return cls(
            control=options.get(CONF_ALLOW_CONTROL, False),
            logins_a_day=int(options.get(CONF_LOGIN_LIMIT, LOGINS_A_DAY)),
        )


class PowerwallHub:
    """The client of one gateway, and who may stop its Powerwall.

    It belongs to Home Assistant, not to the entry: an entry that is unloaded, fails or is
    removed must not take away what starts the Powerwall again. An entry holds it while it is
    set up; otherwise it lasts until nothing is under way.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry_id: str,
        data: Mapping[str, Any],
        terms: ControlOptions,
        *,
        removed: bool = False,
    ) -> None:
        self.grid_connected_for: Callable[[], float] = lambda: 0.0
        """Tells for how many seconds there has been a grid; nobody watches it until an entry does."""

        self._hass = hass
        self._entry_id = entry_id
        self._made_for = (dict(data), terms)
        self._session = open_session()
        self._held = False
        self._forgotten = removed
        self._journal = FileJournal(hass, entry_id)
        self.gateway = create_gateway(self._session, data, control=terms.control, health=_health_of(hass, entry_id))
        self.guard = StopSupervisor(
            self.gateway,
            self._journal,
            grid_connected_for=self._on_grid_for,
            spawn=self._spawn,
            logins_a_day=terms.logins_a_day,
            when_asking=lambda asks: issues.async_show(hass, issues.STOPPED_LONG_AGO, entry_id, shown=asks),
            pace=PACE,
        )
        self.island = IslandingController(self.gateway)
        self.signed: SignedGateway | None = None
        """The way of signed requests, where the owner gave a key."""

        self._private_key: bytes | None = None
        self._local_operation = LocalOperationController(
            self.gateway, log_in=self.guard.log_in if terms.control else None
        )
        self._signed_operation: SignedOperationController | None = None
        self.grid_rules: GridPolicy | None = None
        """What may flow to and from the grid, where the owner gave a key."""

        self._remove_shutdown_job = hass.async_add_shutdown_job(HassJob(self._shut_down, f"{DOMAIN} shutdown"))
        self._remove_close_listener = hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, self._close_connection)
        _keepers(hass)[entry_id] = self

    @property
    def operation(self) -> OperationController:
        """Who sets mode and reserve: the local API where the key is not accepted and the login is enough.

        Where the login is not enough, an error has to be about the key.
        """
        signed, local = self._signed_operation, self._local_operation
        if signed is None or not self.gateway.capabilities.takes_signed:
            return local
        return signed if signed.allowed or not local.allowed else local

    @property
    def has_key(self) -> bool:
        """Whether the owner gave a key, even if nothing can be signed with it at present."""
        return self._private_key is not None

    def serves(self, data: Mapping[str, Any], terms: ControlOptions) -> bool:
        """Tell whether it leads to the same gateway by the same way, and on the same terms."""
        return self._made_for == (dict(data), terms)

    @callback
    def async_hold(self) -> None:
        """Keep it for an entry that is being set up."""
        self._held = True
        self._local_operation.reset()

    async def async_sign_with(self, private_key: bytes | None) -> None:
        """Sign with this key from now on; None for no key. Where nothing could sign before, it is tried again."""
        if private_key == self._private_key and (private_key is None) is (self.signed is None):
            return
        await self._finish()
        self._private_key, former = private_key, self.signed
        self.signed = self._signed_operation = self.grid_rules = None
        if former is not None:
            await former.close()
        if private_key is not None:
            self.signed = await async_signed_gateway(self._hass, self.gateway, private_key)
        self.island.signed = self.signed
        if self.signed is not None:
            self._signed_operation = SignedOperationController(self.gateway, self.signed)
            self.grid_rules = GridPolicy(self.signed)

    async def _finish(self) -> None:
        """Wait until no write is under way."""
        await self._local_operation.finish()
        if self._signed_operation is not None:
            await self._signed_operation.finish()
        if self.grid_rules is not None:
            await self.grid_rules.finish()

    @callback
    def async_mend(self) -> None:
        """Put right what an earlier process began, for as long as it takes and whatever becomes of the entry."""
        self._hass.async_create_background_task(self._mend(), f"{DOMAIN} mending {self._entry_id}")

    async def _mend(self) -> None:
        try:
            await self.guard.mend()
        except GatewayError as err:
            _LOGGER.debug("Mending ended before its time: %s", err)  # nobody waits for it

    async def async_let_go(self) -> None:
        """Give it back: the entry is not loaded any more.

        Comes back when the Powerwall runs, and no write is under way; what takes longer goes on.
        """
        if not self._held:
            return
        self._held = False
        self.grid_connected_for = lambda: 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(UNLOAD_PATIENCE):
                await self._until_done()
        await self._close_if_done()

    async def _until_done(self) -> None:
        """Wait until no write is under way and the Powerwall runs. An unexpected error of one ends no other wait."""
        for error in await asyncio.gather(self._finish(), self.guard.wait(), return_exceptions=True):
            if isinstance(error, Exception):
                _LOGGER.error("Unexpected error while a write or the Powerwall is waited for", exc_info=error)

    async def async_replace(self) -> None:
        """Close it at once, for another one that leads to the same Powerwall by another way, and mends."""
        self._held = True
        try:
            await self._finish()
        finally:
            await self.guard.close(patience=0.0)
            await self._close()

    async def async_give_up(self) -> None:
        """Close the journal because the owner says that the Powerwall runs."""
        await self.guard.close(patience=0.0)
        # Of a corrupt journal it is not known which logins there were, so there were as many as there may be.
        record = JournalRecord(logins=(time(),) * self._made_for[1].logins_a_day)
        journal = JournalStore(self._journal, time)
        with suppress(GatewayError):
            record = await journal.read()
        await journal.close(record)

    async def async_forget(self, title: str) -> None:
        """Leave nothing behind for an entry that is removed, as soon as the Powerwall is known to run."""
        self._forgotten = True
        if await self._is_open() and _keepers(self._hass).get(self._entry_id) is self:
            issues.async_show(self._hass, issues.LEFT_STOPPED, self._entry_id, shown=True, name=escape_markdown(title))
            if not self.guard.busy:
                self.async_mend()
        await self._close_if_done()

    def _on_grid_for(self) -> float:
        # What is begun after the shutdown jobs has nobody who waits for its end.
        return 0.0 if self._hass.is_stopping else self.grid_connected_for()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._hass.async_create_background_task(work, f"{DOMAIN} guard {self._entry_id}")
        task.add_done_callback(self._ended)
        self._hass.async_create_background_task(self._keep_enabled(task), f"{DOMAIN} disabling {self._entry_id}")
        return task

    async def _keep_enabled(self, task: asyncio.Task[None]) -> None:
        """Keep the entry enabled while the Powerwall may be stopped, and disable it then if the owner did meanwhile.

        Home Assistant sets up no integration whose entries are all disabled: after a crash nothing would start the
        Powerwall.
        """
        entries = self._hass.config_entries
        try:
            while not task.done():
                if self._note_disabling():
                    self._hass.async_create_task(self._enable(), f"{DOMAIN} enabling {self._entry_id}")
                await asyncio.sleep(DISABLING_CHECK)
        except asyncio.CancelledError:
            # Home Assistant stops, and stores its entries after this.
            if self._note_disabling() and (entry := entries.async_get_entry(self._entry_id)):
                entry.disabled_by = None
            raise
        if issues.is_shown(self._hass, issues.DISABLED_LATER, self._entry_id) and not await self._is_open():
            issues.async_show(self._hass, issues.DISABLED_LATER, self._entry_id, shown=False)
            await entries.async_set_disabled_by(self._entry_id, ConfigEntryDisabler.USER)

    @callback
    def _note_disabling(self) -> bool:
        """Show that the entry is disabled later, and return True, where the owner has disabled it."""
        entry = self._hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or not entry.disabled_by:
            return False
        issues.async_show(self._hass, issues.DISABLED_LATER, self._entry_id, shown=True)
        return True

    async def _enable(self) -> None:
        with suppress(OperationNotAllowed):  # it is enabled, and could not be unloaded
            await self._hass.config_entries.async_set_disabled_by(self._entry_id, None)

    def _ended(self, _: asyncio.Task[None]) -> None:
        if not self._held and not self._hass.is_stopping:
            self._hass.async_create_background_task(self._close_if_done(), f"{DOMAIN} closing {self._entry_id}")

    async def _is_open(self) -> bool:
        kept = {journal.entry_id: journal for journal in await async_find_journals(self._hass)}
        return self._entry_id in kept and kept[self._entry_id].is_open

    async def _close_if_done(self) -> None:
        if self._held or self.guard.busy or _keepers(self._hass).get(self._entry_id) is not self:
            return
        await self._close()
        if self._forgotten and not await self._is_open():
            await self._journal.remove()
            issues.async_show(self._hass, issues.LEFT_STOPPED, self._entry_id, shown=False)

    async def _close(self) -> None:
        _keepers(self._hass).pop(self._entry_id, None)
        self._remove_shutdown_job()
        self._remove_close_listener()
        await self._close_connection()

    async def _close_connection(self, _: Event | None = None) -> None:
        try:
            if self.signed is not None:
                await self.signed.close()
        finally:
            await self._session.close()

    async def _shut_down(self) -> None:
        await self._until_done()


def create_gateway(
    session: ClientSession, data: Mapping[str, Any], *, control: bool = False, health: Health | None = None
) -> PowerwallGateway:
    """Return the client for the data of an entry: same scheme and same certificate as at setup.

    Where the owner entered no password, it logs in as the installer if `control` is allowed: on firmware whose
    values can be read without a login.
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
    return PowerwallGateway(transport, credentials, health=health)


def _health_of(hass: HomeAssistant, entry_id: str) -> Health:
    return hass.data.setdefault(_HEALTHS, {}).setdefault(entry_id, Health())


def _keepers(hass: HomeAssistant) -> dict[str, PowerwallHub]:
    return hass.data.setdefault(_KEEPERS, {})


async def async_hold_keeper(hass: HomeAssistant, entry: ConfigEntry) -> PowerwallHub:
    """Give the keeper of an entry that is being set up, held, and at work on what was left open."""
    terms = ControlOptions.of(entry.options)
    keeper = _keepers(hass).get(entry.entry_id)
    if keeper and not keeper.serves(entry.data, terms):
        await keeper.async_replace()
        keeper = None
    if keeper is None:
        keeper = PowerwallHub(hass, entry.entry_id, entry.data, terms)
    keeper.async_hold()
    await keeper.async_sign_with(await KeyStore(hass, entry.entry_id).async_load())
    if not keeper.guard.busy:
        keeper.async_mend()
    return keeper


async def async_forget_keeper(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Leave nothing behind of an entry that is removed, unless its Powerwall may be stopped."""
    keeper = _keepers(hass).get(entry.entry_id) or PowerwallHub(hass, entry.entry_id, entry.data, ControlOptions())
    await keeper.async_forget(entry.title)
    hass.data.get(_HEALTHS, {}).pop(entry.entry_id, None)


async def async_disable_now(hass: HomeAssistant, entry_id: str) -> None:
    """Disable an entry whose Powerwall may be stopped, because the owner says that it runs.

    Raises `GatewayError` where the journal cannot be closed; the entry is not disabled then.
    """
    if keeper := _keepers(hass).get(entry_id):
        await keeper.async_give_up()
    issues.async_show(hass, issues.DISABLED_LATER, entry_id, shown=False)
    await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)


async def async_mend_all(hass: HomeAssistant) -> None:
    """Begin to put right whatever earlier processes left open, before any entry is set up."""
    opened: set[str] = set()
    for kept in await async_find_journals(hass):
        removed = hass.config_entries.async_get_entry(kept.entry_id) is None
        try:
            if kept.is_open:
                opened.add(kept.entry_id)
                if keeper := _keeper_for(hass, kept):
                    keeper.async_mend()
            elif removed:
                await kept.journal.remove()
        except Exception:  # one journal must not keep the others from being looked after
            _LOGGER.exception("Unexpected error with the journal of %s: see that the Powerwall runs", kept.entry_id)
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        entry_id = issues.entry_id_of(issues.LEFT_STOPPED, issue_id) if domain == DOMAIN else None
        if entry_id and entry_id not in opened:
            issues.async_show(hass, issues.LEFT_STOPPED, entry_id, shown=False)


def _keeper_for(hass: HomeAssistant, kept: KeptJournal) -> PowerwallHub | None:
    """Make the keeper for a journal, by its entry, or by itself where the entry is gone."""
    if entry := hass.config_entries.async_get_entry(kept.entry_id):
        return PowerwallHub(hass, kept.entry_id, entry.data, ControlOptions.of(entry.options))
    if kept.under_way:
        return PowerwallHub(hass, kept.entry_id, kept.under_way.gateway, ControlOptions(), removed=True)
    _LOGGER.warning("A journal of a removed entry cannot be read: see that the Powerwall runs")
    return None


@callback
def async_guard_of(hass: HomeAssistant, entry_id: str) -> StopSupervisor | None:
    """Give the guard of an entry that is set up, or has something under way."""
    keeper = _keepers(hass).get(entry_id)
    return keeper.guard if keeper else None
