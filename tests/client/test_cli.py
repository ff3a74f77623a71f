"""The command line: the client without Home Assistant, in a terminal."""

import asyncio
from collections.abc import Callable, Coroutine
import json
import os
from pathlib import Path
import signal
import sys

import pytest

from custom_components.powerwall_gateway.gateway.cli import main
from simulator import Simulator
from tests.conftest import StartSimulator

INTEGRATION = Path(__file__).parent.parent.parent / "custom_components" / "powerwall_gateway"

# An import of Home Assistant fails in the process under test, as it would where it is not installed.
ALONE = """
import signal
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"homeassistant", "probatio", "voluptuous", "custom_components"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())

from gateway.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
sys.exit(main(sys.argv[1:]))
"""


type Run = Callable[..., Coroutine[None, None, tuple[int | None, str, str]]]


@pytest.fixture
def run(socket_enabled: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command as the terminal does, in a thread next to the simulator."""

    async def run(*arguments: str, password: str = "") -> tuple[int | None, str, str]:
        monkeypatch.setenv("POWERWALL_PASSWORD", password)
        code = await asyncio.to_thread(main, arguments)
        out, err = capfd.readouterr()
        return code, out, "".join(line for line in err.splitlines(keepends=True) if not line.startswith("INFO"))

    return run


async def run_alone(*arguments: str, password: str = "") -> tuple[int | None, str, str]:
    """Run the command in a process with the package `gateway` by itself on the path, and no Home Assistant."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ALONE,
        *arguments,
        env={**os.environ, "PYTHONPATH": str(INTEGRATION), "POWERWALL_PASSWORD": password},
        cwd=INTEGRATION,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def host(simulator: Simulator) -> str:
    """Return the address as an owner enters it."""
    return f"{simulator.host}:{simulator.port}"


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_flows_prints_the_power(simulator: StartSimulator, firmware: str) -> None:
    gateway = await simulator(firmware)
    gateway.home.solar_power, gateway.home.home_power = 5200, 1100
    gateway.home.advance(60)
    code, out, err = await run_alone("flows", host(gateway), password=gateway.password)
    assert (code, err) == (0, "")
    rows = [line.split()[:4] for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["Grid", "Powerwall", "Home", "Solar", "Charge", "Grid"]
    assert rows[3] == ["Solar", "5,200", "W", "producing"]
    assert rows[1][3] == "charging"
    assert rows[5][1] == "connected"
    assert gateway.running
    assert gateway.tokens == {}  # the session is ended


async def test_status_prints_firmware_and_site(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("21.44")
    code, out, err = await run("status", host(gateway), password=gateway.password)
    assert (code, err) == (0, "")
    assert "21.44" in out
    assert "Home Energy Gateway" in out
    assert gateway.serial not in out
    assert gateway.serial[-4:] in out


async def test_wrong_password_prints_one_line(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("21.44")
    code, out, err = await run("flows", host(gateway), password="wrong")
    assert (code, out) == (1, "")
    assert err == "login/Basic: the gateway refused the login\n"


async def test_stopped_powerwall_prints_one_line(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("1.15.0")
    gateway.running = False
    code, out, err = await run("flows", host(gateway))
    assert (code, out) == (1, "")
    assert err == "The Powerwall is stopped: there are no live data.\n"


async def test_flows_does_not_log_in_if_that_stops(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("meters/aggregates", status=403)
    code, _, err = await run("flows", host(gateway), password="anything")
    assert code == 1
    assert "stops the Powerwall" in err
    assert gateway.logins == 0


async def test_invalid_address_prints_one_line(run: Run) -> None:
    code, _, err = await run("flows", "not a host")
    assert (code, err) == (1, "'not a host' is no host name or IP address\n")


async def test_flows_prompts_for_the_password(
    simulator: StartSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await simulator("21.44")
    monkeypatch.setattr("custom_components.powerwall_gateway.gateway.cli.getpass", lambda _: gateway.password)
    code, out, err = await run("flows", host(gateway))
    assert (code, err) == (0, "")
    assert "Powerwall" in out


async def test_flows_prints_a_dash_for_a_missing_value(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("1.15.0")
    gateway.overrides["meters/aggregates"] = {"site": {"instant_power": None}}
    gateway.overrides["system_status/soe"] = {"percentage": None}
    gateway.overrides["system_status/grid_status"] = {"grid_status": "SystemOnMars"}
    code, out, _ = await run("flows", host(gateway))
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[1:]] == ["-", "-", "-", "-", "-", "unknown"]


async def test_status_of_a_powerwall_3_is_partial(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("21.44")
    for path in ("status", "sitemaster"):
        gateway.faults.add(path, status=404)
    code, out, _ = await run("status", host(gateway), password=gateway.password)
    assert (code, out) == (0, f"{'Firmware':<20} not reported (a Powerwall 3)\n")


async def test_every_continues_after_lost_responses_until_ctrl_c(simulator: StartSimulator) -> None:
    gateway = await simulator("1.15.0")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", ALONE, "flows", host(gateway), "--every", "0.05"),
        env={**os.environ, "PYTHONPATH": str(INTEGRATION)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def asked(times: int) -> None:
        before = len(gateway.requests)
        async with asyncio.timeout(60):
            while len(gateway.requests) < before + times:
                await asyncio.sleep(0.01)

    await asked(4)
    gateway.faults.add("meters/aggregates", drop=True, times=2)
    gateway.faults.add("meters/aggregates", status=500, times=1)
    await asked(12)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 0
    assert out.count(b"Solar") >= 2
    assert err.count(b"meters/aggregates: ") >= 2
    assert b"Traceback" not in err


async def test_get_prints_any_path(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("21.44")
    code, out, err = await run("get", host(gateway), "/api/system_status/soe", password=gateway.password)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"percentage": gateway.home.charge}


@pytest.mark.parametrize(
    "path",
    [
        "sitemaster/stop",
        "sitemaster/run",
        "config/completed",
        "logout",
        "sitemaster//stop",
        "sitemaster/stop/",
        "new/one",
    ],
)
async def test_get_of_an_effect_requires_yes(simulator: StartSimulator, run: Run, path: str) -> None:
    gateway = await simulator("1.15.0")
    code, out, err = await run("get", host(gateway), path)
    assert (code, out) == (1, "")
    assert err == f"{path} may stop or change something. Add --yes to confirm.\n"
    assert path not in [request.path for request in gateway.requests]
    assert gateway.running


async def test_command_that_is_accepted_without_a_body_succeeds(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("1.15.0")
    gateway.running = False
    code, out, err = await run("get", host(gateway), "sitemaster/run", "--yes")
    assert (code, out, err) == (0, "The gateway accepted it.\n", "")


async def test_get_with_yes_is_sent_once(simulator: StartSimulator, run: Run) -> None:
    gateway = await simulator("1.15.0")
    gateway.faults.add("sitemaster/stop", drop=True, after=True)
    code, _, _ = await run("get", host(gateway), "sitemaster/stop", "--yes")
    assert code == 1
    assert [request.path for request in gateway.requests].count("sitemaster/stop") == 1
    assert not gateway.running
