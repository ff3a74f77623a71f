"""Connect to a gateway for the first time: firmware, required login, identity."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from math import inf
import re
from time import monotonic
from typing import Final

from aiohttp import ClientSession

from .auth import is_powerwall_3
from .backoff import wait_after
from .client import PowerwallGateway
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayError,
    GatewayInvalidResponseError,
    GatewayLoginError,
    GatewayNotFoundError,
    GatewayRateLimitError,
    GatewayResponseError,
    GatewayStoppedError,
    WrongGatewayError,
)
from .firmware import login_stops_powerwall, speaks_plain_http
from .models import Din, Status
from .transport import Address, Transport, find

_SERIAL = re.compile(r"[A-Z0-9]{6,30}")


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """A gateway's response to requests without a login."""

    connection: Transport
    status: Status | None  #: None for a Powerwall 3, which has no `/api/status`
    needs_login: bool  #: True if its data require a login (20.49 and later)

    @property
    def login_stops_powerwall(self) -> bool:
        """Return True if a login would stop the Powerwall."""
        return login_stops_powerwall(self.status)

    @property
    def lost_encryption(self) -> bool:
        """Return True for plain HTTP although the firmware has HTTPS: someone may be in between."""
        return self.connection.fingerprint is None and not speaks_plain_http(self.status)


