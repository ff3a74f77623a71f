"""Meeting a gateway for the first time: is it one, which firmware, does it want a login, who is it?"""

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
    """What a gateway tells anybody, without a login."""

    connection: Transport
    status: Status | None
    """None from a Powerwall 3, which has no `/api/status`."""

    needs_login: bool
    """Whether its data are read with a login only (20.49 and later)."""

    @property
    def login_stops_powerwall(self) -> bool:
        """Whether a login would stop the Powerwall."""
        return login_stops_powerwall(self.status)

    @property
    def lost_encryption(self) -> bool:
        """Whether it speaks plain HTTP although its firmware has better: somebody may be in between."""
        return self.connection.fingerprint is None and not speaks_plain_http(self.status)


async def probe(session: ClientSession, address: Address) -> ProbeResult:
    """Look who answers at an address, by reads without effect alone.

    A gateway that answers 401 or 403 to `status` is one of unknown firmware, where a login may
    stop the Powerwall: it can be used if it answers `meters/aggregates` without a login.

    Raises `GatewayConnectionError` when nobody does, `GatewayRateLimitError` when it asks to
    wait, and another `GatewayResponseError` when it is no Powerwall gateway.
    """
    connection = await find(session, address)
    gateway = PowerwallGateway(connection)
    denied: GatewayAuthenticationRequiredError | None = None
    try:
        status = await gateway.status()
        if not status.version:
            raise GatewayInvalidResponseError("the answer names no firmware", path="status")
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
    """Which gateway this is and what it runs."""

    status: Status | None
    """None from a Powerwall 3, and where it is denied."""

    din: Din | None = None
    """None where it cannot be read."""

    packs: frozenset[str] = frozenset()
    """The serials of its Powerwalls; empty where they cannot be read, and not asked for where there is a DIN."""

    @property
    def model(self) -> str | None:
        """The gateway's name in Tesla's manuals, None where nothing tells it."""
        return (self.din.model if self.din else None) or (self.status.model if self.status else None)

    @property
    def has_battery(self) -> bool:
        """Whether there is a Powerwall: only a solar inverter that is a gateway itself says that there is none."""
        return not (self.status and self.status.is_solar_inverter)

    def is_known(self, packs: Collection[str]) -> bool:
        """Tell whether enough could be read to tell it from the gateway with one of these Powerwalls."""
        return self.din is not None or bool(packs and self.packs)

    def is_another(self, serial: str, packs: Collection[str]) -> bool:
        """Tell whether this is for sure another gateway than the one with this serial and one of these Powerwalls."""
        if self.din is not None:
            return self.din.serial_number != serial
        return bool(packs and self.packs) and self.packs.isdisjoint(packs)


async def identify(gateway: PowerwallGateway) -> Identity:
    """Read who the gateway is, by as few requests as possible.

    21.x and later tell it in `status`, to anybody; older ones in `config`, with a login. 1.15
    without one names its Powerwalls alone, and a Powerwall 3 tells nothing.

    Raises `WrongGatewayError` when firmware that always encrypts answers without encryption:
    a device nothing is known of, to which the next request would log in.
    """
    status: Status | None = None
    with suppress(GatewayNotFoundError, GatewayAuthenticationRequiredError):
        status = await gateway.status()
        if din := Din.parse(status.din):
            return Identity(status=status, din=din)
    another = WrongGatewayError("firmware that always encrypts answers without encryption")
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
    """Read the Powerwalls' serials, where they can be read."""
    try:
        return await gateway.powerwall_serials()
    except GatewayLoginError, GatewayRateLimitError:
        raise
    except GatewayResponseError:
        return frozenset()


BETWEEN_CHECKS: Final = 3.0
LONGEST_BETWEEN_CHECKS: Final = 300.0
"""Seconds before a gateway that could not be identified is asked again; they double."""


class IdentityCheck:
    """Makes sure, whenever the connection was opened anew, that the same gateway answers as before.

    The answer that tells is the cheapest there is; a gateway that told nothing of itself when
    it was met is asked nothing. `packs` are the serials of its Powerwalls, where those tell.
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
        """How often in a row the gateway could not be identified since the connection was opened."""

        self._not_before = -inf

    async def check(self) -> None:
        """Raise `WrongGatewayError` when another gateway answers, and whatever the answers raise."""
        async with self._turn:
            opened = self._gateway.connection.opened
            if opened == self._seen or not self._tells:
                return
            if opened != self._asked:  # another connection: what the last one did not tell says nothing of it
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
                raise WrongGatewayError("another gateway answers at this address")
            if identity.is_known(self._packs):
                self._seen, self._unsure = opened, 0
                return
            # A gateway that boots identifies itself later; another one must not pass until the next connection.
            self._unsure += 1
            self._not_before = monotonic() + wait_after(self._unsure, BETWEEN_CHECKS, LONGEST_BETWEEN_CHECKS)


@dataclass(frozen=True, kw_only=True)
class SiteSummary:
    """What a person recognises a system by."""

    identity: Identity

    site_name: str | None
    """What the owner called the place."""

    packs: frozenset[str] | None
    """The serials of its Powerwalls, None where they cannot be read."""


async def read_site_summary(gateway: PowerwallGateway) -> SiteSummary:
    """Read what a person recognises a system by; what cannot be read is left out, but for who it is."""
    identity = await identify(gateway)
    site_name = None
    with suppress(GatewayResponseError):
        site_name = (await gateway.site_info()).site_name
    return SiteSummary(identity=identity, site_name=site_name, packs=identity.packs or await _packs_of(gateway) or None)


def parse_serial(typed: str) -> str:
    """Read a serial as printed on the label, or out of a whole DIN; case and blanks are forgiven.

    Raises ValueError for what cannot be one.
    """
    serial = "".join(typed.split()).upper().rpartition("--")[2]
    if not _SERIAL.fullmatch(serial):
        raise ValueError("a serial has six or more letters and digits")
    return serial
