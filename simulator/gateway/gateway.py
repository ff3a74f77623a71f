"""The gateway's own state: whether its sitemaster runs, its configuration, its sessions."""

import time

from simulator.gateway.keys import Keyring
from simulator.gateway.login import LoginDesk, LoginRules
from simulator.gateway.nameplate import Nameplate
from simulator.gateway.state import (
    BatteryDispatch,
    FullBackup,
    Job,
    Operation,
    Registration,
    SignedIslanding,
    Uplinks,
    default_networks,
)
from simulator.home import Pack, SimulatedHome
from simulator.home.noise import chance
from simulator.wire import NANOSECONDS, Json, go_time

PLUS_PART_NUMBER = "2012170-25-E"
"""A Powerwall+, as in the inventory of 23.28."""

EXPANSION_PART_NUMBER = "1807000-10-B"
"""An expansion of a Powerwall 3, as in an owner's `config.json` (pypowerwall's issue 227)."""


INVERTER_PART_NUMBER = "1538000-00-F"
"""A Tesla Solar Inverter of 7.6 kW that is a gateway itself (pypowerwall's issue 315)."""


class Gateway:
    """A gateway without HTTP."""

    busway = False
    """True if there is a meter at the busway of all Powerwalls."""

    solar_inverter = False
    """True for a solar inverter on a site without a Powerwall."""

    labels_followers = False
    """True if a follower has the label of its Powerwall; otherwise it has none."""

    wired_strings: str | None = "ABC"
    """The inputs A to F of a Powerwall 3 that panels are wired to; None if the gateway does not report them."""

    unknown_signals: frozenset[str] = frozenset()
    """Signals of components that the firmware does not know: it leaves them out of its responses."""

    shuffles_boards = False
    """True if the response about the boards lists them in another order than those of pypowerwall's owners."""

    grid_services_power: float | None = -0.0
    """W in `system_status`; None if the gateway does not report it."""

    in_sync = True
    """True if the Powerwalls are in sync. Only 1.15 reports it."""

    def __init__(
        self, nameplate: Nameplate, rules: LoginRules, home: SimulatedHome, serial: str, password: str
    ) -> None:
        self.nameplate = nameplate
        self.home = home
        self.serial = serial
        self.desk = LoginDesk(rules, password, rules.password(serial))
        self.connected_to_tesla = True
        self.site_name = "Home Energy Gateway"
        self.start_delay = 0.0
        """Seconds `sitemaster/run` takes to bring the system up."""
        self.commission_count = nameplate.commission_count
        self.operation = Operation(home.mode, home.reserve)
        self.keyring = Keyring()
        self.site_settings: dict[str, Json] = {}
        """Settings by signed requests other than mode and reserve, as in `site_info` of `config.json`."""
        self.config_settings: dict[str, Json] = {}
        """The same at its top level."""
        self.follows_config = True
        """True if the battery follows them. Some firmware only stores them."""
        self.signed_islanding = SignedIslanding()
        self.full_backup = FullBackup()
        # Seen on a Powerwall 3 (26.26.4, 26.26.11) and a Powerwall 2 (26.34.0): aiopowerwall, pypowerwall.
        self.dispatch = BatteryDispatch(
            "always" if nameplate.part_number == nameplate.pack_part_number else "unsupported"
        )
        home.is_backing_up, home.dispatched_power = lambda: self.full_backup.active, lambda: self.dispatch.power
        self.clock_ahead = 0.0
        """Seconds by which the gateway's clock is ahead of the real time."""
        self.registration = Registration()
        self.networks = default_networks()
        self.uplinks = Uplinks()
        self.connection_test = Job()
        self.wifi_scan = Job()
        self.update = Job()
        self.new_firmware = False
        """True if a check for new firmware finds some."""
        self.solar_meter = not home.powerwall_plus
        """True if solar is measured by a transformer of the gateway."""
        self.counter_offset = 0.0
        """Wh added to every counter of `meters/aggregates`: real ones were seen millions below zero."""
        self.lost_meters: dict[str, tuple[tuple[float, ...], str] | None] = {}
        """Meters out of contact, by their name in `meters/aggregates`, with their last values and time. None stands for
        a meter that is read once more."""
        self.neurio_readings: list[Json] = []
        """Neurio meters in the response to a signed query, next to the synchrometers."""
        self.expansions: set[int] = set()
        """The numbers of the expansions of the first Powerwall 3, which have no inverter."""
        self.problems: list[str] = []
        """Content of `troubleshooting/problems`; no source shows that of a real gateway."""
        self.alerts: set[str] = set()
        """Alerts in addition to those of the present state. Those of an inverter are in `solar_powerwall`."""
        self._booted = home.age - nameplate.boot_seconds * NANOSECONDS - 937_911_668
        self._sitemaster_since = home.age - nameplate.sitemaster_seconds * NANOSECONDS
        self._stopped_at: float | None = None if home.running else time.monotonic()
        self._stopped_before = 0.0
        self._ready_at: float | None = None

    @property
    def din(self) -> str:
        """Part number and serial."""
        part_number = INVERTER_PART_NUMBER if self.solar_inverter else self.nameplate.part_number
        return f"{part_number}--{self.serial}"

    @property
    def pack_serials(self) -> list[str]:
        """One serial per Powerwall. A Powerwall 3 that leads the others is the gateway itself."""
        leads = self.nameplate.part_number == self.nameplate.pack_part_number
        return [
            self.serial if leads and pack.number == 1 else self.nameplate.serial_of_pack(pack.number)
            for pack in self.home.packs
        ]

    def is_plus(self, pack: Pack) -> bool:
        """Return whether this Powerwall is a Powerwall+, which only the first can be."""
        return self.home.powerwall_plus and pack.number == 1

    def part_number_of(self, pack: Pack) -> str:
        """Return a Powerwall's part number."""
        if pack.number in self.expansions:
            return EXPANSION_PART_NUMBER
        return PLUS_PART_NUMBER if self.is_plus(pack) else self.nameplate.pack_part_number

    @property
    def packs_by_din(self) -> list[tuple[Pack, str]]:
        """Every Powerwall with its part number and serial in one."""
        return [
            (pack, f"{self.part_number_of(pack)}--{serial}")
            for pack, serial in zip(self.home.packs, self.pack_serials, strict=True)
        ]

    @property
    def meter_serial(self) -> str:
        """The meter's serial."""
        return self.nameplate.meter_serial

    @property
    def time_zone(self) -> str:
        """The site's time zone, an IANA name where the home has one."""
        return str(self.home.zone)

    @property
    def uptime(self) -> int:
        """Nanoseconds since the gateway booted."""
        return self.home.age - self._booted

    @property
    def booted(self) -> int:
        """Return when the gateway booted, in nanoseconds since 1970."""
        return self.home.clock - self.uptime

    def stamp(self, subject: str, ago: int = 0) -> str:
        """Date something that happened just now, a few milliseconds apart from everything else."""
        back = ago + int(40_000_000 * chance(0, subject, self.home.clock // 1000))
        return go_time(self.home.clock - back, self.home.zone)

    def meter_stamp(self, name: str) -> str:
        """Date a meter's last contact. In a home that does not advance, that is a new time every 20 seconds."""
        if last := self.lost_meters.get(name):
            return last[1]
        return self.stamp(name, ago=-20 * NANOSECONDS * int(self.home.stood_still // 20))

    def boot_stamp(self, after: float) -> str:
        """Date something that happened so many seconds after the gateway booted."""
        return go_time(self.booted + round(after * NANOSECONDS) + 839_407_156, self.home.zone)

    # -- sitemaster ----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Return whether the sitemaster runs."""
        if self._ready_at is not None and time.monotonic() >= self._ready_at:
            self.run()
        return self.home.running

    def run_soon(self) -> None:
        """Start the system as `sitemaster/run` does, which may take a while."""
        if self.start_delay == 0:
            self.run()
        elif not self.running and self._ready_at is None:
            self._ready_at = time.monotonic() + self.start_delay

    def run(self) -> None:
        """Start the system at once."""
        if self.home.running:
            return
        self._stopped_before = self.stopped_seconds
        self._stopped_at = self._ready_at = None
        self._sitemaster_since = self.home.age
        self.home.running = True

    def stop(self) -> None:
        """Stop the system: the batteries are idle, and nothing is measured."""
        self._ready_at = None
        if self.home.running:
            self._stopped_at = time.monotonic()
            self.home.running = False

    @property
    def stopped_seconds(self) -> float:
        """Return the total seconds for which the system has been stopped, in real time."""
        present = 0.0 if self._stopped_at is None else time.monotonic() - self._stopped_at
        return self._stopped_before + present

    @property
    def sitemaster_seconds(self) -> int:
        """Return the uptime of the sitemaster in seconds of the home's clock."""
        return (self.home.age - self._sitemaster_since) // NANOSECONDS

    # -- configuration -------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Put the stored configuration into effect."""
        self.home.mode = self.operation.mode
        self.home.reserve = self.operation.reserve
        self.commission_count += 1
