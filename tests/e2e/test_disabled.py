"""An entry that is disabled while the Powerwall may be stopped: the Powerwall is started all the same."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
import json
from pathlib import Path
from typing import Final

import aiohttp

from simulator import Simulator
from simulator.gateway.call import Call
from tests.conftest import StartSimulator
from tests.helpers import until
from tools.child_process import free_port
from tools.crash_test.crash_points import Plan
from tools.dev_server.integration import DOMAIN, add
from tools.hass_process import HomeAssistant, WebSocketError
from tools.hass_process.configuration import REPOSITORY

NEVER: Final = 3600.0
"""Seconds on the grid before a login, where there is to be none."""

SOON: Final = 5.0
"""The same, where there is to be one: longer than an entry needs for its setup."""


def process(folder: Path, port: int, seconds_on_grid: float) -> HomeAssistant:
    """Return a Home Assistant in which the supervisor's minutes are seconds."""
    plan = Plan(trace=str(folder.with_suffix(".trace")), seconds_on_grid=seconds_on_grid)
    return HomeAssistant(
        folder,
        port,
        program=("-m", "tools.crash_test.child", json.dumps(asdict(plan))),
        path=(folder, REPOSITORY),
        notify=lambda _: None,
    )


def disabled_by(folder: Path, entry_id: str) -> str | None:
    """Return what disabled an entry, as it is on disk."""
    content = json.loads((folder / ".storage" / "core.config_entries").read_text(encoding="utf-8"))
    (found,) = [entry["disabled_by"] for entry in content["data"]["entries"] if entry["entry_id"] == entry_id]
    return found if found is None else str(found)


def repairs(folder: Path) -> str:
    """Return the repairs that are on disk."""
    path = folder / ".storage" / "repairs.issue_registry"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def journal_is_open(folder: Path, entry_id: str) -> bool:
    """Return whether an entry has an open journal on disk."""
    journal = folder / ".storage" / f"{DOMAIN}.journal.{entry_id}"
    return journal.exists() and json.loads(journal.read_bytes())["under_way"] is not None


def issue_of(entry_id: str) -> str:
    """Return the id of the issue that an entry is disabled later."""
    return f"disabled_later_{entry_id}"


async def issues(home: HomeAssistant) -> list[str]:
    """Return the ids of the integration's issues."""
    found = (await home.api.command("repairs/list_issues"))["issues"]
    return [issue["issue_id"] for issue in found if issue["domain"] == DOMAIN]


async def disable(home: HomeAssistant, entry_id: str) -> None:
    """Disable an entry like the owner. Home Assistant may be killed before its response."""
    with suppress(aiohttp.ClientError, WebSocketError, OSError, TypeError):
        await home.api.command("config_entries/disable", entry_id=entry_id, disabled_by="user")


def silence_after_login(gateway: Simulator) -> None:
    """Let the gateway respond no more as soon as a login has stopped its Powerwall."""

    def observe(step: str, call: Call) -> None:
        if (step, call.path) == ("acted", "login/Basic"):
            gateway.server.observer = lambda *_: None
            gateway.faults.add("*", drop=True)

    gateway.server.observer = observe


async def leave_stopped(gateways: list[Simulator], folder: Path, port: int) -> list[str]:
    """Add entries, disable them while their Powerwalls are stopped and silent, and kill Home Assistant.

    Return the ids of the entries.
    """
    for gateway in gateways:
        silence_after_login(gateway)
    home = process(folder, port, SOON)
    with suppress(aiohttp.ClientError, OSError):
        async with home:
            entries = [
                await add(home.api, f"{gateway.host}:{gateway.port}", gateway.serial, gateway.password)
                for gateway in gateways
            ]
            await until(lambda: all(gateway.faults.active for gateway in gateways), seconds=60)
            await until(lambda: all(journal_is_open(folder, entry_id) for entry_id in entries), seconds=60)
            disabling = asyncio.gather(*(disable(home, entry_id) for entry_id in entries))
            # Home Assistant stores its entries after a second, and its repairs after ten.
            await until(lambda: all(issue_of(entry_id) in repairs(folder) for entry_id in entries), seconds=60)
            home.kill()
            await home.wait()
            await disabling
    for gateway, entry_id in zip(gateways, entries, strict=True):
        assert not gateway.gateway.home.running
        assert journal_is_open(folder, entry_id)
        assert disabled_by(folder, entry_id) is None
    return entries


async def test_powerwalls_of_disabled_entries_start_after_a_crash_or_are_confirmed(
    simulator: StartSimulator, tmp_path: Path
) -> None:
    """One gateway responds again. Of the other one, the owner confirms that its Powerwall runs."""
    back, silent = [await simulator("1.15.0", speed=1.0, serial=f"TG12345670{number}000") for number in range(2)]
    folder, port = tmp_path / "home", free_port()
    of_back, of_silent = await leave_stopped([back, silent], folder, port)
    back.faults.clear()
    async with process(folder, port, NEVER) as home:
        await until(lambda: back.running and not journal_is_open(folder, of_back), seconds=60)
        await until(lambda: disabled_by(folder, of_back) == "user", seconds=60)
        assert await issues(home) == [issue_of(of_silent)]
        assert journal_is_open(folder, of_silent)
        path = "/api/repairs/issues/fix"
        flow = await home.api.request("POST", path, {"handler": DOMAIN, "issue_id": issue_of(of_silent)})
        assert flow["menu_options"] == ["disable", "keep"]
        step = await home.api.request("POST", f"{path}/{flow['flow_id']}", {"next_step_id": "disable"})
        assert step["type"] == "create_entry"
        await until(lambda: disabled_by(folder, of_silent) == "user", seconds=60)
        assert not journal_is_open(folder, of_silent)
        assert await issues(home) == []
    assert [back.logins, silent.logins] == [1, 1]
