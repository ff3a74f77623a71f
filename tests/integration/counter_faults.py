"""A gateway with faulty counters, and the energy that really flowed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from custom_components.powerwall_gateway.energy_filter import HOME_POWER, TOLERANCE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import restore_state
from homeassistant.util import dt as dt_util
from simulator import Simulator
from simulator.home import SimulatedHome
from tests.integration.conftest import SetUp

type Reports = Callable[[str, float], float | None]
"""Return the reported value of a counter, by its key and its real value. None leaves the counter out."""

COUNTERS = {
    "grid_import_energy": ("site", "energy_imported"),
    "grid_export_energy": ("site", "energy_exported"),
    "solar_energy": ("solar", "energy_exported"),
    "home_energy": ("load", "energy_imported"),
    "battery_charge_energy": ("battery", "energy_imported"),
    "battery_discharge_energy": ("battery", "energy_exported"),
}
MINUTE = 60
"""Seconds between two polls."""

ACCEPTED_AFTER = 16
"""Minutes after which the energy filter accepts any value."""

IMPOSSIBLE_WITHIN_HOURS = 500_000.0
"""Wh that no home uses within hours."""

EVER = 2e7
"""Wh that no home uses within the days for which a counter may not change."""

ENOUGH = 20_000.0
"""Wh that no home uses within 2 minutes."""

LIMIT = MINUTE / 3600 * 1.5 * HOME_POWER + TOLERANCE
"""Wh of the largest step between two polls that the energy filter accepts at once."""

PERIOD = 5
"""Minutes of one row of the recorder's short-term statistics."""


def flowed(home: SimulatedHome) -> dict[str, float]:
    """Return the energy that really flowed, in Wh."""
    return {key: getattr(home, key) for key in COUNTERS}


def reported(values: Mapping[str, float | None]) -> Reports:
    """Report these values, and the real ones of other counters."""
    return values.get


