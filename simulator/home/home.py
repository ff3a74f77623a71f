"""A home with solar panels, Powerwalls and a grid connection. Deterministic: it never reads a clock."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from simulator.home.appliances import Appliances
from simulator.home.battery import EMPTY, Battery, Pack
from simulator.home.generator import Generator
from simulator.home.islanding import CONNECTED, TO_GRID, Island
from simulator.home.local_time import Moment
from simulator.home.noise import drift
from simulator.home.sun import Roof
from simulator.wire import NANOSECONDS

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
SUMMER_NOON = datetime(2026, 6, 21, 13, 0, tzinfo=LOS_ANGELES)
STEP_SECONDS = 10.0
LONG_STEP_SECONDS = 60.0
"""Step for advances of more than a day."""
FAILSAFE = 10.0
"""Raw percent at which intentional off-grid ends by itself, as the order's name says. The limit is a guess."""
GRID_CHARGE_POWER = 1_700.0
"""W with which a Powerwall charges from the grid toward a reserve above its charge (pypowerwall, issue 22)."""
BELOW_TARGET = 0.3
"""Raw percent below its target at which it does."""


class Flow(NamedTuple):
    """Power at one moment, W: solar + battery + grid + generator = home."""

    solar: float
    home: float
    battery: float
    """Above zero: discharging."""
    grid: float
    """Above zero: importing."""
    generator: float = 0.0

    def parts(self) -> Iterator[tuple[str, float]]:
        """Yield the power from each source to each consumer: in this order, each as much as both allow.

        A generator counts as the grid.
        """
        consumers = {"home": self.home - min(0.0, self.solar), "battery": -self.battery, "grid": -self.grid}
        for source, supply in (("solar", self.solar), ("battery", self.battery), ("grid", self.grid + self.generator)):
            left = supply
            for consumer, wanted in consumers.items():
                power = max(0.0, min(left, wanted))
                left -= power
                consumers[consumer] -= power
                yield f"{source}_to_{consumer}", power


@dataclass
class Grid:
    """The utility's line to the home."""

    up: bool = True


