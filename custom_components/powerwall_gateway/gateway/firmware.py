"""Firmware versions and what they support. No version is compared outside of this module."""

from dataclasses import dataclass

from .models import Status

_ENCRYPTED = (1, 20)
"""First version with HTTPS. Older ones have plain HTTP only."""

_REAL_MODE = (1, 21)
"""First version that calls the operation mode `real_mode` in a write."""

_CUSTOMER_READS_ONLY = (1, 37)
"""First version with a customer login, which may not write the operation."""

_LOGIN_LEAVES_RUNNING = (20, 49)
"""First version where owners log in to read, and nothing stops. Below it a login is the installer's wizard."""

_FORCED_LOGIN = (1, 16)
"""First version where a login that stops the Powerwall requires `force_sm_off` (seen on 1.17.1)."""

_INSTALLER = "Provider_Engineer"


def login_stops_powerwall(status: Status | None) -> bool:
    """Return True if a login stops the Powerwall: no charging, no backup until someone starts it again.

    True below 20.49 and for every version that cannot be read. `None` stands for a Powerwall 3,
    which was never seen to stop. A 404 of `/api/status` does not prove one: see `auth.is_powerwall_3`.
    """
    if status is None:
        return False
    return status.release is None or status.release < _LOGIN_LEAVES_RUNNING


def speaks_plain_http(status: Status | None) -> bool:
    """Return True if a firmware has plain HTTP only. An unknown version counts as a newer one."""
    return status is not None and status.release is not None and status.release < _ENCRYPTED


def login_wants_force(status: Status | None) -> bool:
    """Return True if a login that stops the Powerwall requires `force_sm_off`; 1.15 stops without it."""
    release = status.release if status else None
    return login_stops_powerwall(status) and release is not None and release >= _FORCED_LOGIN


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Features that one gateway supports with one login, as far as known."""

    status: Status | None  #: The last response of `/api/status` with a version; None if it never responded
    roles: tuple[str, ...] = ()  #: Roles of the present session
    missing: frozenset[str] = frozenset()  #: Paths that returned 404 on this firmware a short time ago

    @property
    def is_restricted(self) -> bool:
        """Return True for a Powerwall 3, which has four paths only: login, meters, charge, grid."""
        return self.status is None

    @property
    def login_stops_powerwall(self) -> bool:
        """Return True if a login is known to stop the Powerwall. `SessionManager` finds out if nothing is known."""
        return login_stops_powerwall(self.status)

    @property
    def has_system_status(self) -> bool:
        """Return True if charge and every Powerwall come in one response."""
        return self.has("system_status")

    @property
    def reads_meter_inputs(self) -> bool:
        """Return True if `meters/readings` works while the Powerwall runs: on 1.15, not from 20.49 on (21.39)."""
        return self.login_stops_powerwall

    @property
    def can_write_operation(self) -> bool:
        """Return True if mode and reserve can be set: by the installer login only, which everyone has before 1.37."""
        if self.status is None:
            return False
        release = self.status.release
        return _INSTALLER in self.roles or (release is not None and release < _CUSTOMER_READS_ONLY)

    @property
    def operation_mode_key(self) -> str:
        """Return the key of the mode in a write of the operation; the other one is rejected with 500."""
        release = self.status.release if self.status else None
        return "mode" if release is not None and release < _REAL_MODE else "real_mode"

    @property
    def takes_signed(self) -> bool:
        """Return True unless it is known that the firmware has no signed requests (2026 and later)."""
        return self.has("/tedapi/din")

    def has(self, path: str) -> bool:
        """Return True unless it is known that a path is missing."""
        return path not in self.missing
