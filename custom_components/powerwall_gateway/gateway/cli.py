"""Read a gateway from the terminal: `powerwall-gateway flows HOST`."""

import argparse
import asyncio
from collections.abc import Sequence
from getpass import getpass
import json
import os
import sys

from aiohttp import ClientSession

from .auth import Credentials
from .client import PowerwallGateway
from .endpoints import ENDPOINTS
from .exceptions import (
    GatewayAuthenticationRequiredError,
    GatewayCertificateError,
    GatewayError,
    GatewayNotFoundError,
    GatewayStoppedError,
)
from .identification import probe
from .models import GridState, Meter, app_from_raw
from .text_redaction import strip_control_characters
from .transport import Address, open_session

_ENVIRONMENT = "POWERWALL_PASSWORD"

_FLOWS: tuple[tuple[str, str, str, str], ...] = (
    # meter, its name in the app, meaning of a positive and of a negative power
    ("site", "Grid", "importing", "exporting"),
    ("battery", "Powerwall", "discharging", "charging"),
    ("load", "Home", "consuming", "feeding"),
    ("solar", "Solar", "producing", "drawing"),
)


async def _flows(gateway: PowerwallGateway) -> list[str]:
    """Return powers, energies, charge and grid state as lines of a table."""
    meters = await gateway.meters_aggregates()
    lines = [f"{'':<10} {'power':>9}   {'':<12} {'in':>13} {'out':>13}"]
    for name, title, positive, negative in _FLOWS:
        meter: Meter = getattr(meters, name) or Meter()
        power = meter.instant_power
        doing = "" if power is None or abs(power) < 1 else positive if power > 0 else negative
        lines.append(
            f"{title:<10} {_figure(power, 'W', 0)}   {doing:<12}"
            f" {_figure(meter.energy_imported, 'kWh', 1, 1000)} {_figure(meter.energy_exported, 'kWh', 1, 1000)}"
        )
    raw = (await gateway.soe()).percentage
    state = (await gateway.grid_status()).grid_status
    lines.append(f"{'Charge':<10} {_figure(None if raw is None else app_from_raw(raw), '%', 1)}")
    lines.append(f"{'Grid':<10} {_readable(state):>9}")
    return lines


async def _status(gateway: PowerwallGateway) -> list[str]:
    """Return firmware, identity and Powerwalls as lines."""
    lines = []
    try:
        status = await gateway.status()
        lines.append(f"{'Firmware':<20} {status.firmware or '-'}")
        lines.append(f"{'Up for':<20} {str(status.up_time).split('.', 1)[0] if status.up_time else '-'}")
        if status.din:
            lines.append(f"{'DIN':<20} {_masked(status.din)}")
    except GatewayNotFoundError:
        lines.append(f"{'Firmware':<20} not reported (a Powerwall 3)")
    try:
        sitemaster = await gateway.sitemaster()
        lines.append(f"{'Running':<20} {_yes(sitemaster.running)}")
        lines.append(f"{'Connected to Tesla':<20} {_yes(sitemaster.connected_to_tesla)}")
        site = await gateway.site_info()
        lines.append(f"{'Site':<20} {site.site_name or '-'}")
        packs = (await gateway.powerwalls()).powerwalls or ()
        lines.extend(f"{'Powerwall':<20} {pack.part_number or '-'}  {_masked(pack.serial_number)}" for pack in packs)
    except GatewayNotFoundError:
        pass
    return lines


async def _get(gateway: PowerwallGateway, path: str, *, yes: bool) -> list[str]:
    """Return the response of a path as lines of JSON."""
    path = path.removeprefix("/").removeprefix("api/")
    reads = [endpoint for endpoint in ENDPOINTS.values() if endpoint.method == "GET" and endpoint.idempotent]
    if not yes and not any(endpoint.takes(path) for endpoint in reads):
        raise ValueError(f"{path} may stop or change something. Add --yes to confirm.")
    response = await gateway.get(path, once=yes)
    if response is None and yes:
        return ["The gateway accepted it."]
    return json.dumps(response, indent=2, ensure_ascii=False).splitlines()


def _figure(value: float | None, unit: str, digits: int, divisor: float = 1) -> str:
    width = 9 if divisor == 1 else 13
    return f"{'-' if value is None else f'{value / divisor:,.{digits}f} {unit}':>{width}}"


def _readable(state: GridState | None) -> str:
    return state.name.lower().replace("_", " ") if state else "unknown"


def _masked(serial: str | None) -> str:
    """Return the last four characters of a serial: terminals are pasted into forums."""
    head, dashes, number = (serial or "-").rpartition("--")
    return f"{head}{dashes}{'*' * (len(number) - 4)}{number[-4:]}"


def _yes(value: object) -> str:
    return "-" if value is None else "yes" if value else "no"


async def _gateway(session: ClientSession, host: str) -> PowerwallGateway:
    """Detect the gateway, and get the password if it requires one and a login stops nothing."""
    found = await probe(session, Address.parse(host))
    if not found.needs_login:
        return PowerwallGateway(found.connection)
    if found.login_stops_powerwall:
        raise GatewayAuthenticationRequiredError(
            "this firmware shows nothing without a login, and a login stops the Powerwall there"
        )
    password = os.environ.get(_ENVIRONMENT) or str(await asyncio.to_thread(getpass, "Customer password: "))
    return PowerwallGateway(found.connection, Credentials(password=password))


async def _lines(gateway: PowerwallGateway, arguments: argparse.Namespace) -> list[str]:
    if arguments.command == "get":
        return await _get(gateway, arguments.path, yes=arguments.yes)
    return await (_flows if arguments.command == "flows" else _status)(gateway)


async def _run(arguments: argparse.Namespace) -> int:
    async with open_session() as session:
        try:
            gateway = await _gateway(session, arguments.host)
            if gateway.has_credentials:
                await gateway.login()
            try:
                while True:
                    try:
                        lines = await _lines(gateway, arguments)
                        print("\n".join(map(strip_control_characters, lines)), flush=True)
                    except GatewayCertificateError:
                        raise
                    except GatewayError as err:
                        if arguments.every is None:
                            raise
                        print(_said(err), file=sys.stderr, flush=True)
                    if arguments.every is None:
                        return 0
                    await asyncio.sleep(arguments.every)
                    print()
            finally:
                if gateway.has_credentials:
                    await gateway.logout()
        except (GatewayError, ValueError) as err:
            print(_said(err), file=sys.stderr)
    return 1


def _said(err: Exception) -> str:
    return "The Powerwall is stopped: there are no live data." if isinstance(err, GatewayStoppedError) else str(err)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Look at a Tesla Powerwall gateway on the home network. Nothing is changed or stopped unasked.",
        epilog=f"If the gateway requires a login, the password comes from {_ENVIRONMENT} or a prompt.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("flows", "where the power flows now"),
        ("status", "firmware, identity, packs"),
        ("get", "the response of a path, as it is"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("host", help="IP address or host name, with a port if it needs one")
        if name == "get":
            command.add_argument("path", help="below /api/, for example system_status")
            command.add_argument("--yes", action="store_true", help="also what may stop or change something")
        command.add_argument("--every", type=float, metavar="SECONDS", help="again and again, until Ctrl-C")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 with the error on standard error."""
    try:
        return asyncio.run(_run(_parser().parse_args(arguments)))
    except KeyboardInterrupt:
        return 0
