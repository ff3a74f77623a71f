"""Serve a simulated gateway: `python -m simulator`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
import logging
from pathlib import Path
import signal
import sys
from typing import Any

from simulator.firmware import PROFILES
from simulator.home import LOS_ANGELES, SUMMER_NOON, SimulatedHome
from simulator.replay import NoRecordingError, Recording
from simulator.simulator import Simulator

HARDWARE = {
    "powerwall-plus": "the first Powerwall is a Powerwall+, with a solar inverter and its strings",
    "generator": "a standby generator, which starts in an outage",
    "busway": "a meter at the bar that all Powerwalls hang on",
    "ethernet": "a cable is plugged in, and preferred to the Wi-Fi",
    "lively": "the consumption moves by tens of watts at every poll",
}
EXAMPLES = """examples:
  python -m simulator --port 8443
  python -m simulator --firmware 1.15.0 --port 8080 --speed 60 --time 2026-06-21T06:00 --verbose
  python -m simulator --firmware 24.36 --password own --powerwall-plus --generator
  python -m simulator --replay diagnostics.json

orders, while it runs (the printed `curl` lines show where to; most may go together):
  {"grid": "down"} or "up"                  the utility's line
  {"off_grid": true} or false               leave the grid on purpose, and come back
  {"disable_pack": 2, "reason": "..."}      a Powerwall fails; "enable_pack" mends it
  {"remove_pack": 2}                        a Powerwall is taken away; "add_pack" puts it back, or a new one there
  {"solar_power": 3000} or null             hold a power (W); null leaves it to itself again. Also "home_power",
                                            and with a generator "generator_power"
  {"charge": 30}, {"time": "2026-06-21T06:00"}, {"speed": 60}, {"latency": 0.2}
  {"running": false} or true                stop and start the Powerwall
  {"problem": "..."}                        one more of `troubleshooting/problems`; {"clear_problems": true}
  {"alert": "BatteryBreakerOpen"}           one more alert, with a key or of a Powerwall+; {"clear_alerts": true}
  {"lose_meter": "solar"}                   contact with a meter is lost; {"find_meters": true} brings all back
  {"in_sync": false} or true                `has_sync` up to 1.50
  {"ethernet": true}, {"wifi_signal": 20}, {"cellular_signal": 70}, {"connected_to_tesla": false}
  {"new_firmware": true}                    there is some for `system/update` to find
  {"switch": true}                          a Powerwall is turned off and on
  {"register_key": "MIIC..."}               a key for signed requests is registered; the switch confirms it
  {"follows_config": false} or true         the battery follows what is signed, or it is only stored
  {"lose_sessions": true}                   every login is forgotten
  {"fault": {"path": "status", "status": 503, "times": 3}}, {"clear_faults": true}
