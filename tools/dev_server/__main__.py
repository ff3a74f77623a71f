"""`scripts/develop`: a gateway, a real Home Assistant with the integration, and a table that compares their values."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from functools import partial
import os
from pathlib import Path
import shutil
import signal
import sys

from rich.console import Console

from tools.child_process import ProcessError
from tools.dev_server import dashboard, energy, history, integration
from tools.dev_server.gateway import Gateway, GatewayError
from tools.dev_server.integration import FlowError
from tools.dev_server.simulator import FIRMWARES, simulated_gateway
from tools.dev_server.target import Target, own_gateway
from tools.dev_server.watch import Watch
from tools.hass_process import PASSWORD, USER_NAME, ApiError, HomeAssistant, SignInError, WebSocketError, errors_about
from tools.hass_process.configuration import REPOSITORY

CHECK_LIMIT = 60
SIMULATED_PAUSE = 1.0
OWN_PAUSE = 2.0
"""Seconds between two polls of a gateway. A real one is slow, and the integration polls it, too."""
FRESH_FOLDERS = REPOSITORY / ".develop"
ERRORS = (ApiError, FlowError, GatewayError, ProcessError, SignInError, WebSocketError)


def main() -> int:
    """Run until Ctrl-C, or with --check until every figure agrees."""
    arguments = _arguments()
    console = Console()
    try:
        own = own_gateway(arguments.gateway, arguments.serial, arguments.password) if arguments.gateway else None
        return asyncio.run(_until_signal(arguments, own, console))
    except KeyboardInterrupt:
        return 1
    except ERRORS as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


async def _until_signal(arguments: argparse.Namespace, own: Target | None, console: Console) -> int:
    """Run, and end everything in order on Ctrl-C, on SIGTERM and when the terminal closes."""
    loop = asyncio.get_running_loop()
    run = asyncio.create_task(_run(arguments, own, console))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, run.cancel)
    try:
        return await run
    except asyncio.CancelledError:
        console.print("Stopped.")
        return 1 if arguments.check else 0


async def _run(arguments: argparse.Namespace, own: Target | None, console: Console) -> int:
    notify = partial(console.print, highlight=False, soft_wrap=True)
    # One folder per port: only one process can have the port.
    folder: Path = arguments.config or FRESH_FOLDERS / str(arguments.port)
    home = HomeAssistant(folder, arguments.port, time_zone=_local_time_zone(), notify=notify)
    home.check_port()
    fresh = _prepare(folder, keep=arguments.config is not None)
    async with AsyncExitStack() as stack:
        if (to := own) is None:
            simulated = simulated_gateway(arguments.firmware, arguments.speed, folder, notify)
            to = await stack.enter_async_context(simulated)
        await stack.enter_async_context(home)
        try:
            ids = await integration.ensure_entities(home.api, to.host, to.serial, to.password, notify)
        except ApiError, FlowError:
            _errors(home)
            raise
        if fresh:
            await dashboard.set_up(home.api, ids)
            await energy.set_up(home.api, ids)
            if to.history:
                await history.write(home.api, ids, to.history, folder / "home-assistant_v2.db")
        notify(f"Open {home.url}, user name {USER_NAME}, password {PASSWORD}")
        gateway = await stack.enter_async_context(Gateway(to.url, to.password))
        watch = Watch(home.api, gateway, ids, console, pause=OWN_PAUSE if own else SIMULATED_PAUSE)
        return await _first(home, watch, check=arguments.check)


async def _first(home: HomeAssistant, watch: Watch, *, check: bool) -> int:
    """Watch, and end early when Home Assistant does."""
    work = asyncio.create_task(watch.until_agreed(CHECK_LIMIT) if check else watch.forever())
    supervision = asyncio.create_task(home.supervise())
    try:
        done, _ = await asyncio.wait({work, supervision}, return_when=asyncio.FIRST_COMPLETED)
        return 0 if done.pop().result() and not _errors(home) else 1
    finally:
        for task in (work, supervision):
            task.cancel()
        await asyncio.gather(work, supervision, return_exceptions=True)


def _errors(home: HomeAssistant) -> bool:
    """Print the errors of the integration in Home Assistant's log."""
    errors = errors_about(home.log, integration.DOMAIN)
    if errors:
        print(f"Home Assistant logged {len(errors)} errors of the integration:", *errors, sep="\n")
    return bool(errors)


def _local_time_zone() -> str:
    """Return the name of this computer's time zone."""
    _, found, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return os.environ.get("TZ") or (name if found else "UTC")


def _prepare(folder: Path, *, keep: bool) -> bool:
    """Remove the old configuration unless it is kept. Return whether the configuration is new."""
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return not (folder / "configuration.yaml").exists()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/develop",
        description="Start a simulated gateway and a real Home Assistant with the integration, add the integration "
        "through its config flow, and compare Home Assistant's values with the gateway's. Ctrl-C stops both.",
    )
    parser.add_argument("--check", action="store_true", help="exit with success as soon as every value agrees")
    parser.add_argument("--port", type=int, default=8123, help="port of Home Assistant on 127.0.0.1 (default: 8123)")
    parser.add_argument(
        "--config", type=Path, metavar="DIR", help="keep Home Assistant's folder here (default: a fresh one each time)"
    )
    simulated = parser.add_argument_group("the simulated gateway")
    simulated.add_argument("--firmware", choices=FIRMWARES, default="21.44", help="its firmware (default: 21.44)")
    simulated.add_argument("--speed", type=float, default=1.0, help="how fast simulated time runs (default: 1)")
    own = parser.add_argument_group("your own gateway, in place of the simulated one; it is only read")
    own.add_argument("--gateway", metavar="HOST", help="its address")
    own.add_argument("--serial", help="its serial number, from the label")
    own.add_argument("--password", help="customer password (prompted for if omitted)")
    arguments = parser.parse_args()
    if bool(arguments.gateway) != bool(arguments.serial):
        parser.error("--gateway and --serial go together.")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
