"""The hardware and firmware of a gateway: versions, part numbers, serial numbers and uptimes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Nameplate:
    """A firmware build on a piece of hardware."""

    version: str
    git_hash: str
    part_number: str
    serial: str
    pack_part_number: str
    pack_serial: str
    """The first Powerwall's serial; the next ones count up."""
    meter_serial: str
    boot_seconds: int
    """Uptime of the gateway in seconds when the simulation starts."""
    sitemaster_seconds: int
    """Uptime of its sitemaster in seconds by then."""
    commission_count: int = 0

    def serial_of_pack(self, number: int) -> str:
        """Return the serial of a Powerwall; they count from 1."""
        stem, first = self.pack_serial[:-7], int(self.pack_serial[-7:])
        return f"{stem}{first + number - 1:07d}"
