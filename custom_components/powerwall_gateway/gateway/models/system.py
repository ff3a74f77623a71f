"""The gateway itself: `status`, `sitemaster`, and its identity number."""

from dataclasses import dataclass
from datetime import timedelta
import re
from typing import Self

from .base import Model
from .fields import key, redacted
from .part_numbers import FIRST_GATEWAY, SOLAR_INVERTER, gateway_model

_FIRST_TYPE = "hec"
_INVERTER_TYPE = "pvinverter"
_SECOND_GATEWAY = (1, 20)

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}(?![0-9]))+")


@dataclass(frozen=True, kw_only=True)
class Din:
    """A gateway's identity, `<part number>--<serial>`, for instance `1232100-00-E--TG1234567890AB`."""

    part_number: str
    serial_number: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Split a DIN at its first double dash; None for what is no DIN."""
        part_number, dashes, serial_number = (text or "").strip().upper().partition("--")
        if not (part_number and dashes and serial_number):
            return None
        return cls(part_number=part_number, serial_number=serial_number)

    @property
    def model(self) -> str | None:
        """The gateway's name in Tesla's manuals, None for a part that is not known."""
        return gateway_model(self.part_number)


@dataclass(frozen=True, kw_only=True)
class Status(Model):
    """`GET /api/status`: open on every Powerwall 2 firmware, 404 on a Powerwall 3. Seed, `status`.

    `start_time` is left out on purpose: it always ends in `+0800`, whatever the site's
    zone. The gateway started `up_time` ago.
    """

    version: str | None = None
    """As the gateway prints it: `1.15.0`, `21.44 223a56cd`, `23.4.2-1 fe55682a`."""

    up_time: timedelta | None = key("up_time_seconds", compare=False)
    """Since the gateway's own start; a Go duration on the wire, despite its name."""

    git_hash: str | None = None

    is_new: bool | None = None
    """Whether it was never set up, by its name."""

    din: str | None = None
    """21.x and later."""

    device_type: str | None = None
    """`hec` (Gateway 1), `teg` (Gateway 2 and later), `smc`."""

    commission_count: int | None = None
    """Rises with every `config/completed`."""

    sync_type: str | None = None
    """`v1`, `v2`, `v2.1`."""

    cellular_disabled: bool | None = None

    teg_type: str | None = None
    """`unknown`, or `pvinverter` for a solar inverter without a Powerwall; 23.x and later."""

    can_reboot: bool | None = None
    """23.x and later; a text in `sitemaster`."""

    @property
    def model(self) -> str | None:
        """The gateway's name in Tesla's manuals, None where nothing tells it.

        By the DIN (21.x and later), else by the device type: `hec` is the first gateway, `teg` any later one. Firmware
        below 1.20, without a device type, is of 2018 and ran on the first gateway alone.
        """
        if (din := Din.parse(self.din)) and din.model:
            return din.model
        is_old = self.device_type is None and self.release is not None and self.release < _SECOND_GATEWAY
        return FIRST_GATEWAY if self.device_type == _FIRST_TYPE or is_old else None

    @property
    def is_solar_inverter(self) -> bool:
        """Whether it is a solar inverter on a site without a Powerwall, which has no grid contactor either."""
        return self.teg_type == _INVERTER_TYPE or self.model == SOLAR_INVERTER

    @property
    def firmware(self) -> str | None:
        """The version without the build's hash, as people name it."""
        return self.version.split()[0] if self.version else None

    @property
    def release(self) -> tuple[int, ...] | None:
        """The version as numbers that compare, None where it cannot be read."""
        found = _VERSION.match(self.version or "")
        return tuple(int(step) for step in found[0].split(".")) if found else None


@dataclass(frozen=True, kw_only=True)
class Sitemaster(Model):
    """`GET /api/sitemaster`: does the Powerwall run? Answers also while it is stopped. Seed, `sitemaster`."""

    running: bool | None = None

    connected_to_tesla: bool | None = None
    """On 1.15 false while stopped; on 21.x the connection's own state."""

    status: str | None = None
    """`StatusUp` or `StatusDown`, from about 1.45 on."""

    can_reboot: str | None = redacted()
    """`Yes` or what stands in the way; empty while stopped."""

    power_supply_mode: bool | None = None
    """21.x and later; only ever seen false."""

    uptime: str | None = None
    """1.15 to 1.4x: `166594s,` while it runs, `log:` when it is stopped."""

    @property
    def running_for(self) -> timedelta | None:
        """How long it has been running, where the firmware tells (up to 1.4x)."""
        seconds = (self.uptime or "").rstrip(",")
        return timedelta(seconds=int(seconds[:-1])) if re.fullmatch(r"\d{1,10}s", seconds) else None
