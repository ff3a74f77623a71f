"""The gateway itself: part numbers, DIN, `status`, `sitemaster`, `system/update/status` and the login.

A part number has the form `7 digits - 2 digits - revision`, for instance `1232100-00-E`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
import re
from typing import Any, Self, override

from .base import Model
from .fields import epoch_ms, key, redacted, secret

SOLAR_INVERTER = "Solar Inverter"
"""The model of a Tesla inverter that is a gateway itself, on a site without a Powerwall."""

POWERWALL_3_EXPANSION = "Powerwall 3 Expansion"

FIRST_GATEWAY = "Backup Gateway 1"
"""The only gateway until 2019: device type `hec` in `status`, or none on older firmware."""

_GATEWAYS = {
    "1099752": FIRST_GATEWAY,
    "1118431": FIRST_GATEWAY,
    "1152100": "Backup Gateway 2",
    "1232100": "Backup Gateway 2",
    "1534000": SOLAR_INVERTER,
    "1538000": SOLAR_INVERTER,
    "1538100": SOLAR_INVERTER,
    "1707000": "Powerwall 3",
    "1841000": "Gateway 3",
}

_POWERWALLS = {
    "1092170": "Powerwall 2",
    "2012170": "Powerwall 2",
    "3012170": "Powerwall 2",
    "1850000": "Powerwall+",
    "1707000": "Powerwall 3",
    "1807000": POWERWALL_3_EXPANSION,
}

_POWERWALL_PLUS = "SolarPowerwall"


def powerwall_model(part_number: str | None, kind: str | None = None) -> str | None:
    """Return a Powerwall's name, None for an unknown part number.

    `kind` is the inventory's `type`: only that identifies a Powerwall+, which may have the part number of a Powerwall 2
    (23.28).
    """
    if kind == _POWERWALL_PLUS:
        return "Powerwall+"
    return _POWERWALLS.get((part_number or "").partition("-")[0])


_FIRST_TYPE = "hec"
_INVERTER_TYPE = "pvinverter"
_SECOND_GATEWAY = (1, 20)

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}(?![0-9]))+")


@dataclass(frozen=True, kw_only=True)
class Din:
    """A gateway's DIN, `<part number>--<serial>`, for instance `1232100-00-E--TG1234567890AB`."""

    part_number: str
    serial_number: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Split a DIN at its first double dash; None for any other text."""
        part_number, dashes, serial_number = (text or "").strip().upper().partition("--")
        if not (part_number and dashes and serial_number):
            return None
        return cls(part_number=part_number, serial_number=serial_number)

    @property
    def model(self) -> str | None:
        """Return the gateway's name in Tesla's manuals, None for an unknown part number."""
        return _GATEWAYS.get(self.part_number.partition("-")[0])


@dataclass(frozen=True, kw_only=True)
class Status(Model):
    """`GET /api/status`: open on every Powerwall 2 firmware, 404 on a Powerwall 3. Seed, `status`.

    `start_time` is not read: it always ends in `+0800`, whatever the site's zone. The gateway started `up_time` ago.
    """

    version: str | None = None  #: As the gateway reports it: `1.15.0`, `21.44 223a56cd`, `23.4.2-1 fe55682a`

    up_time: timedelta | None = key("up_time_seconds", compare=False)
    """Time since the gateway's own start; a Go duration on the wire, despite the key's name."""

    git_hash: str | None = None
    din: str | None = None  #: 21.x and later
    device_type: str | None = None  #: `hec` (Gateway 1), `teg` (Gateway 2 and later), `smc`
    commission_count: int | None = None  #: Rises with every `config/completed`
    teg_type: str | None = None  #: `unknown`, or `pvinverter` for a solar inverter without a Powerwall; 23.x and later

    @property
    def model(self) -> str | None:
        """Return the gateway's name in Tesla's manuals, None if it cannot be known.

        Taken from the DIN (21.x and later), otherwise from the device type: `hec` is the first gateway, `teg` any later
        one. Firmware below 1.20, without a device type, is from 2018 and ran on the first gateway only.
        """
        if (din := Din.parse(self.din)) and din.model:
            return din.model
        is_old = self.device_type is None and self.release is not None and self.release < _SECOND_GATEWAY
        return FIRST_GATEWAY if self.device_type == _FIRST_TYPE or is_old else None

    @property
    def is_solar_inverter(self) -> bool:
        """Return True for a solar inverter on a site without a Powerwall, which has no grid contactor either."""
        return self.teg_type == _INVERTER_TYPE or self.model == SOLAR_INVERTER

    @property
    def firmware(self) -> str | None:
        """Return the version without the hash of the build."""
        return self.version.split()[0] if self.version else None

    @property
    def release(self) -> tuple[int, ...] | None:
        """Return the version as a tuple of numbers, None if it cannot be parsed."""
        found = _VERSION.match(self.version or "")
        return tuple(int(step) for step in found[0].split(".")) if found else None


@dataclass(frozen=True, kw_only=True)
class Sitemaster(Model):
    """`GET /api/sitemaster`: operation of the Powerwall. Responds also while it is stopped. Seed, `sitemaster`."""

    running: bool | None = None
    connected_to_tesla: bool | None = None  #: False while stopped on 1.15; the state of the connection itself on 21.x
    status: str | None = None  #: `StatusUp` or `StatusDown`; about 1.45 and later
    can_reboot: str | None = redacted()  #: `Yes` or the reason against it; empty while stopped
    uptime: str | None = None  #: 1.15 to 1.4x: `166594s,` while it runs, `log:` when it is stopped

    @property
    def running_for(self) -> timedelta | None:
        """Return the time since its start (up to 1.4x)."""
        seconds = (self.uptime or "").rstrip(",")
        return timedelta(seconds=int(seconds[:-1])) if re.fullmatch(r"\d{1,10}s", seconds) else None


class UpdateState(StrEnum):
    """State of an update. The values are the gateway's, their meaning is the seed's."""

    CHECKING = "/clear_update_status"  #: The gateway looks for new firmware: poll until the state changes
    DOWNLOADING = "/download"
    DOWNLOADED = "/update_downloaded"  #: Ready to update
    STAGED = "/update_staged"
    SUCCEEDED = "/update_succeeded"
    FAILED = "/update_failed"  #: Failed, or nothing to do: see `SystemUpdate.words`
    NO_UPDATE = "/update_unknown"  #: No update in progress on 21.x


@dataclass(frozen=True, kw_only=True)
class SystemUpdate(Model):
    """`GET /api/system/update/status`. Seed, `system/update/status`.

    The seed reads a `current_time` of 1422697552910 as April 2018. It is January 2015, a wrong clock of that gateway.
    """

    state: UpdateState | None = None

    words: tuple[str, ...] | None = None
    """Details: `nonactionable` (all is well), `ignoring` (perhaps something may not be interrupted), `error`."""

    version: str | None = None  #: Installed firmware, as in `status`; 21.39 and later
    estimated_bytes_per_second: float | None = None  #: Speed of a download; 21.39 and later, null without one
    current_time: datetime | None = epoch_ms(compare=False)  #: The gateway's clock

    last_status_time: datetime | None = epoch_ms(compare=False)
    """Time of the last report of the state; 21.39 and later."""

    @override
    @staticmethod
    def normalize(wire: dict[Any, Any]) -> dict[Any, Any]:
        """Convert to one level: the details are in `info`."""
        info = wire.get("info")
        return wire | {"words": info.get("status")} if isinstance(info, dict) else wire


@dataclass(frozen=True, kw_only=True)
class Session(Model):
    """Response of `POST /api/login/Basic`. Seed, "Login". A gateway keeps several in parallel, for hours or longer."""

    token: str | None = secret()
    cookies: Mapping[str, str] | None = secret()  #: Those that the gateway set (1.37 and later)
    roles: tuple[str, ...] | None = None  #: `Home_Owner` (customer), `Provider_Engineer` (installer), …

    @cached_property
    def headers(self) -> dict[str, str]:
        """Return the token and the cookies.

        Some firmware of early 2021 accepts the cookies only, other firmware the token only (reference, 3.2).
        """
        cookies = "; ".join(f"{name}={value}" for name, value in (self.cookies or {}).items())
        return self.bearer | ({"Cookie": cookies} if cookies else {})

    @cached_property
    def bearer(self) -> dict[str, str]:
        """Return the token alone."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, kw_only=True)
class LoginMemory(Model):
    """A stored session, and the backoff after failed logins."""

    session: Session | None = None
    failures: int | None = None  #: Failed logins in a row
    refusals: int | None = None  #: Number of these that the gateway rejected
    not_before: float | None = None  #: Earliest time of the next login, in seconds since 1970
    firmware: str | None = None  #: Last known `version` of the gateway
