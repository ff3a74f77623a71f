"""What a gateway can do, asked as questions: no version is compared outside this file."""

from dataclasses import dataclass

from .models import Status

_ENCRYPTED = (1, 20)
"""From here on everything is asked over HTTPS; plain HTTP is answered with the way there."""

_REAL_MODE = (1, 21)
"""From here on a write of the operation names the mode `real_mode`."""

_CUSTOMER_READS_ONLY = (1, 37)
"""From here on customers log in, who may not write the operation."""

_LOGIN_LEAVES_RUNNING = (20, 49)
"""From this firmware on owners log in to read, and nothing stops. Before it a login is the installer's wizard."""

_FORCED_LOGIN = (1, 16)
"""From here on a login that stops the Powerwall is let in only when it says so (seen on 1.17.1)."""

_INSTALLER = "Provider_Engineer"


def login_stops_powerwall(status: Status | None) -> bool:
    """Tell whether a login stops the Powerwall: no charging, no backup until somebody starts it again.

    True below 20.49 and for every version that cannot be read. `None` stands for a Powerwall 3,
    which was never seen to stop. A 404 of `/api/status` does not prove one: see `login.is_powerwall_3`.
    """
    if status is None:
        return False
    return status.release is None or status.release < _LOGIN_LEAVES_RUNNING


def speaks_plain_http(status: Status | None) -> bool:
    """Tell whether a firmware has nothing but plain HTTP. One that cannot be read is taken for a newer one."""
    return status is not None and status.release is not None and status.release < _ENCRYPTED


def login_wants_force(status: Status | None) -> bool:
    """Tell whether a login that stops the Powerwall has to say `force_sm_off`; 1.15 stops without it."""
    release = status.release if status else None
    return login_stops_powerwall(status) and release is not None and release >= _FORCED_LOGIN


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What is known of one gateway with one login. It grows with every answer; see `PowerwallGateway.discover`."""

    status: Status | None
    """As `/api/status` last told it with a version in it; None where it never answered."""

    roles: tuple[str, ...] = ()
    """Of the present session."""

    missing: frozenset[str] = frozenset()
    """Paths that answered 404 on this firmware a short time ago."""

    @property
    def is_restricted(self) -> bool:
        """Whether it has the four paths of a Powerwall 3 alone: login, meters, charge, grid."""
        return self.status is None

    @property
    def login_stops_powerwall(self) -> bool:
        """Whether a login is known to stop the Powerwall. `SessionManager` finds out where nothing is known."""
        return login_stops_powerwall(self.status)

    @property
    def has_system_status(self) -> bool:
        """Whether charge and every pack come in one answer."""
        return self.has("system_status")

    @property
    def reads_meter_inputs(self) -> bool:
        """Whether `meters/readings` reads while the Powerwall runs: on 1.15, no longer from 20.49 on (21.39)."""
        return self.login_stops_powerwall

    @property
    def can_write_operation(self) -> bool:
        """Whether mode and reserve can be set: by the installer's login alone, which everybody has before 1.37."""
        if self.status is None:
            return False
        release = self.status.release
        return _INSTALLER in self.roles or (release is not None and release < _CUSTOMER_READS_ONLY)

    @property
    def operation_mode_key(self) -> str:
        """What a write of the operation calls the mode; the other name is refused with 500."""
        release = self.status.release if self.status else None
        return "mode" if release is not None and release < _REAL_MODE else "real_mode"

    @property
    def takes_signed(self) -> bool:
        """Whether signed requests are worth a try (firmware of 2026)."""
        return self.has("/tedapi/din")

    def has(self, path: str) -> bool:
        """Whether a path is there, as far as is known."""
        return path not in self.missing
