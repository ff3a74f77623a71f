"""Logins: what the gateway answers, and what we keep of it over a restart."""

from collections.abc import Mapping
from dataclasses import dataclass

from .base import Model
from .fields import key, secret


@dataclass(frozen=True, kw_only=True)
class LoginRecord(Model):
    """What `POST /api/login/Basic` answers. Seed, "Login"."""

    token: str | None = secret()
    roles: tuple[str, ...] | None = None
    """`Home_Owner` (customer), `Provider_Engineer` (installer), …"""


@dataclass(frozen=True, kw_only=True)
class ToggleAuth(Model):
    """`GET /api/auth/toggle/supported`; 21.39 and later."""

    supported: bool | None = key("toggle_auth_supported")
    """True while the Powerwall runs, false while it is stopped."""


@dataclass(frozen=True, kw_only=True)
class SessionRecord(Model):
    """A session that was kept."""

    token: str | None = secret()
    cookies: Mapping[str, str] | None = secret()
    roles: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class LoginMemory(Model):
    """A session that was kept, and the wait after failures."""

    session: SessionRecord | None = None

    failures: int | None = None
    """Logins in a row that failed."""

    refusals: int | None = None
    """Of these, the ones that the gateway refused."""

    not_before: float | None = None
    """Seconds since 1970 before which not to log in."""

    firmware: str | None = None
    """The gateway's `version`, as it was last read."""
