"""Meeting a gateway for the first time: is it one, which firmware, does it want a login, who is it?"""

from contextlib import suppress
from dataclasses import dataclass
import re

from aiohttp import ClientSession

from .address import Address
from .capabilities import login_stops_powerwall
from .client import PowerwallGateway
from .connection import Connection, find
from .errors import (
    GatewayDeniedError,
    GatewayNotFoundError,
    GatewayPayloadError,
    GatewayStoppedError,
)
from .models import Din, Status

_SERIAL = re.compile(r"[A-Z0-9]{6,30}")


@dataclass(frozen=True, kw_only=True)
class Introduction:
    """What a gateway tells anybody, without a login."""

    connection: Connection
    status: Status | None
    """None from a Powerwall 3, which has no `/api/status`."""

    needs_login: bool
    """Whether its data are read with a login only (20.49 and later)."""

    @property
    def login_stops_powerwall(self) -> bool:
        """Whether a login would stop the Powerwall."""
        return login_stops_powerwall(self.status)


async def meet(session: ClientSession, address: Address) -> Introduction:
    """Look who answers at an address, by reads without effect alone.

    Raises `GatewayUnreachableError` when nobody does, `GatewayBusyError` when it asks to
    wait, and another `GatewayAnswerError` when it is no Powerwall gateway.
    """
    connection = await find(session, address)
    gateway = PowerwallGateway(connection)
    status: Status | None = None
    try:
        status = await gateway.status()
        if not status.version:
            raise GatewayPayloadError("the answer names no firmware", path="status")
    except GatewayNotFoundError:
        pass
    try:
        await gateway.meters_aggregates()
    except GatewayDeniedError:
        return Introduction(connection=connection, status=status, needs_login=True)
    except GatewayStoppedError:
        pass
    return Introduction(connection=connection, status=status, needs_login=False)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which gateway this is and what it runs."""

    status: Status | None
    """None from a Powerwall 3."""

    din: Din | None
    """None where it cannot be read."""


async def identify(gateway: PowerwallGateway) -> Identity:
    """Read who the gateway is, by as few requests as possible.

    21.x and later tell it in `status`, to anybody; older ones in `config`, with a login;
    1.15 without one and a Powerwall 3 tell nobody.
    """
    status: Status | None = None
    with suppress(GatewayNotFoundError):
        status = await gateway.status()
        if din := Din.parse(status.din):
            return Identity(status=status, din=din)
    din = None
    if gateway.has_credentials:
        with suppress(GatewayDeniedError, GatewayNotFoundError):
            din = Din.parse((await gateway.config()).vin)
    return Identity(status=status, din=din)


def parse_serial(typed: str) -> str:
    """Read a serial as printed on the label, or out of a whole DIN; case and blanks are forgiven.

    Raises ValueError for what cannot be one.
    """
    serial = "".join(typed.split()).upper().rpartition("--")[2]
    if not _SERIAL.fullmatch(serial):
        raise ValueError("a serial has six or more letters and digits")
    return serial
