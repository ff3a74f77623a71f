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

type Saying = Callable[[str, float], float | None]
"""What is said instead of what a counter has counted; None for nothing at all."""

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

BELIEVED = 16
"""Minutes after which nothing is held back any more."""

SURELY = 500_000.0
"""Wh that do not flow in hours."""

EVER = 2e7
"""Wh that do not flow in the days for which a counter may stand still, either."""

ENOUGH = 20_000.0
"""Wh that do not flow in two."""

LIMIT = MINUTE / 3600 * 1.5 * HOME_POWER + TOLERANCE
"""Wh of the largest step between two polls that is believed at once."""

PERIOD = 5
"""Minutes of one row of the recorder's short-term statistics."""


def flowed(home: SimulatedHome) -> dict[str, float]:
    """Give what has flowed in truth, in Wh."""
    return {key: getattr(home, key) for key in COUNTERS}


def instead(nonsense: Mapping[str, float | None]) -> Saying:
    """Say this, and the truth about other counters."""
    return nonsense.get


class Fire:
    """Home Assistant on a frozen clock, and a gateway that says what the fire makes of its counters.

    What has flowed comes from the home; `lost` is what nobody can know of it: what flowed
    between the last look at a counter and the beginning of the next one.
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
        """The gateway's."""
        return self._gateway.serial

    def flowed(self) -> dict[str, float]:
        """Give what has flowed in truth, in Wh."""
        return flowed(self._gateway.home)

    def begin_all_at(self, counted: float) -> None:
        """Have all counters say this now, and count on from there."""
        self._began_at = {key: energy - counted for key, energy in self.flowed().items()}

    async def start(self, set_up: SetUp) -> None:
        """Set Home Assistant's entry up; from here on it polls when it is said here alone."""
        self._say(None)
        self._entry = await set_up(self._gateway)
        self._hass.config_entries.async_update_entry(self._entry, pref_disable_polling=True)

    @property
    def happenings(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """All that can happen."""
        return (
            self.glitch,
            self.noise,
            self.nothing,
            self.old_answers,
            self.stand_still,
            self.begin_anew,
            self.another_meter,
            self.below_zero,
            self.leap,
            self.waver,
            self.silence,
            self.restart,
        )

    # -- time ----------------------------------------------------------------------------------------------------------

    async def live(self, minutes: int, said: Saying | None = None) -> None:
        """Let time pass, with a poll every minute."""
        for _ in range(minutes):
            self._gateway.home.advance(MINUTE)
            await self._poll_after_a_minute(said)

    async def _poll_after_a_minute(self, said: Saying | None = None) -> None:
        self._freezer.tick(MINUTE)
        self.minutes += 1
        self._say(said)
        await self._entry.runtime_data.live.async_refresh()
        if said is None:
            self._seen = flowed(self._gateway.home)
        await self._record()

    def _say(self, said: Saying | None) -> None:
        """Put into the gateway's mouth what its counters say."""
        counted = {key: energy - self._began_at[key] for key, energy in flowed(self._gateway.home).items()}
        self._counted.append(counted)
        meters: dict[str, dict[str, float | None]] = {}
        for key, (meter, field) in COUNTERS.items():
            meters.setdefault(meter, {"instant_power": 1.0})[field] = said(key, counted[key]) if said else counted[key]
        self._gateway.overrides["meters/aggregates"] = {**meters}

    async def _record(self) -> None:
        """Have the recorder make its statistics as often as it does by itself."""
        if self.minutes % PERIOD == 0:
            await async_wait_recording_done(self._hass)
            do_adhoc_statistics(self._hass, start=dt_util.utcnow() - timedelta(minutes=PERIOD))
            await async_wait_recording_done(self._hass)

    # -- what happens to counters --------------------------------------------------------------------------------------

    async def glitch(self) -> None:
        """All counters or one say nonsense for some polls, or for more than an hour."""
        said = {key: self._impossible(self._counted[-1][key]) for key in self._some()}
        await self.live(self.dice.choice((1, 2, 5, 20, 80)), instead(said))

    async def noise(self) -> None:
        """They say something else every time."""
        await self.live(self.dice.randint(3, 30), lambda _, counted: self._impossible(counted))

    async def nothing(self) -> None:
        """They say nothing."""
        await self.live(self.dice.randint(1, 30), instead(dict.fromkeys(self._some())))

    async def old_answers(self) -> None:
        """Answers come out of order."""
        for _ in range(self.dice.randint(1, 5)):
            await self.live(1, instead(self.dice.choice(self._counted[-30:])))
            await self.live(1)

    async def stand_still(self) -> None:
        """They stop, as where a meter is out of reach, and catch up."""
        await self.live(self.dice.randint(5, 300), instead(self._counted[-1]))

    async def begin_anew(self) -> None:
        """One is reset or rolls over between two polls, or all are."""
        seconds = self.dice.randint(0, MINUTE)
        self._gateway.home.advance(seconds)
        self._reset(self._some())
        self._gateway.home.advance(MINUTE - seconds)
        await self._poll_after_a_minute()

    async def another_meter(self) -> None:
        """One goes on from where another one was."""
        key = self._one()
        counted = self._counted[-1][key]
        self._gateway.home.advance(MINUTE)
        self._begin(key, self._impossible(counted) or counted + EVER)
        await self._poll_after_a_minute()

    async def below_zero(self) -> None:
        """One lands a little or far below 0, and counts on from there, through 0 where it is near."""
        key = self._one()
        self._gateway.home.advance(MINUTE)
        if self._counted[-1][key] > ENOUGH:
            self._begin(key, -self.dice.choice((1.0, 500.0, ENOUGH, 12e6, 2.0**31)))
        await self._poll_after_a_minute()

    async def leap(self) -> None:
        """One jumps by all that a home can have used since the last poll, which nobody can know to be wrong."""
        key = self._one()
        self._gateway.home.advance(MINUTE)
        self._begin(key, self._counted[-1][key] + LIMIT)
        self.lost[key] -= LIMIT
        await self._poll_after_a_minute()

    async def waver(self) -> None:
        """They step back by all that means nothing."""
        await self.live(self.dice.randint(1, 20), lambda _, counted: counted - TOLERANCE)

    def _reset(self, keys: list[str]) -> None:
        """Have counters begin at 0, but for those that would soon have passed where they were: a step back is lost."""
        for key in keys:
            if self._counted[-1][key] > ENOUGH:
                self._begin(key, 0.0)

    def _begin(self, key: str, reading: float) -> None:
        """Have a counter say this now, and count on from there."""
        now = flowed(self._gateway.home)[key]
        self.lost[key] += now - self._seen[key]
        self._began_at[key] = now - reading

    # -- what happens to Home Assistant --------------------------------------------------------------------------------

    async def silence(self) -> None:
        """Nobody answers."""
        self._gateway.faults.add("*", drop=True)
        await self.live(self.dice.choice((1, 10, 200)), instead({}))
        self._gateway.faults.clear()

    async def restart(self) -> None:
        """Home Assistant is away, maybe after a silence; maybe a counter begins anew then, or all talk nonsense."""
        if self.dice.choice((True, False)):
            await self.silence()
        await self._hass.config_entries.async_unload(self._entry.entry_id)
        await self._forget_what_is_not_on_disk()
        await self._be_away(self.dice.randint(0, 45))
        if self.dice.choice((True, False)):
            self._reset([self._one()])
        await self._be_away(self.dice.randint(1, 45))
        nonsense = self.dice.choice((None, 0.0, 99e7, -99e7))
        self._say(None if nonsense is None else lambda _, counted: nonsense if not _is_below_zero(counted) else counted)
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
        """Give a reading that no home can have come to; a smaller leap may be believed."""
        far = self.dice.uniform(EVER, 1e8)
        readings = [counted + far, counted - far, counted + 2.0**32, counted - 2.0**32]
        if counted > 2 * SURELY:
            readings += [counted - self.dice.uniform(SURELY, counted), -self.dice.uniform(0.0, ENOUGH)]
        if not _is_below_zero(counted):
            readings.append(0.0)
        return self.dice.choice(readings)

    def _one(self) -> str:
        return self.dice.choice(list(COUNTERS))

    def _some(self) -> list[str]:
        return self.dice.choice((list(COUNTERS), [self._one()]))


def _is_below_zero(counted: float) -> bool:
    """Tell whether a counter is so little below 0 that a home could bring it there."""
    return -EVER < counted <= 0
