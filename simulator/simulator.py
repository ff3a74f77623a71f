"""Run one simulated gateway on a port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from simulator.certificate import certificate
from simulator.control_api import PATH as CONTROL_PATH, ControlApi
from simulator.faults import Faults
from simulator.firmware import PROFILES
from simulator.gateway import Gateway, Profile
from simulator.home import SimulatedHome
from simulator.listener import HOST, Listener
from simulator.redirect import moved
from simulator.server import GatewayServer, Request
from simulator.timing import Timing
from simulator.wire import Json


class Simulator:
    """A simulated gateway on 127.0.0.1. Its home advances by the wall clock times `speed` at every request."""

    def __init__(
        self,
        firmware: str = "21.44",
        *,
        home: SimulatedHome | None = None,
        serial: str | None = None,
        password: str | None = None,
        speed: float = 1.0,
        latency: float = 0.0,
        powerwall_plus: bool = False,
        generator: bool = False,
        busway: bool = False,
        ethernet: bool = False,
    ) -> None:
        """Build the gateway. A given `home` has its own Powerwall+ and generator."""
        if home is not None and (powerwall_plus or generator):
            raise ValueError("Tell the home itself, for example SimulatedHome(powerwall_plus=True).")
        home = home or SimulatedHome(powerwall_plus=powerwall_plus, generator=generator)
        if firmware not in PROFILES:
            raise ValueError(f"Firmware {firmware} is not simulated; choose one of {', '.join(PROFILES)}.")
        self.profile: Profile = PROFILES[firmware]
        if home.powerwall_plus and not self.profile.powerwall_plus:
            raise ValueError(f"Firmware {firmware} knows no Powerwall+.")
        nameplate, rules = self.profile.nameplate, self.profile.login
        serial = serial or nameplate.serial
        self.gateway = Gateway(nameplate, rules, home, serial, password or rules.password(serial))
        self.gateway.busway = busway
        self.gateway.uplinks.ethernet = ethernet
        self.timing = Timing(self.gateway.home, speed, latency)
        self.server = GatewayServer(self.profile, self.gateway, self.timing)
        self.port = 0
        self._certificate = certificate(serial) if self.profile.tls else None
        self._generation = 0
        self._listener = Listener(self._handle)
        self._plain = self._redirecting()
        self.http_port: int | None = None
        """Port that redirects plain HTTP to HTTPS, on firmware that does so."""
        self._control_api = ControlApi(self.gateway, self.server, self.timing)

    # -- lifecycle -----------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0, *, http_port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 picks a free one. `http_port` redirects plain HTTP to HTTPS."""
        context = self._certificate.context() if self._certificate else None
        self.server.observer_loop = asyncio.get_running_loop()
        self.timing.start()
        self.port = await self._listener.open(port, context)
        if self._plain is not None:
            self.http_port = await self._plain.open(http_port, None)

    async def stop(self) -> None:
        """Stop listening and close every connection; `start` may follow."""
        await self._listener.close()
        if self._plain is not None:
            await self._plain.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.Request, connection: int) -> web.Response:
        self.timing.catch_up()
        if request.path == CONTROL_PATH:
            return self._control_api.response(request.method, await request.read(), self.connections)
        return await self.server.handle(request, connection)

    def _redirecting(self) -> Listener | None:
        return Listener(self._redirect) if self.profile.redirects else None

    async def _redirect(self, request: web.Request, _: int) -> web.Response:
        return moved(self.url + request.path_qs)

    # -- identity ------------------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """Return 127.0.0.1."""
        return HOST

    @property
    def url(self) -> str:
        """Return the URL, for example `https://127.0.0.1:51234`."""
        return f"{'https' if self.profile.tls else 'http'}://{HOST}:{self.port}"

    @property
    def serial(self) -> str:
        """Return the serial. Assign one to become another gateway on the same address, with the same password."""
        return self.gateway.serial

    @serial.setter
    def serial(self, serial: str) -> None:
        self.gateway.serial = serial

    @property
    def din(self) -> str:
        """Part number and serial."""
        return self.gateway.din

    @property
    def password(self) -> str:
        """Return the password. Assign one as an owner does."""
        return self.gateway.desk.password

    @password.setter
    def password(self, password: str) -> None:
        self.gateway.desk.password = password

    @property
    def fingerprint(self) -> bytes | None:
        """SHA-256 of the certificate; None on plain HTTP."""
        return self._certificate.fingerprint if self._certificate else None

    def forgetting_connections(self) -> AbstractContextManager[None]:
        """Stop responding on existing connections for a while, as after a silent loss of the network."""
        return self._listener.forgetting_connections()

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[int]:
        """Refuse connections for a while, then listen on the same port again; the port is free meanwhile."""
        port = self.port
        await self.stop()
        yield port
        await self.start(port)

    def renew_certificate(self) -> None:
        """Make another certificate, for the next `start`."""
        self._generation += 1
        self._certificate = certificate(self.serial, self._generation) if self.profile.tls else None

    def restore_certificate(self) -> None:
        """Show the first certificate again, from the next `start` on."""
        self._generation = 0
        self._certificate = certificate(self.serial) if self.profile.tls else None

    def install(self, firmware: str) -> None:
        """Install another firmware on the same hardware, for the next `start`. Sessions do not survive it."""
        here = self.gateway.nameplate
        self.profile = PROFILES[firmware]
        self.gateway.nameplate = replace(
            self.profile.nameplate,
            part_number=here.part_number,
            pack_part_number=here.pack_part_number,
            pack_serial=here.pack_serial,
            meter_serial=here.meter_serial,
        )
        self.gateway.desk.rules = self.profile.login
        self.tokens.clear()
        self.server.serve(self.profile)
        self._certificate = certificate(self.serial, self._generation) if self.profile.tls else None
        self._plain = self._redirecting()

    # -- behavior ------------------------------------------------------------------------------------------------------

    @property
    def home(self) -> SimulatedHome:
        """The home behind the meters."""
        return self.gateway.home

    @property
    def running(self) -> bool:
        """Return whether the sitemaster runs. Assign to start or stop it."""
        return self.gateway.running

    @running.setter
    def running(self, running: bool) -> None:
        if running:
            self.gateway.run()
        else:
            self.gateway.stop()

    def flip_switch(self) -> None:
        """Turn a Powerwall off and on, which proves presence and confirms pending keys."""
        self.gateway.desk.presence.flip()
        self.gateway.keyring.confirm()

    @property
    def stopped_seconds(self) -> float:
        """Return the total seconds for which the Powerwall has been stopped."""
        return self.gateway.stopped_seconds

    @property
    def tokens(self) -> dict[str, str]:
        """Role by valid token; `clear()` loses all sessions."""
        return self.gateway.desk.tokens

    @property
    def speed(self) -> float:
        """Seconds in the home per second on the clock."""
        return self.timing.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.timing.speed = speed

    @property
    def latency(self) -> float:
        """Seconds per response."""
        return self.timing.latency

    @latency.setter
    def latency(self, latency: float) -> None:
        self.timing.latency = latency

    # -- requests and faults -------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """Every request so far, as it arrived."""
        return self.server.requests

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        return self._listener.connections

    @property
    def logins(self) -> int:
        """Login POSTs seen so far, refused ones too."""
        return self.server.logins

    @property
    def faults(self) -> Faults:
        """Return the active faults."""
        return self.server.faults

    @property
    def overrides(self) -> dict[str, Json | bytes | Callable[[], Json]]:
        """Payloads by path that replace the gateway's own; bytes are sent as they are."""
        return self.server.overrides
