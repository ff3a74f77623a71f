"""The command `python -m simulator`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import json
from pathlib import Path
import re
import shlex
import signal
import sys
from typing import Any

import pytest

from simulator.control_requests import names

PATIENCE = 30.0


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Callable[[str], str]]]:
    """Start the command and read its output before the first request."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            header = (await process.stdout.readuntil(b"Ctrl-C stops it.")).decode()

        def header_value(name: str) -> str:
            match = re.search(rf"^  {name} +(.+)$", header, re.MULTILINE)
            assert match is not None, header
            return match[1]

        yield process, header_value
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(line: str) -> str:
    """Run a printed command line."""
    process = await asyncio.create_subprocess_exec(*shlex.split(line), stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    assert process.returncode == 0, line
    return output.decode()


@pytest.mark.parametrize("firmware", ["1.15.0", "1.50.1", "21.44"])
async def test_printed_examples_work(socket_enabled: None, firmware: str) -> None:
    async with command("--firmware", firmware, "--speed", "0", "--verbose") as (process, header_value):
        assert header_value("url").startswith("http://127.0.0.1:" if firmware == "1.15.0" else "https://127.0.0.1:")
        assert header_value("password") in {f"S{header_value('serial')}", header_value("serial")[-5:]}
        assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}|none, plain HTTP", header_value("fingerprint"))
        if firmware == "1.50.1":
            assert "Moved Permanently" in await run(f"curl -s {header_value('sends to https')}/api/status")
        assert '"grid": "up"' in await run(header_value("look"))
        assert '"switch": true' in await run(header_value("flip the switch"))
        assert '"grid": "down"' in await run(header_value("outage"))
        assert '"grid": "up"' in await run(header_value("and back"))
        assert '"DisabledExcessiveVoltageDrop"' in await run(header_value("a pack fails"))
        assert '"DisabledExcessiveVoltageDrop"' not in await run(header_value("and works again"))
        assert '"running": false' in await run(header_value("stop"))
        assert '"speed": 60' in await run(header_value("an hour a minute"))
        assert '"status": 503' in await run(header_value("fault"))
        await run(f"curl -sk {header_value('url')}/api/status")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate()
    assert process.returncode == 0
    assert output.decode().strip() == "Stopped after 1 request."
    assert re.fullmatch(r"[-0-9]+ [:,0-9]+ GET /api/status -> 200\n", errors.decode())


async def test_options_select_the_hardware(socket_enabled: None) -> None:
    hardware = ("--powerwall-plus", "--generator", "--busway", "--ethernet")
    async with command("--firmware", "24.36", "--password", "own", "--speed", "0", *hardware) as (_, header_value):
        form = json.dumps({"username": "customer", "password": header_value("password")})
        login = json.loads(await run(f"curl -sk {header_value('url')}/api/login/Basic -d '{form}'"))

        async def read(path: str) -> Any:
            token = f"Authorization: Bearer {login['token']}"
            return json.loads(await run(f"curl -sk -H '{token}' {header_value('url')}/api/{path}"))

        assert len((await read("solar_powerwall"))["pvac_status"]["string_vitals"]) == 4
        assert {"generator", "busway"} <= (await read("meters/aggregates")).keys()
        assert [network["primary"] for network in await read("networks")] == [True, False, False]


async def test_diagnostics_are_replayed(socket_enabled: None, tmp_path: Path) -> None:
    status = {"din": "1118431-00-F--T17A0000001", "version": "1.20.0"}
    responses = {"status": {"payload": status}, "system_status/soe": {"error": "stopped", "status": 502}}
    file = tmp_path / "diagnostics.json"
    file.write_text(json.dumps({"data": {"entry": {"data": {"serial": "T17A0000001"}}, "payloads": responses}}))
    async with command("--replay", str(file)) as (_, header_value):
        assert header_value("serial") == "T17A0000001"
        assert json.loads(await run(f"curl -s {header_value('url')}/api/status")) == status
        soe = await run(f"curl -s -o {tmp_path}/soe -w '%{{http_code}}' {header_value('url')}/api/system_status/soe")
        assert soe == "502"


async def test_help_lists_every_order(socket_enabled: None) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--help", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        words, _ = await process.communicate()
    assert [name for name in names() if f'"{name}"' not in words.decode()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "70000 is not a number from 0 to 65535"),
        (["--time", "noon"], "noon is not a time such as 2026-06-21T13:00"),
        (["--speed", "-1"], "-1 is not a number from 0"),
        (["--firmware", "9.9"], "choose from"),
        (["--replay", "README.md"], "README.md cannot be replayed."),
        (["--firmware", "1.15.0", "--powerwall-plus"], "Firmware 1.15.0 knows no Powerwall+."),
    ],
)
async def test_invalid_options_are_explained(arguments: list[str], words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *arguments, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert words in errors.decode()
