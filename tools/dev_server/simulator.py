"""The simulated gateway in its own process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
import sys

from simulator import PROFILES, SimulatedHome, Simulator
from simulator.home import LOS_ANGELES, SUMMER_NOON
from tools.child_process import ChildProcess, ProcessError, free_port
from tools.dev_server.gateway import GatewayError, find_url
from tools.dev_server.history import before, simulate
from tools.dev_server.target import Target
from tools.hass_process.configuration import REPOSITORY

ATTEMPTS = 100

FIRMWARES = [firmware for firmware, profile in PROFILES.items() if "sitemaster" in profile.endpoints]
"""Those with all values of the table; a Powerwall 3 does not report whether it runs."""

OWN_PASSWORD = "sunshine"
"""Set by the owner. Where a login stops the Powerwall, the password follows from the serial number."""


@asynccontextmanager
async def simulated_gateway(
    firmware: str,
    speed: float,
    folder: Path,
    notify: Callable[[str], None],
    now: datetime | None = None,
    *,
    lively: bool = False,
    packs: int = 2,
    serial: str | None = None,
) -> AsyncIterator[Target]:
    """Start a simulated gateway with a history, and stop it afterwards.

    The simulated home's clock has this time, or the time of day of this computer in summer.
    """
    now = now or datetime.combine(SUMMER_NOON, datetime.now().astimezone().time(), LOS_ANGELES)
    home = SimulatedHome(before(now), packs=packs, lively=lively)
    history = simulate(home)
    stops = PROFILES[firmware].login.stopping_roles
    simulator = Simulator(firmware, password=None if stops else OWN_PASSWORD, serial=serial)
    port = free_port()
    process = ChildProcess(
        "The simulated gateway",
        [sys.executable, "-m", "simulator", *_options(simulator, firmware, port, speed, home)],
        log=folder / "simulator.log",
        folder=REPOSITORY,
    )
    await process.start()
    try:
        host = f"{simulator.host}:{port}"
        url = await _url(process, host)
        notify(f"The simulated gateway with firmware {firmware} is at {url}.")
        notify(f"To add it by hand: address {host}, serial number {simulator.serial}, password {simulator.password}")
        notify(f"""An outage: curl -sk {url}/simulator -d '{{"grid": "down"}}', and "up" ends it.""")
        yield Target(host, simulator.serial, url, simulator.password, history)
    finally:
        await process.stop()


def _options(simulator: Simulator, firmware: str, port: int, speed: float, home: SimulatedHome) -> list[str]:
    options = {
        "firmware": firmware,
        "serial": simulator.serial,
        "packs": len(home.battery.packs),
        "port": port,
        "password": simulator.password,
        "speed": speed,
        "charge": home.charge,
        "time": home.now.replace(tzinfo=None).isoformat(),  # without a zone: local time of the home
    }
    lively = ["--lively"] if home.appliances.lively else []
    return [*lively, *(f"--{name}={value}" for name, value in options.items())]


async def _url(process: ChildProcess, host: str) -> str:
    """Wait until the gateway responds, and return its URL."""
    for _ in range(ATTEMPTS):
        process.check()
        try:
            return await find_url(host)
        except GatewayError:
            await asyncio.sleep(0.1)
    raise ProcessError(f"The simulated gateway did not respond. Its last lines:\n{process.tail()}")
