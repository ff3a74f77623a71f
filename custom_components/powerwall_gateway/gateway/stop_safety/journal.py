"""The recovery journal: it notes that a login or stop may have stopped the Powerwall, so that it is started again.

A journal with any invalid value counts as corrupt. Of a gateway's response, in contrast, the other values are used.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from time import monotonic
from typing import Any, Final, Protocol, Self

from ..exceptions import CommandError, CommandFailure, JournalError
from ..transport import Address, Transport

VERSION: Final = 1
DAY: Final = 86400.0


class Kind(StrEnum):
    """Kinds of actions that stop the Powerwall."""

    LOGIN = "login"
    STOP = "stop"


class Journal(Protocol):
    """Store one JSON object where it outlives the process.

    Every failure raises `JournalError`. A write that returns is certainly on disk. A write that fails or is interrupted
    leaves the previous content.
    """

    async def read(self) -> object:
        """Return the last content, None if nothing was ever written."""

    async def write(self, content: Mapping[str, Any]) -> None:
        """Replace the content."""


@dataclass(frozen=True, kw_only=True)
class PendingAction:
    """A login or stop that has begun and not certainly ended."""

    kind: Kind

    began: float
    """Seconds since 1970."""

    ends: float | None = None
    """End of a stop in seconds since 1970; None for a login."""

    packs: tuple[str, ...] = field(repr=False)
    """Serials of the Powerwalls: recovery starts no others."""

    gateway: Mapping[str, Any]
    """Connection: `host`, `scheme` and `fingerprint`, under the names that an entry's data have."""

    session: Mapping[str, Any] | None = field(default=None, repr=False)
    """The session, as in `PowerwallGateway.export_login`: from 1.40 on a start requires one. It is a secret."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON to store."""
        return asdict(self) | {"kind": str(self.kind), "packs": list(self.packs)}

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Parse what `to_json` returned. Raises `JournalError` for anything else."""
        match content:
            case {
                "kind": "login" | "stop" as kind,
                "began": float() | int() as began,
                "ends": float() | int() | None as ends,
                "packs": [str(), *_] as packs,
                "gateway": {"host": str(), "scheme": "http" | "https", "fingerprint": str() | None} as gateway,
                "session": dict() | None as session,
            } if all(isinstance(pack, str) for pack in packs) and _is_valid_address(gateway):
                return cls(
                    kind=Kind(kind), began=began, ends=ends, packs=tuple(packs), gateway=gateway, session=session
                )
        raise JournalError("the journal is corrupt")


@dataclass(frozen=True, kw_only=True)
class JournalRecord:
    """The whole journal. It is open while an action is in progress."""

    logins: tuple[float, ...] = ()
    """Times of the logins that stopped the Powerwall, in seconds since 1970. Those of the last day count."""

    under_way: PendingAction | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON to store."""
        return {
            "version": VERSION,
            "logins": list(self.logins),
            "under_way": self.under_way.to_json() if self.under_way else None,
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Parse what `to_json` returned, or None for a journal that was never written.

        Raises `JournalError` for anything else.
        """
        match content:
            case None:
                return cls()
            case {"version": version, "logins": [*logins], "under_way": under_way} if version == VERSION and all(
                isinstance(login, float | int) for login in logins
            ):
                return cls(
                    logins=tuple(logins), under_way=None if under_way is None else PendingAction.from_json(under_way)
                )
        raise JournalError("the journal is corrupt")


class JournalStore:
    """Read and write a journal, and check each write by reading it back.

    `clock` is the wall clock. It may be set at any time, so a login in the future counts as one of the last day.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._seen: dict[float, float] = {}
        """Monotonic time in seconds at which this process learned of each login."""

    async def read(self) -> JournalRecord:
        """Return the journal. Raises `JournalError` if it is unreadable or corrupt: that counts as open."""
        return JournalRecord.from_json(await self._journal.read())

    async def read_closed(self) -> JournalRecord:
        """Return the journal with only the logins of the last day. Raises `CommandError` (BUSY) if it is open."""
        record = await self.read()
        if record.under_way:
            raise CommandError("an earlier login or stop is not over yet", reason=CommandFailure.BUSY)
        return replace(record, logins=tuple(filter(self._is_of_today, record.logins)))

    async def write(self, record: JournalRecord) -> None:
        """Write the journal and read it back. Raises `JournalError`."""
        content = record.to_json()
        await self._journal.write(content)
        if await self._journal.read() != content:
            raise JournalError("the journal does not hold what was written")

    async def close(self, record: JournalRecord) -> None:
        """Close the journal, and keep the record's logins. Raises `JournalError`."""
        with suppress(JournalError):
            if (await self.read()).under_way is None:
                return
        await self.write(replace(record, under_way=None))

    def _is_of_today(self, login: float) -> bool:
        """Return whether a login is less than a day old, by the wall clock and by the time since this process read it.

        Without the second, a login that was stored with a wrong clock could block logins for years.
        """
        here = monotonic()
        return self._clock() - login < DAY and here - self._seen.setdefault(login, here) < DAY


def connection_info(connection: Transport) -> dict[str, Any]:
    """Return the address and fingerprint of a connection for the journal."""
    address, fingerprint = connection.address, connection.fingerprint
    return {
        "host": str(address),
        "scheme": address.scheme,
        "fingerprint": fingerprint.hex() if fingerprint else None,
    }


def _is_valid_address(gateway: Mapping[str, Any]) -> bool:
    """Return whether a client can connect with this address and fingerprint."""
    try:
        Address.parse(gateway["host"], gateway["scheme"])
        bytes.fromhex(gateway["fingerprint"] or "")
    except ValueError:
        return False
    return True