@dataclass
class Energies:
    """Lifetime counters of the meters, Wh. The battery's are its packs'."""

    grid_import: float = 3_276_432.6625890196
    grid_export: float = 1_136_916.6875890202
    solar: float = 5_534_272.949724403
    solar_standby: float = 13_661.930279959455
    """Consumption of the inverter at night."""
    generator: float = 0.0
    flows: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Energy from each source to each consumer since the simulation began, such as `solar_to_home`, by the same rule
    as in `Flow.parts`."""


class SimulatedHome:
    """The physics behind the meters."""

    def __init__(
        self,
        start: datetime = SUMMER_NOON,
        *,
        packs: int = 2,
        charge: float = 62.0,
        reserve: float = 24.0,
        mode: str = "self_consumption",
        seed: int = 1,
        powerwall_plus: bool = False,
        generator: bool = False,
        lively: bool = False,
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("The home's start needs a time zone: its sun and its people live by local time.")
        if packs < 1:
            raise ValueError("The home needs at least one Powerwall.")
        self.zone = start.tzinfo
        self.clock = _nanoseconds(start)
        """Nanoseconds since 1970."""
        self.age = 0
        """Nanoseconds this home has been simulated for; setting the clock does not change it."""
        self.stood_still = 0.0
        """Seconds of real time in which this home did not advance: the gateway still reads the meters."""
        self.grid = Grid()
        self.off_grid_on_purpose = False
        self.mode = mode
        self.reserve = reserve
        """Raw percent kept for an outage."""
        self.is_backing_up: Callable[[], bool] = lambda: False
        """Return whether the gateway charges the battery to 100% and keeps it there, whatever the mode."""
        self.dispatched_power: Callable[[], float | None] = lambda: None
        """Return the power in W that was set for the battery, above zero when discharging, None for none."""
        self.roof = Roof(seed)
        self.appliances = Appliances(seed, lively)
        self.battery = Battery(packs, charge)
        self.powerwall_plus = powerwall_plus
        """True if the first Powerwall is a Powerwall+, with the panels on its own inverter."""
        self.generator = Generator() if generator else None
        self.energies = Energies(generator=412_806.25 if generator else 0.0)
        self.grid_faults: list[int] = []
        """Start of the current outage (nanoseconds since 1970); empty while the grid is connected."""
        self._seed = seed
        self._island = Island()
        self._running = True
        self._pinned_solar: float | None = None
        self._pinned_home: float | None = None
        self._moment: tuple[int, Moment] | None = None

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The home's own local time."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.clock // 1000)
        return moment.astimezone(self.zone)

    @now.setter
    def now(self, moment: datetime) -> None:
        """Set the clock. No energy flows in between. A moment without a zone is local time."""
        self.clock = _nanoseconds(moment if moment.tzinfo else moment.replace(tzinfo=self.zone))

    def advance(self, seconds: float) -> None:
        """Advance the time."""
        if seconds < 0:
            raise ValueError("Time only moves forward; set `now` to jump.")
        longest = STEP_SECONDS if seconds <= 86_400 else LONG_STEP_SECONDS
        self._follow_grid()
        left = round(seconds * NANOSECONDS)
        while left > 0:
            step = min(left, max(1, round(min(longest, self._island.remaining) * NANOSECONDS)))
            self._step(step)
            left -= step

    def _step(self, nanoseconds: int) -> None:
        flow = self.flow
        seconds = nanoseconds / NANOSECONDS
        if self.running:  # a stopped Powerwall has no power and measures nothing
            self._count(flow, seconds / 3600)
        self.clock += nanoseconds
        self.age += nanoseconds
        self._follow_grid(seconds)

    def _count(self, flow: Flow, hours: float) -> None:
        energies = self.energies
        energies.grid_import += max(0.0, flow.grid) * hours
        energies.grid_export += max(0.0, -flow.grid) * hours
        energies.solar += max(0.0, flow.solar) * hours
        energies.solar_standby += max(0.0, -flow.solar) * hours
        energies.generator += flow.generator * hours
        for part, power in flow.parts():
            energies.flows[part] += power * hours
        if flow.battery:
            self.battery.exchange(flow.battery, hours)

    # -- grid ----------------------------------------------------------------------------------------------------------

    def outage(self) -> None:
        """Start a grid outage."""
        self.grid.up = False
        self._follow_grid()

    def restore(self) -> None:
        """Restore the grid."""
        self.grid.up = True
        self._follow_grid()

    @property
    def grid_status(self) -> str:
        """Return the gateway's grid status, for example `SystemGridConnected`."""
        self._follow_grid()
        return self._island.status

    @property
    def running(self) -> bool:
        """Return whether the system runs. Otherwise nothing flows through the packs, and no meter counts."""
        return self._running

    @running.setter
    def running(self, running: bool) -> None:
        starts = running and not self._running
        self._running = running
        if starts and not self.grid.up:
            self._island.restart()
        self._follow_grid()

    def _follow_grid(self, seconds: float = 0.0) -> None:
        if self.grid.up and (self.charge <= FAILSAFE or self._island.dark):
            self.off_grid_on_purpose = False
        wanted = self.grid.up and not self.off_grid_on_purpose
        alone = not (wanted and self._island.connected)
        self._island.follow(grid=wanted, alive=not alone or self._carries_home(), seconds=seconds)
        if self.grid.up or self.off_grid_on_purpose:
            self.grid_faults.clear()
        elif not self.grid_faults:
            self.grid_faults.append(self.clock)

    def _carries_home(self) -> bool:
        """Return whether the packs can supply the home without the grid."""
        home, solar = self._home(island=True), self._solar()
        load = max(0.0, home - solar - self._generate(home, solar))
        return self._running and load <= self.battery.max_island_power and self.charge > EMPTY

    # -- power ---------------------------------------------------------------------------------------------------------

    @property
    def flow(self) -> Flow:
        """All powers at this moment."""
        self._follow_grid()
        if self._island.dark:
            return Flow(0.0, 0.0, 0.0, 0.0)
        return self._connected_flow() if self._island.connected else self._island_flow()

    def _connected_flow(self) -> Flow:
        solar, home = self._solar(), self._home(island=False)
        generator = self._generate(home, solar)
        battery = self._battery_power(home - generator, solar) if self._running else 0.0
        return Flow(solar, home, battery, home - solar - battery - generator, generator)

    def _island_flow(self) -> Flow:
        """Return the off-grid power: the battery charges with the excess, and the inverter throttles the rest."""
        home = self._home(island=True)
        generator = self._generate(home, self._solar())
        solar = min(self._solar(), home - generator + self.battery.max_charge_power)
        return Flow(solar, home, home - solar - generator, 0.0, generator)

    def _generate(self, home: float, solar: float) -> float:
        """Return the power of the generator, which starts in an outage."""
        if self.generator is None:
            return 0.0
        outage = not self.grid.up and self._island.alone
        return self.generator.power(outage=outage, room=home - solar + self.battery.max_charge_power)

    def _battery_power(self, home: float, solar: float) -> float:
        """Choose what the battery does on the grid."""
        if (dispatched := self.dispatched_power()) is not None:
            most = self.battery.max_discharge_power if self.charge > EMPTY else 0.0
            return max(-self.battery.max_charge_power, min(dispatched, most))
        keeps = self.mode == "backup"
        steady = home if self._pinned_home is not None else home - self.appliances.ripple(self.moment)
        wanted = -solar if keeps else steady - solar
        target = 100.0 if self.is_backing_up() else self.reserve
        if not keeps and self.charge < target - BELOW_TARGET:
            return -min(self.battery.max_charge_power, max(GRID_CHARGE_POWER * len(self.battery.active), -wanted))
        if wanted > 0:
            above_reserve = not keeps and self.charge > max(target, EMPTY)
            return min(wanted, self.battery.max_discharge_power) if above_reserve else 0.0
        return max(wanted, 0.0 - self.battery.max_charge_power)

    @property
    def moment(self) -> Moment:
        """The local time as sun and appliances see it."""
        if self._moment is None or self._moment[0] != self.clock:
            self._moment = self.clock, Moment.at(self.clock, self.zone)
        return self._moment[1]

    def _solar(self) -> float:
        return self.roof.power(self.moment) if self._pinned_solar is None else self._pinned_solar

    def _home(self, *, island: bool) -> float:
        if self._pinned_home is not None:
            return self._pinned_home
        moment = self.moment
        return self.appliances.power(moment, island=island) + self.appliances.ripple(moment)

    @property
    def solar_power(self) -> float:
        """W; assign a number to fix it, None for the weather."""
        return self.flow.solar

    @solar_power.setter
    def solar_power(self, watts: float | None) -> None:
        self._pinned_solar = watts

    @property
    def home_power(self) -> float:
        """W; assign a number to fix it, None for the appliances."""
        return self.flow.home

    @home_power.setter
    def home_power(self, watts: float | None) -> None:
        self._pinned_home = watts

    @property
    def generator_power(self) -> float:
        """W; assign a number to start it by hand, None for automatic. Raises ValueError if there is none."""
        return self.flow.generator

    @generator_power.setter
    def generator_power(self, watts: float | None) -> None:
        if self.generator is None:
            raise ValueError("The home has no generator.")
        self.generator.pinned = watts

    @property
    def battery_power(self) -> float:
        """W, above zero when discharging."""
        return self.flow.battery

    @property
    def grid_power(self) -> float:
        """W, above zero when importing."""
        return self.flow.grid

    @property
    def frequency(self) -> float:
        """Hz in the home; raised off-grid to throttle the solar inverter when the battery is full."""
        if self._island.dark:
            return 0.0
        if not self._island.connected:
            return 62.5 if self.flow.solar < self._solar() else 60.0
        return round(59.98 + 0.04 * drift(self._seed, "frequency", self.clock / NANOSECONDS / 4), 3)

    @property
    def voltage(self) -> float:
        """V between the two lines of the home."""
        return 0.0 if self._island.dark else 238.5 + 3 * drift(self._seed, "voltage", self.clock / NANOSECONDS / 20)

    # -- energy --------------------------------------------------------------------------------------------------------

    @property
    def packs(self) -> list[Pack]:
        """The Powerwalls, by their numbers; `add_pack` and `remove_pack` change them."""
        return self.battery.packs

    def pack(self, number: int) -> Pack:
        """Find a Powerwall by its number. Raises ValueError if there is none."""
        return self.battery.pack(number)

    def add_pack(self, number: int | None = None) -> Pack:
        """Add a Powerwall, or a removed one again. Raises ValueError if it exists already."""
        return self.battery.add(number)

    def remove_pack(self, number: int) -> Pack:
        """Remove a Powerwall; `add_pack` adds it again unchanged. Raises ValueError for an unknown one, or the last."""
        return self.battery.remove(number)

    @property
    def charge(self) -> float:
        """Raw percent, as the gateway returns it."""
        return self.battery.charge

    @charge.setter
    def charge(self, percent: float) -> None:
        self.battery.charge = percent

    @property
    def grid_import_energy(self) -> float:
        """Wh."""
        return self.energies.grid_import

    @property
    def grid_export_energy(self) -> float:
        """Wh."""
        return self.energies.grid_export

    @property
    def solar_energy(self) -> float:
        """Wh produced."""
        return self.energies.solar

    @property
    def generator_energy(self) -> float:
        """Wh."""
        return self.energies.generator

    @property
    def battery_charge_energy(self) -> float:
        """Wh."""
        return sum(pack.charged for pack in self.battery.ever)

    @property
    def battery_discharge_energy(self) -> float:
        """Wh."""
        return sum(pack.discharged for pack in self.battery.ever)

    @property
    def home_energy(self) -> float:
        """Wh; the sum of all other meters."""
        grid = self.grid_import_energy - self.grid_export_energy
        solar = self.solar_energy - self.energies.solar_standby + self.generator_energy
        return grid + solar + self.battery_discharge_energy - self.battery_charge_energy

    @property
    def returning(self) -> bool:
        """Return whether the home synchronizes with the grid to reconnect."""
        return self.grid_status == TO_GRID

    @property
    def islanded(self) -> bool:
        """Return whether the contactor is open."""
        return self.grid_status != CONNECTED


def _nanoseconds(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NANOSECONDS + since.microseconds * 1000
