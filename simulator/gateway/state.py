"""Parts of a gateway's state: settings, networks and running jobs."""

from collections.abc import Callable
from dataclasses import dataclass, field
import time
from typing import Literal

from simulator.wire import NANOSECONDS

JOB_SECONDS = 3.0
"""Seconds of a test, a scan or a step of an update."""


@dataclass
class Operation:
    """Mode and reserve as the gateway stores them; `config/completed` puts them into effect."""

    mode: str
    reserve: float
    max_pv_export: float | None = None


@dataclass
class SignedIslanding:
    """Signed orders to go off-grid, and to reconnect. All are accepted."""

    follows: Literal["forced", "always", "never"] = "forced"
    """Which orders to go off-grid are followed: on most firmware those with `force` alone, on some all, on some none
    (python-tesla-fleet-api, pulls 32 and 33)."""
    orders: list[tuple[bool, bool]] = field(default_factory=list)
    """All orders so far: whether to go off-grid, and whether forced."""


@dataclass
class FullBackup:
    """A manual backup event, as signed requests schedule it."""

    follows: Literal["always", "never", "unsupported"] = "always"
    """A request is carried out, acknowledged and ignored, or unknown to the firmware."""
    cancels: bool = True
    """True if a cancellation is carried out; it is acknowledged in any case."""
    start: int = 0
    """In seconds since 1970."""
    duration: int | None = None
    """Seconds; None if there is no event. One that is over is still listed (aiopowerwall)."""

    @property
    def active(self) -> bool:
        """Return whether the battery is charged to 100% and kept there now."""
        return self.duration is not None and self.start <= time.time() < self.start + self.duration


@dataclass
class BatteryDispatch:
    """Power of the battery that signed requests set for a time, whatever mode, reserve and export rule."""

    follows: Literal["always", "never", "unsupported", "lost"] = "always"
    """Whether a request is carried out, acknowledged and ignored, unknown to the firmware, or lost in a proxy."""
    resumes: bool = True
    """Whether a request to end it is carried out; it is acknowledged in any case."""
    watts: float = 0.0
    """Above zero: discharging."""
    ends_at: float = 0.0
    """Monotonic time in seconds."""
    orders: list[tuple[float, int] | None] = field(default_factory=list)
    """All requests so far: power and duration in seconds; None for one to end it."""

    @property
    def power(self) -> float | None:
        """Return the power in W now, None if mode and reserve decide."""
        return self.watts if time.monotonic() < self.ends_at else None


@dataclass
class Registration:
    """The accepted agreements; None where not asked."""

    consents: dict[str, bool | None] = field(
        default_factory=lambda: {
            "privacy_notice": True,
            "limited_warranty": True,
            "grid_services": None,
            "marketing": None,
        }
    )
    registered: bool = True
    emailed: bool = True
    skipped: bool = False


@dataclass
class Network:
    """A configured network."""

    name: str
    interface: str
    """`EthType`, `GsmType` or `WifiType`."""
    security: str = "NONE"
    dhcp: bool | None = True
    enabled: bool | None = None
    """None if it was never turned on or off."""


def default_networks() -> list[Network]:
    """Return the networks of a gateway that is connected to the home's Wi-Fi."""
    return [
        Network("default_gsm", "GsmType", dhcp=None),
        Network("default_eth", "EthType"),
        Network("Home", "WifiType", "WPA2_Personal", enabled=True),
    ]


@dataclass
class Uplinks:
    """The network interfaces of the gateway. Wi-Fi and cellular are always there."""

    ethernet: bool = False
    """True if a cable is plugged in, which is preferred then."""
    wifi_signal: int = 53
    """Percent"""
    cellular_signal: int = 85
    """Percent"""


class Job:
    """Work that takes a while in real time."""

    def __init__(self, seconds: float = JOB_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.clock = clock
        self.started_at = 0
        """By the home's clock, nanoseconds since 1970."""
        self.late = 0.0
        """Seconds until the gateway reports that the work has begun."""

        self._began: float | None = None

    def start(self, now: int) -> None:
        """Begin, unless it is already in progress; `now` is the home's time."""
        if not self.running:
            self.started_at = now
            self._began = self.clock() + self.late

    @property
    def begun(self) -> bool:
        """Return whether it was ever started."""
        return self._began is not None and self.clock() >= self._began

    @property
    def progress(self) -> float:
        """Return the progress from 0 to 1."""
        if self._began is None:
            return 0.0
        return min(1.0, (self.clock() - self._began) / self.seconds)

    @property
    def running(self) -> bool:
        """Return whether it is running."""
        return self.begun and self.progress < 1

    @property
    def done(self) -> bool:
        """Return whether it is finished."""
        return self.begun and self.progress == 1

    def moment(self, progress: float) -> int:
        """Return the time of a progress, by the home's clock."""
        return self.started_at + round(self.seconds * progress * NANOSECONDS)
