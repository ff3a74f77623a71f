"""Login responses, and the session that is kept over a restart."""

from collections.abc import Mapping
from dataclasses import dataclass

from .base import Model
from .fields import key, secret


@dataclass(frozen=True, kw_only=True)
class LoginRecord(Model):
    """Response of `POST /api/login/Basic`. Seed, "Login"."""

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
    """A stored session."""

    token: str | None = secret()
    cookies: Mapping[str, str] | None = secret()
    roles: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class LoginMemory(Model):
    """A stored session, and the backoff after failed logins."""

    session: SessionRecord | None = None

    failures: int | None = None
    """Failed logins in a row."""

    refusals: int | None = None
    """Number of these that the gateway rejected."""

    not_before: float | None = None
    """Earliest time of the next login, in seconds since 1970."""

    firmware: str | None = None
    """Last known `version` of the gateway."""