async def probe(session: ClientSession, address: Address) -> ProbeResult:
    """Detect a gateway at an address, by reads without an effect.

    The firmware is unknown if `status` returns 401 or 403, so a login may stop the Powerwall. Such a gateway can be
    used if `meters/aggregates` requires no login.

    Raises `GatewayConnectionError` if nothing responds, `GatewayRateLimitError` if the gateway is busy, and another
    `GatewayResponseError` if the device is no Powerwall gateway.
    """
    connection = await find(session, address)
    gateway = PowerwallGateway(connection)
    denied: GatewayAuthenticationRequiredError | None = None
    try:
        status = await gateway.status()
        if not status.version:
            raise GatewayInvalidResponseError("the response has no firmware version", path="status")
    except GatewayNotFoundError:
        if not await is_powerwall_3(connection):
            raise
        return ProbeResult(connection=connection, status=None, needs_login=True)
    except GatewayAuthenticationRequiredError as err:
        status, denied = Status(), err
    try:
        await gateway.meters_aggregates()
    except GatewayAuthenticationRequiredError:
        if denied:
            raise denied from None
        return ProbeResult(connection=connection, status=status, needs_login=True)
    except GatewayStoppedError:
        if denied:
            raise denied from None
    return ProbeResult(connection=connection, status=status, needs_login=False)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Identity and firmware of a gateway."""

    status: Status | None  #: None for a Powerwall 3, and if it is denied
    din: Din | None = None  #: None if it cannot be read

    packs: frozenset[str] = frozenset()
    """Serials of the Powerwalls; empty if they cannot be read. They are not read if there is a DIN."""

    @property
    def model(self) -> str | None:
        """Return the gateway's name in Tesla's manuals, None if it is unknown."""
        return (self.din.model if self.din else None) or (self.status.model if self.status else None)

    @property
    def has_battery(self) -> bool:
        """Return False for a solar inverter that is a gateway itself: only this one has no Powerwall."""
        return not (self.status and self.status.is_solar_inverter)

    def is_known(self, packs: Collection[str]) -> bool:
        """Return True if it can be compared with the gateway that has one of these Powerwalls."""
        return self.din is not None or bool(packs and self.packs)

    def is_another(self, serial: str, packs: Collection[str]) -> bool:
        """Return True if it is certainly not the gateway with this serial and one of these Powerwalls."""
        if self.din is not None:
            return self.din.serial_number != serial
        return bool(packs and self.packs) and self.packs.isdisjoint(packs)


async def identify(gateway: PowerwallGateway) -> Identity:
    """Read the identity of the gateway, by as few requests as possible.

    The DIN is in `status` without a login (21.x and later), or in `config` with one (older). 1.15 without a login
    identifies its Powerwalls only, and a Powerwall 3 nothing.

    Raises `WrongGatewayError` if firmware that always encrypts responds without encryption: the next request would log
    in to an unknown device.
    """
    status: Status | None = None
    with suppress(GatewayNotFoundError, GatewayAuthenticationRequiredError):
        status = await gateway.status()
        if din := Din.parse(status.din):
            return Identity(status=status, din=din)
    another = WrongGatewayError("firmware that always encrypts responds without encryption")
    plain = gateway.connection.fingerprint is None
    if plain and status and not login_stops_powerwall(status):
        raise another
    if gateway.has_credentials:
        with suppress(GatewayAuthenticationRequiredError, GatewayNotFoundError):
            if din := Din.parse((await gateway.config()).vin):
                return Identity(status=status, din=din)
    packs = await _packs_of(gateway)
    if plain and not status and not packs:
        raise another
    return Identity(status=status, packs=packs)


async def _packs_of(gateway: PowerwallGateway) -> frozenset[str]:
    """Return the serials of the Powerwalls, empty if they cannot be read."""
    try:
        return await gateway.powerwall_serials()
    except GatewayLoginError, GatewayRateLimitError:
        raise
    except GatewayResponseError:
        return frozenset()


BETWEEN_CHECKS: Final = 3.0
LONGEST_BETWEEN_CHECKS: Final = 300.0
"""Seconds before a gateway that could not be identified is read again; they double."""


class IdentityCheck:
    """Check after each new connection that the same gateway responds as before.

    `met` is its identity at the first connection. If that had neither DIN nor Powerwalls, nothing is checked. `packs`
    are the serials of its Powerwalls, if there is no DIN.
    """

    def __init__(self, gateway: PowerwallGateway, met: Identity, *, serial: str, packs: Collection[str]) -> None:
        self._gateway = gateway
        self._serial = serial
        self._packs = packs
        self._tells = met.din is not None or bool(packs)
        self._seen = self._asked = gateway.connection.opened
        self._turn = asyncio.Lock()
        self._failure: GatewayError | None = None
        self._unsure = 0
        """Number of failed attempts to identify the gateway on this connection."""

        self._not_before = -inf

    async def check(self) -> None:
        """Raise `WrongGatewayError` if another gateway responds, or the error of a read."""
        async with self._turn:
            opened = self._gateway.connection.opened
            if opened == self._seen or not self._tells:
                return
            if opened != self._asked:  # a new connection: attempts on the last one do not count
                self._asked, self._unsure = opened, 0
                self._not_before = min(self._not_before, monotonic() + BETWEEN_CHECKS)
            if monotonic() < self._not_before:
                if self._failure:
                    raise self._failure.bare()
                return
            self._failure = None
            try:
                identity = await identify(self._gateway)
            except GatewayError as err:
                self._failure, self._not_before = err.bare(), monotonic() + BETWEEN_CHECKS
                raise
            if identity.is_another(self._serial, self._packs):
                raise WrongGatewayError("another gateway responds at this address")
            if identity.is_known(self._packs):
                self._seen, self._unsure = opened, 0
                return
            # A gateway that boots identifies itself later; another one must not pass until the next connection.
            self._unsure += 1
            self._not_before = monotonic() + wait_after(self._unsure, BETWEEN_CHECKS, LONGEST_BETWEEN_CHECKS)


@dataclass(frozen=True, kw_only=True)
class SiteSummary:
    """Summary by which an owner recognizes a system."""

    identity: Identity
    site_name: str | None
    packs: frozenset[str] | None  #: Serials of the Powerwalls, None if they cannot be read


async def read_site_summary(gateway: PowerwallGateway) -> SiteSummary:
    """Return a summary of the system. Only the identity must be readable."""
    identity = await identify(gateway)
    site_name = None
    with suppress(GatewayResponseError):
        site_name = (await gateway.site_info()).site_name
    return SiteSummary(identity=identity, site_name=site_name, packs=identity.packs or await _packs_of(gateway) or None)


def parse_serial(typed: str) -> str:
    """Return a serial in capitals from the text on the label or from a DIN. Case and blanks do not matter.

    Raises ValueError for anything else.
    """
    serial = "".join(typed.split()).upper().rpartition("--")[2]
    if not _SERIAL.fullmatch(serial):
        raise ValueError("a serial has six or more letters and digits")
    return serial
