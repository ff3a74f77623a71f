"""The simulated gateway in a process of its own, so that nothing on this side ever slows it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from pathlib import Path
import sys

from simulator import PROFILES, SimulatedHome, Simulator
from simulator.home import LOS_ANGELES, SUMMER_NOON
from tools.child_process import ChildProcess, ProcessError, free_port
from tools.dev_server.gateway import GatewayError, find_url
from tools.dev_server.past import before, live_through
from tools.dev_server.target import Target
from tools.hass_process.configuration import REPOSITORY

ATTEMPTS = 100

FIRMWARES = [firmware for firmware, profile in PROFILES.items() if "sitemaster" in profile.endpoints]
"""Those that have all figures of the table; a Powerwall 3 does not tell whether it runs."""

OWN_PASSWORD = "sunshine"
"""An owner's, as Home Assistant's repairs ask for; where a login stops the Powerwall, the serial number makes it."""


@asynccontextmanager
async def simulated_gateway(
    firmware: str, speed: float, folder: Path, tell: Callable[[str], None], zone: tzinfo | None = None
) -> AsyncIterator[Target]:
    """Start a simulated gateway whose home has lived for a while, and end it afterwards.

    It is summer there, and the home's clock shows the time of day in the zone, or where this computer is.
    """
    home = SimulatedHome(before(datetime.combine(SUMMER_NOON, datetime.now().astimezone(zone).time(), LOS_ANGELES)))
    past = live_through(home)
    stops = PROFILES[firmware].login.stopping_roles
    simulator = Simulator(firmware, password=None if stops else OWN_PASSWORD)
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
        tell(f"The simulated gateway with firmware {firmware} is at {url}.")
        tell(f"To add it by hand: address {host}, serial number {simulator.serial}, password {simulator.password}")
        tell(f"""An outage: curl -sk {url}/simulator -d '{{"grid": "down"}}', and "up" ends it.""")
        yield Target(host, simulator.serial, url, simulator.password, past)
    finally:
        await process.stop()


def _options(simulator: Simulator, firmware: str, port: int, speed: float, home: SimulatedHome) -> list[str]:
    options = {
        "firmware": firmware,
        "port": port,
        "password": simulator.password,
        "speed": speed,
        "charge": home.charge,
        "time": home.now.replace(tzinfo=None).isoformat(),  # without a zone it is the home's own
    }
    return [f"--{name}={value}" for name, value in options.items()]


async def _url(process: ChildProcess, host: str) -> str:
    """Wait until the gateway answers and give its address."""
    for _ in range(ATTEMPTS):
        process.check()
        try:
            return await find_url(host)
        except GatewayError:
            await asyncio.sleep(0.1)
    raise ProcessError(f"The simulated gateway did not answer. Its last lines:\n{process.tail()}")