"""


def _arguments() -> Namespace:
    parser = ArgumentParser(
        prog="python -m simulator",
        description="A simulated Powerwall gateway on 127.0.0.1.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    seconds = _number(float, 0, 3600)
    options: dict[str, dict[str, Any]] = {
        "--firmware": {"choices": sorted(PROFILES), "default": "21.44", "help": "default: 21.44"},
        "--port": {"type": _number(int, 0, 65535), "default": 0, "help": "default: any free one"},
        "--serial": {"help": "the gateway's serial"},
        "--password": {"help": "default: that of a new gateway"},
        "--packs": {"type": _number(int, 1, 10), "default": 2, "help": "number of Powerwalls (default: 2)"},
        "--charge": {"type": _number(float, 0, 100), "default": 62.0, "help": "raw percent (default: 62)"},
        "--time": {
            "type": _time,
            "default": SUMMER_NOON,
            "help": "time of the simulated home: 2026-06-21T13:00 (the default) or now",
        },
        "--seed": {"type": int, "default": 1, "help": "seed of weather and appliances"},
        "--speed": {
            "type": _number(float, 0, 100_000),
            "default": 1.0,
            "help": "how fast simulated time runs (default: 1)",
        },
        "--latency": {"type": seconds, "default": 0.0, "help": "seconds per response (default: 0)"},
        "--start-delay": {"type": seconds, "default": 1.5, "help": "seconds sitemaster/run takes (default: 1.5)"},
    }
    for name, option in options.items():
        parser.add_argument(name, metavar=None if "choices" in option else name.rpartition("-")[2].upper(), **option)
    for name, help_text in HARDWARE.items():
        parser.add_argument(f"--{name}", action="store_true", help=help_text)
    parser.add_argument(
        "--replay",
        type=_recording,
        metavar="FILE",
        help="a gateway's diagnostics from Home Assistant: replay its responses",
    )
    parser.add_argument("--verbose", action="store_true", help="print every request")
    return parser.parse_args()


def _number[Number: (int, float)](kind: type[Number], least: Number, most: Number) -> Callable[[str], Number]:
    """Accept a number within limits."""

    def number(text: str) -> Number:
        with suppress(ValueError):
            value = kind(text)
            if least <= value <= most:
                return value
        raise ArgumentTypeError(f"{text} is not a number from {least} to {most}")

    return number


def _recording(text: str) -> Recording:
    try:
        return Recording.read(Path(text).read_text())
    except (OSError, NoRecordingError) as mistake:
        raise ArgumentTypeError(f"{text} cannot be replayed. {mistake}") from None


def _time(text: str) -> datetime:
    if text == "now":
        return datetime.now(LOS_ANGELES)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is not a time such as 2026-06-21T13:00") from None
    return moment.astimezone(LOS_ANGELES) if moment.tzinfo else moment.replace(tzinfo=LOS_ANGELES)


def _header(simulator: Simulator) -> str:
    insecure = "-k " if simulator.profile.tls else ""
    curl = f"curl -s {insecure}{simulator.url}/simulator"
    plain = f"\n  sends to https    http://{simulator.host}:{simulator.http_port}" if simulator.http_port else ""
    fingerprint = simulator.fingerprint.hex(":").upper() if simulator.fingerprint else "none, plain HTTP"
    return f"""Simulated Powerwall gateway, firmware {simulator.profile.firmware}
  url               {simulator.url}{plain}
  serial            {simulator.serial}
  password          {simulator.password}
  fingerprint       {fingerprint}

  look              {curl}
  outage            {curl} -d '{{"grid": "down"}}'
  and back          {curl} -d '{{"grid": "up"}}'
  a pack fails      {curl} -d '{{"disable_pack": 1}}'
  and works again   {curl} -d '{{"enable_pack": 1}}'
  flip the switch   {curl} -d '{{"switch": true}}'
  stop              {curl} -d '{{"running": false}}'
  an hour a minute  {curl} -d '{{"speed": 60}}'
  fault             {curl} -d '{{"fault": {{"path": "meters/aggregates", "status": 503, "times": 3}}}}'

Ctrl-C stops it.
"""


async def _serve(arguments: Namespace) -> int:
    home = SimulatedHome(
        arguments.time,
        packs=arguments.packs,
        charge=arguments.charge,
        seed=arguments.seed,
        powerwall_plus=arguments.powerwall_plus,
        generator=arguments.generator,
        lively=arguments.lively,
    )
    recording: Recording | None = arguments.replay
    try:
        simulator = Simulator(
            recording.firmware if recording else arguments.firmware,
            home=home,
            serial=recording.serial if recording else arguments.serial,
            password=arguments.password,
            speed=arguments.speed,
            latency=arguments.latency,
            busway=arguments.busway,
            ethernet=arguments.ethernet,
        )
    except ValueError as mistake:
        print(mistake, file=sys.stderr)
        return 2
    simulator.gateway.start_delay = arguments.start_delay
    if recording:
        recording.play(simulator)
    try:
        await simulator.start(arguments.port)
    except OSError as error:
        print(
            f"Port {arguments.port} cannot be opened ({error.strerror}). Choose another with --port.", file=sys.stderr
        )
        return 1
    print(_header(simulator), flush=True)
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    await end.wait()
    await simulator.stop()
    count = len(simulator.requests)
    print(f"Stopped after {count} request{'' if count == 1 else 's'}.")
    return 0


def main() -> int:
    """Run until Ctrl-C."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(asctime)s %(message)s")
    with suppress(KeyboardInterrupt):
        return asyncio.run(_serve(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