class CounterFaults:
    """Home Assistant on a frozen clock, and a gateway whose counters have random faults.

    The simulated home has the energy that really flowed. `lost` is the part of it that no one can know: the energy
    between the last poll of a counter and its reset.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        gateway: Simulator,
        dice: Random,
    ) -> None:
        self.dice = dice
        self.minutes = 0
        self.lost = dict.fromkeys(COUNTERS, 0.0)
        self._hass = hass
        self._freezer = freezer
        self._gateway = gateway
        self._seen = flowed(gateway.home)
        self._began_at = dict.fromkeys(COUNTERS, 0.0)
        self._counted: list[dict[str, float]] = []
        self._entry: MockConfigEntry

    @property
    def serial(self) -> str:
        """The gateway's serial number."""
        return self._gateway.serial

    def flowed(self) -> dict[str, float]:
        """Return the energy that really flowed, in Wh."""
        return flowed(self._gateway.home)

    def begin_all_at(self, counted: float) -> None:
        """Set all counters to this value, from which they continue."""
        self._began_at = {key: energy - counted for key, energy in self.flowed().items()}

    async def start(self, set_up: SetUp) -> None:
        """Set up Home Assistant's entry, and turn off its own polls."""
        self._report(None)
        self._entry = await set_up(self._gateway)
        self._hass.config_entries.async_update_entry(self._entry, pref_disable_polling=True)

    @property
    def all_faults(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """All faults and events."""
        return (
            self.glitch,
            self.noise,
            self.nothing,
            self.old_responses,
            self.stand_still,
            self.begin_anew,
            self.another_meter,
            self.below_zero,
            self.leap,
            self.waver,
            self.lost_responses,
            self.restart,
        )

    # -- time ----------------------------------------------------------------------------------------------------------

    async def pass_minutes(self, minutes: int, reports: Reports | None = None) -> None:
        """Let time pass, with a poll every minute."""
        for _ in range(minutes):
            self._gateway.home.advance(MINUTE)
            await self._poll_after_a_minute(reports)

    async def _poll_after_a_minute(self, reports: Reports | None = None) -> None:
        self._freezer.tick(MINUTE)
        self.minutes += 1
        self._report(reports)
        await self._entry.runtime_data.live.async_refresh()
        if reports is None:
            self._seen = flowed(self._gateway.home)
        await self._record()

    def _report(self, reports: Reports | None) -> None:
        """Set the counters in the gateway's response."""
        counted = {key: energy - self._began_at[key] for key, energy in flowed(self._gateway.home).items()}
        self._counted.append(counted)
        meters: dict[str, dict[str, float | None]] = {}
        for key, (meter, field) in COUNTERS.items():
            meters.setdefault(meter, {"instant_power": 1.0})[field] = (
                reports(key, counted[key]) if reports else counted[key]
            )
        self._gateway.overrides["meters/aggregates"] = {**meters}

    async def _record(self) -> None:
        """Compile the recorder's statistics as often as Home Assistant does."""
        if self.minutes % PERIOD == 0:
            await async_wait_recording_done(self._hass)
            do_adhoc_statistics(self._hass, start=dt_util.utcnow() - timedelta(minutes=PERIOD))
            await async_wait_recording_done(self._hass)

    # -- counters ------------------------------------------------------------------------------------------------------

    async def glitch(self) -> None:
        """Report impossible values of one or all counters, for some polls or for more than an hour."""
        reports = {key: self._impossible(self._counted[-1][key]) for key in self._some()}
        await self.pass_minutes(self.dice.choice((1, 2, 5, 20, 80)), reported(reports))

    async def noise(self) -> None:
        """Report another impossible value at each poll."""
        await self.pass_minutes(self.dice.randint(3, 30), lambda _, counted: self._impossible(counted))

    async def nothing(self) -> None:
        """Leave counters out of the response."""
        await self.pass_minutes(self.dice.randint(1, 30), reported(dict.fromkeys(self._some())))

    async def old_responses(self) -> None:
        """Return responses out of order."""
        for _ in range(self.dice.randint(1, 5)):
            await self.pass_minutes(1, reported(self.dice.choice(self._counted[-30:])))
            await self.pass_minutes(1)

    async def stand_still(self) -> None:
        """Stop the counters, as if a meter were out of contact, and catch up."""
        await self.pass_minutes(self.dice.randint(5, 300), reported(self._counted[-1]))

    async def begin_anew(self) -> None:
        """Reset one or all counters between two polls."""
        seconds = self.dice.randint(0, MINUTE)
        self._gateway.home.advance(seconds)
        self._reset(self._some())
        self._gateway.home.advance(MINUTE - seconds)
        await self._poll_after_a_minute()

    async def another_meter(self) -> None:
        """Continue one counter from another meter's value."""
        key = self._one()
        counted = self._counted[-1][key]
        self._gateway.home.advance(MINUTE)
        self._begin(key, self._impossible(counted) or counted + EVER)
        await self._poll_after_a_minute()

    async def below_zero(self) -> None:
        """Set one counter below 0, from where it continues."""
        key = self._one()
        self._gateway.home.advance(MINUTE)
        if self._counted[-1][key] > ENOUGH:
            self._begin(key, -self.dice.choice((1.0, 500.0, ENOUGH, 12e6, 2.0**31)))
        await self._poll_after_a_minute()

    async def leap(self) -> None:
        """Increase one counter by as much as a home can use in the time, which is not detectable."""
        key = self._one()
        self._gateway.home.advance(MINUTE)
        self._begin(key, self._counted[-1][key] + LIMIT)
        self.lost[key] -= LIMIT
        await self._poll_after_a_minute()

    async def waver(self) -> None:
        """Decrease the counters by the tolerance."""
        await self.pass_minutes(self.dice.randint(1, 20), lambda _, counted: counted - TOLERANCE)

    def _reset(self, keys: list[str]) -> None:
        """Reset counters to 0, except small ones: they would soon exceed the old value, which hides the reset."""
        for key in keys:
            if self._counted[-1][key] > ENOUGH:
                self._begin(key, 0.0)

    def _begin(self, key: str, reading: float) -> None:
        """Set a counter to this value, from which it continues."""
        now = flowed(self._gateway.home)[key]
        self.lost[key] += now - self._seen[key]
        self._began_at[key] = now - reading

    # -- Home Assistant ------------------------------------------------------------------------------------------------

    async def lost_responses(self) -> None:
        """Drop all responses for a while."""
        self._gateway.faults.add("*", drop=True)
        await self.pass_minutes(self.dice.choice((1, 10, 200)), reported({}))
        self._gateway.faults.clear()

    async def restart(self) -> None:
        """Restart Home Assistant, possibly after lost responses, with a reset counter, or with impossible values."""
        if self.dice.choice((True, False)):
            await self.lost_responses()
        await self._hass.config_entries.async_unload(self._entry.entry_id)
        await self._forget_what_is_not_on_disk()
        await self._be_away(self.dice.randint(0, 45))
        if self.dice.choice((True, False)):
            self._reset([self._one()])
        await self._be_away(self.dice.randint(1, 45))
        invalid = self.dice.choice((None, 0.0, 99e7, -99e7))
        self._report(
            None if invalid is None else lambda _, counted: invalid if not _is_below_zero(counted) else counted
        )
        await self._hass.config_entries.async_setup(self._entry.entry_id)
        await self._hass.async_block_till_done()

    async def _forget_what_is_not_on_disk(self) -> None:
        kept = restore_state.async_get(self._hass)
        await kept.async_dump_states()
        await kept.async_load()

    async def _be_away(self, minutes: int) -> None:
        for _ in range(minutes):
            self._gateway.home.advance(MINUTE)
            self._freezer.tick(MINUTE)
            self.minutes += 1
            await self._record()

    def _impossible(self, counted: float) -> float:
        """Return a value that no home can have reached. The filter may accept a smaller step."""
        far = self.dice.uniform(EVER, 1e8)
        readings = [counted + far, counted - far, counted + 2.0**32, counted - 2.0**32]
        if counted > 2 * IMPOSSIBLE_WITHIN_HOURS:
            readings += [counted - self.dice.uniform(IMPOSSIBLE_WITHIN_HOURS, counted), -self.dice.uniform(0.0, ENOUGH)]
        if not _is_below_zero(counted):
            readings.append(0.0)
        return self.dice.choice(readings)

    def _one(self) -> str:
        return self.dice.choice(list(COUNTERS))

    def _some(self) -> list[str]:
        return self.dice.choice((list(COUNTERS), [self._one()]))


def _is_below_zero(counted: float) -> bool:
    """Return whether a counter is so little below 0 that a home could have reached it."""
    return -EVER < counted <= 0
