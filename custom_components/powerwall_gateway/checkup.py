"""Looks whether something is wrong that the owner should know of, and shows it in Home Assistant's repairs.

What a login or a stop of ours leads to is the caretaker's.
"""

from typing import Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.hass_dict import HassKey

from . import issues
from .catalogue import packs
from .const import CONF_SERIAL, DOMAIN
from .data import PowerwallGatewayConfigEntry
from .gateway import Credentials, GatewayConnectionError, GatewayDefaultPasswordError, GatewayError
from .idleness import IdleConditions, IdleTracker
from .markdown import literal
from .reading import EndpointResult

UNREACHABLE_FOR: Final = 3600.0
"""Seconds without an answer: a gateway that restarts, or installs new firmware, is back before."""

FAULT_FOR: Final = 60.0
"""Seconds for which a Powerwall reports the same fault: while it starts it may report one for a moment."""

IDLE_FOR: Final = 2 * 86400.0
"""Seconds in which the battery had something to do and rested. They begin anew when Home Assistant restarts."""

_UNREACHABLE_SINCE: HassKey[dict[str, float]] = HassKey(f"{DOMAIN}.unreachable_since")
"""Monotonic, by entry. It outlives the entry, which is not loaded while a gateway is away at start."""


class IssueMonitor:
    """Looks after every poll of one loaded entry."""

    def __init__(self, hass: HomeAssistant, entry: PowerwallGatewayConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._data = entry.runtime_data
        self._idleness = IdleTracker()
        self._faults: dict[str, tuple[str, float]] = {}
        """By the Powerwall's serial: what is wrong, and since when."""

    @callback
    def async_start(self) -> None:
        """Look now, and after every poll until the entry is unloaded."""
        self._entry.async_on_unload(self._data.live.async_follow_polls(self._look))

    @callback
    def _look(self) -> None:
        live = self._data.live.data
        async_note_answer(self._hass, self._entry, live.meters.error)
        if live.meters.error is not None:
            return
        self._look_at_packs()
        self._look_at_battery()

    def _look_at_packs(self) -> None:
        """Show which Powerwalls are out of work, by the numbers that their devices have, and why."""
        if (blocks := _fresh(packs.reported(self._data))) is None:
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
            f"Powerwall {number} ({literal(lasting[part.id])})"
            for number, part in enumerate(packs.parts(self._data), start=1)
            if part.id in lasting
        ]
        if numbered or not reported:  # after a restart a fault has to last again before it is shown; it is not over
            issues.async_show(
                self._hass,
                issues.PACK_FAULT,
                self._entry.entry_id,
                shown=bool(numbered),
                packs=issues.SEPARATOR.join(numbered),
            )

    def _look_at_battery(self) -> None:
        """Show when the battery has not moved for two days in which it had something to do."""
        live, settings = self._data.live.data, self._data.settings.data
        grid, sitemaster = _fresh(self._data.grid.data.status), _fresh(settings.sitemaster)
        battery = _fresh(live.battery)
        chance = IdleConditions(
            meters=live.meters.value,
            charge_raw=battery.percentage if battery else None,
            operation=_fresh(settings.operation),
            grid=grid.grid_status if grid else None,
            running=sitemaster.running if sitemaster else None,
        )
        self._idleness.take(chance, self._hass.loop.time())
        issues.async_show(self._hass, issues.IDLE, self._entry.entry_id, shown=self._idleness.seconds >= IDLE_FOR)


@callback
def async_note_answer(hass: HomeAssistant, entry: ConfigEntry, err: GatewayError | None) -> None:
    """Show what an answer, or its absence, says of the entry: at set-up, and at every poll.

    Any answer ends an absence, a refusal, too.
    """
    since, now = hass.data.setdefault(_UNREACHABLE_SINCE, {}), hass.loop.time()
    if isinstance(err, GatewayConnectionError):
        if now - since.setdefault(entry.entry_id, now) >= UNREACHABLE_FOR:
            issues.async_show(hass, issues.UNREACHABLE, entry.entry_id, shown=True)
        return
    since.pop(entry.entry_id, None)
    issues.async_show(hass, issues.UNREACHABLE, entry.entry_id, shown=False)
    default = isinstance(err, GatewayDefaultPasswordError) or _has_default_password(entry)
    issues.async_show(hass, issues.DEFAULT_PASSWORD, entry.entry_id, shown=default)


@callback
def async_watch_disabled(hass: HomeAssistant) -> None:
    """Take away what was found wrong with an entry as soon as its owner disables it, loaded or not."""

    @callback
    def look(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and entry.disabled_by:
            async_forget(hass, entry.entry_id)
            issues.async_put_aside(hass, entry.entry_id, issues.OF_ENABLED)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)


@callback
def async_forget(hass: HomeAssistant, entry_id: str) -> None:
    """Forget since when the gateway of an entry that is removed or disabled has been away."""
    hass.data.get(_UNREACHABLE_SINCE, {}).pop(entry_id, None)


def _has_default_password(entry: ConfigEntry) -> bool:
    """Tell whether the password is one that the gateway comes with, where the serial shows it."""
    password: str | None = entry.data.get(CONF_PASSWORD)
    serial: str = entry.data[CONF_SERIAL]
    defaults = {Credentials.of_customer(serial).password, Credentials.of_installer(serial).password}
    return password is not None and password.upper() in defaults


def _fresh[T](reading: EndpointResult[T]) -> T | None:
    return None if reading.error else reading.value
